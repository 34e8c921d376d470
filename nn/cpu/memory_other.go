//go:build !unix

package cpu

// allocate returns n zeroed elements that start on a cache line.
func allocate(n int) (memory []float32, free func(), err error) { return aligned(n), func() {}, nil }
