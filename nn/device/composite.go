package device

import "slices"

// Composite is an operation made of others. A device that has a kernel for it reads its fields; any other runs its parts
// in order. A kernel may leave unwritten what only the composite itself and its gradient read (see [Program.Private]): it
// keeps in the named fields what its own gradient wants.
type Composite interface {
	Operation
	// Operations are the parts.
	Operations() []Operation
	// Of is the composite that this one is the gradient of, or nil.
	Of() Composite
}

// Private says whether no operation but composite i and its gradient read buffer b, which i writes.
func (p *Program) Private(i int, b Buffer) bool {
	if info := p.Info(b); info.Space != Arena || info.Last == len(p.Operations) {
		return false
	}
	var reads, writes []Buffer
	for j, op := range p.Operations {
		if c, ok := op.(Composite); j == i || ok && c.Of() != nil && c.Of() == p.Operations[i] {
			continue
		}
		if reads, writes = op.Buffers(reads[:0], writes[:0]); slices.Contains(reads, b) {
			return false
		}
	}
	return true
}

// Parts are the operations of a [Composite], which embeds them.
type Parts []Operation

// Operations implements [Composite].
func (p Parts) Operations() []Operation { return p }

// Of implements [Composite] for those that are no gradient.
func (Parts) Of() Composite { return nil }

// Buffers implements [Operation]: what the parts read that no part before them wrote, and all that they write.
func (p Parts) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	first := len(writes)
	var inner []Buffer
	for _, part := range p {
		var own []Buffer
		own, inner = part.Buffers(nil, inner[:0])
		for _, b := range own {
			if !slices.Contains(writes[first:], b) {
				reads = append(reads, b)
			}
		}
		writes = append(writes, inner...)
	}
	return reads, writes
}

// Cost implements [Operation]: the sum of the parts'. A kernel that keeps values on the chip moves fewer bytes.
func (p Parts) Cost() Cost {
	var sum Cost
	for _, part := range p {
		c := part.Cost()
		sum.FLOPs += c.FLOPs
		sum.Bytes += c.Bytes
	}
	return sum
}

// Target is where a composite gradient goes: D = Plus + the gradient. Plus may be absent, or D itself where that is state.
// An absent D is not wanted.
type Target struct{ D, Plus Buffer }

// Mixing is what [ChannelMixing] and [TokenMixing] have in common: Y = X + mlp(LN(X)) with an mlp of two layers, gelu between
// them. Normed = LN(X), Statistics as in [LayerNorm], Pre and Inner (the hidden layer before and after gelu) are there for
// the backward pass; Statistics and Pre are absent where there is none. Biases may be absent.
type Mixing struct {
	X, NormWeight, NormBias, W1, B1, W2, B2 Buffer
	Y, Normed, Statistics, Pre, Inner       Buffer
	Eps                                     float64
}

// MixingGrad is the gradient of the mlp of a [Mixing], given that of Y: to its input Normed and its weights.
type MixingGrad struct {
	DY                          Buffer
	DNormed, DW1, DB1, DW2, DB2 Target
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

// Buffers implements [Operation]: the parts', and what a kernel needs that computes the hidden layer again.
func (o *ChannelMixingGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.Normed, o.Forward.W1, o.Forward.B1), w
}

// TokenMixing mixes the Tokens of each feature of Batch samples (Tolstikhin et al. 2021): X is (Batch, Tokens, Width), W1
// (Hidden, Tokens), W2 (Tokens, Hidden), Pre and Inner (Batch, Hidden, Width). The MLP multiplies from the left.
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

// Buffers implements [Operation]: the parts', and what a kernel needs that computes the hidden layer again.
func (o *TokenMixingGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.Normed, o.Forward.W1, o.Forward.B1), w
}

// HyperMixing is Z = concat over Heads of W2 gelu(W1ᵀ X), with W1 and W2 generated from X + Positions (Mai et al. 2023):
// with dk = Width/Heads and tk = Hidden/Heads, Wi = FC2 gelu(FC1 (X + Positions)) for each token and head. X and Z are
// (Batch, Tokens, Width), Positions (Tokens, Width), FC1 (Heads, dk, dk), FC2 (Heads, tk, dk). For the backward pass:
// Positioned = X + Positions, Pre and Inner (Batch, Tokens, Width; before and after the generators' gelu), Weights
// (Batch, Tokens, Hidden). Where tied, all of the second generator is that of the first.
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

// Buffers implements [Operation]: the parts', and what a kernel needs that computes the hidden layer again.
func (o *HyperMixingGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.X, o.Forward.Weights[0], o.Forward.Weights[1]), w
}

// GeneratedMLP is Z = W2 gelu(W1ᵀ X) over the tokens, with weights of their own for each sample and head (Mai et al. 2023): the
// last two products of [HyperMixing]. X and Z are (Batch, Tokens, Width), W1 and W2 (Batch, Tokens, Hidden), and may be one
// buffer; each head has its share of their columns. Inner and Pre, the hidden layer after and before gelu, are (Batch, Heads,
// Width/Heads, Hidden/Heads); Pre is absent where there is no backward pass.
type GeneratedMLP struct {
	Parts
	X, W1, W2, Z, Pre, Inner            Buffer
	Batch, Tokens, Width, Hidden, Heads int
}

// GeneratedMLPGrad is the gradient of [GeneratedMLP], given that of Z. Where W1 and W2 are one, so are DW1 and DW2.
type GeneratedMLPGrad struct {
	Parts
	Forward      *GeneratedMLP
	DZ           Buffer
	DX, DW1, DW2 Target
}

// Buffers implements [Operation]: the parts', and what a kernel needs that computes the hidden layer again.
func (o *GeneratedMLPGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.X, o.Forward.W1, o.Forward.W2), w
}

// Monarch is the product of the Monarch matrix of order P·Q with the vectors along the middle axis of X (Batch, P·Q,
// Width) (Dao et al. 2022): seen as a P×Q matrix, L (P, Q, Q) multiplies each row by its own block, then R (Q, P, P) each
// column.
type Monarch struct {
	Parts
	X, L, R, Y         Buffer
	Batch, P, Q, Width int
}

// MonarchGrad is the gradient of [Monarch], given that of Y.
type MonarchGrad struct {
	Parts
	Forward    *Monarch
	DY         Buffer
	DX, DL, DR Target
}

// Buffers implements [Operation]: the parts', and what a kernel needs that computes the first product again.
func (o *MonarchGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.X, o.Forward.L), w
}

// Name implements [Operation].
func (*ChannelMixing) Name() string { return "channel_mixing" }

// Name implements [Operation].
func (*ChannelMixingGrad) Name() string { return "channel_mixing_grad" }

// Name implements [Operation].
func (*TokenMixing) Name() string { return "token_mixing" }

// Name implements [Operation].
func (*TokenMixingGrad) Name() string { return "token_mixing_grad" }

// Name implements [Operation].
func (*HyperMixing) Name() string { return "hyper_mixing" }

// Name implements [Operation].
func (*HyperMixingGrad) Name() string { return "hyper_mixing_grad" }

// Name implements [Operation].
func (*GeneratedMLP) Name() string { return "generated_mlp" }

// Name implements [Operation].
func (*GeneratedMLPGrad) Name() string { return "generated_mlp_grad" }

// Name implements [Operation].
func (*Monarch) Name() string { return "monarch" }

// Name implements [Operation].
func (*MonarchGrad) Name() string { return "monarch_grad" }

// Of implements [Composite].
func (o *ChannelMixingGrad) Of() Composite { return o.Forward }

// Of implements [Composite].
func (o *TokenMixingGrad) Of() Composite { return o.Forward }

// Of implements [Composite].
func (o *HyperMixingGrad) Of() Composite { return o.Forward }

// Of implements [Composite].
func (o *GeneratedMLPGrad) Of() Composite { return o.Forward }

// Of implements [Composite].
func (o *MonarchGrad) Of() Composite { return o.Forward }
