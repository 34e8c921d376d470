package device

// LayerNorm normalises each of Rows rows of Width elements and applies a gain and a bias (Ba et al. 2016): Y = (X - mean)
// rstd Weight + Bias with rstd = 1/√(variance + Eps), the variance biased. Statistics, if present, receives the rows' means
// (first Rows elements) and rstd (next Rows elements) for the backward pass.
type LayerNorm struct {
	X, Weight, Bias, Y, Statistics Buffer
	Rows, Width                    int
	Eps                            float64
}

// LayerNormGrad is the gradient of [LayerNorm]: DX = Plus + ..., DWeight = PlusWeight + ..., DBias = PlusBias + ....
// PlusWeight and PlusBias are absent, or the gradients' own buffers.
type LayerNormGrad struct {
	X, Weight, Statistics, DY, DX, DWeight, DBias Buffer
	Plus, PlusWeight, PlusBias                    Buffer
	Rows, Width                                   int
}

var _ = kind(&LayerNorm{})

// Name implements [Operation].
func (o *LayerNorm) Name() string { return "layer_norm" }

// Buffers implements [Operation].
func (o *LayerNorm) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.Weight, o.Bias), present(w, o.Y, o.Statistics)
}

// Cost implements [Operation].
func (o *LayerNorm) Cost() Cost { n := o.Rows * o.Width; return traffic(8*n, 2*n) }

// Sizes implements [Operation].
func (o *LayerNorm) Sizes() string {
	return sizes(o.Rows, o.Width)
}

// Check implements [Operation].
func (o *LayerNorm) Check(c *Checker) {
	c.Positive("rows and width", o.Rows, o.Width)
	n := o.Rows * o.Width
	c.Need("X", o.X, n)
	c.Need("Weight", o.Weight, o.Width)
	c.Need("Bias", o.Bias, o.Width)
	c.Need("Y", o.Y, n)
	c.Maybe("Statistics", o.Statistics, 2*o.Rows)
}

var _ = kind(&LayerNormGrad{})

// Name implements [Operation].
func (o *LayerNormGrad) Name() string { return "layer_norm_grad" }

// Buffers implements [Operation].
func (o *LayerNormGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.Weight, o.Statistics, o.DY, o.Plus, o.PlusWeight, o.PlusBias),
		present(w, o.DX, o.DWeight, o.DBias)
}

// Cost implements [Operation].
func (o *LayerNormGrad) Cost() Cost { n := o.Rows * o.Width; return traffic(14*n, 3*n) }

// Sizes implements [Operation].
func (o *LayerNormGrad) Sizes() string {
	return sizes(o.Rows, o.Width) + with("plus", o.Plus)
}

// Check implements [Operation].
func (o *LayerNormGrad) Check(c *Checker) {
	c.Positive("rows and width", o.Rows, o.Width)
	n := o.Rows * o.Width
	c.Need("X", o.X, n)
	c.Need("Weight", o.Weight, o.Width)
	c.Need("Statistics", o.Statistics, 2*o.Rows)
	c.Need("DY", o.DY, n)
	c.Maybe("DX", o.DX, n)
	c.Maybe("DWeight", o.DWeight, o.Width)
	c.Maybe("DBias", o.DBias, o.Width)
	c.Maybe("Plus", o.Plus, n)
	c.Maybe("PlusWeight", o.PlusWeight, o.Width)
	c.Maybe("PlusBias", o.PlusBias, o.Width)
	c.Share(o.DX, o.Plus)
	c.Share(o.DWeight, o.PlusWeight)
	c.Share(o.DBias, o.PlusBias)
}

// BatchNorm normalises the channels of X (Outer, Channels, Inner) and applies a gain and a bias (Ioffe and Szegedy 2015).
// With Train it uses the batch's own biased variance, writes each channel's mean and rstd to Statistics (first Channels
// elements, next Channels elements) and updates the running statistics, which are state: running = (1-Momentum) running +
// Momentum batch, with the unbiased variance. Without Train it uses the running statistics, and writes Statistics, if
// present, from them.
type BatchNorm struct {
	X, Weight, Bias, Y, Statistics Buffer
	RunningMean, RunningVariance   Buffer
	Outer, Channels, Inner         int
	Eps, Momentum                  float64
	Train                          bool
}

// BatchNormGrad is the gradient of [BatchNorm]. Without Train the statistics are constants.
type BatchNormGrad struct {
	X, Weight, Statistics, DY, DX, DWeight, DBias Buffer
	Plus, PlusWeight, PlusBias                    Buffer
	Outer, Channels, Inner                        int
	Train                                         bool
}

var _ = kind(&BatchNorm{})

// Name implements [Operation].
func (o *BatchNorm) Name() string { return "batch_norm" }

// Buffers implements [Operation].
func (o *BatchNorm) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	r, w = present(r, o.X, o.Weight, o.Bias, o.RunningMean, o.RunningVariance), present(w, o.Y, o.Statistics)
	if o.Train {
		w = present(w, o.RunningMean, o.RunningVariance)
	}
	return r, w
}

// Cost implements [Operation].
func (o *BatchNorm) Cost() Cost { n := o.Outer * o.Channels * o.Inner; return traffic(8*n, 3*n) }

// Sizes implements [Operation].
func (o *BatchNorm) Sizes() string {
	return sizes(o.Outer, o.Channels, o.Inner) + when("train", o.Train)
}

// Check implements [Operation].
func (o *BatchNorm) Check(c *Checker) {
	c.Positive("outer, channels and inner", o.Outer, o.Channels, o.Inner)
	if o.Train && o.Outer*o.Inner < 2 {
		c.Fail("training needs at least 2 values per channel, got %d", o.Outer*o.Inner)
	}
	n := o.Outer * o.Channels * o.Inner
	c.Need("X", o.X, n)
	c.Need("Weight", o.Weight, o.Channels)
	c.Need("Bias", o.Bias, o.Channels)
	c.Need("Y", o.Y, n)
	c.Need("RunningMean", o.RunningMean, o.Channels)
	c.Need("RunningVariance", o.RunningVariance, o.Channels)
	c.Maybe("Statistics", o.Statistics, 2*o.Channels)
	c.Share(o.RunningMean, o.RunningMean)
	c.Share(o.RunningVariance, o.RunningVariance)
}

var _ = kind(&BatchNormGrad{})

// Name implements [Operation].
func (o *BatchNormGrad) Name() string { return "batch_norm_grad" }

// Buffers implements [Operation].
func (o *BatchNormGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.Weight, o.Statistics, o.DY, o.Plus, o.PlusWeight, o.PlusBias),
		present(w, o.DX, o.DWeight, o.DBias)
}

// Cost implements [Operation].
func (o *BatchNormGrad) Cost() Cost { n := o.Outer * o.Channels * o.Inner; return traffic(14*n, 5*n) }

// Sizes implements [Operation].
func (o *BatchNormGrad) Sizes() string {
	return sizes(o.Outer, o.Channels, o.Inner) + with("plus", o.Plus) + when("train", o.Train)
}

// Check implements [Operation].
func (o *BatchNormGrad) Check(c *Checker) {
	c.Positive("outer, channels and inner", o.Outer, o.Channels, o.Inner)
	n := o.Outer * o.Channels * o.Inner
	c.Need("X", o.X, n)
	c.Need("Weight", o.Weight, o.Channels)
	c.Need("Statistics", o.Statistics, 2*o.Channels)
	c.Need("DY", o.DY, n)
	c.Maybe("DX", o.DX, n)
	c.Maybe("DWeight", o.DWeight, o.Channels)
	c.Maybe("DBias", o.DBias, o.Channels)
	c.Maybe("Plus", o.Plus, n)
	c.Maybe("PlusWeight", o.PlusWeight, o.Channels)
	c.Maybe("PlusBias", o.PlusBias, o.Channels)
	c.Share(o.DWeight, o.PlusWeight)
	c.Share(o.DBias, o.PlusBias)
}
