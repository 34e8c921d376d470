// Package dimensions writes shapes as people write them.
package dimensions

import (
	"strconv"
	"strings"
)

// Text returns a shape as text, such as 3×64×64. A shape without dimensions is "scalar".
func Text(shape []int) string {
	if len(shape) == 0 {
		return "scalar"
	}
	words := make([]string, len(shape))
	for i, n := range shape {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, "×")
}
