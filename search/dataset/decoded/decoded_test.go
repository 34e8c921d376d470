package decoded

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/arrayfile"
	"mixmas/search/dataset/npy"
)

func open(t testing.TB, folder string, most int64) *Cache {
	t.Helper()
	c, err := Open(folder, most)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ramp are rows×size values of which none repeats within 101.
func ramp(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i * 7 % 101)
	}
	return values
}

// A column has the values that were encoded, whether it was made, found or is temporary, and the same digest.
func TestColumn(t *testing.T) {
	folder := t.TempDir()
	want := ramp(5 * 6)
	for _, kind := range []npy.Type{npy.Uint8, npy.Uint16, npy.Int32, npy.Float32, npy.Int64} {
		digests := map[string]bool{}
		for i, c := range []*Cache{open(t, folder, 1<<20), open(t, folder, 1<<20), open(t, t.TempDir(), 100), open(t, "", 0)} {
			made := 0
			column, err := c.Column(t.Context(), "train.csv: photo", "pictures 6", kind, []int{2, 3}, 5, func(add func([]float32) error) error {
				made++
				return errors.Join(add(want[:4]), add(want[4:4]), add(want[4:]))
			})
			if err != nil {
				t.Fatal(err)
			}
			if (made == 0) != (i == 1) {
				t.Errorf("cache %d made it %d times", i, made)
			}
			got := make([]float32, len(want))
			for row := range 5 {
				if err := column.Read(row, nil, got[row*6:][:6]); err != nil {
					t.Fatal(err)
				}
			}
			f, err := column.Facts(t.Context(), dataset.Request{Per: dataset.PerFeature, Features: 2, Run: 3, Rows: dataset.Rows{Count: 5}}, dataset.Environment{})
			if err != nil || !slices.Equal(got, want) || column.Rows() != 5 || !slices.Equal(column.Shape(), []int{2, 3}) || column.Name() != "train.csv: photo" {
				t.Errorf("%s reads %v (%v), want %v", column.Name(), got, err, want)
			}
			digests[f.SHA256] = true
			if err := errors.Join(column.Unchanged(t.Context()), column.Close()); err != nil {
				t.Error(err)
			}
		}
		if len(digests) != 1 {
			t.Errorf("%s has %d digests", kind, len(digests))
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 10 {
		t.Errorf("the folder holds %v (%v), want 5 entries of two files", files, err)
	}
}

// Missing numbers stay NaN.
func TestMissingNumbers(t *testing.T) {
	column, err := open(t, t.TempDir(), 1<<20).Column(t.Context(), "x", "key", npy.Float32, nil, 2, func(add func([]float32) error) error {
		return add([]float32{1, float32(math.NaN())})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer column.Close()
	var v [1]float32
	if err := column.Read(1, nil, v[:]); err != nil || v[0] == v[0] {
		t.Errorf("reads %v (%v)", v, err)
	}
}

func TestEncodersThatFail(t *testing.T) {
	broken := errors.New("photo.png: broken")
	for _, c := range []struct {
		kind   npy.Type
		shape  []int
		values []float32
		err    error
		want   string
	}{
		{npy.Uint8, []int{2}, []float32{1, 2}, broken, "photo.png: broken"},
		{npy.Uint8, []int{2}, []float32{1, 256}, nil, "the value 256 does not fit type |u1"},
		{npy.Uint8, []int{2}, []float32{1, float32(math.NaN())}, nil, "the value NaN does not fit type |u1"},
		{npy.Int32, []int{2}, []float32{1, 0.5}, nil, "the value 0.5 does not fit type <i4"},
		{npy.Float32, []int{2}, []float32{1}, nil, "1 elements fewer than the shape has"},
		{npy.Float32, []int{2}, []float32{1, 2, 3}, nil, "1 elements more than the shape has"},
		{npy.Float32, []int{-2}, nil, nil, "negative"},
		{npy.Float32, []int{1 << 40, 1 << 40}, nil, nil, "too large"},
	} {
		folder := t.TempDir()
		for _, cache := range []*Cache{open(t, folder, 1<<20), open(t, "", 0)} {
			_, err := cache.Column(t.Context(), "train.csv: photo", "key", c.kind, c.shape, 1, func(add func([]float32) error) error {
				return errors.Join(add(c.values), c.err)
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "train.csv: photo: ") {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("%v is left (%v)", left, err)
		}
	}
}

// What was stored in a column that is in use may be edited: it is noticed.
func TestEditedEntry(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, 1<<20)
	column := func() dataset.Column {
		column, err := c.Column(t.Context(), "x", "key", npy.Float32, nil, 2, func(add func([]float32) error) error { return add([]float32{1, 2}) })
		if err != nil {
			t.Fatal(err)
		}
		return column
	}
	x := column()
	defer x.Close()
	if _, err := x.Facts(t.Context(), dataset.Request{}, dataset.Environment{}); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(folder + "/*.data")
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	f, err := os.OpenFile(paths[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{9}, 130); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := x.Unchanged(t.Context()); err == nil || !strings.Contains(err.Error(), "written to while it was in use") {
		t.Errorf("error %v", err)
	}
	edited := column()
	defer edited.Close()
	if _, err := edited.Facts(t.Context(), dataset.Request{}, dataset.Environment{}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error %v", err)
	}
	again := column()
	defer again.Close()
	if _, err := again.Facts(t.Context(), dataset.Request{}, dataset.Environment{}); err != nil {
		t.Error(err)
	}
}

// An entry with another header of the same length is made again.
func TestDamagedHeader(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, 1<<20)
	for want := 1; want <= 2; want++ {
		made := 0
		column, err := c.Column(t.Context(), "x", "key", npy.Float32, nil, 2, func(add func([]float32) error) error {
			made++
			return add([]float32{1, 2})
		})
		if err != nil || made != 1 || column.Rows() != 2 {
			t.Fatalf("made %d times (%v)", made, err)
		}
		column.Close()
		paths, err := filepath.Glob(folder + "/*.data")
		if err != nil || len(paths) != 1 {
			t.Fatal(paths, err)
		}
		content, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(paths[0], []byte(strings.Replace(string(content), "(2,)", "(1,)", 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkRead reads rows of 3×64×64 numbers of an npy file, of the same in the cache, and of one with the channels at the end.
func BenchmarkRead(b *testing.B) {
	const n, size = 512, 3 * 64 * 64
	shape := []int{3, 64, 64}
	values := ramp(n * size)
	for i := range values {
		values[i] = float32(int(values[i]) % 256)
	}
	for _, kind := range []npy.Type{npy.Float32, npy.Uint8} {
		path := filepath.Join(b.TempDir(), "a.npy")
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		w, err := npy.NewWriter(f, kind, append([]int{n}, shape...)...)
		if err = errors.Join(err, w.Append(values), w.Close(), f.Close()); err != nil {
			b.Fatal(err)
		}
		plain, err := arrayfile.Open(b.Context(), path, dataset.Environment{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer plain.Close()
		last, err := arrayfile.Open(b.Context(), path, dataset.Environment{}, nil)
		if err = errors.Join(err, last.Transpose(64*64, 3, shape...)); err != nil {
			b.Fatal(err)
		}
		defer last.Close()
		cached, err := open(b, b.TempDir(), 1<<30).Column(b.Context(), "x", "key", kind, shape, n, func(add func([]float32) error) error { return add(values) })
		if err != nil {
			b.Fatal(err)
		}
		defer cached.Close()
		scaling := dataset.Uniform(100, 50).Scaling(dataset.Modality{Kind: "map", Shape: shape})
		for _, c := range []struct {
			name   string
			column dataset.Column
		}{{"npy", plain}, {"decoded", cached}, {"channels last", last}} {
			b.Run(fmt.Sprintf("%s %s", kind, c.name), func(b *testing.B) {
				dst := make([]float32, size)
				b.ReportAllocs()
				b.SetBytes(4 * size)
				row := 0
				for b.Loop() {
					if err := c.column.Read(row%n, scaling, dst); err != nil {
						b.Fatal(err)
					}
					row++
				}
			})
		}
	}
}
