package golden

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// The dictionary in the header of a .npy file, as NumPy writes it.
var (
	descr   = regexp.MustCompile(`'descr': '([<|=][a-z][0-9]+)'`)
	order   = regexp.MustCompile(`'fortran_order': (False|True)`)
	shapeOf = regexp.MustCompile(`'shape': \(([0-9, ]*)\)`)
)

// decoders turn one little-endian element into a float64.
var decoders = map[string]struct {
	size   int
	decode func(b []byte) float64
}{
	"<f4": {4, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }},
	"<f8": {8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }},
	"<i4": {4, func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }},
	"<i8": {8, func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) }},
	"<u4": {4, func(b []byte) float64 { return float64(binary.LittleEndian.Uint32(b)) }},
}

// parse reads the versions 1 and 2 of the .npy format, little-endian, in either order.
func parse(data []byte) (Array, error) {
	if len(data) < 12 || string(data[:6]) != "\x93NUMPY" {
		return Array{}, errors.New("not a .npy file")
	}
	start, length := 10, int(binary.LittleEndian.Uint16(data[8:]))
	if data[6] > 1 {
		start, length = 12, int(binary.LittleEndian.Uint32(data[8:]))
	}
	if length < 0 || length > len(data)-start {
		return Array{}, errors.New("the header is truncated")
	}
	header, body := string(data[start:start+length]), data[start+length:]
	d, o, s := descr.FindStringSubmatch(header), order.FindStringSubmatch(header), shapeOf.FindStringSubmatch(header)
	if d == nil || o == nil || s == nil {
		return Array{}, fmt.Errorf("unsupported header %q", header)
	}
	element, known := decoders[d[1]]
	if !known {
		return Array{}, fmt.Errorf("unsupported type %s", d[1])
	}
	var a Array
	n := 1
	for _, part := range strings.FieldsFunc(s[1], func(r rune) bool { return r == ',' || r == ' ' }) {
		side, err := strconv.Atoi(part)
		if err != nil || side > len(data) || n*side > len(data) {
			return Array{}, fmt.Errorf("shape (%s) does not fit a file of %d bytes", s[1], len(data))
		}
		a.Shape, n = append(a.Shape, side), n*side
	}
	if len(body) != n*element.size {
		return Array{}, fmt.Errorf("shape (%s) of %s needs %d bytes, the file has %d", s[1], d[1], n*element.size, len(body))
	}
	a.Data = make([]float64, n)
	for i := range a.Data {
		a.Data[i] = element.decode(body[i*element.size:])
	}
	if o[1] == "True" {
		a.Data = rowMajor(a.Data, a.Shape)
	}
	return a, nil
}

// rowMajor reorders elements whose first index runs fastest.
func rowMajor(columnMajor []float64, shape []int) []float64 {
	data := make([]float64, len(columnMajor))
	for i := range data {
		from, rest, stride, place := 0, i, len(data), 1
		for _, side := range shape {
			stride /= side
			from += rest / stride * place
			rest %= stride
			place *= side
		}
		data[i] = columnMajor[from]
	}
	return data
}
