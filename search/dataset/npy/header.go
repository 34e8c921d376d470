// Package npy reads and writes NumPy's .npy files, versions 1 to 3, with elements that are numbers, and reads those of text.
//
// The reader parses a header and decodes elements from bytes that the caller holds (a memory map, a buffer), so a file of
// any size needs no memory here. The writer streams. The layout is that of numpy.lib.format.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"mixmas/nn/dimensions"
)

const (
	magic            = "\x93NUMPY"
	maximumHeader    = 1 << 16 // bytes; NumPy itself refuses more than 10,000
	maximumDimension = 32      // NumPy's own limit
)

// Header describes the array of a file.
type Header struct {
	Type    Type
	Fortran bool  // column-major
	Shape   []int // empty for a scalar
}

// Rows is the length of the first axis, 1 for a scalar.
func (h Header) Rows() int {
	if len(h.Shape) == 0 {
		return 1
	}
	return h.Shape[0]
}

// RowSize is the number of elements of a row: the product of all axes but the first.
func (h Header) RowSize() int {
	size := 1
	for i := 1; i < len(h.Shape); i++ {
		size *= h.Shape[i]
	}
	return size
}

// Bytes is the size of the array's elements in a file, without the header.
func (h Header) Bytes() int64 {
	return int64(h.Rows()) * int64(h.RowSize()) * int64(h.Type.Size)
}

// ReadHeader parses the header at the start of r and returns the offset of the elements in bytes. It reads no further and
// allocates no more than 64 KiB, whatever the header says. A shape whose size in bytes overflows int64 is an error.
func ReadHeader(r io.Reader) (Header, int64, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return Header{}, 0, fmt.Errorf("not an npy file: %w", short(err))
	}
	if string(start[:len(magic)]) != magic {
		return Header{}, 0, errors.New("not an npy file: it does not start with \\x93NUMPY")
	}
	var length int
	offset := int64(len(start))
	switch major := start[6]; major {
	case 1:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return Header{}, 0, fmt.Errorf("npy header: %w", short(err))
		}
		length, offset = int(binary.LittleEndian.Uint16(b[:])), offset+2
	case 2, 3:
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return Header{}, 0, fmt.Errorf("npy header: %w", short(err))
		}
		n := binary.LittleEndian.Uint32(b[:])
		if n > maximumHeader {
			return Header{}, 0, fmt.Errorf("npy header: its length is %d bytes, want at most %d", n, maximumHeader)
		}
		length, offset = int(n), offset+4
	default:
		return Header{}, 0, fmt.Errorf("npy header: version %d is unknown, want 1, 2 or 3", major)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return Header{}, 0, fmt.Errorf("npy header: %w", short(err))
	}
	h, err := parse(string(text))
	if err != nil {
		return Header{}, 0, fmt.Errorf("npy header: %w", err)
	}
	return h, offset + int64(length), nil
}

// short replaces the error of a file that ended early by a clearer one.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is truncated")
	}
	return err
}

// parse reads the Python dictionary of a header: 'descr', 'fortran_order' and 'shape', in any order.
func parse(text string) (Header, error) {
	var h Header
	p := parser{text}
	seen := map[string]bool{}
	if !p.take('{') {
		return h, p.unexpected("{")
	}
	for !p.take('}') {
		key, err := p.quoted()
		if err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("%q is given twice", key)
		}
		seen[key] = true
		if !p.take(':') {
			return h, p.unexpected(":")
		}
		switch key {
		case "descr":
			err = p.descr(&h.Type)
		case "fortran_order":
			h.Fortran, err = p.boolean()
		case "shape":
			h.Shape, err = p.shape()
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return h, err
		}
		if !p.take(',') {
			if !p.take('}') {
				return h, p.unexpected("}")
			}
			break
		}
	}
	if p.space(); p.rest != "" {
		return h, p.unexpected("the end")
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return h, fmt.Errorf("%q is missing", key)
		}
	}
	return h, checkSize(h)
}

// checkSize returns an error if the size in bytes overflows, even if another axis is 0.
func checkSize(h Header) error {
	if len(h.Shape) > maximumDimension {
		return fmt.Errorf("%d axes, want at most %d", len(h.Shape), maximumDimension)
	}
	size := int64(h.Type.Size)
	for _, n := range h.Shape {
		if n == 0 {
			continue
		}
		if int64(n) > math.MaxInt64/size {
			return fmt.Errorf("the shape %s is too large", dimensions.Text(h.Shape))
		}
		size *= int64(n)
	}
	return nil
}

// parser consumes the text of a header.
type parser struct{ rest string }

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *parser) take(c byte) bool {
	p.space()
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) unexpected(want string) error {
	found := p.rest
	if len(found) > 20 {
		found = found[:20]
	}
	return fmt.Errorf("found %q, want %s", found, want)
}

func (p *parser) quoted() (string, error) {
	p.space()
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		return "", p.unexpected("a quoted word")
	}
	end := strings.IndexByte(p.rest[1:], p.rest[0])
	if end < 0 {
		return "", p.unexpected("a quoted word")
	}
	word := p.rest[1 : 1+end]
	p.rest = p.rest[end+2:]
	return word, nil
}

func (p *parser) descr(t *Type) error {
	p.space()
	if strings.HasPrefix(p.rest, "[") {
		return errors.New("records are not supported, only plain numbers")
	}
	word, err := p.quoted()
	if err != nil {
		return err
	}
	*t, err = ParseType(word)
	return err
}

func (p *parser) boolean() (bool, error) {
	p.space()
	for word, value := range map[string]bool{"True": true, "False": false} {
		if rest, ok := strings.CutPrefix(p.rest, word); ok {
			p.rest = rest
			return value, nil
		}
	}
	return false, p.unexpected("True or False")
}

func (p *parser) shape() ([]int, error) {
	if !p.take('(') {
		return nil, p.unexpected("(")
	}
	var shape []int
	for !p.take(')') {
		n, err := p.integer()
		if err != nil {
			return nil, err
		}
		shape = append(shape, n)
		if !p.take(',') {
			if !p.take(')') {
				return nil, p.unexpected(")")
			}
			break
		}
	}
	return shape, nil
}

func (p *parser) integer() (int, error) {
	p.space()
	end := 0
	for end < len(p.rest) && p.rest[end] >= '0' && p.rest[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(p.rest[:end])
	if err != nil {
		return 0, p.unexpected("a length")
	}
	p.rest = strings.TrimPrefix(p.rest[end:], "L") // Python 2 ended long integers with L
	return n, nil
}
