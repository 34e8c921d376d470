package records_test

import (
	"encoding/json"
	"strings"
	"testing"

	"mixmas/search/dataset"
)

// What cannot be a recipe is said to be so, before any file is opened.
func TestRecipesThatAreWrong(t *testing.T) {
	d := must(t, folder(t, map[string]string{"pets.csv": pets()}), "path: pets.csv\nmodalities: [{name: animal, kind: table, columns: [age, sex]}]\nlabels: species\n")
	good, err := d.(dataset.Raw).Recipe()
	if err != nil {
		t.Fatal(err)
	}
	predict := func(recipe json.RawMessage, in dataset.Input) error {
		format, err := dataset.Lookup("records")
		if err != nil {
			t.Fatal(err)
		}
		read, err := format.Recipe(recipe)
		if err == nil {
			_, err = read.Predict(t.Context(), in, dataset.Environment{Preprocessing: d.Preprocessing()})
		}
		return err
	}
	for _, c := range []struct{ old, new, want string }{
		{`"version":1`, `"version":2`, "it has version 2, but this program reads versions 1 to 1: use a newer mixmas"},
		{`"version":1`, `"version":0`, "it has version 0"},
		{`"source":0`, `"source":7`, "modality animal: it reads source 7 of 1"},
		{`"columns":[0,1]`, `"columns":[0,9]`, "modality animal: it reads column 9 of 2"},
		{`"columns":[0,1]`, `"columns":[0]`, "modality animal: it has 2 encoders for 1 columns"},
		{`"name":"pets.csv"`, `"name":"pets.csv","key":"age"`, `its first source has the key "age", want none`},
		{`"table":`, `"tables":`, "modality animal has 0 encoders, want one"},
		{`"name":"animal"`, `"name":""`, "it has no name"},
		{`"name":"animal"`, `"name":"other"`, "has none of the modalities that the model reads"},
		{`"source":0`, `"source":0,"folder":"../etc"`, "leads out of the folder"},
		{string(good), `{`, "unexpected end of JSON input"},
	} {
		changed := strings.Replace(string(good), c.old, c.new, 1)
		if changed == string(good) {
			t.Errorf("%s is not in the recipe %s", c.old, good)
		}
		if c.want == "leads out of the folder" { // a folder is for paths
			changed = `{"version":1,"sources":[{"name":"a.csv","columns":[{"name":"a"}]}],"modalities":[{"name":"animal","source":0,"columns":[0],"path":[0],"text":["",""],"folder":"../etc","image":{"height":1,"width":1,"channels":1}}]}`
		}
		in := dataset.Input{Files: []string{"none.csv"}}
		if err := predict(json.RawMessage(changed), in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.new, err, c.want)
		}
	}
	shapes := map[string][]int{"animal": {9}}
	if err := predict(good, dataset.Input{Shapes: shapes, Values: []map[string]string{{"age": "1"}}}); err == nil || !strings.Contains(err.Error(), "samples of another shape") {
		t.Errorf("error %v", err)
	}
}
