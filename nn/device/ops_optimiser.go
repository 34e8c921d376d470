package device

// Adam updates N parameters in the state from their gradients (Kingma and Ba 2015), with Step.LearningRate and
// Step.Update. WeightDecay is added to the gradient (L2), or, with Decoupled, shrinks the parameter by the factor
// 1 - LearningRate·WeightDecay first (AdamW, Loshchilov and Hutter 2019).
type Adam struct {
	Parameters, Gradients, Moments, Variances Buffer
	N                                         int
	Beta1, Beta2, Eps, WeightDecay            float64
	Decoupled                                 bool
}

// SGD updates N parameters in the state: with v the momentum's velocity (absent when Momentum is 0),
// g' = g + WeightDecay p; v = Momentum v + g', or g' at the first update; p -= LearningRate v.
type SGD struct {
	Parameters, Gradients, Velocity Buffer
	N                               int
	Momentum, WeightDecay           float64
}

var _ = kind(&Adam{})

// Name implements [Operation].
func (o *Adam) Name() string { return "adam" }

// Buffers implements [Operation].
func (o *Adam) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.Parameters, o.Gradients, o.Moments, o.Variances), present(w, o.Parameters, o.Moments, o.Variances)
}

// Cost implements [Operation].
func (o *Adam) Cost() Cost { return traffic(14*o.N, 7*o.N) }

// Sizes implements [Operation].
func (o *Adam) Sizes() string {
	return sizes(o.N)
}

// Check implements [Operation].
func (o *Adam) Check(c *Checker) {
	c.Positive("size", o.N)
	c.Need("Parameters", o.Parameters, o.N)
	c.Need("Gradients", o.Gradients, o.N)
	c.Need("Moments", o.Moments, o.N)
	c.Need("Variances", o.Variances, o.N)
	for _, own := range []Buffer{o.Parameters, o.Moments, o.Variances} {
		c.Share(own, own)
	}
}

var _ = kind(&SGD{})

// Name implements [Operation].
func (o *SGD) Name() string { return "sgd" }

// Buffers implements [Operation].
func (o *SGD) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.Parameters, o.Gradients, o.Velocity), present(w, o.Parameters, o.Velocity)
}

// Cost implements [Operation].
func (o *SGD) Cost() Cost { return traffic(6*o.N, 5*o.N) }

// Sizes implements [Operation].
func (o *SGD) Sizes() string {
	return sizes(o.N) + with("momentum", o.Velocity)
}

// Check implements [Operation].
func (o *SGD) Check(c *Checker) {
	c.Positive("size", o.N)
	if (o.Velocity == 0) != (o.Momentum == 0) {
		c.Fail("momentum %g: want Velocity if and only if the momentum is not 0", o.Momentum)
	}
	c.Need("Parameters", o.Parameters, o.N)
	c.Need("Gradients", o.Gradients, o.N)
	c.Maybe("Velocity", o.Velocity, o.N)
	for _, own := range []Buffer{o.Parameters, o.Velocity} {
		c.Share(own, own)
	}
}
