package records

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn/mixer"
	"mixmas/search/dataset/npy"
)

// Whatever the layout, element (channel, place) of the array is that of the sample.
func TestArrangement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := axes{Kind: rapid.SampledFrom([]mixer.Kind{mixer.Map, mixer.Sequence}).Draw(t, "kind"), Last: rapid.Bool().Draw(t, "last")}
		channels, high, wide := rapid.IntRange(1, 4).Draw(t, "channels"), rapid.IntRange(1, 4).Draw(t, "high"), 1
		places := []int{high}
		if a.Kind == mixer.Map {
			wide = rapid.IntRange(1, 4).Draw(t, "wide")
			places = []int{high, wide}
		}
		a.Axes = append([]int{channels}, places...)
		if a.Last {
			a.Axes = append(slices.Clone(places), channels)
		}
		if rapid.Bool().Draw(t, "choose") {
			a.Chosen = rapid.SliceOfN(rapid.IntRange(0, channels-1), 1, 4).Draw(t, "chosen")
		}
		if err := a.check(); err != nil {
			t.Fatal(err)
		}
		n := high * wide
		values := make([]float32, channels*n)
		for c := range channels {
			for p := range n {
				i := c*n + p
				if a.Last {
					i = p*channels + c
				}
				values[i] = float32(100*c + p)
			}
		}
		dst := make([]float32, a.used()*n)
		a.arrange(dst, values)
		for k := range a.used() {
			c := k
			if a.Chosen != nil {
				c = a.Chosen[k]
			}
			for p := range n {
				i := k*n + p
				if a.Kind == mixer.Sequence {
					i = p*a.used() + k
				}
				if dst[i] != float32(100*c+p) {
					t.Fatalf("%+v: channel %d, place %d is %v", a, k, p, dst[i])
				}
			}
		}
	})
}

func TestFortranOrder(t *testing.T) {
	if got := rowMajor([]float32{1, 4, 2, 5, 3, 6}, []int{2, 3}); !slices.Equal(got, []float32{1, 2, 3, 4, 5, 6}) {
		t.Errorf("got %v", got)
	}
}

func FuzzArray(f *testing.F) {
	var b bytes.Buffer
	w, err := npy.NewWriter(&b, npy.Float32, 2, 3)
	if err == nil {
		err = w.Append([]float32{1, 2, 3, 4, 5, 6})
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(bytes.Replace(b.Bytes(), []byte("False"), []byte("True "), 1))
	f.Add(bytes.Replace(b.Bytes(), []byte("(2, 3)"), []byte("(9000000000, 9000000000)"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		shape, values, err := parseArray(data)
		if err != nil {
			return
		}
		size := 1
		for _, n := range shape {
			size *= n
		}
		if size != len(values) || len(values) > len(data) {
			t.Errorf("shape %v, %d values of %d bytes", shape, len(values), len(data))
		}
	})
}

// A path is made of cells as they are written, and the folder before its first column is fixed.
func TestTemplates(t *testing.T) {
	columns := []string{"a", "b c", "a"}
	for text, want := range map[string]string{
		"x.zip/{b c}.png": "x.zip|2.png", "{b c}": "|2", "d/{b c}/e{#1}.png": "d|2/e1.png", "/{#-1}.png": "/|3.png", "{b c}{b c}": "|22",
	} {
		folder, rest := splitTemplate(text)
		made, err := parseTemplate(rest, columns)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := folder + "|" + made.fill([]string{"1", "2", "3"}); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if got := made.fill([]string{"", "NA", ""}); got != "" {
			t.Errorf("%s without cells: %q", text, got)
		}
	}
	for _, text := range []string{"{a}", "{", "{q}"} {
		if _, err := parseTemplate(text, columns); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
