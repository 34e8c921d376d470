package arrays

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/watch"
)

// array is an npy file with its rows along the first axis. Each row is read when it is needed. A memory map would be slower:
// faulting in its pages costs more than a read. They would also count as resident memory.
type array struct {
	file   *watch.File
	header npy.Header
	offset int64 // of the first element, in bytes
}

// openArray opens an npy file and checks that it is row-major, has at least one axis and is as long as its header says.
func openArray(path string) (*array, error) {
	f, err := watch.Open(path)
	if err != nil {
		return nil, err
	}
	header, offset, err := readHeader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &array{file: f, header: header, offset: offset}, nil
}

func readHeader(f *watch.File) (npy.Header, int64, error) {
	path := f.Path()
	header, offset, err := npy.ReadHeader(bufio.NewReader(f))
	if err != nil {
		return header, 0, fmt.Errorf("%s: %w", path, err)
	}
	if header.Fortran {
		return header, 0, fmt.Errorf("%s: the array is in Fortran order: save numpy.ascontiguousarray(array) instead", path)
	}
	if len(header.Shape) == 0 {
		return header, 0, fmt.Errorf("%s: the array is a scalar, want samples along the first axis", path)
	}
	info, err := f.Stat()
	if err != nil {
		return header, 0, err
	}
	if want := offset + header.Bytes(); info.Size() < want {
		return header, 0, fmt.Errorf("%s: the file is truncated: shape %s of %s needs %d bytes, it has %d", path, dimensions.Text(header.Shape), header.Type, want, info.Size())
	} else if info.Size() > want {
		return header, 0, fmt.Errorf("%s: the file is longer than shape %s of %s needs: %d bytes instead of %d", path, dimensions.Text(header.Shape), header.Type, info.Size(), want)
	}
	return header, offset, nil
}

func (a *array) Name() string                        { return a.file.Path() }
func (a *array) Rows() int                           { return a.header.Rows() }
func (a *array) Shape() []int                        { return a.header.Shape[1:] }
func (a *array) Unchanged(ctx context.Context) error { return a.file.Unchanged(ctx) }
func (a *array) Close() error                        { return a.file.Close() }

// rowPiece is the number of bytes of a row that are read at a time: a multiple of every element size.
const rowPiece = 32 << 10

// rowBuffers are buffers for pieces of rows.
var rowBuffers = sync.Pool{New: func() any { return new([rowPiece]byte) }}

func (a *array) Read(row int, s *dataset.Scaling, dst []float32) error {
	b := rowBuffers.Get().(*[rowPiece]byte)
	defer rowBuffers.Put(b)
	size := int64(a.header.Type.Size)
	offset := a.offset + int64(row)*int64(a.header.RowSize())*size
	for element := 0; element < len(dst); {
		some := dst[element:min(element+rowPiece/int(size), len(dst))]
		raw := b[:int64(len(some))*size]
		if _, err := a.file.ReadAt(raw, offset); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the file was closed or has become shorter")
			}
			return fmt.Errorf("%s: row %d: %w", a.Name(), row, err)
		}
		a.decode(some, raw, s, element)
		element, offset = element+len(some), offset+int64(len(raw))
	}
	return nil
}

// decode writes the elements of a row from the given one on, standardised, into dst.
func (a *array) decode(dst []float32, raw []byte, s *dataset.Scaling, element int) {
	for len(dst) > 0 {
		p := s.Piece(element, len(dst))
		if p.Means == nil {
			a.header.Type.DecodeScaled(dst[:p.Elements], raw, p.Mean, p.Scale)
		} else {
			a.header.Type.DecodeScaledEach(dst[:p.Elements], raw, p.Means, p.Scales)
		}
		dst, raw, element = dst[p.Elements:], raw[p.Elements*a.header.Type.Size:], element+p.Elements
	}
}

// ReadRows reads many rows without standardising them.
func (a *array) ReadRows(first int, dst []float32) error { return a.Read(first, nil, dst) }

func (a *array) Facts(ctx context.Context, r dataset.Request, e dataset.Environment) (dataset.Facts, error) {
	return a.file.Facts("npy facts 3", r, e, func() (dataset.Facts, error) { return a.pass(ctx, r) })
}

// pass reads the whole file once.
func (a *array) pass(ctx context.Context, r dataset.Request) (dataset.Facts, error) {
	s := dataset.NewStatistics(r, a.header.RowSize())
	values := make([]float64, min(a.header.Bytes(), watch.Piece)/int64(a.header.Type.Size))
	digest, err := a.file.Pass(ctx, a.offset, a.offset+a.header.Bytes(), func(raw []byte) error {
		some := values[:len(raw)/a.header.Type.Size]
		a.header.Type.Decode(some, raw)
		return s.Add(some)
	})
	return dataset.Facts{SHA256: digest, Standardisation: s.Standardisation()}, err
}

// sampleShape finds the shape of one sample of the kind from the shape of an array without its first axis.
func sampleShape(kind mixer.Kind, axes []int) ([]int, error) {
	size := 1
	for _, n := range axes {
		size *= n
	}
	if size == 0 {
		return nil, errors.New("samples have no elements")
	}
	switch {
	case kind == mixer.Map && len(axes) == 1:
		side := int(math.Round(math.Sqrt(float64(size))))
		if side*side != size {
			return nil, fmt.Errorf("%d elements do not make a square map: give the shape", size)
		}
		return []int{1, side, side}, nil
	case kind == mixer.Map && len(axes) == 2:
		return []int{1, axes[0], axes[1]}, nil
	case kind == mixer.Map && len(axes) == 3 && axes[2] == 1 && axes[0] != 1: // channel last
		return []int{1, axes[0], axes[1]}, nil
	case kind == mixer.Sequence && len(axes) == 1:
		return []int{size, 1}, nil
	case kind == mixer.Table:
		return []int{size}, nil
	case len(axes) == kind.Rank():
		return append([]int(nil), axes...), nil
	}
	return nil, fmt.Errorf("samples of shape %s cannot be a %s", dimensions.Text(axes), kind)
}
