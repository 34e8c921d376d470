// Package decoded keeps what was decoded, resized or tokenised once, as npy files in a [filecache.Cache].
package decoded

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"mixmas/search/dataset"
	"mixmas/search/dataset/arrayfile"
	"mixmas/search/dataset/npy"
	"mixmas/search/filecache"
)

// Cache is a cache of columns. Its other methods are those of [filecache.Cache].
type Cache struct{ *filecache.Cache }

// Open opens the cache in a folder, with room for the given number of bytes. Without a folder, without room, or if the folder
// cannot be written, columns are temporary files.
func Open(folder string, most int64) (*Cache, error) {
	c, err := filecache.Open(folder, most)
	if err != nil {
		return nil, err
	}
	return &Cache{c}, nil
}

// Column returns the column of a key: rows of the given shape. Errors call it by name. If it is not in the cache, or damaged, it
// is made of the rows that encode appends: prod(shape) values each, in order, any number at a time. The key must determine
// them. encode may be called twice, if the first file cannot be written. Values that the type cannot hold are an error; integer
// types hold no missing values.
//
// The digest in the column's Facts is that of the npy file. The column must be closed.
func (c *Cache) Column(ctx context.Context, name, key string, t npy.Type, shape []int, rows int, encode func(add func(values []float32) error) error) (dataset.Column, error) {
	header := npy.Header{Type: t, Shape: append([]int{rows}, shape...)}
	head, err := npy.AppendHeader(nil, header)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	key = fmt.Sprintf("column 1\n%s %v %d\n%s", t, shape, rows, key)
	size := int64(len(head)) + header.Bytes()
	write := func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<20)
		out, err := npy.NewWriter(buffered, t, header.Shape...)
		if err != nil {
			return err
		}
		if err := encode(out.Append); err != nil {
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
		return buffered.Flush()
	}
	for again := true; ; again = false {
		file, err := c.File(ctx, key, size, write)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		start := make([]byte, len(head))
		if _, err := file.ReadAt(start, 0); (err != nil || !bytes.Equal(start, head)) && file.Cached && again {
			c.Remove(key) // it is damaged
			if err := file.Close(); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		return arrayfile.Of(name, file, func() { c.Remove(key) })
	}
}
