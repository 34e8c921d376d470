package arrays

import (
	"errors"
	"fmt"
	"math"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
)

// sampleShape finds the shape of one sample of the kind from the shape of an array without its first axis.
func sampleShape(kind mixer.Kind, axes []int) ([]int, error) {
	size := 1
	for _, n := range axes {
		size *= n
	}
	if size == 0 {
		return nil, errors.New("samples have no elements")
	}
	switch {
	case kind == mixer.Map && len(axes) == 1:
		side := int(math.Round(math.Sqrt(float64(size))))
		if side*side != size {
			return nil, fmt.Errorf("%d elements do not make a square map: give the shape", size)
		}
		return []int{1, side, side}, nil
	case kind == mixer.Map && len(axes) == 2:
		return []int{1, axes[0], axes[1]}, nil
	case kind == mixer.Map && len(axes) == 3 && axes[2] == 1 && axes[0] != 1: // channel last
		return []int{1, axes[0], axes[1]}, nil
	case kind == mixer.Sequence && len(axes) == 1:
		return []int{size, 1}, nil
	case kind == mixer.Table:
		return []int{size}, nil
	case len(axes) == kind.Rank():
		return append([]int(nil), axes...), nil
	}
	return nil, fmt.Errorf("samples of shape %s cannot be a %s", dimensions.Text(axes), kind)
}
