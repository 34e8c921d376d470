package nn

import (
	"errors"
	"fmt"
	"slices"

	"mixmas/nn/device"
	"mixmas/nn/dimensions"
)

// Mode is the purpose that a graph is recorded for.
type Mode int

const (
	// Training applies dropout and normalises batches by their own statistics.
	Training Mode = iota
	// Evaluation uses the running statistics and no dropout.
	Evaluation
)

// Graph records the operations of a model for one input shape and mode.
type Graph struct {
	parameters *Parameters
	mode       Mode
	gradients  bool

	operations []device.Operation
	buffers    []device.BufferInfo
	tape       []gradient
	// partial[b-1] is the sum of the gradient contributions to buffer b so far; 0 means none.
	partial []device.Buffer
	// contributions to gradients, in order.
	contributions []contribution
	// needed[b-1] is true if the gradient with respect to buffer b is needed.
	needed []bool

	inputs, outputs []*Value
	values          map[*Parameter]*Value
	owner           map[device.Buffer]*Parameter
	dropouts        uint32
	recorded        int // operations, composites' parts one by one
	fills           []fill
	filled          int // elements of all fills
	err             error
}

// contribution records that the gradient of buffer to changed from plus (0: none) to d.
type contribution struct{ to, d, plus device.Buffer }

// maximumConstants bounds the elements of a graph's computed constants (1 GiB), since compiling allocates them in the
// host's memory before it asks the device for any.
const maximumConstants = 1 << 28

// fill is a constant whose contents are computed when the graph is compiled.
type fill struct {
	buffer device.Buffer
	write  func(data []float32)
}

// gradient records the backward pass of one operation, given the buffer that holds the gradient of its output.
type gradient struct {
	output device.Buffer
	record func(dy device.Buffer)
}

// Value is a tensor of a graph. It has no contents until a program runs.
type Value struct {
	Shape  []int
	buffer device.Buffer
	// kept is the buffer that the operation that computes the value keeps for its gradient; 0 means none.
	kept device.Buffer
}

// Size is the number of elements.
func (v *Value) Size() int { return size(v.Shape) }

// Buffer returns the buffer that holds the value, 0 for a nil value.
func (v *Value) Buffer() device.Buffer {
	if v == nil {
		return 0
	}
	return v.buffer
}

// Kept returns the buffer that the operation that computes the value keeps for its gradient: the pre-activation of a
// product, the statistics of a norm. It is 0 if nothing is kept.
func (v *Value) Kept() device.Buffer { return v.kept }

// NewGraph starts recording. gradients must be true if Backward will be called: operations then keep what it needs.
func NewGraph(p *Parameters, mode Mode, gradients bool) *Graph {
	return &Graph{parameters: p, mode: mode, gradients: gradients, err: p.err,
		values: map[*Parameter]*Value{}, owner: map[device.Buffer]*Parameter{}}
}

// Mode returns the mode that the graph is recorded for.
func (g *Graph) Mode() Mode { return g.mode }

// Err returns the first mistake in the recording.
func (g *Graph) Err() error { return g.err }

// Fail keeps an error, unless the graph already has one, and returns an empty value of the given shape. Arguments of type
// []int are shapes and are written as 2×3×8.
func (g *Graph) Fail(shape []int, format string, args ...any) *Value {
	if g.err == nil {
		for i, arg := range args {
			if shape, is := arg.([]int); is {
				args[i] = dimensions.Text(shape)
			}
		}
		g.err = fmt.Errorf(format, args...)
	}
	return &Value{Shape: shape}
}

// Input records a value that is written before each run. The name distinguishes the inputs of a model.
func (g *Graph) Input(name string, shape ...int) *Value {
	v := g.value(name, shape)
	g.buffers[v.buffer-1].First = -1
	g.inputs = append(g.inputs, v)
	return v
}

// Output keeps a value until the end of the run, so that it can be read.
func (g *Graph) Output(name string, v *Value) {
	if g.err != nil {
		return
	}
	info := &g.buffers[v.buffer-1]
	info.Last = forever
	if info.Name == "" {
		info.Name = name
	}
	g.outputs = append(g.outputs, v)
}

// Constant records a value that never changes.
func (g *Graph) Constant(name string, data []float32, shape ...int) *Value {
	v := g.value(name, shape)
	info := &g.buffers[v.buffer-1]
	info.Space, info.Data = device.Constant, data
	return v
}

// ConstantOf records a value that never changes. write computes it when the graph is compiled, so that recording needs no
// memory for it.
func (g *Graph) ConstantOf(name string, write func(data []float32), shape ...int) *Value {
	v := g.value(name, shape)
	info := &g.buffers[v.buffer-1]
	info.Space = device.Constant
	g.fills = append(g.fills, fill{v.buffer, write})
	if g.filled += info.Size; g.filled > maximumConstants {
		return g.Fail(shape, "%s: with its shape %v the model's constants have more than %d elements", name, shape, maximumConstants)
	}
	return v
}

// Parameter returns the value of a parameter.
func (g *Graph) Parameter(p *Parameter) *Value {
	if v := g.values[p]; v != nil {
		return v
	}
	v := g.value(p.Name, p.Shape)
	g.inState(v, g.parameters.place(p))
	g.needed[v.buffer-1] = p.Trainable
	g.values[p], g.owner[v.buffer] = v, p
	return v
}

// RequireGradient asks Backward for the gradient of a value that is not a parameter. It must come before the operations that
// use the value: those recorded earlier keep nothing for their gradients.
func (g *Graph) RequireGradient(v *Value) {
	if g.err != nil {
		return
	}
	for _, op := range g.operations {
		if reads, _ := op.Buffers(nil, nil); slices.Contains(reads, v.buffer) {
			g.Fail(nil, "the gradient of %s must be requested before %s uses it", g.buffers[v.buffer-1].Name, op.Name())
			return
		}
	}
	g.needed[v.buffer-1] = true
}

// Gradient returns the gradient of a value after Backward, nil if there is none.
func (g *Graph) Gradient(v *Value) *Value {
	if g.err != nil || g.partial[v.buffer-1] == 0 {
		return nil
	}
	return &Value{Shape: v.Shape, buffer: g.partial[v.buffer-1]}
}

// Reshape returns the same elements with another shape.
func (g *Graph) Reshape(v *Value, shape ...int) *Value {
	if n, ok := device.Elements(shape...); g.err == nil && !(ok && n == v.Size()) {
		return g.Fail(shape, "reshape: %v has %d elements, %v does not", v.Shape, v.Size(), shape)
	}
	return &Value{Shape: shape, buffer: v.buffer}
}

// Backward records the gradients of all parameters, and of the values of [Graph.RequireGradient], given the gradient dy of
// y. If y is a scalar loss, dy may be nil, which means 1.
func (g *Graph) Backward(y, dy *Value) {
	if g.err != nil {
		return
	}
	if !g.gradients {
		g.Fail(nil, "backward: the graph was made without gradients")
		return
	}
	if dy == nil {
		dy = g.ConstantOf("one", Ones, y.Shape...)
	}
	g.total(y.buffer, dy.buffer)
	tape := g.tape
	g.tape = nil
	g.unwind(tape)
}

// value makes a value with a new buffer, even if its shape is invalid.
func (g *Graph) value(name string, shape []int) *Value {
	return &Value{Shape: slices.Clone(shape), buffer: g.buffer(name, shape...)}
}

func (g *Graph) buffer(name string, shape ...int) device.Buffer {
	n, err := elements(shape)
	if err != nil {
		g.Fail(shape, "%s: %w", name, err)
	}
	g.buffers = append(g.buffers, device.BufferInfo{Name: name, Size: n, First: never, Last: never})
	g.partial = append(g.partial, 0)
	g.needed = append(g.needed, false)
	return device.Buffer(len(g.buffers))
}

func (g *Graph) inState(v *Value, offset int) {
	info := &g.buffers[v.buffer-1]
	info.Space, info.Offset = device.State, offset
}

// record appends an operation that computes y from inputs, and its gradient.
func (g *Graph) record(op device.Operation, y *Value, back func(dy device.Buffer), inputs ...*Value) *Value {
	if g.recorded++; g.recorded > MaxTensors {
		return g.Fail(y.Shape, "the model has more than %d operations: use fewer blocks", MaxTensors)
	}
	if g.err != nil {
		return y
	}
	g.operations = append(g.operations, op)
	for _, x := range inputs {
		if x != nil && g.needed[x.buffer-1] {
			g.needed[y.buffer-1] = true
		}
	}
	if g.gradients && g.needed[y.buffer-1] {
		g.tape = append(g.tape, gradient{y.buffer, back})
	}
	return y
}

// residual records that the operation that computes y adds plus, so that the gradient of y contributes to that of plus.
// plus may be nil. It is called right after the operation.
func (g *Graph) residual(plus, y *Value) *Value {
	if g.err == nil && plus != nil && g.gradients && g.needed[plus.buffer-1] {
		g.tape = append(g.tape, gradient{y.buffer, func(dy device.Buffer) { g.pass(plus, dy) }})
	}
	return y
}

// emit appends an operation of the backward pass.
func (g *Graph) emit(op device.Operation) {
	if g.err == nil {
		g.operations = append(g.operations, op)
	}
}

// unwind records the gradients of a tape in reverse order.
func (g *Graph) unwind(tape []gradient) {
	for _, node := range slices.Backward(tape) {
		if d := g.partial[node.output-1]; d != 0 && g.needed[node.output-1] && g.err == nil {
			node.record(d)
		}
	}
}

// contribution returns the buffer for an operation's contribution to the gradient of x, and the sum of the earlier
// contributions, which the operation must add (0: none). Both are 0 if the gradient is not needed.
func (g *Graph) contribution(x *Value) (dx, plus device.Buffer) {
	if x == nil || !g.needed[x.buffer-1] {
		return 0, 0
	}
	plus = g.partial[x.buffer-1]
	switch p := g.owner[x.buffer]; {
	case p == nil:
		dx = g.buffer("gradient of "+g.buffers[x.buffer-1].Name, g.buffers[x.buffer-1].Size)
	case plus == 0:
		d := g.value(p.Name+" gradient", p.Shape)
		g.inState(d, g.parameters.gradientPlace(p))
		dx = d.buffer
	default: // in the state sums are made in place
		dx = plus
	}
	g.total(x.buffer, dx)
	return dx, plus
}

// total makes d the sum of the gradient contributions to buffer b so far.
func (g *Graph) total(b, d device.Buffer) {
	g.contributions = append(g.contributions, contribution{b, d, g.partial[b-1]})
	g.partial[b-1] = d
}

// pass makes d, a gradient of the same size, the contribution to the gradient of x.
func (g *Graph) pass(x *Value, d device.Buffer) {
	if x == nil || !g.needed[x.buffer-1] {
		return
	}
	if g.partial[x.buffer-1] == 0 && g.owner[x.buffer] == nil {
		g.total(x.buffer, d)
		return
	}
	n := g.buffers[x.buffer-1].Size
	dx, plus := g.contribution(x)
	if plus == 0 {
		g.emit(assemble("copy", dx, n, 0, whole(d, n, 1)))
		return
	}
	g.emit(&device.Binary{Arithmetic: device.Add, A: d, B: plus, Y: dx,
		Shape: []int{n}, StridesA: []int{1}, StridesB: []int{1}})
}

// Ones fills a constant with 1.
func Ones(data []float32) {
	for i := range data {
		data[i] = 1
	}
}

var errNotRecorded = errors.New("nothing was recorded")
