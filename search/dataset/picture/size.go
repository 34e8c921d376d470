package picture

import (
	"math"
	"slices"
)

// Limits of sizes that are chosen by the pictures.
const (
	mostSide = 64
	sideStep = 8
)

// Size is the size to which pictures of the given heights and widths are resized, if nobody says one: pictures that all have one size
// of at most 64 pixels a side keep it. Others get the median height and width, with the longer side scaled down to at most 64, in
// multiples of 8. It sorts the lists, which must not be empty.
func Size(heights, widths []int) (height, width int) {
	slices.Sort(heights)
	slices.Sort(widths)
	height, width = heights[len(heights)/2], widths[len(widths)/2]
	same := heights[0] == heights[len(heights)-1] && widths[0] == widths[len(widths)-1]
	if same && max(height, width) <= mostSide {
		return height, width
	}
	scale := min(1, mostSide/float64(max(height, width)))
	side := func(n int) int {
		return max(sideStep, int(math.Round(float64(n)*scale/sideStep))*sideStep)
	}
	return side(height), side(width)
}
