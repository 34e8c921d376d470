package records

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/npy"
)

// tableEncoder turns the cells of some columns into the features of a table.
type tableEncoder struct {
	Columns []*feature.Encoder `json:"columns"`
}

func (t *tableEncoder) form() (mixer.Kind, []int, int) {
	width := 0
	for _, c := range t.Columns {
		width += c.Width()
	}
	return mixer.Table, []int{width}, 0
}

func (t *tableEncoder) stored() npy.Type { return npy.Float32 }

func (t *tableEncoder) raw() (list []int) {
	first := 0
	for _, c := range t.Columns {
		for i, raw := range c.Raw() {
			if raw {
				list = append(list, first+i)
			}
		}
		first += c.Width()
	}
	return list
}

func (t *tableEncoder) encode(_ context.Context, s *sample, dst []float32) (int, error) {
	for i, c := range t.Columns {
		n := c.Width()
		if err := c.Encode(s.cells[i], dst[:n]); err != nil {
			return 0, &cellError{i, err}
		}
		dst = dst[n:]
	}
	return 1, nil
}

func (t *tableEncoder) check() error {
	width := 0
	for i, c := range t.Columns {
		if c == nil {
			return fmt.Errorf("column %d has no encoder", i)
		}
		if err := c.Check(); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
		if width += c.Width(); width > device.MaxElements {
			return errors.New("the table has too many features")
		}
	}
	if width == 0 {
		return errors.New("the table has no features")
	}
	return nil
}

// fitTable learns the encoders of a table's columns. Columns that make no features are left out, unless people named them; found
// says which are kept.
func (f *fitting) fitTable(ctx context.Context, found *fitted) (*tableEncoder, error) {
	kinds, err := f.kinds()
	if err != nil {
		return nil, err
	}
	if n := len(f.columns); n > feature.MostColumns {
		return nil, fmt.Errorf("there are %d columns, want at most %d: keep the numbers in an array file (npy)", n, feature.MostColumns)
	}
	titles := f.titles()
	profiles, numeric := feature.Profiles(len(titles)), slices.Repeat([]bool{true}, len(titles))
	err = f.training(ctx, func(s *sample) error {
		for i := range profiles {
			profiles[i].Add(s.cells[i])
			if numeric[i] && !feature.IsMissing(s.cells[i]) {
				_, err := strconv.ParseFloat(strings.TrimSpace(s.cells[i]), 64)
				numeric[i] = err == nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t := &tableEncoder{}
	for i := range profiles {
		kind, given := kinds[i]
		if !given {
			judged := profiles[i].Judge(titles[i])
			if kind = judged.Kind; !kind.Encodes() {
				if !f.chosen {
					found.Warnings = append(found.Warnings, fmt.Sprintf("column %s is not used: it is taken for %s (%s)", titles[i], kind, judged.Reason))
					continue
				}
				if kind = feature.Category; numeric[i] {
					kind = feature.Number
				}
			}
		}
		e, err := feature.Fit(kind, &profiles[i])
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", titles[i], err)
		}
		t.Columns, found.Kept = append(t.Columns, e), append(found.Kept, i)
	}
	if len(t.Columns) == 0 {
		return nil, errors.New("no column has features")
	}
	return t, nil
}
