package augment

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
)

// Each augmentation does to a small array what its words say, for every draw of a row in many epochs.
func TestAugmentations(t *testing.T) {
	picture := mixer.Input{Kind: mixer.Map, Shape: []int{1, 2, 3}}
	series := mixer.Input{Kind: mixer.Sequence, Shape: []int{4, 2}}
	text := mixer.Input{Kind: mixer.Text, Shape: []int{3}, Vocabulary: 9}
	for name, c := range map[string]struct {
		in      mixer.Input
		steps   int
		choice  string
		options any
		sample  []float32
		want    [][]float32 // all that may come out; each does
	}{
		"shift of a picture": {mixer.Input{Kind: mixer.Map, Shape: []int{1, 1, 3}}, 1, "shift", &ShiftOptions{By: 0.34}, []float32{1, 2, 3},
			[][]float32{{1, 2, 3}, {0, 1, 2}, {2, 3, 0}}},
		"shift of a picture in both directions": {mixer.Input{Kind: mixer.Map, Shape: []int{1, 2, 2}}, 1, "shift", &ShiftOptions{By: 0.5}, []float32{1, 2, 3, 4},
			[][]float32{{1, 2, 3, 4}, {0, 1, 0, 3}, {2, 0, 4, 0}, {0, 0, 1, 2}, {0, 0, 0, 1}, {0, 0, 2, 0}, {3, 4, 0, 0}, {0, 3, 0, 0}, {4, 0, 0, 0}}},
		"shift of a series": {series, 3, "shift", &ShiftOptions{By: 0.34}, []float32{1, 2, 3, 4, 5, 6, 0, 0},
			[][]float32{{1, 2, 3, 4, 5, 6, 0, 0}, {0, 0, 1, 2, 3, 4, 0, 0}, {3, 4, 5, 6, 0, 0, 0, 0}}},
		"flip":          {picture, 1, "flip", nil, []float32{1, 2, 3, 4, 5, 6}, [][]float32{{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}}},
		"vertical flip": {picture, 1, "flip", &FlipOptions{Axes: "vertical"}, []float32{1, 2, 3, 4, 5, 6}, [][]float32{{1, 2, 3, 4, 5, 6}, {4, 5, 6, 1, 2, 3}}},
		"both flips": {picture, 1, "flip", &FlipOptions{Axes: "both"}, []float32{1, 2, 3, 4, 5, 6},
			[][]float32{{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {4, 5, 6, 1, 2, 3}, {6, 5, 4, 3, 2, 1}}},
		"crop of the whole": {picture, 1, "crop", &CropOptions{Least: 1}, []float32{1, 2, 3, 4, 5, 6}, [][]float32{{1, 2, 3, 4, 5, 6}}},
		"cutout": {mixer.Input{Kind: mixer.Map, Shape: []int{2, 1, 3}}, 1, "cutout", &CutoutOptions{Size: 0.4}, []float32{1, 2, 3, 4, 5, 6},
			[][]float32{{0, 2, 3, 0, 5, 6}, {1, 0, 3, 4, 0, 6}, {1, 2, 0, 4, 5, 0}}},
		"cutout partly outside": {mixer.Input{Kind: mixer.Map, Shape: []int{1, 1, 3}}, 1, "cutout", &CutoutOptions{Size: 0.67}, []float32{1, 2, 3},
			[][]float32{{0, 2, 3}, {0, 0, 3}, {1, 0, 0}}},
		"time mask of a series": {series, 2, "time_mask", &MaskOptions{Masks: 1, Most: 0.5}, []float32{1, 2, 3, 4, 0, 0, 0, 0},
			[][]float32{{1, 2, 3, 4, 0, 0, 0, 0}, {0, 0, 3, 4, 0, 0, 0, 0}, {1, 2, 0, 0, 0, 0, 0, 0}}},
		"frequency mask of a series": {series, 2, "frequency_mask", &MaskOptions{Masks: 1, Most: 0.5}, []float32{1, 2, 3, 4, 0, 0, 0, 0},
			[][]float32{{1, 2, 3, 4, 0, 0, 0, 0}, {0, 2, 0, 4, 0, 0, 0, 0}, {1, 0, 3, 0, 0, 0, 0, 0}}},
		"time mask of a spectrogram": {picture, 1, "time_mask", &MaskOptions{Masks: 1, Most: 0.34}, []float32{1, 2, 3, 4, 5, 6},
			[][]float32{{1, 2, 3, 4, 5, 6}, {0, 2, 3, 0, 5, 6}, {1, 0, 3, 4, 0, 6}, {1, 2, 0, 4, 5, 0}}},
		"frequency mask of a spectrogram": {picture, 1, "frequency_mask", &MaskOptions{Masks: 1, Most: 0.5}, []float32{1, 2, 3, 4, 5, 6},
			[][]float32{{1, 2, 3, 4, 5, 6}, {0, 0, 0, 4, 5, 6}, {1, 2, 3, 0, 0, 0}}},
		"token dropout": {text, 2, "token_dropout", &TokenDropoutOptions{Rate: 0.5}, []float32{7, 8, 0},
			[][]float32{{7, 8, 0}, {1, 8, 0}, {7, 1, 0}, {1, 1, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Choice{c.choice, c.options}.Function(c.in)
			if err != nil {
				t.Fatal(err)
			}
			seen := make([]bool, len(c.want))
			for epoch := range 200 {
				x, d := slices.Clone(c.sample), NewDraw(1, 2, epoch, 3)
				f(&d, x, c.steps)
				i := slices.IndexFunc(c.want, func(w []float32) bool { return slices.Equal(w, x) })
				if i < 0 {
					t.Fatalf("epoch %d: %v becomes %v, want one of %v", epoch, c.sample, x, c.want)
				}
				seen[i] = true
			}
			if i := slices.Index(seen, false); i >= 0 {
				t.Errorf("%v never becomes %v", c.sample, c.want[i])
			}
			x, d := slices.Clone(c.sample), Draw{}
			if n := testing.AllocsPerRun(20, func() { d = NewDraw(1, 2, 3, 4); f(&d, x, c.steps) }); n != 0 {
				t.Errorf("a change makes %v allocations", n)
			}
		})
	}
}

// The part that crop enlarges is read between pixels: on a slope it is a gentler slope, within the whole.
func TestCrop(t *testing.T) {
	plane, whole := make([]float32, 9), []float32{0, 1, 2, 10, 11, 12, 20, 21, 22}
	rows, columns := make([]place, 3), make([]place, 3)
	places(rows, 1, 0.5)
	places(columns, 0.5, 0.5)
	enlarge(plane, whole, rows, columns)
	if want := []float32{10.5, 11, 11.5, 15.5, 16, 16.5, 20.5, 21, 21.5}; !slices.Equal(plane, want) {
		t.Errorf("got %v, want %v", plane, want)
	}
	f, err := Choice{"crop", &CropOptions{Least: 0.5}}.Function(mixer.Input{Kind: mixer.Map, Shape: []int{1, 3, 3}})
	if err != nil {
		t.Fatal(err)
	}
	for epoch := range 50 {
		x, d := slices.Clone(whole), NewDraw(1, 2, epoch, 0)
		f(&d, x, 1)
		step := x[1] - x[0]
		if step < 0.4999 || step > 1.0001 || x[0] < 0 || x[8] > 22.0001 || math.Abs(float64(x[3]-x[0]-10*step)) > 1e-4 {
			t.Fatalf("epoch %d: got %v", epoch, x)
		}
	}
}

// Noise has mean 0 and the deviation that is asked for, and leaves padding alone.
func TestNoise(t *testing.T) {
	f, err := Choice{"noise", &NoiseOptions{Deviation: 0.5}}.Function(mixer.Input{Kind: mixer.Sequence, Shape: []int{10001, 2}})
	if err != nil {
		t.Fatal(err)
	}
	x, d := make([]float32, 20002), NewDraw(5, 1, 0, 0)
	f(&d, x, 10000)
	if x[20000] != 0 || x[20001] != 0 {
		t.Error("padding has noise")
	}
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	if mean, deviation := sum/20000, math.Sqrt(squares/20000); math.Abs(mean) > 0.012 || math.Abs(deviation-0.5) > 0.01 {
		t.Errorf("mean %v, deviation %v", mean, deviation)
	}
}

// The numbers of another seed, purpose, epoch or row are others; those of the same are the same, and are pinned.
func TestDraw(t *testing.T) {
	first := func(seed uint64, purpose uint32, epoch, row int) uint32 {
		d := NewDraw(seed, purpose, epoch, row)
		return d.word()
	}
	if got := first(1, 2, 3, 4); got != first(1, 2, 3, 4) {
		t.Error("the same draw gives other numbers")
	}
	seen := map[uint32]bool{}
	for _, w := range []uint32{first(1, 2, 3, 4), first(1<<32, 2, 3, 4), first(1, 3, 3, 4), first(1, 2, 4, 4), first(1, 2, 3, 5)} {
		if seen[w] {
			t.Error("two draws begin with the same number")
		}
		seen[w] = true
	}
	d := NewDraw(1, Purpose("test"), 3, 4)
	got := []float64{d.Uniform(), float64(d.Below(1000)), float64(d.Between(-5, 5)), float64(d.Noise()), float64(d.Beta(0.2)), float64(d.Beta(1))}
	if want := []float64{0.4436697668861598, 406, 5, 0.020297471433877945, 0, 0.28045654296875}; !slices.Equal(got, want) {
		t.Errorf("the numbers are %v, want %v: trained bits of recipes that draw them move", got, want)
	}
	low, sum := 0, 0.0
	for range 4000 {
		v := float64(d.Beta(0.2))
		sum += v
		if v < 0.05 || v > 0.95 {
			low++
		}
		if b := d.Beta(0.001); b < 0 || b > 1 || b != b {
			t.Fatalf("a share of %v", b)
		}
	}
	// Beta(0.2, 0.2) is within 0.05 of an end with probability 0.58.
	if mean := sum / 4000; math.Abs(mean-0.5) > 0.03 || low < 2200 || low > 2450 {
		t.Errorf("mean %v, %d of 4000 near an end", mean, low)
	}
}

func TestChoices(t *testing.T) {
	text, err := json.Marshal(Choice{Augmentation: "cutout"})
	if want := `{"augmentation":"cutout","options":{"size":0.25}}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v, want %s", text, err, want)
	}
	var c Choice
	if err := json.Unmarshal([]byte(`{"augmentation":"time_mask","options":{"masks":2}}`), &c); err != nil || *c.Options.(*MaskOptions) != (MaskOptions{2, 0.2}) {
		t.Errorf("got %v, %v", c.Options, err)
	}
	for text, want := range map[string]string{
		`{"augmentation":"flop"}`:                        "flop",
		`{"augmentation":"flip","options":{"axis":"x"}}`: "axis",
		`{"augmentation":"flip","size":1}`:               "size",
	} {
		if err := json.Unmarshal([]byte(text), &c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", text, err)
		}
	}
	if _, err := (Choice{Augmentation: "flip"}).Function(mixer.Input{Kind: mixer.Text, Shape: []int{3}}); err == nil || !strings.Contains(err.Error(), "it changes map") {
		t.Errorf("error %v", err)
	}
	if _, err := (Choice{"noise", &NoiseOptions{}}).Function(mixer.Input{Kind: mixer.Table, Shape: []int{3}}); !errors.As(err, new(*options.Error)) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkAugmentations(b *testing.B) {
	in := mixer.Input{Kind: mixer.Map, Shape: []int{3, 64, 64}}
	for _, a := range All() {
		if !a.Takes(mixer.Map) {
			continue
		}
		b.Run(a.Name, func(b *testing.B) {
			f, err := Choice{Augmentation: a.Name}.Function(in)
			if err != nil {
				b.Fatal(err)
			}
			x, d := make([]float32, 3*64*64), Draw{}
			b.ReportAllocs()
			for i := range b.N {
				d = NewDraw(1, 2, i, 3)
				f(&d, x, 1)
			}
		})
	}
}
