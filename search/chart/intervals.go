package chart

import "cmp"

// Intervals shows values with their intervals, one line each, such as the scores of candidates.
type Intervals struct {
	Title string
	X     string // name of the axis
	Rows  []Interval
}

// Interval is a value with its interval.
type Interval struct {
	Name string
	// Value is NaN if there is none. Low and High are the ends of the interval, NaN if it is unknown.
	Value, Low, High float64
	// Points are the values behind it, such as one per repeat.
	Points []float64
	// Standing says how it is drawn.
	Standing Standing
	// Note stands in the place of the value if there is none, such as "failed"; otherwise it is added to the table.
	Note string
}

// Standing is how a value stands among the others.
type Standing int

const (
	Plain  Standing = iota
	Chosen          // filled, with a strong name
	Close           // cannot be told apart from the best
	Behind          // dull
)

// Caption implements [Figure].
func (f Intervals) Caption() string { return f.Title }

// Table implements [Figure].
func (f Intervals) Table() Table {
	t := Table{Head: []string{"name", cmp.Or(f.X, "value"), "low", "high", "note"}, Words: 1}
	for _, r := range f.Rows {
		note := r.Note
		if r.Standing == Chosen && note == "" {
			note = "chosen"
		}
		t.Rows = append(t.Rows, []string{r.Name, Number(r.Value), Number(r.Low), Number(r.High), note})
	}
	return t
}

const (
	intervalHeight = 26
	namesWidth     = 150
)

// rowHeight is larger if a name needs two lines.
func (f Intervals) rowHeight() float64 {
	for _, r := range f.Rows {
		if wide(r.Name) > namesWidth {
			return intervalHeight + 6
		}
	}
	return intervalHeight
}

func (f Intervals) size() (float64, float64) {
	return width, 10 + f.rowHeight()*float64(max(1, len(f.Rows))) + below
}

func (f Intervals) draw(c *canvas) {
	p := newPlane(c, 6, c.height)
	var names []string
	for _, r := range f.Rows {
		names = append(names, r.Name)
	}
	p.left = gutter(names)
	x := newExtent()
	for _, r := range f.Rows {
		x.add(r.Value, r.Low, r.High)
		x.add(r.Points...)
	}
	p.x = x.linear(p.left+6, p.right-2)
	p.below(c, f.X)
	for i, r := range f.Rows {
		r.draw(c, p, p.top+4+f.rowHeight()*(float64(i)+0.5))
	}
}

func (r Interval) draw(c *canvas, p plane, y float64) {
	class, mark, kind, name := "s1", "hollow", 0, ""
	switch r.Standing {
	case Chosen:
		class, mark, kind, name = "s2", "fill", 1, "strong"
	case Behind:
		class = "dull"
	}
	c.name(p.left-8, y, p.left-12, name, r.Name)
	if !finite(r.Value) {
		c.clipped(p.left+8, y+4, p.right-p.left-8, start, "soft", r.Note)
		return
	}
	c.print(`<g class="%s">`, class)
	title := r.Name + ": " + Short(r.Value)
	if finite(r.Low, r.High) {
		title += " [" + Short(r.Low) + ", " + Short(r.High) + "]"
		low, high := p.x.at(r.Low), p.x.at(r.High)
		c.print(`<path class="line" d="M%s %sH%sM%s %sv8M%s %sv8"/>`, px(low), px(y), px(high), px(low), px(y-4), px(high), px(y-4))
	}
	for _, v := range r.Points {
		if finite(v) {
			c.print(`<path class="axis" d="M%s %sv6"/>`, px(p.x.at(v)), px(y+5))
		}
	}
	c.mark(kind, p.x.at(r.Value), y, 5, mark, title)
	c.print(`</g>`)
}
