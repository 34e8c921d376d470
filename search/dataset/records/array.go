package records

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"mixmas/nn/device"
	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/arrayfile"
	"mixmas/search/dataset/npy"
	"mixmas/search/escape"
)

// axes says how the elements of an array become a sample: which axis is that of the channels or features, and which of them are
// used.
type axes struct {
	Kind   mixer.Kind `json:"kind"`             // a map (channels, height, width), a sequence (steps, features) or a table
	Axes   []int      `json:"axes"`             // of the array
	Last   bool       `json:"last,omitempty"`   // its last axis is that of the channels or features
	Chosen []int      `json:"chosen,omitempty"` // channels or features that are used; nil for all
}

// channels is the number of channels or features of the array.
func (a *axes) channels() int {
	switch {
	case len(a.Axes) == 0:
		return 1
	case a.Kind == mixer.Table:
		return a.Axes[0]
	case a.Kind == mixer.Map && len(a.Axes) == 2, a.Kind == mixer.Sequence && len(a.Axes) == 1:
		return 1
	case a.Last:
		return a.Axes[len(a.Axes)-1]
	}
	return a.Axes[0]
}

// used is the number of channels or features of a sample.
func (a *axes) used() int {
	if a.Chosen != nil {
		return len(a.Chosen)
	}
	return a.channels()
}

// places are the axes besides that of the channels or features.
func (a *axes) places() []int {
	switch {
	case a.Kind == mixer.Table:
		return nil
	case a.Kind == mixer.Map && len(a.Axes) == 2, a.Kind == mixer.Sequence && len(a.Axes) == 1:
		return a.Axes
	case a.Last:
		return a.Axes[:len(a.Axes)-1]
	}
	return a.Axes[1:]
}

// shape is that of a sample.
func (a *axes) shape() []int {
	switch a.Kind {
	case mixer.Table:
		return []int{a.used()}
	case mixer.Sequence:
		return append(slices.Clone(a.places()), a.used())
	}
	return append([]int{a.used()}, a.places()...)
}

// same reports whether the elements of a sample are those of the array in the same order.
func (a *axes) same() bool {
	if a.Chosen != nil {
		return false
	}
	if a.channels() == 1 || a.Kind == mixer.Table {
		return true
	}
	return a.Last == (a.Kind == mixer.Sequence)
}

// arrange writes the sample of an array.
func (a *axes) arrange(dst, values []float32) {
	if a.same() {
		copy(dst, values)
		return
	}
	channels, used, places := a.channels(), a.used(), 1
	for _, n := range a.places() {
		places *= n
	}
	for k := range used {
		c := k
		if a.Chosen != nil {
			c = a.Chosen[k]
		}
		for p := range places {
			from, to := c*places+p, k*places+p
			if a.Last || a.Kind == mixer.Table {
				from = p*channels + c
			}
			if a.Kind != mixer.Map {
				to = p*used + k
			}
			dst[to] = values[from]
		}
	}
}

func (a *axes) check() error {
	for _, n := range a.Axes {
		if n < 1 {
			return errors.New("the array has an axis without elements")
		}
	}
	if _, ok := device.Elements(a.Axes...); !ok {
		return errors.New("the array has too many elements")
	}
	if a.Kind != mixer.Map && a.Kind != mixer.Sequence && a.Kind != mixer.Table {
		return fmt.Errorf("an array is no %s", a.Kind)
	}
	for _, c := range a.Chosen {
		if c < 0 || c >= a.channels() {
			return fmt.Errorf("channel %d is used, but the array has %d", c, a.channels())
		}
	}
	return checkShape(a.Kind, a.shape())
}

// arrangement decides what the axes of arrays mean. kind is that of the modality.
func arrangement(m *Modality, shape []int) (*axes, error) {
	a := &axes{Axes: slices.Clone(shape), Last: m.Layout == "channels_last"}
	switch m.Kind {
	case Table:
		a.Kind = mixer.Table
		size := dimensions.Product(shape)
		a.Axes = []int{size}
	case Series:
		a.Kind = mixer.Sequence
		a.Last = m.Layout != "channels_first"
		if len(shape) != 1 && len(shape) != 2 {
			return nil, fmt.Errorf("samples of shape %s are no series: want steps, or steps and features", dimensions.Text(shape))
		}
	default:
		a.Kind = mixer.Map
		switch {
		case len(shape) == 1 && m.Kind == Array:
			a.Kind = mixer.Table
		case len(shape) != 2 && len(shape) != 3:
			return nil, fmt.Errorf("samples of shape %s are no pictures: want height and width, with or without channels", dimensions.Text(shape))
		case len(shape) == 3 && m.Layout == "" && (shape[2] == 1 || shape[2] == 3 || shape[2] == 4) && shape[0] != 1 && shape[0] != 3 && shape[0] != 4:
			return nil, fmt.Errorf("samples have shape %s: set layout to channels_last if their last axis is that of the channels, otherwise to channels_first", dimensions.Text(shape))
		}
	}
	return a, a.check()
}

// arrayEncoder reads an array file of its own for each row.
type arrayEncoder struct {
	axes
}

func (a *arrayEncoder) form() (mixer.Kind, []int, int) { return a.Kind, a.shape(), 0 }

func (a *arrayEncoder) stored() npy.Type { return npy.Float32 }

func (a *arrayEncoder) raw() []int { return nil }

func (a *arrayEncoder) encode(ctx context.Context, s *sample, dst []float32) (int, error) {
	if s.name == "" {
		return 0, nil
	}
	shape, values, err := readArray(ctx, s)
	if err != nil {
		return 0, err
	}
	if !slices.Equal(shape, a.Axes) {
		return 0, fmt.Errorf("%s: the array has shape %s, but those of the training rows have %s", escape.Terminal(s.name), dimensions.Text(shape), dimensions.Text(a.Axes))
	}
	a.arrange(dst, values)
	if a.Kind == mixer.Sequence {
		return a.shape()[0], nil
	}
	return 1, nil
}

// fitArray takes the shape of arrays from the first training row that has one.
func (f *fitting) fitArray(ctx context.Context, m *Modality) (*arrayEncoder, error) {
	var found *axes
	err := f.training(ctx, func(s *sample) error {
		if s.name == "" {
			return nil
		}
		shape, _, err := readArray(ctx, s)
		if err != nil {
			return err
		}
		if found, err = arrangement(m, shape); err != nil {
			return fmt.Errorf("%s: %w", escape.Terminal(s.name), err)
		}
		return errEnough
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errors.New("no training row has an array")
	}
	return &arrayEncoder{axes: *found}, nil
}

// readArray reads the npy file of a row, in row-major order.
func readArray(ctx context.Context, s *sample) (shape []int, values []float32, err error) {
	data, err := s.read(ctx, s.name)
	if err != nil {
		return nil, nil, err
	}
	shape, values, err = parseArray(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", escape.Terminal(s.name), err)
	}
	return shape, values, nil
}

// parseArray reads an npy file.
func parseArray(data []byte) (shape []int, values []float32, err error) {
	header, offset, err := npy.ReadHeader(bytes.NewReader(data))
	if err != nil {
		return nil, nil, err
	}
	if header.Type.Text() {
		return nil, nil, errors.New("the elements are text, want numbers")
	}
	if want := offset + header.Bytes(); int64(len(data)) != want {
		return nil, nil, fmt.Errorf("shape %s of %s needs %d bytes, but the file has %d", dimensions.Text(header.Shape), header.Type, want, len(data))
	}
	size := dimensions.Product(header.Shape)
	values = make([]float32, size)
	header.Type.DecodeScaled(values, data[offset:], 0, 1)
	if header.Fortran {
		values = rowMajor(values, header.Shape)
	}
	return header.Shape, values, nil
}

// rowMajor brings elements in Fortran order into the order of rows.
func rowMajor(values []float32, shape []int) []float32 {
	ordered, at := make([]float32, len(values)), make([]int, len(shape))
	for _, v := range values { // the first axis is the fastest
		i := 0
		for axis, n := range shape {
			i = i*n + at[axis]
		}
		ordered[i] = v
		for axis := range at {
			if at[axis]++; at[axis] < shape[axis] {
				break
			}
			at[axis] = 0
		}
	}
	return ordered
}

// fileEncoder takes the samples of array files, one per row.
type fileEncoder struct {
	axes
	kept npy.Type // in which samples are stored; the zero value is float32
}

func (a *fileEncoder) form() (mixer.Kind, []int, int) { return a.Kind, a.shape(), 0 }
func (a *fileEncoder) stored() npy.Type               { return cmp.Or(a.kept, npy.Float32) }
func (a *fileEncoder) raw() []int                     { return nil }

// keep keeps the type of files of small whole numbers, which takes less room than float32.
func (a *fileEncoder) keep(files []*arrayfile.Column) {
	t := files[0].Type()
	t.BigEndian = false
	for _, c := range files {
		if own := c.Type(); own.Kind != t.Kind || own.Size != t.Size {
			return
		}
	}
	switch {
	case t.Kind == 'b':
		a.kept = npy.Uint8
	case (t.Kind == 'u' || t.Kind == 'i') && t.Size <= 2:
		a.kept = t
	}
}

// whole is a file whose rows are the samples, in the shape that they have there or transposed; nil if they must be encoded.
func (a *fileEncoder) whole(files []*arrayfile.Column) (dataset.Column, error) {
	if len(files) != 1 || a.Chosen != nil {
		return nil, nil
	}
	high, wide, view := 1, 1, *files[0]
	if !a.same() {
		if high, wide = a.channels(), a.size()/a.channels(); a.Last {
			high, wide = wide, high
		}
	} else {
		wide = a.size()
	}
	return borrowed{&view}, view.Transpose(high, wide, a.shape()...)
}

// borrowed is a column that somebody else closes.
type borrowed struct{ *arrayfile.Column }

// Close implements [dataset.Column].
func (borrowed) Close() error { return nil }

func (a *fileEncoder) encode(ctx context.Context, s *sample, dst []float32) (int, error) {
	values := s.values
	if values == nil && s.name != "" { // a row of values
		shape, own, err := readArray(ctx, s)
		if err != nil {
			return 0, err
		}
		if !slices.Equal(shape, a.Axes) && (a.Kind != mixer.Table || len(own) != a.size()) {
			return 0, fmt.Errorf("%s: the array has shape %s, but those of the training rows have %s", escape.Terminal(s.name), dimensions.Text(shape), dimensions.Text(a.Axes))
		}
		values = own
	}
	if values == nil {
		return 0, nil
	}
	a.arrange(dst, values)
	if a.Kind == mixer.Sequence {
		return a.shape()[0], nil
	}
	return 1, nil
}

// fitFiles decides what the axes of array files mean. columns are the selectors of their features or channels.
func fitFiles(m *Modality, shape []int, selectors []string, field string) (*fileEncoder, error) {
	a, err := arrangement(m, shape)
	if err != nil {
		return nil, err
	}
	if len(selectors) > 0 {
		if a.Chosen, err = choose(make([]string, a.channels()), nil, field, selectors...); err != nil {
			return nil, err
		}
		if len(a.Chosen) == a.channels() && slices.IsSorted(a.Chosen) {
			a.Chosen = nil
		}
	}
	if m.Kind == Image {
		size := a.places()
		if len(m.Size) == 2 && !slices.Equal(m.Size, size) {
			return nil, fmt.Errorf("the array has pictures of %s, which are not resized to %s: leave size out", dimensions.Text(size), dimensions.Text(m.Size))
		}
		if m.Channels != 0 && m.Channels != a.used() {
			return nil, fmt.Errorf("the array has pictures of %d channels, want %d", a.used(), m.Channels)
		}
	}
	return &fileEncoder{axes: *a}, a.check()
}

// size is the number of elements of a row of the array file.
func (a *fileEncoder) size() int {
	n := 1
	for _, axis := range a.Axes {
		n *= axis
	}
	return n
}
