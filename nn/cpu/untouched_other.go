//go:build !linux

package cpu

// untouched returns the size of the memory, the safe answer: on this system neither untouched pages nor limits are known.
func untouched(memory []float32) int64 { return 4 * int64(len(memory)) }
