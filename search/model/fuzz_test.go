package model_test

import (
	"encoding/binary"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/benchmarks"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/model"
)

// A file is refused, or it is a model that is written and read again alike. It is drawn as its header and what follows, as
// hardly any other begins with the length of a header.
func FuzzModelFile(f *testing.F) {
	d, w := small(f)
	add := func(file []byte) {
		header := 8 + binary.LittleEndian.Uint64(file)
		f.Add(file[8:header], file[header:])
	}
	add(written(f, d, w))
	both, members := pair(f)
	both.Thresholds = []float64{1, -1}
	add(written(f, both, model.Join(members)))
	d.Version = 2
	add(older(f, d, w))
	add(older(f, strings.Repeat("[", 1000), w))
	f.Fuzz(func(t *testing.T, header, tensors []byte) {
		file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		file = append(append(file, header...), tensors...)
		m, err := model.Parse(file)
		if err != nil {
			return
		}
		w, _, err := safetensors.Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		again, err := model.Parse(written(t, m.Description, w))
		if err != nil {
			t.Fatal(err)
		}
		again.Weights, again.Version = m.Weights, m.Version // a file of an earlier version is written as a later one
		if !reflect.DeepEqual(again.Description, m.Description) {
			t.Fatalf("got %+v, want %+v", again.Description, m.Description)
		}
	})
}

// A description is refused, or its model is built and recorded for two samples: in memory that is bounded.
func FuzzDescription(f *testing.F) {
	for _, c := range benchmarks.All() {
		d, _ := small(f)
		d.Model = c.Specification
		text, err := json.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{`"width":4611686018427387905`, `"mlp_ratio":[9007199254740992]`, `"shape":[1,4611686018427387904,4611686018427387904]`,
		`"depths":[1000,1000,1000,1000]`, `"token_width":1e300`} {
		f.Add([]byte(`{"model":{"modalities":[{"name":"a","kind":"map","shape":[1,28,28],"encoder":{"architecture":"mlp_mixer","options":{` + text + `}}}],"classes":2}}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var d model.Description
		if json.Unmarshal(text, &d) != nil {
			return
		}
		n := allocated(func() { record(d.Model) })
		if n > 160<<20 {
			t.Fatalf("%d MiB were allocated", n>>20)
		}
	})
}

// record builds a model, where it can be, and records it for two samples.
func record(spec mixer.Specification) {
	m, err := mixer.Build(spec)
	if err != nil {
		return
	}
	g := nn.NewGraph(m.Parameters(), nn.Training, true)
	var inputs []*nn.Value
	for _, in := range m.Inputs() {
		inputs = append(inputs, g.Input(in.Name, append([]int{2}, in.Shape...)...))
	}
	labels := []int{2}
	if m.MultiLabel() {
		labels = append(labels, m.Classes())
	}
	_, loss := m.Forward(g, inputs, g.Input("labels", labels...))
	g.Backward(loss, nil)
}
