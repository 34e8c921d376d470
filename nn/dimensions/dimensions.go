// Package dimensions has what is said of shapes: how people write them, and the number of their elements.
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

// Product returns the number of elements of a shape: 1 for a scalar.
func Product(shape []int) int {
	size := 1
	for _, n := range shape {
		size *= n
	}
	return size
}
