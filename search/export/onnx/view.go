package onnx

import (
	"cmp"
	"slices"
)

// grid is a buffer seen as a contiguous tensor whose axes are those of a strided access.
type grid struct {
	dims    []size // outermost first; the last one may be what is left below the smallest stride
	strides []size // of the dims
}

// newGrid splits a buffer of total elements at strides, which it sorts. ok is false if they are not nested.
func newGrid(total size, list []size) (g grid, ok bool) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b size) int { return cmp.Compare(b.at(many), a.at(many)) })
	list = slices.Compact(list)
	if len(list) == 0 || !list[len(list)-1].isOne() {
		list = append(list, fixed(1))
	}
	before := total
	for _, s := range list {
		d, ok := before.over(s)
		if !ok {
			return grid{}, false
		}
		g.dims, g.strides = append(g.dims, d), append(g.strides, s)
		before = s
	}
	return g, true
}

// region is a part of a grid: some indices of each of its dims.
type region struct{ from, length []size }

// find returns the part of the grid that a strided access touches, and for each of the access's axes the axis of the grid, -1
// for axes of length 1. ok is false if the access does not follow the grid.
func (g grid) find(offset size, shape, strides []size) (r region, axes []int, ok bool) {
	for _, s := range g.strides {
		from := fixed(0)
		switch {
		case offset.n == 0:
		case offset.batch && s.batch, !offset.batch && !s.batch:
			from = fixed(offset.n / s.n)
			offset.n %= s.n
		case !offset.batch && offset.n < s.n: // within the first s elements of any batch
		default:
			return r, nil, false
		}
		r.from, r.length = append(r.from, from), append(r.length, fixed(1))
	}
	for i, d := range shape {
		axis := -1
		if !d.isOne() {
			axis = slices.Index(g.strides, strides[i])
			if axis < 0 || !r.length[axis].isOne() {
				return r, nil, false
			}
			r.length[axis] = d
		}
		axes = append(axes, axis)
	}
	for i, d := range g.dims {
		whole := r.from[i].n == 0 && r.length[i] == d
		part := !d.batch && !r.length[i].batch && r.from[i].n+r.length[i].n <= d.n
		if !whole && !part {
			return r, nil, false
		}
	}
	return r, axes, offset.n == 0
}

// view returns a tensor with the elements of a strided access to a buffer, in the shape of the access. Axes of stride 0 have
// length 1, to be broadcast.
func (t *translator) view(x *tensor, offset size, shape, steps []size) *tensor {
	dims, kept, keptSteps := slices.Clone(shape), []size{}, []size{}
	for i := range dims {
		if steps[i].n == 0 {
			dims[i] = fixed(1)
		}
		if !dims[i].isOne() {
			kept, keptSteps = append(kept, dims[i]), append(keptSteps, steps[i])
		}
	}
	total := product(x.dims...)
	if offset.n == 0 && product(kept...) == total && slices.Equal(keptSteps, strides(kept)) {
		return t.reshape(x, dims)
	}
	g, ok := newGrid(total, keptSteps)
	var r region
	var axes []int
	if ok {
		r, axes, ok = g.find(offset, kept, keptSteps)
	}
	if !ok {
		return t.reshape(t.gather(x, offset, kept, keptSteps), dims)
	}
	y := t.reshape(x, g.dims)
	for axis := range g.dims {
		y = t.slice(y, axis, r.from[axis], r.length[axis])
	}
	for axis := range g.dims { // those of one element last
		if !slices.Contains(axes, axis) {
			axes = append(axes, axis)
		}
	}
	return t.reshape(t.transpose(y, axes), dims)
}

// gather is a view of any strides, by the numbers of the elements that it reads of each sample. Its shape may have the batch as
// an axis of its own.
func (t *translator) gather(x *tensor, offset size, shape, steps []size) *tensor {
	for i, d := range shape {
		if d.batch && d.n > 1 { // the batch and the rows of a sample
			shape = slices.Replace(slices.Clone(shape), i, i+1, theBatch, fixed(d.n))
			steps = slices.Replace(slices.Clone(steps), i, i+1, product(steps[i], fixed(d.n)), steps[i])
			break
		}
	}
	total := product(x.dims...)
	flat, sample, batch := []size{total}, total, -1
	if total.batch {
		sample = fixed(total.n)
		flat = []size{theBatch, sample}
		batch = slices.IndexFunc(shape, func(d size) bool { return d.batch })
		if batch < 0 || shape[batch] != theBatch || steps[batch] != sample {
			fail("elements are read across the samples of a batch, with shape %v and strides %v", shape, steps)
		}
	}
	var rest, restSteps []size
	for i := range shape {
		if i != batch {
			rest, restSteps = append(rest, shape[i]), append(restSteps, steps[i])
		}
		if i != batch && (shape[i].batch || steps[i].batch) || offset.batch {
			fail("elements are read across the samples of a batch, with shape %v and strides %v", shape, steps)
		}
	}
	var indices []int64
	walk(lengths(rest), lengths(restSteps), func(i int) { indices = append(indices, int64(offset.n+i)) })
	list := t.constantIntegers("elements", rest, indices)
	if batch < 0 {
		return t.add("Gather", []*tensor{t.reshape(x, flat), list}, x.kind, rest, attribute{"axis", 0})
	}
	y := t.add("Gather", []*tensor{t.reshape(x, flat), list}, x.kind, append([]size{theBatch}, rest...), attribute{"axis", 1})
	axes := make([]int, 0, len(shape)) // the batch to its place
	for i := range shape {
		switch {
		case i < batch:
			axes = append(axes, i+1)
		case i == batch:
			axes = append(axes, 0)
		default:
			axes = append(axes, i)
		}
	}
	return t.transpose(y, axes)
}

// place returns a tensor with the elements in the order of a buffer that a result of the given shape is written to with strides:
// all of the buffer.
func (t *translator) place(result *tensor, total, offset size, steps []size) *tensor {
	var long []int // the axes of more than one element; the others stay where they are
	for i, d := range result.dims {
		if !d.isOne() {
			long = append(long, i)
		}
	}
	sorted := slices.SortedStableFunc(slices.Values(long), func(a, b int) int { return cmp.Compare(steps[b].at(many), steps[a].at(many)) })
	axes := make([]int, len(steps))
	for i := range axes {
		axes[i] = i
	}
	var dims, own []size
	for i, a := range sorted {
		axes[long[i]] = a
		dims, own = append(dims, result.dims[a]), append(own, steps[a])
	}
	if offset.n != 0 || product(dims...) != total || !slices.Equal(own, strides(dims)) {
		fail("a product of shape %v is written with strides %v to a part of a buffer", result.dims, steps)
	}
	return t.transpose(result, axes)
}

// pairs are what two recordings say of the same list: both have the same length.
func pairs(a, b []int) []size {
	if len(a) != len(b) {
		fail("its rank depends on the size of the batch")
	}
	list := make([]size, len(a))
	for i := range a {
		list[i] = pair(a[i], b[i])
	}
	return list
}

// pair is the size of which the recordings for the two batches say a and b.
func pair(a, b int) size {
	switch {
	case a == b:
		return fixed(a)
	case a%batches[0] == 0 && b%batches[1] == 0 && a/batches[0] == b/batches[1]:
		return size{a / batches[0], true}
	}
	fail("a size is %d for a batch of %d and %d for one of %d, neither fixed nor in proportion", a, batches[0], b, batches[1])
	return size{}
}

// batches are the batch sizes that a model is recorded for.
var batches = [2]int{3, 5}
