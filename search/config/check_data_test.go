package config

import (
	"fmt"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// shapes is a data set without rows.
type shapes struct {
	dataset.Dataset
	modalities []dataset.Modality
	multi      bool
}

func (s shapes) Name() string                   { return "shapes" }
func (s shapes) Modalities() []dataset.Modality { return s.modalities }
func (s shapes) Task() task.Task {
	t := task.Task{Classes: []string{"a", "b", "c"}}
	if s.multi {
		t.Kind = task.MultiLabel
	}
	return t
}

func TestCheckData(t *testing.T) {
	image := dataset.Modality{Name: "image", Kind: mixer.Map, Shape: []int{1, 28, 28}}
	values := dataset.Modality{Name: "values", Kind: mixer.Table, Shape: []int{5}}
	good := []dataset.Modality{values, image}
	for _, test := range []struct {
		name, text string
		data       shapes
		want       []string
	}{
		{"fits", small, shapes{modalities: good}, nil},
		{"missing and unknown modality", small, shapes{modalities: []dataset.Modality{image, {Name: "text", Kind: mixer.Sequence}}}, []string{
			`small.yaml:3: search.encoders: no candidates for modality "text" of data set shapes`,
			"small.yaml:9: search.encoders.values: data set shapes has no such modality; it has image, text",
		}},
		{"kind", small, shapes{modalities: []dataset.Modality{image, {Name: "values", Kind: mixer.Map}}}, []string{
			"small.yaml:9: search.encoders.values: test_table takes table, but modality values is a map",
		}},
		{"metric of the other task", edit("search:", "search:\n  metric: balanced_accuracy"), shapes{modalities: good, multi: true}, []string{
			`small.yaml:3: search.metric: metric "balanced_accuracy": `,
		}},
		{"pos weight", edit("path: there", "pos_weight: [1]"), shapes{modalities: good}, []string{
			"small.yaml:1: data.pos_weight: is for multi-label data; data set shapes has one label per row",
		}},
		{"length of pos weight", edit("path: there", "pos_weight: [1]"), shapes{modalities: good, multi: true}, []string{
			"small.yaml:1: data.pos_weight: has 1 numbers, but data set shapes has 3 classes",
		}},
		{"class weights and pos weight", edit("path: there", "pos_weight: [1, 2, 3]", "search:", "search:\n  training: {class_weights: balanced}"), shapes{modalities: good, multi: true}, []string{
			"small.yaml:3: search.training.class_weights: balanced: the classes have weights already, those of data.pos_weight",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := parse(t, test.text).CheckData(test.data)
			if test.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			lines := strings.Split(fmt.Sprint(err), "\n")
			for i, want := range test.want {
				if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			}
			if len(lines) != len(test.want) {
				t.Errorf("%d errors, want %d: %v", len(lines), len(test.want), err)
			}
		})
	}
}
