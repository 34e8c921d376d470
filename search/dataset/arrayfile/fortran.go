package arrayfile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mixmas/search/dataset"
	"mixmas/search/dataset/npy"
	"mixmas/search/filecache"
)

// rowMajor returns an array in Fortran order, in which the elements of a row lie far apart, as one in row-major order: an npy
// file in the cache. It takes over a, and returns it if it fails, or if both orders are the same.
func (a *array) rowMajor(ctx context.Context, e dataset.Environment, cache *filecache.Cache) (*array, error) {
	long := 0
	for _, n := range a.header.Shape {
		if n > 1 {
			long++
		}
	}
	if long < 2 || a.header.Bytes() == 0 {
		a.header.Fortran = false
		return a, nil
	}
	head, err := npy.AppendHeader(nil, npy.Header{Type: a.header.Type, Shape: a.header.Shape})
	if err != nil {
		return a, fmt.Errorf("%s: %w", a.Name(), err)
	}
	b, err := store(ctx, a.Name(), a.file, e, cache, "row-major 1", int64(len(head))+a.header.Bytes(), func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		return a.reorder(w, reorderBytes)
	})
	if err != nil {
		return a, err
	}
	if err := a.Close(); err != nil {
		return b, err
	}
	return b, b.readHeader()
}

const (
	reorderBytes = 64 << 20 // of rows that are put together at a time
	reorderTile  = 64       // elements of a row that are put together at a time
)

// reorder writes the elements in row-major order. In the file, the first elements of all rows come first, in planes of one
// element per row; their order is that of the axes of a row from the first to the last. It reads a piece of each plane, of as
// many rows as fit into most bytes, and writes these rows.
func (a *array) reorder(w io.Writer, most int) error {
	rows, size, row := a.header.Rows(), a.header.Type.Size, a.header.RowSize()
	many := min(rows, max(1, most/size/row))
	piece := row // elements of the rows that are put together at a time
	if many == 1 {
		piece = min(row, max(1, most/size))
	}
	whole := make([]byte, many*piece*size)
	tile := make([]byte, min(reorderTile, piece)*many*size)
	plane := a.planes()
	for first := 0; first < rows; first += many {
		n := min(many, rows-first)
		for element := 0; element < row; element += piece {
			some := min(piece, row-element)
			for k := 0; k < some; k += reorderTile {
				width := min(reorderTile, some-k)
				for i := range width {
					offset := a.offset + (int64(plane(element+k+i))*int64(rows)+int64(first))*int64(size)
					if _, err := a.file.ReadAt(tile[i*n*size:][:n*size], offset); err != nil {
						if errors.Is(err, io.EOF) {
							err = errors.New("the file has become shorter")
						}
						return fmt.Errorf("%s: %w", a.Name(), err)
					}
				}
				for r := range n {
					gather(whole[(r*some+k)*size:][:width*size], tile[r*size:], size, n*size)
				}
			}
			if _, err := w.Write(whole[:n*some*size]); err != nil {
				return err
			}
		}
	}
	return nil
}

// gather collects elements of so many bytes, step bytes apart, from the start of src on.
func gather(dst, src []byte, size, step int) {
	switch size {
	case 1:
		for i := range dst {
			dst[i] = src[i*step]
		}
	case 4:
		for i := 0; i+4 <= len(dst); i += 4 {
			*(*[4]byte)(dst[i:]) = *(*[4]byte)(src[i/4*step:])
		}
	case 8:
		for i := 0; i+8 <= len(dst); i += 8 {
			*(*[8]byte)(dst[i:]) = *(*[8]byte)(src[i/8*step:])
		}
	default:
		for i := 0; i < len(dst); i += size {
			copy(dst[i:i+size], src[i/size*step:])
		}
	}
}

// planes returns a function from an element of a row, counted in row-major order, to its plane in the file.
func (a *array) planes() func(element int) int {
	axes := a.header.Shape[1:]
	return func(element int) int {
		plane := 0
		stride := a.header.RowSize()
		for i := len(axes) - 1; i >= 0; i-- {
			stride /= axes[i]
			plane += element % axes[i] * stride
			element /= axes[i]
		}
		return plane
	}
}
