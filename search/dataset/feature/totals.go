package feature

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// totals sum up the facts of a column's cells that are not missing. Counts are of rows.
type totals struct {
	room      room
	cells     int
	fits      [len(forms)]int // numbers, by form
	numbers   int             // in any form
	infinite  int
	units     [len(units)]int
	fractions int // numbers with decimals or an exponent
	zeros     int // numbers with a leading zero
	codes     int // numbers of more than 15 digits
	points    bounds
	commas    bounds
	negative  bounds // numbers below 0
	digits    bounds // the numbers of digits of whole numbers
	dates     [len(layouts)]int
	dated     int // in any layout
	timed     int
	first     [len(layouts)]bounds // seconds
	lists     int
	lengths   bounds
	files     [webAddress + 1]int
	splits    int
	tokens    int
	words     float64
	several   int   // cells of two words or more
	longest   int   // bytes
	strays    tally // the cells of others
	members   [len(separators)]tally
	separated [len(separators)]int // cells with the separator, and lists
	quoted    int                  // cells that are lists of texts in quotes
	others    int                  // cells that are neither numbers nor lists nor dates
	lone      int                  // numbers that can be lists of one
}

// bounds are the smallest and the largest of some numbers.
type bounds struct {
	least, most float64
	any         bool
}

func (b *bounds) add(x float64) {
	if !b.any {
		*b = bounds{x, x, true}
	}
	b.least, b.most = min(b.least, x), max(b.most, x)
}

// separators are what may be between the members of a set.
var separators = [...]string{"|", ";", ","}

// tally counts a bounded number of different texts. When there are too many, or one is too long, it is over and keeps none.
type tally struct {
	counts map[string]int
	bytes  int
	over   bool
}

// Limits of a tally, and of what a profile keeps: different texts, their bytes, and the bytes of one of them.
const (
	mostValues   = 2048
	mostBytes    = 128 << 10
	longestValue = 128
	mostStrays   = 16
)

// room is the number of different texts that are kept, 0 for mostValues.
type room int

func (r room) values() int { return cmp.Or(int(r), mostValues) }

func (r room) bytes() int { return r.values() * (mostBytes / mostValues) }

func (t *tally) add(text string, count int, r room) {
	if t.over {
		return
	}
	if n, ok := t.counts[text]; ok {
		t.counts[text] = n + count
		return
	}
	if len(t.counts) >= r.values() || t.bytes+len(text) > r.bytes() || len(text) > longestValue {
		t.counts, t.over = nil, true
		return
	}
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[strings.Clone(text)] = count
	t.bytes += len(text)
}

func (t *tally) clone() tally {
	c := *t
	c.counts = maps.Clone(t.counts)
	return c
}

// median is the number that half of the numbers do not exceed.
func median(numbers []int) int {
	slices.Sort(numbers)
	return numbers[len(numbers)/2]
}

// frequent lists the texts by number, the most frequent first, and then by text.
func frequent(counts map[string]int) []string {
	list := slices.Collect(maps.Keys(counts))
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	return list
}

// add counts a cell that occurs in some rows.
func (t *totals) add(cell string, f *facts, rows int) {
	t.cells += rows
	t.longest = max(t.longest, len(cell))
	t.tokens += f.tokens * rows
	t.words += f.words * float64(rows)
	if f.words >= 2 {
		t.several += rows
	}
	if f.number.forms != noForm {
		t.addNumber(cell, &f.number, rows)
		if f.list < 0 && f.number.forms&point != 0 && f.number.unit == 0 {
			t.lone += rows
		}
	}
	if f.dates != noLayout {
		t.addDates(cell, f, rows)
	}
	if f.list >= 0 {
		t.lists += rows
		t.lengths.add(float64(f.list))
	}
	t.files[f.kind] += rows
	if f.split {
		t.splits += rows
	}
	if f.number.forms != noForm || f.list >= 0 || f.dates != noLayout {
		return
	}
	if t.others += rows; len(t.strays.counts) <= mostStrays {
		t.strays.add(cell, rows, t.room)
	}
	t.addMembers(cell, rows)
}

// addMembers counts the members of a cell, for each of the separators.
func (t *totals) addMembers(cell string, rows int) {
	_, quoted := quotedEntries(cell)
	if quoted {
		t.quoted += rows
	}
	for i, s := range separators {
		if t.members[i].over {
			continue
		}
		if quoted || strings.Contains(cell, s) {
			t.separated[i] += rows
		}
		for member := range Members(cell, s) {
			t.members[i].add(member, rows, t.room)
		}
	}
}

func (t *totals) addNumber(cell string, n *number, rows int) {
	t.numbers += rows
	t.units[n.unit] += rows
	for i, form := range forms {
		if n.forms&form != 0 {
			t.fits[i] += rows
		}
	}
	if infinite(n.point) || infinite(n.comma) {
		t.infinite += rows
		return
	}
	if n.zeros {
		t.zeros += rows
	}
	if !n.whole {
		t.fractions += rows
	} else if t.digits.add(float64(len(cell))); len(cell) > 15 {
		t.codes += rows
	}
	if n.forms&^comma != 0 {
		if t.points.add(n.point); n.point < 0 {
			t.negative.add(n.point)
		}
	}
	if n.forms&comma != 0 {
		t.commas.add(n.comma)
	}
}

func (t *totals) addDates(cell string, f *facts, rows int) {
	t.dated += rows
	if f.timed {
		t.timed += rows
	}
	for i, l := range layouts {
		if f.dates&l != 0 {
			t.dates[i] += rows
			m, _ := parseDate(cell, l)
			t.first[i].add(m.seconds)
		}
	}
}

// clone returns totals that can be added to without changing these.
func (t *totals) clone() *totals {
	c := *t
	c.strays = t.strays.clone()
	for i := range c.members {
		c.members[i] = t.members[i].clone()
	}
	return &c
}
