package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/model"
	"mixmas/search/task"
)

// specifications are small models of every built-in architecture and fusion function, with masks and texts.
func specifications(t testing.TB) map[string]mixer.Specification {
	t.Helper()
	const (
		image  = `"name": "image", "kind": "map", "shape": [2, 6, 9]`
		words  = `"name": "words", "kind": "sequence", "masked": true, "shape": [7, 5]`
		tokens = `"name": "text", "kind": "text", "masked": true, "shape": [7], "vocabulary": 11`
		row    = `"name": "row", "kind": "table", "shape": [4], "encoder": {"architecture": "simple_mlp", "options": {"hidden": 9, "width": 13, "layers": 2}}`
		mlp    = `{"architecture": "mlp_mixer", "options": {"width": 10, "depth": 2, "patch": 3, "token_width": 7, "channel_width": 19}}`
		hyper  = `{"architecture": "hyper_mixer", "options": {"width": 12, "depth": 2, "patch": 3, "token_width": 9, "channel_width": 21, "heads": 3}}`
		tied   = `{"architecture": "hyper_mixer", "options": {"width": 6, "depth": 1, "token_width": 5, "channel_width": 8, "tied": true}}`
		blocks = `{"architecture": "monarch_mixer", "options": {"width": 11, "depth": 2, "patch": 3}}`
		ramlp  = `{"architecture": "ramlp", "options": {"depths": [1, 1, 2], "dims": [3, 6, 10], "mlp_ratio": [3, 2, 2], "expansion": [2, 1, 2], "group": [1, 2, 4]}}`
	)
	list := map[string]mixer.Specification{}
	for name, text := range map[string]string{
		"simple_mlp": `{"modalities": [{` + row + `}], "classes": 3}`,
		"ramlp":      `{"modalities": [{"name": "image", "kind": "map", "shape": [1, 28, 20], "encoder": ` + ramlp + `}], "classes": 3}`,
		"concat": `{"modalities": [{` + image + `, "encoder": ` + mlp + `}, {` + words + `, "encoder": ` + hyper + `}, {` + row + `}],
			"fusion": "concat", "network": ` + mlp + `, "prediction": "fusion", "classes": 3}`,
		"max": `{"modalities": [{` + image + `, "encoder": ` + blocks + `}, {` + words + `, "encoder": ` + mlp + `}],
			"fusion": "max", "network": ` + blocks + `, "classes": 3}`,
		"sum": `{"modalities": [{` + row + `}, {` + image + `, "encoder": ` + tied + `}], "fusion": "sum", "network": ` + mlp + `, "classes": 3}`,
		"mean": `{"modalities": [{` + image + `, "encoder": ` + hyper + `}, {` + tokens + `, "encoder": ` + blocks + `}, {` + row + `}],
			"fusion": "mean", "width": 15, "network": ` + tied + `, "classes": 3, "multi_label": true}`,
		"rows that lack modalities": `{"modalities": [{"masked": true, ` + image + `, "encoder": ` + mlp + `}, {` + tokens + `, "encoder": ` + hyper + `},
			{"masked": true, ` + row + `}], "fusion": "concat", "network": ` + mlp + `, "classes": 3}`,
	} {
		var spec mixer.Specification
		if err := json.Unmarshal([]byte(text), &spec); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list[name] = spec
	}
	return list
}

// described is a model of an architecture with random weights.
func described(t testing.TB, spec mixer.Specification) (model.Description, nn.Weights) {
	t.Helper()
	d := model.Description{Name: "random", Model: spec, Preprocessing: map[string]dataset.Standardisation{}, Data: model.Data{Format: "test"}}
	for i := range spec.Classes {
		d.Classes = append(d.Classes, string(rune('a'+i)))
	}
	for _, m := range spec.Modalities {
		d.Preprocessing[m.Name] = dataset.Standardisation{Per: dataset.None}
	}
	return d, initial(t, spec)
}

func parsed(t testing.TB, d model.Description, w nn.Weights) *model.Model {
	t.Helper()
	m, err := model.Parse(written(t, d, w))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func opened(t testing.TB, m *model.Model) *model.Predictor {
	t.Helper()
	p, err := model.NewPredictor(cpu.New(cpu.Options{Workers: 2}), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// table is rows in memory: table[input] has all rows.
type table struct {
	count  int
	values [][]float32
}

func (r *table) Len() int { return r.count }
func (r *table) Read(row, input int, dst []float32) error {
	copy(dst, r.values[input][row*len(dst):])
	return nil
}

// some are n of the rows, from the given one on.
func (r *table) some(from, n int) *table {
	list := &table{count: n}
	for _, v := range r.values {
		size := len(v) / r.count
		list.values = append(list.values, v[from*size:][:n*size])
	}
	return list
}

// random are rows for a predictor.
func random(p *model.Predictor, n int) *table {
	rng := rand.New(rand.NewPCG(1, 2))
	r := &table{count: n}
	for _, in := range p.Inputs() {
		size := n
		for _, k := range in.Shape {
			size *= k
		}
		values := make([]float32, size)
		for i := range values {
			switch in.Name {
			case "text":
				values[i] = float32(rng.IntN(11))
			case "text.mask", "words.mask", "image.mask", "row.mask":
				values[i] = float32(rng.IntN(2))
			default:
				values[i] = float32(rng.NormFloat64())
			}
		}
		r.values = append(r.values, values)
	}
	return r
}

func predicted(t testing.TB, p *model.Predictor, r *table) []float32 {
	t.Helper()
	logits := make([]float32, r.count*len(p.Model().Classes))
	if err := p.Predict(t.Context(), r, logits); err != nil {
		t.Fatal(err)
	}
	return logits
}

// A row has the same logits alone and in a batch of any size, bit by bit.
func TestRowsPredictTheSameInAnyBatch(t *testing.T) {
	for name, spec := range specifications(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, w := described(t, spec)
			p := opened(t, parsed(t, d, w))
			rows := random(p, model.Batch+5)
			want := predicted(t, p, rows)
			for _, n := range []int{1, 2, 3, 5, 7, 11, 13, 20, 31, 33, 64} {
				for from := 0; from+n <= rows.count; from += n {
					if got := predicted(t, p, rows.some(from, n)); !slices.Equal(got, want[from*spec.Classes:][:n*spec.Classes]) {
						t.Fatalf("%d rows from %d on: %v, want %v", n, from, got, want[from*spec.Classes:][:n*spec.Classes])
					}
				}
			}
		})
	}
}

// A predictor predicts what [model.Model.Predict] does, also for an ensemble whose members read different modalities.
func TestPredictorIsPredict(t *testing.T) {
	specs := specifications(t)
	d, w := described(t, specs["concat"])
	single := parsed(t, d, w)
	other, _ := described(t, specs["ramlp"])
	for _, m := range other.Model.Modalities { // another form than concat's image has
		m.Name = "scan"
		other.Model.Modalities = []mixer.Modality{m}
	}
	v := initial(t, other.Model)
	d.Preprocessing["scan"] = dataset.Uniform(0.5, 2)
	d.Ensemble = &model.Ensemble{Mean: combine.LogProbabilities, Members: []model.Member{
		{Model: d.Model, Member: combine.Member{Weight: 0.25, Temperature: 2}}, {Model: other.Model, Member: combine.Member{Weight: 0.75, Temperature: 0.5}}}}
	d.Model = mixer.Specification{}
	for name, m := range map[string]*model.Model{"single": single, "ensemble": parsed(t, d, model.Join([]nn.Weights{w, v}))} {
		t.Run(name, func(t *testing.T) {
			const rows = model.Batch + 9
			rng := rand.New(rand.NewPCG(3, 4))
			contents := dataset.Contents{Name: "rows", Fingerprint: "rows", Task: task.Task{Classes: m.Classes}}
			part := func(shape []int, value func() float32) dataset.Part {
				values := make([]float32, rows*dimensions.Product(shape))
				for i := range values {
					values[i] = value()
				}
				return dataset.Part{Column: dataset.NewNumbers("rows", shape, values), Rows: dataset.Rows{Count: rows}}
			}
			for _, reads := range m.Modalities() {
				s := dataset.Source{Modality: dataset.Modality{Name: reads.Name, Kind: reads.Kind, Shape: reads.Shape}}
				s.Samples[dataset.Test] = part(reads.Shape, func() float32 { return float32(rng.NormFloat64()) })
				if reads.Masked {
					s.Lengths[dataset.Test] = part(nil, func() float32 { return float32(rng.IntN(7)) })
				}
				contents.Sources = append(contents.Sources, s)
			}
			contents.Labels[dataset.Test] = part(nil, func() float32 { return 0 })
			preprocessing := map[string]dataset.Standardisation{}
			for _, reads := range m.Modalities() {
				preprocessing[reads.Name] = m.Preprocessing[reads.Name]
			}
			data, err := dataset.Assemble(t.Context(), contents, dataset.Environment{Preprocessing: preprocessing})
			if err != nil {
				t.Fatal(err)
			}
			want, err := m.Predict(t.Context(), cpu.New(cpu.Options{Workers: 1}), data, dataset.Test)
			if err != nil {
				t.Fatal(err)
			}
			p := opened(t, m)
			var names []string
			for _, in := range p.Inputs() {
				names = append(names, in.Name)
			}
			samples, err := dataset.Select(data, dataset.Test, nil, names)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, len(want))
			if err := p.Predict(t.Context(), samples, got); err != nil || !slices.Equal(got, want) {
				t.Errorf("got %v, want %v: %v", got[:3], want[:3], err)
			}
		})
	}
}

// Predictions of several goroutines do not disturb each other.
func TestPredictorIsShared(t *testing.T) {
	d, w := described(t, specifications(t)["concat"])
	p := opened(t, parsed(t, d, w))
	rows := random(p, 40)
	want := predicted(t, p, rows)
	var group sync.WaitGroup
	for from := range 8 {
		group.Go(func() {
			for range 5 {
				got := make([]float32, 5*3)
				if err := p.Predict(t.Context(), rows.some(5*from, 5), got); err != nil || !slices.Equal(got, want[15*from:][:15]) {
					t.Errorf("rows from %d on: %v, %v", 5*from, got, err)
				}
			}
		})
	}
	group.Wait()
}

// A loaded model allocates nothing to predict, neither does an ensemble.
func TestPredictionsAllocateNothing(t *testing.T) {
	d, w := described(t, specifications(t)["concat"])
	spec := d.Model
	many := d
	many.Model, many.Ensemble = mixer.Specification{}, &model.Ensemble{Mean: combine.Probabilities, Members: []model.Member{
		{Model: spec, Member: combine.Member{Weight: 1, Temperature: 1}}, {Model: spec, Member: combine.Member{Weight: 1, Temperature: 2}}}}
	for name, m := range map[string]*model.Model{"single": parsed(t, d, w), "ensemble": parsed(t, many, model.Join([]nn.Weights{w, w}))} {
		p := opened(t, m)
		for _, n := range []int{1, 5, 64, 70} {
			rows, logits := random(p, n), make([]float32, 3*n)
			if allocations := testing.AllocsPerRun(10, func() { _ = p.Predict(t.Context(), rows, logits) }); allocations > 0 {
				t.Errorf("%s: %d rows: %v allocations", name, n, allocations)
			}
		}
	}
}

// Rows that overflow are named, and the others are predicted.
func TestOverflowsAreNamed(t *testing.T) {
	d, w := described(t, specifications(t)["simple_mlp"])
	p := opened(t, parsed(t, d, w))
	rows := random(p, 70)
	want := predicted(t, p, rows)
	for _, row := range []int{3, 66} {
		for i := range 4 {
			rows.values[0][4*row+i] = float32(math.Inf(1))
		}
	}
	got := make([]float32, len(want))
	err := p.Predict(t.Context(), rows, got)
	wrong := new(model.NotFiniteError)
	if !errors.As(err, &wrong) || !slices.Equal(wrong.Rows, []int{3, 66}) {
		t.Fatalf("error %v", err)
	}
	for row := range rows.count {
		if !slices.Contains(wrong.Rows, row) && !slices.Equal(got[3*row:][:3], want[3*row:][:3]) {
			t.Errorf("row %d: %v, want %v", row, got[3*row:][:3], want[3*row:][:3])
		}
	}
}

func TestPredictorErrors(t *testing.T) {
	d, w := described(t, specifications(t)["simple_mlp"])
	p := opened(t, parsed(t, d, w))
	rows := random(p, 2)
	if err := p.Predict(t.Context(), rows, make([]float32, 3)); err == nil {
		t.Error("too little room is taken")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Predict(t.Context(), rows, make([]float32, 6)); err == nil {
		t.Error("a closed predictor predicts")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// A batch of a small model of every kind of input.
func BenchmarkPredictor(b *testing.B) {
	d, w := described(b, specifications(b)["concat"])
	p := opened(b, parsed(b, d, w))
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d rows", n), func(b *testing.B) {
			rows, logits := random(p, n), make([]float32, 3*n)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Predict(b.Context(), rows, logits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
