package records

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"mixmas/nn/options"
	"mixmas/search/dataset"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// table is what rows are read from: a [tabular.Table], an array file, or the list of a folder's files.
type table interface {
	Name() string
	Columns() []string
	// Each calls use with the cells of every row, from 0. The slice is only valid in the call.
	Each(ctx context.Context, use func(row int, cells []string) error) error
}

// rows are the rows of one or several tables, one after the other: the training files, then the validation and the test files.
type rows struct {
	columns []string // of the first table; the others have them too, in any order
	parts   []*part
	count   int // of all parts, after scan
}

// part is one table among rows.
type part struct {
	table  table
	split  dataset.Split // Train also means that the split option decides
	folder string        // where the paths in its cells start
	order  []int         // the table's column for each column of the rows, -1 for none; nil if they are the same
	first  int           // number of its first row, after scan
	count  int           // of its rows, after scan
}

// all lists the names of the tables.
func (r *rows) all() string {
	names := make([]string, len(r.parts))
	for i, p := range r.parts {
		names[i] = escape.Terminal(p.table.Name())
	}
	const most = 3
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

// add appends a table, whose columns must be those of the first one in any order.
func (r *rows) add(p *part) {
	columns := p.table.Columns()
	if len(r.parts) == 0 {
		r.columns = columns
	} else if !slices.Equal(columns, r.columns) {
		p.order = match(r.columns, columns)
	}
	r.parts = append(r.parts, p)
}

// match finds each of the wanted columns among those of a table, equal names in their order; -1 for a column that is missing.
func match(wanted, columns []string) []int {
	places, next := map[string][]int{}, map[string]int{}
	for i, name := range columns {
		places[name] = append(places[name], i)
	}
	order := make([]int, len(wanted))
	for i, name := range wanted {
		order[i] = -1
		if n := next[name]; n < len(places[name]) {
			order[i], next[name] = places[name][n], n+1
		}
	}
	return order
}

// require returns an error if a table lacks one of the columns.
func (r *rows) require(columns ...int) error {
	for _, p := range r.parts {
		for _, c := range columns {
			if p.order != nil && p.order[c] < 0 {
				return fmt.Errorf("%s: there is no column %s, which %s has", escape.Terminal(p.table.Name()), escape.Terminal(tabular.Title(r.columns, c)),
					escape.Terminal(r.parts[0].table.Name()))
			}
		}
	}
	return nil
}

// each calls use with the cells of every row, in the order of the columns. Rows are counted from 0 over all tables. The cells are
// only valid in the call.
func (r *rows) each(ctx context.Context, use func(row int, p *part, cells []string) error) error {
	first, stopped := 0, false
	ordered := make([]string, len(r.columns))
	for _, p := range r.parts {
		count := 0
		err := p.table.Each(ctx, func(row int, cells []string) error {
			if p.order != nil {
				for i, c := range p.order {
					ordered[i] = ""
					if c >= 0 {
						ordered[i] = cells[c]
					}
				}
				cells = ordered
			}
			count = row + 1
			err := use(first+row, p, cells)
			stopped = stopped || errors.Is(err, errEnough)
			return err
		})
		if stopped {
			return nil
		}
		if err != nil {
			return err
		}
		if p.count > 0 && p.count != count {
			return fmt.Errorf("%s: the file was written to while it was in use: run again", escape.Terminal(p.table.Name()))
		}
		p.first, p.count = first, count
		first += count
	}
	r.count = first
	return nil
}

// errEnough is returned by a function that needs no more rows.
var errEnough = tabular.Stop

// locate returns err with the file and line of a row.
func (r *rows) locate(ctx context.Context, row int, err error) error {
	if ctx.Err() != nil {
		return err
	}
	for _, p := range r.parts {
		if row < p.first || row >= p.first+p.count {
			continue
		}
		reached := false
		at := p.table.Each(ctx, func(i int, _ []string) error {
			if reached = i == row-p.first; reached {
				return err
			}
			return nil
		})
		if reached && at != nil {
			return at
		}
		return fmt.Errorf("%s: row %d: %w", escape.Terminal(p.table.Name()), row-p.first, err)
	}
	return err
}

// columnError is an error in the cell of a column.
func columnError(columns []string, column int, err error) error {
	return &tabular.Error{Row: -1, Column: tabular.Title(columns, column), Text: err.Error(), Err: err}
}

// choose resolves selectors. Its error is about an option.
func choose(columns []string, used []bool, field string, selectors ...string) ([]int, error) {
	list, err := tabular.Select(columns, used, selectors...)
	if err != nil {
		return nil, options.Errorf(field, "%v", err)
	}
	if len(list) == 0 {
		return nil, options.Errorf(field, "no column is left for %s", strings.Join(selectors, ", "))
	}
	return list, nil
}

// list lists the files that paths name: each may be a glob, or with folders a folder.
func (s *session) list(ctx context.Context, paths options.Words, folders bool) (list []string, err error) {
	for _, pattern := range paths {
		if inArchive(pattern) || folders && !isPattern(pattern) && s.isFolder(ctx, pattern) {
			list = append(list, pattern)
			continue
		}
		found, err := s.root.Glob(ctx, pattern)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

// openRows opens tables, and array files as tables, of the training, validation and test rows. folders says that folders may be in the
// place of tables.
func (s *session) openRows(ctx context.Context, paths [3]options.Words, folders bool) (*rows, error) {
	var parts []*part
	for _, split := range dataset.Splits {
		list, err := s.list(ctx, paths[split], folders)
		if err != nil {
			return nil, err
		}
		for _, name := range list {
			if folders && s.isFolder(ctx, name) {
				inside, err := s.openFolder(ctx, name, split)
				if err != nil {
					return nil, err
				}
				parts = append(parts, inside...)
				continue
			}
			t, err := s.openTable(ctx, name)
			if err != nil {
				return nil, err
			}
			parts = append(parts, &part{table: t, split: split, folder: files.Parent(name)})
		}
	}
	inOrder(parts)
	r := &rows{}
	for _, p := range parts {
		r.add(p)
	}
	return r, nil
}

// isFolder reports whether a path leads to a folder or archive.
func (s *session) isFolder(ctx context.Context, name string) bool {
	kind, err := s.root.Kind(ctx, name)
	return err == nil && kind == files.Directory
}

// base is the last element of a path.
func base(name string) string { return path.Base(strings.ReplaceAll(name, `\`, "/")) }
