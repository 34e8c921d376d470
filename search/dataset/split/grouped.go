package split

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"mixmas/nn/options"
)

// Grouped splits rows so that no group is in two splits, and so that the numbers of rows, and of rows of each class, come as near
// to the shares as the groups allow: large groups are placed first, each where it brings most. groups has a hash per row; labels
// appends the classes of a row to dst, and is nil if there are none.
//
// The groups, their classes and the seed decide where a group goes, not the order of the rows. If all groups with a class would
// be outside of the training rows, a small one of them becomes a training group.
func Grouped(groups []uint64, labels func(row int, dst []int) []int, shares [3]float64, seed uint64) (rows [3][]int, err error) {
	if err := checkShares(shares); err != nil {
		return rows, err
	}
	if uint64(len(groups)) > math.MaxUint32 {
		return rows, options.Errorf("group", "there are %d rows, which is more than 4294967295", len(groups))
	}
	g := newGrouping(groups, labels, normal(shares), seed)
	if len(g.segments) < g.wanted() {
		return rows, options.Errorf("group", "the column has %d different values, which is too few for %d splits (shares %.4g)", len(g.segments), g.wanted(), shares)
	}
	g.place()
	g.train()
	of := make([]uint8, len(groups))
	for i, s := range g.segments {
		for _, row := range g.rows[s.start:s.end] {
			of[row] = g.of[i]
		}
	}
	return lists(of), nil
}

// grouping is where groups of rows go.
type grouping struct {
	rows     []uint32  // sorted by group
	segments []segment // the groups, in the order in which they are placed
	of       []uint8   // split of each group, none so far
	labels   func(row int, dst []int) []int
	shares   [3]float64

	groups  [3]int       // number in each split
	total   [3]balance   // of rows
	classes [][3]balance // of rows with each class
	current group        // the last one that was counted
}

// segment is the part of the sorted rows that is a group.
type segment struct{ start, end uint32 }

// group is a group's numbers of rows.
type group struct {
	rows    int
	classes []int // that rows have, in ascending order
	counts  []int // of rows with each class of the data
	label   []int
}

// balance is the number of rows that a split has, and the number that it should have.
type balance struct{ has, wants float64 }

// cost is how much (has-wants)²/wants grows with more rows.
func (b balance) cost(more float64) float64 {
	return float64(more*float64(2*(b.has-b.wants)+more)) / b.wants
}

// newGrouping sorts the rows by group, and the groups by size. The seed orders groups of about the same size.
func newGrouping(groups []uint64, labels func(row int, dst []int) []int, shares [3]float64, seed uint64) *grouping {
	g := &grouping{rows: make([]uint32, len(groups)), labels: labels, shares: shares}
	for row := range g.rows {
		g.rows[row] = uint32(row)
	}
	slices.SortFunc(g.rows, func(a, b uint32) int { return cmp.Or(cmp.Compare(groups[a], groups[b]), cmp.Compare(a, b)) })
	for i, row := range g.rows {
		if i == 0 || groups[row] != groups[g.rows[i-1]] {
			g.segments = append(g.segments, segment{start: uint32(i)})
		}
		g.segments[len(g.segments)-1].end = uint32(i + 1)
	}
	hash := func(s segment) uint64 { return groups[g.rows[s.start]] }
	slices.SortFunc(g.segments, func(a, b segment) int {
		return cmp.Or(cmp.Compare(bits.Len32(b.end-b.start), bits.Len32(a.end-a.start)),
			cmp.Compare(mix(hash(a)^mix(seed)), mix(hash(b)^mix(seed))))
	})
	g.of = slices.Repeat([]uint8{none}, len(g.segments))
	g.targets()
	return g
}

// mix is the output function of splitmix64, which is a permutation.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// targets computes what the splits should have.
func (g *grouping) targets() {
	for i := range g.segments {
		g.count(i)
	}
	all := make([]int, len(g.current.counts))
	for i := range g.segments {
		for _, class := range g.count(i).classes {
			all[class] += g.current.counts[class]
		}
	}
	g.classes = make([][3]balance, len(all))
	for s, share := range g.shares {
		g.total[s].wants = float64(share * float64(len(g.rows)))
		for class, n := range all {
			g.classes[class][s].wants = float64(share * float64(n))
		}
	}
}

// count counts the rows of a group. The result is valid until the next call.
func (g *grouping) count(i int) *group {
	c, s := &g.current, g.segments[i]
	for _, class := range c.classes {
		c.counts[class] = 0
	}
	c.rows, c.classes = int(s.end-s.start), c.classes[:0]
	if g.labels == nil {
		return c
	}
	for _, row := range g.rows[s.start:s.end] {
		c.label = g.labels(int(row), c.label[:0])
		for _, class := range c.label {
			for class >= len(c.counts) {
				c.counts = append(c.counts, 0)
			}
			if c.counts[class] == 0 {
				c.classes = append(c.classes, class)
			}
			c.counts[class]++
		}
	}
	slices.Sort(c.classes)
	return c
}

// wanted is the number of splits with a share.
func (g *grouping) wanted() (n int) {
	for _, share := range g.shares {
		if share > 0 {
			n++
		}
	}
	return n
}

// cost is how much further from what it should have a split is with a group more.
func (g *grouping) cost(c *group, s uint8) float64 {
	cost := g.total[s].cost(float64(c.rows))
	for _, class := range c.classes {
		cost += g.classes[class][s].cost(float64(c.counts[class]))
	}
	return cost
}

// add puts a group into a split (sign 1) or takes it out (-1).
func (g *grouping) add(c *group, s uint8, sign float64) {
	g.groups[s] += int(sign)
	g.total[s].has += sign * float64(c.rows)
	for _, class := range c.classes {
		g.classes[class][s].has += sign * float64(c.counts[class])
	}
}

// place puts every group into the split where it costs least. The last groups fill splits that have none.
func (g *grouping) place() {
	for i := range g.segments {
		empty := 0
		for s, share := range g.shares {
			if share > 0 && g.groups[s] == 0 {
				empty++
			}
		}
		must := len(g.segments)-i <= empty
		g.of[i] = g.best(g.count(i), func(s uint8) bool { return !must || g.groups[s] == 0 })
		g.add(&g.current, g.of[i], 1)
	}
}

// best is the split with a share where a group costs least.
func (g *grouping) best(c *group, allowed func(s uint8) bool) uint8 {
	best, least := uint8(none), math.Inf(1)
	for s, share := range g.shares {
		if share == 0 || !allowed(uint8(s)) {
			continue
		}
		if cost := g.cost(c, uint8(s)); best == none || cost < least {
			best, least = uint8(s), cost
		}
	}
	return best
}

// train makes groups training groups, small ones first, until all classes have training rows, as long as other splits keep a
// group.
func (g *grouping) train() {
	for i, s := range slices.Backward(g.of) {
		if s == training || g.groups[s] == 1 {
			continue
		}
		c := g.count(i)
		if slices.ContainsFunc(c.classes, func(class int) bool { return g.classes[class][training].has == 0 }) {
			g.add(c, s, -1)
			g.add(c, training, 1)
			g.of[i] = training
		}
	}
}
