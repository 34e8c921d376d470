package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"mixmas/nn/mixer"
)

// listing is a configuration with candidates for one modality.
func listing(stage string) string {
	return "data: {format: builtin}\nsearch:\n  networks: {candidates: [mlp_mixer]}\n  encoders:\n    image: " + stage + "\n"
}

func labelsOf(list []Candidate) (labels []string) {
	for _, c := range list {
		labels = append(labels, c.Label)
	}
	return labels
}

// Options that list values make a candidate of each combination, whose label tells what differs. What is saved is read back as
// the same candidates.
func TestListsOfValues(t *testing.T) {
	for stage, want := range map[string]string{
		"{candidates: [{name: mlp_mixer, depth: [2, 4], width: [64, 128]}]}": "mlp_mixer depth=2 width=64|mlp_mixer depth=2 width=128|" +
			"mlp_mixer depth=4 width=64|mlp_mixer depth=4 width=128",
		"{candidates: [{name: mlp_mixer, label: deep, depth: [2, 4]}, mlp_mixer]}":                                          "deep depth=2|deep depth=4|mlp_mixer",
		"{candidates: [{name: mlp_mixer, depth: [2]}]}":                                                                     "mlp_mixer",
		"{defaults: {depth: [1, 2]}, candidates: [mlp_mixer, {name: hyper_mixer, depth: 3}]}":                               "mlp_mixer depth=1|mlp_mixer depth=2|hyper_mixer",
		"{defaults: {depth: 1}, candidates: [{name: mlp_mixer, dropout: [0, 0.25]}]}":                                       "mlp_mixer dropout=0|mlp_mixer dropout=0.25",
		"{candidates: [{name: hyper_mixer, tied: [true, false]}]}":                                                          "hyper_mixer tied=true|hyper_mixer tied=false",
		"{candidates: [{name: ramlp, depths: [1, 1], dims: [8, 16], mlp_ratio: [2, 2], expansion: [2, 2], group: [1, 1]}]}": "ramlp",
	} {
		c := parse(t, listing(stage))
		list := c.Search.Encoders["image"]
		if got := strings.Join(labelsOf(list), "|"); got != want {
			t.Errorf("%s: got %s, want %s", stage, got, want)
		}
		var saved bytes.Buffer
		if err := c.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, parse(t, saved.String()), cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("%s: saved and read: %s", stage, diff)
		}
	}
	list := parse(t, listing("{candidates: [{name: mlp_mixer, depth: [2, 4], dropout: [0, 0.25]}]}")).Search.Encoders["image"]
	last := list[3].WithDropout(0.5).(*mixer.MLPMixerOptions)
	if last.Depth != 4 || last.Dropout != 0.25 || list[0].Options.(*mixer.MLPMixerOptions).Depth != 2 {
		t.Errorf("got %+v", last)
	}
}

func TestListsOfValuesErrors(t *testing.T) {
	const at = "c.yaml:5: search.encoders.image.candidates[0]"
	hundred := strings.TrimSuffix(repeated(100, func(i int) string { return fmt.Sprintf("%d, ", i+1) }), ", ")
	for stage, want := range map[string]string{
		"{candidates: [{name: mlp_mixer, depth: []}]}":            at + ".depth: is empty: list at least one value",
		"{candidates: [{name: mlp_mixer, depth: [2, 2]}]}":        at + ".depth[1]: 2 is listed twice",
		"{candidates: [{name: mlp_mixer, dropout: [0.5, 5e-1]}]}": at + ".dropout[1]: 0.5 is listed twice",
		"{candidates: [{name: mlp_mixer, depth: [2, 0]}]}":        at + ".depth[1]: want at least 1, got 0",
		"{candidates: [{name: mlp_mixer, depth: [2, [4]]}]}":      at + ".depth[1]: want a whole number, got a list",
		"{candidates: [{name: mlp_mixer, depth: [2, null]}]}":     at + ".depth[1]: has no value",
		"{candidates: [{name: [mlp_mixer, hyper_mixer]}]}":        at + ": want a word, got a list",
		"{candidates: [{name: mlp_mixer, label: [a, b]}]}":        at + ".label: want a word, got a list",
		"{defaults: {depth: [2, 0]}, candidates: [mlp_mixer]}":    "c.yaml:5: search.encoders.image.defaults.depth[1]: want at least 1, got 0",
		"{candidates: [{name: ramlp, depths: [[1], 2]}]}":         at + ".depths[0]: want a whole number, got a list",
		"{candidates: [{name: mlp_mixer, depth: [1, 2]}, {name: mlp_mixer, depth: [2, 3]}]}": "c.yaml:5: search.encoders.image.candidates[1]: " +
			`"mlp_mixer depth=2" is already in the list: give one of the two another label`,
		"{candidates: [{name: mlp_mixer, width: [" + hundred + "], depth: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}]}": at +
			": with it, lists of values make more than 1000 candidates: list fewer values",
	} {
		_, err := Parse("c.yaml", []byte(listing(stage)))
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", stage, err, want)
		}
	}
}

// The limit is one of the whole configuration: aliases make no way around it.
func TestListsOfValuesAreBounded(t *testing.T) {
	text := "data: {format: builtin}\nsearch:\n  networks: {candidates: [mlp_mixer]}\n  encoders:\n" +
		"    m0: &all {candidates: [{name: mlp_mixer, depth: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], width: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}]}\n"
	for i := range 9 {
		text += fmt.Sprintf("    m%d: *all\n", i+1)
	}
	if c := parse(t, text); c.Listed() != 1000 {
		t.Errorf("lists make %d candidates", c.Listed())
	}
	_, err := Parse("c.yaml", []byte(text+"    m10: *all\n"))
	if err == nil || !strings.Contains(err.Error(), "more than 1000 candidates") {
		t.Errorf("got error %v", err)
	}
}

// The candidates of lists are those that a file would name one by one: the same options, so the same keys.
func TestListsAreWhatTheyStandFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := func(name string) []int {
			return rapid.SliceOfNDistinct(rapid.IntRange(1, 99), 1, 4, rapid.ID[int]).Draw(t, name)
		}
		depths, widths := values("depths"), values("widths")
		text := func(list []int) string { return strings.ReplaceAll(fmt.Sprint(list), " ", ", ") }
		lists := fmt.Sprintf("{candidates: [{name: mlp_mixer, depth: %s, width: %s}]}", text(depths), text(widths))
		var single []string
		for _, d := range depths {
			for _, w := range widths {
				single = append(single, fmt.Sprintf("{name: mlp_mixer, label: l%d, depth: %d, width: %d}", len(single), d, w))
			}
		}
		read := func(stage string) Candidates {
			c, err := Parse("c.yaml", []byte(listing(stage)))
			if err != nil {
				t.Fatal(err)
			}
			return c.Search.Encoders["image"]
		}
		got, want := read(lists), read("{candidates: ["+strings.Join(single, ", ")+"]}")
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Candidate{}, "Label")); diff != "" {
			t.Error(diff)
		}
	})
}
