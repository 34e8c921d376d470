package device

import "fmt"

// Attention is scaled dot-product attention (Vaswani et al. 2017): Y = softmax(Q Kᵀ / √(Width/Heads)) V for each sample and
// head. Q and Y are (Batch, Queries, Width), K and V (Batch, Keys, Width); each head has its share of the columns. Mask is absent
// or (Batch, Keys): no query attends to a key whose mask is 0, and a sample without other keys gets zeros.
//
// The scores (Batch, Heads, Queries, Keys) are never in memory in full, and nothing of them is kept: the parts make a bounded
// number of them at a time, in buffers that only they use, and those of the gradient make them again. LogSum (Batch, Heads,
// Queries) is for kernels: the logarithm of the sum of a row's exponentials, with which the gradient finds the shares again; it
// is not defined for a sample without keys. The parts do not write it. It is absent if there is no backward pass.
type Attention struct {
	Parts
	Q, K, V, Mask, Y, LogSum           Buffer
	Batch, Queries, Keys, Width, Heads int
}

// AttentionGrad is the gradient of [Attention], given that of Y. No two of DQ, DK and DV are one buffer.
type AttentionGrad struct {
	Parts
	Forward    *Attention
	DY         Buffer
	DQ, DK, DV Target
}

var (
	_ = kind(&Attention{})
	_ = kind(&AttentionGrad{})
)

// HeadWidth returns the columns of a head.
func (o *Attention) HeadWidth() int { return o.Width / o.Heads }

// Scores returns the number of scores.
func (o *Attention) Scores() int { return o.Batch * o.Heads * o.Queries * o.Keys }

// Name implements [Operation].
func (*Attention) Name() string { return "attention" }

// Buffers implements [Operation]: it adds to the parts' buffers the one that only kernels write.
func (o *Attention) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return r, present(w, o.LogSum)
}

// Cost implements [Operation]: two products and the exponentials. Scores are not moved.
func (o *Attention) Cost() Cost {
	q, k := o.sizes()
	return traffic(4*o.Queries*k+8*o.Scores(), q, k, k, q)
}

// sizes returns the elements of Q and of K.
func (o *Attention) sizes() (q, k int) {
	return o.Batch * o.Queries * o.Width, o.Batch * o.Keys * o.Width
}

// Sizes implements [Operation].
func (o *Attention) Sizes() string {
	return sizes(o.Batch, o.Queries, o.Keys, o.Width) + fmt.Sprintf(" heads %d", o.Heads) + with("mask", o.Mask)
}

// check requires sizes that fit each other.
func (o *Attention) check(c *Checker) {
	c.Positive("batch, queries, keys, width and heads", o.Batch, o.Queries, o.Keys, o.Width, o.Heads)
	if c.OK() && o.Width%o.Heads != 0 {
		c.Fail("%d heads do not divide the width %d", o.Heads, o.Width)
	}
}

// Check implements [Operation].
func (o *Attention) Check(c *Checker) {
	c.Parts(o.Parts)
	o.check(c)
	q, k := o.sizes()
	c.Need("Q", o.Q, q)
	c.Need("K", o.K, k)
	c.Need("V", o.V, k)
	c.Maybe("Mask", o.Mask, o.Batch*o.Keys)
	c.Need("Y", o.Y, q)
	c.Maybe("LogSum", o.LogSum, o.Batch*o.Heads*o.Queries)
}

// Name implements [Operation].
func (*AttentionGrad) Name() string { return "attention_grad" }

// Of implements [Composite].
func (o *AttentionGrad) Of() Composite { return o.Forward }

// Buffers implements [Operation]: it adds to the parts' buffers those with which a kernel finds the shares again.
func (o *AttentionGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.Q, o.Forward.K, o.Forward.V, o.Forward.Mask, o.Forward.Y, o.Forward.LogSum), w
}

// Cost implements [Operation]: five products, one of which makes the scores again.
func (o *AttentionGrad) Cost() Cost {
	f := o.Forward
	q, k := f.sizes()
	return traffic(10*f.Queries*k+12*f.Scores(), q, k, k, q, q, q, k, k)
}

// Sizes implements [Operation].
func (o *AttentionGrad) Sizes() string { return o.Forward.Sizes() }

// Check implements [Operation].
func (o *AttentionGrad) Check(c *Checker) {
	f := o.Forward
	c.Parts(o.Parts)
	f.check(c)
	q, k := f.sizes()
	c.Need("Q", f.Q, q)
	c.Need("K", f.K, k)
	c.Need("V", f.V, k)
	c.Maybe("Mask", f.Mask, f.Batch*f.Keys)
	c.Need("Y", f.Y, q)
	c.Need("LogSum", f.LogSum, f.Batch*f.Heads*f.Queries)
	c.Need("DY", o.DY, q)
	c.Target("DQ", o.DQ, q)
	c.Target("DK", o.DK, k)
	c.Target("DV", o.DV, k)
}
