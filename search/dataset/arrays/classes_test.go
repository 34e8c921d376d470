package arrays

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/dataset/npy"
)

// text is an npy file of texts of at most so many letters.
func text(letters int, rows ...string) []byte {
	b, err := npy.AppendHeader(nil, npy.Header{Type: npy.Type{Kind: 'U', Size: 4 * letters}, Shape: []int{len(rows)}})
	if err != nil {
		panic(err)
	}
	for _, row := range rows {
		padded := make([]rune, letters)
		copy(padded, []rune(row))
		for _, r := range padded {
			b = binary.LittleEndian.AppendUint32(b, uint32(r))
		}
	}
	return b
}

// withLabels opens six training rows and two validation rows, whose labels are in files that write makes.
func withLabels(t *testing.T, write func(train, validation string), change func(*Options)) (dataset.Dataset, error) {
	t.Helper()
	folder := t.TempDir()
	datasettest.WriteArray(t, folder+"/x0.npy", "<f4", []int{6}, datasettest.Ramp(6)...)
	datasettest.WriteArray(t, folder+"/x1.npy", "<f4", []int{2}, 7, 8)
	write(filepath.Join(folder, "y0.npy"), filepath.Join(folder, "y1.npy"))
	o := Options{Name: "labels", Validation: 1, Standardise: dataset.PerFeature, Labels: Files{Train: "y0.npy", Validation: "y1.npy"},
		Modalities: []Modality{{Name: "x", Kind: mixer.Table, Files: Files{Train: "x0.npy", Validation: "x1.npy"}}}}
	if change != nil {
		change(&o)
	}
	d, err := Open(t.Context(), o, dataset.Environment{Folder: folder})
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

// Labels of every form are classes, and numbers that stand for no class are named.
func TestLabels(t *testing.T) {
	numbers := func(descr string, shape []int, train, validation []float64) func(a, b string) {
		return func(a, b string) {
			datasettest.WriteArray(t, a, descr, append([]int{6}, shape...), train...)
			datasettest.WriteArray(t, b, descr, append([]int{2}, shape...), validation...)
		}
	}
	texts := func(train, validation []string) func(a, b string) {
		return func(a, b string) {
			for path, list := range map[string][]string{a: train, b: validation} {
				if err := os.WriteFile(path, text(9, list...), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	name := func(classes ...string) func(*Options) { return func(o *Options) { o.Classes = classes } }
	six := []string{"dog", "cat", "Tür", "dog", "cat", "dog"}
	for _, c := range []struct {
		name    string
		write   func(a, b string)
		change  func(*Options)
		classes []string
		labels  []float32 // of the training rows
		fails   string
	}{
		{"integers", numbers("<i8", nil, []float64{0, 2, 1, 0, 1, 2}, []float64{1, 0}), nil, []string{"0", "1", "2"}, []float32{0, 2, 1, 0, 1, 2}, ""},
		{"floating-point numbers", numbers("<f8", nil, []float64{0, 1}, []float64{1, 0}), nil, []string{"0", "1"}, []float32{0, 1, 0, 1, 0, 1}, ""},
		{"booleans", numbers("|b1", nil, []float64{0, 1, 1}, []float64{1, 0}), nil, []string{"0", "1"}, []float32{0, 1, 1, 0, 1, 1}, ""},
		{"a column", numbers("|u1", []int{1}, []float64{0, 1}, []float64{1, 0}), nil, []string{"0", "1"}, []float32{0, 1, 0, 1, 0, 1}, ""},
		{"one-hot", numbers("|u1", []int{3}, []float64{0, 0, 1, 1, 0, 0, 0, 1, 0}, []float64{1, 0, 0, 0, 1, 0}), nil, []string{"0", "1", "2"}, []float32{2, 0, 1, 2, 0, 1}, ""},
		{"one-hot with names", numbers("<f4", []int{2}, []float64{0, 1, 1, 0}, []float64{1, 0, 0, 1}), name("a", "b"), []string{"a", "b"}, []float32{1, 0, 1, 0, 1, 0}, ""},
		{"one-hot without one", numbers("|u1", []int{3}, []float64{0, 0, 1, 0, 0, 0}, []float64{1, 0, 0}), nil, nil, nil, "y0.npy: row 1: the row has 0 labels: want 1 (or `multi_label: true` for any number of labels per row)"},
		{"two of one-hot", numbers("|u1", []int{3}, []float64{0, 1, 1}, []float64{1, 0, 0}), nil, nil, nil, "row 0: the row has 2 labels"},
		{"probabilities", numbers("<f4", []int{2}, []float64{0.5, 0.5}, []float64{1, 0}), nil, nil, nil, "row 0: the label has the element 0.5"},
		{"one-hot with a class of nobody", numbers("|u1", []int{3}, []float64{1, 0, 0, 0, 0, 1}, []float64{1, 0, 0}), nil, nil, nil, "no training row has the label 1"},
		{"one-hot with too many classes", numbers("|u1", []int{3}, []float64{1, 0, 0, 0, 0, 1}, []float64{1, 0, 0}), name("a", "b"), nil, nil, "label 2 is out of range, want 0 to 1"},
		{"1 to K", numbers("|u1", nil, []float64{1, 2, 3}, []float64{1, 2}), nil, nil, nil, "y0.npy: the training labels are 1 to 3, but classes are numbered from 0: subtract 1 from the labels"},
		{"255 for none", numbers("|u1", nil, []float64{0, 1, 255}, []float64{1, 0}), nil, nil, nil, "the training labels go up to 255, but no training row has the label 2 to 254: number the classes from 0 without gaps and remove rows without a label, or name all classes"},
		{"several gaps", numbers("|u1", nil, []float64{0, 2, 5, 9}, []float64{0, 0}), nil, nil, nil, "no training row has the label 1, 3, 4, 6 to 8:"},
		{"gaps with names", numbers("|u1", nil, []float64{0, 2}, []float64{0, 0}), name("a", "b", "c"), []string{"a", "b", "c"}, []float32{0, 2, 0, 2, 0, 2}, ""},
		{"one class", numbers("|u1", nil, []float64{0}, []float64{0, 0}), nil, nil, nil, "the labels of 6 rows imply 1 classes: want at least 2"},
		{"text", texts(six, []string{"cat", "dog"}), nil, []string{"Tür", "cat", "dog"}, []float32{2, 1, 0, 2, 1, 2}, ""},
		{"text with classes", texts(six, []string{"cat", "dog"}), name("dog", "cat", "Tür", "emu"), []string{"dog", "cat", "Tür", "emu"}, []float32{0, 1, 2, 0, 1, 0}, ""},
		{"text that is no class", texts(six, []string{"cat", "dog"}), name("dog", "cat"), nil, nil, `y0.npy: row 2: the label "Tür" is none of the classes`},
		{"text that only others have", texts(six, []string{"cat", "emu"}), nil, nil, nil, `y1.npy: row 1: no training row has the label "emu"`},
		{"one text", texts(slices.Repeat([]string{"dog"}, 6), []string{"dog", "dog"}), nil, nil, nil, `all training rows have the label "dog"`},
		{"empty text", texts([]string{"dog", "", "cat", "dog", "dog", "dog"}, []string{"dog", "dog"}), nil, nil, nil, "y0.npy: row 1: the label is empty"},
		{"text and numbers", func(a, b string) {
			texts(six, six[:2])(a, b)
			datasettest.WriteArray(t, b, "|u1", []int{2}, 0, 1)
		}, nil, nil, nil, "are text"},
		{"text for several labels", texts(six, six[:2]), func(o *Options) { o.MultiLabel = true }, nil, nil, "the elements are text, want numbers (type <U9): with multi_label, labels are one 0/1 element per class"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := withLabels(t, c.write, c.change)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v, want one with %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []float32
			for row := range 6 {
				label := make([]float32, 1)
				if err := d.Label(dataset.Train, row, label); err != nil {
					t.Fatal(err)
				}
				got = append(got, label[0])
			}
			if !slices.Equal(d.Task().Classes, c.classes) || !slices.Equal(got, c.labels) {
				t.Errorf("classes %q, labels %v, want %q, %v", d.Task().Classes, got, c.classes, c.labels)
			}
			if err := d.Unchanged(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Texts that a person reads as the same class are.
func TestClassesThatLookAlike(t *testing.T) {
	d, err := withLabels(t, func(a, b string) {
		for path, rows := range map[string][]byte{a: text(4, "dog", "Dog", "cat", "cat ", "dog", "cat"), b: text(4, "dog", "cat")} {
			if err := os.WriteFile(path, rows, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`the labels "cat" and "cat " are different classes, but look alike`, `the labels "Dog" and "dog" are different classes, but look alike`}
	if got := d.Warnings(); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

// MNIST's own files, and the arrays of an npz archive, are data sets as they are.
func TestPublishedFiles(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	squeezed := func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		w.Write(b)
		w.Close()
		return out.Bytes()
	}
	images, labels := []byte{0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 2}, []byte{0, 0, 8, 1, 0, 0, 0, 6}
	for i := range 24 {
		images = append(images, byte(i*i))
	}
	labels = append(labels, 0, 1, 0, 1, 0, 1)
	write("train-images-idx3-ubyte.gz", squeezed(images))
	write("train-labels-idx1-ubyte.gz", squeezed(labels))
	write("images.idx", images)
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, content := range map[string][]byte{"x_train.npy": slices.Concat(header(npy.Uint8, 6, 2, 2), images[16:]), "y_train.npy": slices.Concat(header(npy.Uint8, 6), labels[8:])} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(content)
	}
	w.Close()
	write("mnist.npz", archive.Bytes())
	prints := map[string]bool{}
	var first []float32
	for _, files := range [][2]string{{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}, {"images.idx", "train-labels-idx1-ubyte.gz"}, {"mnist.npz/x_train", "mnist.npz/y_train"}} {
		for _, decoded := range []string{"", t.TempDir()} {
			d, err := Open(t.Context(), Options{Name: "mnist", Validation: 2, Standardise: dataset.PerModality, Labels: Files{Train: files[1]},
				Modalities: []Modality{{Name: "image", Kind: mixer.Map, Files: Files{Train: files[0]}}}}, dataset.Environment{Folder: folder, Decoded: decoded, DecodedBytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			sample := make([]float32, 4)
			if err := d.Read(dataset.Validation, 0, 1, sample); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = sample
			}
			if !slices.Equal(sample, first) || !slices.Equal(d.Modalities()[0].Shape, []int{1, 2, 2}) {
				t.Errorf("%v reads %v, want %v", files, sample, first)
			}
			prints[d.Fingerprint()] = true
		}
	}
	if len(prints) != 2 { // compressed or not; npz is another file
		t.Errorf("%d fingerprints", len(prints))
	}
}

func header(t npy.Type, shape ...int) []byte {
	b, err := npy.AppendHeader(nil, npy.Header{Type: t, Shape: shape})
	if err != nil {
		panic(err)
	}
	return b
}

// A data set closes all files that it opened, also those whose labels turned out to have a form of their own.
func TestAllFilesAreClosed(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("the system does not list open files")
	}
	folder := ""
	d, err := withLabels(t, func(a, b string) {
		folder = filepath.Dir(a)
		datasettest.WriteArray(t, a, "|u1", []int{6, 2}, 0, 1, 1, 0)
		datasettest.WriteArray(t, b, "|u1", []int{2, 2}, 1, 0, 0, 1)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	open := func() (paths []string) {
		links, _ := filepath.Glob("/proc/self/fd/*")
		for _, l := range links {
			if path, err := os.Readlink(l); err == nil && strings.HasPrefix(path, folder) {
				paths = append(paths, path)
			}
		}
		return paths
	}
	if got := open(); len(got) != 4 {
		t.Errorf("open files: %q, want 4", got)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if got := open(); len(got) != 0 {
		t.Errorf("files stay open: %q", got)
	}
}
