package records

import (
	"context"
	"errors"
	"maps"
	"slices"

	"mixmas/search/dataset"
)

// Open opens the data set that the options describe. Errors name the option, or the file, row and column.
func Open(ctx context.Context, o Options, e dataset.Environment) (dataset.Dataset, error) {
	return nil, errors.New("not yet")
}

// sortedKeys lists the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
