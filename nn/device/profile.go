package device

import (
	"fmt"
	"strings"
)

// Profiler is an optional interface of runners that can time their operations.
type Profiler interface {
	Runner
	// Trace is like Run, with the same effects and the same bits, but runs the operations one by one, waits for each, and
	// adds the time that it took to seconds, which has one element per operation. It allocates nothing on the heap.
	Trace(step Step, seconds []float64) error
}

// sizes joins numbers, for example to "64×128".
func sizes(numbers ...int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, "×")
}

func with(name string, b Buffer) string { return when(name, b != 0) }

func when(name string, yes bool) string {
	if !yes {
		return ""
	}
	return " " + name
}
