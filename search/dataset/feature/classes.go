package feature

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mixmas/search/escape"
)

// Limits of classes: their number, and the bytes of a name.
const (
	MostClasses  = 1 << 16
	longestLabel = 256
)

// Labels counts the labels of a column, to find its classes. It keeps at most MostClasses labels.
type Labels struct {
	separator  string
	rows       int // with a label
	unlabelled int
	counts     map[string]int
	over       bool
}

// NewLabels returns a count of labels. Without a separator a cell is one label; with one, such as "|", it is any number of them.
func NewLabels(separator string) *Labels {
	return &Labels{separator: separator, counts: map[string]int{}}
}

// Add counts the labels of a row. [Labels.Unlabelled] counts the cells without one. Errors are of a label that is no name: it has
// control characters, or is very long.
func (l *Labels) Add(cell string) error {
	switch {
	case IsUnlabelled(cell):
		return l.AddRow()
	case l.separator == "":
		return l.AddRow(trim(cell))
	}
	return l.AddRow(slices.Collect(Members(cell, l.separator))...)
}

// AddRow counts the labels of a row, as Add does.
func (l *Labels) AddRow(labels ...string) error {
	if len(labels) == 0 {
		l.unlabelled++
		return nil
	}
	l.rows++
	for _, label := range labels {
		if err := l.add(label); err != nil {
			return err
		}
	}
	return nil
}

func (l *Labels) add(label string) error {
	if n, ok := l.counts[label]; ok {
		l.counts[label] = n + 1
		return nil
	}
	if err := checkName(label); err != nil {
		return err
	}
	if len(l.counts) >= MostClasses {
		l.over = true
		return nil
	}
	l.counts[strings.Clone(label)] = 1
	return nil
}

// Unlabelled is the number of cells without a label.
func (l *Labels) Unlabelled() int { return l.unlabelled }

// Count is the number of rows with a label.
func (l *Labels) Count(label string) int { return l.counts[label] }

func checkName(label string) error {
	if len(label) > longestLabel {
		return fmt.Errorf("the label %s has %s: is it a text?", quoted(label), count(len(label), "byte"))
	}
	if bad, found := escape.Unprintable(label); found {
		return fmt.Errorf("the label %s has the character %s, which cannot be printed", quoted(label), bad)
	}
	return nil
}

// Classes returns the classes: the given ones in their order, or the sorted distinct labels, numbers by size. Warnings are for
// people: labels that differ only by case or spaces, classes with one row, given classes without rows. Errors are labels that are
// not given classes, a single class, and labels that look like measurements or like identifiers, because there are so many.
func (l *Labels) Classes(given []string) (names []string, warnings []string, err error) {
	if names = given; names == nil {
		if names, err = l.found(); err != nil {
			return nil, nil, err
		}
	}
	if err := checkNames(names, l.separator != ""); err != nil {
		return nil, nil, err
	}
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = true
	}
	for _, label := range frequent(l.counts) {
		if !known[label] {
			return nil, nil, fmt.Errorf("the label %s of %s is not one of the given classes", quoted(label), count(l.counts[label], "row"))
		}
	}
	var single, none []string
	for _, name := range names {
		switch l.counts[name] {
		case 0:
			none = append(none, name)
		case 1:
			single = append(single, name)
		}
	}
	if len(single) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s with one row, which only one split can have: %s", classesAre(len(single)), quotedList(single, 4)))
	}
	if len(none) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s without rows: %s", classesAre(len(none)), quotedList(none, 4)))
	}
	return names, append(Alike(names), warnings...), nil
}

func classesAre(n int) string {
	if n == 1 {
		return "there is 1 class"
	}
	return fmt.Sprintf("there are %s classes", thousands(n))
}

// found returns the distinct labels.
func (l *Labels) found() ([]string, error) {
	names, n, fractions, numbers := slices.Collect(maps.Keys(l.counts)), len(l.counts), 0, 0
	for _, name := range names {
		if x := parseNumber(name); x.forms&point != 0 && x.unit == 0 && !infinite(x.point) {
			if numbers++; !x.whole {
				fractions++
			}
		}
	}
	const fewNumbers, manyNumbers = 20, 100
	switch {
	case n == 0:
		return nil, errors.New("no row has a label")
	case n == 1 && l.separator != "":
		return nil, fmt.Errorf("all labels are %s: is the separator %s right?", quoted(names[0]), quoted(l.separator))
	case n == 1:
		return nil, fmt.Errorf("every row has the same label %s: there is nothing to predict", quoted(names[0]))
	case numbers == n && (fractions > 0 && n > fewNumbers || n > max(manyNumbers, l.rows/rowsPerFew)):
		return nil, fmt.Errorf("the labels are %s different numbers, such as %s: predicting a number (regression) is not supported yet; for classes, label each row with a range of numbers",
			thousands(n), quotedList(sortLabels(names), 2))
	case l.over:
		return nil, fmt.Errorf("there are more than %s different labels", thousands(MostClasses))
	case 2*n > l.rows && n > 2:
		return nil, fmt.Errorf("there are %s different labels in %s, such as %s: a class needs several rows; is this the column of the labels?",
			thousands(n), count(l.rows, "row"), quotedList(sortLabels(names), 2))
	}
	return sortLabels(names), nil
}

// sortLabels sorts labels: numbers by size if all are numbers.
func sortLabels(names []string) []string {
	values := map[string]float64{}
	for _, name := range names {
		if x := parseNumber(name); x.forms&point != 0 && x.unit == 0 {
			values[name] = x.point
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(values) == len(names) {
			return cmp.Or(cmp.Compare(values[a], values[b]), strings.Compare(a, b))
		}
		return strings.Compare(a, b)
	})
	return names
}

// Alike warns of names that differ only by case, by spaces, or as 1 and 1.0 do.
func Alike(names []string) (warnings []string) {
	same := map[string]string{}
	for _, name := range names {
		key := strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == ' ' || r == '_' || r == '-' || r == '\u00a0' }), " ")
		if x := parseNumber(name); x.forms&point != 0 && x.unit == 0 {
			key = fmt.Sprint(x.point)
		}
		if first, seen := same[key]; seen {
			warnings = append(warnings, fmt.Sprintf("the labels %s and %s are different classes, but look alike", quoted(first), quoted(name)))
		} else {
			same[key] = name
		}
	}
	return warnings
}

// checkNames checks the names of classes. Several labels per row may be those of a single class.
func checkNames(names []string, several bool) error {
	if len(names) < 2 && !(several && len(names) == 1) {
		return fmt.Errorf("want at least two classes, got %d", len(names))
	}
	if len(names) > MostClasses {
		return fmt.Errorf("want at most %s classes, got %s", thousands(MostClasses), thousands(len(names)))
	}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if name != trim(name) || name == "" {
			return fmt.Errorf("the class %s is empty or has spaces around it", quoted(name))
		}
		if err := checkName(name); err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("the class %s is given twice", quoted(name))
		}
		seen[name] = true
	}
	return nil
}

// CheckNames checks the names of 0/1 columns as names of classes. Warnings are of names that look alike.
func CheckNames(names []string) (warnings []string, err error) {
	if err := checkNames(names, true); err != nil {
		return nil, err
	}
	return Alike(names), nil
}

// Binary reads a cell of a 0/1 column, which says whether a row belongs to a class: 0 or 1, 0.0 or 1.0, no or yes, n or y, false or
// true, f or t, in any case.
func Binary(cell string) (bool, error) {
	switch strings.ToLower(trim(cell)) {
	case "0", "0.0", "no", "n", "false", "f":
		return false, nil
	case "1", "1.0", "yes", "y", "true", "t":
		return true, nil
	}
	return false, fmt.Errorf("want 0 or 1, got %s", quoted(cell))
}
