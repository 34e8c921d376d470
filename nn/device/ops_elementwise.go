package device

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

// Name implements [Operation].
func (o *Map) Name() string { return o.Activation.String() }

// Buffers implements [Operation].
func (o *Map) Buffers(r, w []Buffer) ([]Buffer, []Buffer) { return present(r, o.X), present(w, o.Y) }

// Cost implements [Operation].
func (o *Map) Cost() Cost { return traffic(o.N, o.N, o.N) }

// Name implements [Operation].
func (o *MapGrad) Name() string { return o.Activation.String() + "_grad" }

// Buffers implements [Operation].
func (o *MapGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.DY, o.Plus), present(w, o.DX)
}

// Cost implements [Operation].
func (o *MapGrad) Cost() Cost { return traffic(o.N, 3*o.N) }

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
// dimension in which its stride is 0. Y is contiguous. Plus, where present, is contiguous as Y and is added.
type Binary struct {
	Arithmetic         Arithmetic
	A, B, Y, Plus      Buffer
	Shape              []int
	StridesA, StridesB []int
}

// Name implements [Operation].
func (o *Binary) Name() string { return o.Arithmetic.String() }

// Buffers implements [Operation].
func (o *Binary) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.A, o.B, o.Plus), present(w, o.Y)
}

// Cost implements [Operation].
func (o *Binary) Cost() Cost { n := product(o.Shape); return traffic(n, 3*n) }

// Assemble writes a contiguous buffer of N elements from strided pieces: Y = Base everywhere, then each piece's region
// gets Scale times the piece's source (added to Base where Base is present). The pieces' regions do not overlap.
// Permutation, padding, slicing, concatenation, broadcasting, scaling and their gradients are all of this form.
type Assemble struct {
	Y Buffer
	N int
	// Base is what Y holds outside the pieces, and what is added under them: absent means zero.
	Base   Buffer
	Pieces []Piece
	// Covered says that the pieces cover all of Y, so that nothing need be cleared.
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

// MaxGrad is the gradient of a maximum: DX (Outer, Axis, Inner) is DY (Outer, Inner) where Index says so and 0 elsewhere.
type MaxGrad struct {
	DY, Index, DX      Buffer
	Outer, Axis, Inner int
}

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

// Name implements [Operation].
func (o *MaxGrad) Name() string { return "max_grad" }

// Buffers implements [Operation].
func (o *MaxGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.DY, o.Index), present(w, o.DX)
}

// Cost implements [Operation].
func (o *MaxGrad) Cost() Cost { return traffic(0, o.Outer*o.Axis*o.Inner, 2*o.Outer*o.Inner) }

// Dropout zeroes elements of X and divides the others by 1-P: Y = X mask / (1-P). Element i is dropped when word i mod 4
// of Philox4x32-10 with counter (i/4, 0, Step.Counter, Number) and key Step.Seed is below round(P 2³²). The gradient is
// the same operation, with the same Number, applied to DY.
type Dropout struct {
	X, Y   Buffer
	N      int
	P      float64
	Number uint32
}

// Name implements [Operation].
func (o *Dropout) Name() string { return "dropout" }

// Buffers implements [Operation].
func (o *Dropout) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X), present(w, o.Y)
}

// Cost implements [Operation].
func (o *Dropout) Cost() Cost { return traffic(o.N, 2*o.N) }

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
