package cmd

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// labelled is a data set of labels alone.
type labelled struct {
	dataset.Dataset
	classes []string
	many    bool
	labels  [3][][]float32
}

func (d labelled) Name() string        { return "ward" }
func (d labelled) Fingerprint() string { return "ab12" }
func (d labelled) Task() task.Task {
	if d.many {
		return task.Task{Kind: task.MultiLabel, Classes: d.classes}
	}
	return task.Task{Classes: d.classes}
}
func (d labelled) Len(s dataset.Split) int { return len(d.labels[s]) }
func (d labelled) Preprocessing() map[string]dataset.Standardisation {
	return map[string]dataset.Standardisation{"static": dataset.Uniform(0, 1)}
}
func (d labelled) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "static", Kind: mixer.Table, Shape: []int{3}}}
}
func (d labelled) Label(s dataset.Split, row int, dst []float32) error {
	copy(dst, d.labels[s][row])
	return nil
}

// TestDataInfoCounts counts classes, of one label per row and of many.
func TestDataInfoCounts(t *testing.T) {
	for _, c := range []struct {
		data labelled
		want map[string][]int
		text string
	}{
		{labelled{classes: []string{"cat", "dog", "eel"}, labels: [3][][]float32{{{0}, {2}, {2}, {0}, {0}}, {{1}}, nil}},
			map[string][]int{"train": {3, 0, 2}, "validation": {0, 1, 0}, "test": {0, 0, 0}}, `
classes      3, one label per row
train        5 rows
validation   1 row
test         0 rows

rows with class  train  validation  test
cat              3      0           0
dog              0      1           0
eel              2      0           0
`},
		{labelled{classes: []string{"fever", "pain"}, many: true, labels: [3][][]float32{{{0, 1}, {1, 1}, {0, 0}}, {{1, 0}}, {{1, 1}}}},
			map[string][]int{"train": {1, 2}, "validation": {1, 0}, "test": {1, 1}}, `
classes      2, any number of labels per row
train        3 rows
validation   1 row
test         1 row

rows with class  train  validation  test
fever            1      1           1
pain             2      0           1
`},
	} {
		d, err := describe(t.Context(), c.data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, d.Counts); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		var out bytes.Buffer
		if err := d.writeText(&out); err != nil {
			t.Fatal(err)
		}
		if _, text, _ := strings.Cut(out.String(), "deviation 1"); text != c.text {
			t.Errorf("got%swant%s", text, c.text)
		}
	}
}

// Of many classes, the first ones are listed; JSON has them all.
func TestDataInfoOfManyClasses(t *testing.T) {
	data := labelled{}
	for i := range 1500 {
		data.classes = append(data.classes, "class "+strconv.Itoa(i))
		data.labels[0] = append(data.labels[0], []float32{float32(i)}, []float32{float32(i)})
	}
	d, err := describe(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Repeat([]int{2}, 1500); !slices.Equal(d.Counts["train"], want) {
		t.Errorf("counts %v", d.Counts["train"])
	}
	var out bytes.Buffer
	if err := d.writeText(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if !strings.HasSuffix(text, "\nclass 19         2      0           0\nand 1,480 more (--json lists them all)\n") || strings.Contains(text, "class 20") {
		t.Errorf("got %s", text)
	}
}

func TestDataInfoStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := describe(ctx, labelled{classes: []string{"a"}, labels: [3][][]float32{{{0}}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
