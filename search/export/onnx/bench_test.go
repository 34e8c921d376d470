package onnx_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/export/onnx"
	"mixmas/search/model"
)

// BenchmarkWrite exports the largest published model, of 9.3 million parameters.
func BenchmarkWrite(b *testing.B) {
	preset, err := mixer.LookupPreset("searched-avmnist")
	if err != nil {
		b.Fatal(err)
	}
	d := model.Description{Name: preset.Name, Model: preset.Specification(0), Preprocessing: map[string]dataset.Standardisation{}}
	for i := range d.Model.Classes {
		d.Classes = append(d.Classes, fmt.Sprint(i))
	}
	for _, m := range d.Model.Modalities {
		d.Preprocessing[m.Name] = dataset.Uniform(0.1, 0.3)
	}
	network, err := mixer.Build(d.Model)
	if err != nil {
		b.Fatal(err)
	}
	var file bytes.Buffer
	if err := model.Write(&file, &d, network.Parameters().Initialise(1)); err != nil {
		b.Fatal(err)
	}
	m, err := model.Parse(file.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := onnx.Write(io.Discard, m, onnx.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
