package records

import (
	"context"
	"errors"
	"fmt"
	"math"

	"mixmas/nn/device"
	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/npy"
	"mixmas/search/escape"
)

// seriesEncoder reads series: a list of numbers in each of some cells, or an array file per row. Every series has the same number
// of features; the steps differ.
type seriesEncoder struct {
	Features int  `json:"features"`        // numbers per step
	Steps    int  `json:"steps"`           // longer series are cut
	Files    bool `json:"files,omitempty"` // cells name array files
	First    bool `json:"first,omitempty"` // the first axis of an array file is that of the features
	// Missing lists the features of which a training row lacks numbers. Each has an indicator, behind all features.
	Missing []int `json:"missing,omitempty"`
}

// mostSteps bounds the steps of a series that no option asks for, and most what an option or recipe may ask for.
const (
	defaultSteps = 1024
	mostSteps    = 1 << 16
)

func (e *seriesEncoder) width() int { return e.Features + len(e.Missing) }

func (e *seriesEncoder) form() (mixer.Kind, []int, int) {
	return mixer.Sequence, []int{e.Steps, e.width()}, 0
}

func (e *seriesEncoder) stored() npy.Type { return npy.Float32 }

func (e *seriesEncoder) raw() (list []int) {
	for i := range e.Missing {
		list = append(list, e.Features+i)
	}
	return list
}

func (e *seriesEncoder) encode(ctx context.Context, s *sample, dst []float32) (int, error) {
	lacking(npy.Float32, dst)
	steps, values, err := e.values(ctx, s)
	if err != nil || steps == 0 {
		return 0, err
	}
	steps = min(steps, e.Steps)
	width := e.width()
	for t := range e.Steps {
		row := dst[t*width:][:width]
		if t < steps {
			copy(row, values[t*e.Features:][:e.Features])
		}
		for i, f := range e.Missing {
			row[e.Features+i] = 0
			if t < steps && math.IsNaN(float64(row[f])) {
				row[e.Features+i] = 1
			}
		}
	}
	return steps, nil
}

// values reads the series of a row: steps × features, NaN where a number is missing.
func (e *seriesEncoder) values(ctx context.Context, s *sample) (steps int, values []float32, err error) {
	if e.Files {
		return e.file(ctx, s)
	}
	lists, first := make([][]float32, len(s.cells)), -1
	for i, cell := range s.cells {
		if feature.IsMissing(cell) {
			continue
		}
		if lists[i], err = feature.AppendList([]float32{}, cell); err != nil {
			return 0, nil, &cellError{i, err}
		}
		switch n := len(lists[i]); {
		case first < 0:
			first, steps = i, n
		case n != steps:
			return 0, nil, &cellError{i, fmt.Errorf("the list has %d numbers, but the one before has %d: series of one modality have the same steps", n, steps)}
		}
	}
	values = make([]float32, steps*len(lists))
	for i, list := range lists {
		for t := range steps {
			v := float32(math.NaN())
			if list != nil {
				v = list[t]
			}
			values[t*len(lists)+i] = v
		}
	}
	return steps, values, nil
}

// file reads the array file of a row.
func (e *seriesEncoder) file(ctx context.Context, s *sample) (steps int, values []float32, err error) {
	if s.name == "" {
		return 0, nil, nil
	}
	shape, values, err := readArray(ctx, s)
	if err != nil {
		return 0, nil, err
	}
	if len(shape) != 1 && len(shape) != 2 {
		return 0, nil, fmt.Errorf("%s: an array of shape %s is no series: want steps, or steps and features", escape.Terminal(s.name), dimensions.Text(shape))
	}
	a := axes{Kind: mixer.Sequence, Axes: shape, Last: !e.First}
	if e.Features != 0 && a.channels() != e.Features {
		return 0, nil, fmt.Errorf("%s: the series has %d features, but those of the training rows have %d", escape.Terminal(s.name), a.channels(), e.Features)
	}
	ordered := make([]float32, len(values))
	a.arrange(ordered, values)
	return a.shape()[0], ordered, nil
}

func (e *seriesEncoder) check() error {
	switch {
	case e.Steps < 1 || e.Steps > mostSteps:
		return fmt.Errorf("a series of %d steps: want 1 to %d", e.Steps, mostSteps)
	case e.Features < 1 || e.Features > device.MaxElements:
		return fmt.Errorf("a series of %d features: want at least 1", e.Features)
	case len(e.Missing) > e.Features:
		return errors.New("a series has more indicators than features")
	}
	for _, f := range e.Missing {
		if f < 0 || f >= e.Features {
			return fmt.Errorf("a series has no feature %d", f)
		}
	}
	return checkShape(mixer.Sequence, []int{e.Steps, e.width()})
}

// fitSeries learns how long series are and which of their features lack numbers.
func (f *fitting) fitSeries(ctx context.Context, m *Modality) (*seriesEncoder, error) {
	e := &seriesEncoder{Files: f.path != nil, First: m.Layout == "channels_first", Steps: m.Steps}
	var missing []bool
	longest := 0
	err := f.training(ctx, func(s *sample) error {
		steps, values, err := e.values(ctx, s)
		if err != nil || steps == 0 {
			return err
		}
		if e.Features == 0 {
			e.Features = len(values) / steps
			missing = make([]bool, e.Features)
		}
		longest = max(longest, steps)
		for i, v := range values {
			if math.IsNaN(float64(v)) {
				missing[i%e.Features] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if longest == 0 {
		return nil, errors.New("no training row has a series")
	}
	if e.Steps == 0 {
		e.Steps = min(longest, defaultSteps)
	}
	for i, is := range missing {
		if is {
			e.Missing = append(e.Missing, i)
		}
	}
	return e, nil
}
