package cpu

import (
	"cmp"
	"slices"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// assemble runs [device.Assemble].
type assemble struct {
	y, base []float32
	// prepare fills y with base or with zeros; nil if that is not needed.
	prepare part
	pieces  []*piece
}

// piece is a strided copy, with its dimensions in the order of y. Dimensions that are contiguous on both sides are merged.
type piece struct {
	set            *simd.Set
	source, target []float32
	axes           [device.MaxRank]axis
	rank           int
	// inner is the number of last axes that one call of copy handles.
	inner int
	copy  copyKind
	add   bool
	scale float32
	grain int
	part  part
}

type axis struct{ count, source, target int }

// copyKind is how the innermost axes are copied.
type copyKind int

const (
	// Contiguous rows on both sides.
	rows copyKind = iota
	// constants fill contiguous rows of the target with one element each.
	constants
	// transposed matrices are contiguous along one axis in the source and along the other in the target.
	transposed
	// strided rows are anything else.
	strided
)

var _ = register(bindAssemble)

func bindAssemble(b *binder, o *device.Assemble) instruction {
	a := &assemble{y: b.memory(o.Y, o.N), base: b.memory(o.Base, o.N)}
	for i := range o.Pieces {
		a.pieces = append(a.pieces, bindPiece(b, o, &o.Pieces[i]))
	}
	switch {
	case a.base != nil && !same(a.base, a.y):
		a.prepare = func(_ *worker, from, to int) { copy(a.y[from:to], a.base[from:to]) }
	case a.base == nil && !o.Covered:
		a.prepare = func(_ *worker, from, to int) { clear(a.y[from:to]) }
	}
	return a
}

func bindPiece(b *binder, o *device.Assemble, p *device.Piece) *piece {
	var axes []axis
	last := p.SourceOffset
	for i, n := range p.Shape {
		if n > 1 {
			axes = append(axes, axis{n, p.SourceStrides[i], p.TargetStrides[i]})
			last += (n - 1) * max(p.SourceStrides[i], 0)
		}
	}
	c := &piece{set: b.set, source: b.memory(p.Source, last+1), target: b.memory(o.Y, o.N), add: o.Base != 0, scale: p.Scale}
	c.order(axes)
	outer := c.axes[0]
	c.grain = grain(product(p.Shape) / outer.count)
	c.part = func(w *worker, from, to int) {
		axes := c.axes
		axes[0].count = to - from
		c.walk(w, axes[:c.rank], p.SourceOffset+from*outer.source, p.TargetOffset+from*outer.target)
	}
	return c
}

// order sorts the axes by the target's strides, merges them, and chooses how the innermost ones are copied.
func (c *piece) order(axes []axis) {
	slices.SortStableFunc(axes, func(a, b axis) int { return cmp.Compare(b.target, a.target) })
	merged := axes[:0]
	for _, a := range axes {
		if n := len(merged); n > 0 {
			if o := &merged[n-1]; o.target == a.count*a.target && o.source == a.count*a.source {
				*o = axis{o.count * a.count, a.source, a.target}
				continue
			}
		}
		merged = append(merged, a)
	}
	if len(merged) == 0 {
		merged = append(merged, axis{1, 1, 1})
	}
	last := merged[len(merged)-1]
	c.inner, c.copy = 1, strided
	switch {
	case last.target != 1:
	case last.source == 1:
		c.copy = rows
	case last.source == 0:
		c.copy = constants
	case last.source > 0:
		for i, a := range merged[:len(merged)-1] {
			if a.source == 1 {
				merged = slices.Insert(slices.Delete(merged, i, i+1), len(merged)-2, a)
				c.inner, c.copy = 2, transposed
				break
			}
		}
	}
	c.rank = copy(c.axes[:], merged)
}

func (a *assemble) run(t *turn) error {
	if a.prepare != nil {
		t.splitElements(len(a.y), a.prepare)
	}
	for _, p := range a.pieces {
		t.split(p.axes[0].count, p.grain, p.part)
	}
	return nil
}

// walk visits the outer axes.
func (c *piece) walk(w *worker, axes []axis, source, target int) {
	if len(axes) == c.inner {
		c.innermost(w, axes, source, target)
		return
	}
	a := axes[0]
	for range a.count {
		c.walk(w, axes[1:], source, target)
		source += a.source
		target += a.target
	}
}

func (c *piece) innermost(w *worker, axes []axis, source, target int) {
	a := axes[len(axes)-1]
	switch c.copy {
	case rows:
		c.row(c.target[target:][:a.count], c.source[source:][:a.count])
	case constants:
		value := c.scale * c.source[source]
		dst := c.target[target:][:a.count]
		if c.add {
			c.set.AddScalar(dst, dst, value)
		} else {
			fill(dst, value)
		}
	case transposed:
		c.transpose(w, axes[0], a, source, target)
	case strided:
		for range a.count {
			value := c.scale * c.source[source]
			if c.add {
				value += c.target[target]
			}
			c.target[target] = value
			source += a.source
			target += a.target
		}
	}
}

// row writes a contiguous row to dst, or adds it.
func (c *piece) row(dst, src []float32) {
	switch {
	case !c.add && c.scale == 1:
		copy(dst, src)
	case !c.add:
		c.set.Scale(dst, src, c.scale)
	case c.scale == 1:
		c.set.Add(dst, dst, src)
	default:
		c.set.Axpy(dst, src, c.scale)
	}
}

// transpose copies a matrix whose rows run along the axis down in the target, and along the axis across in the source.
func (c *piece) transpose(w *worker, down, across axis, source, target int) {
	if !c.add && c.scale == 1 {
		c.set.Transpose(c.target[target:], down.target, c.source[source:], across.source, across.count, down.count)
		return
	}
	const side = 32 // side² elements fit into a block
	for i := 0; i < down.count; i += side {
		height := min(side, down.count-i)
		for j := 0; j < across.count; j += side {
			width := min(side, across.count-j)
			block := w.blocks[0][:height*width]
			c.set.Transpose(block, width, c.source[source+i+j*across.source:], across.source, width, height)
			for k := range height {
				c.row(c.target[target+(i+k)*down.target+j:][:width], block[k*width:][:width])
			}
		}
	}
}
