package records_test

import (
	"reflect"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/records"
)

// A recipe names the features as the data set does.
func TestFeatureNamesOfARecipe(t *testing.T) {
	d := must(t, folder(t, map[string]string{"pets.csv": pets()}), "path: pets.csv\nmodalities: [{name: animal, kind: table, columns: [age, sex]}]\nlabels: species\n")
	recipe, err := d.(dataset.Raw).Recipe()
	if err != nil {
		t.Fatal(err)
	}
	got, err := records.FeatureNames(recipe)
	if want := map[string][]string{"animal": d.(dataset.Named).FeatureNames(0)}; err != nil || !reflect.DeepEqual(got, want) || len(want["animal"]) < 2 {
		t.Errorf("got %v, want %v, %v", got, want, err)
	}
	if names, err := records.FeatureNames([]byte(`{"version": 9}`)); err == nil {
		t.Errorf("a recipe of a later version has the features %v", names)
	}
}
