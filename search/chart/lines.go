package chart

import (
	"cmp"
	"math"
	"slices"
)

// Lines shows curves, such as learning curves.
type Lines struct {
	Title string
	X, Y  string // names of the axes
	// Series are the curves.
	Series []Series
	// Diagonal draws a line from (0, 0) to (1, 1), such as that of chance.
	Diagonal bool
	// Whole makes both axes go from 0 to 1.
	Whole bool
}

// Series is a curve.
type Series struct {
	Name string
	// X and Y are the points, in order of X; a Y that is not finite interrupts the curve.
	X, Y []float64
	// Low and High are a band around the curve, or nil.
	Low, High []float64
	// Like says which colour the curve has: that of the series with this number, counted from 1; 0 for its own. It has no entry
	// in the legend then, such as the repeats of one candidate.
	Like int
}

// Caption implements [Figure].
func (l Lines) Caption() string { return l.Title }

// Table implements [Figure]. Curves over the same few values of X, such as epochs, have a column each; others have a row per point.
func (l Lines) Table() Table {
	band, longest := false, 0
	var all []float64 // values of X
	for _, s := range l.Series {
		band = band || s.Low != nil
		longest = max(longest, min(len(s.X), len(s.Y)))
		all = append(all, s.X[:min(len(s.X), len(s.Y))]...)
	}
	slices.Sort(all)
	if all = slices.Compact(all); !band && len(all) == longest && finite(all...) {
		return l.columns(all)
	}
	t := Table{Head: []string{"curve", cmp.Or(l.X, "x"), cmp.Or(l.Y, "y")}, Words: 1}
	if band {
		t.Head = append(t.Head, "low", "high")
	}
	for _, s := range l.Series {
		for i := range min(len(s.X), len(s.Y)) {
			row := []string{s.Name, Number(s.X[i]), Number(s.Y[i])}
			if band {
				row = append(row, at(s.Low, i), at(s.High, i))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// columns is the table with a column per curve.
func (l Lines) columns(all []float64) Table {
	t := Table{Head: []string{cmp.Or(l.X, "x")}}
	for _, x := range all {
		t.Rows = append(t.Rows, []string{Number(x)})
	}
	for _, s := range l.Series {
		t.Head = append(t.Head, cmp.Or(s.Name, l.Y, "y"))
		for k := range t.Rows {
			t.Rows[k] = append(t.Rows[k], "")
		}
		for i := range min(len(s.X), len(s.Y)) {
			if k, found := slices.BinarySearch(all, s.X[i]); found {
				t.Rows[k][len(t.Head)-1] = Number(s.Y[i])
			}
		}
	}
	return t
}

// at is a number of a list that may be shorter.
func at(list []float64, i int) string {
	if i >= len(list) {
		return ""
	}
	return Number(list[i])
}

func (l Lines) legend() (entries []entry) {
	for _, s := range l.Series {
		if s.Like == 0 {
			entries = append(entries, entry{s.Name, len(entries), true})
		}
	}
	if len(entries) == 1 && len(l.Series) == 1 && entries[0].name == "" {
		return nil
	}
	return entries
}

const (
	planeHeight = 220
	mostPoints  = 300 // that are marked on curves, and on one
	mostOfCurve = 30
)

func (l Lines) size() (float64, float64) {
	return width, planeHeight + below + legendHeight(l.legend())
}

func (l Lines) draw(c *canvas) {
	entries := l.legend()
	legend(c, entries)
	p := newPlane(c, legendHeight(entries)+8, c.height)
	x, y := newExtent(), newExtent()
	whole := !l.Whole // such as epochs
	if l.Whole {
		x.add(0, 1)
		y.add(0, 1)
	}
	for _, s := range l.Series {
		for i := range min(len(s.X), len(s.Y)) {
			if finite(s.X[i], s.Y[i]) {
				x.add(s.X[i])
				y.add(s.Y[i])
				whole = whole && s.X[i] == math.Trunc(s.X[i])
			}
		}
		y.add(s.Low...)
		y.add(s.High...)
	}
	p.rise(y)
	p.x = x.linear(p.left, p.right)
	if !l.Whole { // curves begin at the axis
		p.x.low, p.x.high = max(p.x.low, x.low), min(p.x.high, x.high)
		if !(p.x.low < p.x.high) {
			p.x = x.linear(p.left, p.right)
		}
	}
	p.x.whole = whole
	p.axes(c, l.X, l.Y)
	if l.Diagonal {
		c.print(`<path class="axis" stroke-dasharray="3 4" d="M%s %sL%s %s"/>`, px(p.x.at(0)), px(p.y.at(0)), px(p.x.at(1)), px(p.y.at(1)))
	}
	points := 0
	for _, s := range l.Series {
		points += len(s.X)
	}
	index := make([]int, len(l.Series)) // of the colours: those of the legend, in order
	next := 0
	for i, s := range l.Series {
		if s.Like == 0 {
			index[i] = next
			next++
		} else if s.Like <= i {
			index[i] = index[s.Like-1]
		}
		s.draw(c, p, index[i], points <= mostPoints && len(s.X) <= mostOfCurve)
	}
}

// draw draws a curve with its points if they are few.
func (s Series) draw(c *canvas, p plane, index int, points bool) {
	n := min(len(s.X), len(s.Y))
	c.print(`<g class="%s">`, series(index))
	if len(s.Low) >= n && len(s.High) >= n && n > 0 && finite(s.X[:n]...) && finite(s.Low[:n]...) && finite(s.High[:n]...) {
		c.print(`<path class="band" d="`)
		for i := range n {
			c.print("%c%s %s", "ML"[min(i, 1)], px(p.x.at(s.X[i])), px(p.y.at(s.High[i])))
		}
		for i := range n {
			c.print("L%s %s", px(p.x.at(s.X[n-1-i])), px(p.y.at(s.Low[n-1-i])))
		}
		c.print(`z"/>`)
	}
	thin := ""
	if s.Like > 0 {
		thin = " thin"
	}
	c.print(`<path class="line%s"%s d="`, thin, dash(index))
	down := false
	for i := range n {
		if !finite(s.X[i], s.Y[i]) {
			down = false
			continue
		}
		command := "M"
		if down {
			command = "L"
		}
		c.print("%s%s %s", command, px(p.x.at(s.X[i])), px(p.y.at(s.Y[i])))
		if !down {
			c.print("h0") // the round end of the line: a point alone can be seen too
		}
		down = true
	}
	c.print(`">%s</path>`, tip(s.Name))
	if points {
		for i := range n {
			if finite(s.X[i], s.Y[i]) {
				c.mark(index, p.x.at(s.X[i]), p.y.at(s.Y[i]), 2.6, "fill", s.Name+": "+Short(s.X[i])+", "+Short(s.Y[i]))
			}
		}
	}
	c.print(`</g>`)
}
