package records

import (
	"context"
	"fmt"
	"strconv"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/escape"
)

// arrayTable shows an array file of one or two axes as a table without names: labels, splits and groups in array files are read
// like those in tables.
type arrayTable struct{ column dataset.Column }

// Name implements table.
func (a *arrayTable) Name() string { return a.column.Name() }

// Columns implements table.
func (a *arrayTable) Columns() []string {
	n := 1
	for _, axis := range a.column.Shape() {
		n *= axis
	}
	return make([]string, n)
}

// Each implements table. Whole numbers are cells without a point.
func (a *arrayTable) Each(ctx context.Context, use func(row int, cells []string) error) error {
	if shape := a.column.Shape(); len(shape) > 1 {
		return fmt.Errorf("%s: the array has samples of shape %s: want one value or a list of them per row", escape.Terminal(a.Name()), dimensions.Text(shape))
	}
	n := len(a.Columns())
	values, cells := make([]float32, n), make([]string, n)
	for row := range a.column.Rows() {
		if row%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := a.column.Read(row, nil, values); err != nil {
			return err
		}
		for i, v := range values {
			cells[i] = strconv.FormatFloat(float64(v), 'f', -1, 32)
		}
		if err := use(row, cells); err != nil {
			return fmt.Errorf("%s: row %d: %w", escape.Terminal(a.Name()), row, err)
		}
	}
	return nil
}
