package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/packed"
	"mixmas/search/task"
)

// Contents are the columns of a data set and their roles, as a format gives them.
type Contents struct {
	// Name is the name of the data set.
	Name string
	// Sources are the modalities.
	Sources []Source
	// Labels are the labels of each split. A split without labels does not exist; training and validation are required, unless
	// the environment has a model's preprocessing: a model predicts from any split.
	Labels [3]Part
	// Task says what the labels mean. Without Classes, the training labels give their number, and the numbers are their names.
	Task task.Task
	// Warnings are sentences about what is odd in the data, for people.
	Warnings []string
	// Generated means that the program draws every row by itself, so [CheckSplits] has nothing to say about its splits.
	Generated bool
	// Fingerprint is set by a format that computes its own. If it is empty, it is computed from the columns.
	Fingerprint string
}

// Source is a modality and its columns.
type Source struct {
	// Modality describes the modality. Assemble sets Masked if there are lengths, and for texts.
	Modality Modality
	// Samples has as many rows per split as the labels.
	Samples [3]Part
	// Lengths are the numbers of real steps at the beginning of each row, from 0 to Modality.Steps(); the steps after them are
	// read as zeros. For a map or table they are 1 for the rows that have it and 0 for those that lack it. Without lengths, all
	// steps are real.
	Lengths [3]Part
	// Vectors are the word vectors of a text that its table of words starts from: a row for each token of the vocabulary, zeros
	// for those that have none; nil for none. Modality.Vectors follows from it.
	Vectors Column
	// Per is how the samples are standardised by the statistics of the training rows. A text is not standardised.
	Per Grouping
	// Missing means that elements that are not a number are missing: they do not count in the statistics, and read as 0 after
	// standardising, the mean of the training rows. Otherwise they are an error.
	Missing bool
	// Raw lists features that stay as they are, such as one-hot ones, if the others are standardised per feature: their mean is
	// 0 and their deviation 1.
	Raw []int
	// Standardised is how the samples in the columns are standardised already; nil if they are not.
	Standardised *Standardisation
}

// Assemble builds a data set. It takes over the columns, and closes them if it fails. Errors name the data set, the column and
// the row.
func Assemble(ctx context.Context, c Contents, e Environment) (Dataset, error) {
	d := &assembled{contents: c, columns: c.columns()}
	if err := d.assemble(ctx, e); err != nil {
		return nil, errors.Join(fmt.Errorf("data set %s: %w", c.Name, err), d.Close())
	}
	return d, nil
}

// columns lists every column once.
func (c *Contents) columns() []Column {
	var list []Column
	add := func(parts [3]Part) {
		for _, p := range parts {
			if p.Column != nil && !slices.Contains(list, p.Column) {
				list = append(list, p.Column)
			}
		}
	}
	for _, s := range c.Sources {
		add(s.Samples)
		add(s.Lengths)
		add([3]Part{{Column: s.Vectors}})
	}
	add(c.Labels)
	return list
}

// assembled is a data set of columns. It keeps labels and lengths in memory, and reads samples from their columns.
type assembled struct {
	contents    Contents
	columns     []Column
	modalities  []Modality
	task        task.Task
	width       int // of a label
	labels      [3]packed.List
	inputs      []input
	standard    []Standardisation
	fingerprint string
	warnings    []string
}

// input is a modality that is ready to be read.
type input struct {
	samples [3]Part
	scaling *Scaling
	masked  bool           // rows have lengths
	missing bool           // elements that are NaN read as 0
	lengths [3]packed.List // real steps per row, if it is masked
	step    int            // elements of a sample per step
}

func (d *assembled) assemble(ctx context.Context, e Environment) (err error) {
	var names []string
	for _, s := range d.contents.Sources {
		names = append(names, s.Modality.Name)
	}
	if err := e.Fits(names...); err != nil {
		return err
	}
	if err := d.check(e.Preprocessing == nil); err != nil {
		return err
	}
	d.task = task.Task{Kind: d.contents.Task.Kind, Classes: slices.Clone(d.contents.Task.Classes)}
	if d.labels, err = readLabels(ctx, d.contents.Labels, &d.task); err != nil {
		return err
	}
	d.width = d.task.Width()
	for _, s := range d.contents.Sources {
		in := input{samples: s.Samples, step: s.Modality.Size() / s.Modality.Steps(), masked: given(s.Lengths)}
		in.missing = s.Missing || e.Preprocessing[s.Modality.Name].Missing
		if in.lengths, err = readLengths(ctx, s.Lengths, s.Modality.Steps()); err != nil {
			return err
		}
		if s.Modality.Vectors = 0; s.Vectors != nil {
			s.Modality.Vectors = rowSize(s.Vectors)
		}
		s.Modality.Masked = in.masked || s.Modality.Kind == mixer.Text
		d.modalities, d.inputs = append(d.modalities, s.Modality), append(d.inputs, in)
	}
	found, err := d.facts(ctx, e)
	if err != nil {
		return err
	}
	for i, s := range d.contents.Sources {
		standard := s.Standardised
		if standard == nil {
			computed := found.statistics[i].raw(s.Raw)
			computed.Missing = s.Missing
			given, err := e.Standardisation(d.modalities[i], computed)
			if err != nil {
				return err
			}
			standard, d.inputs[i].scaling = &given, given.Scaling(d.modalities[i])
		}
		d.standard = append(d.standard, *standard)
	}
	d.warnings = append(slices.Clone(d.contents.Warnings), d.sameRows(found.digests)...)
	if d.fingerprint = d.contents.Fingerprint; d.fingerprint == "" {
		d.fingerprint, err = d.sign(found.digests)
	}
	return err
}

// given reports whether there are parts at all.
func given(parts [3]Part) bool {
	return slices.ContainsFunc(parts[:], func(p Part) bool { return p.Column != nil })
}

// check returns an error if the contents do not fit together.
func (d *assembled) check(training bool) error {
	for _, s := range [...]Split{Train, Validation} {
		if !training {
			break
		}
		if p := d.contents.Labels[s]; p.Column == nil || p.Rows.Len() == 0 {
			return fmt.Errorf("there are no labels for the %s split", s)
		}
	}
	named := map[string]bool{}
	for _, source := range d.contents.Sources {
		if name := source.Modality.Name; named[name] {
			return fmt.Errorf("two modalities are named %q", name)
		}
		named[source.Modality.Name] = true
		if err := source.check(); err != nil {
			return err
		}
		if err := source.checkRows(d.contents.Labels); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error if the description of a source contradicts itself.
func (source *Source) check() error {
	m := source.Modality
	if m.Kind.Rank() == 0 || m.Kind == mixer.Tokens || len(m.Shape) != m.Kind.Rank() || slices.Min(m.Shape) < 1 {
		return fmt.Errorf("modality %s: invalid kind %s or shape %s: want a map (3 axes), a sequence (2), a text (1) or a table (1)", m.Name, m.Kind, dimensions.Text(m.Shape))
	}
	if m.Kind == mixer.Text && source.Standardised != nil {
		return fmt.Errorf("modality %s: a text is not standardised", m.Name)
	}
	if err := m.Kind.CheckVocabulary(m.Vocabulary); err != nil {
		return fmt.Errorf("modality %s: %w", m.Name, err)
	}
	if i := slices.IndexFunc(source.Raw, func(f int) bool { return f < 0 || f >= m.features() }); i >= 0 {
		return fmt.Errorf("modality %s: the raw feature %d does not exist, there are %d", m.Name, source.Raw[i], m.features())
	}
	if len(source.Raw) > 0 && source.Per == PerModality {
		return fmt.Errorf("modality %s: there are raw features, but all features share one mean", m.Name)
	}
	if v := source.Vectors; v != nil && (m.Kind != mixer.Text || v.Rows() != m.Vocabulary || len(v.Shape()) != 1 || rowSize(v) == 0) {
		return fmt.Errorf("%s: word vectors have shape %s, want a row for each of the %d tokens of a text", v.Name(),
			dimensions.Text(append([]int{v.Rows()}, v.Shape()...)), m.Vocabulary)
	}
	return nil
}

// checkRows returns an error if the columns of a source do not have the rows that the labels have.
func (source *Source) checkRows(parts [3]Part) error {
	m := source.Modality
	masked := given(source.Lengths)
	for _, s := range Splits {
		labels, samples, lengths := parts[s], source.Samples[s], source.Lengths[s]
		if labels.Column == nil {
			continue
		}
		if samples.Column == nil || masked != (lengths.Column != nil) {
			return fmt.Errorf("modality %s: samples are missing for the %s split, or lengths are not given for every split", m.Name, s)
		}
		if n := rowSize(samples.Column); n != m.Size() {
			return fmt.Errorf("%s: samples have %d elements, but modality %s has %d", samples.Column.Name(), n, m.Name, m.Size())
		}
		for _, p := range []Part{labels, samples, lengths} {
			if p.Column == nil {
				continue
			}
			if err := p.Rows.check(p.Column); err != nil {
				return err
			}
			if p.Rows.Len() != labels.Rows.Len() {
				return fmt.Errorf("%s has %d rows for the %s split, but %s has %d", p.Column.Name(), p.Rows.Len(), s, labels.Column.Name(), labels.Rows.Len())
			}
		}
	}
	return nil
}

// findings are the results of the passes over the columns.
type findings struct {
	digests    map[Column]string
	statistics []Standardisation // by source
}

// facts finds the digest of every column, and the statistics of columns with training rows, of several columns in parallel.
func (d *assembled) facts(ctx context.Context, e Environment) (found findings, err error) {
	found = findings{map[Column]string{}, make([]Standardisation, len(d.contents.Sources))}
	type pass struct {
		column  Column
		request Request
		source  int // the source that the statistics are for, -1 for none
		facts   Facts
	}
	var passes []*pass
	for i, s := range d.contents.Sources {
		if s.Standardised != nil || s.Samples[Train].Column == nil {
			continue
		}
		passes = append(passes, &pass{column: s.Samples[Train].Column, request: d.request(i, s.Samples[Train]), source: i})
	}
	for i, s := range d.contents.Sources {
		for _, p := range s.Samples {
			checked := d.inputs[i].masked || d.inputs[i].missing || s.Modality.Kind == mixer.Text
			if s.Standardised == nil && checked && p.Column != nil && p.Column != s.Samples[Train].Column {
				passes = append(passes, &pass{column: p.Column, request: d.request(i, Part{Column: p.Column}), source: -1})
			}
		}
	}
	for _, c := range d.columns {
		if d.contents.Fingerprint == "" && !slices.ContainsFunc(passes, func(p *pass) bool { return p.column == c }) {
			passes = append(passes, &pass{column: c, source: -1})
		}
	}
	size := func(c Column) int { return c.Rows() * rowSize(c) }
	slices.SortStableFunc(passes, func(a, b *pass) int { return cmp.Compare(size(b.column), size(a.column)) }) // the largest first
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range passes {
		group.Go(func() (err error) {
			p.facts, err = p.column.Facts(ctx, p.request, e)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return found, err
	}
	for _, p := range passes {
		found.digests[p.column] = p.facts.SHA256
		if p.source >= 0 {
			found.statistics[p.source] = p.facts.Standardisation
		}
	}
	return found, nil
}

// request is the request for the statistics of a source over some rows of one of its columns.
func (d *assembled) request(source int, over Part) Request {
	s, m := d.contents.Sources[source], d.modalities[source]
	r := Request{Per: s.Per, Features: m.features(), Run: m.run(), Vocabulary: m.Vocabulary, Rows: over.Rows, Missing: d.inputs[source].missing}
	if m.Kind == mixer.Text {
		r.Per = None
	}
	if !d.inputs[source].masked {
		return r
	}
	lengths := packed.New(over.Column.Rows(), uint32(m.Steps()))
	for split, p := range s.Samples {
		if p.Column != over.Column {
			continue
		}
		for i := range p.Rows.Len() {
			lengths.Set(p.Rows.At(i), d.inputs[source].lengths[split].At(i))
		}
	}
	r.Lengths = &lengths
	return r
}

func (d *assembled) Name() string           { return d.contents.Name }
func (d *assembled) Modalities() []Modality { return d.modalities }
func (d *assembled) Task() task.Task        { return d.task }
func (d *assembled) Fingerprint() string    { return d.fingerprint }

func (d *assembled) Len(s Split) int {
	if s < Train || s > Test {
		return 0
	}
	return d.contents.Labels[s].Rows.Len()
}

func (d *assembled) Read(s Split, modality, row int, dst []float32) error {
	if err := d.ReadMissing(s, modality, row, dst); err != nil {
		return err
	}
	if d.inputs[modality].missing {
		for i, v := range dst {
			if v != v {
				dst[i] = 0
			}
		}
	}
	return nil
}

// ReadMissing implements [WithMissing].
func (d *assembled) ReadMissing(s Split, modality, row int, dst []float32) error {
	if err := d.checkModality(s, modality, row); err != nil {
		return err
	}
	in := &d.inputs[modality]
	if m := &d.modalities[modality]; len(dst) != m.Size() {
		return fmt.Errorf("data set %s: modality %s has %d elements per sample, but the destination has %d", d.Name(), m.Name, m.Size(), len(dst))
	}
	if in.masked {
		real := int(in.lengths[s].At(row)) * in.step
		clear(dst[real:])
		dst = dst[:real]
	}
	part := &in.samples[s]
	return part.Column.Read(part.Rows.At(row), in.scaling, dst)
}

func (d *assembled) Mask(s Split, modality, row int, dst []float32) error {
	if err := d.checkModality(s, modality, row); err != nil {
		return err
	}
	m, in := &d.modalities[modality], &d.inputs[modality]
	if !m.Masked {
		return fmt.Errorf("data set %s: modality %s has no mask", d.Name(), m.Name)
	}
	if len(dst) != m.Steps() {
		return fmt.Errorf("data set %s: modality %s has %d steps per sample, but the destination has %d", d.Name(), m.Name, m.Steps(), len(dst))
	}
	if m.Kind == mixer.Text { // a text may be without lengths, since padding has a number of its own
		err := d.Read(s, modality, row, dst)
		for i, token := range dst {
			if token != 0 {
				dst[i] = 1
			}
		}
		return err
	}
	real := int(in.lengths[s].At(row))
	for i := range dst[:real] {
		dst[i] = 1
	}
	clear(dst[real:])
	return nil
}

func (d *assembled) Label(s Split, row int, dst []float32) error {
	if err := d.checkRow(s, row); err != nil {
		return err
	}
	if len(dst) != d.width {
		return fmt.Errorf("data set %s: a label has %d elements, but the destination has %d", d.Name(), d.width, len(dst))
	}
	first := row * d.width
	for i := range dst {
		dst[i] = float32(d.labels[s].At(first + i))
	}
	return nil
}

// Vectors implements [WordVectors].
func (d *assembled) Vectors(modality int) ([]float32, error) {
	if modality < 0 || modality >= len(d.modalities) {
		return nil, fmt.Errorf("data set %s: modality %d does not exist, there are %d", d.Name(), modality, len(d.modalities))
	}
	m, column := &d.modalities[modality], d.contents.Sources[modality].Vectors
	if column == nil {
		return nil, fmt.Errorf("data set %s: modality %s has no word vectors", d.Name(), m.Name)
	}
	vectors := make([]float32, m.Vocabulary*m.Vectors)
	for row := range m.Vocabulary {
		if err := column.Read(row, nil, vectors[row*m.Vectors:][:m.Vectors]); err != nil {
			return nil, err
		}
	}
	return vectors, nil
}

// checkModality reports a split, modality or row that does not exist.
func (d *assembled) checkModality(s Split, modality, row int) error {
	if modality < 0 || modality >= len(d.modalities) {
		return fmt.Errorf("data set %s: modality %d does not exist, there are %d", d.Name(), modality, len(d.modalities))
	}
	return d.checkRow(s, row)
}

// checkRow reports a split or row that does not exist.
func (d *assembled) checkRow(s Split, row int) error {
	if s < Train || s > Test {
		return fmt.Errorf("data set %s: %s does not exist", d.Name(), s)
	}
	if n := d.Len(s); row < 0 || row >= n {
		return fmt.Errorf("data set %s: row %d of the %s split does not exist, it has %d", d.Name(), row, s, n)
	}
	return nil
}

func (d *assembled) Unchanged(ctx context.Context) error {
	for _, c := range d.columns {
		if err := c.Unchanged(ctx); err != nil {
			return fmt.Errorf("data set %s: %w", d.Name(), err)
		}
	}
	return nil
}

func (d *assembled) Warnings() []string { return d.warnings }

// Generated reports whether the program draws the rows by itself.
func (d *assembled) Generated() bool { return d.contents.Generated }

func (d *assembled) Preprocessing() map[string]Standardisation {
	all := map[string]Standardisation{}
	for i, m := range d.modalities {
		all[m.Name] = d.standard[i]
	}
	return all
}

func (d *assembled) Close() error {
	var failed error
	for _, c := range d.columns {
		if err := c.Close(); err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", c.Name(), err)
		}
	}
	return failed
}
