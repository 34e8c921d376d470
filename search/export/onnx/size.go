package onnx

import (
	"fmt"
	"slices"
)

// size is a number of elements, an offset or a stride: n, or n times the batch size.
type size struct {
	n     int
	batch bool
}

func fixed(n int) size { return size{n: n} }

// fixedAll are sizes that do not depend on the batch.
func fixedAll(list ...int) []size {
	sizes := make([]size, len(list))
	for i, n := range list {
		sizes[i] = fixed(n)
	}
	return sizes
}

// theBatch is the batch size.
var theBatch = size{1, true}

func (s size) String() string {
	switch {
	case !s.batch:
		return fmt.Sprint(s.n)
	case s.n == 1:
		return "batch"
	}
	return fmt.Sprintf("%d·batch", s.n)
}

// at is the size for a batch size.
func (s size) at(batch int) int {
	if s.batch {
		return s.n * batch
	}
	return s.n
}

// times is the product. ok is false if it has the square of the batch size.
func (s size) times(t size) (product size, ok bool) {
	return size{s.n * t.n, s.batch || t.batch}, !(s.batch && t.batch)
}

// over is the quotient. ok is false if it is not a whole number of elements for every batch size.
func (s size) over(t size) (quotient size, ok bool) {
	if t.n == 0 || s.n%t.n != 0 || t.batch && !s.batch {
		return size{}, false
	}
	return size{s.n / t.n, s.batch && !t.batch}, true
}

// many is a batch size with which sizes are compared: for batches that are not small.
const many = 1 << 20

// product is the product of sizes. Two of them that depend on the batch end the translation: no buffer has the square of it.
func product(sizes ...size) size {
	all := fixed(1)
	for _, s := range sizes {
		var ok bool
		if all, ok = all.times(s); !ok {
			fail("the sizes %v are multiplied", sizes)
		}
	}
	return all
}

// isOne reports whether a dimension can be left out.
func (s size) isOne() bool { return s == fixed(1) }

// axes are dimensions for a number of elements: the batch is an axis of its own.
func (s size) axes() []size {
	switch {
	case !s.batch && s.n == 1:
		return nil
	case s.batch && s.n > 1:
		return []size{theBatch, fixed(s.n)}
	}
	return []size{s}
}

// strides are the strides of a contiguous tensor.
func strides(dims []size) []size {
	list := make([]size, len(dims))
	next := fixed(1)
	for i, d := range slices.Backward(dims) {
		list[i] = next
		next = product(next, d)
	}
	return list
}
