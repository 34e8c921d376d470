package onnx_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// field is a field of a protobuf message.
type field struct {
	number, wire int
	integer      uint64 // of varints and fixed numbers
	bytes        []byte
}

// fields reads the fields of a message, all of it.
func fields(b []byte) (list []field, err error) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag>>3 == 0 || tag>>3 >= 1<<29 {
			return nil, fmt.Errorf("a bad tag, %d bytes before the end", len(b))
		}
		b = b[n:]
		f := field{number: int(tag >> 3), wire: int(tag & 7)}
		switch f.wire {
		case 0:
			if f.integer, n = binary.Uvarint(b); n <= 0 {
				return nil, fmt.Errorf("field %d: a bad number", f.number)
			}
			b = b[n:]
		case 2:
			length, n := binary.Uvarint(b)
			if n <= 0 || length > uint64(len(b)-n) {
				return nil, fmt.Errorf("field %d is longer than its message", f.number)
			}
			f.bytes, b = b[n:][:length], b[n:][length:]
		case 5:
			if len(b) < 4 {
				return nil, fmt.Errorf("field %d is longer than its message", f.number)
			}
			f.integer, b = uint64(binary.LittleEndian.Uint32(b)), b[4:]
		default:
			return nil, fmt.Errorf("field %d has the wire type %d", f.number, f.wire)
		}
		list = append(list, f)
	}
	return list, nil
}

// The messages of onnx.proto, as far as files of ours use them.
type (
	file struct {
		ir, opset int
		producer  [2]string
		doc       string
		metadata  map[string]string
		nodes     []node
		constants map[string]array
		order     []string // of the constants
		inputs    []value
		outputs   []value
	}
	node struct {
		name, operation string
		inputs, outputs []string
		attributes      map[string]any // float64, int, string or []int
	}
	value struct {
		name, doc string
		kind      int
		dims      []string
	}
)

// reader reads messages, and keeps the first error.
type reader struct{ err error }

func (r *reader) fail(format string, arguments ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, arguments...)
	}
}

func (r *reader) message(b []byte, f func(f field)) {
	list, err := fields(b)
	if err != nil {
		r.fail("%w", err)
	}
	for _, x := range list {
		f(x)
	}
}

func (r *reader) text(f field) string {
	if f.wire != 2 || !utf8.Valid(f.bytes) {
		r.fail("field %d is no text", f.number)
	}
	return string(f.bytes)
}

// parse reads a file. Fields that it does not know are errors.
func parse(b []byte) (file, error) {
	var r reader
	m := file{metadata: map[string]string{}, constants: map[string]array{}}
	r.message(b, func(f field) {
		switch f.number {
		case 1:
			m.ir = int(f.integer)
		case 2:
			m.producer[0] = r.text(f)
		case 3:
			m.producer[1] = r.text(f)
		case 5:
		case 6:
			m.doc = r.text(f)
		case 7:
			r.graph(f.bytes, &m)
		case 8:
			r.message(f.bytes, func(f field) {
				if f.number == 2 {
					m.opset = int(f.integer)
				} else if r.text(f) != "" {
					r.fail("operations of the domain %s", r.text(f))
				}
			})
		case 14:
			var pair [2]string
			r.message(f.bytes, func(f field) { pair[f.number-1] = r.text(f) })
			m.metadata[pair[0]] = pair[1]
		default:
			r.fail("a model has the field %d", f.number)
		}
	})
	return m, r.err
}

func (r *reader) graph(b []byte, m *file) {
	r.message(b, func(f field) {
		switch f.number {
		case 1:
			m.nodes = append(m.nodes, r.node(f.bytes))
		case 2:
		case 5:
			name, a := r.tensor(f.bytes)
			if _, twice := m.constants[name]; twice {
				r.fail("the constant %s is there twice", name)
			}
			m.constants[name], m.order = a, append(m.order, name)
		case 11:
			m.inputs = append(m.inputs, r.value(f.bytes))
		case 12:
			m.outputs = append(m.outputs, r.value(f.bytes))
		default:
			r.fail("a graph has the field %d", f.number)
		}
	})
}

func (r *reader) node(b []byte) node {
	n := node{attributes: map[string]any{}}
	r.message(b, func(f field) {
		switch f.number {
		case 1:
			n.inputs = append(n.inputs, r.text(f))
		case 2:
			n.outputs = append(n.outputs, r.text(f))
		case 3:
			n.name = r.text(f)
		case 4:
			n.operation = r.text(f)
		case 5:
			var name string
			var v any
			list := []int{}
			kind := 0
			r.message(f.bytes, func(f field) {
				switch f.number {
				case 1:
					name = r.text(f)
				case 2:
					v = float64(math.Float32frombits(uint32(f.integer)))
				case 3:
					v = int(int64(f.integer))
				case 4:
					v = r.text(f)
				case 8:
					list = append(list, int(int64(f.integer)))
				case 20:
					kind = int(f.integer)
				}
			})
			if kind == 7 {
				v = list
			}
			n.attributes[name] = v
		default:
			r.fail("a node has the field %d", f.number)
		}
	})
	return n
}

func (r *reader) tensor(b []byte) (name string, a array) {
	var raw []byte
	r.message(b, func(f field) {
		switch f.number {
		case 1:
			for rest := f.bytes; len(rest) > 0; {
				d, n := binary.Uvarint(rest)
				if n <= 0 {
					r.fail("bad dimensions")
					return
				}
				a.dims, rest = append(a.dims, int(d)), rest[n:]
			}
		case 2:
			a.kind = int(f.integer)
		case 8:
			name = r.text(f)
		case 9:
			raw = f.bytes
		default:
			r.fail("a tensor has the field %d", f.number)
		}
	})
	width := map[int]int{1: 4, 7: 8}[a.kind]
	if width == 0 || len(raw) != width*count(a.dims) {
		r.fail("the constant %s of kind %d and shape %v has %d bytes", name, a.kind, a.dims, len(raw))
		return name, a
	}
	for at := 0; at < len(raw); at += width {
		if width == 4 {
			a.data = append(a.data, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[at:]))))
		} else {
			a.data = append(a.data, float64(int64(binary.LittleEndian.Uint64(raw[at:]))))
		}
	}
	return name, a
}

func (r *reader) value(b []byte) (v value) {
	r.message(b, func(f field) {
		switch f.number {
		case 1:
			v.name = r.text(f)
		case 3:
			v.doc = r.text(f)
		case 2:
			r.message(f.bytes, func(f field) {
				r.message(f.bytes, func(f field) {
					if f.number == 1 {
						v.kind = int(f.integer)
						return
					}
					r.message(f.bytes, func(f field) {
						r.message(f.bytes, func(f field) {
							if f.number == 1 {
								v.dims = append(v.dims, fmt.Sprint(f.integer))
							} else {
								v.dims = append(v.dims, r.text(f))
							}
						})
					})
				})
			})
		}
	})
	return v
}
