package mixer

import (
	"fmt"

	"mixmas/nn"
)

// labelling describes what a model predicts: one of several classes, or any number of them (multi-label). Models embed it
// for three methods of [nn.Model] and the loss.
type labelling struct {
	parameters *nn.Parameters
	classes    int
	multiLabel bool
	posWeight  []float32
}

func newLabelling(s *nn.Scope, spec Specification) (labelling, error) {
	if spec.Classes < 1 {
		return labelling{}, fmt.Errorf("classes: want at least 1, got %d", spec.Classes)
	}
	if len(spec.PosWeight) > 0 && !spec.MultiLabel {
		return labelling{}, fmt.Errorf("pos_weight is for multi-label data")
	}
	if len(spec.PosWeight) > 0 && len(spec.PosWeight) != spec.Classes {
		return labelling{}, fmt.Errorf("pos_weight: want one weight for each of the %d classes, got %d", spec.Classes, len(spec.PosWeight))
	}
	return labelling{s.Parameters(), spec.Classes, spec.MultiLabel, spec.PosWeight}, nil
}

// Parameters implements [nn.Model].
func (l *labelling) Parameters() *nn.Parameters { return l.parameters }

// Classes implements [nn.Model].
func (l *labelling) Classes() int { return l.classes }

// MultiLabel implements [nn.Model].
func (l *labelling) MultiLabel() bool { return l.multiLabel }

// loss records the sum of the losses of several logits (b, classes) for the same labels: cross-entropy for one label per
// sample, mean binary cross-entropy for multi-label data. It is nil without labels.
func (l *labelling) loss(g *nn.Graph, labels *nn.Value, logits ...*nn.Value) *nn.Value {
	if labels == nil {
		return nil
	}
	var posWeight *nn.Value
	if len(l.posWeight) > 0 {
		posWeight = g.Constant("pos_weight", l.posWeight, l.classes)
	}
	var sum *nn.Value
	for _, z := range logits {
		var loss *nn.Value
		if l.multiLabel {
			loss = g.BCEWithLogits(z, labels, posWeight)
		} else {
			loss = g.CrossEntropy(z, labels)
		}
		if sum == nil {
			sum = loss
		} else {
			sum = g.Add(sum, loss)
		}
	}
	return sum
}
