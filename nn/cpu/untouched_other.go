//go:build !linux

package cpu

// untouched is not known here, and no limit is either: the careful answer.
func untouched(memory []float32) int64 { return 4 * int64(len(memory)) }
