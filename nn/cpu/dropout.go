package cpu

import (
	"math"

	"mixmas/nn/device"
	"mixmas/nn/philox"
)

// dropout runs [device.Dropout].
type dropout struct {
	x, y      []float32
	threshold uint64
	keep      float32
	number    uint32
	counter   uint32
	key       [2]uint32
	compute   part
}

func bindDropout(b *binder, o *device.Dropout) instruction {
	b.positive("size", o.N)
	if !(o.P >= 0 && o.P < 1) {
		b.fail("probability %g, want 0 or more and less than 1", o.P)
	}
	d := &dropout{x: b.need("X", o.X, o.N), y: b.need("Y", o.Y, o.N), threshold: uint64(math.Round(o.P * (1 << 32))),
		keep: float32(1 - o.P), number: o.Number}
	d.compute = d.part
	b.share(o.Y, o.X)
	return d
}

func (d *dropout) run(t *turn) error {
	d.counter = t.step.Counter
	d.key = [2]uint32{uint32(t.step.Seed), uint32(t.step.Seed >> 32)}
	const words = 4
	t.split(ceil(len(d.y), words), grain(4*words), d.compute)
	return nil
}

// part computes whole counters, of four elements each.
func (d *dropout) part(_ *worker, from, to int) {
	for i := from; i < to; i++ {
		words := philox.Block([4]uint32{uint32(i), 0, d.counter, d.number}, d.key)
		x, y := d.x[4*i:], d.y[4*i:]
		if len(x) >= 4 {
			x, y := (*[4]float32)(x), (*[4]float32)(y)
			for k, word := range words {
				y[k] = d.apply(x[k], word)
			}
			continue
		}
		for k := range x {
			y[k] = d.apply(x[k], words[k])
		}
	}
}

// apply is x divided by the probability to keep it, or zero where the word is below the threshold. It does not branch,
// since the processor could not foresee which way.
func (d *dropout) apply(x float32, word uint32) float32 {
	kept := ^uint32((uint64(word) - d.threshold) >> 32)
	return math.Float32frombits(math.Float32bits(x/d.keep) & kept)
}
