package records

import (
	"context"
	"errors"
	"fmt"

	"mixmas/search/dataset"
)

// shown is what people may want to see of a modality.
type shown struct {
	binding *binding
	rows    [3]dataset.Rows // of the binding, by split
	names   []string        // of the features
	text    bool
}

// show keeps what people may want to see of a modality.
func (b *builder) show(x *binding, e *Encoding, source *dataset.Source) shown {
	s := shown{binding: x, text: e.Tokens != nil || e.Bag != nil}
	for _, split := range dataset.Splits {
		s.rows[split] = source.Samples[split].Rows
	}
	switch {
	case e.Table != nil:
		for i, title := range x.titles() {
			s.names = append(s.names, e.Table.Columns[i].Names(title)...)
		}
	case e.Bag != nil:
		s.names = e.Bag.Bag.Names()
	case e.Series != nil && !e.Series.Files:
		titles := x.titles()
		s.names = titles
		for _, f := range e.Series.Missing {
			s.names = append(s.names, titles[f]+" missing")
		}
	}
	return s
}

// FeatureNames implements [dataset.Named].
func (d *data) FeatureNames(modality int) []string {
	if modality < 0 || modality >= len(d.shown) {
		return nil
	}
	return d.shown[modality].names
}

// Text implements [dataset.Texts]. It reads the table as far as the row.
func (d *data) Text(split dataset.Split, modality, row int) (text string, ok bool, err error) {
	if modality < 0 || modality >= len(d.shown) || !d.shown[modality].text {
		return "", false, nil
	}
	s := &d.shown[modality]
	if split < 0 || int(split) >= len(s.rows) || row < 0 || row >= s.rows[split].Len() {
		return "", false, fmt.Errorf("data set %s: row %d of the %s split does not exist", d.Name(), row, split)
	}
	at := s.rows[split].At(row)
	err = s.binding.each(context.Background(), d.session, func(i int, x *sample) error {
		if i < at {
			return nil
		}
		text, _ = joined(x.cells)
		text = string([]byte(text)) // which the table's memory does not hold
		return errEnough
	})
	return text, err == nil, err
}

// ReadMissing implements [dataset.WithMissing].
func (d *data) ReadMissing(split dataset.Split, modality, row int, dst []float32) error {
	if inner, ok := d.Dataset.(dataset.WithMissing); ok {
		return inner.ReadMissing(split, modality, row, dst)
	}
	return d.Read(split, modality, row, dst)
}

// Vectors implements [dataset.WordVectors].
func (d *data) Vectors(modality int) ([]float32, error) {
	if inner, ok := d.Dataset.(dataset.WordVectors); ok {
		return inner.Vectors(modality)
	}
	return nil, errors.New("there are no word vectors")
}
