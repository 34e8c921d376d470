package records

import (
	"context"
	"slices"

	"mixmas/search/dataset/tabular"
)

// oneRow is a table of a single row.
type oneRow struct {
	name         string
	names, cells []string
}

// Name implements table.
func (o *oneRow) Name() string { return o.name }

// Columns implements table.
func (o *oneRow) Columns() []string { return o.names }

// Each implements table.
func (o *oneRow) Each(_ context.Context, use func(row int, cells []string) error) error {
	err := use(0, slices.Clone(o.cells))
	if err == errEnough {
		return nil
	}
	if wrong, ok := err.(*tabular.Error); ok && wrong.File == "" {
		wrong.File = o.name
	}
	return err
}
