package simd

import "math"

// portableSoftmax uses float64 exponentials and sums.
func portableSoftmax(y, x, mask []float32) (top, total float32) {
	largest := math.Inf(-1)
	for i, v := range x[:len(y)] {
		if mask == nil || mask[i] != 0 {
			largest = max(largest, float64(v))
		}
	}
	var sum float64
	for i, v := range x[:len(y)] {
		if mask == nil || mask[i] != 0 {
			sum += math.Exp(float64(v) - largest)
		}
	}
	for i, v := range x[:len(y)] {
		if y[i] = 0; mask == nil || mask[i] != 0 {
			y[i] = float32(math.Exp(float64(v)-largest) / sum)
		}
	}
	if math.IsInf(largest, -1) {
		return 0, 0
	}
	return float32(largest), float32(sum)
}

// portableExp ends where the native one does.
func portableExp(y, x []float32) {
	for i, v := range x[:len(y)] {
		y[i] = float32(math.Exp(max(float64(v), -87)))
	}
}

// portableSoftmaxCrossEntropy subtracts the largest logit first, so that no exponential overflows.
func portableSoftmaxCrossEntropy(delta, logits []float32, label int, scale float32) float32 {
	largest := logits[0]
	for _, v := range logits {
		largest = max(largest, v)
	}
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v) - float64(largest))
	}
	loss := math.Log(sum) - (float64(logits[label]) - float64(largest))
	if delta != nil {
		delta = delta[:len(logits)]
		for i, v := range logits {
			probability := math.Exp(float64(v)-float64(largest)) / sum
			if i == label {
				probability--
			}
			delta[i] = float32(float64(scale) * probability)
		}
	}
	return float32(loss)
}

func portableSoftCrossEntropy(delta, logits, targets []float32, scale float32) float32 {
	targets = targets[:len(logits)]
	largest := logits[0]
	for _, v := range logits {
		largest = max(largest, v)
	}
	var sum, total, gap float64
	for i, v := range logits {
		below := float64(v) - float64(largest)
		sum += math.Exp(below)
		total += float64(targets[i])
		gap -= float64(targets[i]) * below
	}
	if delta != nil {
		delta = delta[:len(logits)]
		for i, v := range logits {
			probability := math.Exp(float64(v)-float64(largest)) / sum
			delta[i] = float32(float64(scale) * (total*probability - float64(targets[i])))
		}
	}
	return float32(total*math.Log(sum) + gap)
}
