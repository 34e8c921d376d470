package records_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mixmas/search/config"
	"mixmas/search/dataset"
)

// ready opens the data of a configuration in testdata/configs. It skips the test if they are not in the folder data.
func ready(t *testing.T, name string) dataset.Dataset {
	t.Helper()
	if _, err := os.Stat(filepath.Join("../../../data", name)); err != nil {
		t.Skipf("the data set %s is not in the folder data: see testdata/configs/%s.yaml", name, name)
	}
	c, err := config.Load("../../../testdata/configs/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	format, err := dataset.Lookup("records")
	if err != nil {
		t.Fatal(err)
	}
	d, err := format.Open(t.Context(), c.Data.Options, dataset.Environment{Folder: c.Folder()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestSensorsOfIDXFiles(t *testing.T) {
	d := ready(t, "spsw_har")
	if got := rows(d); got != "4100 598 1261" {
		t.Errorf("rows %s", got)
	}
	for _, m := range d.Modalities() {
		if fmt.Sprint(m.Kind, " ", m.Shape, m.Masked) != "sequence [64 3] false" {
			t.Errorf("%+v", m)
		}
	}
	counts := map[string]int{}
	for _, s := range dataset.Splits {
		for row := range d.Len(s) {
			counts[label(t, d, s, row)]++
		}
	}
	if got := fmt.Sprint(counts); got != "map[SEATED:265 SITTING_DOWN:704 STANDING_UP:632 TURNING:1205 WALKING:3153]" {
		t.Errorf("classes %s", got)
	}
}

func TestIcons(t *testing.T) {
	d := ready(t, "mdi_icons")
	if got := rows(d); got != "3058 282 545" {
		t.Errorf("rows %s", got)
	}
	if m := d.Modalities(); fmt.Sprint(m[0].Kind, m[0].Shape, m[0].Masked, m[1].Masked, len(d.Task().Classes)) != "map[1 32 32] false true 24" {
		t.Errorf("modalities %v", m)
	}
}
