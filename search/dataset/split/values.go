package split

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"

	"mixmas/nn/options"
)

// mostValues is the largest number of distinct values of a column that names splits.
const mostValues = 1 << 16

// Values are the cells of a column: the distinct ones, and which of them each row has. It takes 4 bytes per row.
type Values struct {
	distinct []string
	number   map[string]uint32
	rows     []uint32
	many     bool // more than mostValues
}

// Add adds the cell of the next row, without the spaces around it.
func (v *Values) Add(cell string) {
	cell = strings.TrimSpace(cell)
	n, known := v.number[cell]
	switch {
	case known:
	case len(v.distinct) == mostValues:
		v.many = true
	default:
		if v.number == nil {
			v.number = map[string]uint32{}
		}
		n = uint32(len(v.distinct))
		cell = strings.Clone(cell) // it may be part of a long line
		v.distinct = append(v.distinct, cell)
		v.number[cell] = n
	}
	v.rows = append(v.rows, n)
}

// Hash is the hash of a cell in [Rows].Groups. Spaces around the cell do not count. Rows with empty cells are one group.
func Hash(cell string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(strings.TrimSpace(cell)))
	return h.Sum64()
}

// Named finds the split that a word names, in any case: 0 for training, 1 for validation, 2 for test.
func Named(word string) (split uint8, found bool) {
	switch strings.ToLower(word) {
	case "train", "training":
		return training, true
	case "val", "valid", "validation", "dev":
		return validation, true
	case "test", "testing":
		return test, true
	}
	return none, false
}

// matcher finds the split of a value: by the lists of the options, then by its name.
type matcher struct {
	lists [4][]item // of the splits, and of the rows that are not used
}

// item is a listed value, or all whole numbers from first to last.
type item struct {
	text        string
	first, last float64
	isRange     bool
	number      bool // first is the value as a number
}

// listNames are the options with the lists of a matcher.
var listNames = [4]string{"train", "validation", "test", "unused"}

// matcher reads the lists of values.
func (o *Options) matcher() (m matcher, err error) {
	for s, list := range [4][]string{o.Train, o.Validation, o.Test, o.Unused} {
		if list != nil && o.Column == "" {
			return m, options.Errorf(listNames[s], "lists values of a column, but column is missing")
		}
		for i, text := range list {
			it, err := parseItem(strings.TrimSpace(text))
			if err != nil {
				return m, options.Errorf(fmt.Sprintf("%s[%d]", listNames[s], i), "%v", err)
			}
			m.lists[s] = append(m.lists[s], it)
		}
	}
	return m, nil
}

// parseItem reads a listed value or a range.
func parseItem(text string) (item, error) {
	it := item{text: text}
	if from, to, found := strings.Cut(text, ".."); found {
		var ok [2]bool
		it.first, ok[0] = number(strings.TrimSpace(from))
		it.last, ok[1] = number(strings.TrimSpace(to))
		if ok[0] && ok[1] {
			if it.first > it.last || it.first != math.Trunc(it.first) || it.last != math.Trunc(it.last) {
				return it, fmt.Errorf("the range %s has no whole number from its first to its last: want a range such as 1..16", text)
			}
			it.isRange = true
			return it, nil
		}
	}
	it.first, it.number = number(text)
	return it, nil
}

// number reads a finite number.
func number(text string) (float64, bool) {
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil && v-v == 0
}

// has reports whether a value is the item. Numbers are compared as numbers: 01 and 1.0 are 1.
func (it item) has(value string, v float64, isNumber bool) bool {
	switch {
	case it.isRange:
		return isNumber && v == math.Trunc(v) && it.first <= v && v <= it.last
	case it.number && isNumber:
		return it.first == v
	}
	return it.text == value
}

// of returns the split of a value. listed reports whether a list has it.
func (m matcher) of(value string) (split uint8, listed bool, err error) {
	split = none + 1
	v, isNumber := number(value)
	for s, list := range m.lists {
		for _, it := range list {
			if !it.has(value, v, isNumber) {
				continue
			}
			if split <= none && split != uint8(s) {
				return none, true, options.Errorf(listNames[s], "%s is listed under %s as well", quote(value), listNames[split])
			}
			split = uint8(s)
		}
	}
	if split <= none {
		return split, true, nil
	}
	if named, found := Named(value); found {
		return named, false, nil
	}
	return none, false, options.Errorf("column", "%s names no split: want train, validation or test, or list it under train, validation, test or unused", quote(value))
}

// quote quotes a value of any length.
func quote(value string) string {
	const most = 60
	if len(value) > most {
		return strconv.Quote(strings.ToValidUTF8(value[:most], "")) + "..."
	}
	return strconv.Quote(value)
}

// byValue splits by the values of a column. If no row is a validation row, some training rows become validation rows at random.
func (o *Options) byValue(r Rows) (rows [3][]int, err error) {
	if r.Values == nil || len(r.Values.rows) != r.Count {
		return rows, fmt.Errorf("column %q does not have a value for each of the %d rows", o.Column, r.Count)
	}
	if r.Values.many {
		return rows, options.Errorf("column", "%q has more than %d different values, which is too many for the names of splits", o.Column, mostValues)
	}
	m, err := o.matcher()
	if err != nil {
		return rows, err
	}
	of := make([]uint8, len(r.Values.distinct)) // by distinct value
	var hits [4]bool
	for i, value := range r.Values.distinct {
		split, listed, err := m.of(value)
		if err != nil {
			return rows, fmt.Errorf("row %d of column %q: %w", slices.Index(r.Values.rows, uint32(i)), o.Column, err)
		}
		of[i] = split
		hits[split] = hits[split] || listed
	}
	for s, list := range [4][]string{o.Train, o.Validation, o.Test, o.Unused} {
		if list != nil && !hits[s] {
			return rows, options.Errorf(listNames[s], "no row has one of the values %s in column %q", strings.Join(list, ", "), o.Column)
		}
	}
	splits := make([]uint8, r.Count)
	var counts [4]int
	for row, n := range r.Values.rows {
		splits[row] = of[n]
		counts[of[n]]++
		if s := of[n]; s != none && r.Elsewhere[s] {
			return rows, options.Errorf("column", "row %d is a %s row by column %q, but these are in files of their own: list its value under unused, or leave these files out", row, names[s], o.Column)
		}
	}
	if counts[training] == 0 {
		return rows, options.Errorf("column", "none of the %d rows is a training row by column %q", r.Count, o.Column)
	}
	if counts[validation] == 0 && !r.Elsewhere[validation] {
		if err := o.drawValidation(splits, r); err != nil {
			return rows, err
		}
	}
	return lists(splits), nil
}

// drawValidation makes some training rows validation rows, as many as the default shares have of both, in each class alike.
func (o *Options) drawValidation(splits []uint8, r Rows) error {
	var from []uint32
	for row, s := range splits {
		if s == training {
			from = append(from, uint32(row))
		}
	}
	some := Rows{Count: len(from), MultiLabel: r.MultiLabel}
	if r.Labels != nil {
		some.Labels = func(row int, dst []int) []int { return r.Labels(int(from[row]), dst) }
	}
	sum := DefaultShares[training] + DefaultShares[validation]
	drawn, err := some.random([3]float64{DefaultShares[training] / sum, DefaultShares[validation] / sum, 0}, o.Seed)
	if err != nil {
		return options.Errorf("column", "no row is a validation row by column %q, and the %d training rows are too few for drawing some: %v", o.Column, len(from), err)
	}
	for _, row := range drawn[validation] {
		splits[from[row]] = validation
	}
	return nil
}
