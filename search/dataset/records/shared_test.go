package records_test

import (
	"fmt"
	"os"
	"testing"

	"mixmas/search/dataset"
)

// shared is a folder of real data beside the repository.
func shared(t *testing.T, name string) string {
	t.Helper()
	path := "../../../../shared/data/" + name
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not there", path)
	}
	return path
}

func TestSensorsOfIDXFiles(t *testing.T) {
	d := must(t, shared(t, "spsw_har"), `
		modalities:
		  - {name: phone_acc, kind: series, path: windows-idx3-short.gz, columns: "#1..#3", layout: channels_first}
		  - {name: phone_gyro, kind: series, path: windows-idx3-short.gz, columns: "#4..#6", layout: channels_first}
		  - {name: watch_acc, kind: series, path: windows-idx3-short.gz, columns: "#7..#9", layout: channels_first}
		  - {name: watch_gyro, kind: series, path: windows-idx3-short.gz, columns: "#10..#12", layout: channels_first}
		labels: {path: labels-idx1-ubyte.gz}
		classes: [SEATED, STANDING_UP, WALKING, TURNING, SITTING_DOWN]
		split: {path: subjects-idx1-ubyte.gz, train: "1..16", validation: "17..18", test: "19..23"}
	`)
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
	d := must(t, shared(t, "mdi_icons"), `
		path: icons.csv.gz
		modalities:
		  - {name: icon, kind: image, path: images-32x32-idx3-ubyte.gz}
		  - {name: text, kind: text, column: [name, aliases]}
		labels: {column: tags, separator: "|"}
		classes: [Nature, Account / User, Food / Drink, Sports]
		unknown: ignore
		unlabelled: drop
		split: {column: split}
	`)
	if m := d.Modalities(); fmt.Sprint(m[0].Kind, m[0].Shape, m[0].Masked, m[1].Masked) != "map[1 32 32] false true" {
		t.Errorf("modalities %v", m)
	}
	if got := rows(d); got != "394 24 51" {
		t.Errorf("rows %s", got)
	}
}
