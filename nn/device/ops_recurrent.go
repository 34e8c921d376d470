package device

// Cell is a kind of recurrent cell.
type Cell int

// The cells, with their gates in the order of PyTorch. s is the sum of a gate's share of X and of Weight h + Bias.
const (
	// GRU has the gates r, z = σ(s) and n = tanh(x + r q), where q is the share of Weight h + Bias; its state is
	// h' = (1-z) n + z h (Cho et al. 2014, with the reset after the product).
	GRU Cell = iota
	// LSTM has the gates i, f, o = σ(s) and g = tanh(s), in the order i, f, g, o; its cell is c' = f c + i g, its state
	// h' = o tanh(c') (Hochreiter and Schmidhuber 1997; Gers et al. 2000).
	LSTM
)

func (c Cell) String() string { return [...]string{"gru", "lstm"}[c] }

// Gates returns the number of gates.
func (c Cell) Gates() int { return 3 + int(c) }

// recurrentKept is the number of gates that either cell keeps for its gradient.
const recurrentKept = 4

// Recurrent is all steps of a recurrent cell, from the state 0. X (Batch, Steps, Gates·Width) is the input's share of the
// gates; Weight (Gates·Width, Width) and Bias (Gates·Width) make the state's share. Y (Batch, Steps, Width) is the state after
// each step. Mask (Batch, Steps) may be absent: a step whose mask is 0 keeps the state, its X counts for nothing, and its Y
// is 0. With Reverse, the steps go from the last to the first.
//
// For the gradient it keeps Kept (Batch, Steps, 4·Width), r, z, n and q of a GRU or i, f, g and o of an LSTM; Before (Batch,
// Steps, Width), the state before each step; and, of an LSTM, CellBefore, its cell before each step. Without a gradient they
// are absent. What Kept holds for a masked step is 0.
type Recurrent struct {
	Cell                     Cell
	X, Weight, Bias, Mask, Y Buffer
	Kept, Before, CellBefore Buffer
	Batch, Steps, Width      int
	Reverse                  bool
}

// RecurrentGrad is the gradient of [Recurrent] through time, given DY, that of Y: DX, that of X, and DHidden, that of the
// state's share of the gates. Of an LSTM they are the same: DHidden is absent, and so is Before, which it does not read. Both have the shape of X, and are 0 for masked steps.
// The gradients of Weight and Bias are sums over DHidden and Before: a product and a [Reduce] that follow.
//
// A device may treat gradients through time below 1e-24 as 0. No device rounds the operands of the products inside a cell, since
// every step would add to the error.
type RecurrentGrad struct {
	Cell                     Cell
	Weight, Mask, DY         Buffer
	Kept, Before, CellBefore Buffer
	DX, DHidden              Buffer
	Batch, Steps, Width      int
	Reverse                  bool
}

var _ = kind(&Recurrent{})

// Name implements [Operation].
func (o *Recurrent) Name() string { return o.Cell.String() }

// Buffers implements [Operation].
func (o *Recurrent) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.Weight, o.Bias, o.Mask), present(w, o.Y, o.Kept, o.Before, o.CellBefore)
}

// Cost implements [Operation].
func (o *Recurrent) Cost() Cost {
	n, gates := o.Batch*o.Steps*o.Width, o.Cell.Gates()
	kept := 0
	if o.Kept != 0 {
		kept = (recurrentKept + 1) * n
	}
	if o.CellBefore != 0 {
		kept += n
	}
	return traffic(2*n*gates*o.Width, gates*n, n, gates*o.Width*o.Width, kept)
}

// Sizes implements [Operation].
func (o *Recurrent) Sizes() string {
	return sizes(o.Batch, o.Steps, o.Width) + when("reverse", o.Reverse) + with("mask", o.Mask) + with("kept", o.Kept)
}

// Check implements [Operation].
func (o *Recurrent) Check(c *Checker) {
	n := c.recurrent(o.Cell, o.Weight, o.Mask, o.Batch, o.Steps, o.Width)
	c.Need("X", o.X, o.Cell.Gates()*n)
	c.Need("Bias", o.Bias, o.Cell.Gates()*o.Width)
	c.Need("Y", o.Y, n)
	c.Maybe("Kept", o.Kept, recurrentKept*n)
	c.Maybe("Before", o.Before, n)
	c.Maybe("CellBefore", o.CellBefore, n)
	if (o.Kept == 0) != (o.Before == 0) || (o.CellBefore != 0) != (o.Kept != 0 && o.Cell == LSTM) {
		c.Fail("it must keep everything for its gradient, or nothing; only an LSTM has a cell")
	}
}

var _ = kind(&RecurrentGrad{})

// Name implements [Operation].
func (o *RecurrentGrad) Name() string { return o.Cell.String() + "_grad" }

// Buffers implements [Operation].
func (o *RecurrentGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.Weight, o.Mask, o.DY, o.Kept, o.Before, o.CellBefore), present(w, o.DX, o.DHidden)
}

// Cost implements [Operation].
func (o *RecurrentGrad) Cost() Cost {
	n, gates := o.Batch*o.Steps*o.Width, o.Cell.Gates()
	return traffic(2*n*gates*o.Width, gates*n, (recurrentKept+2)*n, gates*o.Width*o.Width)
}

// Sizes implements [Operation].
func (o *RecurrentGrad) Sizes() string {
	return sizes(o.Batch, o.Steps, o.Width) + when("reverse", o.Reverse) + with("mask", o.Mask)
}

// Check implements [Operation].
func (o *RecurrentGrad) Check(c *Checker) {
	n := c.recurrent(o.Cell, o.Weight, o.Mask, o.Batch, o.Steps, o.Width)
	c.Need("DY", o.DY, n)
	c.Need("Kept", o.Kept, recurrentKept*n)
	c.Need("DX", o.DX, o.Cell.Gates()*n)
	if o.Cell == LSTM {
		c.Need("CellBefore", o.CellBefore, n)
	} else {
		c.Need("Before", o.Before, n)
		c.Need("DHidden", o.DHidden, o.Cell.Gates()*n)
	}
	if o.Cell == LSTM && (o.DHidden != 0 || o.Before != 0) || o.Cell == GRU && o.CellBefore != 0 {
		c.Fail("the gradient of an LSTM has no DHidden and reads no Before, that of a GRU no CellBefore")
	}
}

// recurrent checks what both passes share and returns the number of elements of Y.
func (c *Checker) recurrent(cell Cell, weight, mask Buffer, batch, steps, width int) int {
	if cell != GRU && cell != LSTM {
		c.Fail("the cell %d is unknown", int(cell))
		return 0
	}
	c.Positive("batch, steps and width", batch, steps, width)
	c.Counts(batch, steps, width, recurrentKept*width)
	if !c.OK() {
		return 0
	}
	c.Need("Weight", weight, cell.Gates()*width*width)
	c.Maybe("Mask", mask, batch*steps)
	return batch * steps * width
}
