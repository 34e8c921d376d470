package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mixmas/nn"
	"mixmas/nn/safetensors"
)

func write(t testing.TB, w nn.Weights, metadata map[string]string) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := safetensors.Write(&file, w, metadata); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestRoundTripKeepsEveryBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := nn.Weights{}
		for _, name := range rapid.SliceOfDistinct(rapid.StringMatching(`[a-z.0-9]{1,12}`), rapid.ID[string]).Draw(t, "names") {
			shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
			n := 1
			for _, d := range shape {
				n *= d
			}
			want[name] = nn.Tensor{Shape: shape, Data: rapid.SliceOfN(rapid.Float32(), n, n).Draw(t, "data")}
		}
		var file bytes.Buffer
		if err := safetensors.Write(&file, want, map[string]string{"about": "été"}); err != nil {
			t.Fatal(err)
		}
		got, metadata, err := safetensors.Parse(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if metadata["about"] != "été" || len(got) != len(want) {
			t.Fatalf("got %d tensors and metadata %v", len(got), metadata)
		}
		for name, w := range want {
			for i, x := range w.Data {
				if math.Float32bits(got[name].Data[i]) != math.Float32bits(x) {
					t.Fatalf("%s[%d] = %v, want %v", name, i, got[name].Data[i], x)
				}
			}
		}
	})
}

func TestKnownBytes(t *testing.T) {
	header := `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} `
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	file := append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header...)
	file = append(file, 0, 0, 0x80, 0x3f)
	got, _, err := safetensors.Parse(file)
	if diff := cmp.Diff(nn.Weights{"a": {Shape: []int{1}, Data: []float32{1}}}, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}

// frame is a file with the given header and n bytes of tensors.
func frame(header string, n int) []byte {
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	return append(file, make([]byte, n)...)
}

func TestDamagedFilesAreRefused(t *testing.T) {
	file := write(t, nn.Weights{"a": {Shape: []int{2}, Data: []float32{1, 2}}}, nil)
	for name, damaged := range map[string][]byte{
		"empty": nil, "cut header": file[:20], "cut data": file[:len(file)-1], "longer": append(bytes.Clone(file), 0),
		"other type": bytes.Replace(file, []byte("F32"), []byte("F16"), 1),
		"wrong size": bytes.Replace(file, []byte("[2]"), []byte("[3]"), 1),
		"overlap": bytes.Replace(write(t, nn.Weights{"a": {Shape: []int{1}, Data: []float32{1}}, "b": {Shape: []int{1}, Data: []float32{2}}}, nil),
			[]byte("[4,8]"), []byte("[0,4]"), 1),
		"twice": bytes.Replace(write(t, nn.Weights{"a": {Shape: []int{1}, Data: []float32{1}}, "b": {Shape: []int{1}, Data: []float32{2}}}, nil),
			[]byte(`"b"`), []byte(`"a"`), 1),
		"metadata twice":  bytes.Replace(write(t, nil, map[string]string{"k": "1", "l": "2"}), []byte(`"l"`), []byte(`"k"`), 1),
		"hole":            frame(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12),
		"one offset":      frame(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}`, 8),
		"three offsets":   frame(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}`, 8),
		"no shape":        frame(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4),
		"negative shape":  frame(`{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}`, 8),
		"wrapping shape":  frame(`{"a":{"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,0]}}`, 0),
		"many dimensions": frame(`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}`, 8),
		"two headers":     frame(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}{}`, 8),
		"cut json":        frame(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`, 8),
		"long header":     append(binary.LittleEndian.AppendUint64(nil, safetensors.MaxHeader+1), make([]byte, safetensors.MaxHeader+1)...),
		"zeros":           make([]byte, 4096),
		"no json":         bytes.Replace(file, []byte("{"), []byte("?"), 1),
	} {
		if _, _, err := safetensors.Parse(damaged); err == nil || !strings.HasPrefix(err.Error(), "safetensors: ") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// A header that promises much takes memory only for what is there, with a small factor.
func TestHeadersTakeLittleMemory(t *testing.T) {
	var tensors, deep strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&tensors, `"%x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`, i)
	}
	deep.WriteString(`"a":{"dtype":"F32","shape":[1`)
	for range 400000 {
		deep.WriteString(",1")
	}
	deep.WriteString(`],"data_offsets":[0,4]},`)
	end := `"end":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`
	for name, file := range map[string][]byte{
		"tensors":      frame("{"+tensors.String()+end, 0),
		"a long shape": frame("{"+deep.String()+strings.ReplaceAll(end, "[0,0]", "[4,4]"), 4),
		"metadata":     frame(`{"__metadata__":{"k":"`+strings.Repeat("x", 1<<20)+`"},`+end, 0),
		"unclosed":     frame(strings.Repeat("[", 1<<20), 0),
		"a promise":    frame(`{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}`, 0),
		"a long one":   binary.LittleEndian.AppendUint64(nil, safetensors.MaxHeader),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _ = safetensors.Parse(file)
		runtime.ReadMemStats(&after)
		if got, most := int(after.TotalAlloc-before.TotalAlloc), 20*len(file)+(256<<10); got > most {
			t.Errorf("%s: a file of %d bytes takes %d, want at most %d", name, len(file), got, most)
		}
	}
}

func TestLongHeadersAreNotWritten(t *testing.T) {
	err := safetensors.Write(io.Discard, nil, map[string]string{"k": strings.Repeat("x", safetensors.MaxHeader)})
	if err == nil || !strings.Contains(err.Error(), "want at most 33554432") {
		t.Errorf("got error %v", err)
	}
}

func TestJSONIsNamed(t *testing.T) {
	if _, _, err := safetensors.Parse([]byte("{\n  \"version\": 1,\n  \"name\": \"digits\"\n}\n")); !errors.Is(err, safetensors.ErrJSON) {
		t.Errorf("got error %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(write(f, nn.Weights{"a": {Shape: []int{2}, Data: []float32{1, 2}}, "b": {Shape: []int{}, Data: []float32{3}}}, map[string]string{"k": "v"}))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, file []byte) {
		w, metadata, err := safetensors.Parse(file)
		if err != nil {
			return
		}
		again, _, err := safetensors.Parse(write(t, w, metadata))
		if err != nil || safetensors.Digest(again) != safetensors.Digest(w) {
			t.Fatalf("written again it does not parse alike: %v", err)
		}
	})
}

// What is something else is said to be no file of tensors, rather than one whose header is wrong.
func TestOtherFilesAreNamed(t *testing.T) {
	for name, file := range map[string]string{
		"YAML": "name: digits\nseed: 1\n", "zeros": strings.Repeat("\x00", 64), "an image": "\x89PNG\r\n\x1a\n and more", "an array": "\x93NUMPY\x01\x00 and more",
		"a header of something else": "\x04\x00\x00\x00\x00\x00\x00\x00text and more",
	} {
		if _, _, err := safetensors.Parse([]byte(file)); err == nil || !strings.Contains(err.Error(), "this is not a file of tensors") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	cut := "\x40\x00\x00\x00\x00\x00\x00\x00{}"
	if _, _, err := safetensors.Parse([]byte(cut)); err == nil || !strings.Contains(err.Error(), "truncated, or not a file of tensors: its header has 64 bytes, and only 2 follow") {
		t.Errorf("cut off: error %v", err)
	}
}
