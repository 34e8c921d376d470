package records

import (
	"testing"

	"mixmas/nn/options"
)

// Data without a name are called by their first file and its folder: many files are named summary or labels.
func TestDefaultName(t *testing.T) {
	for _, test := range []struct{ path, labels, want string }{
		{"pets.csv", "", "pets"},
		{"../pets.csv.gz", "", "pets"},
		{"../../data/physionet2012/summary.csv", "", "physionet2012/summary"},
		{"/home/me/pets/pets.csv", "", "pets"},
		{`C:\data\pets.csv`, "", "data/pets"},
		{`C:\pets.csv`, "", "C/pets"},
		{"data/flowers/", "", "data/flowers"},
		{"data/flowers/*.csv", "", "flowers"},
		{"", "data/har/labels-idx1-ubyte.gz", "har/labels-idx1-ubyte"},
		{"*", "", "records"},
		{"..", "", "records"},
		{"", "", "records"},
	} {
		var o Options
		if test.path != "" {
			o.Path = options.Words{test.path}
		}
		if test.labels != "" {
			o.Labels.Path = options.Words{test.labels}
		}
		if got := defaultName(&o); got != test.want {
			t.Errorf("%q, %q: got %s, want %s", test.path, test.labels, got, test.want)
		}
	}
}
