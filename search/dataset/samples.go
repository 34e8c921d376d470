package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// Samples are some rows of a split, with some of the data set's modalities: what a model is trained on or applied to. Rows of
// another split may follow them, see [Samples.Then]. It implements nn.Samples.
type Samples struct {
	data   Dataset
	first  rowsOf
	then   []rowsOf // follow the first
	inputs []reads
}

// rowsOf are rows of a split.
type rowsOf struct {
	split Split
	rows  []int // nil for all, which may be many
	count int
}

// reads is an input of a model: a modality or its mask.
type reads struct {
	modality int
	mask     bool
	real     bool // the mask is 1 throughout
}

// Select chooses rows of a split (nil for all) and the inputs of a model by name, in order. An input is a modality, or
// NAME.mask for its mask: of a modality that is not masked, all is real.
func Select(data Dataset, split Split, rows []int, inputs []string) (*Samples, error) {
	s := &Samples{data: data, first: listed(data, split, rows)}
	for _, name := range inputs {
		i, mask := findInput(data, name)
		if i < 0 {
			return nil, fmt.Errorf("data set %s has no modality %q", data.Name(), name)
		}
		s.inputs = append(s.inputs, reads{i, mask, mask && !data.Modalities()[i].Masked})
	}
	return s, nil
}

// Then returns the samples followed by rows of a split, of which nil means all.
func (s *Samples) Then(split Split, rows []int) *Samples {
	longer := *s
	longer.then = append(slices.Clone(s.then), listed(s.data, split, rows))
	return &longer
}

func listed(data Dataset, split Split, rows []int) rowsOf {
	if rows == nil {
		return rowsOf{split, nil, data.Len(split)}
	}
	return rowsOf{split, rows, len(rows)}
}

// findInput returns the modality of a model's input, or -1 if there is none, and reports whether the input is its mask.
func findInput(data Dataset, name string) (modality int, mask bool) {
	if i := ModalityIndex(data, name); i >= 0 {
		return i, false
	}
	if of, isMask := strings.CutSuffix(name, ".mask"); isMask {
		if i := ModalityIndex(data, of); i >= 0 {
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
	n := s.first.count
	for _, r := range s.then {
		n += r.count
	}
	return n
}

// Row returns the split of a row and its number there.
func (s *Samples) Row(row int) (Split, int) {
	r := &s.first
	for i := 0; row >= r.count && i < len(s.then); i++ {
		row -= r.count
		r = &s.then[i]
	}
	if r.rows == nil {
		return r.split, row
	}
	return r.split, r.rows[row]
}

// Read writes one row of one of the selected inputs to dst.
func (s *Samples) Read(row, input int, dst []float32) error {
	split, row := s.Row(row)
	if in := s.inputs[input]; in.real {
		for i := range dst {
			dst[i] = 1
		}
		return nil
	} else if in.mask {
		return s.data.Mask(split, in.modality, row, dst)
	}
	return s.data.Read(split, s.inputs[input].modality, row, dst)
}

// Label writes a row's label to dst.
func (s *Samples) Label(row int, dst []float32) error {
	split, row := s.Row(row)
	return s.data.Label(split, row, dst)
}
