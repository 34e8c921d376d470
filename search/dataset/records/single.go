package records

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mixmas/search/dataset"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
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

// openValues makes a table of one row of the values that people gave, for each source. Cells that are not given are missing.
func (p *predictor) openValues() error {
	known := map[string]bool{}
	var names []string
	for i := range p.recipe.Modalities {
		m := &p.recipe.Modalities[i]
		if !known[m.Name] {
			known[m.Name], names = true, append(names, m.Name)
		}
		_, given := p.in.Values[m.Name]
		if given && m.Table != nil && len(m.Columns) > 1 && p.column(m.Name) == nil {
			return fmt.Errorf("modality %s has %d columns: give the value of each by its name: %s", m.Name, len(m.Columns), strings.Join(p.columnsOf(m), ", "))
		}
		if given && m.Files != nil {
			return fmt.Errorf("modality %s is read from array files: name a file of rows", m.Name)
		}
	}
	for i := range p.recipe.Sources {
		source := &p.recipe.Sources[i]
		table := &oneRow{name: "input"}
		from := &opened{rows: &rows{}}
		for k, c := range source.Columns {
			cell, given := p.in.Values[c.Name]
			if c.Name != "" && !known[c.Name] {
				known[c.Name], names = true, append(names, c.Name)
			}
			if !given {
				cell = ""
			}
			table.names, table.cells = append(table.names, c.Name), append(table.cells, cell)
			from.columns = append(from.columns, k)
		}
		from.rows.add(&part{table: table, split: dataset.Test, folder: p.in.Folder})
		if source.Array && p.readsArray(i) {
			return fmt.Errorf("the model reads the array file %s: name files of rows instead of single values", escape.Terminal(source.Name))
		}
		p.sources[i] = from
	}
	for _, name := range sortedKeys(p.in.Values) {
		if !known[name] {
			return fmt.Errorf("the model reads no %s: it reads %s", escape.Terminal(name), shortList(names))
		}
	}
	for i := range p.recipe.Modalities {
		m := &p.recipe.Modalities[i]
		if value, given := p.in.Values[m.Name]; given && m.Path == nil && p.column(m.Name) == nil && len(m.Columns) > 0 {
			table := p.sources[m.Source].rows.parts[0].table.(*oneRow)
			table.cells[m.Columns[0]] = value
		}
	}
	return nil
}

// column finds a column of any source by its name.
func (p *predictor) column(name string) *ColumnName {
	for i := range p.recipe.Sources {
		for k, c := range p.recipe.Sources[i].Columns {
			if c.Name == name {
				return &p.recipe.Sources[i].Columns[k]
			}
		}
	}
	return nil
}

// columnsOf lists the names of a modality's columns.
func (p *predictor) columnsOf(m *Encoding) (names []string) {
	for _, c := range m.Columns {
		names = append(names, p.recipe.Sources[m.Source].Columns[c].title())
	}
	return names
}

// single says which file a modality reads, if people gave its path: it may lie anywhere.
func (p *predictor) single(m *Encoding, b *binding) {
	if m.Path == nil || len(p.in.Values) == 0 {
		return
	}
	value, given := p.in.Values[m.Name]
	if !given && len(m.Path) == 1 && m.Text[0] == "" && m.Text[1] == "" {
		value, given = p.in.Values[p.recipe.Sources[m.Source].Columns[m.Path[0]].Name]
	}
	if given && strings.TrimSpace(value) != "" {
		b.path = &template{text: []string{base(value)}}
		b.fixed, b.folder = true, files.Parent(value)
	}
}
