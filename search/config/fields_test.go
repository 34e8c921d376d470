package config

import (
	"bytes"
	"testing"
)

// The fields of a saved configuration are those of its text, each once.
func TestFields(t *testing.T) {
	var text bytes.Buffer
	if err := Default().Save(&text); err != nil {
		t.Fatal(err)
	}
	list, err := Fields(text.String())
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, f := range list {
		if _, twice := values[f.Name]; twice {
			t.Errorf("%s is there twice", f.Name)
		}
		values[f.Name] = f.Value
	}
	for name, want := range map[string]string{"name": "digits", "seed": "1", "data.format": "builtin", "search.fusions": "[concat, mean, max]"} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
}

// FuzzFields: no text crashes it or becomes much more text.
func FuzzFields(f *testing.F) {
	f.Add("a: &x [1, 2]\nb: [*x, {c: {}}]\n? [k]\n: v\n--- \nz: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := Fields(text)
		size := 0
		for _, field := range list {
			size += len(field.Name) + len(field.Value)
		}
		if err == nil && size > 100*len(text)+2<<20 {
			t.Errorf("%d bytes of %d", size, len(text))
		}
	})
}
