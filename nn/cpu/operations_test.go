package cpu

import (
	"math"
	"slices"
	"testing"

	"mixmas/nn/device"
	"pgregory.net/rapid"
)

// draws are random programs of one operation.
var draws = map[string]func(*rapid.T, *fixture) device.Operation{
	"matmul":              drawMatMul,
	"matmul batch":        drawBatchedMatMul,
	"map":                 drawMap,
	"map grad":            drawMapGrad,
	"binary":              drawBinary,
	"assemble":            drawAssemble,
	"sum":                 drawSum,
	"max":                 drawMax,
	"max grad":            drawMaxGrad,
	"dropout":             drawDropout,
	"layer norm":          drawLayerNorm,
	"layer norm grad":     drawLayerNormGrad,
	"batch norm":          drawBatchNorm,
	"batch norm grad":     drawBatchNormGrad,
	"im2col":              drawIm2Col,
	"col2im":              drawCol2Im,
	"conv":                drawConv,
	"conv input grad":     drawConvInputGrad,
	"conv weight grad":    drawConvWeightGrad,
	"depthwise conv":      drawDepthwiseConv,
	"depthwise conv grad": drawDepthwiseConvGrad,
	"cross entropy":       drawCrossEntropy,
	"soft cross entropy":  drawSoftCrossEntropy,
	"bce":                 drawBCE,
	"adam":                drawAdam,
	"sgd":                 drawSGD,
	"softmax":             drawSoftmax,
	"softmax grad":        drawSoftmaxGrad,
	"embedding":           drawEmbedding,
	"embedding grad":      drawEmbeddingGrad,
}

// TestOperations compares each operation with its definition in float64 on random sizes, values and memory layouts.
func TestOperations(t *testing.T) {
	for name, draw := range draws {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			f := newFixture(t)
			f.op = draw(t, f)
			f.run(t)
		}))
	}
}

// TestBindings names the operations that the device does not know, and those that TestOperations leaves out.
func TestBindings(t *testing.T) {
	for _, name := range bindings.Missing() {
		t.Errorf("the cpu device does not support %s", name)
	}
	drawn := map[string]bool{}
	for _, draw := range draws {
		drawn[rapid.Custom(func(t *rapid.T) string { return device.TypeName(draw(t, newFixture(t))) }).Example(1)] = true
	}
	for _, op := range device.Kinds() {
		if _, composite := op.(device.Composite); !composite && !drawn[device.TypeName(op)] {
			t.Errorf("no random program has the operation %s", device.TypeName(op))
		}
	}
}

func drawActivation(t *rapid.T) device.Activation {
	return device.Activation(rapid.IntRange(0, int(device.SiLU)).Draw(t, "activation"))
}

// drawMatMul is a single product with every kind of epilogue.
func drawMatMul(t *rapid.T, f *fixture) device.Operation {
	d := dims(t, 70, 3)
	if rapid.IntRange(0, 9).Draw(t, "wide") == 0 {
		d[1] += 600
	}
	o := &device.MatMul{M: d[0], N: d[1], K: d[2], TransA: chance(t, "trans a"), TransB: chance(t, "trans b"), Batch: [2]int{1, 1}}
	padding := dims(t, 3, 4)
	o.LDA, o.LDB, o.LDC = o.K+padding[0]-1, o.N+padding[1]-1, o.N
	na, nb := o.M, o.K
	if o.TransA {
		o.LDA, na = o.M+padding[0]-1, o.K
	}
	if o.TransB {
		o.LDB, nb = o.K+padding[1]-1, o.N
	}
	o.OffsetA, o.OffsetB = padding[2]-1, padding[3]-1
	o.A, o.B = f.in("a", f.values(o.OffsetA+na*o.LDA)), f.in("b", f.values(o.OffsetB+nb*o.LDB))
	if chance(t, "bias") {
		o.BiasRows = chance(t, "bias of rows")
		n := o.N
		if o.BiasRows {
			n = o.M
		}
		o.Bias = f.in("bias", f.values(n))
	}
	o.Activation = drawActivation(t)
	o.Gate = f.maybe(t, "gate", o.M*o.N)
	o.Plus, o.C = f.sum(t, "c", o.M*o.N, o.Gate)
	if o.Gate == 0 && chance(t, "pre") {
		o.Pre = f.out("pre", o.M*o.N)
	}
	return o
}

// drawBatchedMatMul is a product of contiguous batches in any order of dimensions, of which some are broadcast or summed:
// what can be folded, and what cannot.
func drawBatchedMatMul(t *rapid.T, f *fixture) device.Operation {
	d := dims(t, 9, 3)
	o := &device.MatMul{M: d[0], N: d[1], K: d[2], TransA: chance(t, "trans a"), TransB: chance(t, "trans b"), Batch: [2]int(dims(t, 4, 2))}
	summed := [2]bool{chance(t, "sum 0"), chance(t, "sum 1")}
	layout := func(name string, rows, columns int, absent [2]bool) (size, ld int, strides [2]int) {
		// The axes batch 0, batch 1 and rows in some order; columns last, or a batch inside the rows.
		counts := []int{o.Batch[0], o.Batch[1], rows, columns}
		for i, a := range absent {
			if a {
				counts[i] = 1
			}
		}
		order := rapid.Permutation([]int{0, 1, 2}).Draw(t, name+" order")
		order = append(order, 3)
		steps := [4]int{}
		size = 1
		for _, axis := range slices.Backward(order) {
			steps[axis] = size
			size *= counts[axis]
		}
		for i := range strides {
			if !absent[i] {
				strides[i] = steps[i]
			}
		}
		return size, steps[2], strides
	}
	ra, ca, rb, cb := o.M, o.K, o.K, o.N
	if o.TransA {
		ra, ca = ca, ra
	}
	if o.TransB {
		rb, cb = cb, rb
	}
	var na, nb, nc int
	na, o.LDA, o.StrideA = layout("a", ra, ca, [2]bool{!summed[0] && chance(t, "a once 0"), !summed[1] && chance(t, "a once 1")})
	nb, o.LDB, o.StrideB = layout("b", rb, cb, [2]bool{!summed[0] && chance(t, "b once 0"), !summed[1] && chance(t, "b once 1")})
	nc, o.LDC, o.StrideC = layout("c", o.M, o.N, summed)
	o.A, o.B = f.in("a", f.values(na)), f.in("b", f.values(nb))
	if !(summed[0] && o.Batch[0] > 1 || summed[1] && o.Batch[1] > 1) {
		o.Activation, o.Gate = drawActivation(t), f.maybe(t, "gate", nc)
		if o.Gate == 0 && chance(t, "pre") {
			o.Pre = f.out("pre", nc)
		}
		if o.BiasRows = chance(t, "bias of rows"); o.BiasRows {
			o.Bias = f.maybe(t, "bias", o.M)
		} else {
			o.Bias = f.maybe(t, "bias", o.N)
		}
	}
	o.Plus, o.C = f.sum(t, "c", nc, o.Gate)
	return o
}

func drawMap(t *rapid.T, f *fixture) device.Operation {
	n := rapid.IntRange(1, 3000).Draw(t, "n")
	x := f.in("x", f.values(n))
	return &device.Map{Activation: drawActivation(t), X: x, Y: f.result(t, "y", n, x), N: n}
}

func drawMapGrad(t *rapid.T, f *fixture) device.Operation {
	n := rapid.IntRange(1, 3000).Draw(t, "n")
	x, dy := f.in("x", f.values(n)), f.in("dy", f.values(n))
	plus, dx := f.sum(t, "dx", n, x, dy)
	return &device.MapGrad{Activation: drawActivation(t), X: x, DY: dy, DX: dx, Plus: plus, N: n}
}

func drawBinary(t *rapid.T, f *fixture) device.Operation {
	shape := dims(t, 12, rapid.IntRange(0, 4).Draw(t, "rank"))
	if len(shape) > 0 {
		shape[len(shape)-1] *= rapid.SampledFrom([]int{1, 1, 40}).Draw(t, "longer")
	}
	o := &device.Binary{Arithmetic: device.Arithmetic(rapid.IntRange(0, 2).Draw(t, "arithmetic")), Shape: shape}
	operand := func(name string, away float32) (device.Buffer, []int, bool) {
		strides, n, whole := make([]int, len(shape)), 1, true
		order := make([]int, len(shape))
		for i := range order {
			order[i] = len(shape) - 1 - i
		}
		if chance(t, name+" permuted") && len(shape) > 0 {
			order = rapid.Permutation(order).Draw(t, name+" order")
			whole = false
		}
		for _, d := range order {
			if chance(t, name+" broadcast") {
				whole = whole && shape[d] == 1
				continue
			}
			strides[d] = n
			n *= shape[d]
		}
		x := f.values(n)
		for i := range x { // divisors stay away from zero
			if away > 0 {
				x[i] = away + x[i]*x[i]
			}
		}
		return f.in(name, x), strides, whole
	}
	var on []device.Buffer
	var whole bool
	if o.A, o.StridesA, whole = operand("a", 0); whole {
		on = append(on, o.A)
	}
	if o.B, o.StridesB, whole = operand("b", 0.5); whole {
		on = append(on, o.B)
	}
	o.Plus, o.Y = f.sum(t, "y", product(shape), on...)
	return o
}

// drawAssemble cuts the output along one axis into pieces, each of which comes from a permuted, broadcast or reversed
// part of a larger source.
func drawAssemble(t *rapid.T, f *fixture) device.Operation {
	shape := dims(t, 7, rapid.IntRange(1, 4).Draw(t, "rank"))
	if chance(t, "large") {
		shape[len(shape)-1] += 40
		shape[0] += 30
	}
	targets, n := make([]int, len(shape)), 1
	for i, d := range slices.Backward(shape) {
		targets[i] = n
		n *= d
	}
	o := &device.Assemble{N: n, Kind: "test", Covered: chance(t, "covered")}
	axis := rapid.IntRange(0, len(shape)-1).Draw(t, "axis")
	for from := 0; from < shape[axis]; {
		count := rapid.IntRange(1, shape[axis]-from).Draw(t, "count")
		if o.Covered || chance(t, "present") {
			p := device.Piece{Shape: slices.Clone(shape), TargetOffset: from * targets[axis], TargetStrides: targets,
				SourceStrides: make([]int, len(shape)), Scale: float32(rapid.SampledFrom([]float64{1, 1, -0.5}).Draw(t, "scale"))}
			p.Shape[axis] = count
			order := rapid.Permutation(seq(len(shape))).Draw(t, "order")
			size := 1 + rapid.IntRange(0, 1).Draw(t, "apart")
			last := 0
			for _, d := range order {
				if p.Shape[d] == 1 || rapid.IntRange(0, 4).Draw(t, "broadcast") == 0 {
					continue
				}
				last += (p.Shape[d] - 1) * size
				p.SourceStrides[d] = size
				if rapid.IntRange(0, 4).Draw(t, "reversed") == 0 {
					p.SourceStrides[d] = -size
					p.SourceOffset += (p.Shape[d] - 1) * size
				}
				size *= p.Shape[d] + rapid.IntRange(0, 1).Draw(t, "gap")
			}
			p.Source = f.in("source", f.values(last+1))
			o.Pieces = append(o.Pieces, p)
		}
		from += count
	}
	o.Base, o.Y = f.sum(t, "y", n)
	return o
}

func seq(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func drawReduce(t *rapid.T, f *fixture) *device.Reduce {
	d := dims(t, 12, 3)
	switch rapid.IntRange(0, 3).Draw(t, "shape") {
	case 0:
		d[2] = 1
	case 1:
		d[1] += 400
	case 2:
		d[2] += 100
	}
	return &device.Reduce{Outer: d[0], Axis: d[1], Inner: d[2], X: f.in("x", f.values(product(d)))}
}

func drawSum(t *rapid.T, f *fixture) device.Operation {
	o := drawReduce(t, f)
	o.Reduction, o.Scale = device.Sum, 0.25
	o.Plus, o.Y = f.sum(t, "y", o.Outer*o.Inner)
	return o
}

func drawMax(t *rapid.T, f *fixture) device.Operation {
	o := drawReduce(t, f)
	o.Reduction = device.Max
	for i, v := range f.data[o.X] { // with ties
		f.data[o.X][i] = float32(math.Round(float64(v)))
	}
	o.Y, o.Index = f.out("y", o.Outer*o.Inner), f.out("index", o.Outer*o.Inner)
	return o
}

func drawMaxGrad(t *rapid.T, f *fixture) device.Operation {
	d := dims(t, 20, 3)
	n := d[0] * d[2]
	index := f.values(n)
	for i := range index {
		index[i] = float32(f.random.IntN(d[1]))
	}
	return &device.MaxGrad{Outer: d[0], Axis: d[1], Inner: d[2], DY: f.in("dy", f.values(n)), Index: f.in("index", index), DX: f.out("dx", product(d))}
}

func drawDropout(t *rapid.T, f *fixture) device.Operation {
	n := rapid.IntRange(1, 3000).Draw(t, "n")
	x := f.in("x", f.values(n))
	return &device.Dropout{X: x, Y: f.result(t, "y", n, x), N: n, P: rapid.Float64Range(0, 0.9).Draw(t, "p"), Number: 11}
}

// drawRows draws rows and a width, sometimes enough for several slices.
func drawRows(t *rapid.T) (rows, width int) {
	d := dims(t, 90, 2)
	if rapid.IntRange(0, 4).Draw(t, "many") == 0 {
		return d[0] + 300, d[1] + 40
	}
	return d[0], d[1]
}

func drawLayerNorm(t *rapid.T, f *fixture) device.Operation {
	rows, width := drawRows(t)
	o := &device.LayerNorm{Rows: rows, Width: width, Eps: 1e-5, X: f.in("x", f.values(rows*width)), Weight: f.in("weight", f.values(width)),
		Bias: f.in("bias", f.values(width)), Y: f.out("y", rows*width)}
	if chance(t, "statistics") {
		o.Statistics = f.out("statistics", 2*rows)
	}
	f.tolerance = 2e-4 // rows of two nearly equal elements
	return o
}

// statistics are means and positive factors.
func (f *fixture) statistics(n int) []float32 {
	s := f.values(2 * n)
	for i := n; i < len(s); i++ {
		s[i] = float32(math.Abs(float64(s[i]))) + 0.5
	}
	return s
}

func drawLayerNormGrad(t *rapid.T, f *fixture) device.Operation {
	rows, width := drawRows(t)
	o := &device.LayerNormGrad{Rows: rows, Width: width, X: f.in("x", f.values(rows*width)), Weight: f.in("weight", f.values(width)),
		DY: f.in("dy", f.values(rows*width)), Statistics: f.in("statistics", f.statistics(rows))}
	if chance(t, "dx") {
		o.Plus = f.maybe(t, "plus", rows*width)
		o.DX = f.result(t, "dx", rows*width, o.Plus)
	}
	if chance(t, "parameters") {
		o.PlusWeight, o.DWeight = f.sum(t, "dweight", width)
		o.PlusBias, o.DBias = f.sum(t, "dbias", width)
	}
	return o
}

// drawChannels draws maps with channels last or not.
func drawChannels(t *rapid.T) (outer, channels, inner int) {
	outer, channels = drawRows(t)
	inner = 1
	if chance(t, "channels first") {
		outer, inner = min(outer, 9), rapid.IntRange(2, 30).Draw(t, "inner")
	}
	return outer + 1, channels, inner
}

func drawBatchNorm(t *rapid.T, f *fixture) device.Operation {
	outer, channels, inner := drawChannels(t)
	n := outer * channels * inner
	x := f.values(n)
	if chance(t, "offset") {
		for i := range x {
			x[i] += 100
		}
		f.tolerance = 2e-4
	}
	running := f.statistics(channels)
	o := &device.BatchNorm{Outer: outer, Channels: channels, Inner: inner, Eps: 1e-5, Momentum: 0.1, Train: chance(t, "train"),
		X: f.in("x", x), Weight: f.in("weight", f.values(channels)), Bias: f.in("bias", f.values(channels)), Y: f.out("y", n),
		RunningMean: f.state("running mean", running[:channels]), RunningVariance: f.state("running variance", running[channels:])}
	if outer*inner < 8 {
		f.tolerance = 5e-3 // channels of two nearly equal elements
	}
	if chance(t, "statistics") {
		o.Statistics = f.out("statistics", 2*channels)
	}
	return o
}

func drawBatchNormGrad(t *rapid.T, f *fixture) device.Operation {
	outer, channels, inner := drawChannels(t)
	n := outer * channels * inner
	o := &device.BatchNormGrad{Outer: outer, Channels: channels, Inner: inner, Train: chance(t, "train"),
		X: f.in("x", f.values(n)), Weight: f.in("weight", f.values(channels)), DY: f.in("dy", f.values(n)), Statistics: f.in("statistics", f.statistics(channels))}
	if chance(t, "dx") {
		o.Plus, o.DX = f.maybe(t, "plus", n), f.out("dx", n)
	}
	if chance(t, "parameters") {
		o.PlusWeight, o.DWeight = f.sum(t, "dweight", channels)
		o.PlusBias, o.DBias = f.sum(t, "dbias", channels)
	}
	return o
}

// drawWindows are convolutions of any kind: kernels larger than the maps, strides that leave cells out, and results of one cell.
func drawWindows(t *rapid.T) device.Windows {
	d := dims(t, 9, 4)
	w := device.Windows{Batch: min(d[0], 3), Height: d[1], Width: d[2], Channels: d[3], Out: rapid.IntRange(1, 20).Draw(t, "out")}
	for i, side := range []*int{&w.Height, &w.Width} {
		w.Kernel[i] = rapid.IntRange(1, 4).Draw(t, "kernel")
		w.Stride[i], w.Dilation[i] = rapid.IntRange(1, 3).Draw(t, "stride"), rapid.IntRange(1, 3).Draw(t, "dilation")
		w.Padding[i] = rapid.IntRange(0, 4).Draw(t, "padding")
		*side = max(*side, w.Dilation[i]*(w.Kernel[i]-1)+1-2*w.Padding[i])
	}
	switch rapid.IntRange(0, 5).Draw(t, "channels") {
	case 0:
		w.Channels = 1
	case 1:
		w.Channels = 16
	case 2:
		w.Channels, w.Batch = 48, 1
	}
	return w
}

func drawConv(t *rapid.T, f *fixture) device.Operation {
	w := drawWindows(t)
	o := &device.Conv{Windows: w, X: f.in("x", f.values(w.InSize())), Weight: f.in("weight", f.values(w.WeightSize())),
		Bias: f.maybe(t, "bias", w.Out), Activation: drawActivation(t)}
	if chance(t, "pre") {
		o.Pre = f.out("pre", w.OutSize())
	}
	o.Plus, o.Y = f.sum(t, "y", w.OutSize())
	return o
}

func drawConvInputGrad(t *rapid.T, f *fixture) device.Operation {
	w := drawWindows(t)
	o := &device.ConvInputGrad{Windows: w, DY: f.in("dy", f.values(w.OutSize())), Weight: f.in("weight", f.values(w.WeightSize()))}
	o.Plus, o.DX = f.sum(t, "dx", w.InSize())
	return o
}

func drawConvWeightGrad(t *rapid.T, f *fixture) device.Operation {
	w := drawWindows(t)
	if rapid.IntRange(0, 9).Draw(t, "many maps") == 0 {
		w.Batch = 70
	}
	o := &device.ConvWeightGrad{Windows: w, X: f.in("x", f.values(w.InSize())), DY: f.in("dy", f.values(w.OutSize()))}
	o.Plus, o.DWeight = f.sum(t, "dweight", w.WeightSize())
	return o
}

func drawMaps(t *rapid.T) device.Maps {
	d := dims(t, 7, 4)
	m := device.Maps{Batch: min(d[0], 3), Height: d[1], Width: d[2], Channels: d[3], Kernel: rapid.IntRange(1, 4).Draw(t, "kernel"),
		Stride: rapid.IntRange(1, 3).Draw(t, "stride"), Padding: rapid.IntRange(0, 3).Draw(t, "padding")}
	m.Height, m.Width = max(m.Height, m.Kernel), max(m.Width, m.Kernel)
	return m
}

func drawIm2Col(t *rapid.T, f *fixture) device.Operation {
	m := drawMaps(t)
	return &device.Im2Col{Maps: m, X: f.in("x", f.values(m.Size())), Y: f.out("y", m.Columns())}
}

func drawCol2Im(t *rapid.T, f *fixture) device.Operation {
	m := drawMaps(t)
	return &device.Col2Im{Maps: m, Y: f.in("y", f.values(m.Columns())), X: f.out("x", m.Size())}
}

func drawDepthwiseMaps(t *rapid.T) device.Maps {
	m := drawMaps(t)
	m.Kernel = rapid.SampledFrom([]int{1, 3, 5}).Draw(t, "odd kernel")
	m.Stride, m.Padding = 1, m.Kernel/2
	if rapid.IntRange(0, 4).Draw(t, "wide") == 0 {
		m.Channels += 60
		m.Batch, m.Height = 1, min(m.Height, 3)
	}
	return m
}

func drawDepthwiseConv(t *rapid.T, f *fixture) device.Operation {
	m := drawDepthwiseMaps(t)
	o := &device.DepthwiseConv{Maps: m, X: f.in("x", f.values(m.Size())), Weight: f.in("weight", f.values(m.Kernel*m.Kernel*m.Channels)), Flip: chance(t, "flip")}
	o.Plus, o.Y = f.sum(t, "y", m.Size())
	return o
}

func drawDepthwiseConvGrad(t *rapid.T, f *fixture) device.Operation {
	m := drawDepthwiseMaps(t)
	o := &device.DepthwiseConvGrad{Maps: m, X: f.in("x", f.values(m.Size())), DY: f.in("dy", f.values(m.Size()))}
	o.Plus, o.DWeight = f.sum(t, "dweight", m.Kernel*m.Kernel*m.Channels)
	return o
}

// scaled are values with logits of up to some ten thousands among them.
func (f *fixture) scaled(t *rapid.T, n int) []float32 {
	x := f.values(n)
	scale := rapid.SampledFrom([]float32{1, 1, 1e4}).Draw(t, "scale")
	for i := range x {
		x[i] *= scale
	}
	return x
}

func drawCrossEntropy(t *rapid.T, f *fixture) device.Operation {
	d := dims(t, 40, 2)
	labels := make([]float32, d[0])
	for i := range labels {
		labels[i] = float32(f.random.IntN(d[1]))
	}
	o := &device.CrossEntropy{Rows: d[0], Classes: d[1], Logits: f.in("logits", f.scaled(t, d[0]*d[1])), Labels: f.in("labels", labels), Loss: f.out("loss", 1)}
	if chance(t, "delta") {
		o.Delta = f.out("delta", d[0]*d[1])
	}
	return o
}

func drawSoftCrossEntropy(t *rapid.T, f *fixture) device.Operation {
	d := dims(t, 40, 2)
	n := d[0] * d[1]
	targets := make([]float32, n)
	for i := range targets {
		targets[i] = float32(f.random.IntN(3)) / 2
	}
	o := &device.SoftCrossEntropy{Rows: d[0], Classes: d[1], Logits: f.in("logits", f.scaled(t, n)), Targets: f.in("targets", targets), Loss: f.out("loss", 1)}
	if chance(t, "delta") {
		o.Delta = f.out("delta", n)
	}
	return o
}

func drawBCE(t *rapid.T, f *fixture) device.Operation {
	d := dims(t, 40, 2)
	n := d[0] * d[1]
	labels := make([]float32, n)
	for i := range labels {
		labels[i] = float32(f.random.IntN(2))
	}
	o := &device.BCEWithLogits{Rows: d[0], Classes: d[1], Logits: f.in("logits", f.scaled(t, n)), Labels: f.in("labels", labels), Loss: f.out("loss", 1)}
	if chance(t, "weights") {
		o.PosWeight = f.in("weights", f.statistics(d[1])[d[1]:])
	}
	if chance(t, "delta") {
		o.Delta = f.out("delta", n)
	}
	return o
}

func drawAdam(t *rapid.T, f *fixture) device.Operation {
	n := rapid.IntRange(1, 3000).Draw(t, "n")
	return &device.Adam{N: n, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "decay"), Decoupled: chance(t, "decoupled"),
		Parameters: f.state("p", f.values(n)), Gradients: f.state("g", f.values(n)), Moments: f.state("m", f.values(n)), Variances: f.state("v", f.statistics(n)[n:])}
}

func drawSGD(t *rapid.T, f *fixture) device.Operation {
	n := rapid.IntRange(1, 3000).Draw(t, "n")
	o := &device.SGD{N: n, WeightDecay: rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "decay"), Parameters: f.state("p", f.values(n)), Gradients: f.in("g", f.values(n))}
	if chance(t, "momentum") {
		o.Momentum, o.Velocity = 0.9, f.state("v", f.values(n))
	}
	return o
}

func drawSoftmax(t *rapid.T, f *fixture) device.Operation {
	d := dims(t, 9, 2)
	o := &device.Softmax{Batch: d[0], Repeat: d[1], Width: rapid.SampledFrom([]int{1, 3, 8, 17, 64, 700}).Draw(t, "width")}
	n := o.Batch * o.Repeat * o.Width
	o.X = f.in("x", f.scaled(t, n))
	if chance(t, "mask") {
		mask := make([]float32, o.Batch*o.Width)
		for i := range mask {
			mask[i] = float32(f.random.IntN(2))
		}
		o.Mask = f.in("mask", mask)
	}
	o.Y = f.result(t, "y", n, o.X)
	return o
}

func drawSoftmaxGrad(t *rapid.T, f *fixture) device.Operation {
	rows, width := drawRows(t)
	if chance(t, "wide") {
		rows, width = min(rows, 9), width+600
	}
	n := rows * width
	y := f.values(n)
	for i := range y {
		y[i] *= y[i] / float32(width)
	}
	o := &device.SoftmaxGrad{Rows: rows, Width: width, Y: f.in("y", y), DY: f.in("dy", f.values(n))}
	o.Plus, o.DX = f.sum(t, "dx", n, o.Y, o.DY)
	return o
}

// ids are the numbers of tokens, with padding, a token that is often there, and some that are none.
func (f *fixture) ids(rows, vocabulary int) []float32 {
	ids := make([]float32, rows)
	for i := range ids {
		switch f.random.IntN(8) {
		case 0:
			ids[i] = 0
		case 1, 2:
			ids[i] = float32(vocabulary - 1)
		case 3:
			ids[i] = []float32{-1, float32(vocabulary), float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1.5, -0.5}[f.random.IntN(7)]
		default:
			ids[i] = float32(f.random.IntN(vocabulary))
		}
	}
	return ids
}

func drawEmbedding(t *rapid.T, f *fixture) device.Operation {
	rows, width := drawRows(t)
	o := &device.Embedding{Rows: rows, Width: width, Vocabulary: rapid.SampledFrom([]int{2, 3, 40, 300}).Draw(t, "vocabulary")}
	o.IDs, o.Table = f.in("ids", f.ids(rows, o.Vocabulary)), f.in("table", f.values(o.Vocabulary*width))
	o.Y = f.result(t, "y", rows*width)
	return o
}

func drawEmbeddingGrad(t *rapid.T, f *fixture) device.Operation {
	rows, width := drawRows(t)
	switch rapid.IntRange(0, 4).Draw(t, "size") {
	case 0:
		rows *= 50
	case 1:
		rows, width = min(rows, 9), width+1030
	}
	o := &device.EmbeddingGrad{Rows: rows, Width: width, Vocabulary: rapid.SampledFrom([]int{2, 3, 40, 300}).Draw(t, "vocabulary")}
	o.IDs, o.DY = f.in("ids", f.ids(rows, o.Vocabulary)), f.in("dy", f.values(rows*width))
	o.Plus, o.DTable = f.sum(t, "dtable", o.Vocabulary*width)
	return o
}
