package model_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/model"
)

// small is a description and weights that fit.
func small(t testing.TB) (model.Description, nn.Weights) {
	t.Helper()
	encoder := mixer.Choice{Architecture: "simple_mlp", Options: &mixer.SimpleMLPOptions{Hidden: 3, Width: 2, Layers: 1}}
	d := model.Description{Name: "small", Classes: []string{"cat", "dog"}, Training: strings.Repeat("0", 64),
		Model: mixer.Specification{Classes: 2, Modalities: []mixer.Modality{{Name: "numbers", Kind: mixer.Table, Shape: []int{2}, Encoder: encoder}}},
		Preprocessing: map[string]dataset.Standardisation{"numbers": {Per: dataset.PerFeature, Mean: []float64{1, -3}, Deviation: []float64{2, 1}, Constant: []int{1}},
			"unread": dataset.Uniform(0, 1)},
		Data:    model.Data{Format: "builtin", Fingerprint: strings.Repeat("1", 64)},
		Metrics: map[string]map[string]float64{"validation": {"accuracy": 0.5}}}
	return d, initial(t, d.Model)
}

func initial(t testing.TB, spec mixer.Specification) nn.Weights {
	t.Helper()
	m, err := mixer.Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	return m.Parameters().Initialise(1)
}

func written(t testing.TB, d model.Description, w nn.Weights) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := model.Write(&file, &d, w); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// older is a file as the program wrote it before there were digests.
func older(t testing.TB, description any, w nn.Weights) []byte {
	t.Helper()
	text, ok := description.(string)
	if !ok {
		b, err := json.Marshal(description)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	var file bytes.Buffer
	if err := safetensors.Write(&file, w, map[string]string{"mixmas": text, "format": "mixmas"}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestFilesAreReadAsWritten(t *testing.T) {
	d, w := small(t)
	m, err := model.Parse(written(t, d, w))
	if err != nil {
		t.Fatal(err)
	}
	d.Version, d.Weights = 2, safetensors.Digest(w)
	if !reflect.DeepEqual(m.Description, d) {
		t.Errorf("got %+v, want %+v", m.Description, d)
	}
	d.Weights = ""
	if m, err = model.Parse(older(t, d, w)); err != nil || !reflect.DeepEqual(m.Description, d) {
		t.Errorf("a file without digests: got %+v, %v", m, err)
	}
}

// What is wrong with a description or its tensors is named, in a file and before one is written.
func TestWrongFilesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *model.Description, w nn.Weights)
		want   string
	}{
		"no version":       {func(d *model.Description, _ nn.Weights) { d.Version = 0 }, "description: it has version 0, but versions start at 1"},
		"negative version": {func(d *model.Description, _ nn.Weights) { d.Version = -1 }, "description: it has version -1"},
		"later version":    {func(d *model.Description, _ nn.Weights) { d.Version = 5 }, "description: it has version 5, but this program reads versions up to 4: use a newer mixmas"},
		"class names":      {func(d *model.Description, _ nn.Weights) { d.Classes = d.Classes[:1] }, "description: 1 class names for 2 classes"},
		"equal classes":    {func(d *model.Description, _ nn.Weights) { d.Classes[1] = "cat" }, `description: classes 0 and 1 are both named "cat"`},
		"empty class":      {func(d *model.Description, _ nn.Weights) { d.Classes[1] = "" }, "description: class 1 has no name"},
		"no preprocessing": {func(d *model.Description, _ nn.Weights) { delete(d.Preprocessing, "numbers") }, "description: modality numbers has no preprocessing"},
		"no deviation":     {func(d *model.Description, _ nn.Weights) { d.Preprocessing["numbers"] = dataset.Uniform(0, 0) }, "description: modality numbers: mean 0 and deviation 0 cannot be used to standardise"},
		"other features": {func(d *model.Description, _ nn.Weights) {
			d.Preprocessing["numbers"] = dataset.Standardisation{Per: dataset.PerFeature, Mean: []float64{1}, Deviation: []float64{1}}
		}, "description: modality numbers: it is standardised by 1 features, but its samples have 2"},
		"negative deviation": {func(d *model.Description, _ nn.Weights) {
			d.Preprocessing["unread"] = dataset.Uniform(0, -1)
		}, "description: modality unread: mean 0 and deviation -1 cannot be used to standardise"},
		"wide":           {func(d *model.Description, _ nn.Weights) { option(d).Width = 1<<62 + 1 }, "description: modality numbers: simple_mlp: option width: want at most"},
		"missing tensor": {func(_ *model.Description, w nn.Weights) { delete(w, "head.bias") }, "description: the tensors do not match the model: head.bias is missing"},
		"other shape":    {func(d *model.Description, _ nn.Weights) { option(d).Hidden = 4 }, "the tensors do not match the model: encoder.hidden.0.weight has shape 3×2, the model needs 4×2"},
		"tensor beyond":  {func(_ *model.Description, w nn.Weights) { w["tail"] = w["head.bias"] }, "the tensors do not match the model: the model has no tail"},
		"no number":      {func(_ *model.Description, w nn.Weights) { w["head.bias"].Data[1] = float32(math.NaN()) }, "tensor head.bias holds NaN: the file is damaged"},
		"infinite":       {func(_ *model.Description, w nn.Weights) { w["head.bias"].Data[1] = float32(math.Inf(-1)) }, "tensor head.bias holds -Inf: the file is damaged"},
		"other weights":  {func(d *model.Description, _ nn.Weights) { d.Weights = strings.Repeat("0", 64) }, "but the description wants 000000000000: the file is damaged: copy it again"},
	} {
		t.Run(name, func(t *testing.T) {
			d, w := small(t)
			d.Version = 2
			c.change(&d, w)
			if _, err := model.Parse(older(t, d, w)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
			completed := strings.Contains(c.want, "version") || name == "other weights"
			var file bytes.Buffer
			if err := model.Write(&file, &d, w); completed != (err == nil) {
				t.Errorf("written with error %v", err)
			} else if err != nil && file.Len() > 0 {
				t.Errorf("%d bytes were written before the error %v", file.Len(), err)
			}
		})
	}
}

func option(d *model.Description) *mixer.SimpleMLPOptions {
	return d.Model.Modalities[0].Encoder.Options.(*mixer.SimpleMLPOptions)
}

func TestDescriptionsThatJSONCannotSay(t *testing.T) {
	d, w := small(t)
	d.Version = 2
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"no version":       {`"version":2,`, ``, "it has version 0"},
		"fraction":         {`"hidden":3`, `"hidden":2.5`, "cannot unmarshal number 2.5"},
		"float for an int": {`"hidden":3`, `"hidden":1e300`, "cannot unmarshal number 1e300"},
		"beyond int":       {`"hidden":3`, `"hidden":9223372036854775808`, "cannot unmarshal number"},
		"infinite metric":  {`"accuracy":0.5`, `"accuracy":1e999`, "cannot unmarshal number 1e999"},
		"other program":    {string(text), `{"version":7,"model":3}`, "it has version 7"},
	} {
		changed := strings.Replace(string(text), c.old, c.new, 1)
		if _, err := model.Parse(older(t, changed, w)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestNotFiniteMetricsAreNotWritten(t *testing.T) {
	d, w := small(t)
	d.Metrics["validation"]["loss"] = math.Inf(1)
	if err := model.Write(&bytes.Buffer{}, &d, w); err == nil || !strings.Contains(err.Error(), "metric loss of the validation split is +Inf") {
		t.Errorf("got error %v", err)
	}
	d, w = small(t)
	d.MetricsWithThresholds = map[string]map[string]float64{"test": {"accuracy": math.NaN()}}
	if err := model.Write(&bytes.Buffer{}, &d, w); err == nil || !strings.Contains(err.Error(), "metric accuracy of the test split is NaN") {
		t.Errorf("got error %v", err)
	}
}

// No flipped bit gives another model.
func TestFlippedBitsAreNoticed(t *testing.T) {
	d, w := small(t)
	file := written(t, d, w)
	d.Version, d.Weights = 2, safetensors.Digest(w)
	rapid.Check(t, func(t *rapid.T) {
		bit := rapid.IntRange(0, 8*len(file)-1).Draw(t, "bit")
		flipped := bytes.Clone(file)
		flipped[bit/8] ^= 1 << (bit % 8)
		if m, err := model.Parse(flipped); err == nil && !reflect.DeepEqual(m.Description, d) {
			t.Fatalf("bit %d gives %+v", bit, m.Description)
		}
	})
}

func TestFilesThatAreNoModel(t *testing.T) {
	folder := t.TempDir()
	description := filepath.Join(folder, "model.json")
	d, w := small(t)
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	tensors := filepath.Join(folder, "weights.safetensors")
	var plain bytes.Buffer
	if err := safetensors.Write(&plain, w, nil); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{description: text, tensors: plain.Bytes()} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		description:                          "the file is JSON text, not tensors: if it is a model's description, name the model.safetensors beside it",
		tensors:                              `not a mixmas model: the file's metadata have no "mixmas"`,
		folder:                               "is a folder: name the model.safetensors in it",
		os.DevNull:                           "is a device, want a regular file: name a model.safetensors",
		filepath.Join(folder, "none.tensor"): "none.tensor",
	} {
		if _, err := model.Open(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want one with %q", path, err, want)
		}
	}
}

// allocated is how many bytes f allocates, garbage included.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// A file of the wrong tensors is refused before they are read.
func TestGreatFilesAreRefusedByTheirHeader(t *testing.T) {
	d, _ := small(t)
	d.Version = 2
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	header, err := json.Marshal(map[string]any{"__metadata__": map[string]string{"mixmas": string(text)},
		"great": map[string]any{"dtype": "F32", "shape": []int{1 << 28}, "data_offsets": []int{0, 1 << 30}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "great.safetensors")
	if err := os.WriteFile(path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(8+len(header)+1<<30)); err != nil {
		t.Fatal(err)
	}
	if n := allocated(func() { _, err = model.Open(path) }); n > 1<<20 || err == nil || !strings.Contains(err.Error(), "the tensors do not match the model") {
		t.Errorf("a file of 1 GiB takes %d KiB, with the error %v", n>>10, err)
	}
}

// A small file takes little memory, whatever it says of itself.
func TestSmallFilesTakeLittleMemory(t *testing.T) {
	d, w := small(t)
	d.Version = 2
	file := func(change func(*mixer.Specification)) []byte {
		spec := d.Model
		spec.Modalities = append([]mixer.Modality(nil), spec.Modalities...)
		d := d
		change(&spec)
		d.Model = spec
		return older(t, d, w)
	}
	ramlp := func(depth, dim, ratio int) mixer.Modality {
		four := func(n int) []int { return []int{n, n, n, n} }
		return mixer.Modality{Name: "numbers", Kind: mixer.Map, Shape: []int{1, 112, 112}, Encoder: mixer.Choice{Architecture: "ramlp",
			Options: &mixer.RaMLPOptions{Depths: four(depth), Dims: four(dim), MLPRatio: four(ratio), Expansion: four(1), Group: four(1)}}}
	}
	for name, file := range map[string][]byte{
		"depths of 1000s": file(func(s *mixer.Specification) { s.Modalities[0] = ramlp(1000, 8, 1) }),
		"many modalities": file(func(s *mixer.Specification) {
			for i := range 1000 {
				m := ramlp(100, 8, 1)
				m.Name = fmt.Sprint("map", i)
				s.Modalities = append(s.Modalities, m)
			}
			s.Fusion, s.Network = mixer.Fuse("concat"), &mixer.Choice{Architecture: "mlp_mixer"}
		}),
		"ratio": file(func(s *mixer.Specification) { s.Modalities[0] = ramlp(1, 8, 1<<53) }),
		"width": file(func(s *mixer.Specification) {
			s.Fusion, s.Network = mixer.Fuse("concat"), &mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{
				Width: 1_000_000_000, Depth: 1, TokenWidth: 1, ChannelWidth: 1, Heads: 1}}
			s.Width = 1_000_000_000
		}),
		"patch of a great map": file(func(s *mixer.Specification) {
			s.Modalities[0] = mixer.Modality{Name: "numbers", Kind: mixer.Map, Shape: []int{1, 1<<31 - 1, 1<<31 - 1}, Encoder: mixer.Choice{Architecture: "mlp_mixer"}}
		}),
		"zeros": make([]byte, 1<<20),
		"great tensor": append(binary.LittleEndian.AppendUint64(nil, 84),
			`{"a":{"dtype":"F32","shape":[1073741824,1024],"data_offsets":[0,4398046511104]}}    `...),
	} {
		var err error
		if n := allocated(func() { _, err = model.Parse(file) }); n > 64<<20 || err == nil {
			t.Errorf("%s: a file of %d bytes takes %d MiB, with the error %v", name, len(file), n>>20, err)
		}
	}
}
