package search_test

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/arrays"
	"mixmas/search/sample"
)

// What lies between opening a data set of many rows and its first training: its labels are read, its files hashed, and the
// sample drawn. It reports how much memory is live in the end, in bytes a row.
func BenchmarkManyRows(b *testing.B) {
	const rows = 100_000_000
	folder := b.TempDir()
	for _, classes := range []int{10, 200} {
		writeBytes(b, folder+"/x.npy", rows, 251)
		writeBytes(b, folder+"/y.npy", rows, classes)
		options := &arrays.Options{Name: "rows", Validation: 1000, Standardise: dataset.PerFeature, Labels: arrays.Files{Train: "y.npy"},
			Modalities: []arrays.Modality{{Name: "x", Kind: mixer.Table, Files: arrays.Files{Train: "x.npy"}}}}
		format, err := dataset.Lookup("npy")
		if err != nil {
			b.Fatal(err)
		}
		for _, sampler := range sample.Names() {
			b.Run(fmt.Sprintf("%d classes/%s", classes, sampler), func(b *testing.B) {
				for b.Loop() {
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					data, err := format.Open(b.Context(), options, dataset.Environment{Folder: folder})
					if err != nil {
						b.Fatal(err)
					}
					samples, err := dataset.Select(data, dataset.Train, nil, nil)
					if err != nil {
						b.Fatal(err)
					}
					labels := sample.Labels{Rows: samples.Len(), Classes: len(data.Task().Classes), Label: samples.Label}
					if _, err := sample.Draw(b.Context(), labels, sample.Options{Sampler: sampler}, 1); err != nil {
						b.Fatal(err)
					}
					runtime.ReadMemStats(&after)
					b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/rows, "B/row")
					if err := data.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// writeBytes writes an npy file of bytes below a bound.
func writeBytes(b *testing.B, path string, rows, below int) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }", rows)
	fmt.Fprintf(w, "\x93NUMPY\x01\x00%c\x00%-117s\n", 118, header)
	for i := range rows {
		w.WriteByte(byte(uint32(i) * 2654435761 >> 16 % uint32(below)))
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
