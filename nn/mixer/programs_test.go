package mixer_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// What is recorded for the architectures is pinned: every operation with its fields, every buffer with its size, lifetime
// and place. A program decides the bits of a training, so that a change here is one of all scores. testdata/programs.txt has
// a line for each program: its operations, buffers and elements of the arena, to see how far it moved, and the digest of the
// text that write writes. PROGRAMS=folder keeps these texts to compare.
func TestPrograms(t *testing.T) {
	var got []string
	for _, c := range programCases(t) {
		p := c.record(t)
		h := sha256.New()
		text := io.Writer(h)
		if folder := os.Getenv("PROGRAMS"); folder != "" {
			f, err := os.Create(filepath.Join(folder, strings.ReplaceAll(c.name, "/", "-")+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			text = io.MultiWriter(h, f)
		}
		writeProgram(text, p)
		got = append(got, fmt.Sprintf("%-38s %4d operations %4d buffers %9d elements %.12x", c.name, len(p.Operations), len(p.Buffers), p.ArenaSize, h.Sum(nil)))
	}
	pinned, err := os.ReadFile("testdata/programs.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(pinned), "\n"), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("the programs are not those of testdata/programs.txt:\n%s", strings.Join(got, "\n"))
		}
	}
}

// programCase is a graph to record.
type programCase struct {
	name   string
	record func(t *testing.T) *device.Program
}

// programCases are the presets, models of every architecture, fusion function and prediction, and blocks in places that
// models do not put them.
func programCases(t *testing.T) []programCase {
	var list []programCase
	add := func(name string, spec mixer.Specification) {
		for mode, word := range []string{"training", "evaluation"} {
			list = append(list, programCase{name + "/" + word, func(t *testing.T) *device.Program { return recordModel(t, spec, nn.Mode(mode)) }})
		}
	}
	for _, p := range mixer.Presets() {
		add(p.Name, p.Specification(0))
		add(p.Name+"/dropout", p.Specification(0.5))
	}
	const (
		image  = `"name": "image", "kind": "map", "shape": [2, 6, 9]`
		text   = `"name": "text", "kind": "sequence", "shape": [7, 5]`
		words  = `"name": "words", "kind": "sequence", "masked": true, "shape": [7, 5]`
		tokens = `"name": "words", "kind": "text", "masked": true, "shape": [7], "vocabulary": 11`
		row    = `"name": "row", "kind": "table", "shape": [4], "encoder": {"architecture": "simple_mlp", "options": {"hidden": 9, "width": 13, "layers": 2, "dropout": 0.3}}`
		mlp    = `{"architecture": "mlp_mixer", "options": {"width": 10, "depth": 2, "patch": 3, "token_width": 7, "channel_width": 19}}`
		hyper  = `{"architecture": "hyper_mixer", "options": {"width": 12, "depth": 2, "patch": 3, "token_width": 9, "channel_width": 21, "heads": 3}}`
		tied   = `{"architecture": "hyper_mixer", "options": {"width": 6, "depth": 1, "token_width": 5, "channel_width": 8, "tied": true, "dropout": 0.1}}`
		blocks = `{"architecture": "monarch_mixer", "options": {"width": 11, "depth": 2, "patch": 3}}`
		attend = `{"architecture": "transformer", "options": {"width": 12, "depth": 2, "patch": 3, "heads": 3, "hidden": 21}}`
		post   = `{"architecture": "transformer", "options": {"width": 12, "depth": 2, "heads": 3, "hidden": 21, "norm": "post", "positions": "sinusoidal", "token": "class", "dropout": 0.1}}`
		ramlp  = `{"architecture": "ramlp", "options": {"depths": [1, 1, 2], "dims": [3, 6, 10], "mlp_ratio": [3, 2, 2], "expansion": [2, 1, 2], "group": [1, 2, 4]}}`
	)
	for _, c := range []struct{ name, json string }{
		{"mlp_mixer", `{"modalities": [{` + image + `, "encoder": ` + mlp + `}], "classes": 3}`},
		{"hyper_mixer", `{"modalities": [{` + image + `, "encoder": ` + hyper + `}], "classes": 3}`},
		{"hyper_mixer/tied", `{"modalities": [{` + text + `, "encoder": ` + tied + `}], "classes": 3}`},
		{"hyper_mixer/masked", `{"modalities": [{` + words + `, "encoder": ` + hyper + `}], "classes": 3}`},
		{"hyper_mixer/tied, masked", `{"modalities": [{` + words + `, "encoder": ` + tied + `}], "classes": 3}`},
		{"monarch_mixer", `{"modalities": [{` + image + `, "encoder": ` + blocks + `}], "classes": 3}`},
		{"ramlp", `{"modalities": [{"name": "image", "kind": "map", "shape": [1, 28, 20], "encoder": ` + ramlp + `}], "classes": 3}`},
		{"simple_mlp", `{"modalities": [{` + row + `}], "classes": 3}`},
		{"gru, masked", `{"modalities": [{` + words + `, "encoder": {"architecture": "gru", "options": {"width": 10, "depth": 2, "bidirectional": true, "dropout": 0.1}}}], "classes": 3}`},
		{"lstm of a text", `{"modalities": [{` + tokens + `, "encoder": {"architecture": "lstm", "options": {"width": 7, "depth": 1}}}], "classes": 3}`},
		{"concat", `{"modalities": [{` + image + `, "encoder": ` + mlp + `}, {` + words + `, "encoder": ` + hyper + `}, {` + row + `}],
			"fusion": "concat", "network": ` + mlp + `, "prediction": "fusion", "classes": 3}`},
		{"max", `{"modalities": [{` + image + `, "encoder": ` + blocks + `}, {` + words + `, "encoder": ` + mlp + `}],
			"fusion": "max", "network": ` + blocks + `, "classes": 3}`},
		{"sum", `{"modalities": [{` + row + `}, {` + image + `, "encoder": ` + tied + `}], "fusion": "sum", "network": ` + mlp + `, "classes": 3}`},
		{"sum of one", `{"modalities": [{` + image + `, "encoder": ` + mlp + `}], "fusion": "sum", "network": ` + mlp + `, "classes": 3}`},
		{"mean", `{"modalities": [{` + image + `, "encoder": ` + hyper + `}, {` + text + `, "encoder": ` + tied + `}, {` + row + `}],
			"fusion": "mean", "width": 15, "network": ` + tied + `, "classes": 3, "multi_label": true, "pos_weight": [0.5, 2, 1]}`},
		{"mlp_mixer of a text", `{"modalities": [{` + tokens + `, "encoder": ` + mlp + `}], "classes": 3}`},
		{"hyper_mixer of a text", `{"modalities": [{` + tokens + `, "encoder": ` + hyper + `}], "classes": 3}`},
		{"monarch_mixer of a text", `{"modalities": [{` + tokens + `, "encoder": ` + blocks + `}], "classes": 3}`},
		{"word vectors", `{"modalities": [{"vectors": 5, ` + tokens + `, "encoder": ` + mlp + `}], "classes": 3}`},
		{"rows that lack modalities", `{"modalities": [{"masked": true, ` + image + `, "encoder": ` + mlp + `}, {` + tokens + `, "encoder": ` + hyper + `},
			{"masked": true, ` + row + `}], "fusion": "concat", "network": ` + mlp + `, "classes": 3}`},
		{"transformer", `{"modalities": [{` + image + `, "encoder": ` + attend + `}], "classes": 3}`},
		{"transformer, masked", `{"modalities": [{` + words + `, "encoder": ` + post + `}], "classes": 3}`},
		{"transformer of a text", `{"modalities": [{` + tokens + `, "encoder": ` + attend + `}], "classes": 3}`},
		{"ft_transformer", `{"modalities": [{"name": "row", "kind": "table", "shape": [4], "encoder": {"architecture": "ft_transformer",
			"options": {"width": 10, "depth": 2, "heads": 2, "hidden": 7}}}], "classes": 3}`},
		{"cross_attention", `{"modalities": [{` + image + `, "encoder": ` + mlp + `}, {` + words + `, "encoder": ` + hyper + `}, {` + row + `}],
			"fusion": {"function": "cross_attention", "options": {"heads": 2, "dropout": 0.1}}, "width": 12, "network": ` + attend + `, "classes": 3}`},
		{"gmlp", `{"modalities": [{` + image + `, "encoder": {"architecture": "gmlp", "options": {"width": 10, "depth": 2, "patch": 3, "hidden": 7, "dropout": 0.1}}}], "classes": 3}`},
		{"gmlp, masked", `{"modalities": [{` + words + `, "encoder": {"architecture": "gmlp", "options": {"width": 10, "depth": 1, "hidden": 7}}}], "classes": 3}`},
		{"resmlp", `{"modalities": [{` + image + `, "encoder": {"architecture": "resmlp", "options": {"width": 10, "depth": 2, "patch": 3, "hidden": 7}}}], "classes": 3}`},
		{"resmlp, masked", `{"modalities": [{` + words + `, "encoder": {"architecture": "resmlp", "options": {"width": 10, "depth": 1, "hidden": 7}}}], "classes": 3}`},
		{"residual_mlp", `{"modalities": [{"name": "row", "kind": "table", "shape": [4], "encoder": {"architecture": "residual_mlp",
			"options": {"width": 10, "depth": 2, "hidden": 7, "bins": 3, "dropout": 0.1}}}], "classes": 3}`},
		{"gated", `{"modalities": [{` + image + `, "encoder": ` + mlp + `}, {` + words + `, "encoder": ` + hyper + `}, {` + row + `}],
			"fusion": {"function": "gated", "options": {"context": "mean"}}, "width": 12, "network": ` + hyper + `, "classes": 3}`},
		{"bilinear", `{"modalities": [{` + image + `, "encoder": ` + mlp + `}, {` + words + `, "encoder": ` + hyper + `}, {` + row + `}],
			"fusion": {"function": "bilinear", "options": {"rank": 3}}, "width": 12, "network": ` + hyper + `, "classes": 3}`},
	} {
		var spec mixer.Specification
		if err := json.Unmarshal([]byte(c.json), &spec); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		add(c.name, spec)
	}
	return append(list, programCase{"blocks on an input", recordBlocks(false, false)}, programCase{"blocks twice", recordBlocks(true, false)},
		programCase{"blocks with a shared residual", recordBlocks(true, true)})
}

// recordModel records a training step or a prediction of a model.
func recordModel(t *testing.T, spec mixer.Specification, mode nn.Mode) *device.Program {
	t.Helper()
	m, err := mixer.Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	const batch = 4
	train := mode == nn.Training
	g := nn.NewGraph(m.Parameters(), mode, train)
	var inputs []*nn.Value
	for _, in := range m.Inputs() {
		inputs = append(inputs, g.Input(in.Name, append([]int{batch}, in.Shape...)...))
	}
	if !train {
		logits, _ := m.Forward(g, inputs, nil)
		g.Output("logits", logits)
		return compiled(t, g)
	}
	labels := []int{batch}
	if m.MultiLabel() {
		labels = append(labels, m.Classes())
	}
	_, loss := m.Forward(g, inputs, g.Input("labels", labels...))
	g.Output("loss", loss)
	g.Backward(loss, nil)
	g.Optimise(nn.Optimiser{Name: "adam"})
	return compiled(t, g)
}

// recordBlocks records blocks of every kind on an input. twice applies each a second time, so that gradients of its
// parameters add up, and asks for the input's gradient; shared uses what a block mixes a second time, after it.
func recordBlocks(twice, shared bool) func(t *testing.T) *device.Program {
	return func(t *testing.T) *device.Program {
		t.Helper()
		const b, n, d = 2, 6, 12
		s := nn.NewScope()
		g := nn.NewGraph(s.Parameters(), nn.Training, true)
		x := g.Input("x", b, n, d)
		if twice {
			g.RequireGradient(x)
		}
		sum := x
		for _, block := range []mixer.Block{
			mixer.NewMixerBlock(s.In("mlp"), n, d, 5, 7, 0), mixer.NewHyperMixerBlock(s.In("hyper"), d, 8, 7, 2, false, 0),
			mixer.NewHyperMixing(s.In("tied"), d, 8, 1, true), mixer.NewMonarchBlock(s.In("monarch"), n, d),
		} {
			y := block.Forward(g, x, nil)
			if twice {
				y = block.Forward(g, y, nil)
			}
			if shared {
				z := g.GELU(y)
				y = block.Forward(g, z, nil)
				y = g.Add(y, g.Mul(y, z))
			}
			sum = g.Add(sum, y)
		}
		g.Backward(sum, nil)
		return compiled(t, g)
	}
}

func compiled(t *testing.T, g *nn.Graph) *device.Program {
	t.Helper()
	p, err := g.Compile("test")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// writeProgram writes all of a program that a device can see, but for names, which are for people. The parts of a composite
// follow it, those of composites inside it one by one.
func writeProgram(w io.Writer, p *device.Program) {
	fmt.Fprintln(w, "arena", p.ArenaSize, "state", p.StateSize, "activations", p.Activations)
	for i, info := range p.Buffers {
		fmt.Fprintln(w, "buffer", i+1, int(info.Space), info.Size, info.First, info.Last, info.Offset, len(info.Data))
	}
	for _, op := range p.Operations {
		reads, writes := op.Buffers(nil, nil)
		slices.Sort(reads)
		fmt.Fprint(w, op.Name(), slices.Compact(reads), writes)
		if c, ok := op.(device.Composite); ok {
			if c.Of() != nil {
				fmt.Fprint(w, " of ", slices.Index(p.Operations, device.Operation(c.Of())))
			}
			writeFields(w, reflect.ValueOf(op).Elem())
			writeParts(w, c)
			continue
		}
		writeFields(w, reflect.ValueOf(op).Elem())
	}
}

func writeParts(w io.Writer, c device.Composite) {
	for _, part := range c.Operations() {
		if inner, ok := part.(device.Composite); ok {
			writeParts(w, inner)
			continue
		}
		fmt.Fprint(w, "\n- ", part.Name())
		writeFields(w, reflect.ValueOf(part).Elem())
	}
}

// writeFields writes the fields of an operation but for a composite's parts and forward operation.
func writeFields(w io.Writer, v reflect.Value) {
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.Name != "Parts" && field.Name != "Forward" && !field.Anonymous {
			fmt.Fprint(w, " ", field.Name, "=", v.FieldByIndex(field.Index))
		}
	}
	fmt.Fprintln(w)
}

// A kernel of a composite reads and writes what its fields name. So every field is a buffer that its parts touch, and what they
// write beside the fields only they read, or the gradient of a composite inside it that names it. All composites are recorded
// somewhere.
func TestCompositesNameTheirOperands(t *testing.T) {
	recorded := map[string]bool{}
	for _, c := range programCases(t) {
		p := c.record(t)
		if err := p.Check(math.MaxInt); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		leaves := leavesOf(p.Operations, nil)
		for _, composite := range compositesOf(p.Operations) {
			recorded[composite.Name()] = true
			reads, writes := device.Parts(composite.Operations()).Buffers(nil, nil)
			if a, ok := composite.(*device.Attention); ok && a.LogSum != 0 { // kernels alone write it
				writes = append(writes, a.LogSum)
			}
			if a, ok := composite.(*device.AttentionGrad); ok {
				reads = append(reads, a.Forward.LogSum)
			}
			named := operands(reflect.ValueOf(composite).Elem())
			inside := map[device.Buffer][]device.Composite{} // what composites inside it name
			for _, inner := range compositesOf(composite.Operations()) {
				for _, b := range operands(reflect.ValueOf(inner).Elem()) {
					inside[b] = append(inside[b], inner)
				}
			}
			for _, b := range named {
				if !slices.Contains(reads, b) && !slices.Contains(writes, b) {
					t.Errorf("%s: %s names buffer %d (%s), which no part of it reads or writes", c.name, composite.Name(), b, p.Info(b).Name)
				}
			}
			for _, b := range writes {
				if slices.Contains(named, b) {
					continue
				}
				if p.Info(b).Space != device.Arena || p.Info(b).Last == len(p.Operations) {
					t.Errorf("%s: no field of %s names buffer %d (%s), which outlives it", c.name, composite.Name(), b, p.Info(b).Name)
				}
				for _, l := range leaves {
					again := composite.Name() == "monarch" // its gradient computes the first product again
					if l.reads(b) && !l.in(func(o device.Composite) bool {
						return o == composite || slices.Contains(inside[b], o.Of()) || again && o.Of() == composite
					}) {
						t.Errorf("%s: no field of %s names buffer %d (%s), which %s reads", c.name, composite.Name(), b, p.Info(b).Name, l.Name())
					}
				}
			}
		}
	}
	for _, name := range []string{"channel_mixing", "token_mixing", "hyper_mixing", "generated_mlp", "monarch", "attention"} {
		if !recorded[name] || !recorded[name+"_grad"] {
			t.Errorf("no program has %s and its gradient", name)
		}
	}
}

// What a composite writes is private where no other operation reads it but its gradient.
func TestPrivate(t *testing.T) {
	for _, c := range programCases(t) {
		p := c.record(t)
		for i, op := range p.Operations {
			composite, ok := op.(device.Composite)
			if !ok {
				continue
			}
			_, writes := op.Buffers(nil, nil)
			for _, b := range writes {
				private := p.Info(b).Space == device.Arena && p.Info(b).Last != len(p.Operations)
				for j, other := range p.Operations {
					gradient, ok := other.(device.Composite)
					if reads, _ := other.Buffers(nil, nil); j != i && slices.Contains(reads, b) && !(ok && gradient.Of() == composite) {
						private = false
					}
				}
				if p.Private(i, b) != private {
					t.Errorf("%s: buffer %d (%s) of operation %d (%s): private is %t, want %t", c.name, b, p.Info(b).Name, i, op.Name(), !private, private)
				}
			}
		}
	}
}

// leaf is an operation that is no composite, with those that it is part of.
type leaf struct {
	device.Operation
	of []device.Composite
}

func (l leaf) reads(b device.Buffer) bool {
	reads, _ := l.Buffers(nil, nil)
	return slices.Contains(reads, b)
}

func (l leaf) in(composite func(device.Composite) bool) bool {
	return slices.ContainsFunc(l.of, composite)
}

func leavesOf(ops []device.Operation, of []device.Composite) (list []leaf) {
	for _, op := range ops {
		if c, ok := op.(device.Composite); ok {
			list = append(list, leavesOf(c.Operations(), append(slices.Clip(of), c))...)
		} else {
			list = append(list, leaf{op, of})
		}
	}
	return list
}

// compositesOf lists the composites among operations, and those inside them.
func compositesOf(ops []device.Operation) (list []device.Composite) {
	for _, op := range ops {
		if c, ok := op.(device.Composite); ok {
			list = append(append(list, c), compositesOf(c.Operations())...)
		}
	}
	return list
}

// operands are the buffers that the fields of a composite name.
func operands(v reflect.Value) (list []device.Buffer) {
	switch x := v.Interface().(type) {
	case device.Buffer:
		if x != 0 {
			list = append(list, x)
		}
		return list
	case device.Parts:
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			list = append(list, operands(v.Field(i))...)
		}
	case reflect.Array:
		for i := range v.Len() {
			list = append(list, operands(v.Index(i))...)
		}
	}
	return list
}
