package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// Samples are some rows of a split, with some of the data set's modalities: what a model is trained on or applied to. It
// implements nn.Samples.
type Samples struct {
	data   Dataset
	split  Split
	rows   []int // nil for all, which may be many
	inputs []reads
}

// reads is an input of a model: a modality or its mask.
type reads struct {
	modality int
	mask     bool
}

// Select chooses rows of a split (nil for all) and the inputs of a model by name, in order. An input is a modality, or
// NAME.mask for the mask of a masked modality.
func Select(data Dataset, split Split, rows []int, inputs []string) (*Samples, error) {
	s := &Samples{data: data, split: split, rows: rows}
	for _, name := range inputs {
		i, mask := findInput(data, name)
		if i < 0 {
			return nil, fmt.Errorf("data set %s has no modality %q", data.Name(), name)
		}
		s.inputs = append(s.inputs, reads{i, mask})
	}
	return s, nil
}

// findInput returns the modality of a model's input, or -1 if there is none, and reports whether the input is its mask.
func findInput(data Dataset, name string) (modality int, mask bool) {
	if i := ModalityIndex(data, name); i >= 0 {
		return i, false
	}
	if of, isMask := strings.CutSuffix(name, ".mask"); isMask {
		if i := ModalityIndex(data, of); i >= 0 && data.Modalities()[i].Masked {
			return i, true
		}
	}
	return -1, false
}

// ModalityIndex returns the index of a modality in the data set's list, or -1 if it has none of this name.
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

// Row returns the number of a row in its split.
func (s *Samples) Row(row int) int {
	if s.rows == nil {
		return row
	}
	return s.rows[row]
}

// Read writes one row of one of the selected inputs to dst.
func (s *Samples) Read(row, input int, dst []float32) error {
	if in := s.inputs[input]; in.mask {
		return s.data.Mask(s.split, in.modality, s.Row(row), dst)
	}
	return s.data.Read(s.split, s.inputs[input].modality, s.Row(row), dst)
}

// Label writes a row's label to dst.
func (s *Samples) Label(row int, dst []float32) error { return s.data.Label(s.split, s.Row(row), dst) }
