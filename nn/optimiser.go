package nn

import (
	"mixmas/nn/device"
	"mixmas/nn/registry"
)

// Optimiser describes how parameters are updated from their gradients. The learning rate is not part of it, since it may
// change from step to step.
type Optimiser struct {
	// Name is adam (weight decay added to the gradient), adamw (decoupled) or sgd.
	Name string
	// Beta1, Beta2 and Eps are Adam's; 0 means the default: 0.9, 0.999 and 1e-8.
	Beta1, Beta2, Eps float64
	// Momentum is SGD's.
	Momentum    float64
	WeightDecay float64
}

// Optimisers lists the names of the optimisers.
func Optimisers() []string { return []string{"adam", "adamw", "sgd"} }

// Optimise records the update of all trainable parameters. It must come after Backward.
func (g *Graph) Optimise(o Optimiser) {
	if g.err != nil {
		return
	}
	n := g.parameters.trained
	if n == 0 {
		g.Fail(nil, "%s: the model has no parameters to train", o.Name)
		return
	}
	region := func(name string, index int) device.Buffer {
		v := g.value(name, []int{n})
		g.inState(v, index*n)
		return v.buffer
	}
	p, d := region("parameters", 0), region("gradients", 1)
	switch o.Name {
	case "adam", "adamw":
		op := &device.Adam{Parameters: p, Gradients: d, Moments: region("first moments", 2), Variances: region("second moments", 3),
			N: n, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: o.WeightDecay, Decoupled: o.Name == "adamw"}
		if o.Beta1 != 0 {
			op.Beta1 = o.Beta1
		}
		if o.Beta2 != 0 {
			op.Beta2 = o.Beta2
		}
		if o.Eps != 0 {
			op.Eps = o.Eps
		}
		g.emit(op)
	case "sgd":
		op := &device.SGD{Parameters: p, Gradients: d, N: n, Momentum: o.Momentum, WeightDecay: o.WeightDecay}
		if o.Momentum != 0 {
			op.Velocity = region("velocity", 2)
		}
		g.emit(op)
	default:
		g.err = registry.Unknown("optimiser", o.Name, Optimisers())
	}
}

// Plateau reduces a learning rate when a loss stops falling: PyTorch's ReduceLROnPlateau in mode min with a relative
// threshold.
type Plateau struct {
	// Factor multiplies the rate after more than Patience epochs without an improvement by the relative Threshold.
	Reduction
	Threshold float64

	// The state, kept in checkpoints.
	Rate, Best float64
	Bad        int
	Started    bool
}

// NewPlateau starts at the given learning rate, with the usual threshold of 1e-4.
func NewPlateau(rate float64, r Reduction) *Plateau {
	return &Plateau{Reduction: r, Threshold: 1e-4, Rate: rate}
}

// Observe takes an epoch's loss and returns the learning rate of the next epoch.
func (p *Plateau) Observe(loss float64) float64 {
	improved := !p.Started || loss < p.Best*(1-p.Threshold)
	if improved {
		p.Started, p.Best = true, loss
	}
	return p.Count(improved)
}

// Count is Observe for those who judge themselves whether an epoch is an improvement.
func (p *Plateau) Count(improved bool) float64 {
	if improved {
		p.Bad = 0
		return p.Rate
	}
	if p.Bad++; p.Bad > p.Patience {
		p.Bad = 0
		// Like PyTorch, keep the old rate if the change would be below 1e-8.
		if next := p.Rate * p.Factor; p.Rate-next > 1e-8 {
			p.Rate = next
		}
	}
	return p.Rate
}
