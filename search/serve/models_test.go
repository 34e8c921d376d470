package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/dataset/records"
	"mixmas/search/dataset/split"
	"mixmas/search/model"
	"mixmas/search/serve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mlp  = `{"architecture": "mlp_mixer", "options": {"width": 8, "depth": 1, "patch": 1, "token_width": 6, "channel_width": 8}}`
	flat = `{"architecture": "simple_mlp", "options": {"hidden": 6, "width": 8, "layers": 1}}`
)

// specification is a model of modalities, with an encoder for each by its kind.
func specification(t testing.TB, modalities []dataset.Modality, rest string) mixer.Specification {
	t.Helper()
	choice := func(text string) (c mixer.Choice) {
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	var spec mixer.Specification
	if err := json.Unmarshal([]byte(`{"fusion": "concat", "network": `+mlp+`, `+rest+`}`), &spec); err != nil {
		t.Fatal(err)
	}
	for _, m := range modalities {
		encoder := mlp
		if m.Kind == mixer.Table {
			encoder = flat
		}
		spec.Modalities = append(spec.Modalities, mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary, Masked: m.Masked, Encoder: choice(encoder)})
	}
	return spec
}

// written returns the model of a description with random weights, one set for each member of an ensemble.
func written(t testing.TB, d model.Description) *model.Model {
	t.Helper()
	var all []nn.Weights
	initial := func(spec mixer.Specification) {
		network, err := mixer.Build(spec)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, network.Parameters().Initialise(uint64(len(all)+1)))
	}
	weights := func() nn.Weights { return all[0] }
	if d.Ensemble == nil {
		initial(d.Model)
	} else {
		for _, m := range d.Ensemble.Members {
			initial(m.Model)
		}
		weights = func() nn.Weights { return model.Join(all) }
	}
	var file bytes.Buffer
	if err := model.Write(&file, &d, weights()); err != nil {
		t.Fatal(err)
	}
	m, err := model.Parse(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pets is a data set of people's own files: a table with numbers, categories, sets, texts and lists, pictures and arrays.
type pets struct {
	folder string
	rows   []map[string]string // cells, by the names of columns
	data   dataset.Dataset
}

func newPets(t testing.TB) *pets {
	t.Helper()
	p := &pets{folder: t.TempDir()}
	table := &strings.Builder{}
	table.WriteString("age,weight,sex,toys,note,photo,pulse,scan,species\n")
	for i := range 24 {
		row := map[string]string{"age": fmt.Sprint(i % 9), "weight": strings.Replace(fmt.Sprintf("%.1f", 1.5*float64(i)), ".", ",", 1), "sex": "mf"[i%2 : i%2+1],
			"toys": []string{"ball|bone", "ball", "bone|rope", "rope"}[i%4], "note": fmt.Sprintf("the pet, number %d", i), "photo": fmt.Sprintf("%d.png", i),
			"pulse": fmt.Sprintf("[%d, %d, 3.5]", i, i+1), "scan": fmt.Sprintf("%d.npy", i)}
		if i%6 == 5 {
			row["photo"], row["pulse"], row["age"] = "", "", "NA"
		}
		fmt.Fprintf(table, "%s,\"%s\",%s,%s,\"%s\",%s,\"%s\",%s,%s\n", row["age"], row["weight"], row["sex"], row["toys"], row["note"], row["photo"], row["pulse"], row["scan"],
			[]string{"cat", "dog"}[i%2])
		p.write(t, fmt.Sprintf("%d.png", i), string(drawing(t, 6, 5, color.RGBA{uint8(10 * i), 100, 7, 255})))
		datasettest.WriteArray(t, filepath.Join(p.folder, fmt.Sprintf("%d.npy", i)), "<f4", []int{2, 3, 4}, datasettest.Ramp(24 + i)[i:]...)
		p.rows = append(p.rows, row)
	}
	p.write(t, "pets.csv", table.String())
	o := records.Defaults()
	o.Path = []string{"pets.csv"}
	o.Modalities = []records.Modality{
		{Name: "animal", Kind: records.Table, Columns: []string{"age", "weight", "sex", "toys"}}, {Name: "note", Kind: records.Text, Column: []string{"note"}},
		{Name: "picture", Kind: records.Image, Column: []string{"photo"}}, {Name: "pulse", Kind: records.Series, Column: []string{"pulse"}},
		{Name: "scan", Kind: records.Array, Column: []string{"scan"}, Layout: "channels_first"}}
	o.Labels = records.Labels{Column: "species"}
	o.Split = records.Split{Options: split.Options{}}
	format, err := dataset.Lookup("records")
	if err != nil {
		t.Fatal(err)
	}
	if p.data, err = format.Open(t.Context(), o, dataset.Environment{Folder: p.folder}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.data.Close() })
	return p
}

func (p *pets) write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.folder, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p *pets) file(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(p.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// drawing is a picture of one colour as PNG.
func drawing(t testing.TB, width, height int, c color.Color) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.Set(i%width, i/width, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// model is a model of the data with random weights.
func (p *pets) model(t testing.TB) *model.Model {
	t.Helper()
	recipe, err := p.data.(dataset.Raw).Recipe()
	if err != nil {
		t.Fatal(err)
	}
	return written(t, model.Description{Name: "pets <b>", Model: specification(t, p.data.Modalities(), `"classes": 2`), Preprocessing: p.data.Preprocessing(),
		Classes: p.data.Task().Classes, Input: recipe, Data: model.Data{Format: "records"}})
}

// arrays is an ensemble with several labels per row and thresholds, which reads arrays: rows may lack them or be shorter.
func arrays(t testing.TB) *model.Model {
	t.Helper()
	modalities := []dataset.Modality{{Name: "image", Kind: mixer.Map, Shape: []int{1, 2, 3}}, {Name: "steps", Kind: mixer.Sequence, Shape: []int{4, 2}, Masked: true},
		{Name: "words", Kind: mixer.Text, Shape: []int{5}, Vocabulary: 9, Masked: true}, {Name: "row", Kind: mixer.Table, Shape: []int{3}, Masked: true}}
	const rest = `"classes": 3, "multi_label": true`
	return written(t, model.Description{Name: "arrays", Classes: []string{"a", "b", "<script>alert(1)</script>\u009b"}, Thresholds: []float64{-9, 0, 9},
		Ensemble: &model.Ensemble{Mean: combine.Probabilities, Members: []model.Member{
			{Model: specification(t, modalities, rest), Member: combine.Member{Weight: 1, Temperature: 1}},
			{Model: specification(t, modalities[:2], rest), Member: combine.Member{Weight: 2, Temperature: 0.5}}}},
		Preprocessing: map[string]dataset.Standardisation{"image": dataset.Uniform(0.5, 0.01), "steps": {Per: dataset.PerFeature, Mean: []float64{1, 2}, Deviation: []float64{1, 2}, Missing: true},
			"words": {Per: dataset.None}, "row": {Per: dataset.None}},
		Data: model.Data{Format: "test"}})
}

// started is a server of a model.
func started(t testing.TB, m *model.Model, o serve.Options) *serve.Server {
	t.Helper()
	o.Device = cpu.New(cpu.Options{Workers: 2})
	s, err := serve.New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
