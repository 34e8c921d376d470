package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/dataset"
	"mixmas/search/dataset/arrayfile"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
	"mixmas/search/packed"
	"mixmas/search/task"
)

// readRecipe reads the recipe of a model.
func readRecipe(text json.RawMessage) (dataset.Recipe, error) {
	recipe, err := parseRecipe(text)
	if err != nil {
		return nil, fmt.Errorf("the model's recipe of its input: %w", err)
	}
	return recipe, nil
}

// Predict implements [dataset.Recipe]. Columns that the recipe does not name are ignored. Errors name the file, the row and the
// column.
func (r *Recipe) Predict(ctx context.Context, in dataset.Input, e dataset.Environment) (*dataset.Unlabelled, error) {
	for i := range r.Modalities {
		m := &r.Modalities[i]
		reads, ok := in.Shapes[m.Name]
		if modality, err := m.modality(); err != nil || ok && !slices.Equal(modality.Shape, reads) {
			return nil, fmt.Errorf("the model's recipe of its input makes samples of another shape than the model reads: the model file is damaged")
		}
	}
	e.Decoded = "" // new rows are read once
	s, err := newSession(&Options{Header: r.Header, Delimiter: r.Delimiter}, e)
	if err != nil {
		return nil, err
	}
	s.unlabelled = true
	p := &predictor{session: s, recipe: r, in: in, sources: make([]*opened, len(r.Sources)), paths: make([]int, len(r.Modalities))}
	out, err := p.open(ctx)
	if err != nil {
		err = errors.Join(err, s.close())
		if wrong := new(tabular.Error); len(in.Values) > 0 && errors.As(err, &wrong) && wrong.Row >= 0 {
			err = &dataset.ValueError{Row: wrong.Row, Field: wrong.Column, Err: err}
		}
		return nil, err
	}
	return out, nil
}

// predictor opens input for a model.
type predictor struct {
	*session
	recipe  *Recipe
	in      dataset.Input
	sources []*opened // by the recipe's source; nil for those that no modality reads
	count   int       // rows
	paths   []int     // of rows of values, by modality: the column with the path of its file

	warnings []string // for people
}

// opened is the input in the place of a source.
type opened struct {
	rows    *rows               // nil for array files
	columns []int               // of the rows, for each column of the source
	arrays  []*arrayfile.Column // of an array file
	key     *keys
	joined  []int32
}

func (p *predictor) open(ctx context.Context) (*dataset.Unlabelled, error) {
	carried := &carriage{}
	if err := p.openSources(ctx); err != nil {
		return nil, err
	}
	if err := p.scan(ctx, carried); err != nil {
		return nil, err
	}
	contents := dataset.Contents{Name: "input", Fingerprint: "input", Task: task.Task{Classes: []string{"0", "1"}}}
	labels := &labelColumn{name: "labels", width: 1, count: p.count, values: packed.New(p.count, 1)}
	contents.Labels[dataset.Test] = dataset.Part{Column: labels, Rows: dataset.Rows{Count: p.count}}
	var made []dataset.Column
	fail := func(err error) (*dataset.Unlabelled, error) {
		for _, c := range made {
			err = errors.Join(err, c.Close())
		}
		return nil, err
	}
	for i := range p.recipe.Modalities {
		m := &p.recipe.Modalities[i]
		if _, read := p.environment.Preprocessing[m.Name]; !read {
			continue
		}
		source, columns, err := p.modality(ctx, i)
		if err != nil {
			return fail(fmt.Errorf("modality %s: %w", m.Name, err))
		}
		made = append(made, columns.samples, columns.lengths)
		contents.Sources = append(contents.Sources, *source)
	}
	contents.Warnings = p.warnings
	assembled, err := dataset.Assemble(ctx, contents, p.environment)
	if err != nil {
		return nil, err
	}
	d := &data{assembled, p.session, p.recipe, nil, nil}
	return &dataset.Unlabelled{Dataset: d, Columns: carried.names, Row: carried.row}, nil
}

// modality encodes the rows of a modality.
func (p *predictor) modality(ctx context.Context, i int) (*dataset.Source, *encoded, error) {
	m := &p.recipe.Modalities[i]
	from := p.sources[m.Source]
	b := &binding{rows: from.rows, arrays: from.arrays, joined: from.joined, below: m.Folder}
	for _, c := range m.Columns {
		b.columns = append(b.columns, from.columns[c])
	}
	switch {
	case len(p.in.Values) > 0 && m.readsFiles():
		b.path, b.read = &template{text: []string{"", ""}, columns: []int{p.paths[i]}}, p.readValue
	case m.Path != nil:
		b.path = &template{text: m.Text}
		for _, c := range m.Path {
			b.path.columns = append(b.path.columns, from.columns[c])
		}
	}
	x, err := m.encoder()
	if err != nil {
		return nil, nil, err
	}
	own := &newRow{encoder: x, optional: p.optional(m), masked: m.Masked, absent: p.absent(m)}
	if own.absent {
		b.path = nil
	}
	used := packed.New(b.count(), 1)
	for row := range b.count() {
		used.Set(row, 1)
	}
	encoding := p.newEncoding(m.Name, b, own, used)
	if m.Tokens == nil {
		encoding.stored = npy.Float32 // which can say that a picture is missing
	}
	var columns *encoded
	if encoding.rows*encoding.size <= mostInMemory {
		columns, err = encoding.inMemory(ctx)
	} else {
		columns, err = encoding.columns(ctx, "input "+m.Name)
	}
	if wrong := new(tabular.Error); len(p.in.Values) > 0 && errors.As(err, &wrong) && wrong.Column == "" {
		wrong.Column = p.recipe.field(i)
	}
	if err != nil {
		return nil, nil, err
	}
	n := int(own.lacking.Load())
	for _, row := range b.joined {
		if row < 0 {
			n++
		}
	}
	if n > 0 && !own.masked && !own.optional {
		p.warnings = append(p.warnings, fmt.Sprintf("%s of %s lack %s, which every training row had: they get its mean; drop_modality trains a model to do without",
			humanize.Comma(int64(n)), english.Plural(p.count, "row", ""), escape.Terminal(m.Name)))
	}
	modality, err := m.modality()
	if err != nil {
		return nil, nil, err
	}
	s := &dataset.Source{Modality: modality, Missing: modality.Kind != mixer.Text}
	rows := b.of(dataset.Rows{Count: p.count}, dataset.Test)
	s.Samples[dataset.Test] = dataset.Part{Column: columns.samples, Rows: rows}
	if m.Masked || own.optional {
		s.Lengths[dataset.Test] = dataset.Part{Column: columns.lengths, Rows: rows}
	}
	return s, columns, nil
}

// needed lists the sources that modalities read, in their order, and the rows if others are joined with them.
func (p *predictor) needed() (list []int) {
	for i := range p.recipe.Modalities {
		m := &p.recipe.Modalities[i]
		if _, read := p.environment.Preprocessing[m.Name]; !read {
			continue
		}
		if !slices.Contains(list, m.Source) {
			list = append(list, m.Source)
		}
		if p.recipe.Sources[m.Source].Key != "" && !slices.Contains(list, 0) {
			list = slices.Insert(list, 0, 0)
		}
	}
	return list
}

// openSources opens the files in the place of the sources.
func (p *predictor) openSources(ctx context.Context) error {
	if len(p.in.Values) > 0 {
		return p.openValues()
	}
	needed := p.needed()
	if len(needed) == 0 {
		return errors.New("the model's recipe of its input has none of the modalities that the model reads: the model file is damaged")
	}
	if len(p.in.Files) == 0 {
		return errors.New("no file is named")
	}
	files, err := p.assign(ctx, needed)
	if err != nil {
		return err
	}
	for i, source := range needed {
		if err := p.openSource(ctx, source, files[i]); err != nil {
			return err
		}
	}
	return nil
}

// names lists the names of some sources.
func (p *predictor) names(list []int) string {
	names := make([]string, len(list))
	for i, source := range list {
		names[i] = escape.Terminal(p.recipe.Sources[source].Name)
	}
	return strings.Join(names, ", ")
}

// assign says which files are in the place of which source.
func (p *predictor) assign(ctx context.Context, needed []int) ([][]string, error) {
	var list []string
	for _, pattern := range p.in.Files {
		if !isPattern(pattern) {
			list = append(list, pattern)
			continue
		}
		found, err := p.root.Glob(ctx, pattern)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	if len(needed) == 1 {
		return [][]string{list}, nil
	}
	if len(list) == 1 {
		return p.inside(ctx, list[0], needed)
	}
	if len(list) != len(needed) {
		return nil, fmt.Errorf("the model reads %d files (%s), but %d are named: name one for each, or a folder or archive that has them", len(needed), p.names(needed), len(list))
	}
	files := make([][]string, len(needed))
	for i, source := range needed {
		for _, name := range list {
			if strings.EqualFold(base(name), p.recipe.Sources[source].Name) {
				files[i] = append(files[i], name)
			}
		}
	}
	if slices.ContainsFunc(files, func(list []string) bool { return len(list) != 1 }) { // other names: in the same order
		for i, name := range list {
			files[i] = []string{name}
		}
	}
	return files, nil
}

// inside finds files by their names in a folder or archive.
func (p *predictor) inside(ctx context.Context, name string, needed []int) ([][]string, error) {
	folder, err := p.root.Folder(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("the model reads %d files (%s): name one for each, or a folder or archive that has them: %w", len(needed), p.names(needed), err)
	}
	list, err := folder.List(ctx)
	if err != nil {
		return nil, err
	}
	files := make([][]string, len(needed))
	for i, source := range needed {
		for _, inside := range list {
			if strings.EqualFold(base(inside), p.recipe.Sources[source].Name) {
				files[i] = append(files[i], inFolder(name, inside))
			}
		}
		if len(files[i]) != 1 {
			return nil, fmt.Errorf("%s has %d files named %s, want one: the model reads %s", escape.Terminal(name), len(files[i]), escape.Terminal(p.recipe.Sources[source].Name), p.names(needed))
		}
	}
	return files, nil
}

// openSource opens files in the place of a source.
func (p *predictor) openSource(ctx context.Context, i int, names []string) error {
	source, from := &p.recipe.Sources[i], &opened{}
	p.sources[i] = from
	if source.Array && p.readsArray(i) {
		for _, name := range names {
			c, err := p.openArray(ctx, name)
			if err != nil {
				return err
			}
			size := dimensions.Product(c.Shape())
			for k := range p.recipe.Modalities {
				if m := &p.recipe.Modalities[k]; m.Source == i && m.Files != nil && m.Files.size() != size {
					return fmt.Errorf("%s: samples have %d elements, but the model reads %d", escape.Terminal(c.Name()), size, m.Files.size())
				}
			}
			from.arrays = append(from.arrays, c)
		}
		return nil
	}
	r, err := p.openRowsOf(ctx, source, names, i == 0)
	if err != nil {
		return err
	}
	from.rows = r
	for _, t := range r.parts {
		if p.in.Folder != "" {
			t.folder = p.in.Folder
		}
	}
	for _, c := range source.Columns {
		from.columns = append(from.columns, c.find(from.rows.columns))
	}
	return p.checkColumns(i)
}

// checkColumns returns an error if the tables in the place of a source lack columns, unless rows may lack all that is read of them.
func (p *predictor) checkColumns(i int) error {
	source, from := &p.recipe.Sources[i], p.sources[i]
	needed := make([]bool, len(source.Columns))
	var lacking []string // modalities
	for k := range p.recipe.Modalities {
		m := &p.recipe.Modalities[k]
		if _, read := p.environment.Preprocessing[m.Name]; m.Source != i || !read {
			continue
		}
		absent := p.absent(m)
		if absent && p.optional(m) {
			continue
		}
		if absent {
			lacking = append(lacking, m.Name)
		}
		for _, c := range slices.Concat(m.Columns, m.Path) {
			needed[c] = true
		}
	}
	missing, present := []string{}, []int{}
	for c, at := range from.columns {
		if at >= 0 {
			present = append(present, at)
		} else if needed[c] {
			missing = append(missing, source.Columns[c].title())
		}
	}
	if len(present) == 0 && len(from.columns) > 0 && len(missing) == 0 {
		return fmt.Errorf("%s has none of the columns that the model reads: %s", from.rows.all(), shortList(source.titles()))
	}
	if len(missing) > 0 {
		err := fmt.Errorf("%s lacks columns that the model reads: %s", from.rows.all(), strings.Join(missing, ", "))
		if len(lacking) > 0 {
			err = fmt.Errorf("%w; %w", err, dataset.NotOptional(strings.Join(lacking, ", ")))
		}
		return err
	}
	return from.rows.require(present...)
}

// optional reports whether the model was trained to do without a modality.
func (p *predictor) optional(m *Encoding) bool { return slices.Contains(p.in.Optional, m.Name) }

// absent reports whether the input has none of the columns of a modality.
func (p *predictor) absent(m *Encoding) bool {
	columns := slices.Concat(m.Columns, m.Path)
	return len(columns) > 0 && !slices.ContainsFunc(columns, func(c int) bool { return p.sources[m.Source].columns[c] >= 0 })
}

// openRowsOf opens tables in the place of a source, or pictures if all that the model reads of it is their paths.
func (p *predictor) openRowsOf(ctx context.Context, source *Source, names []string, folders bool) (*rows, error) {
	pictures := len(source.Columns) == 1 && !slices.ContainsFunc(names, func(name string) bool { return !isSample(name) })
	if !pictures {
		return p.openRows(ctx, [3]options.Words{dataset.Test: names}, folders)
	}
	r := &rows{}
	for _, name := range names {
		r.add(&part{table: &oneRow{name, []string{source.Columns[0].Name}, []string{base(name)}}, split: dataset.Test, folder: files.Parent(name)})
	}
	return r, nil
}

// readsArray reports whether modalities read the rows of a source as arrays.
func (p *predictor) readsArray(source int) bool {
	return slices.ContainsFunc(p.recipe.Modalities, func(m Encoding) bool { return m.Source == source && m.Files != nil })
}

// titles name the columns of the source in messages.
func (s *Source) titles() (list []string) {
	for _, c := range s.Columns {
		list = append(list, c.title())
	}
	return list
}

// find is the place of the column in a table, -1 if it lacks it.
func (c ColumnName) find(columns []string) int {
	before := c.Before
	for i, name := range columns {
		if name == c.Name {
			if before == 0 {
				return i
			}
			before--
		}
	}
	return -1
}

// title names the column in messages.
func (c ColumnName) title() string {
	switch {
	case c.Name == "":
		return fmt.Sprintf("#%d", c.Before+1)
	case c.Before > 0:
		return fmt.Sprintf("%s (number %d of this name)", escape.Terminal(c.Name), c.Before+1)
	}
	return escape.Terminal(c.Name)
}

// scan counts the rows, joins files by their keys, and keeps what is carried along.
func (p *predictor) scan(ctx context.Context, carried *carriage) error {
	primary := p.sources[0]
	scanner := &scanner{}
	for _, from := range p.sources {
		if from != nil && from.rows != nil {
			scanner.listen(from.rows, func(int, *part, []string) error { return nil })
		}
	}
	with := make([]*keys, len(p.sources))
	for i, from := range p.sources {
		key := p.recipe.Sources[i].Key
		if from == nil || key == "" || len(p.in.Values) > 0 {
			continue
		}
		for _, k := range []struct {
			rows *rows
			keys **keys
		}{{from.rows, &from.key}, {primary.rows, &with[i]}} {
			list, err := tabular.Select(k.rows.columns, nil, key)
			if err != nil {
				return fmt.Errorf("%s: the key that joins the files: %w", k.rows.all(), err)
			}
			*k.keys = &keys{column: list[0]}
			scanner.listen(k.rows, (*k.keys).listen)
		}
	}
	if first := p.first(); first.rows != nil && len(p.in.Values) == 0 {
		if err := carried.choose(ctx, p, first); err != nil {
			return err
		}
		scanner.listen(first.rows, carried.listen)
	}
	if err := scanner.scan(ctx); err != nil {
		return err
	}
	name := ""
	for i, from := range p.sources {
		if from == nil {
			continue
		}
		if from.key != nil {
			var err error
			if from.joined, err = join(ctx, with[i], from.key, from.rows); err != nil {
				return err
			}
			continue
		}
		b := binding{rows: from.rows, arrays: from.arrays}
		switch n := b.count(); {
		case name == "":
			p.count, name = n, b.name()
		case n != p.count:
			return fmt.Errorf("%s has %d rows, but %s has %d: files are joined by the order of their rows", b.name(), n, name, p.count)
		}
	}
	if p.count == 0 {
		return fmt.Errorf("%s: there are no rows", name)
	}
	return nil
}

// first is the first source that is open.
func (p *predictor) first() *opened {
	return p.sources[slices.IndexFunc(p.sources, func(o *opened) bool { return o != nil })]
}
