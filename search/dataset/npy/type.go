package npy

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Type is the type of an array's elements: numbers, or text.
type Type struct {
	Kind      byte // 'b' boolean, 'i' signed, 'u' unsigned, 'f' floating point; 'S' bytes or 'U' UTF-32 for text
	Size      int  // bytes per element: 1, 2, 4 or 8 for numbers
	BigEndian bool
}

// The types that the program writes most.
var (
	Float32 = Type{Kind: 'f', Size: 4}
	Int64   = Type{Kind: 'i', Size: 8}
	Uint8   = Type{Kind: 'u', Size: 1}
	Uint16  = Type{Kind: 'u', Size: 2}
	Int32   = Type{Kind: 'i', Size: 4}
)

// maximumText is the largest size of an element of text, in bytes.
const maximumText = 1 << 30

// ParseType parses NumPy's notation: "<f4", "|u1", ">i8", "|b1", and for text "|S20" and "<U20".
func ParseType(descr string) (Type, error) {
	if len(descr) < 3 || !strings.ContainsRune("<>|=", rune(descr[0])) {
		return Type{}, unsupported(descr)
	}
	t := Type{Kind: descr[1], BigEndian: descr[0] == '>'}
	switch descr[1:] {
	case "b1", "i1", "u1":
		t.Size, t.BigEndian = 1, false
		return t, nil
	case "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8":
		t.Size = int(descr[2] - '0')
		return t, nil
	}
	n, err := strconv.ParseUint(descr[2:], 10, 32)
	if !t.Text() || err != nil || descr[2] == '+' {
		return Type{}, unsupported(descr)
	}
	t.Size = int(n)
	if t.Kind == 'U' {
		t.Size *= 4
	} else {
		t.BigEndian = false
	}
	if t.Size < 1 || t.Size > maximumText {
		return Type{}, fmt.Errorf("type %q: want 1 to %d bytes of text per element", descr, maximumText)
	}
	return t, nil
}

func unsupported(descr string) error {
	return fmt.Errorf("type %q is not supported: want b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 or f8", descr)
}

// Text reports whether elements are text.
func (t Type) Text() bool { return t.Kind == 'S' || t.Kind == 'U' }

// String is NumPy's notation.
func (t Type) String() string {
	order, size := "<", t.Size
	switch {
	case t.Size == 1 || t.Kind == 'S':
		order = "|"
	case t.BigEndian:
		order = ">"
	}
	if t.Kind == 'U' {
		size /= 4
	}
	return fmt.Sprintf("%s%c%d", order, t.Kind, size)
}

// DecodeText returns an element of text from its Size bytes: without the zeros at its end, and in UTF-8. It is an error if it is
// not valid UTF-8 (of [Type.Kind] S) or Unicode (of U).
func (t Type) DecodeText(src []byte) (string, error) {
	if t.Kind == 'S' {
		text := strings.TrimRight(string(src[:t.Size]), "\x00")
		if !utf8.ValidString(text) {
			return "", fmt.Errorf("the text %q is not UTF-8", text)
		}
		return text, nil
	}
	text := make([]byte, 0, t.Size/4)
	for i := 0; i < t.Size; i += 4 {
		r := t.uint32(src[i:])
		if r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
			return "", fmt.Errorf("the text has the character %#x, which Unicode does not", r)
		}
		text = utf8.AppendRune(text, rune(r))
	}
	return strings.TrimRight(string(text), "\x00"), nil
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
