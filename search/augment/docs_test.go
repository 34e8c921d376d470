package augment_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mixmas/nn/options"
	"mixmas/search/augment"
)

// The page about data lists all augmentations, with what the registry says of them.
func TestPageListsAugmentations(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "data.md"))
	if err != nil {
		t.Fatal(err)
	}
	table := "| augmentation | of | does | options, with their defaults |\n|---|---|---|---|\n"
	for _, a := range augment.All() {
		var list []string
		for _, f := range options.Fields(reflect.ValueOf(a.Options()).Elem()) {
			list = append(list, fmt.Sprintf("`%s: %v`: %s", f.Name, f.Value, strings.TrimSuffix(f.Doc, ".")))
		}
		table += fmt.Sprintf("| `%s` | %s | %s | %s |\n", a.Name, a.Inputs(), strings.TrimSuffix(a.Doc, "."), strings.ReplaceAll(strings.Join(list, "<br>"), "|", `\|`))
	}
	if !strings.Contains(string(text), "\n"+table+"\n") {
		t.Errorf("docs/data.md lacks this table:\n%s", table)
	}
}
