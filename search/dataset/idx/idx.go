// Package idx reads IDX files, the format of MNIST (yann.lecun.com/exdb/mnist), plain or compressed with gzip.
package idx

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"mixmas/nn/dimensions"
	"mixmas/search/regular"
)

// Array is the content of a file.
type Array struct {
	Type  byte // 0x08 uint8, 0x09 int8, 0x0B int16, 0x0C int32, 0x0D float32, 0x0E float64
	Shape []int
	Data  []byte // elements, row-major, big-endian
}

// elementSize maps a type to bytes per element.
var elementSize = map[byte]int{0x08: 1, 0x09: 1, 0x0B: 2, 0x0C: 4, 0x0D: 4, 0x0E: 8}

// ReadFile reads a regular file of at most limit bytes of elements, until ctx ends. Errors name the file.
func ReadFile(ctx context.Context, path string, limit int64) (Array, error) {
	f, err := regular.Open(path)
	if err != nil {
		return Array{}, err
	}
	defer f.Close()
	a, err := Read(interruptible{ctx, f}, limit)
	if err != nil {
		return Array{}, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// interruptible reads until ctx ends.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (r interruptible) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// Header describes the array of a file.
type Header struct {
	Type  byte // as in [Array]
	Shape []int
}

// Bytes is the size of the elements in a file.
func (h Header) Bytes() int64 {
	size := int64(elementSize[h.Type])
	for _, n := range h.Shape {
		size *= int64(n)
	}
	return size
}

// ReadHeader parses the header at the start of r, which is not compressed, and returns the offset of the elements in bytes. It
// reads no further. A shape whose size in bytes overflows int64 is an error.
func ReadHeader(r io.Reader) (Header, int64, error) {
	var start [4]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return Header{}, 0, fmt.Errorf("idx header: %w", short(err))
	}
	size, known := elementSize[start[2]]
	if start[0] != 0 || start[1] != 0 || !known {
		return Header{}, 0, fmt.Errorf("not an idx file: it starts with % x", start)
	}
	h := Header{Type: start[2], Shape: make([]int, start[3])}
	lengths := make([]byte, 4*len(h.Shape))
	if _, err := io.ReadFull(r, lengths); err != nil {
		return Header{}, 0, fmt.Errorf("idx header: %w", short(err))
	}
	want := int64(size) // without axes of length 0: a shape that hides its size behind one is an error too
	for i := range h.Shape {
		n := int64(binary.BigEndian.Uint32(lengths[4*i:]))
		h.Shape[i] = int(n)
		if n == 0 {
			continue
		}
		if want > math.MaxInt64/n || int64(h.Shape[i]) != n {
			return Header{}, 0, errors.New("idx header: the shape is too large")
		}
		want *= n
	}
	return h, int64(len(start) + len(lengths)), nil
}

// Read reads an array of at most limit bytes of elements, from plain or gzip-compressed bytes. Memory grows with what r
// delivers, not with what the header claims. Bytes after the last element are an error.
func Read(r io.Reader, limit int64) (Array, error) {
	buffered := bufio.NewReader(r)
	if start, err := buffered.Peek(2); err == nil && start[0] == 0x1f && start[1] == 0x8b {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return Array{}, fmt.Errorf("idx: %w", err)
		}
		defer z.Close()
		return read(z, limit)
	}
	return read(buffered, limit)
}

func read(r io.Reader, limit int64) (Array, error) {
	h, _, err := ReadHeader(r)
	if err != nil {
		return Array{}, err
	}
	want := h.Bytes()
	if want > limit {
		return Array{}, fmt.Errorf("idx header: more than %d bytes of elements", limit)
	}
	a := Array{Type: h.Type, Shape: h.Shape}
	if a.Data, err = io.ReadAll(io.LimitReader(r, want+1)); err != nil {
		return Array{}, fmt.Errorf("idx: %w", short(err))
	}
	if int64(len(a.Data)) < want {
		return Array{}, fmt.Errorf("idx: the file is truncated: the shape %s needs %d bytes, it has %d", dimensions.Text(a.Shape), want, len(a.Data))
	}
	if int64(len(a.Data)) > want {
		return Array{}, fmt.Errorf("idx: the file is longer than shape %s needs", dimensions.Text(a.Shape))
	}
	return a, nil
}

// short replaces the error of a file that ended early by a clearer one.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is truncated")
	}
	return err
}
