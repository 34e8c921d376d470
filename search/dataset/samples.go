package dataset

import (
	"fmt"
	"slices"
)

// Samples are some rows of a split, with some of the data set's modalities: what a model is trained on or applied to. It
// implements nn.Samples.
type Samples struct {
	data       Dataset
	split      Split
	rows       []int // nil for all, which may be many
	modalities []int
}

// Select chooses rows of a split (nil: all) and modalities by name, in the order of a model's inputs.
func Select(data Dataset, split Split, rows []int, modalities []string) (*Samples, error) {
	s := &Samples{data: data, split: split, rows: rows}
	for _, name := range modalities {
		i := ModalityIndex(data, name)
		if i < 0 {
			return nil, fmt.Errorf("data set %s has no modality %q", data.Name(), name)
		}
		s.modalities = append(s.modalities, i)
	}
	return s, nil
}

// ModalityIndex is where a data set lists a modality, -1 where it has none of the name.
func ModalityIndex(data Dataset, name string) int {
	return slices.IndexFunc(data.Modalities(), func(m Modality) bool { return m.Name == name })
}

// Len is the number of rows.
func (s *Samples) Len() int {
	if s.rows == nil {
		return s.data.Len(s.split)
	}
	return len(s.rows)
}

// Row is the number that a row has in its split.
func (s *Samples) Row(row int) int {
	if s.rows == nil {
		return row
	}
	return s.rows[row]
}

// Read writes one row of one of the selected modalities to dst.
func (s *Samples) Read(row, input int, dst []float32) error {
	return s.data.Read(s.split, s.modalities[input], s.Row(row), dst)
}

// Label writes a row's label to dst.
func (s *Samples) Label(row int, dst []float32) error { return s.data.Label(s.split, s.Row(row), dst) }
