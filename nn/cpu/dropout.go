package cpu

import (
	"math"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// dropout runs [device.Dropout]. Its units are blocks of whole counters.
type dropout struct {
	set     *simd.Set
	x, y    []float32
	mask    simd.DropoutMask
	compute part
}

// dropoutBlock is the number of elements that workers share out at a time: 4 elements a counter.
const dropoutBlock = 256

func bindDropout(b *binder, o *device.Dropout) instruction {
	b.positive("size", o.N)
	if !(o.P >= 0 && o.P < 1) {
		b.fail("probability %g, want 0 or more and less than 1", o.P)
	}
	threshold := min(math.Round(o.P*(1<<32)), math.MaxUint32) // the last word is kept where p rounds to 1
	d := &dropout{set: b.set, x: b.need("X", o.X, o.N), y: b.need("Y", o.Y, o.N),
		mask: simd.DropoutMask{Number: o.Number, Threshold: uint32(threshold), Keep: float32(1 - o.P)}}
	d.compute = d.part
	b.share(o.Y, o.X)
	return d
}

func (d *dropout) run(t *turn) error {
	d.mask.Step = t.step.Counter
	d.mask.Key = [2]uint32{uint32(t.step.Seed), uint32(t.step.Seed >> 32)}
	t.split(ceil(len(d.y), dropoutBlock), grain(4*dropoutBlock), d.compute)
	return nil
}

func (d *dropout) part(_ *worker, from, to int) {
	i, j := from*dropoutBlock, min(to*dropoutBlock, len(d.y))
	d.set.Dropout(d.y[i:j], d.x[i:j], uint32(i/4), &d.mask)
}
