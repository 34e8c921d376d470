package cmd

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/records"
	"mixmas/search/dataset/text"
	"mixmas/search/model"
)

// fieldsOf returns the names of a struct's fields in JSON, and the structs in them.
func fieldsOf(t reflect.Type) (names []string, inner []reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			own, more := fieldsOf(f.Type)
			names, inner = append(names, own...), append(inner, more...)
			continue
		}
		if name == "" || !f.IsExported() {
			continue
		}
		names = append(names, name)
		of := f.Type
		for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, of.Kind()) {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct {
			inner = append(inner, of)
		}
	}
	return names, inner
}

// keysOf returns the fields of the JSON of a value that has a form of its own.
func keysOf(t *testing.T, value any) (names []string) {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(encoded)))
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return names
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		default:
			if name, ok := token.(string); ok && depth == 1 {
				names = append(names, name)
				var skip json.RawMessage
				if err := d.Decode(&skip); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// The page of the model file has a section for each struct of a description, with a row for each of its fields and for no other.
func TestModelFormatHasEveryField(t *testing.T) {
	page := read(t, docs+"/model-format.md")
	rows := map[string][]string{}
	for _, section := range regexp.MustCompile(`(?m)^##+ `).Split(page, -1)[1:] {
		title, body, _ := strings.Cut(section, "\n")
		if _, table, ok := strings.Cut(body, "| field | meaning |\n|---|---|\n"); ok {
			for line := range strings.Lines(table) {
				name, found := strings.CutPrefix(line, "| `")
				if !found {
					break
				}
				name, _, _ = strings.Cut(name, "`")
				rows[title] = append(rows[title], name)
			}
		}
	}
	check := func(section string, want []string) {
		got := rows[section]
		delete(rows, section)
		for _, name := range want {
			if !slices.Contains(got, name) {
				t.Errorf("docs/model-format.md: the section %q has no row for the field %s", section, name)
			}
		}
		for _, name := range got {
			if !slices.Contains(want, name) {
				t.Errorf("docs/model-format.md: the section %q has a row for %s, which is not a field", section, name)
			}
		}
	}
	sections := map[string]string{
		"model.Description": "The description", "model.Data": "Data", "model.Ensemble": "An ensemble", "model.Member": "A member",
		"mixer.Specification": "A model", "mixer.Modality": "A modality", "mixer.Choice": "An architecture", "mixer.FusionChoice": "A fusion function",
		"dataset.Standardisation": "Preprocessing", "records.Recipe": "The recipe of the input", "records.Source": "A source",
		"records.ColumnName": "A column", "records.Encoding": "A modality of the recipe", "records.tableEncoder": "Features of cells",
		"feature.Encoder": "A column of cells", "records.imageEncoder": "Pictures", "records.arrayEncoder": "Arrays", "records.fileEncoder": "Arrays",
		"records.seriesEncoder": "Series", "records.textEncoder": "Texts as tokens", "records.bagEncoder": "Bags of words",
	}
	texts := func(yield func(string, error) bool) { _ = yield("a b", nil) && yield("a b", nil) }
	seen := map[reflect.Type]bool{}
	queue := []reflect.Type{reflect.TypeFor[model.Description](), reflect.TypeFor[records.Recipe](), reflect.TypeFor[dataset.Standardisation]()}
	for len(queue) > 0 {
		next := queue[0]
		if queue = queue[1:]; seen[next] {
			continue
		}
		seen[next] = true
		names, inner := fieldsOf(next)
		queue = append(queue, inner...)
		switch section, ok := sections[next.String()]; {
		case next == reflect.TypeFor[text.Tokenizer]():
			tokenizer, err := text.Train(t.Context(), text.Options{Tokenizer: "words"}, texts)
			if err != nil {
				t.Fatal(err)
			}
			check("A tokenizer", keysOf(t, tokenizer))
		case next == reflect.TypeFor[text.Bag]():
			bag, err := text.TrainBag(t.Context(), text.BagOptions{}, texts)
			if err != nil {
				t.Fatal(err)
			}
			check("A bag", append(keysOf(t, bag), "hashed"))
		case !ok:
			t.Errorf("docs/model-format.md: no section is for %s, with the fields %v", next, names)
		case section == "Arrays" && rows[section] == nil: // both have it
		default:
			check(section, names)
		}
	}
	for _, a := range mixer.All() {
		names, _ := fieldsOf(reflect.TypeOf(a.Options()).Elem())
		check(a.Name, names)
	}
	for section := range rows {
		t.Errorf("docs/model-format.md: the section %q is for nothing that a description has", section)
	}
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(page, -1) {
		found := false
		for _, title := range regexp.MustCompile(`(?m)^##+ (.*)$`).FindAllStringSubmatch(page, -1) {
			found = found || strings.ReplaceAll(strings.ToLower(title[1]), " ", "-") == link[1]
		}
		if !found {
			t.Errorf("docs/model-format.md: the link #%s leads nowhere", link[1])
		}
	}
}
