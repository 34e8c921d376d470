package records

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"mixmas/search/dataset"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// valueTable is a table of rows of values.
type valueTable struct {
	names []string
	rows  [][]string // cells
}

// Name implements table.
func (v *valueTable) Name() string { return "input" }

// Columns implements table.
func (v *valueTable) Columns() []string { return v.names }

// Each implements table. Its errors have the number of the row.
func (v *valueTable) Each(ctx context.Context, use func(row int, cells []string) error) error {
	for row, cells := range v.rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := use(row, slices.Clone(cells))
		if err == errEnough {
			return nil
		}
		if err != nil {
			return v.wrong(row, err)
		}
	}
	return nil
}

// wrong says which row an error is about.
func (v *valueTable) wrong(row int, err error) error {
	name := v.Name()
	if len(v.rows) > 1 {
		name = fmt.Sprintf("input row %d", row)
	}
	wrong, ok := err.(*tabular.Error)
	if !ok {
		wrong = &tabular.Error{Row: row, Text: err.Error(), Err: err}
	}
	if wrong.File == "" {
		wrong.File, wrong.Row = name, row
	}
	return wrong
}

// openValues makes a table of the rows of values for each source. Cells that are not given are missing.
func (p *predictor) openValues() error {
	if err := p.checkNames(); err != nil {
		return err
	}
	for i := range p.recipe.Sources {
		source := &p.recipe.Sources[i]
		t, from := &valueTable{rows: make([][]string, len(p.in.Values))}, &opened{rows: &rows{}}
		for k, c := range source.Columns {
			t.names, from.columns = append(t.names, c.key()), append(from.columns, k)
			for row, values := range p.in.Values {
				t.rows[row] = append(t.rows[row], values[c.key()])
			}
		}
		for k := range p.recipe.Modalities {
			m := &p.recipe.Modalities[k]
			if m.Source != i {
				continue
			}
			if m.readsFiles() { // a column of its own has the path of each row's file
				p.paths[k] = len(t.names)
				t.names = append(t.names, "")
			}
			for row, values := range p.in.Values {
				if m.readsFiles() {
					path, err := p.path(m, values, t.rows[row])
					if err != nil {
						return t.wrong(row, &tabular.Error{Row: row, Column: p.recipe.field(k), Text: err.Error(), Err: err})
					}
					t.rows[row] = append(t.rows[row], path)
				} else if value, given := values[m.Name]; given && !p.recipe.hasColumn(m.Name) && len(m.Columns) > 0 {
					t.rows[row][m.Columns[0]] = value
				}
			}
		}
		if source.Key != "" { // a row that gives nothing of the table is joined with none of its rows
			from.joined = make([]int32, len(t.rows))
			for row, cells := range t.rows {
				from.joined[row] = int32(row)
				if !slices.ContainsFunc(cells, func(cell string) bool { return cell != "" }) {
					from.joined[row] = -1
				}
			}
		}
		from.rows.add(&part{table: t, split: dataset.Test})
		p.sources[i] = from
	}
	return nil
}

// checkNames returns an error for values that have names which the model does not read.
func (p *predictor) checkNames() error {
	known, names := map[string]bool{}, []string{}
	add := func(name string) {
		if !known[name] {
			known[name], names = true, append(names, name)
		}
	}
	severals := map[string]*Encoding{} // modalities of several columns
	for i := range p.recipe.Modalities {
		m := &p.recipe.Modalities[i]
		add(m.Name)
		if m.Table != nil && len(m.Columns) > 1 && !p.recipe.hasColumn(m.Name) {
			severals[m.Name] = m
		}
	}
	for i := range p.recipe.Sources {
		for _, c := range p.recipe.Sources[i].Columns {
			add(c.key())
		}
	}
	for row, values := range p.in.Values {
		for _, name := range sortedKeys(values) {
			var err error
			if m := severals[name]; m != nil {
				err = fmt.Errorf("modality %s has %d columns: give the value of each by its name: %s", m.Name, len(m.Columns), strings.Join(p.columnsOf(m), ", "))
			} else if !known[name] {
				err = fmt.Errorf("the model reads no %s: it reads %s", escape.Terminal(name), shortList(names))
			}
			if err != nil {
				return &dataset.ValueError{Row: row, Field: name, Err: err}
			}
		}
	}
	return nil
}

// path is that of the file of a row of values, which has the given cells of its source: the one that people gave, which may lie
// anywhere, or the one that the cells make.
func (p *predictor) path(m *Encoding, values map[string]string, cells []string) (string, error) {
	if value := values[m.Name]; strings.TrimSpace(value) != "" || m.Path == nil || m.plainPath() {
		if value == "" && m.Path != nil {
			value = cells[m.Path[0]]
		}
		return strings.TrimSpace(value), nil
	}
	name := (&template{text: m.Text, columns: m.Path}).fill(cells)
	if p.in.Contents != nil || name == "" {
		return name, nil
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", fmt.Errorf("the path %s of its file leads out of the folder", escape.Terminal(name))
	}
	return inFolder(inFolder(p.in.Folder, m.Folder), name), nil
}

// readValue reads the file that a row of values names.
func (p *predictor) readValue(ctx context.Context, name string) ([]byte, error) {
	if p.in.Contents != nil {
		return p.in.Contents(ctx, name)
	}
	return p.session.read(ctx, files.Parent(name), base(name), mostFile)
}

// columnsOf lists the names of a modality's columns.
func (p *predictor) columnsOf(m *Encoding) (names []string) {
	for _, c := range m.Columns {
		names = append(names, p.recipe.Sources[m.Source].Columns[c].title())
	}
	return names
}

// readsFiles reports whether each row of values names a file for the modality.
func (e *Encoding) readsFiles() bool { return e.Path != nil || e.Files != nil }

// plainPath reports whether a column has the paths of files.
func (e *Encoding) plainPath() bool {
	return len(e.Path) == 1 && e.Text[0] == "" && e.Text[1] == ""
}

// key is what names the column in rows of values: its name, or its number in a table without a header.
func (c ColumnName) key() string {
	if c.Name == "" {
		return c.title()
	}
	return c.Name
}

// hasColumn reports whether a source has a column of this name.
func (r *Recipe) hasColumn(name string) bool {
	return slices.ContainsFunc(r.Sources, func(s Source) bool {
		return slices.ContainsFunc(s.Columns, func(c ColumnName) bool { return c.Name == name })
	})
}

// field is the name of the field that has the file of a modality, or its first column.
func (r *Recipe) field(i int) string {
	m := &r.Modalities[i]
	columns := r.Sources[m.Source].Columns
	switch {
	case m.plainPath():
		return columns[m.Path[0]].key()
	case !m.readsFiles() && len(m.Columns) > 0:
		return columns[m.Columns[0]].key()
	}
	return m.Name
}

// Fields implements [dataset.Recipe].
func (r *Recipe) Fields(modalities []string) (list []dataset.Field) {
	add := func(m *Encoding, f dataset.Field) {
		if f.Modality = m.Name; f.Name != m.Name {
			f.Other = m.Name
		}
		if len(m.Columns) > 1 || r.hasColumn(m.Name) {
			f.Other = ""
		}
		if !slices.ContainsFunc(list, func(other dataset.Field) bool { return other.Name == f.Name }) {
			list = append(list, f)
		}
	}
	for i := range r.Modalities {
		m := &r.Modalities[i]
		if !slices.Contains(modalities, m.Name) {
			continue
		}
		columns := r.Sources[m.Source].Columns
		name := r.field(i)
		switch {
		case m.Image != nil:
			add(m, dataset.Field{Name: name, Kind: feature.Picture})
		case m.Array != nil:
			add(m, dataset.Field{Name: name, Kind: feature.Array, Shape: m.Array.Axes})
		case m.Files != nil:
			add(m, dataset.Field{Name: name, Kind: feature.Array, Shape: m.Files.Axes})
		case m.Series != nil && m.Series.Files:
			shape := []int{-1, m.Series.Features}
			if m.Series.First {
				slices.Reverse(shape)
			}
			add(m, dataset.Field{Name: name, Kind: feature.Array, Shape: shape})
		}
		for k, c := range m.Columns {
			f := dataset.Field{Name: columns[c].key(), Kind: feature.Text}
			switch {
			case m.Table != nil:
				e := m.Table.Columns[k]
				f.Kind, f.Values, f.Separator, f.Comma = e.Kind, e.Values, e.Separator, e.Comma()
			case m.Series != nil:
				f.Kind = feature.List
			}
			add(m, f)
		}
	}
	return list
}
