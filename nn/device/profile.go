package device

import (
	"fmt"
	"strings"
)

// Profiler is a runner, optional to implement, that can time its operations.
type Profiler interface {
	Runner
	// Trace is a Run, with the same effects and the same bits, that runs the operations one by one, waits for them, and
	// adds the seconds that each took to its element of seconds, which has one per operation. It allocates nothing on the
	// heap.
	Trace(step Step, seconds []float64) error
}

// sizes joins numbers to such as "64×128".
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
