package wav

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// chunk is a name, a length, the content and padding to an even length.
func chunk(name string, content ...byte) []byte {
	b := append([]byte(name), binary.LittleEndian.AppendUint32(nil, uint32(len(content)))...)
	b = append(b, content...)
	if len(content)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// format is the content of a "fmt " chunk.
func format(encoding, channels uint16, rate uint32, bits uint16) []byte {
	b := binary.LittleEndian.AppendUint16(nil, encoding)
	b = binary.LittleEndian.AppendUint16(b, channels)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate*uint32(channels)*uint32(bits)/8)
	b = binary.LittleEndian.AppendUint16(b, channels*bits/8)
	return binary.LittleEndian.AppendUint16(b, bits)
}

// file is a RIFF file of chunks.
func file(chunks ...[]byte) []byte {
	content := append([]byte("WAVE"), slices.Concat(chunks...)...)
	return append(append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(content)))...), content...)
}

var (
	mono16 = chunk("fmt ", format(1, 1, 8000, 16)...)
	data16 = chunk("data", 0, 0x80, 0, 0x40, 0xff, 0xff)
)

func TestDecode(t *testing.T) {
	want16 := []float32{-1, .5, -1. / 32768}
	for _, c := range []struct {
		name string
		file []byte
		want []float32
	}{
		{"16 bits", file(mono16, data16), want16},
		{"data first", file(data16, mono16), want16},
		{"odd chunk between", file(mono16, chunk("LIST", 1, 2, 3), data16), want16},
		{"rubbish behind", append(file(mono16, data16), 1, 2, 3), want16},
		{"8 bits, odd", file(chunk("fmt ", format(1, 1, 8000, 8)...), chunk("data", 0, 128, 192)), []float32{-1, 0, .5}},
		{"no samples", file(mono16, chunk("data")), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Decode(c.file)
			if err != nil {
				t.Fatal(err)
			}
			if got.Rate != 8000 || !slices.Equal(got.Samples, c.want) {
				t.Errorf("got %+v, want %v at 8000", got, c.want)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "not a wav file"},
		{"other file", []byte("RIFF\x00\x00\x00\x00AVI LIST"), "not a wav file"},
		{"no data", file(mono16), "chunk"},
		{"no format", file(data16), "chunk"},
		{"truncated", file(mono16, data16)[:46], "truncated"},
		{"stereo", file(chunk("fmt ", format(1, 2, 8000, 16)...), data16), "2 channels"},
		{"compressed", file(chunk("fmt ", format(85, 1, 8000, 16)...), data16), "encoding 85"},
		{"24 bits", file(chunk("fmt ", format(1, 1, 8000, 24)...), data16), "24 bits"},
		{"rate", file(chunk("fmt ", format(1, 1, 0, 16)...), data16), "rate"},
		{"short format", file(chunk("fmt ", 1, 0), data16), "want 16"},
		{"half a sample", file(mono16, chunk("data", 1, 2, 3)), "the last sample is truncated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode(c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(file(mono16, data16))
	f.Add(file(data16, mono16))
	f.Add(file(chunk("fmt ", format(1, 1, 8000, 8)...), chunk("data", 0, 128, 192)))
	f.Add(file([]byte("data\xff\xff\xff\xff")))
	f.Fuzz(func(t *testing.T, b []byte) {
		sound, err := Decode(b)
		if err != nil {
			return
		}
		if len(sound.Samples) > len(b) || sound.Rate <= 0 {
			t.Fatalf("%d samples at %d from %d bytes", len(sound.Samples), sound.Rate, len(b))
		}
		for _, v := range sound.Samples {
			if !(v >= -1 && v < 1) {
				t.Fatalf("sample %v", v)
			}
		}
	})
}
