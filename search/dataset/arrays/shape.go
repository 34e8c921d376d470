package arrays

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/dataset/arrayfile"
)

// The layouts: which axis of a sample in a file is that of its channels or features.
const (
	channelsFirst = "channels_first"
	channelsLast  = "channels_last"
	featuresFirst = "features_first"
	featuresLast  = "features_last"
)

// layouts returns the layouts of a kind, the one that samples are read in first.
func layouts(kind mixer.Kind) []string {
	switch kind {
	case mixer.Map:
		return []string{channelsFirst, channelsLast}
	case mixer.Sequence:
		return []string{featuresLast, featuresFirst}
	}
	return nil
}

// arrange makes a column read samples in the layout of a file as channels, height, width or as steps, features.
func arrange(c *arrayfile.Column, m Modality) error {
	axes := c.Shape()
	if m.Layout != channelsLast && m.Layout != featuresFirst {
		return nil
	}
	shape := slices.Clone(m.Shape)
	rank := m.Kind.Rank()
	switch {
	case len(axes) == rank:
		last := slices.Concat(axes[rank-1:], axes[:rank-1]) // the last axis first
		if shape == nil {
			shape = last
		}
		if !slices.Equal(shape, last) {
			return fmt.Errorf("samples of shape %s in the layout %s have shape %s, not %s", dimensions.Text(axes), m.Layout, dimensions.Text(last), dimensions.Text(shape))
		}
	case shape == nil:
		if len(axes) == rank-1 {
			return nil // one channel or feature
		}
		return fmt.Errorf("samples of shape %s have no axis for the layout %s: give the shape", dimensions.Text(axes), m.Layout)
	case dimensions.Product(axes) != dimensions.Product(shape):
		return misfit(axes, shape)
	}
	// Channels are the last axis of a matrix of pixels × channels, features the first one of features × steps.
	wide := shape[0]
	return c.Transpose(dimensions.Product(shape)/wide, wide, shape...)
}

// sampleShape finds the shape of one sample of a modality from the shape of an array without its first axis.
func sampleShape(m Modality, axes []int) ([]int, error) {
	size := dimensions.Product(axes)
	if size == 0 {
		return nil, errors.New("samples have no elements")
	}
	if m.Shape != nil {
		if size != dimensions.Product(m.Shape) {
			return nil, misfit(axes, m.Shape)
		}
		return slices.Clone(m.Shape), checkOrder(m, axes)
	}
	kind := m.Kind
	switch {
	case kind == mixer.Map && len(axes) == 1:
		side := int(math.Round(math.Sqrt(float64(size))))
		if side*side != size {
			return nil, fmt.Errorf("%d elements do not make a square map: give the shape", size)
		}
		return []int{1, side, side}, nil
	case kind == mixer.Map && len(axes) == 2:
		return []int{1, axes[0], axes[1]}, nil
	case kind == mixer.Map && len(axes) == 3 && axes[2] == 1 && axes[0] != 1 && m.Layout == "": // channel last
		return []int{1, axes[0], axes[1]}, nil
	case kind == mixer.Map && len(axes) == 3 && m.Layout == "" && channelsMayBeLast(axes):
		return nil, fmt.Errorf("samples have shape %s: give `layout: %s` if the last axis is that of %d channels, or `layout: %s` if the first one is",
			dimensions.Text(axes), channelsLast, axes[2], channelsFirst)
	case kind == mixer.Sequence && len(axes) == 1:
		return []int{size, 1}, nil
	case kind == mixer.Table:
		return []int{size}, nil
	case len(axes) == kind.Rank():
		return slices.Clone(axes), nil
	}
	return nil, fmt.Errorf("samples of shape %s cannot be a %s", dimensions.Text(axes), kind)
}

// channelsMayBeLast reports whether an array of three axes may have its 3 or 4 channels at the end. If the first axis is no longer
// than the last, and the first two differ, the first is that of channels.
func channelsMayBeLast(axes []int) bool {
	return (axes[2] == 3 || axes[2] == 4) && (axes[0] > axes[2] || axes[0] == axes[1])
}

func misfit(axes, shape []int) error {
	return fmt.Errorf("samples have shape %s, which does not fit the shape %s", dimensions.Text(axes), dimensions.Text(shape))
}

// checkOrder returns an error if the shape of a modality has the axes of a file in another order: read like that, numbers of
// different pixels would be mixed up.
func checkOrder(m Modality, axes []int) error {
	if len(axes) != len(m.Shape) {
		return nil // rows of another form, of which only the order of the elements counts
	}
	long := func(shape []int) (list []int) {
		for _, n := range shape {
			if n > 1 {
				list = append(list, n)
			}
		}
		return list
	}
	file, shape := long(axes), long(m.Shape)
	if slices.Equal(file, shape) || !slices.Equal(slices.Sorted(slices.Values(file)), slices.Sorted(slices.Values(shape))) {
		return nil
	}
	hint := "transpose the array before it is saved"
	if other := layouts(m.Kind)[1]; m.Layout == "" && slices.Equal(slices.Concat(axes[len(axes)-1:], axes[:len(axes)-1]), m.Shape) {
		hint = fmt.Sprintf("give `layout: %s`", other)
	}
	return fmt.Errorf("samples have shape %s, and the shape %s has the same axes in another order: %s", dimensions.Text(axes), dimensions.Text(m.Shape), hint)
}
