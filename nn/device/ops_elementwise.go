package device

import (
	"fmt"
	"slices"
	"strings"
)

// MaxRank is the largest number of dimensions of a strided operation.
const MaxRank = 8

// Map applies an activation to N elements: Y = act(X).
type Map struct {
	Activation Activation
	X, Y       Buffer
	N          int
}

// MapGrad is the gradient of [Map]: DX = Plus + DY act'(X).
type MapGrad struct {
	Activation      Activation
	X, DY, DX, Plus Buffer
	N               int
}

var _ = kind(&Map{})

// Name implements [Operation].
func (o *Map) Name() string { return o.Activation.String() }

// Buffers implements [Operation].
func (o *Map) Buffers(r, w []Buffer) ([]Buffer, []Buffer) { return present(r, o.X), present(w, o.Y) }

// Cost implements [Operation].
func (o *Map) Cost() Cost { return traffic(o.N, o.N, o.N) }

// Sizes implements [Operation].
func (o *Map) Sizes() string {
	return sizes(o.N)
}

// Check implements [Operation].
func (o *Map) Check(c *Checker) {
	c.Positive("size", o.N)
	c.Need("X", o.X, o.N)
	c.Need("Y", o.Y, o.N)
	c.Share(o.Y, o.X)
}

var _ = kind(&MapGrad{})

// Name implements [Operation].
func (o *MapGrad) Name() string { return o.Activation.String() + "_grad" }

// Buffers implements [Operation].
func (o *MapGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.DY, o.Plus), present(w, o.DX)
}

// Cost implements [Operation].
func (o *MapGrad) Cost() Cost { return traffic(o.N, 3*o.N) }

// Sizes implements [Operation].
func (o *MapGrad) Sizes() string {
	return sizes(o.N) + with("plus", o.Plus)
}

// Check implements [Operation].
func (o *MapGrad) Check(c *Checker) {
	c.Positive("size", o.N)
	c.Need("X", o.X, o.N)
	c.Need("DY", o.DY, o.N)
	c.Need("DX", o.DX, o.N)
	c.Maybe("Plus", o.Plus, o.N)
	c.Share(o.DX, o.X, o.DY, o.Plus)
}

// Arithmetic is an operation on pairs of elements.
type Arithmetic int

// The operations on pairs.
const (
	Add Arithmetic = iota
	Mul
	Div
)

func (a Arithmetic) String() string { return [...]string{"add", "mul", "div"}[a] }

// Binary combines two operands element by element over an output shape: Y = A ∘ B. An operand is broadcast along a
// dimension in which its stride is 0. Y is contiguous. Plus, if present, is contiguous like Y and is added.
type Binary struct {
	Arithmetic         Arithmetic
	A, B, Y, Plus      Buffer
	Shape              []int
	StridesA, StridesB []int
}

var _ = kind(&Binary{})

// Name implements [Operation].
func (o *Binary) Name() string { return o.Arithmetic.String() }

// Buffers implements [Operation].
func (o *Binary) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.A, o.B, o.Plus), present(w, o.Y)
}

// Cost implements [Operation].
func (o *Binary) Cost() Cost { n := product(o.Shape); return traffic(n, 3*n) }

// Sizes implements [Operation].
func (o *Binary) Sizes() string {
	text := sizes(o.Shape...)
	for i, stride := range [...][]int{o.StridesA, o.StridesB} {
		if dims := broadcast(o.Shape, stride); dims != "" {
			text += fmt.Sprintf(" %c over %s", "ab"[i], dims)
		}
	}
	return text + with("plus", o.Plus)
}

// Check implements [Operation].
func (o *Binary) Check(c *Checker) {
	if len(o.Shape) > MaxRank || len(o.StridesA) != len(o.Shape) || len(o.StridesB) != len(o.Shape) {
		c.Fail("shape %v with strides %v and %v: want the same rank, at most %d", o.Shape, o.StridesA, o.StridesB, MaxRank)
		return
	}
	n := c.Shape(o.Shape)
	c.View("A", o.A, o.Shape, o.StridesA)
	c.View("B", o.B, o.Shape, o.StridesB)
	c.Need("Y", o.Y, n)
	c.Maybe("Plus", o.Plus, n)
	c.Share(o.Y, o.Plus)
	if contiguous(o.Shape, o.StridesA) {
		c.Share(o.Y, o.A)
	}
	if contiguous(o.Shape, o.StridesB) {
		c.Share(o.Y, o.B)
	}
}

// contiguous reports whether an operand is row-major without gaps.
func contiguous(shape, strides []int) bool {
	n := 1
	for i, size := range slices.Backward(shape) {
		if size > 1 && strides[i] != n {
			return false
		}
		n *= size
	}
	return true
}

// broadcast lists the dimensions along which an operand has stride 0.
func broadcast(shape, strides []int) string {
	var words []string
	for i, s := range strides {
		if s == 0 && shape[i] > 1 {
			words = append(words, fmt.Sprint(i))
		}
	}
	return strings.Join(words, ",")
}

// Assemble writes a contiguous buffer of N elements from strided pieces: Y = Base everywhere, then each piece's region gets
// Scale times the piece's source (added to Base if Base is present). The pieces' regions do not overlap. Permutation,
// padding, slicing, concatenation, broadcasting, scaling and their gradients are all of this form.
type Assemble struct {
	Y Buffer
	N int
	// Base is the value of Y outside the pieces, and is added to the pieces. Absent means zero.
	Base   Buffer
	Pieces []Piece
	// Covered is set if the pieces cover all of Y, so that nothing need be cleared.
	Covered bool
	// Kind is the name in tables: "permute", "concat", ...
	Kind string
}

// Piece is one strided copy: the element at index (i0, i1, ...) of Shape goes from Source[SourceOffset + Σ i·SourceStrides]
// to Y[TargetOffset + Σ i·TargetStrides].
type Piece struct {
	Source                       Buffer
	Shape                        []int
	SourceOffset, TargetOffset   int
	SourceStrides, TargetStrides []int
	Scale                        float32
}

var _ = kind(&Assemble{})

// Name implements [Operation].
func (o *Assemble) Name() string { return o.Kind }

// Buffers implements [Operation].
func (o *Assemble) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	r = present(r, o.Base)
	for _, p := range o.Pieces {
		r = present(r, p.Source)
	}
	return r, present(w, o.Y)
}

// Cost implements [Operation].
func (o *Assemble) Cost() Cost {
	moved := 0
	for _, p := range o.Pieces {
		moved += product(p.Shape)
	}
	return traffic(0, o.N, moved)
}

// Sizes implements [Operation].
func (o *Assemble) Sizes() string {
	text := sizes(o.N)
	if len(o.Pieces) > 0 {
		p := o.Pieces[0]
		text = sizes(p.Shape...)
		if last := len(p.Shape) - 1; last >= 0 && p.SourceStrides[last] != 1 {
			text += fmt.Sprintf(" step %d", p.SourceStrides[last])
		}
	}
	if len(o.Pieces) > 1 {
		text += fmt.Sprintf(" and %d more", len(o.Pieces)-1)
	}
	return text + with("base", o.Base)
}

// Check implements [Operation].
func (o *Assemble) Check(c *Checker) {
	c.Positive("size", o.N)
	c.Need("Y", o.Y, o.N)
	c.Maybe("Base", o.Base, o.N)
	c.Share(o.Y, o.Base)
	for i := range o.Pieces {
		o.Pieces[i].check(c, o.N)
	}
}

// check checks a piece of a buffer of n elements.
func (p *Piece) check(c *Checker, n int) {
	if len(p.Shape) > MaxRank || len(p.SourceStrides) != len(p.Shape) || len(p.TargetStrides) != len(p.Shape) {
		c.Fail("piece of shape %v with strides %v and %v: want the same rank, at most %d", p.Shape, p.SourceStrides, p.TargetStrides, MaxRank)
		return
	}
	c.Shape(p.Shape)
	first, lastSource, lastTarget := p.SourceOffset, p.SourceOffset, p.TargetOffset
	for i, n := range p.Shape {
		if n > 1 && p.TargetStrides[i] < 1 {
			c.Fail("piece of shape %v: target strides %v, want 1 or more", p.Shape, p.TargetStrides)
		}
		first += (n - 1) * min(p.SourceStrides[i], 0)
		lastSource += (n - 1) * max(p.SourceStrides[i], 0)
		lastTarget += (n - 1) * p.TargetStrides[i]
	}
	if first < 0 || p.TargetOffset < 0 || lastTarget >= n {
		c.Fail("piece of shape %v reaches from element %d of its source, and from element %d to %d of %d targets",
			p.Shape, first, p.TargetOffset, lastTarget, n)
	}
	c.Need("Source", p.Source, lastSource+1)
}

// Reduction names how an axis is reduced.
type Reduction int

// The reductions.
const (
	Sum Reduction = iota
	Max
)

func (r Reduction) String() string { return [...]string{"sum", "max"}[r] }

// Reduce reduces the middle axis of X (Outer, Axis, Inner) to Y (Outer, Inner): Y = Plus + Scale Σ X, or the maximum.
// Max also writes Index, the position of the first largest element as a float32, and takes neither Scale nor Plus.
type Reduce struct {
	Reduction          Reduction
	X, Y, Index, Plus  Buffer
	Outer, Axis, Inner int
	Scale              float32
}

// MaxGrad is the gradient of a maximum: DX (Outer, Axis, Inner) is DY (Outer, Inner) at the positions in Index and 0
// elsewhere.
type MaxGrad struct {
	DY, Index, DX      Buffer
	Outer, Axis, Inner int
}

var _ = kind(&Reduce{})

// Name implements [Operation].
func (o *Reduce) Name() string { return o.Reduction.String() }

// Buffers implements [Operation].
func (o *Reduce) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.Plus), present(w, o.Y, o.Index)
}

// Cost implements [Operation].
func (o *Reduce) Cost() Cost {
	n := o.Outer * o.Axis * o.Inner
	return traffic(n, n, o.Outer*o.Inner)
}

// Sizes implements [Operation].
func (o *Reduce) Sizes() string {
	return sizes(o.Outer, o.Axis, o.Inner) + with("plus", o.Plus)
}

// Check implements [Operation].
func (o *Reduce) Check(c *Checker) {
	c.Positive("sizes", o.Outer, o.Axis, o.Inner)
	n := o.Outer * o.Inner
	c.Need("X", o.X, n*o.Axis)
	c.Need("Y", o.Y, n)
	c.Maybe("Plus", o.Plus, n)
	c.Maybe("Index", o.Index, n)
	if o.Reduction == Max && (o.Index == 0 || o.Plus != 0) {
		c.Fail("a maximum needs Index and takes no Plus")
	}
	c.Share(o.Y, o.Plus)
}

var _ = kind(&MaxGrad{})

// Name implements [Operation].
func (o *MaxGrad) Name() string { return "max_grad" }

// Buffers implements [Operation].
func (o *MaxGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.DY, o.Index), present(w, o.DX)
}

// Cost implements [Operation].
func (o *MaxGrad) Cost() Cost { return traffic(0, o.Outer*o.Axis*o.Inner, 2*o.Outer*o.Inner) }

// Sizes implements [Operation].
func (o *MaxGrad) Sizes() string {
	return sizes(o.Outer, o.Axis, o.Inner)
}

// Check implements [Operation].
func (o *MaxGrad) Check(c *Checker) {
	c.Positive("sizes", o.Outer, o.Axis, o.Inner)
	n := o.Outer * o.Inner
	c.Need("DY", o.DY, n)
	c.Need("Index", o.Index, n)
	c.Need("DX", o.DX, n*o.Axis)
}

// Dropout zeroes elements of X and divides the others by 1-P: Y = X mask / (1-P). Element i is dropped when word i mod 4
// of Philox4x32-10 with counter (i/4, 0, Step.Counter, Number) and key Step.Seed is below round(P 2³²). The gradient is
// the same operation, with the same Number, applied to DY.
type Dropout struct {
	X, Y   Buffer
	N      int
	P      float64
	Number uint32
}

var _ = kind(&Dropout{})

// Name implements [Operation].
func (o *Dropout) Name() string { return "dropout" }

// Buffers implements [Operation].
func (o *Dropout) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X), present(w, o.Y)
}

// Cost implements [Operation].
func (o *Dropout) Cost() Cost { return traffic(o.N, 2*o.N) }

// Sizes implements [Operation].
func (o *Dropout) Sizes() string {
	return sizes(o.N)
}

// Check implements [Operation].
func (o *Dropout) Check(c *Checker) {
	c.Positive("size", o.N)
	if !(o.P >= 0 && o.P < 1) {
		c.Fail("probability %g, want 0 or more and less than 1", o.P)
	}
	c.Need("X", o.X, o.N)
	c.Need("Y", o.Y, o.N)
	c.Share(o.Y, o.X)
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
