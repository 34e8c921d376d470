package assess_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/assess"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// clinic is a data set of photos, scans, long series, long texts and wide tables, with so many classes.
type clinic struct {
	dataset.Dataset
	classes int
	photos  int  // modalities
	small   bool // only a table
}

func (clinic) Name() string        { return "clinic <script>" + strings.Repeat("x", 500) }
func (clinic) Fingerprint() string { return strings.Repeat("ab", 32) }
func (c clinic) Task() task.Task {
	t := task.Task{}
	for k := range c.classes {
		t.Classes = append(t.Classes, fmt.Sprintf("<i>%d</i>\u202e", k))
	}
	return t
}
func (c clinic) Len(s dataset.Split) int { return [...]int{4 * c.classes, c.classes, 40}[s] }
func (c clinic) Modalities() []dataset.Modality {
	if c.small {
		return []dataset.Modality{{Name: "table", Kind: mixer.Table, Shape: []int{2}}}
	}
	list := []dataset.Modality{
		{Name: "scan", Kind: mixer.Map, Shape: []int{5, 60, 40}},
		{Name: "pulse", Kind: mixer.Sequence, Shape: []int{500, 9}},
		{Name: "table", Kind: mixer.Table, Shape: []int{40}},
		{Name: "letter", Kind: mixer.Text, Shape: []int{5}, Vocabulary: 9, Masked: true},
	}
	for i := range c.photos {
		list = append(list, dataset.Modality{Name: fmt.Sprint("photo ", i), Kind: mixer.Map, Shape: []int{3, 48, 48}})
	}
	return list
}
func (c clinic) Preprocessing() map[string]dataset.Standardisation {
	all := map[string]dataset.Standardisation{}
	for _, m := range c.Modalities() {
		all[m.Name] = dataset.Standardisation{Per: dataset.None}
	}
	return all
}
func (c clinic) Read(s dataset.Split, modality, row int, dst []float32) error {
	return c.ReadMissing(s, modality, row, dst)
}
func (c clinic) ReadMissing(s dataset.Split, modality, row int, dst []float32) error {
	x := uint32(int(s)*1000003 + row*1009 + modality)
	for i := range dst {
		x = x*1664525 + 1013904223
		dst[i] = float32(x >> 24)
	}
	if modality == 2 {
		dst[row%2] = float32(math.NaN())
		dst[0] = float32(math.NaN())
	}
	return nil
}
func (clinic) Mask(_ dataset.Split, _, _ int, dst []float32) error {
	for i := range dst {
		dst[i] = 1
	}
	return nil
}
func (c clinic) Label(s dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % c.classes)
	return nil
}
func (clinic) Text(_ dataset.Split, modality, row int) (string, bool, error) {
	return strings.Repeat("Dear <b>colleague</b> \u202e\x00", 200), modality == 3, nil
}

// described is the assessment of data whose models make 12 mistakes each.
func described(t *testing.T, c clinic) *assess.Assessment {
	t.Helper()
	a := &assess.Assessment{}
	for m := range 3 {
		model := assess.Model{Split: "test"}
		for i := range 12 {
			model.Mistakes = append(model.Mistakes, assess.Mistake{Row: 12*m + i, Shown: -1})
		}
		a.Models = append(a.Models, model)
	}
	if err := a.Describe(t.Context(), c, "records", []string{"odd"}); err != nil {
		t.Fatal(err)
	}
	return a
}

// All views together have at most 700 KiB, whatever the data are, and each at most 8.
func TestViewsAreBounded(t *testing.T) {
	for _, c := range []clinic{{classes: 3}, {classes: 25, photos: 10}} {
		a := described(t, c)
		total := 0
		for _, shown := range a.Shown {
			if len(shown.Views) == 0 || shown.More != max(0, 4+c.photos-12) {
				t.Errorf("row %d: %d views and %d more", shown.Row, len(shown.Views), shown.More)
			}
			for _, v := range shown.Views {
				text, err := json.Marshal(v)
				if err != nil || len(text) > 8<<10 {
					t.Errorf("a %s of %d bytes, error %v", v.Kind, len(text), err)
				}
				total += len(text)
				if v.Kind != assess.Picture {
					continue
				}
				m, kind, err := image.Decode(bytes.NewReader(v.Image))
				if err != nil || m.Bounds().Dx() != v.Width || m.Bounds().Dy() != v.Height || "image/"+kind != v.Type {
					t.Errorf("a picture of %dx%d: %v", v.Width, v.Height, err)
				}
			}
		}
		if total > 700<<10 {
			t.Errorf("%d classes: %d rows take %d KiB", c.classes, len(a.Shown), total>>10)
		}
		if text, err := json.Marshal(a); err != nil || len(text) > 800<<10 {
			t.Errorf("the assessment has %d KiB, error %v", len(text)>>10, err)
		}
	}
}

// Views say what is not shown.
func TestViews(t *testing.T) {
	a := described(t, clinic{classes: 3, photos: 1})
	if len(a.Shown) != 6+36 || len(a.Data.Samples) != 3 {
		t.Fatalf("%d rows are shown, samples of %d classes", len(a.Shown), len(a.Data.Samples))
	}
	channels := 0
	for _, v := range a.Shown[len(a.Shown)-1].Views {
		switch v.Modality {
		case "scan":
			channels++
			if v.Kind != assess.Picture || v.Channel != fmt.Sprint("channel ", channels-1) {
				t.Errorf("scan %d is %s of %q", channels, v.Kind, v.Channel)
			}
			if v.More != [...]int{0, 0, 2}[channels-1] {
				t.Errorf("after channel %d there are %d more", channels, v.More)
			}
		case "pulse":
			if v.Kind != assess.Curve || v.Steps != 500 || len(v.Values)+v.More != 9 || len(v.Names) != len(v.Values) || len(v.Values[0]) < 30 || len(v.Values[0]) > 120 {
				t.Errorf("curve of %d steps, %d features and %d more, %d points", v.Steps, len(v.Values), v.More, len(v.Values[0]))
			}
			if least, most := slices.Min(v.Values[0]), slices.Max(v.Values[0]); least > 2 || most < 253 {
				t.Errorf("the curve goes from %v to %v", least, most)
			}
		case "table":
			if v.Kind != assess.Numbers || len(v.Values)+v.More != 40 || !math.IsNaN(float64(v.Values[0][0])) {
				t.Errorf("%d values and %d more, the first is %v", len(v.Values), v.More, v.Values[0])
			}
		case "letter":
			if v.Kind != assess.Text || len([]rune(v.Text))+v.More != 200*len([]rune("Dear <b>colleague</b> \u202e\x00")) {
				t.Errorf("%d characters and %d more", len([]rune(v.Text)), v.More)
			}
		case "photo 0":
			if v.Kind != assess.Picture || v.Type != "image/jpeg" || v.Width < 48 || v.More != 0 {
				t.Errorf("a photo %d wide, %s", v.Width, v.Type)
			}
		}
	}
	if channels != 3 {
		t.Errorf("%d channels", channels)
	}
	table := a.Data.Modalities[2]
	if len(table.Features) != 2 || table.Features[0].Name != "feature 0" || table.Features[0].Missing != [3]int{12, 3, 40} || table.Missing[2] != (assess.Missing{Values: 60, Of: 1600}) {
		t.Errorf("missing values: %+v, %+v", table.Missing, table.Features)
	}
	if n := len([]rune(a.Data.Name)); n != 201 {
		t.Errorf("the name has %d characters", n)
	}
}

// Of very many classes the first are listed.
func TestManyClasses(t *testing.T) {
	a := described(t, clinic{classes: 1200, small: true})
	if len(a.Data.Classes) != 1000 || a.Data.MoreClasses != 200 || len(a.Data.Counts[0]) != 1000 || a.Data.Counts[0][999] != 4 || len(a.Data.Samples) != 24 {
		t.Errorf("%d classes and %d more, samples of %d", len(a.Data.Classes), a.Data.MoreClasses, len(a.Data.Samples))
	}
	if a.Data.Surveyed != [3]int{4800, 1200, 40} {
		t.Errorf("surveyed are %v rows", a.Data.Surveyed)
	}
}

// Of data with very many elements some rows of each split are surveyed.
func TestSurveyed(t *testing.T) {
	c := clinic{classes: 1_000_000, photos: 1}
	size := 5*60*40 + 500*9 + 40 + 5 + 3*48*48
	rows := assess.Surveyed(c)
	if total := rows[0] + rows[1] + rows[2]; rows[0] < 2000 || rows[1] < 500 || rows[2] < 1 || (total-1)*size > 1<<26 {
		t.Errorf("surveyed are %v rows of %d elements", rows, size)
	}
}
