package device

// Mixing is the common part of [ChannelMixing] and [TokenMixing]: Y = X + mlp(LN(X)) with an mlp of two layers with gelu
// between them. Normed = LN(X), Statistics (see [LayerNorm]), Pre and Inner (the hidden layer before and after gelu) are
// for the backward pass; without one, Statistics and Pre are absent. Biases may be absent.
type Mixing struct {
	X, NormWeight, NormBias, W1, B1, W2, B2 Buffer
	Y, Normed, Statistics, Pre, Inner       Buffer
	Eps                                     float64
}

// check checks the operands of a mixing of rows of the given width, by an mlp from n elements to h and back. hidden is the
// total number of elements of the hidden layer.
func (o *Mixing) check(c *Checker, rows, width, n, h, hidden int) {
	c.Need("X", o.X, rows*width)
	c.Need("NormWeight", o.NormWeight, width)
	c.Need("NormBias", o.NormBias, width)
	c.Need("W1", o.W1, n*h)
	c.Maybe("B1", o.B1, h)
	c.Need("W2", o.W2, n*h)
	c.Maybe("B2", o.B2, n)
	c.Need("Y", o.Y, rows*width)
	c.Need("Normed", o.Normed, rows*width)
	c.Maybe("Statistics", o.Statistics, 2*rows)
	c.Maybe("Pre", o.Pre, hidden)
	c.Need("Inner", o.Inner, hidden)
}

// MixingGrad is the gradient of the mlp of a [Mixing], given that of Y, with respect to its input Normed and its weights.
type MixingGrad struct {
	DY                          Buffer
	DNormed, DW1, DB1, DW2, DB2 Target
}

// check checks the operands of the gradient of f, whose sizes are as in [Mixing.check].
func (o *MixingGrad) check(c *Checker, f *Mixing, rows, width, n, h int) {
	c.Need("Normed", f.Normed, rows*width)
	c.Need("W1", f.W1, n*h)
	c.Maybe("B1", f.B1, h)
	c.Need("DY", o.DY, rows*width)
	c.Target("DNormed", o.DNormed, rows*width)
	c.Target("DW1", o.DW1, n*h)
	c.Target("DB1", o.DB1, h)
	c.Target("DW2", o.DW2, n*h)
	c.Target("DB2", o.DB2, n)
}

// ChannelMixing mixes the Width features of each of Rows rows (Tolstikhin et al. 2021): W1 is (Hidden, Width), W2 (Width,
// Hidden), Pre and Inner (Rows, Hidden).
type ChannelMixing struct {
	Parts
	Mixing
	Rows, Width, Hidden int
}

// ChannelMixingGrad is the gradient of the mlp of [ChannelMixing]; that of its layer norm is a [LayerNormGrad].
type ChannelMixingGrad struct {
	Parts
	MixingGrad
	Forward *ChannelMixing
}

// TokenMixing mixes the Tokens of each feature of Batch samples (Tolstikhin et al. 2021): X is (Batch, Tokens, Width), W1
// (Hidden, Tokens), W2 (Tokens, Hidden), Pre and Inner (Batch, Hidden, Width). The weights multiply from the left.
type TokenMixing struct {
	Parts
	Mixing
	Batch, Tokens, Width, Hidden int
}

// TokenMixingGrad is the gradient of the mlp of [TokenMixing]; that of its layer norm is a [LayerNormGrad].
type TokenMixingGrad struct {
	Parts
	MixingGrad
	Forward *TokenMixing
}

var (
	_ = kind(&ChannelMixing{})
	_ = kind(&ChannelMixingGrad{})
	_ = kind(&TokenMixing{})
	_ = kind(&TokenMixingGrad{})
)

// Name implements [Operation].
func (*ChannelMixing) Name() string { return "channel_mixing" }

// Sizes implements [Operation].
func (o *ChannelMixing) Sizes() string { return sizes(o.Rows, o.Width, o.Hidden) }

// Check implements [Operation].
func (o *ChannelMixing) Check(c *Checker) {
	c.Parts(o.Parts)
	c.Positive("rows, width and hidden", o.Rows, o.Width, o.Hidden)
	o.Mixing.check(c, o.Rows, o.Width, o.Width, o.Hidden, o.Rows*o.Hidden)
}

// Name implements [Operation].
func (*ChannelMixingGrad) Name() string { return "channel_mixing_grad" }

// Of implements [Composite].
func (o *ChannelMixingGrad) Of() Composite { return o.Forward }

// Buffers implements [Operation]: it adds to the parts' buffers those with which a kernel can compute the hidden layer
// again.
func (o *ChannelMixingGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.Normed, o.Forward.W1, o.Forward.B1), w
}

// Sizes implements [Operation].
func (o *ChannelMixingGrad) Sizes() string { return o.Forward.Sizes() }

// Check implements [Operation].
func (o *ChannelMixingGrad) Check(c *Checker) {
	f := o.Forward
	c.Parts(o.Parts)
	c.Positive("rows, width and hidden", f.Rows, f.Width, f.Hidden)
	o.MixingGrad.check(c, &f.Mixing, f.Rows, f.Width, f.Width, f.Hidden)
}

// Name implements [Operation].
func (*TokenMixing) Name() string { return "token_mixing" }

// Sizes implements [Operation].
func (o *TokenMixing) Sizes() string { return sizes(o.Batch, o.Tokens, o.Width, o.Hidden) }

// Check implements [Operation].
func (o *TokenMixing) Check(c *Checker) {
	c.Parts(o.Parts)
	c.Positive("batch, tokens, width and hidden", o.Batch, o.Tokens, o.Width, o.Hidden)
	o.Mixing.check(c, o.Batch*o.Tokens, o.Width, o.Tokens, o.Hidden, o.Batch*o.Hidden*o.Width)
}

// Name implements [Operation].
func (*TokenMixingGrad) Name() string { return "token_mixing_grad" }

// Of implements [Composite].
func (o *TokenMixingGrad) Of() Composite { return o.Forward }

// Buffers implements [Operation]: it adds to the parts' buffers those with which a kernel can compute the hidden layer
// again.
func (o *TokenMixingGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.Normed, o.Forward.W1, o.Forward.B1), w
}

// Sizes implements [Operation].
func (o *TokenMixingGrad) Sizes() string { return o.Forward.Sizes() }

// Check implements [Operation].
func (o *TokenMixingGrad) Check(c *Checker) {
	f := o.Forward
	c.Parts(o.Parts)
	c.Positive("batch, tokens, width and hidden", f.Batch, f.Tokens, f.Width, f.Hidden)
	o.MixingGrad.check(c, &f.Mixing, f.Batch*f.Tokens, f.Width, f.Tokens, f.Hidden)
}
