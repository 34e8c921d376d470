package device

import "fmt"

// HyperMixing is Z = concat over Heads of W2 gelu(W1ᵀ X), with W1 and W2 generated from X + Positions (Mai et al. 2023):
// with dk = Width/Heads and tk = Hidden/Heads, Wi = FC2 gelu(FC1 (X + Positions)) for each token and head. X and Z are
// (Batch, Tokens, Width), Positions (Tokens, Width), FC1 (Heads, dk, dk), FC2 (Heads, tk, dk). For the backward pass:
// Positioned = X + Positions, Pre and Inner (Batch, Tokens, Width; before and after the generators' gelu), Weights (Batch,
// Tokens, Hidden); Pre is absent if there is no backward pass. If Tied, all fields of the second generator are those of the
// first. A [GeneratedMLP] applies the generated weights.
type HyperMixing struct {
	Parts
	X, Positions                        Buffer
	FC1, FC2                            [2]Buffer
	Z, Positioned                       Buffer
	Pre, Inner, Weights                 [2]Buffer
	Batch, Tokens, Width, Hidden, Heads int
	Tied                                bool
}

// HyperMixingGrad is the gradient of [HyperMixing], given that of Z.
type HyperMixingGrad struct {
	Parts
	Forward *HyperMixing
	DZ      Buffer
	DX      Target
	DFC1    [2]Target
	DFC2    [2]Target
}

// GeneratedMLP is Z = W2 gelu(W1ᵀ X) over the tokens, with separate weights for each sample and head (Mai et al. 2023): the
// last two products of [HyperMixing]. X and Z are (Batch, Tokens, Width). W1 and W2 are (Batch, Tokens, Hidden) and may be
// one buffer; each head has its share of their columns. Inner and Pre, the hidden layer after and before gelu, are (Batch,
// Heads, Width/Heads, Hidden/Heads); Pre is absent if there is no backward pass.
type GeneratedMLP struct {
	Parts
	X, W1, W2, Z, Pre, Inner            Buffer
	Batch, Tokens, Width, Hidden, Heads int
}

// GeneratedMLPGrad is the gradient of [GeneratedMLP], given that of Z. If W1 and W2 are one buffer, so are DW1 and DW2.
type GeneratedMLPGrad struct {
	Parts
	Forward      *GeneratedMLP
	DZ           Buffer
	DX, DW1, DW2 Target
}

var (
	_ = kind(&HyperMixing{})
	_ = kind(&HyperMixingGrad{})
	_ = kind(&GeneratedMLP{})
	_ = kind(&GeneratedMLPGrad{})
)

// Name implements [Operation].
func (*HyperMixing) Name() string { return "hyper_mixing" }

// Sizes implements [Operation].
func (o *HyperMixing) Sizes() string {
	return sizes(o.Batch, o.Tokens, o.Width, o.Hidden) + fmt.Sprintf(" heads %d", o.Heads) + when("tied", o.Tied)
}

// Check implements [Operation].
func (o *HyperMixing) Check(c *Checker) {
	c.Parts(o.Parts)
	fc1, fc2 := o.generators(c)
	n, hidden := o.Batch*o.Tokens*o.Width, o.Batch*o.Tokens*o.Hidden
	c.Need("X", o.X, n)
	c.Need("Positions", o.Positions, o.Tokens*o.Width)
	c.Need("Z", o.Z, n)
	c.Need("Positioned", o.Positioned, n)
	for i := range o.FC1 {
		c.Need("FC1", o.FC1[i], fc1)
		c.Need("FC2", o.FC2[i], fc2)
		c.Maybe("Pre", o.Pre[i], n)
		c.Need("Inner", o.Inner[i], n)
		c.Need("Weights", o.Weights[i], hidden)
	}
}

// generators returns the sizes of the generators' weights.
func (o *HyperMixing) generators(c *Checker) (fc1, fc2 int) {
	c.heads(o.Batch, o.Tokens, o.Width, o.Hidden, o.Heads)
	if !c.OK() {
		return 0, 0
	}
	return o.Width * o.Width / o.Heads, o.Hidden * o.Width / o.Heads
}

// heads requires sizes that the number of heads divides.
func (c *Checker) heads(batch, tokens, width, hidden, heads int) {
	c.Positive("batch, tokens, width, hidden and heads", batch, tokens, width, hidden, heads)
	if c.OK() && (width%heads != 0 || hidden%heads != 0) {
		c.Fail("%d heads do not divide the width %d and the hidden width %d", heads, width, hidden)
	}
}

// Name implements [Operation].
func (*HyperMixingGrad) Name() string { return "hyper_mixing_grad" }

// Of implements [Composite].
func (o *HyperMixingGrad) Of() Composite { return o.Forward }

// Buffers implements [Operation]: it adds to the parts' buffers those with which a kernel can compute the hidden layer
// again.
func (o *HyperMixingGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.X, o.Forward.Weights[0], o.Forward.Weights[1]), w
}

// Sizes implements [Operation].
func (o *HyperMixingGrad) Sizes() string { return o.Forward.Sizes() }

// Check implements [Operation].
func (o *HyperMixingGrad) Check(c *Checker) {
	f := o.Forward
	c.Parts(o.Parts)
	fc1, fc2 := f.generators(c)
	n, hidden := f.Batch*f.Tokens*f.Width, f.Batch*f.Tokens*f.Hidden
	c.Need("X", f.X, n)
	c.Need("DZ", o.DZ, n)
	c.Target("DX", o.DX, n)
	for i := range f.Weights {
		c.Need("Weights", f.Weights[i], hidden)
		c.Target("DFC1", o.DFC1[i], fc1)
		c.Target("DFC2", o.DFC2[i], fc2)
	}
}

// Name implements [Operation].
func (*GeneratedMLP) Name() string { return "generated_mlp" }

// Sizes implements [Operation].
func (o *GeneratedMLP) Sizes() string {
	return sizes(o.Batch, o.Tokens, o.Width, o.Hidden) + fmt.Sprintf(" heads %d", o.Heads)
}

// Check implements [Operation].
func (o *GeneratedMLP) Check(c *Checker) {
	c.Parts(o.Parts)
	c.heads(o.Batch, o.Tokens, o.Width, o.Hidden, o.Heads)
	n, hidden := o.Batch*o.Tokens*o.Width, o.Batch*o.Tokens*o.Hidden
	c.Need("X", o.X, n)
	c.Need("W1", o.W1, hidden)
	c.Need("W2", o.W2, hidden)
	c.Need("Z", o.Z, n)
	if c.OK() {
		inner := o.Batch * o.Width * (o.Hidden / o.Heads)
		c.Maybe("Pre", o.Pre, inner)
		c.Need("Inner", o.Inner, inner)
	}
}

// Name implements [Operation].
func (*GeneratedMLPGrad) Name() string { return "generated_mlp_grad" }

// Of implements [Composite].
func (o *GeneratedMLPGrad) Of() Composite { return o.Forward }

// Buffers implements [Operation]: it adds to the parts' buffers those with which a kernel can compute the hidden layer
// again.
func (o *GeneratedMLPGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.X, o.Forward.W1, o.Forward.W2), w
}

// Sizes implements [Operation].
func (o *GeneratedMLPGrad) Sizes() string { return o.Forward.Sizes() }

// Check implements [Operation].
func (o *GeneratedMLPGrad) Check(c *Checker) {
	f := o.Forward
	c.Parts(o.Parts)
	c.heads(f.Batch, f.Tokens, f.Width, f.Hidden, f.Heads)
	n, hidden := f.Batch*f.Tokens*f.Width, f.Batch*f.Tokens*f.Hidden
	c.Need("X", f.X, n)
	c.Need("W1", f.W1, hidden)
	c.Need("W2", f.W2, hidden)
	c.Need("DZ", o.DZ, n)
	c.Target("DX", o.DX, n)
	c.Target("DW1", o.DW1, hidden)
	c.Target("DW2", o.DW2, hidden)
}
