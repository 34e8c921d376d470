package dataset

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// writeArray writes an npy file of the given type; values are cycled until the shape is full.
func writeArray(t testing.TB, path, descr string, shape []int, values ...float64) {
	t.Helper()
	size := 1
	list := ""
	for _, n := range shape {
		size *= n
		list += fmt.Sprintf("%d,", n)
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s)}\n", descr, list)
	b := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(text)))...)
	b = append(b, text...)
	var order interface {
		binary.ByteOrder
		binary.AppendByteOrder
	} = binary.LittleEndian
	if descr[0] == '>' {
		order = binary.BigEndian
	}
	for i := range size {
		v := values[i%len(values)]
		switch descr[1:] {
		case "u1", "i1", "b1":
			b = append(b, byte(int(v)))
		case "i2":
			b = order.AppendUint16(b, uint16(int(v)))
		case "i4":
			b = order.AppendUint32(b, uint32(int(v)))
		case "i8":
			b = order.AppendUint64(b, uint64(int(v)))
		case "f4":
			b = order.AppendUint32(b, math.Float32bits(float32(v)))
		case "f8":
			b = order.AppendUint64(b, math.Float64bits(v))
		default:
			t.Fatalf("type %s", descr)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// ramp is 0, 1, …, n−1.
func ramp(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i)
	}
	return values
}

// tiny writes an AV-MNIST folder with 6 rows for training and validation and 3 for testing.
func tiny(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	writeArray(t, folder+"/image/train_data.npy", "<f4", []int{6, 4}, ramp(24)...)
	writeArray(t, folder+"/image/test_data.npy", "<f4", []int{3, 4}, ramp(12)...)
	writeArray(t, folder+"/audio/train_data.npy", "|u1", []int{6, 3, 2}, ramp(36)...)
	writeArray(t, folder+"/audio/test_data.npy", "|u1", []int{3, 3, 2}, ramp(18)...)
	writeArray(t, folder+"/train_labels.npy", "<i8", []int{6}, 0, 1, 2, 7, 8, 9)
	writeArray(t, folder+"/test_labels.npy", "<i8", []int{3}, 3, 4, 5)
	return folder
}

func openTiny(t testing.TB, folder string, e Environment) (Dataset, error) {
	t.Helper()
	f, err := Lookup("avmnist")
	if err != nil {
		t.Fatal(err)
	}
	o := f.Options().(*AVMNISTOptions)
	o.Path, o.Validation = folder, 2
	d, err := f.Open(context.Background(), o, e)
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

func TestAVMNIST(t *testing.T) {
	folder := tiny(t)
	d, err := openTiny(t, filepath.Base(folder), Environment{Folder: filepath.Dir(folder)})
	if err != nil {
		t.Fatal(err)
	}
	if d.Len(Train) != 4 || d.Len(Validation) != 2 || d.Len(Test) != 3 || d.Len(7) != 0 {
		t.Errorf("rows %d, %d, %d", d.Len(Train), d.Len(Validation), d.Len(Test))
	}
	if got := fmt.Sprint(d.Modalities()); got != "[{image map [1 2 2]} {audio map [1 3 2]}]" {
		t.Errorf("modalities %s", got)
	}
	if len(d.Classes()) != 10 || d.MultiLabel() {
		t.Errorf("classes %v, many %v", d.Classes(), d.MultiLabel())
	}
	// The training rows of the images hold 0 to 15: mean 7.5, variance (16²−1)/12. Those of the audio hold 0 to 23.
	image := Standardisation{7.5, math.Sqrt(255. / 12)}
	audio := Standardisation{11.5, math.Sqrt(575. / 12)}
	for name, want := range map[string]Standardisation{"image": image, "audio": audio} {
		got := d.Preprocessing()[name]
		if math.Abs(got.Mean-want.Mean) > 1e-12 || math.Abs(got.Deviation-want.Deviation) > 1e-12 {
			t.Errorf("%s is standardised by %v, want %v", name, got, want)
		}
	}
	for _, c := range []struct {
		split    Split
		modality int
		row      int
		first    float64
		standard Standardisation
		label    float32
	}{
		{Train, 0, 1, 4, image, 1},
		{Validation, 0, 1, 20, image, 9},
		{Test, 0, 2, 8, image, 5},
		{Train, 1, 3, 18, audio, 7},
		{Validation, 1, 0, 24, audio, 8},
		{Test, 1, 0, 0, audio, 3},
	} {
		sample, label := make([]float32, d.Modalities()[c.modality].Size()), make([]float32, 1)
		if err := d.Read(c.split, c.modality, c.row, sample); err != nil {
			t.Fatal(err)
		}
		for i, v := range sample {
			if want := float32((c.first + float64(i) - c.standard.Mean) / c.standard.Deviation); math.Abs(float64(v-want)) > 1e-6 {
				t.Errorf("%s, modality %d, row %d, element %d: %v, want %v", c.split, c.modality, c.row, i, v, want)
			}
		}
		if err := d.Label(c.split, c.row, label); err != nil || label[0] != c.label {
			t.Errorf("%s, row %d: label %v, want %v: %v", c.split, c.row, label, c.label, err)
		}
	}
}

// TestNumericTypes opens the same numbers in every type and sample shape and gets the same samples.
func TestNumericTypes(t *testing.T) {
	want, err := openTiny(t, tiny(t), Environment{})
	if err != nil {
		t.Fatal(err)
	}
	for _, descr := range []string{"|u1", "|i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<f4", ">f4", "<f8", ">f8"} {
		for _, shape := range [][]int{{6, 4}, {6, 2, 2}, {6, 1, 2, 2}, {6, 2, 2, 1}} {
			folder := tiny(t)
			writeArray(t, folder+"/image/train_data.npy", descr, shape, ramp(24)...)
			writeArray(t, folder+"/train_labels.npy", descr, []int{6, 1}, 0, 1, 2, 7, 8, 9)
			d, err := openTiny(t, folder, Environment{})
			if err != nil {
				t.Fatal(descr, shape, err)
			}
			for _, s := range []Split{Train, Validation, Test} {
				for row := range d.Len(s) {
					a, b := make([]float32, 5), make([]float32, 5)
					if err := cmpErrors(d.Read(s, 0, row, a[:4]), want.Read(s, 0, row, b[:4]), d.Label(s, row, a[4:]), want.Label(s, row, b[4:])); err != nil {
						t.Fatal(descr, shape, err)
					}
					if !slices.Equal(a, b) {
						t.Errorf("%s %v: %s row %d is %v, want %v", descr, shape, s, row, a, b)
					}
				}
			}
		}
	}
}

func cmpErrors(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestAVMNISTErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(folder string)
		want   []string
	}{
		{"missing file", func(f string) { os.Remove(f + "/train_labels.npy") }, []string{"train_labels.npy", "no such file"}},
		{"no folder", func(f string) { os.RemoveAll(f) }, []string{"no such file", "mixmas data build"}},
		{"NaN", func(f string) {
			writeArray(t, f+"/image/train_data.npy", "<f4", []int{6, 4}, append(ramp(22), math.NaN(), 1)...)
		}, []string{"image/train_data.npy", "row 5", "NaN"}},
		{"NaN in the first element", func(f string) {
			writeArray(t, f+"/image/train_data.npy", "<f8", []int{6, 4}, append([]float64{math.NaN()}, ramp(23)...)...)
		}, []string{"image/train_data.npy", "row 0", "NaN"}},
		{"infinite test value", func(f string) {
			writeArray(t, f+"/image/test_data.npy", ">f8", []int{3, 4}, append(ramp(7), math.Inf(-1), 1, 2, 3, 4)...)
		}, []string{"image/test_data.npy", "row 1", "-Inf"}},
		{"beyond float32", func(f string) { writeArray(t, f+"/image/test_data.npy", "<f8", []int{3, 4}, 1e300) }, []string{"image/test_data.npy", "row 0", "1e+300"}},
		{"label out of range", func(f string) { writeArray(t, f+"/train_labels.npy", "<i8", []int{6}, 0, 1, 2, 3, 10, 4) }, []string{"train_labels.npy", "row 4", "label 10", "0 to 9"}},
		{"negative label", func(f string) { writeArray(t, f+"/test_labels.npy", "|i1", []int{3}, 0, -1, 2) }, []string{"test_labels.npy", "row 1", "label -1"}},
		{"label between classes", func(f string) { writeArray(t, f+"/test_labels.npy", "<f4", []int{3}, 0, 1, 2.5) }, []string{"test_labels.npy", "row 2", "label 2.5 is not a whole number", "regression", "numpy.digitize"}},
		{"label that is no number", func(f string) { writeArray(t, f+"/test_labels.npy", "<f4", []int{3}, 0, 1, math.NaN()) }, []string{"test_labels.npy", "row 2", "label NaN is no class"}},
		{"one-hot labels", func(f string) { writeArray(t, f+"/test_labels.npy", "<f4", []int{3, 10}, 0) }, []string{"test_labels.npy", "3×10"}},
		{"fewer labels", func(f string) { writeArray(t, f+"/train_labels.npy", "<i8", []int{5}, 1) }, []string{"train_labels.npy", "image/train_data.npy", "4 rows", "3"}},
		{"fewer test samples", func(f string) { writeArray(t, f+"/audio/test_data.npy", "|u1", []int{2, 3, 2}, 1) }, []string{"audio/test_data.npy has 2 rows", "test_labels.npy 3"}},
		{"no square", func(f string) { writeArray(t, f+"/image/train_data.npy", "<f4", []int{6, 5}, 1) }, []string{"image/train_data.npy", "5 elements"}},
		{"test samples of another shape", func(f string) { writeArray(t, f+"/audio/test_data.npy", "|u1", []int{3, 2, 3}, 1) }, []string{"audio/test_data.npy", "1×2×3", "1×3×2"}},
		{"too many axes", func(f string) { writeArray(t, f+"/audio/test_data.npy", "|u1", []int{3, 2, 3, 2, 2}, 1) }, []string{"audio/test_data.npy", "2×3×2×2"}},
		{"empty samples", func(f string) { writeArray(t, f+"/image/train_data.npy", "<f4", []int{6, 0}, 1) }, []string{"image/train_data.npy", "no elements"}},
		{"no rows", func(f string) { writeArray(t, f+"/test_labels.npy", "<f4", []int{0}, 1) }, []string{"test_labels.npy", "no rows"}},
		{"too few rows", func(f string) { writeArray(t, f+"/train_labels.npy", "<f4", []int{2}, 1) }, []string{"train_labels.npy", "2 of its 2 rows for validation"}},
		{"truncated", func(f string) { os.Truncate(f+"/audio/train_data.npy", 90) }, []string{"audio/train_data.npy", "truncated", "6×3×2"}},
		{"longer", func(f string) { appendTo(t, f+"/audio/train_data.npy", "x") }, []string{"audio/train_data.npy", "longer"}},
		{"empty file", func(f string) { os.Truncate(f+"/audio/train_data.npy", 0) }, []string{"audio/train_data.npy", "truncated"}},
		{"Fortran order", func(f string) {
			path := f + "/image/train_data.npy"
			b, _ := os.ReadFile(path)
			os.WriteFile(path, bytes.Replace(b, []byte("False"), []byte("True "), 1), 0o644)
		}, []string{"image/train_data.npy", "Fortran"}},
		{"a folder in the place of a file", func(f string) { os.Remove(f + "/test_labels.npy"); os.Mkdir(f+"/test_labels.npy", 0o755) }, []string{"test_labels.npy", "directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := tiny(t)
			c.change(folder)
			_, err := openTiny(t, folder, Environment{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q has several lines", err)
			}
		})
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// generic is a data set of every kind of modality, many labels and files for every split.
func generic(t *testing.T, change func(*NPYOptions)) (Dataset, error) {
	t.Helper()
	folder := t.TempDir()
	o := NPYOptions{Name: "ward", Validation: 1, MultiLabel: true, Labels: NPYFiles{"y0.npy", "y1.npy", "y2.npy"}}
	for _, m := range []struct {
		name  string
		kind  Kind
		shape []int
	}{{"scan", Map, []int{2, 3, 3}}, {"vitals", Sequence, []int{4, 2}}, {"notes", Sequence, []int{5}}, {"static", Table, []int{3}}, {"age", Table, nil}} {
		o.Modalities = append(o.Modalities, NPYModality{Name: m.name, Kind: m.kind, NPYFiles: NPYFiles{m.name + "0.npy", m.name + "1.npy", m.name + "2.npy"}})
		for i, rows := range []int{4, 3, 2} {
			writeArray(t, fmt.Sprintf("%s/%s%d.npy", folder, m.name, i), "<f8", append([]int{rows}, m.shape...), ramp(7)...)
		}
	}
	for i, rows := range []int{4, 3, 2} {
		writeArray(t, fmt.Sprintf("%s/y%d.npy", folder, i), "|b1", []int{rows, 3}, 0, 1, 1, 1)
	}
	if change != nil {
		change(&o)
	}
	f, err := Lookup("npy")
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Open(context.Background(), &o, Environment{Folder: folder})
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

func TestNPY(t *testing.T) {
	d, err := generic(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Len(Train) != 4 || d.Len(Validation) != 3 || d.Len(Test) != 2 || d.Name() != "ward" {
		t.Errorf("%s has %d, %d, %d rows", d.Name(), d.Len(Train), d.Len(Validation), d.Len(Test))
	}
	if got := fmt.Sprint(d.Modalities()); got != "[{scan map [2 3 3]} {vitals sequence [4 2]} {notes sequence [5 1]} {static table [3]} {age table [1]}]" {
		t.Errorf("modalities %s", got)
	}
	if !slices.Equal(d.Classes(), []string{"0", "1", "2"}) || !d.MultiLabel() {
		t.Errorf("classes %v", d.Classes())
	}
	label := make([]float32, 3)
	if err := d.Label(Train, 1, label); err != nil || !slices.Equal(label, []float32{1, 0, 1}) {
		t.Errorf("label %v, %v", label, err)
	}
}

func TestNPYOptions(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*NPYOptions)
		want   string // "" where it is right
	}{
		{"no test split", func(o *NPYOptions) {
			o.Labels.Test = ""
			for i := range o.Modalities {
				o.Modalities[i].Test = ""
			}
		}, ""},
		{"validation from the training files", func(o *NPYOptions) {
			o.Labels.Validation, o.Validation = "", 1
			for i := range o.Modalities {
				o.Modalities[i].Validation = ""
			}
		}, ""},
		{"shape", func(o *NPYOptions) { o.Modalities[0].Shape = []int{1, 6, 3} }, ""},
		{"names of classes", func(o *NPYOptions) { o.Classes = []string{"a", "b", "c"} }, ""},
		{"another number of classes", func(o *NPYOptions) { o.Classes = []string{"a", "b"} }, "want N×2"},
		{"no modalities", func(o *NPYOptions) { o.Modalities = nil }, "modalities"},
		{"no labels", func(o *NPYOptions) { o.Labels.Train = "" }, "labels: no train file"},
		{"no name", func(o *NPYOptions) { o.Modalities[1].Name = "" }, "modalities[1]: the modality has no name"},
		{"a class without name", func(o *NPYOptions) { o.Classes = []string{"a", "", "c"} }, "classes[1]: the class has no name"},
		{"one name twice", func(o *NPYOptions) { o.Modalities[1].Name = "scan" }, "scan is named twice"},
		{"one class twice", func(o *NPYOptions) { o.Classes = []string{"a", "b", "a"} }, `classes[2]: "a" is named twice`},
		{"kind", func(o *NPYOptions) { o.Modalities[1].Kind = "graph" }, `want one of map, sequence, table, got "graph"`},
		{"kind that does not fit", func(o *NPYOptions) { o.Modalities[0].Kind = Sequence }, "do not make a sequence"},
		{"shape that does not fit", func(o *NPYOptions) { o.Modalities[0].Shape = []int{1, 6, 4} }, "1×6×4"},
		{"shape beyond counting", func(o *NPYOptions) { o.Modalities[0].Shape = []int{1 << 40, 1 << 40, 18} }, "too many elements"},
		{"shape of another kind", func(o *NPYOptions) { o.Modalities[0].Shape = []int{18} }, "1 axes"},
		{"a split of labels alone", func(o *NPYOptions) { o.Modalities[2].Test = "" }, "notes"},
		{"many labels as one", func(o *NPYOptions) { o.MultiLabel = false }, "labels have shape 4×3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := generic(t, c.change)
			if c.want == "" && err != nil {
				t.Fatal(err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// counting is a cache that counts what it is asked.
type counting struct {
	Cache
	lock       sync.Mutex
	hits, puts int
}

func (c *counting) Get(key string) ([]byte, bool) {
	value, ok := c.Cache.Get(key)
	c.lock.Lock()
	defer c.lock.Unlock()
	if ok {
		c.hits++
	}
	return value, ok
}

func (c *counting) Put(key string, value []byte) error {
	c.lock.Lock()
	c.puts++
	c.lock.Unlock()
	return c.Cache.Put(key, value)
}

func TestFingerprint(t *testing.T) {
	setClock(t, time.Minute)
	inner, err := OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cache := &counting{Cache: inner}
	folder := tiny(t)
	open := func(e Environment) string {
		t.Helper()
		d, err := openTiny(t, folder, e)
		if err != nil {
			t.Fatal(err)
		}
		return d.Fingerprint()
	}
	first := open(Environment{Cache: cache})
	if len(first) != 64 || cache.puts != 6 || cache.hits != 0 {
		t.Fatalf("fingerprint %s, %d written, %d found", first, cache.puts, cache.hits)
	}
	if again := open(Environment{Cache: cache}); again != first || cache.hits != 6 || cache.puts != 6 {
		t.Errorf("the second time %s, %d written, %d found", again, cache.puts, cache.hits)
	}
	if plain := open(Environment{}); plain != first {
		t.Errorf("without a cache %s", plain)
	}

	// Content changes behind an unchanged size and time: the change time tells.
	path := folder + "/audio/test_data.npy"
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	writeArray(t, path, "|u1", []int{3, 3, 2}, 5)
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	changed := open(Environment{Cache: cache})
	if hasChangeTimes(t, path) == (changed == first) {
		t.Errorf("after a change that kept size and time: %s, before %s", changed, first)
	}
	if changed := open(Environment{Cache: cache, Verify: true}); changed == first {
		t.Error("verification did not see the change")
	}
	if corrected := open(Environment{Cache: cache}); corrected == first {
		t.Errorf("verification did not correct the cache: %s", corrected)
	}

	// Another file of the same content in its place is read again, and has the same fingerprint.
	before := cache.hits
	writeArray(t, path+".new", "|u1", []int{3, 3, 2}, 5)
	if err := os.Chtimes(path+".new", info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if again := open(Environment{Cache: cache}); again == first || hasChangeTimes(t, path) && cache.hits != before+5 {
		t.Errorf("with a copy in the place of a file: %s, %d of 6 files were not read", again, cache.hits-before)
	}

	// A new time makes the entry useless.
	writeArray(t, path, "|u1", []int{3, 3, 2}, 6)
	later := info.ModTime().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if newer := open(Environment{Cache: cache}); newer == changed {
		t.Error("a file with a new time was not read again")
	}
}

// hasChangeTimes reports whether the system keeps change times for the file at path.
func hasChangeTimes(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	i, err := identify(f)
	if err != nil {
		t.Fatal(err)
	}
	return !i.changed.IsZero()
}

// setClock sets the clock that stamps are compared with to some time from now, and stops it until the test ends.
func setClock(t *testing.T, later time.Duration) {
	stopped := time.Now().Add(later)
	now = func() time.Time { return stopped }
	t.Cleanup(func() { now = time.Now })
}

func TestFingerprintDependsOnSplitNotPlace(t *testing.T) {
	a, err := openTiny(t, tiny(t), Environment{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := openTiny(t, tiny(t), Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("a copy in another folder has another fingerprint")
	}
	c, err := openAVMNIST(context.Background(), AVMNISTOptions{Path: tiny(t), Validation: 1}, Environment{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Fingerprint() == a.Fingerprint() {
		t.Error("another split has the same fingerprint")
	}
}

func TestGivenPreprocessing(t *testing.T) {
	given := map[string]Standardisation{"image": {10, 2}, "audio": {1, 4}}
	d, err := openTiny(t, tiny(t), Environment{Preprocessing: given})
	if err != nil {
		t.Fatal(err)
	}
	sample := make([]float32, 4)
	if err := d.Read(Train, 0, 1, sample); err != nil || !slices.Equal(sample, []float32{-3, -2.5, -2, -1.5}) {
		t.Errorf("sample %v, %v", sample, err)
	}
	if !maps.Equal(d.Preprocessing(), given) {
		t.Errorf("preprocessing %v", d.Preprocessing())
	}
	open := func(preprocessing map[string]Standardisation) (Dataset, error) {
		return generate(context.Background(), BuiltinOptions{Train: 5, Validation: 1, Test: 1, Classes: 10}, Environment{Preprocessing: preprocessing})
	}
	own, err := open(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := open(given)
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]float32, mapSize), make([]float32, mapSize)
	if err := cmpErrors(own.Read(Test, 1, 0, a), other.Read(Test, 1, 0, b)); err != nil {
		t.Fatal(err)
	}
	s := own.Preprocessing()["audio"]
	for i := range a {
		if want := (float64(a[i])*s.Deviation + s.Mean - 1) / 4; math.Abs(float64(b[i])-want) > 1e-5 {
			t.Fatalf("element %d is %v, want %v", i, b[i], want)
		}
	}
	for name, wrong := range map[string]map[string]Standardisation{
		"the model reads the modalities image, this data set has audio, image":              {"image": {0, 1}},
		"the model reads the modalities audio, image, text, this data set has audio, image": {"image": {0, 1}, "audio": {0, 1}, "text": {0, 1}},
		"deviation 0":   {"image": {0, 0}, "audio": {0, 1}},
		"deviation NaN": {"image": {0, math.NaN()}, "audio": {0, 1}},
	} {
		if _, err := open(wrong); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
}

func TestReadBeyond(t *testing.T) {
	files, err := openTiny(t, tiny(t), Environment{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []Dataset{files, openBuiltin(t, func(o *BuiltinOptions) { o.Train, o.Validation, o.Test = 4, 2, 3 })} {
		size := d.Modalities()[0].Size()
		for name, err := range map[string]error{
			"row 4":      d.Read(Train, 0, 4, make([]float32, size)),
			"row -1":     d.Read(Train, 0, -1, make([]float32, size)),
			"modality 2": d.Read(Train, 2, 0, make([]float32, size)),
			"split(3)":   d.Read(3, 0, 0, make([]float32, size)),
			"3":          d.Read(Train, 0, 0, make([]float32, 3)),
			"row 2":      d.Label(Validation, 2, make([]float32, 1)),
			"split(-1)":  d.Label(-1, 0, make([]float32, 1)),
			"2":          d.Label(Test, 0, make([]float32, 2)),
		} {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: error %v, want one with %q", d.Name(), err, name)
			}
		}
	}
	files.Close()
	if err := files.Read(Train, 0, 0, make([]float32, 4)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("reading a closed data set: %v", err)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	files, err := openTiny(t, tiny(t), Environment{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []Dataset{files, openBuiltin(t, func(o *BuiltinOptions) { o.Train, o.Validation, o.Test = 4, 2, 3 })} {
		sample, label := make([]float32, d.Modalities()[0].Size()), make([]float32, 1)
		if n := testing.AllocsPerRun(100, func() {
			if err := cmpErrors(d.Read(Train, 0, 1, sample), d.Label(Train, 1, label)); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a row", d.Name(), n)
		}
	}
}

// A file that is cut while it is open is an error, and rows before the cut can still be read.
func TestFileThatIsCut(t *testing.T) {
	path := t.TempDir() + "/x.npy"
	writeArray(t, path, "<f4", []int{8, 5000}, ramp(40000)...)
	a := opened(t, path)
	if err := os.Truncate(path, a.offset+4*5000*6+100); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for row := range 8 {
		group.Go(func() {
			dst := make([]float32, 5000)
			err := a.read(row, Standardisation{0, 1}, dst)
			if (err != nil) != (row > 5) || row > 5 && !strings.Contains(err.Error(), fmt.Sprintf("x.npy: row %d: the file is closed or shorter than it was", row)) {
				t.Errorf("row %d: %v", row, err)
			}
			if row <= 5 && dst[4999] != float32(row*5000+4999) {
				t.Errorf("row %d ends with %v", row, dst[4999])
			}
		})
	}
	group.Wait()
}

// A file that is written to in place is noticed; one that is replaced by another, or renamed, stays what it was.
func TestFileThatChanges(t *testing.T) {
	const written = "x.npy: the file was written to while it was in use: run again"
	for _, c := range []struct {
		name   string
		change func(t *testing.T, path string)
		want   string
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"another file in its place", func(t *testing.T, path string) {
			writeArray(t, path+".new", "<f4", []int{2, 3}, ramp(12)[6:]...)
			must(t, os.Rename(path+".new", path))
		}, ""},
		{"another name", func(t *testing.T, path string) { must(t, os.Rename(path, path+".old")) }, ""},
		{"removed", func(t *testing.T, path string) { must(t, os.Remove(path)) }, ""},
		{"permissions", func(t *testing.T, path string) { must(t, os.Chmod(path, 0o400)) }, ""},
		{"a second name", func(t *testing.T, path string) { must(t, os.Link(path, path+".link")) }, ""},
		{"the time", func(t *testing.T, path string) { must(t, os.Chtimes(path, time.Time{}, time.Unix(1, 0))) }, written},
		{"longer", func(t *testing.T, path string) { appendTo(t, path, "x") }, written},
		{"content", func(t *testing.T, path string) { writeArray(t, path, "<f4", []int{2, 3}, ramp(12)[6:]...) }, written},
		{"content, and the time set back", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			writeArray(t, path, "<f4", []int{2, 3}, ramp(12)[6:]...)
			must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, written},
	} {
		t.Run(c.name, func(t *testing.T) {
			setClock(t, time.Minute)
			path := t.TempDir() + "/x.npy"
			writeArray(t, path, "<f4", []int{2, 3}, ramp(6)...)
			a := opened(t, path)
			want, err := a.scan(t.Context(), 2, Environment{})
			must(t, err)
			c.change(t, path)
			for range 2 {
				err := a.unchanged(t.Context())
				if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && !strings.Contains(got, c.want) {
					t.Errorf("got error %v, want %q", err, c.want)
				}
			}
			if c.want == "" {
				if got, err := a.pass(t.Context(), 2); err != nil || got != want {
					t.Errorf("another pass finds %v, %v, want %v", got, err, want)
				}
			}
		})
	}
}

// A file that is written to between its opening and its scan is refused, since its labels may have been read.
func TestFileThatChangesWhileItIsOpened(t *testing.T) {
	setClock(t, time.Minute)
	path := t.TempDir() + "/x.npy"
	writeArray(t, path, "<f4", []int{2, 3}, ramp(6)...)
	if !hasChangeTimes(t, path) {
		t.Skip("the file system keeps no change times: size and time of modification are all there is to tell")
	}
	info, err := os.Stat(path)
	must(t, err)
	a := opened(t, path)
	writeArray(t, path, "<f4", []int{2, 3}, ramp(12)[6:]...)
	must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	if found, err := a.scan(t.Context(), 2, Environment{}); err == nil || !strings.Contains(err.Error(), "written to while it was in use") {
		t.Errorf("scan: %v, error %v", found, err)
	}
}

// Where stamps are too coarse or too young to tell, the content is read again until they are not.
func TestFileThatChangesBehindItsStamps(t *testing.T) {
	setClock(t, 0)
	path := t.TempDir() + "/x.npy"
	writeArray(t, path, "<f4", []int{2, 3}, ramp(6)...)
	a := opened(t, path)
	_, err := a.scan(t.Context(), 2, Environment{})
	must(t, err)
	must(t, a.unchanged(t.Context()))
	if a.telling {
		t.Error("a file that was made just now has stamps that tell")
	}
	writeArray(t, path, "<f4", []int{2, 3}, ramp(12)[6:]...)
	a.identity, err = identify(a.file) // as if it had been changed within one tick of the stamps
	must(t, err)
	if err := a.unchanged(t.Context()); err == nil {
		t.Error("the change was not noticed")
	}
	writeArray(t, path, "<f4", []int{2, 3}, ramp(6)...)
	a.identity, err = identify(a.file)
	must(t, err)
	setClock(t, time.Minute)
	must(t, a.unchanged(t.Context()))
	if !a.telling {
		t.Error("a minute later the stamps do not tell")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, a.unchanged(cancelled)) // nothing is read
	a.telling = false
	if err := a.unchanged(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: error %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// opened is an array that is open until the test ends.
func opened(t testing.TB, path string) *array {
	t.Helper()
	a, err := openArray(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.file.Close() })
	return a
}

func BenchmarkRead(b *testing.B) {
	folder := b.TempDir()
	writeArray(b, folder+"/x.npy", "<f4", []int{512, 112, 112}, ramp(1000)...)
	a := opened(b, folder+"/x.npy")
	dst := make([]float32, 112*112)
	b.ReportAllocs()
	b.SetBytes(4 * 112 * 112)
	row := 0
	for b.Loop() {
		if err := a.read(row%512, Standardisation{3, 1.7}, dst); err != nil {
			b.Fatal(err)
		}
		row++
	}
}
