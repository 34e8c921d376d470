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

// dropoutBlock is the number of elements in a unit of work: 4 elements per counter.
const dropoutBlock = 256

var _ = register(bindDropout)

func bindDropout(b *binder, o *device.Dropout) instruction {
	threshold := min(math.Round(o.P*(1<<32)), math.MaxUint32) // if p rounds to 1, the last word is kept
	d := &dropout{set: b.set, x: b.memory(o.X, o.N), y: b.memory(o.Y, o.N),
		mask: simd.DropoutMask{Number: o.Number, Threshold: uint32(threshold), Keep: float32(1 - o.P)}}
	d.compute = d.part
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
