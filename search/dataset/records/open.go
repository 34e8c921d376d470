package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"mixmas/nn/options"
	"mixmas/search/dataset"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
	"mixmas/search/task"
)

// Open opens the data set that the options describe. Errors name the option, or the file, row and column.
func Open(ctx context.Context, o Options, e dataset.Environment) (dataset.Dataset, error) {
	if o.Name == "" {
		o.Name = defaultName(&o)
	}
	s, err := newSession(&o, e)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", o.Name, err)
	}
	b := &builder{session: s, o: &o, opened: map[string]*rows{}, used: map[*rows][]bool{}}
	contents, recipe, err := b.build(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data set %s: %w", o.Name, explainNaN(err)), b.close())
	}
	assembled, err := dataset.Assemble(ctx, *contents, e)
	if err != nil {
		return nil, errors.Join(explainNaN(err), s.close())
	}
	return &data{assembled, s, recipe, b.shown, b.grouped}, nil
}

// explainNaN adds to the error of an array file with NaN what can be done.
func explainNaN(err error) error {
	if bad := new(dataset.NotFinite); errors.As(err, &bad) && math.IsNaN(bad.Value) {
		return fmt.Errorf("%w; if it stands for a missing value, fill it, keep the numbers in a table with an empty cell, or use the format npy with `missing: mean`", err)
	}
	return err
}

// defaultName is the name of the first file, after that of its folder: people have many files that are named train or labels.
func defaultName(o *Options) string {
	for _, paths := range []options.Words{o.Path, o.Labels.Path} {
		if len(paths) == 0 {
			continue
		}
		slashed := path.Clean(strings.ReplaceAll(paths[0], `\`, "/"))
		name, folder := path.Base(slashed), path.Base(path.Dir(slashed))
		for ext := path.Ext(name); ext != "" && ext != name && len(ext) <= 6; ext = path.Ext(name) {
			name = strings.TrimSuffix(name, ext)
		}
		name, folder = strings.Trim(name, "*?[]-_.:/ "), strings.Trim(folder, "*?[]-_.:/ ")
		switch {
		case name == "" && folder == "":
		case folder == "" || folder == name:
			return name
		case name == "":
			return folder
		default:
			return folder + "/" + name
		}
	}
	return "records"
}

// data is a data set of rows.
type data struct {
	dataset.Dataset
	session *session
	recipe  *Recipe
	shown   []shown // by modality; nil for rows that a model predicts from
	groups  *groups // nil for none
}

// Recipe implements [dataset.Raw].
func (d *data) Recipe() (json.RawMessage, error) { return d.recipe.text() }

// Unchanged implements [dataset.Dataset].
func (d *data) Unchanged(ctx context.Context) error {
	if err := d.Dataset.Unchanged(ctx); err != nil {
		return err
	}
	if err := d.session.root.Unchanged(ctx); err != nil {
		return fmt.Errorf("data set %s: %w", d.Name(), err)
	}
	return nil
}

// Close implements [dataset.Dataset].
func (d *data) Close() error { return errors.Join(d.Dataset.Close(), d.session.close()) }

// builder builds a data set from options.
type builder struct {
	*session
	o       *Options
	scanner scanner
	opened  map[string]*rows
	used    map[*rows][]bool // columns that something reads by name

	primary  *rows
	labels   *labelCells
	split    *splitCells // nil without a column
	splits   *rows
	group    *splitCells // nil without a column
	grouped  *groups
	bindings []*binding
	shown    []shown
	warnings []string
	made     []dataset.Column // to be closed if it fails
}

// close releases what was opened.
func (b *builder) close() error {
	failed := b.session.close()
	for _, c := range b.made {
		failed = errors.Join(failed, c.Close())
	}
	return failed
}

// open opens tables and array files as rows, each list of them once.
func (b *builder) open(ctx context.Context, paths [3]options.Words, folders bool) (*rows, error) {
	key := fmt.Sprintf("%q", paths)
	if r := b.opened[key]; r != nil {
		return r, nil
	}
	r, err := b.openRows(ctx, paths, folders)
	if err != nil {
		return nil, err
	}
	b.opened[key] = r
	return r, nil
}

// use marks columns as used, so that all does not stand for them.
func (b *builder) use(r *rows, columns ...int) {
	if b.used[r] == nil {
		b.used[r] = make([]bool, len(r.columns))
	}
	for _, c := range columns {
		b.used[r][c] = true
	}
}

func (b *builder) build(ctx context.Context) (*dataset.Contents, *Recipe, error) {
	if err := b.openSources(ctx); err != nil {
		return nil, nil, err
	}
	if err := b.scan(ctx); err != nil {
		return nil, nil, err
	}
	a, err := b.assign(ctx)
	if err != nil {
		return nil, nil, err
	}
	classes, warnings, err := b.labels.classes(a.each(dataset.Train), b.o.Classes)
	if err != nil {
		return nil, nil, fmt.Errorf("labels: %w", err)
	}
	b.warnings = append(b.warnings, warnings...)
	if b.o.Unknown == "ignore" && !b.labels.binary {
		b.labels.ignore(classes)
		a.drop(b.unused)
	}
	b.grouped = b.groups(a)
	labels, err := b.labels.column(ctx, classes, b.primary.count, a.all)
	if err != nil {
		return nil, nil, err
	}
	contents := &dataset.Contents{Name: b.o.Name, Task: task.Task{Kind: task.KindOf(b.labels.many()), Classes: classes}}
	for _, s := range dataset.Splits {
		if a.rows[s].Len() > 0 {
			contents.Labels[s] = dataset.Part{Column: labels, Rows: a.rows[s]}
		}
	}
	recipe := b.newRecipe()
	for _, x := range b.bindings {
		source, encoding, err := b.modality(ctx, x, a)
		if err != nil {
			return nil, nil, fmt.Errorf("modality %s: %w", x.modality.Name, err)
		}
		contents.Sources = append(contents.Sources, *source)
		recipe.add(x, encoding)
		b.shown = append(b.shown, b.show(x, encoding, source))
	}
	contents.Warnings = b.warnings
	return contents, recipe, nil
}

// openSources opens all files, and finds the columns that are read.
func (b *builder) openSources(ctx context.Context) (err error) {
	o := b.o
	if len(o.Path) > 0 {
		if b.primary, err = b.open(ctx, [3]options.Words{o.Path, o.Validation, o.Test}, true); err != nil {
			return err
		}
	}
	if err := b.openLabels(ctx); err != nil {
		return err
	}
	if err := b.openSplit(ctx); err != nil {
		return err
	}
	if err := b.openGroups(); err != nil {
		return err
	}
	for i := range o.Modalities {
		x, err := b.bind(ctx, &o.Modalities[i], fmt.Sprintf("modalities[%d]", i))
		if err != nil {
			return err
		}
		b.bindings = append(b.bindings, x)
	}
	for _, all := range []bool{false, true} {
		for _, x := range b.bindings {
			if err := b.resolve(x, all); err != nil {
				return err
			}
		}
	}
	return b.checkLabels()
}

// checkLabels returns an error if a modality reads what is predicted.
func (b *builder) checkLabels() error {
	for _, x := range b.bindings {
		for _, c := range x.columns {
			if x.rows == b.labels.source && slices.Contains(b.labels.columns, c) {
				return options.Errorf(x.field, "reads the column %s, which is what is predicted: leave it out, or use all, which stands for the columns that nothing else uses", titleOf(x.rows, c))
			}
		}
	}
	return nil
}

// keyOf finds the key column of rows.
func (b *builder) keyOf(r *rows, field, name string) (*keys, error) {
	list, err := choose(r.columns, nil, field, name)
	if err != nil {
		return nil, err
	}
	if len(list) > 1 {
		return nil, options.Errorf(field, "want one column, got %d", len(list))
	}
	b.use(r, list...)
	return &keys{column: list[0]}, r.require(list...)
}

// openLabels finds the columns of the labels.
func (b *builder) openLabels(ctx context.Context) (err error) {
	o := &b.o.Labels
	l := &labelCells{source: b.primary, separator: o.Separator, binary: len(o.Columns) > 0}
	if len(o.Path) > 0 {
		if l.source, err = b.open(ctx, [3]options.Words{o.Path, o.Validation, o.Test}, false); err != nil {
			return err
		}
	}
	if b.primary == nil {
		b.primary = l.source
	}
	field, selectors := "labels.column", []string{o.Column}
	switch n := len(l.source.columns); {
	case l.binary:
		field, selectors = "labels.columns", o.Columns
	case o.Column != "":
	case len(o.Path) > 0 && n == 1:
		selectors = []string{"#1"}
	case slices.Contains(l.source.columns, "label"):
		selectors = []string{"label"}
	default:
		return options.Errorf("labels", "want the column that is predicted, such as labels: %s (of %s)", titleOf(l.source, n-1), l.source.all())
	}
	if l.columns, err = choose(l.source.columns, nil, field, selectors...); err != nil {
		return err
	}
	if !l.binary && len(l.columns) > 1 {
		return options.Errorf(field, "stands for %d columns: use columns for 0/1 columns", len(l.columns))
	}
	if err := l.source.require(l.columns...); err != nil {
		return fmt.Errorf("labels: %w", err)
	}
	if o.Key != "" {
		if l.key, err = b.keyOf(l.source, "labels.key", o.Key); err != nil {
			return err
		}
		if l.with, err = b.keyOf(b.primary, "labels.key", o.Key); err != nil {
			return err
		}
	}
	b.use(l.source, l.columns...)
	b.labels = l
	return nil
}

// titleOf is the name of a column in messages.
func titleOf(r *rows, column int) string {
	return escape.Terminal(tabular.Title(r.columns, column))
}

// openSplit finds the column that says which split a row belongs to, or its group.
func (b *builder) openSplit(ctx context.Context) (err error) {
	o := b.o.Split.options()
	if o.Column == "" && o.Group == "" {
		return nil
	}
	b.splits = b.primary
	if len(b.o.Split.Path) > 0 {
		if b.splits, err = b.open(ctx, [3]options.Words{b.o.Split.Path}, false); err != nil {
			return err
		}
	}
	field, selector := "split.column", o.Column
	if o.Group != "" {
		field, selector = "split.group", o.Group
	}
	list, err := choose(b.splits.columns, nil, field, selector)
	if err != nil {
		return err
	}
	if len(list) > 1 {
		return options.Errorf(field, "want one column, got %d", len(list))
	}
	b.use(b.splits, list...)
	b.split = &splitCells{column: list[0], group: o.Group != ""}
	return nil
}

// scan reads all tables once: labels, splits, keys, and digests of what modalities read.
func (b *builder) scan(ctx context.Context) (err error) {
	b.scanner.listen(b.primary, func(int, *part, []string) error { return nil })
	b.scanner.listen(b.labels.source, b.labels.listen())
	b.labels.same = make(sameness, len(b.labels.columns))
	b.scanner.listen(b.labels.source, b.labels.same.listener(b.labels.columns))
	if b.labels.key != nil {
		b.scanner.listen(b.labels.source, b.labels.key.listen)
		b.scanner.listen(b.primary, b.labels.with.listen)
	}
	if b.split != nil {
		b.scanner.listen(b.splits, b.split.listen(b.splits.columns))
	}
	if b.group != nil {
		b.scanner.listen(b.primary, b.group.listen(b.primary.columns))
	}
	for _, x := range b.bindings {
		x.listen(&b.scanner, b.primary)
	}
	if err := b.scanner.scan(ctx); err != nil {
		return err
	}
	if b.labels.key != nil {
		if b.labels.joined, err = join(ctx, b.labels.with, b.labels.key, b.labels.source); err != nil {
			return err
		}
	} else if err := b.sameRows("labels", b.labels.source.all(), b.labels.source.count); err != nil {
		return err
	}
	if b.split != nil {
		if err := b.sameRows("split", b.splits.all(), b.splits.count); err != nil {
			return err
		}
	}
	for _, x := range b.bindings {
		if x.key != nil {
			if x.joined, err = join(ctx, x.with, x.key, x.rows); err != nil {
				return fmt.Errorf("modality %s: %w", x.modality.Name, err)
			}
			if lack := len(x.joined) - found(x.joined); lack > 0 {
				b.warnings = append(b.warnings, fmt.Sprintf("modality %s: %d of %d rows lack it, because %s has no row with their key", x.modality.Name, lack, len(x.joined), x.rows.all()))
			}
			x.key, x.with = nil, nil
		} else if err := b.sameRows("modality "+x.modality.Name, x.name(), x.count()); err != nil {
			return err
		}
		b.warnOfLabels(x)
	}
	return nil
}

// found is the number of rows that are joined with one.
func found(joined []int32) (n int) {
	for _, row := range joined {
		if row >= 0 {
			n++
		}
	}
	return n
}

// warnOfLabels warns of columns of a modality that have the cells of the labels, as a copy of the labels in another file has.
func (b *builder) warnOfLabels(x *binding) {
	if x.rows == nil || x.joined != nil || b.labels.joined != nil {
		return
	}
	for i, hash := range x.same {
		if slices.Contains(b.labels.same, hash) {
			b.warnings = append(b.warnings, fmt.Sprintf("modality %s: column %s of %s is the same as the labels in every row: with it there is nothing to learn",
				x.modality.Name, titleOf(x.rows, x.columns[i]), x.rows.all()))
		}
	}
}

// sameRows returns an error unless files of their own have as many rows as the data set.
func (b *builder) sameRows(what, name string, count int) error {
	if count == b.primary.count {
		return nil
	}
	return fmt.Errorf("%s: %s has %d rows, but %s has %d: files are joined by the order of their rows, or by a column that both have with key",
		what, name, count, b.primary.all(), b.primary.count)
}

// assign says which rows belong to which split.
func (b *builder) assign(ctx context.Context) (*assigned, error) {
	if given := b.o.Classes; given != nil && b.o.Unknown == "ignore" && !b.labels.binary && numbers(b.labels.names, given) == nil {
		b.labels.ignore(given)
	}
	missing, first := 0, -1
	for row := range b.primary.count {
		if b.unused(row) {
			if missing++; first < 0 {
				first = row
			}
		}
	}
	if missing == b.primary.count {
		return nil, fmt.Errorf("%s: no row has a label", b.labels.source.all())
	}
	if missing > 0 && b.o.Unlabelled != "drop" {
		err := columnError(b.labels.source.columns, b.labels.columns[0],
			fmt.Errorf("there is no label (and %d of %d rows have none): set unlabelled to drop to leave such rows out", missing, b.primary.count))
		return nil, b.labels.locate(ctx, first, err)
	}
	if missing > 0 {
		b.warnings = append(b.warnings, fmt.Sprintf("%d of %d rows have no label and are not used", missing, b.primary.count))
	}
	return assign(b.o.Split.options(), b.primary, b.labels, b.split, b.unused)
}

// unused reports whether a row is not used, or an error, because it has no label. Of many labels, a row may have none.
func (b *builder) unused(row int) bool {
	return b.labels.unlabelled(row) && (!b.labels.many() || b.o.Unlabelled == "drop")
}

// sortedKeys lists the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
