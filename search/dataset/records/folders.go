package records

import (
	"context"

	"mixmas/nn/options"
	"mixmas/search/dataset/files"
)

// openPrimary opens the rows of the data set: tables, or a folder or archive.
func (b *builder) openPrimary(ctx context.Context) (*rows, error) {
	o := b.o
	if len(o.Path) == 1 && !isPattern(o.Path[0]) {
		kind, err := b.root.Kind(ctx, o.Path[0])
		if err != nil {
			return nil, err
		}
		if kind == files.Directory {
			return nil, errNotTable(o.Path[0])
		}
	}
	return b.open(ctx, [3]options.Words{o.Path, o.Validation, o.Test})
}
