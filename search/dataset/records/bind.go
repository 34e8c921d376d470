package records

import (
	"context"
	"fmt"
	"slices"

	"mixmas/nn/options"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// bind opens the files of a modality.
func (b *builder) bind(ctx context.Context, m *Modality, field string) (*binding, error) {
	x := &binding{modality: m, field: field, rows: b.primary}
	if len(m.Path) == 0 {
		return x, nil
	}
	paths := [3]options.Words{m.Path, m.Validation, m.Test}
	array, err := b.areArrays(ctx, m, paths)
	if err != nil {
		return nil, err
	}
	if array {
		x.rows = nil
		return x, b.openArrays(ctx, x, paths)
	}
	if x.rows, err = b.open(ctx, paths, false); err != nil {
		return nil, err
	}
	if x.keyName = m.Key; m.Key != "" {
		if x.key, err = b.keyOf(x.rows, field+".key", m.Key); err != nil {
			return nil, err
		}
		if x.with, err = b.keyOf(b.primary, field+".key", m.Key); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// areArrays reports whether the files of a modality are array files whose rows are samples.
func (b *builder) areArrays(ctx context.Context, m *Modality, paths [3]options.Words) (bool, error) {
	if m.Kind == Text || m.Kind == Bag {
		return false, nil
	}
	for _, list := range paths {
		names, err := b.list(ctx, list, false)
		if err != nil {
			return false, err
		}
		for _, name := range names {
			if is, err := b.isArray(ctx, name); err != nil || is {
				return is, err
			}
		}
	}
	return false, nil
}

// openArrays opens array files.
func (b *builder) openArrays(ctx context.Context, x *binding, paths [3]options.Words) error {
	if x.modality.Key != "" {
		return options.Errorf(x.field+".key", "an array file has no key column: its rows are in the order of the others")
	}
	for _, list := range paths {
		names, err := b.list(ctx, list, false)
		if err != nil {
			return err
		}
		for _, name := range names {
			c, err := b.openArray(ctx, name)
			if err != nil {
				return err
			}
			if len(x.arrays) > 0 && !slices.Equal(c.Shape(), x.arrays[0].Shape()) {
				return fmt.Errorf("%s: samples have another shape than those of %s", escape.Terminal(c.Name()), escape.Terminal(x.arrays[0].Name()))
			}
			x.arrays = append(x.arrays, c)
		}
	}
	return nil
}

// resolve finds the columns of a modality: first those that are named, then with all those that nothing uses.
func (b *builder) resolve(x *binding, all bool) (err error) {
	m := x.modality
	if x.rows == nil {
		return nil // an array file: when its axes are known
	}
	field, selectors := x.field+".columns", []string(m.Columns)
	if len(m.Column) > 0 {
		field, selectors = x.field+".column", m.Column
	}
	if slices.Contains(selectors, "all") != all {
		return nil
	}
	switch m.Kind {
	case Image, Array:
		if m.File == "" && len(selectors) == 0 {
			if !slices.Contains(x.rows.columns, tabular.FileName) {
				return options.Errorf(x.field+".column", "is missing: which column of %s has the paths?", x.rows.all())
			}
			selectors = []string{tabular.FileName}
		}
	}
	if m.File != "" {
		folder, rest := splitTemplate(m.File)
		if x.path, err = parseTemplate(rest, x.rows.columns); err != nil {
			return options.Errorf(x.field+".file", "%v", err)
		}
		x.fixed, x.folder, x.columns = true, folder, x.path.columns
	} else {
		b.use(x.rows)
		if x.columns, err = choose(x.rows.columns, b.used[x.rows], field, selectors...); err != nil {
			return err
		}
	}
	x.chosen = !slices.ContainsFunc(selectors, func(s string) bool { return s == "all" || isPattern(s) })
	if m.Folder != "" {
		x.fixed, x.folder = true, m.Folder
	}
	if (m.Kind == Image || m.Kind == Array) && x.path == nil {
		if len(x.columns) != 1 {
			return options.Errorf(field, "stands for %d columns, want one column of paths", len(x.columns))
		}
		x.pathColumn()
	}
	b.use(x.rows, x.columns...)
	return x.rows.require(x.columns...)
}

// pathColumn says that the only column has the paths of files.
func (x *binding) pathColumn() {
	x.path = &template{text: []string{"", ""}, columns: x.columns}
}

// isPattern reports whether a selector may stand for columns that it does not name.
func isPattern(selector string) bool {
	for _, c := range selector {
		if c == '*' || c == '?' || c == '[' {
			return true
		}
	}
	return false
}
