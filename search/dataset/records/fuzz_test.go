package records_test

import (
	"encoding/json"
	"testing"

	"mixmas/search/dataset"
)

// A recipe may come from a hostile model file: it is read, or an error, and its data are too.
func FuzzRecipe(f *testing.F) {
	dir := everything(f)
	d := must(f, dir, everythingData)
	recipe, err := d.(dataset.Raw).Recipe()
	if err != nil {
		f.Fatal(err)
	}
	standard, shapes := stored(f, d), map[string][]int{}
	for _, m := range d.Modalities() {
		shapes[m.Name] = m.Shape
	}
	format, err := dataset.Lookup("records")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(recipe))
	small := must(f, folder(f, map[string]string{"pets.csv": pets()}), "path: pets.csv\nmodalities: [{name: person, kind: table, columns: [age, sex]}, {name: note, kind: text, column: text}]\nlabels: species\n")
	if recipe, err = small.(dataset.Raw).Recipe(); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(recipe))
	f.Add([]byte(`{"version":1,"sources":[{"name":"a.csv","columns":[{"name":"a"}]}],"modalities":[{"name":"person","source":0,"columns":[0],"table":{"columns":[null]}}]}`))
	f.Add([]byte(`{"version":1,"sources":[{"name":"a.csv"}],"modalities":[{"name":"photo","source":0,"path":[],"text":[""],"folder":"../x","image":{"height":1,"width":1,"channels":1}}]}`))
	f.Add([]byte(`{"version":1,"sources":[{"name":"a"}],"modalities":[{"name":"trace","source":0,"series":{"features":1000000000,"steps":65536}}]}`))
	values := map[string]string{"note": "a text", "age": "3", "vitals": "1 2", "photo": dir + "/p/0.png"}
	f.Fuzz(func(t *testing.T, text []byte) {
		recipe, err := format.Recipe(json.RawMessage(text))
		if err != nil {
			return
		}
		recipe.Fields([]string{"person", "photo", "trace"})
		for _, in := range []dataset.Input{{Values: []map[string]string{values, {}}, Shapes: shapes}, {Values: []map[string]string{{"age": "3"}}, Shapes: shapes}} {
			u, err := recipe.Predict(t.Context(), in, dataset.Environment{Folder: dir, Preprocessing: standard})
			if err != nil {
				continue
			}
			for i, m := range u.Modalities() {
				if err := u.Read(dataset.Test, i, 0, make([]float32, m.Size())); err != nil {
					t.Error(err)
				}
			}
			if err := u.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
