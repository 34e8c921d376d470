package cmd

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/config"
)

// layersTable is the table of all layers with their options, as docs/layers.md has it.
func layersTable() string {
	var b strings.Builder
	b.WriteString("| layer | takes | what it is |\n|---|---|---|\n")
	for _, kind := range mixer.LayerKinds() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", kind.Name, kind.Inputs(), kind.Doc)
	}
	b.WriteString("\n| option | default | meaning |\n|---|---|---|\n")
	for _, kind := range mixer.LayerKinds() {
		for _, f := range options.Fields(reflect.ValueOf(kind.Options()).Elem()) {
			value := "none"
			if f.Value.Kind() != reflect.Slice {
				value = fmt.Sprintf("`%v`", f.Value)
			}
			fmt.Fprintf(&b, "| `%s.%s` | %s | %s |\n", kind.Name, f.Name, value, strings.ReplaceAll(f.Doc, "|", `\|`))
		}
	}
	return b.String()
}

// The page about layers has every layer with its options, and its example is read.
func TestLayersPage(t *testing.T) {
	const mark = "-update` -->\n\n"
	path := docs + "/layers.md"
	page := read(t, path)
	head, table, ok := strings.Cut(page, mark)
	if !ok {
		t.Fatal("docs/layers.md has no place for the table")
	}
	if want := layersTable(); table != want {
		if !*update {
			t.Errorf("docs/layers.md has another table than the registered layers: run go test ./cmd -run Layers -update")
		} else if err := os.WriteFile(path, []byte(head+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, example, _ := strings.Cut(page, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	c, err := config.Parse("docs/layers.md", []byte("data: {format: builtin}\n"+example))
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]mixer.Input{"image": {Kind: mixer.Map, Shape: []int{1, 28, 28}}, "numbers": {Kind: mixer.Table, Shape: []int{5}}} {
		for _, candidate := range c.Search.Encoders[name] {
			m := mixer.Modality{Name: name, Kind: in.Kind, Shape: in.Shape, Encoder: mixer.Choice{Architecture: candidate.Name, Options: candidate.Options}}
			if _, _, err := m.Output(); err != nil {
				t.Errorf("%s: %v", candidate.Label, err)
			}
		}
	}
}
