package records

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/tabular"
)

// carriage is what predictions carry along: a column that identifies the rows, and the true label.
type carriage struct {
	names   []string
	columns []int
	cells   []string // row by row
}

// choose decides which columns are carried along.
func (c *carriage) choose(ctx context.Context, p *predictor, from *opened) error {
	columns := from.rows.columns
	id := -1
	if p.in.ID != "" {
		list, err := tabular.Select(columns, nil, p.in.ID)
		if err != nil || len(list) != 1 {
			return fmt.Errorf("%s: the column %s that identifies the rows: want one column (%v)", from.rows.all(), p.in.ID, err)
		}
		id = list[0]
	} else {
		var err error
		if id, err = c.identifier(ctx, p, from); err != nil {
			return err
		}
	}
	if id >= 0 {
		c.names, c.columns = append(c.names, tabular.Title(columns, id)), append(c.columns, id)
	}
	if label := p.recipe.Label; label != "" && from == p.sources[0] {
		if i := slices.Index(columns, label); i >= 0 && i != id {
			c.names, c.columns = append(c.names, "true "+label), append(c.columns, i)
		}
	}
	return from.rows.require(c.columns...)
}

// identifier finds the first column that looks like it identifies rows: by its name, or else by its cells. It is -1 if there is
// none.
func (c *carriage) identifier(ctx context.Context, p *predictor, from *opened) (int, error) {
	columns := from.rows.columns
	for i, name := range columns {
		if isIdentifier(name) && (name != p.recipe.Label || from != p.sources[0]) {
			return i, nil
		}
	}
	const most, rows = 16, 1000
	profiles := make([]feature.Profile, min(most, len(columns)))
	err := from.rows.each(ctx, func(row int, _ *part, cells []string) error {
		for i := range profiles {
			profiles[i].Add(cells[i])
		}
		if row+1 == rows {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return -1, err
	}
	for i := range profiles {
		if columns[i] == p.recipe.Label && columns[i] != "" || slices.Contains(from.columns, i) {
			continue
		}
		if profiles[i].Rows() > 1 && profiles[i].Judge(columns[i]).Kind == feature.Identifier {
			return i, nil
		}
	}
	return -1, nil
}

// isIdentifier reports whether a column has a name that columns of identifiers have.
func isIdentifier(name string) bool {
	lower := strings.ToLower(strings.TrimSpace(name))
	switch lower {
	case "id", "uid", "uuid", "guid", "key", "index", "identifier", tabular.FileName, "filename", "name", "code":
		return true
	}
	return strings.HasSuffix(lower, "_id") || strings.HasSuffix(lower, "-id") || strings.HasSuffix(lower, " id") || strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "ID")
}

func (c *carriage) listen(_ int, _ *part, cells []string) error {
	for _, column := range c.columns {
		c.cells = append(c.cells, strings.Clone(cells[column]))
	}
	return nil
}

// row is what is carried along for a row.
func (c *carriage) row(row int) []string {
	n := len(c.columns)
	if n == 0 {
		return nil
	}
	return c.cells[row*n:][:n]
}
