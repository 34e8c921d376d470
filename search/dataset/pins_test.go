package dataset_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"gopkg.in/yaml.v3"

	"mixmas/search/dataset"
	_ "mixmas/search/dataset/formats"
)

// pinnedArray writes an npy file whose element i is value(i).
func pinnedArray(t *testing.T, path, descr string, shape []int, value func(i int) float64) {
	t.Helper()
	size, list := 1, ""
	for _, n := range shape {
		size *= n
		list += fmt.Sprintf("%d,", n)
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s)}\n", descr, list)
	b := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(text)))...)
	b = append(b, text...)
	for i := range size {
		switch v := value(i); descr {
		case "|u1":
			b = append(b, byte(v))
		case "<i8":
			b = binary.LittleEndian.AppendUint64(b, uint64(int64(v)))
		case "<f4":
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		case "<f8":
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
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

// wave is neither round nor monotonous.
func wave(scale, shift float64) func(int) float64 {
	return func(i int) float64 { return shift + scale*float64((i*i*31+i*7)%101)/101 }
}

// pinnedFiles are arrays of every kind of modality in files of several types.
func pinnedFiles(t *testing.T, folder string) {
	for i, rows := range []int{9, 4, 3} {
		pinnedArray(t, fmt.Sprintf("%s/scan%d.npy", folder, i), "|u1", []int{rows, 2, 3, 3}, wave(200, 0))
		pinnedArray(t, fmt.Sprintf("%s/vitals%d.npy", folder, i), "<f4", []int{rows, 4, 2}, wave(3, 1e3))
		pinnedArray(t, fmt.Sprintf("%s/static%d.npy", folder, i), "<f8", []int{rows, 5}, wave(1e-3, -7))
		pinnedArray(t, fmt.Sprintf("%s/age%d.npy", folder, i), "<i8", []int{rows}, wave(90, 1))
		pinnedArray(t, fmt.Sprintf("%s/constant%d.npy", folder, i), "<f4", []int{rows, 2}, func(int) float64 { return 0.1 })
		pinnedArray(t, fmt.Sprintf("%s/class%d.npy", folder, i), "<i8", []int{rows}, func(i int) float64 { return float64(i % 3) })
		pinnedArray(t, fmt.Sprintf("%s/labels%d.npy", folder, i), "|u1", []int{rows, 3}, func(i int) float64 { return float64(i * i % 2) })
		pinnedArray(t, fmt.Sprintf("%s/%s/train_data.npy", folder, [...]string{"image", "audio", "third"}[i]), "<f4", []int{rows, 4, 4}, wave(9, 0))
	}
	for split, rows := range map[string]int{"train": 9, "test": 4} {
		pinnedArray(t, fmt.Sprintf("%s/image/%s_data.npy", folder, split), "<f4", []int{rows, 16}, wave(255, 0))
		pinnedArray(t, fmt.Sprintf("%s/audio/%s_data.npy", folder, split), "<f4", []int{rows, 6, 6}, wave(-80, 3))
		pinnedArray(t, fmt.Sprintf("%s/%s_labels.npy", folder, split), "<i8", []int{rows}, func(i int) float64 { return float64(i % 10) })
	}
}

// pinned are data sets with the fingerprints and the digests of all that they read as which the program gave before data sets
// were made of columns. A changed fingerprint loses every score that people keep.
var pinned = []struct{ name, format, options, fingerprint, content string }{
	{"builtin", "builtin", `{train: 40, validation: 20, test: 10}`,
		"2b681a5127eccdc892e5e34da59aa73b4d0d370626c3ae0ac0b9c84aa36f0b40",
		"4dcd9afb30d716eda940b1651b32dc1cd8ca3d8c5440a5b911e3a8fe087959f8"},
	{"builtin of other options", "builtin", `{train: 11, validation: 5, test: 3, classes: 5, ambiguity: 0.3, noise: 2, seed: 7}`,
		"aac99399fe64553a6f17ed388083ac5ffb27f6b2b90e77805fbfbe86d05df015",
		"e0751fed0954cc48c862c1b9675624c0f9a71c365cf53579bfc45191a557bd2a"},
	{"avmnist", "avmnist", `{path: ., validation: 3}`,
		"8bb89cbd17495f34171eb90fa6f836f612f70cd0dc191f298bf56df0778f1a42",
		"3f7dd7c6fb6f147791c38f0aa7982639b39cf1531da56d9f2980f18ba4a6a91b"},
	{"every kind, files for every split", "npy", `
name: ward
modalities:
  - {name: scan, kind: map, train: scan0.npy, validation: scan1.npy, test: scan2.npy}
  - {name: vitals, kind: sequence, train: vitals0.npy, validation: vitals1.npy, test: vitals2.npy}
  - {name: static, kind: table, train: static0.npy, validation: static1.npy, test: static2.npy}
  - {name: age, kind: table, train: age0.npy, validation: age1.npy, test: age2.npy}
  - {name: constant, kind: table, train: constant0.npy, validation: constant1.npy, test: constant2.npy}
labels: {train: labels0.npy, validation: labels1.npy, test: labels2.npy}
multi_label: true
standardise: modality
`,
		"5e85be1ac9824e541bad920a36a1c5a8c80722382956c4cc4e64d93f179b492e",
		"25654ca60c22bfffcde87e6122d4313353d111ddd8aeafe159d8e947c484ded2"},
	{"the last rows for validation, no test", "npy", `
modalities:
  - {name: vitals, kind: sequence, train: vitals0.npy}
  - {name: scan, kind: map, shape: [1, 6, 3], train: scan0.npy}
labels: {train: class0.npy}
validation: 3
standardise: modality
`,
		"b2465f3cb0d6c3a00d4b95d9ddd7c7962ad42afe2b47496c4d2d934c7140c45c",
		"4307376c2f412e96ddc21806ad628e48f2dc2ed134e89725b69a802e1d4c58a9"},
	{"classes with names, one file in two modalities", "npy", `
modalities:
  - {name: whole, kind: map, shape: [1, 2, 4], train: vitals0.npy, test: vitals2.npy}
  - {name: flat, kind: table, train: vitals0.npy, test: vitals2.npy}
labels: {train: class0.npy, test: class2.npy}
classes: [cat, dog, eel, fox]
validation: 2
standardise: modality
`,
		"c331420a82acfb02ce8afbe20d2ed3cb8f81f783c3e01e9b5e62013fdc4d95ee",
		"364ee869ecb9b162a1eeed24dbeffde57f19de6b89ef42a5683a3acad3687e79"},
	// What follows was pinned when there came to be features and lengths.
	{"per feature", "npy", `
modalities:
  - {name: scan, kind: map, train: scan0.npy}
  - {name: vitals, kind: sequence, train: vitals0.npy}
  - {name: static, kind: table, train: static0.npy}
  - {name: constant, kind: table, train: constant0.npy}
labels: {train: class0.npy}
validation: 3
`,
		"b39155cef54c56cb27fcf0700be259d2b050b68c7e7dc22a25f98b570aa3e34a",
		"d924b8b410c17c7da185bbd8615f7751e415b16802a7e97eab77deeb5a9fe7f6"},
	{"none", "npy", `
modalities: [{name: vitals, kind: sequence, train: vitals0.npy}]
labels: {train: class0.npy}
validation: 3
standardise: none
`,
		"571d04d3517b52e110766c8d86e483796f523167094b690345895da6780364ec",
		"d7adb02de7c2663f7d8207f7816616bdd75b3e9e6b18c13279574224292afedb"},
	{"lengths", "npy", `
modalities: [{name: vitals, kind: sequence, train: vitals0.npy, lengths: {train: class0.npy}}]
labels: {train: class0.npy}
validation: 3
`,
		"555e1e542a0d4638fac079693ebf61c614f5f978d10c0948785bda7a28f78af8",
		"6588909ff4be99e65892ea7a62d04b9351db0c5963f79a78673a0a61eb1d956a"},
}

// allContent is the digest of every sample and label of a data set.
func allContent(t *testing.T, d dataset.Dataset) string {
	t.Helper()
	digest := sha256.New()
	for _, split := range []dataset.Split{dataset.Train, dataset.Validation, dataset.Test} {
		for row := range d.Len(split) {
			for m, modality := range d.Modalities() {
				sample := make([]float32, modality.Size())
				if err := d.Read(split, m, row, sample); err != nil {
					t.Fatal(err)
				}
				if modality.Masked {
					mask := make([]float32, modality.Shape[0])
					if err := d.Mask(split, m, row, mask); err != nil {
						t.Fatal(err)
					}
					sample = append(sample, mask...)
				}
				if err := binary.Write(digest, binary.LittleEndian, sample); err != nil {
					t.Fatal(err)
				}
			}
			label := make([]float32, d.Task().Width())
			if err := d.Label(split, row, label); err != nil {
				t.Fatal(err)
			}
			if err := binary.Write(digest, binary.LittleEndian, label); err != nil {
				t.Fatal(err)
			}
		}
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// openPinned opens data of a format by options in YAML.
func openPinned(t *testing.T, name, options, folder string, e dataset.Environment) dataset.Dataset {
	t.Helper()
	format, err := dataset.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	o := format.Options()
	d := yaml.NewDecoder(bytes.NewReader([]byte(options)))
	d.KnownFields(true)
	if err := d.Decode(o); err != nil {
		t.Fatal(err)
	}
	e.Folder = folder
	data, err := format.Open(context.Background(), o, e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { data.Close() })
	return data
}

func TestFingerprintsOfTodaysData(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("fingerprints hold statistics in floating point, which other processors round otherwise (they fuse products and sums)")
	}
	folder := t.TempDir()
	pinnedFiles(t, folder)
	for _, c := range pinned {
		t.Run(c.name, func(t *testing.T) {
			d := openPinned(t, c.format, c.options, folder, dataset.Environment{})
			if got := d.Fingerprint(); got != c.fingerprint {
				t.Errorf("fingerprint %s, want %s", got, c.fingerprint)
			}
			if got := allContent(t, d); got != c.content {
				t.Errorf("content %s, want %s", got, c.content)
			}
		})
	}
}
