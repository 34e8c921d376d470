package arrays

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/dataset/arrayfile"
	"mixmas/search/filecache"
	"mixmas/search/task"
)

func init() {
	dataset.Register(dataset.Format{
		Name: "npy",
		Doc:  "any number of modalities in files of arrays of any numeric type (npy, npz, IDX), read row by row",
		Options: func() any {
			return &Options{Name: "npy", Validation: 1000, Standardise: dataset.PerFeature, Missing: missingError}
		},
		Open: func(ctx context.Context, options any, environment dataset.Environment) (dataset.Dataset, error) {
			return Open(ctx, *options.(*Options), environment)
		},
	})
}

// Open opens the files that the options name. Errors name the option, or the file and row.
func Open(ctx context.Context, o Options, environment dataset.Environment) (dataset.Dataset, error) {
	cache, err := filecache.Open(environment.Decoded, environment.DecodedBytes)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", o.Name, err)
	}
	contents, err := open(ctx, o, environment, cache)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", o.Name, err)
	}
	d, err := dataset.Assemble(ctx, contents, environment)
	if bad := new(dataset.NotFinite); errors.As(err, &bad) && math.IsNaN(bad.Value) {
		err = fmt.Errorf("%w; if it stands for a missing value, `missing: mean` reads it as the mean of the training rows", err)
	}
	return d, err
}

// open opens the files as columns. It closes them if it fails.
func open(ctx context.Context, o Options, e dataset.Environment, cache *filecache.Cache) (_ dataset.Contents, err error) {
	c := dataset.Contents{Name: o.Name, Task: task.Task{Kind: task.KindOf(o.MultiLabel), Classes: o.Classes}}
	if err := dataset.CheckOptions(&o); err != nil {
		return c, err
	}
	files := opener{ctx: ctx, environment: e, cache: cache, validation: o.Validation, open: map[string]dataset.Column{}}
	defer func() {
		if err != nil {
			files.close()
		}
	}()
	if c.Labels, err = files.parts(o.Labels, files.labels(&o)); err != nil {
		return c, err
	}
	if c.Task.Classes, c.Warnings, err = textClasses(ctx, c.Labels, o.Classes); err != nil {
		return c, err
	}
	for _, m := range o.Modalities {
		source := dataset.Source{Per: cmp.Or(m.Standardise, o.Standardise), Missing: cmp.Or(m.Missing, o.Missing) == missingMean}
		if source.Samples, err = files.parts(m.Files, files.samples(m)); err != nil {
			return c, err
		}
		if source.Modality, err = describe(m, source.Samples); err != nil {
			return c, err
		}
		if m.Lengths != (Files{}) {
			if source.Lengths, err = files.parts(m.Lengths, files.numbers); err != nil {
				return c, err
			}
		}
		c.Sources = append(c.Sources, source)
	}
	return c, nil
}

// opener opens each file once, even if it has several roles.
type opener struct {
	ctx         context.Context
	environment dataset.Environment
	cache       *filecache.Cache
	validation  int // rows at the end of the training files, if there are no validation files
	open        map[string]dataset.Column
}

// once opens a file in a role, unless it is open in this role.
func (o *opener) once(path, role string, open func(path string) (dataset.Column, error)) (dataset.Column, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.environment.Folder, path)
	}
	key := role + "\x00" + path
	if c := o.open[key]; c != nil {
		return c, nil
	}
	c, err := open(path)
	if err == nil {
		o.open[key] = c
	}
	return c, err
}

// numbers opens an array of numbers as it is.
func (o *opener) numbers(path string) (dataset.Column, error) {
	return o.once(path, "", func(path string) (dataset.Column, error) {
		return column(arrayfile.Open(o.ctx, path, o.environment, o.cache))
	})
}

// column hides the type of a column, unless there is none.
func column[C dataset.Column](c C, err error) (dataset.Column, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// samples opens the samples of a modality in its layout.
func (o *opener) samples(m Modality) func(path string) (dataset.Column, error) {
	if m.Layout == "" {
		return o.numbers
	}
	return func(path string) (dataset.Column, error) {
		return o.once(path, fmt.Sprintf("%s %s %v", m.Kind, m.Layout, m.Shape), func(path string) (dataset.Column, error) {
			c, err := arrayfile.Open(o.ctx, path, o.environment, o.cache)
			if err != nil {
				return nil, err
			}
			if err := arrange(c, m); err != nil {
				return nil, errors.Join(fmt.Errorf("%s: modality %s: %w", c.Name(), m.Name, err), c.Close())
			}
			return c, nil
		})
	}
}

func (o *opener) close() {
	for _, c := range o.open {
		_ = c.Close()
	}
}

// parts opens the files of a modality, its lengths or the labels, and says which rows belong to which split.
func (o *opener) parts(files Files, open func(path string) (dataset.Column, error)) (parts [3]dataset.Part, err error) {
	for _, s := range dataset.Splits {
		path := files.of(s)
		if path == "" {
			continue
		}
		c, err := open(path)
		if err != nil {
			return parts, err
		}
		if c.Rows() == 0 {
			return parts, fmt.Errorf("%s: the file has no rows", c.Name())
		}
		parts[s] = dataset.Part{Column: c, Rows: dataset.Rows{Count: c.Rows()}}
	}
	if train := parts[dataset.Train]; files.Validation == "" {
		rows := train.Rows.Count
		if o.validation < 1 || o.validation >= rows {
			return parts, fmt.Errorf("%s: the option validation takes %d of %d rows: want at least 1, and at least 1 left for training", train.Column.Name(), o.validation, rows)
		}
		parts[dataset.Train].Rows.Count = rows - o.validation
		parts[dataset.Validation] = dataset.Part{Column: train.Column, Rows: dataset.Rows{First: rows - o.validation, Count: o.validation}}
	}
	return parts, nil
}

// describe finds the shape of a modality's samples, which all its files must share.
func describe(m Modality, parts [3]dataset.Part) (dataset.Modality, error) {
	modality := dataset.Modality{Name: m.Name, Kind: m.Kind}
	for _, p := range parts {
		if p.Column == nil {
			continue
		}
		axes, path := p.Column.Shape(), p.Column.Name()
		shape, err := sampleShape(m, axes)
		if err != nil {
			return modality, fmt.Errorf("%s: modality %s: %w", path, m.Name, err)
		}
		if modality.Shape == nil {
			modality.Shape = shape
		} else if !slices.Equal(shape, modality.Shape) {
			return modality, fmt.Errorf("%s: samples have shape %s, but the training samples have %s", path, dimensions.Text(shape), dimensions.Text(modality.Shape))
		}
	}
	return modality, nil
}
