package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
	_ "mixmas/search/dataset/formats"
	"mixmas/search/strategy"
	"mixmas/search/task"

	"pgregory.net/rapid"
)

// Whatever encoders win, the tokens that they are fused to are found, with an example of encoders.
func TestReachable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var encoders [][]encoder
		for range rapid.IntRange(1, 4).Draw(t, "modalities") {
			var list []encoder
			for i := range rapid.IntRange(1, 3).Draw(t, "candidates") {
				list = append(list, encoder{strategy.Candidate{Label: fmt.Sprint(i)}, rapid.IntRange(1, 5).Draw(t, "tokens"), rapid.IntRange(1, 5).Draw(t, "width")})
			}
			encoders = append(encoders, list)
		}
		for _, function := range mixer.FusionNames() {
			choice := mixer.FusionChoice{Function: function}
			output := func(width int, counts []int) int {
				tokens, _, err := choice.Output(width, counts...)
				if err != nil {
					t.Fatal(err)
				}
				return tokens
			}
			want := map[[2]int]bool{}
			var all func(counts []int, width int)
			all = func(counts []int, width int) {
				if len(counts) == len(encoders) {
					want[[2]int{output(width, counts), width}] = true
					return
				}
				for _, e := range encoders[len(counts)] {
					all(append(slices.Clone(counts), e.tokens), max(width, e.width))
				}
			}
			all(nil, 0)
			got := map[[2]int]bool{}
			ends, err := reachable(choice, encoders)
			if err != nil {
				t.Fatal(err)
			}
			for _, end := range ends {
				if key := [2]int{end.tokens, end.width}; !got[key] {
					got[key] = true
				} else {
					t.Errorf("%s: %v is listed twice", function, key)
				}
				var counts []int
				width := 0
				for m, label := range end.labels() {
					e := encoders[m][label[0]-'0']
					counts, width = append(counts, e.tokens), max(width, e.width)
				}
				if output(width, counts) != end.tokens || width != end.width {
					t.Errorf("%s: %s make %d tokens of width %d, not %d of %d", function, strings.Join(end.labels(), ", "),
						output(width, counts), width, end.tokens, end.width)
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", function, got, want)
			}
		}
	})
}

// Where there are too many, the fewest and the most tokens are kept.
func TestThin(t *testing.T) {
	var list []*fused
	for i := range 1000 {
		list = append(list, &fused{tokens: i * 7 % 1000})
	}
	kept := thin(list, 10)
	if len(kept) != 10 || kept[0].tokens != 0 || kept[9].tokens != 999 || kept[5].tokens != 555 {
		t.Errorf("kept %v", kept)
	}
}

// pictures are a data set of many pictures, without rows.
type pictures struct {
	dataset.Dataset
	count int
}

func (pictures) Name() string    { return "pictures" }
func (pictures) Task() task.Task { return task.Task{Classes: []string{"a", "b"}} }

func (p pictures) Modalities() []dataset.Modality {
	var list []dataset.Modality
	for i := range p.count {
		list = append(list, dataset.Modality{Name: fmt.Sprint("m", i), Kind: mixer.Map, Shape: []int{1, 12, 12}})
	}
	return list
}

// 3⁴⁰ combinations of encoders are checked by what they are fused to.
func TestManyModalities(t *testing.T) {
	for networks, want := range map[string]string{
		"[mlp_mixer, hyper_mixer]":                    "",
		"[mlp_mixer, {name: hyper_mixer, heads: 16}]": "search.networks: hyper_mixer with concat of a, a,",
		"[mlp_mixer, {name: hyper_mixer, heads: 8}]":  "option heads: 8 does not divide both the width 12",
	} {
		plan := "data: {format: builtin}\nsearch:\n  encoders:\n"
		data := pictures{count: 40}
		for _, m := range data.Modalities() {
			plan += fmt.Sprintf("    %s:\n      defaults: {depth: 1, token_width: 4, channel_width: 8}\n      candidates: "+
				"[{name: mlp_mixer, label: a, patch: 2, width: 8}, {name: mlp_mixer, label: b, patch: 3, width: 8}, "+
				"{name: mlp_mixer, label: c, patch: 4, width: 12}]\n", m.Name)
		}
		plan += "  fusions: [concat, mean, max, sum]\n  networks:\n    defaults: {token_width: 16, channel_width: 8}\n    candidates: " + networks + "\n"
		c, err := config.Parse("plan.yaml", []byte(plan))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Space(c, data)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got error %v, want one with %q", networks, err, want)
		}
	}
}
