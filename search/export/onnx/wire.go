package onnx

import (
	"encoding/binary"
	"io"
	"math"
)

// message is a protobuf message: what was written of it, in pieces, so that weights are not copied.
type message struct {
	pieces []piece
	size   int // bytes of all pieces
}

// piece is a part of a message: bytes, or numbers that are written in little-endian order.
type piece struct {
	bytes   []byte
	numbers []float32
}

// The wire types of protobuf's fields.
const (
	varint  = 0
	delimit = 2
	fixed32 = 5
)

func (m *message) add(b ...byte) {
	if last := len(m.pieces) - 1; last >= 0 && m.pieces[last].numbers == nil {
		m.pieces[last].bytes = append(m.pieces[last].bytes, b...)
	} else {
		m.pieces = append(m.pieces, piece{bytes: b})
	}
	m.size += len(b)
}

func (m *message) tag(field, wire int) { m.add(binary.AppendUvarint(nil, uint64(field<<3|wire))...) }

// integer writes a number as a varint; negative ones take ten bytes.
func (m *message) integer(field int, v int64) {
	m.tag(field, varint)
	m.add(binary.AppendUvarint(nil, uint64(v))...)
}

// float writes a number as four bytes.
func (m *message) float(field int, v float32) {
	m.tag(field, fixed32)
	m.add(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))...)
}

// text writes a string.
func (m *message) text(field int, s string) {
	m.tag(field, delimit)
	m.add(binary.AppendUvarint(nil, uint64(len(s)))...)
	m.add([]byte(s)...)
}

// message writes a message inside this one.
func (m *message) message(field int, inner *message) {
	m.tag(field, delimit)
	m.add(binary.AppendUvarint(nil, uint64(inner.size))...)
	size := m.size + inner.size
	for _, p := range inner.pieces {
		if p.numbers == nil {
			m.add(p.bytes...)
		} else {
			m.pieces = append(m.pieces, p)
		}
	}
	m.size = size
}

// integers writes numbers as one packed field.
func (m *message) integers(field int, list []int64) {
	var packed []byte
	for _, v := range list {
		packed = binary.AppendUvarint(packed, uint64(v))
	}
	m.text(field, string(packed))
}

// raw writes float32 numbers as bytes.
func (m *message) raw(field int, numbers []float32) {
	m.tag(field, delimit)
	m.add(binary.AppendUvarint(nil, uint64(4*len(numbers)))...)
	if len(numbers) > 0 {
		m.pieces = append(m.pieces, piece{numbers: numbers})
		m.size += 4 * len(numbers)
	}
}

// WriteTo writes the message.
func (m *message) WriteTo(w io.Writer) (int64, error) {
	written := int64(0)
	buffer := make([]byte, 0, 1<<16)
	write := func(b []byte) error {
		n, err := w.Write(b)
		written += int64(n)
		return err
	}
	for _, p := range m.pieces {
		if p.numbers == nil {
			if err := write(p.bytes); err != nil {
				return written, err
			}
			continue
		}
		for at := 0; at < len(p.numbers); at += cap(buffer) / 4 {
			buffer = buffer[:0]
			for _, v := range p.numbers[at:min(len(p.numbers), at+cap(buffer)/4)] {
				buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
			}
			if err := write(buffer); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// littleEndian is the form of integers in files.
func littleEndian(list []int64) []byte {
	var b []byte
	for _, v := range list {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}
