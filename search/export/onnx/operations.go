package onnx

import (
	"math"
	"slices"

	"mixmas/nn/device"
)

var (
	_ = device.On(&translations, (*translator).matMul)
	_ = device.On(&translations, (*translator).mapping)
	_ = device.On(&translations, (*translator).binary)
	_ = device.On(&translations, (*translator).reduce)
	_ = device.On(&translations, (*translator).assemble)
	_ = device.On(&translations, (*translator).layerNorm)
	_ = device.On(&translations, (*translator).batchNorm)
	_ = device.On(&translations, (*translator).softmax)
	_ = device.On(&translations, (*translator).attention)
	_ = device.On(&translations, (*translator).embedding)
	_ = device.On(&translations, (*translator).im2Col)
	_ = device.On(&translations, (*translator).conv)
	_ = device.On(&translations, (*translator).depthwise)
)

// activate applies an activation.
func (t *translator) activate(x *tensor, a device.Activation) *tensor {
	switch a {
	case device.Identity:
		return x
	case device.GELU: // in the form that runtimes fuse; Gelu itself begins with opset 20
		if x.constant != nil {
			return t.mapped(x, func(x float64) float64 { return x * 0.5 * (1 + math.Erf(x/math.Sqrt2)) })
		}
		e := t.same("Erf", t.elementwise("Div", x, t.number("sqrt2", math.Sqrt2)))
		y := t.elementwise("Mul", x, t.elementwise("Add", e, t.number("one", 1)))
		return t.elementwise("Mul", y, t.number("half", 0.5))
	case device.ReLU, device.SquaredReLU:
		if x.constant != nil {
			x = t.mapped(x, func(x float64) float64 { return max(x, 0) })
		} else {
			x = t.same("Relu", x)
		}
		if a == device.SquaredReLU {
			x = t.elementwise("Mul", x, x)
		}
		return x
	case device.Sigmoid, device.Tanh, device.SiLU:
		operation, of := "Sigmoid", func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
		if a == device.Tanh {
			operation, of = "Tanh", math.Tanh
		}
		var y *tensor
		if x.constant != nil {
			y = t.mapped(x, of)
		} else {
			y = t.same(operation, x)
		}
		if a == device.SiLU {
			y = t.elementwise("Mul", x, y)
		}
		return y
	}
	fail("the activation %v has no translation", a)
	return nil
}

func (t *translator) mapping(o *device.Map) { t.set(o.Y, t.activate(t.value(o.X), o.Activation)) }

var arithmetic = map[device.Arithmetic]string{device.Add: "Add", device.Mul: "Mul", device.Div: "Div"}

func (t *translator) binary(o *device.Binary) {
	twin := t.twin.(*device.Binary)
	operation, known := arithmetic[o.Arithmetic]
	if !known {
		fail("the arithmetic %v has no translation", o.Arithmetic)
	}
	shape := pairs(o.Shape, twin.Shape)
	operand := func(b device.Buffer, stepsA, stepsB []int) *tensor {
		x, steps := t.value(b), pairs(stepsA, stepsB)
		if product(x.dims...) == product(shape...) && slices.Equal(contiguous(shape, steps), strides(shape)) {
			return t.reshape(x, shape)
		}
		y := t.view(x, fixed(0), shape, steps)
		for len(y.dims) > 0 && y.dims[0].isOne() && y.constant != nil { // axes that are broadcast anyway
			y = t.reshape(y, y.dims[1:])
		}
		return y
	}
	a, b := operand(o.A, o.StridesA, twin.StridesA), operand(o.B, o.StridesB, twin.StridesB)
	y := t.elementwise(operation, a, b)
	if !slices.Equal(y.dims, shape) {
		y = t.whole(y, shape)
	}
	t.set(o.Y, t.plus(y, o.Plus))
}

// whole broadcasts a tensor to a shape that none of its operands has.
func (t *translator) whole(y *tensor, shape []size) *tensor {
	if product(y.dims...) == product(shape...) {
		return t.reshape(y, shape)
	}
	return t.expand(y, shape)
}

// contiguous are strides with those of axes of length 1 as they are in a contiguous tensor.
func contiguous(shape, steps []size) []size {
	own, list := strides(shape), slices.Clone(steps)
	for i, d := range shape {
		if d.isOne() {
			list[i] = own[i]
		}
	}
	return list
}

func (t *translator) reduce(o *device.Reduce) {
	twin := t.twin.(*device.Reduce)
	outer, length, inner := pair(o.Outer, twin.Outer), pair(o.Axis, twin.Axis), pair(o.Inner, twin.Inner)
	if length.batch {
		fail("it reduces over the batch")
	}
	x, axis := t.middle(t.value(o.X), outer, length, inner)
	dims := slices.Delete(slices.Clone(x.dims), axis, axis+1)
	axes, keep := attribute{"axes", []int{axis}}, attribute{"keepdims", 0}
	switch {
	case o.Reduction == device.Max && x.node != nil && x.node.operation == "Concat" && axisOf(x.node) == axis && length == fixed(len(x.node.inputs)):
		var parts []*tensor // the largest of several tensors, which were only joined to be compared
		for _, part := range x.node.inputs {
			parts = append(parts, t.reshape(part, dims))
		}
		t.set(o.Y, t.add("Max", parts, floats, dims))
	case o.Reduction == device.Max:
		t.set(o.Y, t.add("ReduceMax", []*tensor{x}, floats, dims, axes, keep))
	case o.Reduction != device.Sum:
		fail("the reduction %v has no translation", o.Reduction)
	case x.constant != nil:
		t.set(o.Y, t.plus(t.foldSum(x, axis, dims, o.Scale), o.Plus))
	case length.isOne():
		t.set(o.Y, t.plus(t.scaled(t.reshape(x, append(outer.axes(), inner)), o.Scale), o.Plus))
	case o.Scale == 1/float32(length.n):
		t.set(o.Y, t.plus(t.add("ReduceMean", []*tensor{x}, floats, dims, axes, keep), o.Plus))
	default:
		y := t.add("ReduceSum", []*tensor{x, t.integersOf("axes."+joined([]int64{int64(axis)}), int64(axis))}, floats, dims, keep)
		t.set(o.Y, t.plus(t.scaled(y, o.Scale), o.Plus))
	}
}

func axisOf(n *node) int { return n.attributes[0].value.(int) }

// foldSum adds up the elements of a constant along an axis.
func (t *translator) foldSum(x *tensor, axis int, dims []size, scale float32) *tensor {
	outer, inner := product(x.dims[:axis]...).n, product(x.dims[axis+1:]...).n
	n := x.dims[axis].n
	data := make([]float32, outer*inner)
	for i := range outer {
		for k := range inner {
			sum := 0.0
			for j := range n {
				sum += float64(x.constant.floats[(i*n+j)*inner+k])
			}
			data[i*inner+k] = float32(sum * float64(scale))
		}
	}
	return t.folded(t.prefix+t.scope+".sum", dims, data)
}

// scaled multiplies by a number.
func (t *translator) scaled(x *tensor, scale float32) *tensor {
	if scale == 1 {
		return x
	}
	return t.elementwise("Mul", x, t.number("scale", scale))
}

// assemble joins the pieces along one axis if they are the parts of one, and otherwise adds them up, each padded with zeros.
func (t *translator) assemble(o *device.Assemble) {
	twin := t.twin.(*device.Assemble)
	total := pair(o.N, twin.N)
	if len(o.Pieces) != len(twin.Pieces) {
		fail("it has %d pieces for one batch and %d for another", len(o.Pieces), len(twin.Pieces))
	}
	type part struct {
		tensor *tensor
		region region
	}
	var steps, longSteps []size
	for i, p := range o.Pieces {
		shape := pairs(p.Shape, twin.Pieces[i].Shape)
		for k, s := range pairs(p.TargetStrides, twin.Pieces[i].TargetStrides) {
			if s.n != 0 {
				steps = append(steps, s)
			}
			if !shape[k].isOne() {
				longSteps = append(longSteps, s)
			}
		}
	}
	var parts []part
	arrange := func(steps []size) (g grid, ok bool) {
		if g, ok = newGrid(total, steps); !ok {
			return g, false
		}
		parts = nil
		for i, p := range o.Pieces {
			q := twin.Pieces[i]
			shape, target := pairs(p.Shape, q.Shape), pairs(p.TargetStrides, q.TargetStrides)
			r, axes, ok := g.find(pair(p.TargetOffset, q.TargetOffset), shape, target)
			if !ok {
				return g, false
			}
			x := t.view(t.value(p.Source), pair(p.SourceOffset, q.SourceOffset), shape, pairs(p.SourceStrides, q.SourceStrides))
			if !slices.Equal(x.dims, shape) {
				x = t.expand(x, shape)
			}
			var order []int // the piece's axis of each axis of the grid
			for axis := range g.dims {
				if k := slices.Index(axes, axis); k >= 0 {
					order = append(order, k)
				}
			}
			for k, axis := range axes {
				if axis < 0 {
					order = append(order, k)
				}
			}
			x = t.reshape(t.transpose(x, order), r.length)
			parts = append(parts, part{t.scaled(x, p.Scale), r})
		}
		return g, true
	}
	g, ok := arrange(steps)
	if !ok {
		g, ok = arrange(longSteps)
	}
	if !ok {
		fail("pieces are written with strides that are not nested")
	}
	var y *tensor
	if axis, joined := joinedAlong(g, total, func(i int) region { return parts[i].region }, len(parts)); joined {
		var list []*tensor
		for _, p := range parts {
			list = append(list, p.tensor)
		}
		y = t.concat(list, axis)
	} else {
		for _, p := range parts {
			before, after := make([]int, len(g.dims)), make([]int, len(g.dims))
			for axis, d := range g.dims {
				if before[axis] = p.region.from[axis].n; !d.batch {
					after[axis] = d.n - before[axis] - p.region.length[axis].n
				}
			}
			z := t.pad(p.tensor, before, after, g.dims)
			if y == nil {
				y = z
			} else {
				y = t.elementwise("Add", y, z)
			}
		}
	}
	t.set(o.Y, t.plus(y, o.Base))
}

// joinedAlong finds the axis along which regions follow each other, in order, and together are all of a grid.
func joinedAlong(g grid, total size, regions func(i int) region, count int) (axis int, ok bool) {
	for axis = range g.dims {
		at, fits := 0, true
		for i := range count {
			r := regions(i)
			for k, d := range g.dims {
				if k == axis {
					fits = fits && r.from[k].n == at && (r.length[k].batch == d.batch)
					at += r.length[k].n
				} else {
					fits = fits && r.length[k] == d
				}
			}
		}
		if fits && at == g.dims[axis].n {
			return axis, true
		}
	}
	return 0, false
}

func (t *translator) layerNorm(o *device.LayerNorm) {
	twin := t.twin.(*device.LayerNorm)
	width := pair(o.Width, twin.Width)
	x := t.leading(t.value(o.X), pair(o.Rows, twin.Rows), width)
	t.set(o.Y, t.like("LayerNormalization", x, []*tensor{t.reshape(t.value(o.Weight), []size{width}), t.reshape(t.value(o.Bias), []size{width})},
		attribute{"axis", -1}, attribute{"epsilon", float32(o.Eps)}))
}

// batchNorm is a factor and a summand per channel.
func (t *translator) batchNorm(o *device.BatchNorm) {
	if o.Train {
		fail("it uses the statistics of the batch")
	}
	twin := t.twin.(*device.BatchNorm)
	channels := pair(o.Channels, twin.Channels)
	x, axis := t.middle(t.value(o.X), pair(o.Outer, twin.Outer), channels, pair(o.Inner, twin.Inner))
	dims := []size{channels}
	for range x.dims[axis+1:] {
		dims = append(dims, fixed(1))
	}
	operand := func(b device.Buffer) *tensor { return t.reshape(t.value(b), dims) }
	variance, weight := operand(o.RunningVariance), operand(o.Weight)
	var factor *tensor
	if variance.constant != nil && weight.constant != nil {
		data := make([]float32, channels.n)
		for i, v := range variance.constant.floats {
			data[i] = float32(float64(weight.constant.floats[i]) / math.Sqrt(float64(v)+o.Eps))
		}
		factor = t.folded(t.prefix+t.scope+".factor", dims, data)
	} else {
		factor = t.elementwise("Div", weight, t.same("Sqrt", t.elementwise("Add", variance, t.number("epsilon", float32(o.Eps)))))
	}
	mean := t.elementwise("Mul", operand(o.RunningMean), factor)
	y := t.elementwise("Mul", x, factor)
	t.set(o.Y, t.elementwise("Add", y, t.elementwise("Sub", operand(o.Bias), mean)))
}

// softmax puts a very low number in the place of what is masked, so that it has no share, and clears rows without any share.
func (t *translator) softmax(o *device.Softmax) {
	twin := t.twin.(*device.Softmax)
	batch, repeat, width := pair(o.Batch, twin.Batch), pair(o.Repeat, twin.Repeat), pair(o.Width, twin.Width)
	axis := attribute{"axis", -1}
	x := t.value(o.X)
	if o.Mask == 0 {
		t.set(o.Y, t.like("Softmax", t.leading(x, product(batch, repeat), width), nil, axis))
		return
	}
	t.set(o.Y, t.maskedSoftmax(t.reshape(x, []size{batch, repeat, width}), t.reshape(t.value(o.Mask), []size{batch, fixed(1), width})))
}

func (t *translator) maskedSoftmax(x, mask *tensor) *tensor {
	masked := t.compare("Equal", mask, t.number("zero", 0))
	low := t.add("Where", []*tensor{masked, t.number("lowest", -math.MaxFloat32), x}, floats, x.dims)
	y := t.like("Softmax", low, nil, attribute{"axis", -1})
	return t.add("Where", []*tensor{masked, t.number("zero", 0), y}, floats, x.dims)
}

// attention has the heads as an axis of their own, and all scores at once: its parts, which have some of them, depend on the batch.
func (t *translator) attention(o *device.Attention) {
	twin := t.twin.(*device.Attention)
	batch, heads, width := pair(o.Batch, twin.Batch), fixed(o.Heads), fixed(o.HeadWidth())
	queries, keys := pair(o.Queries, twin.Queries), pair(o.Keys, twin.Keys)
	split := func(b device.Buffer, tokens size, order ...int) *tensor {
		return t.transpose(t.reshape(t.value(b), []size{batch, tokens, heads, width}), order)
	}
	q := t.scaled(split(o.Q, queries, 0, 2, 1, 3), float32(1/math.Sqrt(float64(o.HeadWidth()))))
	y := t.add("MatMul", []*tensor{q, split(o.K, keys, 0, 2, 3, 1)}, floats, []size{batch, heads, queries, keys})
	if o.Mask == 0 {
		y = t.like("Softmax", y, nil, attribute{"axis", -1})
	} else {
		y = t.maskedSoftmax(y, t.reshape(t.value(o.Mask), []size{batch, fixed(1), fixed(1), keys}))
	}
	y = t.add("MatMul", []*tensor{y, split(o.V, keys, 0, 2, 1, 3)}, floats, []size{batch, heads, queries, width})
	t.set(o.Y, t.reshape(t.transpose(y, []int{0, 2, 1, 3}), []size{batch, queries, product(heads, width)}))
}

// embedding gathers rows of a table. Ids outside of it count as the unknown token, and the row of padding is zeros.
func (t *translator) embedding(o *device.Embedding) {
	twin := t.twin.(*device.Embedding)
	rows := pair(o.Rows, twin.Rows)
	ids, table := t.ids(o.IDs), t.value(o.Table)
	table = t.reshape(table, fixedAll(o.Vocabulary, o.Width))
	if product(ids.dims...) != rows {
		fail("%v ids for %v rows", product(ids.dims...), rows)
	}
	zero, vocabulary := t.integer("id.0", 0), t.integer("vocabulary", int64(o.Vocabulary))
	if ids.kind == floats {
		zero, vocabulary = t.number("zero", 0), t.number("vocabulary", float32(o.Vocabulary))
	}
	known := t.compare("GreaterOrEqual", ids, zero) // NaN is not
	known = t.add("And", []*tensor{known, t.compare("Less", ids, vocabulary)}, booleans, ids.dims)
	ids = t.add("Where", []*tensor{known, t.cast(ids, integers), t.integer("id.unknown", device.Unknown)}, integers, ids.dims)
	dims := append(slices.Clone(ids.dims), fixed(o.Width))
	if table.constant != nil {
		table = t.withoutPadding(table, o.Width)
		t.set(o.Y, t.add("Gather", []*tensor{table, ids}, floats, dims, attribute{"axis", 0}))
		return
	}
	y := t.add("Gather", []*tensor{table, ids}, floats, dims, attribute{"axis", 0})
	padding := t.reshape(t.compare("Equal", ids, t.integer("id.0", 0)), append(slices.Clone(ids.dims), fixed(1)))
	t.set(o.Y, t.add("Where", []*tensor{padding, t.number("zero", 0), y}, floats, dims))
}

// ids is the value of a buffer, as integers if it was given as such.
func (t *translator) ids(b device.Buffer) *tensor {
	x := t.value(b)
	if n := x.node; n != nil && n.operation == "Cast" && n.inputs[0].kind == integers {
		return n.inputs[0]
	}
	return x
}

// withoutPadding is a table whose row of padding is zeros.
func (t *translator) withoutPadding(table *tensor, width int) *tensor {
	row := table.constant.floats[device.Padding*width:][:width]
	if !slices.ContainsFunc(row, func(x float32) bool { return x != 0 }) {
		return table
	}
	key := order{table, "without padding"}
	if t.orders[key] == nil {
		data := slices.Clone(table.constant.floats)
		clear(data[device.Padding*width:][:width])
		t.orders[key] = &tensor{name: table.name, kind: floats, dims: table.dims, constant: &constant{floats: data}}
	}
	return t.orders[key]
}
