package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn/mixer"
	"mixmas/search/augment"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// varying is a configuration whose short and full training vary the samples of a picture, a series, a table and a text.
const varying = `data: {format: builtin}
search:
  encoders: {picture: {candidates: [mlp_mixer]}}
  training:
    drop_modality: 0.2
train:
  training:
    augment:
      picture:
        - shift
        - {name: crop, least: 0.5}
      series: [noise]
    mixup: 0.4
`

func TestAugmentations(t *testing.T) {
	c := parse(t, varying)
	want := map[string]config.Augmentations{
		"picture": {{Augmentation: "shift", Options: &augment.ShiftOptions{By: 0.125}}, {Augmentation: "crop", Options: &augment.CropOptions{Least: 0.5}}},
		"series":  {{Augmentation: "noise", Options: &augment.NoiseOptions{Deviation: 0.1}}},
	}
	if diff := cmp.Diff(want, c.Train.Training.Augment); diff != "" {
		t.Error(diff)
	}
	if c.Train.Training.Mixup != 0.4 || c.Train.Training.DropModality != 0 || c.Search.Training.DropModality != 0.2 || len(c.Search.Training.Augment) > 0 {
		t.Errorf("search %+v, full %+v", c.Search.Training, c.Train.Training)
	}
	if !c.Sets("train.training.augment.picture") || c.Sets("train.training.augment.table") {
		t.Error("what the file sets is not known")
	}
	// What is printed says every option, and reads back as the same.
	var saved bytes.Buffer
	if err := c.Save(&saved); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"- {name: shift, by: 0.125}", "- {name: crop, least: 0.5}", "mixup: 0.4", "drop_modality: 0.2"} {
		if !strings.Contains(saved.String(), line) {
			t.Errorf("%s is not printed:\n%s", line, saved.String())
		}
	}
	again := parse(t, saved.String())
	if diff := cmp.Diff(c.Train.Training, again.Train.Training); diff != "" || !cmp.Equal(c.Search.Training, again.Search.Training) {
		t.Errorf("read back:\n%s\n%s", diff, saved.String())
	}
}

// Without them nothing varies, in either of the settings and also where the training follows from the data.
func TestNothingVariesUnlessAsked(t *testing.T) {
	for _, settings := range []string{"", "settings: paper\n", "settings: recommended\n"} {
		c := parse(t, settings+"data: {format: builtin}\n")
		for name, training := range map[string]config.Training{"search": c.Search.Training, "train": c.Train.Training} {
			if len(training.Augment) > 0 || training.Mixup != 0 || training.DropModality != 0 {
				t.Errorf("%q: %s varies: %+v", settings, name, training)
			}
		}
		for _, s := range c.Settled() {
			if strings.Contains(s.Field, "augment") || strings.Contains(s.Field, "mixup") || strings.Contains(s.Field, "drop_modality") {
				t.Errorf("the settings decide about %s", s.Field)
			}
		}
	}
}

func TestAugmentationErrors(t *testing.T) {
	augment := func(text string) string { return "data: {format: builtin}\ntrain:\n  training:\n    " + text + "\n" }
	for _, test := range []struct{ text, want string }{
		{"augment: {picture: [shfit]}", `c.yaml:4: train.training.augment.picture[0]: unknown augmentation "shfit": known are crop, cutout, `},
		{"augment: {picture: [shfit]}", "(did you mean shift?)"},
		{"augment: {picture: [flip, {by: 0.5}]}", "c.yaml:4: train.training.augment.picture[1]: name is missing: want one of the augmentations crop, cutout, "},
		{"augment:\n      picture:\n        - flip\n        - {name: shift, size: 0.5}", "c.yaml:7: train.training.augment.picture[1].size: unknown field: known are name, by"},
		{"augment: {picture: [{name: shift, by: 1.5}]}", "c.yaml:4: train.training.augment.picture[0].by: want at most 1, got 1.5"},
		{"augment: {picture: [{name: cutout, size: 0}]}", "c.yaml:4: train.training.augment.picture[0].size: want more than 0, got 0"},
		{"augment: {picture: [{name: flip, axes: up}]}", `c.yaml:4: train.training.augment.picture[0].axes: want one of horizontal, vertical, both, got "up"`},
		{"augment: {picture: [[flip]]}", "c.yaml:4: train.training.augment.picture[0]: "},
		{"augment: {picture: flip}", `c.yaml:4: train.training.augment.picture: want a list, got "flip"`},
		{"augment: [flip]", "c.yaml:4: train.training.augment: want fields with values, got a list"},
		{"mixup: 1.5", "c.yaml:4: train.training.mixup: want at most 1, got 1.5"},
		{"mixup: -1", "c.yaml:4: train.training.mixup: want at least 0, got -1"},
		{"drop_modality: 1", "c.yaml:4: train.training.drop_modality: want less than 1, got 1"},
		{"drop_modality: -0.1", "c.yaml:4: train.training.drop_modality: want at least 0, got -0.1"},
		{"drop_modality: some", `c.yaml:4: train.training.drop_modality: want a number, got "some"`},
	} {
		if _, err := config.Parse("c.yaml", []byte(augment(test.text))); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
}

// kinds are data of every kind, without rows.
type kinds struct {
	dataset.Dataset
	modalities []dataset.Modality
}

func (kinds) Name() string                     { return "kinds" }
func (k kinds) Modalities() []dataset.Modality { return k.modalities }
func (kinds) Task() task.Task                  { return task.Task{Classes: []string{"a", "b"}} }

func TestAugmentationsMustFitTheData(t *testing.T) {
	picture := dataset.Modality{Name: "picture", Kind: mixer.Map, Shape: []int{1, 8, 8}}
	words := dataset.Modality{Name: "words", Kind: mixer.Text, Shape: []int{5}, Vocabulary: 9, Masked: true}
	both := []dataset.Modality{picture, words}
	for _, test := range []struct {
		training string
		data     []dataset.Modality
		want     []string
	}{
		{"{augment: {picture: [flip, noise], words: [token_dropout]}, drop_modality: 0.3}", both, nil},
		{"{mixup: 0.2}", both[:1], nil},
		{"{augment: {sound: [noise], picture: [flip, token_dropout]}}", both, []string{
			"c.yaml:3: train.training.augment.picture[1]: token_dropout does not change samples of kind \"map\": it changes text",
			"c.yaml:3: train.training.augment.sound: data set kinds has no such modality; it has picture, words",
		}},
		{"{mixup: 0.2}", both, []string{"c.yaml:3: train.training.mixup: mixes numbers, but modality words is a text"}},
		{"{drop_modality: 0.2}", both[:1], []string{"c.yaml:3: train.training.drop_modality: the data set kinds has only one modality"}},
		{"{drop_modality: 0.2}", both[1:], []string{"c.yaml:3: train.training.drop_modality: the data set kinds has only one modality"}},
	} {
		t.Run(test.training, func(t *testing.T) {
			c, err := config.Parse("c.yaml", []byte("data: {format: builtin}\ntrain:\n  training: "+test.training+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			c.Search.Encoders, c.Search.Networks = map[string]config.Candidates{}, config.Candidates{{Name: "mlp_mixer", Label: "mlp_mixer"}}
			for _, m := range test.data {
				c.Search.Encoders[m.Name] = config.Candidates{{Name: "mlp_mixer", Label: "mlp_mixer"}}
			}
			var lines []string
			if err := c.CheckData(kinds{modalities: test.data}); err != nil {
				lines = strings.Split(fmt.Sprint(err), "\n")
			}
			if diff := cmp.Diff(test.want, lines); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The schema has each augmentation as a word and with its options.
func TestSchemaOfAugmentations(t *testing.T) {
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	type schema struct {
		Properties           map[string]schema
		AdditionalProperties json.RawMessage
		Items                *schema
		AnyOf                []schema
		OneOf                []struct{ Const, Description string }
		Title, Description   string
		Const                any
		Required             []string
		Maximum              *float64
		ExclusiveMaximum     *float64
		Enum                 []string
	}
	var all schema
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"search", "train"} {
		training := all.Properties[part].Properties["training"].Properties
		if m, d := training["mixup"], training["drop_modality"]; m.Maximum == nil || *m.Maximum != 1 || d.ExclusiveMaximum == nil || *d.ExclusiveMaximum != 1 {
			t.Errorf("%s: mixup %+v, drop_modality %+v", part, m, d)
		}
		var list schema
		if err := json.Unmarshal(training["augment"].AdditionalProperties, &list); err != nil || list.Items == nil {
			t.Fatalf("%s: augment takes %s (%v)", part, training["augment"].AdditionalProperties, err)
		}
		found := map[string]schema{}
		for _, form := range list.Items.AnyOf[1:] {
			found[form.Title] = form
		}
		if names := slices.Sorted(maps.Keys(found)); !slices.Equal(names, augment.Names()) {
			t.Errorf("%s: the schema has %q, want %q", part, names, augment.Names())
		}
		for _, a := range augment.All() {
			f := found[a.Name]
			if f.Description != a.Doc || f.Properties["name"].Const != a.Name || !slices.Contains(f.Required, "name") || string(f.AdditionalProperties) != "false" {
				t.Errorf("%s: %s is %+v", part, a.Name, f)
			}
		}
		if axes := found["flip"].Properties["axes"]; !slices.Equal(axes.Enum, []string{"horizontal", "vertical", "both"}) {
			t.Errorf("%s: the axes of flip are %+v", part, axes)
		}
	}
}
