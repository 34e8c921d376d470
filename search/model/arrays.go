package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/npy"
	"mixmas/search/escape"
	"mixmas/search/regular"
	"mixmas/search/task"
)

// arrays is the recipe of a model without one: a row has an npy file for each modality, with the numbers as they are before they are
// standardised. A masked sequence or text may be shorter than the samples; a row may lack a modality that is masked.
type arrays struct{ model *Model }

// Fields implements [dataset.Recipe].
func (a arrays) Fields([]string) (list []dataset.Field) {
	for _, m := range a.model.Modalities() {
		shape := slices.Clone(m.Shape)
		if shorter(m) {
			shape[0] = -1
		}
		list = append(list, dataset.Field{Name: m.Name, Modality: m.Name, Kind: feature.Array, Shape: shape})
	}
	return list
}

// shorter reports whether rows of a modality may have fewer steps than its samples.
func shorter(m mixer.Modality) bool {
	return m.Masked && (m.Kind == mixer.Sequence || m.Kind == mixer.Text)
}

// Predict implements [dataset.Recipe].
func (a arrays) Predict(ctx context.Context, in dataset.Input, e dataset.Environment) (*dataset.Unlabelled, error) {
	if len(in.Values) == 0 {
		return nil, fmt.Errorf("the model was trained on data in format %s, which are not read from single files: name a configuration with --data", a.model.Data.Format)
	}
	rows := len(in.Values)
	if err := a.checkNames(in.Values); err != nil {
		return nil, err
	}
	read := in.Contents
	if read == nil {
		read = func(_ context.Context, name string) ([]byte, error) { return readFile(e.Folder, name) }
	}
	part := func(name string, shape []int, values []float32) dataset.Part {
		return dataset.Part{Column: dataset.NewNumbers(name, shape, values), Rows: dataset.Rows{Count: rows}}
	}
	contents := dataset.Contents{Name: "input", Fingerprint: "input", Task: task.Task{Classes: []string{"0", "1"}}}
	contents.Labels[dataset.Test] = part("labels", nil, make([]float32, rows))
	for _, m := range a.model.Modalities() {
		s := dataset.Source{Modality: dataset.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary}}
		size := dimensions.Product(m.Shape)
		values, lengths := make([]float32, rows*size), make([]float32, rows)
		for row := range rows {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n, err := a.row(ctx, m, in.Values[row][m.Name], read, values[row*size:][:size])
			if err != nil {
				return nil, &dataset.ValueError{Row: row, Field: m.Name, Err: fmt.Errorf("input row %d: %s: %w", row, escape.Terminal(m.Name), err)}
			}
			lengths[row] = float32(n)
		}
		s.Samples[dataset.Test] = part(m.Name, m.Shape, values)
		if m.Masked {
			s.Lengths[dataset.Test] = part(m.Name+" lengths", nil, lengths)
		}
		contents.Sources = append(contents.Sources, s)
	}
	data, err := dataset.Assemble(ctx, contents, e)
	if err != nil {
		return nil, err
	}
	return &dataset.Unlabelled{Dataset: data}, nil
}

// checkNames returns an error for values of modalities that the model does not read.
func (a arrays) checkNames(rows []map[string]string) error {
	var names []string
	for _, m := range a.model.Modalities() {
		names = append(names, m.Name)
	}
	for row, values := range rows {
		for name := range values {
			if !slices.Contains(names, name) {
				return &dataset.ValueError{Row: row, Field: name, Err: fmt.Errorf("the model reads no %s: it reads %s", escape.Terminal(name), escape.Terminal(strings.Join(names, ", ")))}
			}
		}
	}
	return nil
}

// row reads the sample of a row, and returns the number of its steps: 0 if the row lacks the modality.
func (a arrays) row(ctx context.Context, m mixer.Modality, name string, read func(ctx context.Context, name string) ([]byte, error), dst []float32) (int, error) {
	if strings.TrimSpace(name) == "" {
		if !m.Masked {
			return 0, fmt.Errorf("it is missing: want an array of %s; %w", dimensions.Text(m.Shape), dataset.NotOptional(m.Name))
		}
		return 0, nil
	}
	file, err := read(ctx, name)
	if err != nil {
		return 0, err
	}
	header, offset, err := npy.ReadHeader(bytes.NewReader(file))
	if err != nil {
		return 0, err
	}
	shape := header.Shape
	switch most := m.Shape[0]; {
	case header.Type.Text():
		return 0, errors.New("the elements are text, want numbers")
	case int64(len(file)) != offset+header.Bytes():
		return 0, fmt.Errorf("shape %s of %s needs %d bytes, but the file has %d", dimensions.Text(shape), header.Type, offset+header.Bytes(), len(file))
	case shorter(m) && len(shape) == len(m.Shape) && shape[0] <= most && slices.Equal(shape[1:], m.Shape[1:]):
		dst = dst[:dimensions.Product(shape)]
	case shorter(m):
		return 0, fmt.Errorf("the array has shape %s, want at most %d steps, in the shape %s", dimensions.Text(shape), most, dimensions.Text(m.Shape))
	case !slices.Equal(shape, m.Shape):
		return 0, fmt.Errorf("the array has shape %s, want %s", dimensions.Text(shape), dimensions.Text(m.Shape))
	}
	if header.Fortran && len(shape) > 1 {
		return 0, errors.New("the array is in Fortran order: write it in C order")
	}
	header.Type.DecodeScaled(dst, file[offset:], 0, 1)
	for i, v := range dst {
		switch {
		case math.IsInf(float64(v), 0), v != v && !a.model.Preprocessing[m.Name].Missing:
			return 0, fmt.Errorf("element %d is %v, want a finite number", i, v)
		case m.Vocabulary > 0 && (v < 0 || v >= float32(m.Vocabulary) || v != float32(int(v))):
			return 0, fmt.Errorf("element %d is %v, want the number of a token from 0 to %d", i, v, m.Vocabulary-1)
		}
	}
	if shorter(m) {
		return shape[0], nil
	}
	return 1, nil
}

// mostFile is the largest file that a value may name, in bytes.
const mostFile = 1 << 30

// readFile reads a file that a person names.
func readFile(folder, name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(folder, name)
	}
	f, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, mostFile+1))
	if len(content) > mostFile {
		return nil, fmt.Errorf("%s has more than %d bytes", escape.Terminal(name), mostFile)
	}
	return content, err
}
