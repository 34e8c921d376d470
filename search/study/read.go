package study

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/npy"
	"mixmas/search/packed"
	"mixmas/search/regular"
)

// The arrays of a file. Predictions are classes, a training's in a row; what is the largest number of the type stands behind the last
// epoch of trainings with fewer epochs than others.
const (
	validationPredictions = "validation_predictions" // runs × epochs × validation rows
	testPredictions       = "test_predictions"       // runs × test rows
	validationLabels      = "validation_labels"
	testLabels            = "test_labels"
	descriptions          = "runs" // text: a JSON list of [Description], one per run
)

// mostText bounds the text of the descriptions, in bytes.
const mostText = 1 << 28

// Open reads a recording from an npz file.
func Open(ctx context.Context, path string) (*Recording, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return Read(ctx, path, f, info.Size())
}

// Read reads a recording from an npz file of so many bytes. Errors call it by the name. It takes a bit for each prediction.
func Read(ctx context.Context, name string, f io.ReaderAt, size int64) (*Recording, error) {
	zip, err := files.OpenZip(ctx, name, f, size)
	if err != nil {
		return nil, err
	}
	r, err := read(ctx, func(name string) (io.ReadCloser, int64, error) {
		entry, err := zip.Entry(name + ".npy")
		if err != nil {
			return nil, 0, err
		}
		content, err := entry.Open()
		return content, entry.Size, err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// opener opens the file of an array by its name, and says how many bytes it has.
type opener func(name string) (io.ReadCloser, int64, error)

func read(ctx context.Context, open opener) (*Recording, error) {
	list, err := readDescriptions(open)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", descriptions, err)
	}
	r := &Recording{}
	for _, d := range list {
		r.Runs = append(r.Runs, Run{Description: d})
	}
	for _, part := range []struct {
		name string
		read func() error
	}{
		{validationPredictions, func() error { return r.readValidation(ctx, open) }},
		{testPredictions, func() error { return r.readTest(ctx, open) }},
	} {
		if err := part.read(); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return r, nil
}

// array is an array that is read from its start.
type array struct {
	io.Reader
	io.Closer
	npy.Header
}

// openArray opens an array with the given number of axes.
func openArray(open opener, name string, axes int) (*array, error) {
	r, size, err := open(name)
	if err != nil {
		return nil, err
	}
	a := &array{bufio.NewReader(r), r, npy.Header{}}
	var offset int64
	a.Header, offset, err = npy.ReadHeader(a.Reader)
	switch {
	case err != nil:
	case axes >= 0 && len(a.Shape) != axes:
		err = fmt.Errorf("its shape is %s, want %d axes", dimensions.Text(a.Shape), axes)
	case len(a.Shape) > 1 && a.Fortran:
		err = errors.New("it is in column-major order, want row-major (numpy.ascontiguousarray)")
	case a.Bytes() != size-offset:
		err = fmt.Errorf("shape %s of %s needs %d bytes, it has %d", dimensions.Text(a.Shape), a.Type, a.Bytes(), size-offset)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return a, nil
}

// readDescriptions reads what was trained.
func readDescriptions(open opener) ([]Description, error) {
	a, err := openArray(open, descriptions, -1)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if a.Bytes() != int64(a.Type.Size) || !a.Type.Text() {
		return nil, fmt.Errorf("shape %s of %s, want one text", dimensions.Text(a.Shape), a.Type)
	}
	if a.Type.Size > mostText {
		return nil, fmt.Errorf("its text has %d bytes, want at most %d", a.Type.Size, mostText)
	}
	raw, err := io.ReadAll(a)
	if err != nil {
		return nil, err
	}
	text, err := a.Type.DecodeText(raw)
	if err != nil {
		return nil, err
	}
	return parseDescriptions([]byte(text))
}

// parseDescriptions parses a JSON list of descriptions. Python writes NaN and Infinity, which JSON does not have.
func parseDescriptions(text []byte) ([]Description, error) {
	var list []struct {
		Stage     *string  `json:"stage"`
		Candidate *string  `json:"candidate"`
		Repeat    *int     `json:"repeat"`
		Draw      *int     `json:"draw"`
		FLOPs     *float64 `json:"flops"`
	}
	if err := json.Unmarshal(withoutNaN(text), &list); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("there are no runs")
	}
	all := make([]Description, len(list))
	for i, d := range list {
		switch {
		case d.Stage == nil || d.Candidate == nil || d.Repeat == nil || d.Draw == nil:
			return nil, fmt.Errorf("run %d: want stage, candidate, repeat and draw", i)
		case *d.Stage == "" || *d.Candidate == "":
			return nil, fmt.Errorf("run %d: its stage is %q and its candidate %q, want names", i, *d.Stage, *d.Candidate)
		case *d.Repeat < 0 || *d.Draw < 0:
			return nil, fmt.Errorf("run %d: repeat %d of draw %d, want 0 or more", i, *d.Repeat, *d.Draw)
		}
		all[i] = Description{*d.Stage, *d.Candidate, *d.Repeat, *d.Draw, math.NaN()}
		if d.FLOPs != nil {
			all[i].FLOPs = *d.FLOPs
		}
	}
	return all, nil
}

// withoutNaN replaces NaN, Infinity and -Infinity outside of strings by null.
func withoutNaN(text []byte) []byte {
	out := make([]byte, 0, len(text))
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if n := notANumber(text[i:]); n > 0 && !inString {
			out = append(out, "null"...)
			i += n - 1
			continue
		}
		out = append(out, c)
		switch {
		case c == '"':
			inString = !inString
		case c == '\\' && inString && i+1 < len(text):
			i++
			out = append(out, text[i])
		}
	}
	return out
}

// notANumber is the length of the word for a number that JSON does not have, at the start of the text; 0 for others.
func notANumber(text []byte) int {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if len(text) >= len(word) && string(text[:len(word)]) == word {
			return len(word)
		}
	}
	return 0
}

// readLabels reads the labels of rows.
func readLabels(open opener, name string) ([]float64, error) {
	fail := func(err error) ([]float64, error) { return nil, fmt.Errorf("%s: %w", name, err) }
	a, err := openArray(open, name, 1)
	if err != nil {
		return fail(err)
	}
	defer a.Close()
	if a.Type.Kind != 'u' && a.Type.Kind != 'i' {
		return fail(fmt.Errorf("its type is %s, want whole numbers", a.Type))
	}
	raw, err := io.ReadAll(a)
	if err != nil {
		return fail(err)
	}
	if len(raw) == 0 {
		return fail(errors.New("there are no rows"))
	}
	labels := make([]float64, len(raw)/a.Type.Size)
	a.Type.Decode(labels, raw)
	return labels, nil
}

// predictions reads the predictions of runs one after another, for labels of rows.
type predictions struct {
	*array
	labels  []float64
	padding float64
	raw     []byte
	values  []float64
}

// openPredictions opens predictions of runs that have the given number of axes, the last of them rows.
func (r *Recording) openPredictions(open opener, name string, axes int, labelsOf string) (*predictions, error) {
	labels, err := readLabels(open, labelsOf)
	if err != nil {
		return nil, err
	}
	a, err := openArray(open, name, axes)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Type.Kind != 'u' || a.Type.Size > 2:
		err = fmt.Errorf("its type is %s, want u1 or u2", a.Type)
	case a.Shape[0] != len(r.Runs):
		err = fmt.Errorf("its shape is %s, but there are %d runs", dimensions.Text(a.Shape), len(r.Runs))
	case a.Shape[axes-1] != len(labels):
		err = fmt.Errorf("its shape is %s, but %s has %d rows", dimensions.Text(a.Shape), labelsOf, len(labels))
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return &predictions{array: a, labels: labels, padding: math.Ldexp(1, 8*a.Type.Size) - 1,
		raw: make([]byte, len(labels)*a.Type.Size), values: make([]float64, len(labels))}, nil
}

// next reads the predictions of all rows; padded is true for the padding.
func (p *predictions) next() (right packed.Bits, padded bool, err error) {
	if _, err := io.ReadFull(p, p.raw); err != nil {
		return nil, false, err
	}
	p.Type.Decode(p.values, p.raw)
	if p.values[0] == p.padding {
		return nil, true, nil
	}
	right = packed.NewBits(len(p.labels))
	for row, v := range p.values {
		if v == p.labels[row] {
			right.Set(row)
		}
	}
	return right, false, nil
}

func (r *Recording) readValidation(ctx context.Context, open opener) error {
	p, err := r.openPredictions(open, validationPredictions, 3, validationLabels)
	if err != nil {
		return err
	}
	defer p.Close()
	r.Validation = len(p.labels)
	for i := range r.Runs {
		ended := false
		for epoch := range p.Shape[1] {
			if err := ctx.Err(); err != nil {
				return err
			}
			right, padded, err := p.next()
			switch {
			case err != nil:
				return fmt.Errorf("run %d, epoch %d: %w", i, epoch+1, err)
			case ended && !padded:
				return fmt.Errorf("run %d: epoch %d has predictions, but an earlier one has none", i, epoch+1)
			case padded:
				ended = true
			default:
				r.Runs[i].Right = append(r.Runs[i].Right, right)
			}
		}
		if len(r.Runs[i].Right) == 0 {
			return fmt.Errorf("run %d has no epoch", i)
		}
	}
	return end(p)
}

func (r *Recording) readTest(ctx context.Context, open opener) error {
	p, err := r.openPredictions(open, testPredictions, 2, testLabels)
	if err != nil {
		return err
	}
	defer p.Close()
	r.Test = len(p.labels)
	for i := range r.Runs {
		if err := ctx.Err(); err != nil {
			return err
		}
		right, padded, err := p.next()
		if err == nil && padded {
			err = errors.New("there are no predictions")
		}
		if err != nil {
			return fmt.Errorf("run %d: %w", i, err)
		}
		r.Runs[i].Test = right
	}
	return end(p)
}

// end reads to the end of an entry, where its checksum is checked.
func end(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
