package nn

import (
	"slices"

	"mixmas/nn/device"
)

// CrossEntropy is the mean cross-entropy of softmax(logits) (b, K) against labels: (b) class indices stored as float32, or
// (b, K) soft labels, which are not negative. A row of these usually adds up to 1; another sum is the row's weight.
func (g *Graph) CrossEntropy(logits, labels *Value) *Value {
	if len(logits.Shape) == 2 && slices.Equal(labels.Shape, logits.Shape) {
		return g.loss(logits, func(loss, delta device.Buffer) device.Operation {
			return &device.SoftCrossEntropy{Logits: logits.buffer, Targets: labels.buffer, Loss: loss, Delta: delta,
				Rows: logits.Shape[0], Classes: logits.Shape[1]}
		})
	}
	if len(logits.Shape) != 2 || labels.Size() != logits.Shape[0] {
		return g.Fail([]int{1}, "cross-entropy: logits %v do not fit labels %v", logits.Shape, labels.Shape)
	}
	return g.loss(logits, func(loss, delta device.Buffer) device.Operation {
		return &device.CrossEntropy{Logits: logits.buffer, Labels: labels.buffer, Loss: loss, Delta: delta,
			Rows: logits.Shape[0], Classes: logits.Shape[1]}
	})
}

// BCEWithLogits is the mean binary cross-entropy of sigmoid(logits) against labels, both (b, K), which are 0, 1 or, for soft
// labels, between. posWeight (K), which may be nil, multiplies the loss of positive labels.
func (g *Graph) BCEWithLogits(logits, labels, posWeight *Value) *Value {
	if len(logits.Shape) != 2 || !slices.Equal(labels.Shape, logits.Shape) || posWeight != nil && posWeight.Size() != logits.Shape[1] {
		return g.Fail([]int{1}, "binary cross-entropy: logits %v do not fit labels %v or the classes' weights", logits.Shape, labels.Shape)
	}
	return g.loss(logits, func(loss, delta device.Buffer) device.Operation {
		return &device.BCEWithLogits{Logits: logits.buffer, Labels: labels.buffer, PosWeight: posWeight.Buffer(),
			Loss: loss, Delta: delta, Rows: logits.Shape[0], Classes: logits.Shape[1]}
	})
}

func (g *Graph) loss(logits *Value, operation func(loss, delta device.Buffer) device.Operation) *Value {
	if g.err != nil {
		return &Value{Shape: []int{1}}
	}
	y := g.value("loss", []int{1})
	if g.gradients {
		y.kept = g.buffer("loss gradient", logits.Size())
	}
	return g.record(operation(y.buffer, y.kept), y, func(dy device.Buffer) {
		dx, plus := g.contribution(logits)
		g.emit(&device.Binary{Arithmetic: device.Mul, A: y.kept, B: dy, Y: dx, Plus: plus,
			Shape: []int{logits.Size()}, StridesA: []int{1}, StridesB: []int{0}})
	}, logits)
}
