package arrayfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/watch"
)

// Column is an array of numbers. Each row is read when it is needed. A memory map would be slower: faulting in its pages costs
// more than a read. They would also count as resident memory.
type Column struct {
	*array
	shape []int
	// The rows in the file are matrices of high×wide elements that are read as their transposes; 0 if they are read as they are.
	high, wide int
	rows       *sync.Pool // of *[]float32, a row each, if they are transposed
}

// Type is that of the elements in the file.
func (c *Column) Type() npy.Type { return c.header.Type }

// Shape implements [dataset.Column].
func (c *Column) Shape() []int { return c.shape }

// Transpose makes the column read its rows, matrices of high×wide elements, as their transposes, and gives rows a new shape:
// channels are the last axis of such a file, or features the first. Call it before the column is used. It changes the digest in
// [Column.Facts].
func (c *Column) Transpose(high, wide int, shape ...int) error {
	size := c.header.RowSize()
	if dimensions.Product(shape) != size || high*wide != size {
		return fmt.Errorf("%s: rows of %d elements are not %d×%d", c.Name(), size, high, wide)
	}
	if c.shape = slices.Clone(shape); high > 1 && wide > 1 {
		c.high, c.wide = high, wide
		c.rows = &sync.Pool{New: func() any { row := make([]float32, size); return &row }}
	}
	return nil
}

// rowPiece is the number of bytes of a row that are read at a time: a multiple of every element size.
const rowPiece = 32 << 10

// rowBuffers are buffers for pieces of rows.
var rowBuffers = sync.Pool{New: func() any { return new([rowPiece]byte) }}

// Read implements [dataset.Column].
func (c *Column) Read(row int, s *dataset.Scaling, dst []float32) error {
	if c.rows == nil {
		return c.read(row, s, dst)
	}
	whole := c.rows.Get().(*[]float32)
	defer c.rows.Put(whole)
	if err := c.read(row, nil, *whole); err != nil {
		return err
	}
	transpose(dst, *whole, c.high, c.wide)
	s.Apply(0, dst)
	return nil
}

// transpose writes the first elements of the transpose of a high×wide matrix to dst.
func transpose[T any](dst, matrix []T, high, wide int) {
	for j := 0; len(dst) > 0; j++ {
		column := dst[:min(high, len(dst))]
		k := j
		for i := range column {
			column[i] = matrix[k]
			k += wide
		}
		dst = dst[len(column):]
	}
}

// read reads the first elements of a row as they are in the file.
func (c *Column) read(row int, s *dataset.Scaling, dst []float32) error {
	b := rowBuffers.Get().(*[rowPiece]byte)
	defer rowBuffers.Put(b)
	size := int64(c.header.Type.Size)
	offset := c.offset + int64(row)*int64(c.header.RowSize())*size
	for element := 0; element < len(dst); {
		some := dst[element:min(element+rowPiece/int(size), len(dst))]
		raw := b[:int64(len(some))*size]
		if _, err := c.file.ReadAt(raw, offset); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the file was closed or has become shorter")
			}
			return fmt.Errorf("%s: row %d: %w", c.Name(), row, err)
		}
		c.decode(some, raw, s, element)
		element, offset = element+len(some), offset+int64(len(raw))
	}
	return nil
}

// decode writes the elements of a row from the given one on, standardised, into dst.
func (c *Column) decode(dst []float32, raw []byte, s *dataset.Scaling, element int) {
	for len(dst) > 0 {
		p := s.Piece(element, len(dst))
		if p.Means == nil {
			c.header.Type.DecodeScaled(dst[:p.Elements], raw, p.Mean, p.Scale)
		} else {
			c.header.Type.DecodeScaledEach(dst[:p.Elements], raw, p.Means, p.Scales)
		}
		dst, raw, element = dst[p.Elements:], raw[p.Elements*c.header.Type.Size:], element+p.Elements
	}
}

// ReadRows reads many rows without standardising them.
func (c *Column) ReadRows(first int, dst []float32) error {
	if c.rows == nil {
		return c.read(first, nil, dst)
	}
	size := c.header.RowSize()
	for ; len(dst) > 0; first, dst = first+1, dst[size:] {
		if err := c.Read(first, nil, dst[:size]); err != nil {
			return err
		}
	}
	return nil
}

// Facts implements [dataset.Column]. The digest is that of the npy or idx file.
func (c *Column) Facts(ctx context.Context, r dataset.Request, e dataset.Environment) (dataset.Facts, error) {
	key := "npy facts 3"
	if c.rows != nil {
		key += fmt.Sprintf(" transposed %d×%d", c.high, c.wide)
	}
	found, err := c.facts(key, r, e, func() (dataset.Facts, error) { return c.pass(ctx, r) })
	if err == nil && c.rows != nil { // the same numbers in another order are other content
		digest := sha256.Sum256(fmt.Appendf(nil, "transposed %d×%d %s", c.high, c.wide, found.SHA256))
		found.SHA256 = hex.EncodeToString(digest[:])
	}
	return found, err
}

// pass reads the whole file once.
func (c *Column) pass(ctx context.Context, r dataset.Request) (dataset.Facts, error) {
	s := dataset.NewStatistics(r, c.header.RowSize())
	values := make([]float64, min(c.header.Bytes(), watch.Piece)/int64(c.header.Type.Size))
	add := s.Add
	if c.rows != nil {
		add = c.transposing(s.Add)
	}
	digest, err := c.file.Pass(ctx, c.offset-c.first, c.offset-c.first+c.header.Bytes(), func(raw []byte) error {
		some := values[:len(raw)/c.header.Type.Size]
		c.header.Type.Decode(some, raw)
		return add(some)
	})
	return dataset.Facts{SHA256: digest, Standardisation: s.Standardisation()}, err
}

// transposing collects the elements of each row and passes on its transpose.
func (c *Column) transposing(add func([]float64) error) func([]float64) error {
	row := make([]float64, 0, c.header.RowSize())
	turned := make([]float64, c.header.RowSize())
	return func(values []float64) error {
		for len(values) > 0 {
			n := min(len(values), cap(row)-len(row))
			row, values = append(row, values[:n]...), values[n:]
			if len(row) < cap(row) {
				return nil
			}
			transpose(turned, row, c.high, c.wide)
			if err := add(turned); err != nil {
				return err
			}
			row = row[:0]
		}
		return nil
	}
}
