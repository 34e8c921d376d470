// Package dimensions writes shapes as people do.
package dimensions

import (
	"strconv"
	"strings"
)

// Text is a shape in words, such as 3×64×64. That without dimensions is "scalar".
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
