package records_test

import (
	"fmt"
	"testing"
)

// Rows that are not used have no counts, which must not count as values that are wrong.
func TestBagOfWordsWithUnusedRows(t *testing.T) {
	dir := folder(t, map[string]string{"a.csv": "text,y,split\nnone,,train\nred apple,a,train\nblue,b,train\n,b,train\nred,a,val\nblue,b,val\n"})
	d := must(t, dir, `
		path: a.csv
		modalities: [{name: words, kind: bag, column: text, weights: binary}]
		labels: y
		unlabelled: drop
		split: {column: split}
	`)
	if got, want := fmt.Sprint(sample(t, d, 0, "words", 0), sample(t, d, 0, "words", 2)), "[1 0 1 1] [0 0 0 0]"; got != want {
		t.Errorf("counts %s, want %s", got, want)
	}
}
