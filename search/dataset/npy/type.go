package npy

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Type is the numeric type of an array's elements.
type Type struct {
	Kind      byte // 'b' boolean, 'i' signed, 'u' unsigned, 'f' floating point
	Size      int  // bytes per element: 1, 2, 4 or 8
	BigEndian bool
}

// The types that the program writes.
var (
	Float32 = Type{Kind: 'f', Size: 4}
	Int64   = Type{Kind: 'i', Size: 8}
)

// ParseType parses NumPy's notation: "<f4", "|u1", ">i8", "|b1".
func ParseType(descr string) (Type, error) {
	if len(descr) == 3 {
		t := Type{Kind: descr[1], Size: int(descr[2] - '0'), BigEndian: descr[0] == '>'}
		switch descr[0] {
		case '<', '>', '|', '=':
			switch descr[1:] {
			case "b1", "i1", "u1":
				t.BigEndian = false
				return t, nil
			case "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8":
				return t, nil
			}
		}
	}
	return Type{}, fmt.Errorf("type %q is not supported: want b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 or f8", descr)
}

// String is NumPy's notation.
func (t Type) String() string {
	order := "<"
	switch {
	case t.Size == 1:
		order = "|"
	case t.BigEndian:
		order = ">"
	}
	return fmt.Sprintf("%s%c%d", order, t.Kind, t.Size)
}

// Decode writes the first len(dst) elements of src into dst; src has at least len(dst)·Size bytes. Integers beyond 2⁵³
// are rounded. It allocates nothing.
func (t Type) Decode(dst []float64, src []byte) {
	src = src[:len(dst)*t.Size]
	switch {
	case t.Kind == 'f' && t.Size == 4:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(t.uint32(src[4*i:])))
		}
	case t.Kind == 'f' && t.Size == 8:
		for i := range dst {
			dst[i] = math.Float64frombits(t.uint64(src[8*i:]))
		}
	case t.Kind == 'f' && t.Size == 2:
		for i := range dst {
			dst[i] = half(t.uint16(src[2*i:]))
		}
	case t.Kind == 'b':
		for i := range dst {
			dst[i] = 0
			if src[i] != 0 {
				dst[i] = 1
			}
		}
	case t.Kind == 'i' && t.Size == 1:
		for i := range dst {
			dst[i] = float64(int8(src[i]))
		}
	case t.Kind == 'i' && t.Size == 2:
		for i := range dst {
			dst[i] = float64(int16(t.uint16(src[2*i:])))
		}
	case t.Kind == 'i' && t.Size == 4:
		for i := range dst {
			dst[i] = float64(int32(t.uint32(src[4*i:])))
		}
	case t.Kind == 'i' && t.Size == 8:
		for i := range dst {
			dst[i] = float64(int64(t.uint64(src[8*i:])))
		}
	case t.Kind == 'u' && t.Size == 1:
		for i := range dst {
			dst[i] = float64(src[i])
		}
	case t.Kind == 'u' && t.Size == 2:
		for i := range dst {
			dst[i] = float64(t.uint16(src[2*i:]))
		}
	case t.Kind == 'u' && t.Size == 4:
		for i := range dst {
			dst[i] = float64(t.uint32(src[4*i:]))
		}
	case t.Kind == 'u' && t.Size == 8:
		for i := range dst {
			dst[i] = float64(t.uint64(src[8*i:]))
		}
	default:
		panic("npy: Decode of the unknown type " + t.String())
	}
}

// DecodeScaled writes (x - mean) scale, computed in float64, into dst for the first len(dst) elements x of src.
func (t Type) DecodeScaled(dst []float32, src []byte, mean, scale float64) {
	if t.Kind == 'f' && t.Size == 4 && !t.BigEndian { // the type of most files, in one pass
		at := func(x []byte) float32 {
			return float32((float64(math.Float32frombits(binary.LittleEndian.Uint32(x))) - mean) * scale)
		}
		for ; len(dst) >= 4; dst, src = dst[4:], src[16:] {
			d, x := (*[4]float32)(dst), (*[16]byte)(src)
			d[0], d[1], d[2], d[3] = at(x[0:4]), at(x[4:8]), at(x[8:12]), at(x[12:16])
		}
		for i := range dst {
			dst[i] = at(src[4*i:])
		}
		return
	}
	var values [256]float64
	for len(dst) > 0 {
		some := values[:min(len(values), len(dst))]
		t.Decode(some, src)
		for i, v := range some {
			dst[i] = float32((v - mean) * scale)
		}
		dst, src = dst[len(some):], src[len(some)*t.Size:]
	}
}

// DecodeScaledEach is like DecodeScaled, but with a mean and a scale for each element: at least len(dst) of both.
func (t Type) DecodeScaledEach(dst []float32, src []byte, means, scales []float64) {
	if t.Kind == 'f' && t.Size == 4 && !t.BigEndian {
		at := func(x []byte, mean, scale float64) float32 {
			return float32((float64(math.Float32frombits(binary.LittleEndian.Uint32(x))) - mean) * scale)
		}
		n := len(dst)
		src, means, scales = src[:4*n], means[:n], scales[:n]
		i := 0
		for ; i+4 <= n; i += 4 {
			d, x := (*[4]float32)(dst[i:]), (*[16]byte)(src[4*i:])
			m, s := (*[4]float64)(means[i:]), (*[4]float64)(scales[i:])
			d[0], d[1] = at(x[0:4], m[0], s[0]), at(x[4:8], m[1], s[1])
			d[2], d[3] = at(x[8:12], m[2], s[2]), at(x[12:16], m[3], s[3])
		}
		for ; i < n; i++ {
			dst[i] = at(src[4*i:], means[i], scales[i])
		}
		return
	}
	var values [256]float64
	for len(dst) > 0 {
		some := values[:min(len(values), len(dst))]
		t.Decode(some, src)
		m, s := means[:len(some)], scales[:len(some)]
		for i, v := range some {
			dst[i] = float32((v - m[i]) * s[i])
		}
		dst, src, means, scales = dst[len(some):], src[len(some)*t.Size:], means[len(some):], scales[len(some):]
	}
}

// uint16, uint32 and uint64 read in the type's byte order. (binary.ByteOrder as an interface would move src to the heap.)
func (t Type) uint16(b []byte) uint16 {
	if t.BigEndian {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (t Type) uint32(b []byte) uint32 {
	if t.BigEndian {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (t Type) uint64(b []byte) uint64 {
	if t.BigEndian {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// half is the value of an IEEE 754 binary16 number.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	var value float64
	switch exponent {
	case 0:
		value = math.Ldexp(fraction, -24)
	case 31:
		value = math.Inf(1)
		if fraction != 0 {
			value = math.NaN()
		}
	default:
		value = math.Ldexp(1024+fraction, exponent-25)
	}
	if bits>>15 == 1 {
		value = -value
	}
	return value
}
