package dataset

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mixmas/nn/options"
	"mixmas/nn/registry"
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
