package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/records"
	"mixmas/search/model"
)

// example writes a model of a table of ages and returns its path.
func example(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	table := "age,species\n" + strings.Repeat("1,cat\n2,dog\n3,cat\n4,dog\n5,\"a \"\"dog\"\"\"\n", 4)
	if err := os.WriteFile(filepath.Join(folder, "pets.csv"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	o := records.Defaults()
	o.Path, o.Labels = []string{"pets.csv"}, records.Labels{Column: "species"}
	o.Modalities = []records.Modality{{Name: "animal", Kind: records.Table, Columns: []string{"age"}}}
	format, err := dataset.Lookup("records")
	if err != nil {
		t.Fatal(err)
	}
	data, err := format.Open(t.Context(), o, dataset.Environment{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	recipe, err := data.(dataset.Raw).Recipe()
	if err != nil {
		t.Fatal(err)
	}
	d := model.Description{Name: "pets", Classes: data.Task().Classes, Input: recipe, Preprocessing: data.Preprocessing(), Data: model.Data{Format: "records"}}
	spec := `{"modalities": [{"name": "animal", "kind": "table", "shape": [1], "encoder": {"architecture": "simple_mlp", "options": {"hidden": 3, "width": 2, "layers": 1}}}], "classes": 3}`
	if err := json.Unmarshal([]byte(spec), &d.Model); err != nil {
		t.Fatal(err)
	}
	network, err := mixer.Build(d.Model)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := model.Write(&file, &d, network.Parameters().Initialise(1)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "model.safetensors")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// The example predicts a row, and says what is wrong with others.
func TestRun(t *testing.T) {
	path := example(t)
	var out bytes.Buffer
	if err := run(t.Context(), []string{path, "age=3"}, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[0], "prediction: ") || !strings.HasSuffix(lines[2], " cat") || !strings.HasSuffix(lines[3], " dog") {
		t.Errorf("got %s", &out)
	}
	for want, args := range map[string][]string{"want the file of a model": nil, "none": {"none"}, "the model reads no fur": {path, "fur=1"}, "is not a number": {path, "age=old"}} {
		if err := run(t.Context(), args, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v", args, err)
		}
	}
}

// The program has none of what searches, stores, configures and serves.
func TestTheRestIsLeftOut(t *testing.T) {
	text, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(text))
	if !slices.Contains(packages, "mixmas/search/model") {
		t.Errorf("got %s", text)
	}
	for _, other := range []string{"mixmas/search", "mixmas/search/config", "mixmas/search/store", "mixmas/search/serve", "mixmas/cmd", "net", "net/http",
		"github.com/urfave/cli/v2", "go.etcd.io/bbolt", "gopkg.in/yaml.v3"} {
		if slices.Contains(packages, other) {
			t.Errorf("it has %s", other)
		}
	}
}
