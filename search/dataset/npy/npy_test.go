package npy

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// file is an npy file of version 1 with the given header text.
func file(text string, elements ...byte) []byte {
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(append(b, text...), elements...)
}

func TestReadHeader(t *testing.T) {
	float := Type{Kind: 'f', Size: 4}
	version2 := append([]byte(magic), 2, 0, 60, 0, 0, 0)
	version2 = append(version2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } "...)
	for _, c := range []struct {
		name string
		file []byte
		want Header
	}{
		{"as numpy writes it", file("{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }   \n"), Header{float, false, []int{60000, 28, 28}}},
		{"one axis", file("{'descr': '|u1', 'fortran_order': False, 'shape': (7,), }"), Header{Type{Kind: 'u', Size: 1}, false, []int{7}}},
		{"scalar", file("{'descr': '>i8', 'fortran_order': True, 'shape': (), }"), Header{Type{Kind: 'i', Size: 8, BigEndian: true}, true, nil}},
		{"another order, no comma", file(`{"shape":(2,0),"fortran_order":False,"descr":"<f2"}`), Header{Type{Kind: 'f', Size: 2}, false, []int{2, 0}}},
		{"long integers of Python 2", file("{'descr': '<f4', 'fortran_order': False, 'shape': (5L, 6L), }"), Header{float, false, []int{5, 6}}},
		{"version 2", version2, Header{float, false, []int{2, 3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, offset, err := ReadHeader(bytes.NewReader(c.file))
			if err != nil {
				t.Fatal(err)
			}
			if got.Type != c.want.Type || got.Fortran != c.want.Fortran || !slices.Equal(got.Shape, c.want.Shape) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if offset != int64(len(c.file)) {
				t.Errorf("elements at byte %d, want %d", offset, len(c.file))
			}
		})
	}
}

func TestReadHeaderErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "truncated"},
		{"other file", []byte("PK\x03\x04 something else"), "not an npy file"},
		{"version", append([]byte(magic), 9, 0), "version 9"},
		{"cut off", file("{'descr': '<f4'")[:15], "truncated"},
		{"huge header", append([]byte(magic), 2, 0, 255, 255, 255, 255), "length is"},
		{"not a dictionary", file("hello"), "want {"},
		{"missing key", file("{'descr': '<f4', 'shape': (2,)}"), `"fortran_order" is missing`},
		{"twice", file("{'descr': '<f4', 'descr': '<f4'}"), "twice"},
		{"unknown key", file("{'colour': '<f4'}"), "unknown key"},
		{"objects", file("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}"), "not supported"},
		{"complex", file("{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}"), "not supported"},
		{"records", file("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,)}"), "records"},
		{"negative", file("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}"), "want a length"},
		{"overflow", file("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"), "too large"},
		{"overflow behind a zero", file("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 2)}"), "too large"},
		{"beyond integers", file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}"), "want a length"},
		{"rubbish behind", file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x"), "want the end"},
		{"many axes", file("{'descr': '<f4', 'fortran_order': False, 'shape': (" + strings.Repeat("1,", 33) + ")}"), "axes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := ReadHeader(bytes.NewReader(c.file))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	big := binary.BigEndian
	little := binary.LittleEndian
	for _, c := range []struct {
		descr string
		bytes []byte
		want  float64
	}{
		{"|b1", []byte{2}, 1},
		{"|i1", []byte{0xfe}, -2},
		{"|u1", []byte{0xfe}, 254},
		{"<i2", []byte{0xfe, 0xff}, -2},
		{">i2", []byte{0xff, 0xfe}, -2},
		{"<u2", []byte{0xfe, 0xff}, 65534},
		{"<i4", little.AppendUint32(nil, 1<<32-3), -3},
		{">u4", big.AppendUint32(nil, 1<<32-3), 1<<32 - 3},
		{"<i8", little.AppendUint64(nil, 1<<64-4), -4},
		{">i8", big.AppendUint64(nil, 1<<64-4), -4},
		{"<u8", little.AppendUint64(nil, 1<<63), 1 << 63},
		{"<f2", []byte{0x00, 0x3c}, 1},
		{"<f2", []byte{0x00, 0xc2}, -3},
		{"<f2", []byte{0x01, 0x00}, math.Ldexp(1, -24)}, // the smallest subnormal number
		{"<f2", []byte{0xff, 0x7b}, 65504},              // the largest number
		{"<f2", []byte{0x00, 0xfc}, math.Inf(-1)},
		{"<f4", little.AppendUint32(nil, math.Float32bits(-1.5)), -1.5},
		{">f4", big.AppendUint32(nil, math.Float32bits(-1.5)), -1.5},
		{">f8", big.AppendUint64(nil, math.Float64bits(math.Pi)), math.Pi},
		{"=f8", little.AppendUint64(nil, math.Float64bits(math.Pi)), math.Pi},
	} {
		kind, err := ParseType(c.descr)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 2)
		kind.Decode(got, append(slices.Clone(c.bytes), c.bytes...))
		if got[0] != c.want || got[1] != c.want {
			t.Errorf("%s % x: got %v, want %v twice", c.descr, c.bytes, got, c.want)
		}
	}
	nan := make([]float64, 1)
	Type{Kind: 'f', Size: 2}.Decode(nan, []byte{0x01, 0x7c})
	if !math.IsNaN(nan[0]) {
		t.Errorf("half NaN is %v", nan[0])
	}
}

// DecodeScaled is Decode and one rounding, for every type and length.
func TestDecodeScaled(t *testing.T) {
	const mean, scale = 1.25, 1 / 1.7
	for _, descr := range []string{"|b1", "|i1", "|u1", "<i2", ">i4", "<i8", "<u2", "<u4", ">u8", "<f2", "<f4", ">f4", "<f8"} {
		kind, err := ParseType(descr)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 3, 4, 5, 255, 256, 257, 1000} {
			src := make([]byte, n*kind.Size)
			for i := range src {
				src[i] = byte(i*i*31 + i)
			}
			values, got := make([]float64, n), make([]float32, n)
			kind.Decode(values, src)
			kind.DecodeScaled(got, src, mean, scale)
			for i, v := range values {
				if want := float32((v - mean) * scale); math.Float32bits(got[i]) != math.Float32bits(want) && want == want {
					t.Fatalf("%s: element %d of %d is %v, want %v", descr, i, n, got[i], want)
				}
			}
			means, scales := make([]float64, n), make([]float64, n)
			for i := range n {
				means[i], scales[i] = mean*float64(i), scale/float64(i+1)
			}
			kind.DecodeScaledEach(got, src, means, scales)
			for i, v := range values {
				if want := float32((v - means[i]) * scales[i]); math.Float32bits(got[i]) != math.Float32bits(want) && want == want {
					t.Fatalf("%s: element %d of %d is %v, want %v", descr, i, n, got[i], want)
				}
			}
		}
	}
}

func TestWriterBytes(t *testing.T) {
	// Version 1.0 of numpy.lib.format: magic, version, length of the header (0x76), dictionary, spaces up to a multiple of
	// 64 bytes, newline, elements.
	want := "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }" + strings.Repeat(" ", 58) + "\n" + "\x00\x00\x80\x3f\x00\x00\x00\x40"
	var b bytes.Buffer
	w, err := NewWriter(&b, Float32, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append([]float32{1, 2}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

func TestWriterReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Type{Float32, Int64}).Draw(t, "type")
		shape := rapid.SliceOfN(rapid.IntRange(1, 5), 0, 4).Draw(t, "shape")
		size := 1
		for _, n := range shape {
			size *= n
		}
		values := make([]float32, size)
		for i := range values {
			values[i] = float32(rapid.IntRange(-1000, 1000).Draw(t, "value"))
		}
		var b bytes.Buffer
		w, err := NewWriter(&b, kind, shape...)
		if err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(0, size).Draw(t, "cut")
		if err := w.Append(values[:cut]); err != nil {
			t.Fatal(err)
		}
		if cut < size && w.Close() == nil {
			t.Fatal("a file that lacks elements was closed")
		}
		if err := w.Append(values[cut:]); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if w.Append(values[:1]) == nil {
			t.Fatal("more elements than the shape has were accepted")
		}
		h, offset, err := ReadHeader(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if offset%64 != 0 || h.Type != kind || !slices.Equal(h.Shape, shape) || offset+h.Bytes() != int64(b.Len()) {
			t.Fatalf("read back %+v at byte %d of %d", h, offset, b.Len())
		}
		got := make([]float64, size)
		h.Type.Decode(got, b.Bytes()[offset:])
		for i, v := range values {
			if got[i] != float64(v) {
				t.Fatalf("element %d is %v, want %v", i, got[i], v)
			}
		}
	})
}

func TestWriterErrors(t *testing.T) {
	if _, err := NewWriter(&bytes.Buffer{}, Float32, -1); err == nil {
		t.Error("a negative length was accepted")
	}
	if _, err := NewWriter(&bytes.Buffer{}, Type{Kind: 'f', Size: 2}, 1); err == nil {
		t.Error("a type that cannot be written was accepted")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here:", err)
	}
	defer full.Close()
	if _, err := NewWriter(full, Float32, 1); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("a full device gives %v", err)
	}
}

func FuzzReadHeader(f *testing.F) {
	f.Add(file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", make([]byte, 24)...))
	f.Add(file("{'descr': '>i2', 'fortran_order': True, 'shape': (), }"))
	f.Add(file("{'descr': '|b1', 'fortran_order': False, 'shape': (99999999999,), }"))
	f.Add(append([]byte(magic), 2, 0, 255, 255, 255, 255))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, offset, err := ReadHeader(bytes.NewReader(b))
		if err != nil {
			return
		}
		if h.Rows() < 0 || h.RowSize() < 0 || h.Bytes() < 0 || offset > int64(len(b)) {
			t.Fatalf("%+v at byte %d: negative or beyond the end", h, offset)
		}
		if n := h.Bytes(); n <= int64(len(b))-offset {
			h.Type.Decode(make([]float64, n/int64(h.Type.Size)), b[offset:])
		}
		if again, err := ParseType(h.Type.String()); err != nil || again != h.Type {
			t.Fatalf("type %+v is written %q and read %+v, %v", h.Type, h.Type, again, err)
		}
	})
}

// BenchmarkDecodeScaled standardises as one, and each by its own mean and scale.
func BenchmarkDecodeScaled(b *testing.B) {
	const n = 8192
	src, dst := make([]byte, 4*n), make([]float32, n)
	means, scales := make([]float64, n), make([]float64, n)
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(4 * n)
		for b.Loop() {
			Float32.DecodeScaled(dst, src, 1, 2)
		}
	})
	b.Run("each", func(b *testing.B) {
		b.SetBytes(4 * n)
		for b.Loop() {
			Float32.DecodeScaledEach(dst, src, means, scales)
		}
	})
}
