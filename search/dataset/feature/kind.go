// Package feature looks at the cells of a table's column and turns them into numbers: what the column is taken for and why
// ([Profile]), the features of a cell ([Encoder]), and the classes of labels ([Labels]).
//
// It knows cells, not files: package records reads the tables, and package inspect opens the pictures and arrays that cells
// name. What is learned from training rows is plain JSON, so that a model file can carry it.
package feature

import (
	"fmt"
	"slices"
	"strings"

	"mixmas/nn/registry"
)

// Kind is what a column is taken for.
type Kind string

// The kinds of columns. The last six make no features.
const (
	Number   Kind = "number"   // a number, with an indicator if it may be missing
	Category Kind = "category" // one of few values: one feature per value
	Date     Kind = "date"     // a date, a time or both: year, month, weekday, hour, seconds
	List     Kind = "list"     // a list of numbers, such as [1, 2.5]
	Set      Kind = "set"      // any of few values, such as a|b|c: one feature per value
	Text     Kind = "text"     // several words
	Picture  Kind = "picture"  // the path of a picture
	Array    Kind = "array"    // the path of an npy file

	Identifier Kind = "identifier" // a name or number of the row
	Constant   Kind = "constant"   // the same in every row
	Split      Kind = "split"      // train, validation or test
	Group      Kind = "group"      // rows that belong together, such as those of one patient
	Label      Kind = "label"      // what is predicted
	Unused     Kind = "unused"
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{Number, Category, Date, List, Set, Text, Picture, Array, Identifier, Constant, Split, Group, Label, Unused}
}

// ParseKind returns the kind with a name. The error of an unknown name lists the known ones.
func ParseKind(name string) (Kind, error) {
	if k := Kind(strings.ToLower(name)); slices.Contains(Kinds(), k) {
		return k, nil
	}
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return "", fmt.Errorf("unknown kind of column %q: want one of %s%s", name, strings.Join(names, ", "), registry.Suggestion(name, names))
}

// Encodes reports whether an [Encoder] turns cells of this kind into features.
func (k Kind) Encodes() bool { return slices.Contains([]Kind{Number, Category, Date, List, Set}, k) }
