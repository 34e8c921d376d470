package chart

import (
	"cmp"
	"slices"
)

// Scatter shows points of two values, such as score against cost, with the Pareto front as a line.
type Scatter struct {
	Title string
	X, Y  string // names of the axes
	// LogX makes the axis logarithmic, if all values are above 0.
	LogX   bool
	Points []Point
}

// Point is a point of a [Scatter].
type Point struct {
	Name string
	// Group is a name for the legend; points of a group look alike.
	Group string
	X, Y  float64
	// Low and High are the ends of the interval of Y, NaN or both 0 if it is unknown.
	Low, High float64
	// Front means that the point is on the Pareto front.
	Front bool
}

// Caption implements [Figure].
func (f Scatter) Caption() string { return f.Title }

// Table implements [Figure].
func (f Scatter) Table() Table {
	t := Table{Head: []string{"name", "group", cmp.Or(f.X, "x"), cmp.Or(f.Y, "y"), "low", "high", "Pareto front"}, Words: 2}
	for _, p := range f.Points {
		low, high, front := "", "", ""
		if p.known() {
			low, high = Number(p.Low), Number(p.High)
		}
		if p.Front {
			front = "yes"
		}
		t.Rows = append(t.Rows, []string{p.Name, p.Group, Number(p.X), Number(p.Y), low, high, front})
	}
	return t
}

// known reports whether the point has an interval.
func (p Point) known() bool { return finite(p.Low, p.High) && (p.Low != 0 || p.High != 0) }

func (f Scatter) legend() (entries []entry) {
	for _, p := range f.Points {
		if !slices.ContainsFunc(entries, func(e entry) bool { return e.name == p.Group }) {
			entries = append(entries, entry{p.Group, len(entries), false})
		}
	}
	if len(entries) == 1 {
		return nil
	}
	return entries
}

func (f Scatter) size() (float64, float64) {
	return width, planeHeight + below + 30 + legendHeight(f.legend())
}

func (f Scatter) draw(c *canvas) {
	entries := f.legend()
	legend(c, entries)
	p := newPlane(c, legendHeight(entries)+8, c.height)
	x, y := newExtent(), newExtent()
	for _, v := range f.Points {
		if !finite(v.X, v.Y) {
			continue
		}
		x.add(v.X)
		y.add(v.Y)
		if v.known() {
			y.add(v.Low, v.High)
		}
	}
	p.rise(y)
	p.x = x.linear(p.left, p.right)
	if f.LogX {
		p.x = x.logarithmic(p.left, p.right)
	}
	p.axes(c, f.X, f.Y)
	f.front(c, p)
	for _, v := range f.Points {
		i := max(0, slices.IndexFunc(entries, func(e entry) bool { return e.name == v.Group }))
		v.draw(c, p, i)
	}
	f.names(c, p)
}

// front draws the Pareto front as steps.
func (f Scatter) front(c *canvas, p plane) {
	front := slices.DeleteFunc(slices.Clone(f.Points), func(v Point) bool { return !v.Front || !finite(v.X, v.Y) })
	if len(front) < 2 {
		return
	}
	slices.SortStableFunc(front, func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	c.print(`<path class="axis" stroke-width="1.5" stroke-dasharray="4 3" d="M%s %s`, px(p.x.at(front[0].X)), px(p.y.at(front[0].Y)))
	for _, v := range front[1:] {
		c.print("H%sV%s", px(p.x.at(v.X)), px(p.y.at(v.Y)))
	}
	c.print(`">%s</path>`, tip("Pareto front"))
}

func (v Point) draw(c *canvas, p plane, index int) {
	if !finite(v.X, v.Y) {
		return
	}
	c.print(`<g class="%s">`, series(index))
	x, y, class := p.x.at(v.X), p.y.at(v.Y), "hollow"
	title := v.Name + ": " + Short(v.X) + ", " + Short(v.Y)
	if v.Group != "" {
		title = v.Group + ", " + title
	}
	if v.known() {
		c.print(`<path class="line thin" stroke-opacity=".55" d="M%s %sV%s"/>`, px(x), px(p.y.at(v.Low)), px(p.y.at(v.High)))
		title += " [" + Short(v.Low) + ", " + Short(v.High) + "]"
	}
	if v.Front {
		class = "fill"
		title += ", on the Pareto front"
	}
	c.mark(index, x, y, 5, class, title)
	c.print(`</g>`)
}

// names writes the names of points beside them where there is room, first those of the front.
func (f Scatter) names(c *canvas, p plane) {
	type box struct{ left, top, right, bottom float64 }
	var taken []box
	free := func(b box) bool {
		return b.left >= p.left && b.right <= p.right && b.top >= p.top && b.bottom <= p.bottom &&
			!slices.ContainsFunc(taken, func(t box) bool {
				return b.left < t.right && t.left < b.right && b.top < t.bottom && t.top < b.bottom
			})
	}
	var list []Point
	for _, v := range f.Points {
		if finite(v.X, v.Y) {
			list = append(list, v)
			x, y := p.x.at(v.X), p.y.at(v.Y)
			taken = append(taken, box{x - 5, y - 5, x + 5, y + 5})
		}
	}
	slices.SortStableFunc(list, func(a, b Point) int {
		switch {
		case a.Front == b.Front:
			return 0
		case a.Front:
			return -1
		}
		return 1
	})
	const most = 40 // names
	for _, v := range list[:min(most, len(list))] {
		name := clip(v.Name, 150)
		if name == "" {
			continue
		}
		x, y, w := p.x.at(v.X), p.y.at(v.Y), wide(name)
		for _, at := range []struct{ x, y float64 }{{x + 9, y + 4}, {x - 9 - w, y + 4}, {x + 6, y - 8}, {x + 6, y + 16}, {x - 6 - w, y - 8}, {x - 6 - w, y + 16}} {
			if b := (box{at.x - 2, at.y - 11, at.x + w, at.y + 3}); free(b) {
				taken = append(taken, b)
				c.words(at.x, at.y, start, "soft halo", name)
				break
			}
		}
	}
}
