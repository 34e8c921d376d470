package cpu

import (
	"fmt"
	"math"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// crossEntropy runs [device.CrossEntropy].
type crossEntropy struct {
	set                         *simd.Set
	logits, labels, loss, delta []float32
	classes                     int
}

var _ = register(bindCrossEntropy)

func bindCrossEntropy(b *binder, o *device.CrossEntropy) instruction {
	n := o.Rows * o.Classes
	return &crossEntropy{set: b.set, logits: b.memory(o.Logits, n), labels: b.memory(o.Labels, o.Rows),
		loss: b.memory(o.Loss, 1), delta: b.memory(o.Delta, n), classes: o.Classes}
}

func (c *crossEntropy) run(*turn) error {
	rows := len(c.labels)
	var sum float64
	for i, label := range c.labels {
		class := int(label)
		if class < 0 || class >= c.classes || float32(class) != label {
			return fmt.Errorf("row %d has label %g, want an index from 0 to %d", i, label, c.classes-1)
		}
		var delta []float32
		if c.delta != nil {
			delta = c.delta[i*c.classes:][:c.classes]
		}
		sum += float64(c.set.SoftmaxCrossEntropy(delta, c.logits[i*c.classes:][:c.classes], class, 1/float32(rows)))
	}
	c.loss[0] = float32(sum / float64(rows))
	return nil
}

// softCrossEntropy runs [device.SoftCrossEntropy].
type softCrossEntropy struct {
	set                          *simd.Set
	logits, targets, loss, delta []float32
	rows, classes                int
}

var _ = register(bindSoftCrossEntropy)

func bindSoftCrossEntropy(b *binder, o *device.SoftCrossEntropy) instruction {
	n := o.Rows * o.Classes
	return &softCrossEntropy{set: b.set, logits: b.memory(o.Logits, n), targets: b.memory(o.Targets, n),
		loss: b.memory(o.Loss, 1), delta: b.memory(o.Delta, n), rows: o.Rows, classes: o.Classes}
}

func (c *softCrossEntropy) run(*turn) error {
	var sum float64
	for at := 0; at < len(c.logits); at += c.classes {
		var delta []float32
		if c.delta != nil {
			delta = c.delta[at:][:c.classes]
		}
		sum += float64(c.set.SoftCrossEntropy(delta, c.logits[at:][:c.classes], c.targets[at:][:c.classes], 1/float32(c.rows)))
	}
	c.loss[0] = float32(sum / float64(c.rows))
	return nil
}

// bce runs [device.BCEWithLogits], in float64: it is small.
type bce struct {
	logits, labels, weights, loss, delta []float32
	classes                              int
}

var _ = register(bindBCEWithLogits)

func bindBCEWithLogits(b *binder, o *device.BCEWithLogits) instruction {
	n := o.Rows * o.Classes
	return &bce{logits: b.memory(o.Logits, n), labels: b.memory(o.Labels, n), weights: b.memory(o.PosWeight, o.Classes),
		loss: b.memory(o.Loss, 1), delta: b.memory(o.Delta, n), classes: o.Classes}
}

func (c *bce) run(*turn) error {
	n := float64(len(c.logits))
	var sum float64
	for i, logit := range c.logits {
		z, positive, negative := float64(logit), float64(c.labels[i]), 1-float64(c.labels[i])
		if c.weights != nil {
			positive *= float64(c.weights[i%c.classes])
		}
		// log(1+exp(z)) and log(1+exp(-z)) without overflow, and the two probabilities without cancellation.
		small := math.Exp(-math.Abs(z))
		both := math.Log1p(small)
		sum += positive*(math.Max(-z, 0)+both) + negative*(math.Max(z, 0)+both)
		if c.delta != nil {
			one, zero := 1/(1+small), small/(1+small)
			if z < 0 {
				one, zero = zero, one
			}
			c.delta[i] = float32((negative*one - positive*zero) / n)
		}
	}
	c.loss[0] = float32(sum / n)
	return nil
}
