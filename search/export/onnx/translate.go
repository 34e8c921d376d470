package onnx

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"mixmas/nn"
	"mixmas/nn/device"
)

// translator translates what one network records.
type translator struct {
	*graph
	// programs are the recordings for the two batches, and twin is the second one's form of the operation that is translated.
	programs [2]*device.Program
	twin     device.Operation
	values   map[device.Buffer]*tensor
	patches  map[device.Buffer]patches
	weights  nn.Weights
	owners   map[device.Buffer]*nn.Parameter
}

// translations has a function for each operation that a prediction can record. Composites without one are translated by their parts.
var translations device.Dispatch[*translator]

// translate adds the nodes of a network to the graph and returns its logits (batch, classes). inputs are the network's inputs,
// each with the shape of a sample behind the batch.
func (g *graph) translate(network nn.Model, weights nn.Weights, inputs map[string]*tensor) *tensor {
	t := &translator{graph: g, values: map[device.Buffer]*tensor{}, patches: map[device.Buffer]patches{}, weights: weights,
		owners: map[device.Buffer]*nn.Parameter{}}
	var first recorded
	for i, batch := range batches {
		r, err := record(network, batch)
		if err != nil {
			fail("%w", err)
		}
		if t.programs[i] = r.program; i == 0 {
			first = r
		}
	}
	for i, in := range network.Inputs() {
		t.values[first.inputs[i]] = inputs[in.Name]
	}
	for i, p := range network.Parameters().All() {
		t.owners[first.parameters[i]] = p
	}
	a, b := flattened(t.programs[0].Operations), flattened(t.programs[1].Operations)
	if len(a) != len(b) {
		fail("the model records %d operations for a batch of %d and %d for one of %d", len(a), batches[0], len(b), batches[1])
	}
	for i, op := range a {
		t.operation(op, b[i])
	}
	logits := t.value(first.logits)
	return t.reshape(logits, []size{theBatch, fixed(network.Classes())})
}

// operation translates one operation. Errors name it.
func (t *translator) operation(op, twin device.Operation) {
	err := guarded(func() {
		if reflect.TypeOf(op) != reflect.TypeOf(twin) {
			fail("it depends on the batch: with another one it is %s", device.TypeName(twin))
		}
		t.twin, t.scope = twin, t.placeOf(op)
		if !translations.Do(t, op) {
			fail("it has no translation")
		}
	})
	if err != nil {
		fail("the operation %s (%s) cannot be exported: %w", device.TypeName(op), op.Sizes(), err)
	}
}

// placeOf is the place of an operation in the model: that of its first parameter, or the name of what it writes.
func (t *translator) placeOf(op device.Operation) string {
	reads, writes := op.Buffers(nil, nil)
	for _, b := range reads {
		if p := t.owners[b]; p != nil {
			if dot := strings.LastIndexByte(p.Name, '.'); dot > 0 {
				return p.Name[:dot]
			}
		}
	}
	return t.programs[0].Info(writes[0]).Name
}

// flattened lists operations with composites replaced by their parts, unless they have a translation of their own.
func flattened(list []device.Operation) (flat []device.Operation) {
	for _, op := range list {
		if c, ok := op.(device.Composite); ok && !translations.Knows(op) {
			flat = append(flat, flattened(c.Operations())...)
		} else {
			flat = append(flat, op)
		}
	}
	return flat
}

// recorded is the program of a prediction.
type recorded struct {
	program            *device.Program
	inputs, parameters []device.Buffer // in the order of the network's
	logits             device.Buffer
}

func record(network nn.Model, batch int) (r recorded, err error) {
	g := nn.NewGraph(network.Parameters(), nn.Evaluation, false)
	var inputs []*nn.Value
	for _, in := range network.Inputs() {
		v := g.Input(in.Name, append([]int{batch}, in.Shape...)...)
		inputs, r.inputs = append(inputs, v), append(r.inputs, v.Buffer())
	}
	logits, _ := network.Forward(g, inputs, nil)
	g.Output("logits", logits)
	for _, p := range network.Parameters().All() {
		r.parameters = append(r.parameters, g.Parameter(p).Buffer())
	}
	if err := g.Err(); err != nil {
		return r, err
	}
	r.logits = logits.Buffer()
	r.program, err = g.Compile(fmt.Sprintf("export/%d", batch))
	return r, err
}

// value is the tensor of a buffer.
func (t *translator) value(b device.Buffer) *tensor {
	if v := t.values[b]; v != nil {
		return v
	}
	info := t.programs[0].Info(b)
	p := t.owners[b]
	switch {
	case p != nil:
		w := t.weights[p.Name]
		t.values[b] = t.parameter(t.prefix+p.Name, w.Shape, w.Data)
	case info.Space == device.Constant:
		t.values[b] = t.constantOf(info, t.programs[1].Info(b))
	default:
		patches, ok := t.patches[b]
		if !ok {
			fail("%s is read, which nothing has written", info.Name)
		}
		t.values[b] = t.allPatches(patches)
	}
	return t.values[b]
}

// constantOf is the tensor of a constant. One whose size is in proportion to the batch has the same contents for all samples.
func (t *translator) constantOf(info, twin device.BufferInfo) *tensor {
	n := pair(info.Size, twin.Size)
	name := t.prefix + strings.ReplaceAll(info.Name, " ", "_")
	if !n.batch {
		if !slices.Equal(info.Data, twin.Data) {
			fail("the constant %s depends on the size of the batch", info.Name)
		}
		return t.numbers(name, n.axes(), info.Data)
	}
	for _, other := range []device.BufferInfo{info, twin} {
		for at := 0; at < len(other.Data); at += n.n {
			if !slices.Equal(other.Data[at:][:n.n], info.Data[:n.n]) {
				fail("the constant %s is not the same for all samples of a batch", info.Name)
			}
		}
	}
	sample := t.numbers(name, fixedAll(1, n.n), info.Data[:n.n])
	return t.expand(sample, []size{theBatch, fixed(n.n)})
}

// set makes a tensor the value of a buffer.
func (t *translator) set(b device.Buffer, v *tensor) { t.values[b] = v }

// leading gives a tensor the shape of a number of rows and their elements, as few axes as it has if they fit.
func (t *translator) leading(x *tensor, rows, width size) *tensor {
	if last := len(x.dims) - 1; last >= 0 && x.dims[last] == width && product(x.dims[:last]...) == rows {
		return x
	}
	if width.isOne() && product(x.dims...) == rows && len(x.dims) > 0 {
		return t.reshape(x, append(slices.Clone(x.dims), width))
	}
	return t.reshape(x, append(rows.axes(), width))
}

// middle gives a tensor a shape that has a middle axis, and returns the number of the axis.
func (t *translator) middle(x *tensor, outer, length, inner size) (*tensor, int) {
	for i, d := range x.dims {
		if d == length && product(x.dims[:i]...) == outer && product(x.dims[i+1:]...) == inner {
			return x, i
		}
	}
	dims := append(outer.axes(), length)
	if !inner.isOne() {
		dims = append(dims, inner)
	}
	return t.reshape(x, dims), len(outer.axes())
}

// plus adds the operand of an operation that it adds at the end, if there is one.
func (t *translator) plus(y *tensor, b device.Buffer) *tensor {
	if b == 0 {
		return y
	}
	return t.elementwise("Add", t.reshape(t.value(b), y.dims), y)
}

// guarded calls a function and returns the error with which it fails.
func guarded(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			err = f.error
		}
	}()
	f()
	return nil
}
