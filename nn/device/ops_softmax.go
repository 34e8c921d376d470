package device

// Softmax turns each row of X (Batch, Repeat, Width) into shares that add up to 1: Y = exp(X) / Σ exp(X). Mask, if present,
// is (Batch, Width) and holds for all Repeat rows of a sample. Where it is 0, the element of X is ignored, even if it is
// not finite, and Y is 0. If a row is masked completely, all of Y is 0. The largest element is subtracted first, so that no
// exponential overflows.
type Softmax struct {
	X, Mask, Y           Buffer
	Batch, Repeat, Width int
}

// SoftmaxGrad is the gradient of [Softmax] for Rows rows of Y: DX = Plus + Y (DY - Σ Y DY). It needs no mask, since Y is 0
// where the mask is 0.
type SoftmaxGrad struct {
	Y, DY, DX, Plus Buffer
	Rows, Width     int
}

var (
	_ = kind(&Softmax{})
	_ = kind(&SoftmaxGrad{})
)

// Name implements [Operation].
func (o *Softmax) Name() string { return "softmax" }

// Buffers implements [Operation].
func (o *Softmax) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.Mask), present(w, o.Y)
}

// Cost implements [Operation].
func (o *Softmax) Cost() Cost {
	n := o.Batch * o.Repeat * o.Width
	return traffic(8*n, 2*n)
}

// Sizes implements [Operation].
func (o *Softmax) Sizes() string { return sizes(o.Batch, o.Repeat, o.Width) + with("mask", o.Mask) }

// Check implements [Operation].
func (o *Softmax) Check(c *Checker) {
	c.Positive("batch, repeat and width", o.Batch, o.Repeat, o.Width)
	n := o.Batch * o.Repeat * o.Width
	c.Need("X", o.X, n)
	c.Maybe("Mask", o.Mask, o.Batch*o.Width)
	c.Need("Y", o.Y, n)
	c.Share(o.Y, o.X)
}

// Name implements [Operation].
func (o *SoftmaxGrad) Name() string { return "softmax_grad" }

// Buffers implements [Operation].
func (o *SoftmaxGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.Y, o.DY, o.Plus), present(w, o.DX)
}

// Cost implements [Operation].
func (o *SoftmaxGrad) Cost() Cost { n := o.Rows * o.Width; return traffic(4*n, 3*n) }

// Sizes implements [Operation].
func (o *SoftmaxGrad) Sizes() string { return sizes(o.Rows, o.Width) + with("plus", o.Plus) }

// Check implements [Operation].
func (o *SoftmaxGrad) Check(c *Checker) {
	c.Positive("rows and width", o.Rows, o.Width)
	n := o.Rows * o.Width
	c.Need("Y", o.Y, n)
	c.Need("DY", o.DY, n)
	c.Need("DX", o.DX, n)
	c.Maybe("Plus", o.Plus, n)
	c.Share(o.DX, o.Y, o.DY, o.Plus)
}
