package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mixmas/nn/options"
	"mixmas/nn/registry"
	"mixmas/search/dataset/feature"
	"mixmas/search/escape"
)

// Format opens one kind of data set.
type Format struct {
	Name string // as in configurations
	Doc  string // one sentence
	// Options returns a pointer to a struct with the defaults. Its yaml, doc and jsonschema tags give the names, documentation
	// and ranges of the options: see package options. It may be a [Checker].
	Options func() any
	// Folder returns options that open the data in a folder. It is nil for a format that a folder's layout alone does not
	// describe.
	Folder func(path string) any
	// Open opens a data set. Its options have the type that Options returns, and have passed [CheckOptions]. Errors name the
	// file and row, or the option.
	Open func(ctx context.Context, options any, environment Environment) (Dataset, error)
	// Recipe reads the recipe that a model carries of data in this format: see [Raw]. It is nil for a format that has no recipes. A
	// recipe is untrusted: the model file may be hostile.
	Recipe func(text json.RawMessage) (Recipe, error)
}

// Recipe says how raw input becomes the samples that a model was trained with. Several goroutines may use one at once.
type Recipe interface {
	// Predict opens raw input for a model, without labels. The environment has the model's preprocessing. Errors of rows of values
	// are [*ValueError]s.
	Predict(ctx context.Context, in Input, e Environment) (*Unlabelled, error)
	// Fields lists what a row of values may have, for a model that reads the given modalities.
	Fields(modalities []string) []Field
}

// Input is raw input for a model: the rows of files, or rows of values.
type Input struct {
	Files []string // tables, array files, folders or archives
	// Values are rows of values: cells, texts or the paths of files, by the name of a field or of a modality that has one. What a row
	// does not name is missing.
	Values []map[string]string
	// Contents, if not nil, returns the file that a row of values names, in place of the disk, of which nothing is read then. Several
	// goroutines may call it at once.
	Contents func(ctx context.Context, name string) ([]byte, error)
	Folder   string // where paths in the cells of tables start; empty: the folder of their table
	// Shapes are those of the samples that the model reads, by modality: a recipe with others is an error.
	Shapes map[string][]int
	// Optional are the modalities that rows may lack, though rows of the training data may all have had them: the model was trained to
	// do without.
	Optional []string
	ID       string // column that identifies the rows; empty: the first one that looks like it
}

// NotOptional returns the error of input that lacks a modality which a model cannot do without.
func NotOptional(modality string) error {
	return fmt.Errorf("the model was not trained to do without %s: train it with drop_modality to predict rows that lack it", escape.Terminal(modality))
}

// Field is something that a row of values may have.
type Field struct {
	Name     string
	Other    string       // another name of it, that of its modality; "" for none
	Modality string       // that it is of
	Kind     feature.Kind // [feature.Picture] and [feature.Array] are files
	Values   []string     // of a category or set: those that training rows had
	Shape    []int        // of an array; -1 for an axis of any length
	// Separator is between the members of a set, and Comma says that numbers are written with decimal commas.
	Separator string
	Comma     bool
}

// File reports whether the values are names of files.
func (f Field) File() bool { return f.Kind == feature.Picture || f.Kind == feature.Array }

// ValueError is the error of a row of values.
type ValueError struct {
	Row   int    // from 0
	Field string // "" for the whole row
	Err   error
}

func (e *ValueError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ValueError) Unwrap() error { return e.Err }

// Unlabelled is raw input as samples for a model. The samples are those of the test split.
type Unlabelled struct {
	Dataset
	// Columns are the names of what is carried along: what identifies a row, and the true label, as far as the files have them.
	Columns []string
	// Row returns what is carried along for a row, one cell per column.
	Row func(row int) []string
}

// Raw is implemented by data sets whose samples are made of raw input. The recipe is what [Format.Recipe] reads to make such
// samples of other input.
type Raw interface {
	Recipe() (json.RawMessage, error)
}

// Checker is implemented by options with rules beyond the ranges in their tags, such as relations between options or names
// that must be unique.
type Checker interface {
	// Check returns an [*options.Error] for the first option that is missing or contradicts another. It opens no files.
	Check() error
}

// CheckOptions checks the options of a format: the rules in their tags, and those of a [Checker].
func CheckOptions(given any) error {
	if err := options.Check(given); err != nil {
		return err
	}
	if c, ok := given.(Checker); ok {
		return c.Check()
	}
	return nil
}

// Environment is what a format is given besides its options.
type Environment struct {
	Cache  Cache  // of digests and statistics; nil for none
	Verify bool   // compute digests and statistics again, ignoring the cache
	Folder string // relative paths in options are relative to it; empty means the working directory
	// Decoded is the folder of what was decoded or unpacked once (package filecache), at most DecodedBytes; without it, that
	// goes into temporary files.
	Decoded      string
	DecodedBytes int64
	// Progress, if not nil, is told now and then how many rows of a modality are decoded. It is not called for what is in the
	// cache.
	Progress func(modality string, rows, of int)
	// Preprocessing, if not nil, is the preprocessing of a model that predicts from these data. It replaces the training
	// statistics of the data set, and has an entry for every modality.
	Preprocessing map[string]Standardisation
}

// Fits returns an error if the modalities of the data are not those that the model reads.
func (e Environment) Fits(modalities ...string) error {
	if e.Preprocessing == nil {
		return nil
	}
	reads, has := slices.Sorted(maps.Keys(e.Preprocessing)), slices.Sorted(slices.Values(modalities))
	if !slices.Equal(reads, has) {
		return fmt.Errorf("the model reads the modalities %s, but this data set has %s", strings.Join(reads, ", "), strings.Join(has, ", "))
	}
	return nil
}

// Standardisation returns how to standardise a modality: as in Preprocessing, or if that is nil by the computed statistics.
func (e Environment) Standardisation(m Modality, computed Standardisation) (Standardisation, error) {
	if e.Preprocessing == nil {
		return computed, nil
	}
	s := e.Preprocessing[m.Name]
	if err := s.Fits(m); err != nil {
		return s, fmt.Errorf("modality %s: %w", m.Name, err)
	}
	return s, nil
}

var formats = registry.New[Format]("data format")

// Register registers a format. It panics if its name is taken, or if Doc, Options or Open is missing.
func Register(f Format) {
	if f.Options == nil || f.Open == nil {
		panic("data format " + f.Name + " cannot be registered: it needs Options and Open")
	}
	options.MustDescribe("data format "+f.Name, f.Options)
	open := f.Open
	f.Open = func(ctx context.Context, given any, environment Environment) (Dataset, error) {
		own, err := options.Of(f.Options, given)
		if err == nil {
			err = CheckOptions(own)
		}
		if err != nil {
			return nil, fmt.Errorf("data set %s: %w", f.Name, err)
		}
		return open(ctx, own, environment)
	}
	formats.Register(f.Name, f.Doc, f)
}

// Formats lists the registered formats, sorted by name.
func Formats() []Format { return formats.All() }

// Names lists the names of the formats, sorted.
func Names() []string { return formats.Names() }

// Lookup finds a format by name. The error of an unknown name lists the known ones.
func Lookup(name string) (Format, error) { return formats.Lookup(name) }
