package simd

import (
	"math"

	"mixmas/nn/philox"
)

func portableDropout(y, x []float32, first uint32, m *DropoutMask) {
	for ; len(x) > 0; first++ {
		words := philox.Block([4]uint32{first, 0, m.Step, m.Number}, m.Key)
		n := min(len(x), len(words))
		for k, v := range x[:n] {
			// There is no branch here, since the CPU could not predict it.
			kept := ^uint32((uint64(words[k]) - uint64(m.Threshold)) >> 32)
			y[k] = math.Float32frombits(math.Float32bits(v/m.Keep) & kept)
		}
		x, y = x[n:], y[n:]
	}
}
