package arrayfile

import (
	"context"
	"errors"
	"fmt"

	"mixmas/search/dataset"
	"mixmas/search/filecache"
)

// Text is an array of texts, one per row.
type Text struct{ *array }

// OpenText opens an array of text; see [Open].
func OpenText(ctx context.Context, path string, e dataset.Environment, cache *filecache.Cache) (*Text, error) {
	a, err := openArray(ctx, path, e, cache)
	if err != nil {
		return nil, err
	}
	return a.text()
}

// maximumText is the largest size of a row's text, in bytes.
const maximumText = 1 << 16

// text returns an array of text.
func (a *array) text() (*Text, error) {
	switch {
	case !a.header.Type.Text():
		return nil, errors.Join(fmt.Errorf("%s: the elements are numbers of type %s, want text", a.Name(), a.header.Type), a.Close())
	case a.header.Type.Size > maximumText:
		return nil, errors.Join(fmt.Errorf("%s: type %s: want 1 to %d bytes of text per element", a.Name(), a.header.Type, maximumText), a.Close())
	case a.header.RowSize() != 1:
		return nil, errors.Join(fmt.Errorf("%s: the rows have %d texts each, want 1", a.Name(), a.header.RowSize()), a.Close())
	}
	return &Text{a}, nil
}

// Each calls use with the text of each row, in order.
func (t *Text) Each(ctx context.Context, use func(row int, text string) error) error {
	size := t.header.Type.Size
	some := max(1, (1<<18)/size) // rows at a time
	buffer := make([]byte, some*size)
	for first := 0; first < t.Rows(); first += some {
		if err := ctx.Err(); err != nil {
			return err
		}
		raw := buffer[:min(some, t.Rows()-first)*size]
		if _, err := t.file.ReadAt(raw, t.offset+int64(first)*int64(size)); err != nil {
			return fmt.Errorf("%s: row %d: %w", t.Name(), first, err)
		}
		for row := first; len(raw) > 0; row, raw = row+1, raw[size:] {
			text, err := t.header.Type.DecodeText(raw[:size])
			if err == nil {
				err = use(row, text)
			}
			if err != nil {
				return fmt.Errorf("%s: row %d: %w", t.Name(), row, err)
			}
		}
	}
	return nil
}

// Digest returns the digest of the npy file, as [dataset.Facts] without statistics.
func (t *Text) Digest(ctx context.Context, e dataset.Environment) (dataset.Facts, error) {
	return t.facts("npy text 1", dataset.Request{}, e, func() (dataset.Facts, error) {
		digest, err := t.file.Digest(ctx)
		return dataset.Facts{SHA256: digest, Standardisation: dataset.Standardisation{Per: dataset.None}}, err
	})
}
