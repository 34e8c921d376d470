package device

// Monarch is the product of the Monarch matrix of order P·Q with the vectors along the middle axis of X (Batch, P·Q, Width)
// (Dao et al. 2022): in each vector, seen as a P×Q matrix, L (P, Q, Q) multiplies each row by its own block, then R (Q, P,
// P) each column.
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

var (
	_ = kind(&Monarch{})
	_ = kind(&MonarchGrad{})
)

// Name implements [Operation].
func (*Monarch) Name() string { return "monarch" }

// Sizes implements [Operation].
func (o *Monarch) Sizes() string { return sizes(o.Batch, o.P, o.Q, o.Width) }

// Check implements [Operation].
func (o *Monarch) Check(c *Checker) {
	c.Parts(o.Parts)
	c.Positive("batch, p, q and width", o.Batch, o.P, o.Q, o.Width)
	c.Need("X", o.X, o.Batch*o.P*o.Q*o.Width)
	c.Need("L", o.L, o.P*o.Q*o.Q)
	c.Need("R", o.R, o.Q*o.P*o.P)
	c.Need("Y", o.Y, o.Batch*o.P*o.Q*o.Width)
}

// Name implements [Operation].
func (*MonarchGrad) Name() string { return "monarch_grad" }

// Of implements [Composite].
func (o *MonarchGrad) Of() Composite { return o.Forward }

// Buffers implements [Operation]: it adds to the parts' buffers those with which a kernel can compute the first product
// again.
func (o *MonarchGrad) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	r, w = o.Parts.Buffers(reads, writes)
	return present(r, o.Forward.X, o.Forward.L), w
}

// Sizes implements [Operation].
func (o *MonarchGrad) Sizes() string { return o.Forward.Sizes() }

// Check implements [Operation].
func (o *MonarchGrad) Check(c *Checker) {
	f := o.Forward
	c.Parts(o.Parts)
	c.Positive("batch, p, q and width", f.Batch, f.P, f.Q, f.Width)
	n := f.Batch * f.P * f.Q * f.Width
	c.Need("X", f.X, n)
	c.Need("L", f.L, f.P*f.Q*f.Q)
	c.Need("DY", o.DY, n)
	c.Target("DX", o.DX, n)
	c.Target("DL", o.DL, f.P*f.Q*f.Q)
	c.Target("DR", o.DR, f.Q*f.P*f.P)
}
