package model

import "mixmas/nn"

// Part is one network of a model with its weights.
type Part struct {
	Network nn.Model
	Weights nn.Weights
}

// Parts returns the model's network with its weights, or those of the members of an ensemble, in their order. The weights must
// not be changed.
func (m *Model) Parts() []Part {
	var list []Part
	for _, p := range m.parts {
		list = append(list, Part{p.network, p.weights})
	}
	return list
}
