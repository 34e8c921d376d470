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
	Name string // as it is written in a configuration
	Doc  string // one sentence
	// Options makes a pointer to a struct that holds the defaults; its fields have yaml tags, are explained in doc tags and
	// bounded in jsonschema tags: see package options. It may be a [Checker].
	Options func() any
	// Folder makes options that open the data in a folder whose layout alone says what they are; nil for a format without such
	// a layout.
	Folder func(path string) any
	// Open opens the data set that options, made by Options, describe. Its errors name the file and row, or the option.
	// Options of another type, and those that [CheckOptions] refuses, do not come so far.
	Open func(ctx context.Context, options any, environment Environment) (Dataset, error)
}

// Checker is options that know what must hold beyond the ranges in their tags: relations between options, names that may not
// be given twice and the like.
type Checker interface {
	// Check returns an [*options.Error] for the first option that is missing or contradicts another. It opens no files.
	Check() error
}

// CheckOptions checks options of a format: the rules of their tags, and what a [Checker] says.
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
	Cache  Cache  // keeps fingerprints and statistics; nil keeps none
	Verify bool   // compute fingerprints and statistics again whatever the cache holds
	Folder string // relative paths in options are relative to it; empty means the working directory
	// Preprocessing, when not nil, is applied in the place of the data set's own training statistics: that of a model that
	// predicts from this data. It has an entry for every modality.
	Preprocessing map[string]Standardisation
}

// Fits refuses data whose modalities are not those that a model reads.
func (e Environment) Fits(modalities ...string) error {
	if e.Preprocessing == nil {
		return nil
	}
	reads, has := slices.Sorted(maps.Keys(e.Preprocessing)), slices.Sorted(slices.Values(modalities))
	if !slices.Equal(reads, has) {
		return fmt.Errorf("the model reads the modalities %s, this data set has %s", strings.Join(reads, ", "), strings.Join(has, ", "))
	}
	return nil
}

// Standardisation is how a modality is standardised: as the model that predicts does, or as its training rows say.
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

// Register makes a format known. It panics when its name is taken, or without Doc, Options or Open: a programmer's mistake.
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

// Names lists their names.
func Names() []string { return formats.Names() }

// Lookup finds a format by name. The error of an unknown name lists the known ones.
func Lookup(name string) (Format, error) { return formats.Lookup(name) }
