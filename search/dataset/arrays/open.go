package arrays

import (
	"cmp"
	"context"
	"fmt"
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
		Doc:  "any number of modalities in npy files of any numeric type, read row by row",
		Options: func() any {
			return &Options{Name: "npy", Validation: 1000, Standardise: dataset.PerFeature}
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
	return dataset.Assemble(ctx, contents, environment)
}

// open opens the files as columns. It closes them if it fails.
func open(ctx context.Context, o Options, e dataset.Environment, cache *filecache.Cache) (_ dataset.Contents, err error) {
	c := dataset.Contents{Name: o.Name, Task: task.Task{Kind: task.KindOf(o.MultiLabel), Classes: o.Classes}}
	if err := dataset.CheckOptions(&o); err != nil {
		return c, err
	}
	files := opener{ctx: ctx, environment: e, cache: cache, validation: o.Validation, open: map[string]*arrayfile.Column{}}
	defer func() {
		if err != nil {
			files.close()
		}
	}()
	if c.Labels, err = files.parts(o.Labels); err != nil {
		return c, err
	}
	for _, m := range o.Modalities {
		source := dataset.Source{Per: cmp.Or(m.Standardise, o.Standardise)}
		if source.Samples, err = files.parts(m.Files); err != nil {
			return c, err
		}
		if source.Modality, err = describe(m, source.Samples); err != nil {
			return c, err
		}
		if m.Lengths != (Files{}) {
			if source.Lengths, err = files.parts(m.Lengths); err != nil {
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
	open        map[string]*arrayfile.Column
}

func (o *opener) array(path string) (*arrayfile.Column, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.environment.Folder, path)
	}
	if a := o.open[path]; a != nil {
		return a, nil
	}
	a, err := arrayfile.Open(o.ctx, path, o.environment, o.cache)
	if err == nil {
		o.open[path] = a
	}
	return a, err
}

func (o *opener) close() {
	for _, a := range o.open {
		_ = a.Close()
	}
}

// parts opens the files of a modality, its lengths or the labels, and says which rows belong to which split.
func (o *opener) parts(files Files) (parts [3]dataset.Part, err error) {
	for _, s := range dataset.Splits {
		path := files.of(s)
		if path == "" {
			continue
		}
		a, err := o.array(path)
		if err != nil {
			return parts, err
		}
		if a.Rows() == 0 {
			return parts, fmt.Errorf("%s: the file has no rows", a.Name())
		}
		parts[s] = dataset.Part{Column: a, Rows: dataset.Rows{Count: a.Rows()}}
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
	modality := dataset.Modality{Name: m.Name, Kind: m.Kind, Shape: slices.Clone(m.Shape)}
	for _, p := range parts {
		if p.Column == nil {
			continue
		}
		axes, path := p.Column.Shape(), p.Column.Name()
		if len(m.Shape) > 0 {
			size := 1
			for _, n := range axes {
				size *= n
			}
			if size != modality.Size() {
				return modality, fmt.Errorf("%s: samples have shape %s, which does not fit the shape %s of modality %s", path, dimensions.Text(axes), dimensions.Text(m.Shape), m.Name)
			}
			continue
		}
		shape, err := sampleShape(m.Kind, axes)
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
