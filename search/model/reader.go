package model

import (
	"context"
	"errors"
	"fmt"

	"mixmas/search/dataset"
)

// Reader makes of raw input the samples that a model predicts from: of rows and files as people have them, if the model carries the
// recipe of its input, otherwise of arrays, one per modality and row. Several goroutines may use it at once.
type Reader struct {
	model         *Model
	recipe        dataset.Recipe
	names         []string // of the modalities
	optional      []string // those that the model can do without
	shapes        map[string][]int
	preprocessing map[string]dataset.Standardisation
}

// NewReader reads the recipe of the model's input. The data format that it is of must be registered: import
// mixmas/search/dataset/formats, or the package of the format alone.
func (m *Model) NewReader() (*Reader, error) {
	r := &Reader{model: m, shapes: map[string][]int{}, preprocessing: map[string]dataset.Standardisation{}, recipe: arrays{m}}
	for _, reads := range m.Modalities() {
		r.names = append(r.names, reads.Name)
		if reads.Optional {
			r.optional = append(r.optional, reads.Name)
		}
		r.shapes[reads.Name], r.preprocessing[reads.Name] = reads.Shape, m.Preprocessing[reads.Name]
	}
	if m.Input == nil {
		return r, nil
	}
	format, err := dataset.Lookup(m.Data.Format)
	if err != nil {
		return nil, fmt.Errorf("the model's data format: %w", err)
	}
	if format.Recipe == nil {
		return nil, fmt.Errorf("the model has a recipe of its input, but the data format %s reads none: the model file is damaged", m.Data.Format)
	}
	r.recipe, err = format.Recipe(m.Input)
	return r, err
}

// Fields lists what a row of values may have.
func (r *Reader) Fields() []dataset.Field { return r.recipe.Fields(r.names) }

// Open opens raw input; its samples are those of the test split. It sets the input's Shapes and Optional, and the environment's
// Preprocessing. Errors of rows of values are [*dataset.ValueError]s.
func (r *Reader) Open(ctx context.Context, in dataset.Input, e dataset.Environment) (*dataset.Unlabelled, error) {
	in.Shapes, in.Optional, e.Preprocessing = r.shapes, r.optional, r.preprocessing
	data, err := r.recipe.Predict(ctx, in, e)
	if err != nil {
		return nil, err
	}
	if err := r.model.CheckData(data); err != nil {
		return nil, errors.Join(err, data.Close())
	}
	return data, nil
}
