package onnx

import (
	"math"
	"slices"

	"mixmas/search/combine"
	"mixmas/search/model"
	"mixmas/search/task"
)

// combined is what the members of an ensemble predict together, in the form of logits: as [combine.Logits] computes it, in
// logarithms all along, so that float32 is enough.
func (g *graph) combined(kind task.Kind, mean combine.Mean, members []model.Member, logits []*tensor) *tensor {
	g.scope, g.prefix = "ensemble", ""
	total := 0.0
	for _, m := range members {
		total += m.Weight
	}
	last := attribute{"axis", -1}
	times := func(x *tensor, factor float64) *tensor {
		if factor == 1 {
			return x
		}
		return g.elementwise("Mul", x, g.number("factor", float32(factor)))
	}
	sum := func(parts []*tensor) *tensor {
		y := parts[0]
		for _, p := range parts[1:] {
			y = g.elementwise("Add", y, p)
		}
		return y
	}
	// logarithm is that of the weighted sum of what the parts are the logarithms of, at least that of the smallest probability
	// that is told from 0.
	logarithm := func(parts []*tensor) *tensor {
		for i, p := range parts {
			p = g.elementwise("Add", p, g.number("log_weight", float32(math.Log(members[i].Weight/total))))
			parts[i] = g.reshape(p, slices.Insert(slices.Clone(p.dims), 0, fixed(1)))
		}
		dims := parts[0].dims[1:]
		y := g.add("ReduceLogSumExp", []*tensor{g.concat(parts, 0)}, floats, dims, attribute{"axes", []int{0}}, attribute{"keepdims", 0})
		least := g.number("log_least", float32(math.Log(math.SmallestNonzeroFloat32)))
		return g.add("Max", []*tensor{y, least}, floats, dims)
	}
	var parts, no []*tensor
	for i, z := range logits {
		m := members[i]
		switch {
		case kind == task.MultiLabel && mean == combine.Probabilities:
			z = times(z, 1/m.Temperature)
			parts = append(parts, g.same("Neg", g.same("Softplus", g.same("Neg", z)))) // log sigmoid(z)
			no = append(no, g.same("Neg", g.same("Softplus", z)))                      // log sigmoid(-z)
		case kind == task.MultiLabel:
			parts = append(parts, times(z, m.Weight/total/m.Temperature))
		case mean == combine.Probabilities:
			parts = append(parts, g.like("LogSoftmax", times(z, 1/m.Temperature), nil, last))
		default:
			z = g.like("LogSoftmax", times(z, 1/m.Temperature), nil, last)
			parts = append(parts, times(z, m.Weight/total))
		}
	}
	switch {
	case kind == task.MultiLabel && mean == combine.Probabilities:
		return g.elementwise("Sub", logarithm(parts), logarithm(no))
	case kind == task.MultiLabel:
		return sum(parts)
	case mean == combine.Probabilities:
		return logarithm(parts)
	}
	return g.like("LogSoftmax", sum(parts), nil, last)
}

// predictions adds the outputs.
func (g *graph) predictions(m *model.Model, logits *tensor) {
	g.scope, g.prefix = "prediction", ""
	above := logits
	if m.Thresholds != nil {
		thresholds := make([]float32, len(m.Thresholds))
		for i, x := range m.Thresholds {
			thresholds[i] = float32(x)
		}
		above = g.elementwise("Sub", logits, g.numbers("thresholds", fixedAll(len(thresholds)), thresholds))
	}
	switch kind := m.Kind(); kind {
	case task.OneLabel:
		probabilities := g.like("Softmax", logits, nil, attribute{"axis", -1})
		labels := g.add("ArgMax", []*tensor{above}, integers, logits.dims[:1], attribute{"axis", -1}, attribute{"keepdims", 0})
		g.output("logits", "one number per class", logits)
		g.output("probabilities", "of each class: the softmax of the logits", probabilities)
		g.output("labels", "the number of the class that is predicted, in the order of the metadata's classes", labels)
	case task.MultiLabel:
		probabilities := g.same("Sigmoid", logits)
		labels := g.compare("Greater", above, g.number("zero", 0))
		g.output("logits", "one number per class", logits)
		g.output("probabilities", "of each class: the sigmoid of its logit", probabilities)
		g.output("labels", "whether each class is predicted", labels)
	default:
		fail("%w", kind.Unknown())
	}
}
