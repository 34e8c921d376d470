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

// NewWriter writes the header of an array of numbers in row-major order to w, in version 1 and padded to a multiple of 64 bytes.
func NewWriter(w io.Writer, t Type, shape ...int) (*Writer, error) {
	if t.Kind == 'f' && t.Size == 2 || t.Text() {
		return nil, fmt.Errorf("npy: type %s cannot be written", t)
	}
	header, err := AppendHeader(nil, Header{Type: t, Shape: shape})
	if err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return nil, err
	}
	missing := int64(1)
	for _, n := range shape {
		missing *= int64(n)
	}
	return &Writer{w: w, kind: t, missing: missing}, nil
}

// AppendHeader appends the header of a file, in version 1 and padded to a multiple of 64 bytes.
func AppendHeader(b []byte, h Header) ([]byte, error) {
	lengths := make([]string, len(h.Shape))
	for i, n := range h.Shape {
		if n < 0 {
			return b, fmt.Errorf("the shape %s has a negative length", dimensions.Text(h.Shape))
		}
		lengths[i] = strconv.Itoa(n)
	}
	if err := checkSize(h); err != nil {
		return b, err
	}
	list := strings.Join(lengths, ", ")
	if len(h.Shape) == 1 {
		list += ","
	}
	order := "False"
	if h.Fortran {
		order = "True"
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", h.Type, order, list)
	const prefix, align = len(magic) + 4, 64
	text += strings.Repeat(" ", align-1-(prefix+len(text))%align) + "\n"
	b = append(append(b, magic...), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...), nil
}

// Append writes the next elements, row-major. A value that the type cannot hold is an error; the least significant bits of a
// floating-point number may be lost.
func (w *Writer) Append(values []float32) error {
	if int64(len(values)) > w.missing {
		return fmt.Errorf("npy: %d elements more than the shape has", int64(len(values))-w.missing)
	}
	w.missing -= int64(len(values))
	b := w.buffer[:0]
	switch {
	case w.kind == Float32:
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	case w.kind.Kind == 'f':
		for _, v := range values {
			if w.kind.Size == 4 {
				b = w.append(b, uint64(math.Float32bits(v)))
			} else {
				b = w.append(b, math.Float64bits(float64(v)))
			}
		}
	default:
		least, most := w.kind.limits()
		for _, v := range values {
			x := float64(v)
			if !(x >= least && x <= most) || x != math.Trunc(x) {
				return fmt.Errorf("npy: the value %v does not fit type %s", v, w.kind)
			}
			bits := uint64(int64(x))
			if w.kind.Kind == 'u' {
				bits = uint64(x)
			}
			b = w.append(b, bits)
		}
	}
	w.buffer = b
	_, err := w.w.Write(b)
	return err
}

// limits are the least and the largest number of an integer or boolean type that a float64 holds.
func (t Type) limits() (least, most float64) {
	switch t.Kind {
	case 'b':
		return 0, 1
	case 'u':
		return 0, math.Nextafter(math.Ldexp(1, 8*t.Size), 0)
	}
	return -math.Ldexp(1, 8*t.Size-1), math.Nextafter(math.Ldexp(1, 8*t.Size-1), 0)
}

// append appends the lowest bytes of a number in the type's size and order.
func (w *Writer) append(b []byte, bits uint64) []byte {
	for i := range w.kind.Size {
		shift := 8 * i
		if w.kind.BigEndian {
			shift = 8 * (w.kind.Size - 1 - i)
		}
		b = append(b, byte(bits>>shift))
	}
	return b
}

// Close checks that all elements were written. It leaves the underlying writer open.
func (w *Writer) Close() error {
	if w.missing > 0 {
		return fmt.Errorf("npy: %d elements fewer than the shape has", w.missing)
	}
	return nil
}
