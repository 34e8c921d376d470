package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"mixmas/nn/dimensions"
)

// Writer streams an array whose shape is known beforehand.
type Writer struct {
	w       io.Writer
	kind    Type
	missing int64 // elements still to come
	buffer  []byte
}

// NewWriter writes the header of an array of type Float32 or Int64 to w, in version 1 and padded to a multiple of 64 bytes.
func NewWriter(w io.Writer, t Type, shape ...int) (*Writer, error) {
	if t != Float32 && t != Int64 {
		return nil, fmt.Errorf("npy: type %s cannot be written, only %s and %s", t, Float32, Int64)
	}
	lengths := make([]string, len(shape))
	missing := int64(1)
	for i, n := range shape {
		if n < 0 {
			return nil, fmt.Errorf("npy: the shape %s has a negative length", dimensions.Text(shape))
		}
		lengths[i] = strconv.Itoa(n)
		missing *= int64(n)
	}
	if err := checkSize(Header{Type: t, Shape: shape}); err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	list := strings.Join(lengths, ", ")
	if len(shape) == 1 {
		list += ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", t, list)
	const prefix, align = len(magic) + 4, 64
	text += strings.Repeat(" ", align-1-(prefix+len(text))%align) + "\n"
	header := append([]byte(magic), 1, 0)
	header = binary.LittleEndian.AppendUint16(header, uint16(len(text)))
	if _, err := w.Write(append(header, text...)); err != nil {
		return nil, err
	}
	return &Writer{w: w, kind: t, missing: missing}, nil
}

// Append writes the next elements, row-major. Values of an Int64 array must be whole numbers.
func (w *Writer) Append(values []float32) error {
	if int64(len(values)) > w.missing {
		return fmt.Errorf("npy: %d elements more than the shape has", int64(len(values))-w.missing)
	}
	w.missing -= int64(len(values))
	w.buffer = w.buffer[:0]
	for _, v := range values {
		if w.kind == Float32 {
			w.buffer = binary.LittleEndian.AppendUint32(w.buffer, math.Float32bits(v))
		} else {
			w.buffer = binary.LittleEndian.AppendUint64(w.buffer, uint64(int64(v)))
		}
	}
	_, err := w.w.Write(w.buffer)
	return err
}

// Close checks that all elements were written. It leaves the underlying writer open.
func (w *Writer) Close() error {
	if w.missing > 0 {
		return fmt.Errorf("npy: %d elements fewer than the shape has", w.missing)
	}
	return nil
}
