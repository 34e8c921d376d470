package arrayfile

import (
	"context"
	"io"
	"math"

	"mixmas/search/dataset"
	"mixmas/search/filecache"
)

// Entry is an npy or idx file that is no file on disk: it is in an archive.
type Entry struct {
	Name string // in errors
	// Open opens it, decompressed. It bounds what unpacks to many times its size.
	Open func() (io.ReadCloser, error)
	// Digest is that of its content, for the key in the cache.
	Digest func() (string, error)
}

// Column opens an array of numbers; see [Open].
func (x Entry) Column(ctx context.Context, e dataset.Environment, cache *filecache.Cache) (*Column, error) {
	a, err := x.open(ctx, e, cache)
	if err != nil {
		return nil, err
	}
	return a.numbers()
}

// Text opens an array of text; see [OpenText].
func (x Entry) Text(ctx context.Context, e dataset.Environment, cache *filecache.Cache) (*Text, error) {
	a, err := x.open(ctx, e, cache)
	if err != nil {
		return nil, err
	}
	return a.text()
}

func (x Entry) open(ctx context.Context, e dataset.Environment, cache *filecache.Cache) (*array, error) {
	size, write, err := unpacking(x.Name, -1, math.MaxInt64, x.Open)
	if err != nil {
		return nil, err
	}
	key := ""
	if cache.Keeps(size) {
		if key, err = x.Digest(); err != nil {
			return nil, err
		}
		key = "entry 1\n" + key
	}
	file, err := cache.File(ctx, key, size, write)
	if err != nil {
		return nil, err
	}
	a, err := of(x.Name, file, func() { cache.Remove(key) })
	if err != nil {
		return nil, err
	}
	return a.inRows(ctx, e, cache)
}
