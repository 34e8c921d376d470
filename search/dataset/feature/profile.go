package feature

import (
	"slices"
	"strings"
)

// Profile is what is kept of a column's cells: enough to say what the column is taken for and to fit an [Encoder]. It takes a
// single pass and at most some hundred kilobytes, whatever the cells are. The zero value has seen no cells.
type Profile struct {
	rows, missing int
	values        map[string]*value // those cells that are not too long; of very many, those that occur often
	bytes         int               // of the cells in values
	past          totals            // of the cells that are not in values
	sketch        *sketch           // of all cells; nil while values has them all
	barren        bool              // thousands of cells were all different, or are measurements: values takes no more
	rising        bool              // each cell was a larger number than the one before
	last          float64
	examples      []string
}

// value is a cell that may occur again.
type value struct {
	rows  int
	facts facts
}

// mostExamples is the number of cells that are kept to be shown.
const mostExamples = 3

// Limits of what the profiles of a table keep together.
const (
	tableValues = 1 << 20
	leastValues = 32 // of each column
)

// MostColumns is the number of columns whose profiles are taken together.
const MostColumns = 100_000

// Profiles are those of the columns of a table. Of very many columns, each keeps fewer values, so that all of them take at most
// some hundred megabytes.
func Profiles(columns int) []Profile {
	list := make([]Profile, columns)
	for i := range list {
		list[i].past.room = room(min(max(tableValues/columns, leastValues), mostValues))
	}
	return list
}

// Add counts the cell of one more row. The cell is not kept.
func (p *Profile) Add(cell string) {
	p.rows++
	cell = trim(cell)
	if v, ok := p.values[cell]; ok {
		v.rows++
		p.rising = false
	} else if IsMissing(cell) {
		p.missing++
	} else {
		p.addNew(cell)
	}
}

// addNew counts a cell that is not in values.
func (p *Profile) addNew(cell string) {
	f := look(cell)
	if n := f.number; n.forms&^comma == 0 || p.rows-p.missing > 1 && n.point <= p.last {
		p.rising = false
	} else if p.last = n.point; p.rows-p.missing == 1 {
		p.rising = true
	}
	if len(p.examples) < mostExamples {
		p.examples = append(p.examples, strings.ToValidUTF8(strings.Clone(cell[:min(len(cell), longestValue)]), ""))
	}
	long := len(cell) > longestValue
	if room := p.past.room; !long && !p.barren && (len(p.values) >= room.values() || p.bytes+len(cell) > room.bytes()) {
		p.prune()
	}
	if long || p.barren {
		p.startSketch()
		p.sketch.add(cell)
		p.past.add(cell, &f, 1)
		return
	}
	if p.sketch != nil {
		p.sketch.add(cell)
	}
	if p.values == nil {
		p.values = map[string]*value{}
	}
	p.values[strings.Clone(cell)] = &value{1, f}
	p.bytes += len(cell)
}

func (p *Profile) startSketch() {
	if p.sketch != nil {
		return
	}
	p.sketch = new(sketch)
	for cell := range p.values {
		p.sketch.add(cell)
	}
}

// prune moves the rarest half of the values, or more, to the totals.
func (p *Profile) prune() {
	p.startSketch()
	var counts []int
	for _, v := range p.values {
		counts = append(counts, v.rows)
	}
	limit := median(counts)
	for cell, v := range p.values {
		if v.rows <= limit {
			p.past.add(cell, &v.facts, v.rows)
			p.bytes -= len(cell)
			delete(p.values, cell)
		}
	}
	// Numbers with decimals and dates are not counted as categories, so they need not be kept.
	measured := p.past.numbers == p.past.cells && p.past.fractions > p.past.cells/2 || p.past.dated == p.past.cells
	p.barren = limit == 1 && (measured || len(p.values) == 0)
}

// totals sums up all cells. They do not depend on the order in which cells are added.
func (p *Profile) totals() *totals {
	t := p.past.clone()
	for cell, v := range p.values {
		t.add(cell, &v.facts, v.rows)
	}
	if slices.Max(t.separated[:]) > 0 { // then a number is a member like others
		for cell, v := range p.values {
			if v.facts.number.forms != noForm || v.facts.list >= 0 {
				t.addMembers(cell, v.rows)
			}
		}
	}
	return t
}

// counts are the rows of each value that is kept.
func (p *Profile) counts() map[string]int {
	counts := map[string]int{}
	for cell, v := range p.values {
		counts[cell] = v.rows
	}
	return counts
}

// Rows is the number of cells that were added.
func (p *Profile) Rows() int { return p.rows }

// Missing is the number of cells that stand for a missing value.
func (p *Profile) Missing() int { return p.missing }

// Distinct is the number of different cells, without missing ones. Beyond some thousands, and of long cells, it is an estimate, and
// exact is false.
func (p *Profile) Distinct() (n int, exact bool) {
	if p.sketch == nil {
		return len(p.values), true
	}
	return min(p.sketch.estimate(), p.rows-p.missing), false
}

// Examples are the first different cells, at most three; long ones are cut.
func (p *Profile) Examples() []string { return slices.Clone(p.examples) }

// Lengths are the smallest and the largest number of entries of cells that are lists.
func (p *Profile) Lengths() (least, most int) {
	t := p.totals()
	if t.lone > 0 {
		t.lengths.add(1)
	}
	return int(t.lengths.least), int(t.lengths.most)
}
