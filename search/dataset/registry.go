package dataset

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
)

// Format opens one kind of data set.
type Format struct {
	Name string // as it is written in a configuration
	Doc  string // one sentence
	// Options makes a pointer to a struct that holds the defaults; its fields have yaml tags, are explained in `doc` tags and
	// bounded in `jsonschema` tags. Where it is a [Checker], what else must hold is checked too, before any file is opened.
	Options func() any
	// Folder makes options that open the data in a folder whose layout alone says what they are; nil for a format without such
	// a layout.
	Folder func(path string) any
	// Open opens the data set that options, made by Options, describe. Its errors name the file and row, or the option.
	Open func(ctx context.Context, options any, environment Environment) (Dataset, error)
}

// Checker is options that know what must hold beyond the single field.
type Checker interface {
	// Check returns an [*OptionError] for the first option that is missing, out of range or contradicts another. It opens no
	// files.
	Check() error
}

// OptionError is what is wrong with an option.
type OptionError struct {
	Field string // its path, such as modalities[0].kind
	Text  string // what is wrong and what would be right
}

// Error is "field: text".
func (e *OptionError) Error() string { return e.Field + ": " + e.Text }

// OptionErrorf is an [*OptionError].
func OptionErrorf(field, format string, args ...any) error {
	return &OptionError{Field: field, Text: fmt.Sprintf(format, args...)}
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

var registry = struct {
	sync.RWMutex
	formats map[string]Format
}{formats: map[string]Format{}}

// Register makes a format known. It panics when the format is incomplete or its name taken: both are programmers' mistakes.
func Register(f Format) {
	if f.Name == "" || f.Options == nil || f.Open == nil {
		panic("dataset: a format needs a name, Options and Open")
	}
	registry.Lock()
	defer registry.Unlock()
	if _, taken := registry.formats[f.Name]; taken {
		panic("dataset: format " + f.Name + " is registered twice")
	}
	registry.formats[f.Name] = f
}

// Formats lists the registered formats, sorted by name.
func Formats() []Format {
	registry.RLock()
	defer registry.RUnlock()
	list := make([]Format, 0, len(registry.formats))
	for _, f := range registry.formats {
		list = append(list, f)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Lookup finds a format by name. The error of an unknown name lists the known ones.
func Lookup(name string) (Format, error) {
	var known []string
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
		known = append(known, f.Name)
	}
	return Format{}, fmt.Errorf("unknown data format %q: known are %s", name, strings.Join(known, ", "))
}
