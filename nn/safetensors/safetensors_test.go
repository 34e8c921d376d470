package safetensors_test

import (
	"bytes"
	"math"
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

func TestDamagedFilesAreRefused(t *testing.T) {
	file := write(t, nn.Weights{"a": {Shape: []int{2}, Data: []float32{1, 2}}}, nil)
	for name, damaged := range map[string][]byte{
		"empty": nil, "cut header": file[:20], "cut data": file[:len(file)-1], "longer": append(bytes.Clone(file), 0),
		"other type": bytes.Replace(file, []byte("F32"), []byte("F16"), 1),
		"wrong size": bytes.Replace(file, []byte("[2]"), []byte("[3]"), 1),
		"overlap": bytes.Replace(write(t, nn.Weights{"a": {Shape: []int{1}, Data: []float32{1}}, "b": {Shape: []int{1}, Data: []float32{2}}}, nil),
			[]byte("[4,8]"), []byte("[0,4]"), 1),
		"no json": bytes.Replace(file, []byte("{"), []byte("?"), 1),
	} {
		if _, _, err := safetensors.Parse(damaged); err == nil || !strings.HasPrefix(err.Error(), "safetensors: ") {
			t.Errorf("%s: got error %v", name, err)
		}
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
		if _, _, err := safetensors.Parse(write(t, w, metadata)); err != nil {
			t.Fatalf("written again it does not parse: %v", err)
		}
	})
}
