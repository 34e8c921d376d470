package dataset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"mixmas/nn/dimensions"
	"mixmas/search/packed"
)

// NPYOptions are the options of the format "npy".
type NPYOptions struct {
	Name       string        `yaml:"name" doc:"name of the data set in tables and reports"`
	Modalities []NPYModality `yaml:"modalities" doc:"one entry a modality, at least one"`
	Labels     NPYFiles      `yaml:"labels" doc:"npy files of labels: the index of a class a row, or with multi_label one 0/1 element a class"`
	Classes    []string      `yaml:"classes" doc:"names of the classes; left out, they are numbered as the training labels say"`
	MultiLabel bool          `yaml:"multi_label" doc:"a row may have any number of classes"`
	Validation int           `yaml:"validation" jsonschema:"minimum=1" doc:"where no validation files are named: how many rows at the end of the training files are for validation"`
}

// NPYModality names the files of one modality.
type NPYModality struct {
	Name     string `yaml:"name" doc:"name of the modality"`
	Kind     Kind   `yaml:"kind" jsonschema:"enum=map,enum=sequence,enum=table" doc:"map (channels, height, width), sequence (steps, features) or table (features)"`
	Shape    []int  `yaml:"shape" doc:"shape of one sample; left out, it is that of the file"`
	NPYFiles `yaml:",inline"`
}

// NPYFiles names one file a split.
type NPYFiles struct {
	Train      string `yaml:"train" doc:"npy file of the training rows"`
	Validation string `yaml:"validation" doc:"npy file of the validation rows; left out, they are the last rows of the training file"`
	Test       string `yaml:"test" doc:"npy file of the test rows; left out, there is no test split"`
}

// of is the file of a split, "" where none is named.
func (f NPYFiles) of(s Split) string { return [...]string{f.Train, f.Validation, f.Test}[s] }

func init() {
	Register(Format{
		Name:    "npy",
		Doc:     "any number of modalities in npy files of any numeric type, read row by row",
		Options: func() any { return &NPYOptions{Name: "npy", Validation: 1000} },
		Open: func(ctx context.Context, options any, environment Environment) (Dataset, error) {
			o, ok := options.(*NPYOptions)
			if !ok {
				return nil, fmt.Errorf("format npy: options are %T, want *dataset.NPYOptions", options)
			}
			return openArrays(ctx, *o, environment)
		},
	})
}

// span is a run of rows of an array.
type span struct {
	array *array
	first int
	count int
}

// labels are those of a run of rows of a file: for many labels, as many bits a row as there are classes, otherwise a number
// of as few bits as the classes take, which is a byte for 17 to 256.
type labels struct {
	values packed.List // of the whole file
	first  int
	count  int
}

// arrays is a data set in npy files. Samples stay in the files, labels are in memory.
type arrays struct {
	name        string
	modalities  []Modality
	classes     []string
	many        bool
	samples     [3][]span // by split and modality; nil for a split that is missing
	labels      [3]labels
	width       int // elements a label
	standard    []Standardisation
	fingerprint string
	files       map[string]*array
}

// openArrays opens the files that the options name. Errors name the option, or the file and row.
func openArrays(ctx context.Context, o NPYOptions, environment Environment) (_ Dataset, err error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("data set %s: %w", o.Name, err)
	}
	names := make([]string, len(o.Modalities))
	for i, m := range o.Modalities {
		names[i] = m.Name
	}
	if err := environment.fits(names...); err != nil {
		return nil, fmt.Errorf("data set %s: %w", o.Name, err)
	}
	d := &arrays{name: o.Name, classes: slices.Clone(o.Classes), many: o.MultiLabel, files: map[string]*array{}}
	defer func() {
		if err != nil {
			d.Close()
			err = fmt.Errorf("data set %s: %w", o.Name, err)
		}
	}()
	labels, err := d.split(o.Labels, o.Validation, environment.Folder)
	if err != nil {
		return nil, err
	}
	for _, m := range o.Modalities {
		parts, err := d.split(m.NPYFiles, o.Validation, environment.Folder)
		if err != nil {
			return nil, err
		}
		modality, err := describe(m, parts)
		if err != nil {
			return nil, err
		}
		d.modalities = append(d.modalities, modality)
		for _, s := range splits {
			if parts[s].array == nil {
				continue
			}
			if parts[s].count != labels[s].count {
				return nil, fmt.Errorf("%s has %d rows for the %s split, %s %d", parts[s].array.path, parts[s].count, s, labels[s].array.path, labels[s].count)
			}
			d.samples[s] = append(d.samples[s], parts[s])
		}
	}
	if err := d.readLabels(ctx, labels); err != nil {
		return nil, err
	}
	found, err := d.scan(ctx, environment)
	if err != nil {
		return nil, err
	}
	for m := range d.modalities {
		computed := found[d.samples[Train][m].array.path].Standardisation
		standard, err := environment.standard(d.modalities[m].Name, computed)
		if err != nil {
			return nil, err
		}
		d.standard = append(d.standard, standard)
	}
	d.fingerprint, err = d.digest(labels, found)
	return d, err
}

// Check implements [Checker].
func (o *NPYOptions) Check() error {
	if len(o.Modalities) == 0 {
		return optionError("modalities", "there are none")
	}
	if o.Labels.Train == "" {
		return optionError("labels", "no train file is named")
	}
	if len(o.Classes) == 1 && !o.MultiLabel {
		return optionError("classes", "there is one, and nothing to tell apart")
	}
	named := make(map[string]bool, len(o.Classes))
	for i, class := range o.Classes {
		if class == "" {
			return optionError(fmt.Sprintf("classes[%d]", i), "the class has no name")
		}
		if named[class] {
			return optionError(fmt.Sprintf("classes[%d]", i), "%q is named twice", class)
		}
		named[class] = true
	}
	seen := map[string]bool{}
	for i, m := range o.Modalities {
		field := fmt.Sprintf("modalities[%d]", i)
		switch {
		case m.Name == "":
			return optionError(field, "the modality has no name")
		case seen[m.Name]:
			return optionError(field+".name", "%s is named twice", m.Name)
		case m.Kind.dimensions() == 0:
			return optionError(field+".kind", "%q is unknown: want map, sequence or table", m.Kind)
		case len(m.Shape) != 0 && len(m.Shape) != m.Kind.dimensions():
			return optionError(field+".shape", "%s has %d axes, a %s has %d", dimensions.Text(m.Shape), len(m.Shape), m.Kind, m.Kind.dimensions())
		case slices.ContainsFunc(m.Shape, func(n int) bool { return n < 1 }):
			return optionError(field+".shape", "%s has an axis without elements", dimensions.Text(m.Shape))
		case tooLarge(m.Shape):
			return optionError(field+".shape", "%s has too many elements", dimensions.Text(m.Shape))
		}
		seen[m.Name] = true
		for _, s := range splits {
			if (m.of(s) == "") != (o.Labels.of(s) == "") {
				return optionError(field, "of %s and the labels, only one names a file for the %s split", m.Name, s)
			}
		}
	}
	return nil
}

// tooLarge reports whether the elements of a shape without empty axes cannot be counted.
func tooLarge(shape []int) bool {
	size := 1
	for _, n := range shape {
		if n > math.MaxInt/size {
			return true
		}
		size *= n
	}
	return false
}

// open opens a file once, however many roles it has.
func (d *arrays) open(path, folder string) (*array, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	if a := d.files[path]; a != nil {
		return a, nil
	}
	a, err := openArray(path)
	if err == nil {
		d.files[path] = a
	}
	return a, err
}

// split opens the files of a modality, or the labels, and says which rows belong to which split.
func (d *arrays) split(files NPYFiles, validation int, folder string) ([3]span, error) {
	var parts [3]span
	for _, s := range splits {
		path := files.of(s)
		if path == "" {
			continue
		}
		a, err := d.open(path, folder)
		if err != nil {
			return parts, err
		}
		if a.header.Rows() == 0 {
			return parts, fmt.Errorf("%s: the file has no rows", a.path)
		}
		parts[s] = span{array: a, count: a.header.Rows()}
	}
	if train := parts[Train]; files.Validation == "" {
		if validation < 1 || validation >= train.count {
			return parts, fmt.Errorf("%s: %d of its %d rows for validation (option validation): want at least one, and some left for training", train.array.path, validation, train.count)
		}
		parts[Train].count -= validation
		parts[Validation] = span{train.array, parts[Train].count, validation}
	}
	return parts, nil
}

// describe finds the shape of a modality's samples, which all its files must share.
func describe(m NPYModality, parts [3]span) (Modality, error) {
	modality := Modality{Name: m.Name, Kind: m.Kind, Shape: slices.Clone(m.Shape)}
	for _, p := range parts {
		if p.array == nil {
			continue
		}
		axes := p.array.header.Shape[1:]
		if len(m.Shape) > 0 {
			if p.array.header.RowSize() != modality.Size() {
				return modality, fmt.Errorf("%s: samples have shape %s, which does not make the %s that modality %s has", p.array.path, dimensions.Text(axes), dimensions.Text(m.Shape), m.Name)
			}
			continue
		}
		shape, err := sampleShape(m.Kind, axes)
		if err != nil {
			return modality, fmt.Errorf("%s: modality %s: %w", p.array.path, m.Name, err)
		}
		if modality.Shape == nil {
			modality.Shape = shape
		} else if !slices.Equal(shape, modality.Shape) {
			return modality, fmt.Errorf("%s: samples have shape %s, those for training %s", p.array.path, dimensions.Text(shape), dimensions.Text(modality.Shape))
		}
	}
	return modality, nil
}

// readLabels reads the labels of all splits and, where classes have no names, counts them over the training rows.
func (d *arrays) readLabels(ctx context.Context, parts [3]span) error {
	if len(d.classes) == 0 {
		count, err := countClasses(ctx, parts[Train], d.many)
		if err != nil {
			return err
		}
		for i := range count {
			d.classes = append(d.classes, strconv.Itoa(i))
		}
	}
	read := map[*array]packed.List{}
	for s, p := range parts {
		if p.array == nil {
			continue
		}
		if _, known := read[p.array]; !known {
			values, err := p.array.labels(ctx, len(d.classes), d.many)
			if err != nil {
				return err
			}
			read[p.array] = values
		}
		d.width = p.array.header.RowSize()
		d.labels[s] = labels{read[p.array], p.first, p.count}
	}
	return nil
}

// countClasses is the number of classes that the labels of a span imply.
func countClasses(ctx context.Context, p span, many bool) (int, error) {
	width, err := p.array.labelWidth(0, many)
	if err != nil || many {
		return width, err
	}
	largest := float32(0)
	// A span of training rows starts its file.
	err = p.array.eachLabels(ctx, 0, many, p.count, func(_ int, values []float32) { largest = max(largest, slices.Max(values)) })
	if err != nil {
		return 0, err
	}
	count := int(largest) + 1
	if count == 1 || count > p.count {
		return 0, fmt.Errorf("%s: the labels of %d rows say %d classes: want at least 2, and a row for each (or name the classes)",
			p.array.path, p.count, count)
	}
	return count, nil
}

// scan finds the facts of every file, several files side by side.
func (d *arrays) scan(ctx context.Context, environment Environment) (map[string]facts, error) {
	counted := map[*array]int{} // statistics are over training rows; other files have none
	for _, p := range d.samples[Train] {
		counted[p.array] = p.count
	}
	list := make([]*array, 0, len(d.files))
	for _, a := range d.files {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b *array) int { // the largest first
		return cmp.Or(cmp.Compare(b.header.Bytes(), a.header.Bytes()), cmp.Compare(a.path, b.path))
	})
	results := make([]facts, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, a := range list {
		group.Go(func() error {
			var err error
			results[i], err = a.scan(ctx, counted[a], environment)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := map[string]facts{}
	for i, a := range list {
		found[a.path] = results[i]
	}
	return found, nil
}

// digest is the fingerprint: what the files hold, which rows are for what, and how samples are standardised.
func (d *arrays) digest(labels [3]span, found map[string]facts) (string, error) {
	type run struct {
		SHA256 string
		First  int
		Count  int
	}
	content := struct {
		Version       string
		Modalities    []Modality
		Classes       int
		MultiLabel    bool
		Samples       [3][]run
		Labels        [3]run
		Preprocessing []Standardisation
	}{Version: "arrays 1", Modalities: d.modalities, Classes: len(d.classes), MultiLabel: d.many, Preprocessing: d.standard}
	for _, s := range splits {
		for _, p := range d.samples[s] {
			content.Samples[s] = append(content.Samples[s], run{found[p.array.path].SHA256, p.first, p.count})
		}
		if p := labels[s]; p.array != nil {
			content.Labels[s] = run{found[p.array.path].SHA256, p.first, p.count}
		}
	}
	text, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func (d *arrays) Name() string           { return d.name }
func (d *arrays) Modalities() []Modality { return d.modalities }
func (d *arrays) Classes() []string      { return d.classes }
func (d *arrays) MultiLabel() bool       { return d.many }
func (d *arrays) Fingerprint() string    { return d.fingerprint }

func (d *arrays) Len(s Split) int {
	if s < Train || s > Test {
		return 0
	}
	return d.labels[s].count
}

func (d *arrays) Read(s Split, modality, row int, dst []float32) error {
	if err := checkRead(d, s, modality, row, dst); err != nil {
		return err
	}
	part := &d.samples[s][modality]
	return part.array.read(part.first+row, d.standard[modality], dst)
}

func (d *arrays) Label(s Split, row int, dst []float32) error {
	if s < Train || s > Test || row < 0 || row >= d.labels[s].count || len(dst) != d.width { // in place: there are many rows
		return checkLabel(d, s, row, d.width, dst)
	}
	first := (d.labels[s].first + row) * d.width
	for i := range dst {
		dst[i] = float32(d.labels[s].values.At(first + i))
	}
	return nil
}

func (d *arrays) Unchanged(ctx context.Context) error {
	for _, a := range d.files {
		if err := a.unchanged(ctx); err != nil {
			return fmt.Errorf("data set %s: %w", d.name, err)
		}
	}
	return nil
}

func (d *arrays) Preprocessing() map[string]Standardisation {
	all := map[string]Standardisation{}
	for i, m := range d.modalities {
		all[m.Name] = d.standard[i]
	}
	return all
}

func (d *arrays) Close() error {
	var failed error
	for _, a := range d.files {
		if err := a.file.Close(); err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", a.path, err)
		}
	}
	return failed
}
