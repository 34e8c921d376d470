package reference

import (
	"math"

	"mixmas/nn/device"
)

var _ = device.On(&operations, (*Runner).crossEntropy)

func (r *Runner) crossEntropy(o *device.CrossEntropy) {
	logits, labels, loss, delta := r.Values(o.Logits), r.Values(o.Labels), r.Values(o.Loss), r.Values(o.Delta)
	loss[0] = 0
	for i := range o.Rows {
		z, label := logits[i*o.Classes:][:o.Classes], int(labels[i])
		top, sum := math.Inf(-1), 0.0
		for _, x := range z {
			top = math.Max(top, x)
		}
		for _, x := range z {
			sum += math.Exp(x - top)
		}
		loss[0] += (top + math.Log(sum) - z[label]) / float64(o.Rows)
		for k := range z {
			if delta == nil {
				break
			}
			d := math.Exp(z[k]-top) / sum
			if k == label {
				d--
			}
			delta[i*o.Classes+k] = d / float64(o.Rows)
		}
	}
}

var _ = device.On(&operations, (*Runner).softCrossEntropy)

func (r *Runner) softCrossEntropy(o *device.SoftCrossEntropy) {
	logits, targets, loss, delta := r.Values(o.Logits), r.Values(o.Targets), r.Values(o.Loss), r.Values(o.Delta)
	loss[0] = 0
	for i := range o.Rows {
		z, t := logits[i*o.Classes:][:o.Classes], targets[i*o.Classes:][:o.Classes]
		top, sum, total := math.Inf(-1), 0.0, 0.0
		for k, x := range z {
			top, total = math.Max(top, x), total+t[k]
		}
		for _, x := range z {
			sum += math.Exp(x - top)
		}
		for k, x := range z {
			loss[0] += t[k] * (top + math.Log(sum) - x) / float64(o.Rows)
			if delta != nil {
				delta[i*o.Classes+k] = (total*math.Exp(x-top)/sum - t[k]) / float64(o.Rows)
			}
		}
	}
}

var _ = device.On(&operations, (*Runner).bceWithLogits)

func (r *Runner) bceWithLogits(o *device.BCEWithLogits) {
	logits, labels, weight := r.Values(o.Logits), r.Values(o.Labels), r.Values(o.PosWeight)
	loss, delta := r.Values(o.Loss), r.Values(o.Delta)
	n := o.Rows * o.Classes
	loss[0] = 0
	for i := range n {
		z, y, w := logits[i], labels[i], 1.0
		if weight != nil {
			w = weight[i%o.Classes]
		}
		// -log σ(z) = softplus(-z) and -log(1-σ(z)) = softplus(z).
		loss[0] += (w*y*softplus(-z) + (1-y)*softplus(z)) / float64(n)
		if delta != nil {
			delta[i] = ((1-y)*sigmoid(z) - w*y*sigmoid(-z)) / float64(n)
		}
	}
}

func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
