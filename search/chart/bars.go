package chart

import (
	"cmp"
	"math"
	"slices"
)

// Bars shows numbers of 0 and more by group, as horizontal bars, such as rows per class and split.
type Bars struct {
	Title  string
	X      string // name of the axis
	Groups []string
	Series []BarSeries
}

// BarSeries is a number per group. Low and High are the ends of intervals, or nil.
type BarSeries struct {
	Name              string
	Values, Low, High []float64
}

// Caption implements [Figure].
func (f Bars) Caption() string { return f.Title }

// Table implements [Figure].
func (f Bars) Table() Table {
	t := Table{Head: []string{"group"}, Words: 1}
	for _, s := range f.Series {
		t.Head = append(t.Head, cmp.Or(s.Name, f.X, "value"))
		if s.Low != nil {
			t.Head = append(t.Head, "low", "high")
		}
	}
	for i, name := range f.Groups {
		row := []string{name}
		for _, s := range f.Series {
			row = append(row, at(s.Values, i))
			if s.Low != nil {
				row = append(row, at(s.Low, i), at(s.High, i))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

const (
	barHeight = 11
	barGap    = 9
)

func (f Bars) legend() (entries []entry) {
	if len(f.Series) < 2 {
		return nil
	}
	for i, s := range f.Series {
		entries = append(entries, entry{s.Name, i, false})
	}
	return entries
}

func (f Bars) groupHeight() float64 { return barGap + barHeight*float64(max(1, len(f.Series))) }

func (f Bars) size() (float64, float64) {
	return width, legendHeight(f.legend()) + 10 + f.groupHeight()*float64(max(1, len(f.Groups))) + below
}

func (f Bars) draw(c *canvas) {
	entries := f.legend()
	legend(c, entries)
	p := newPlane(c, legendHeight(entries)+6, c.height)
	p.left = gutter(f.Groups)
	x := newExtent()
	x.add(0)
	whole := true // such as counts
	for _, s := range f.Series {
		x.add(s.Values...)
		x.add(s.High...)
		whole = whole && !slices.ContainsFunc(s.Values, func(v float64) bool { return finite(v) && v != math.Trunc(v) })
	}
	p.x = x.linear(p.left, p.right-44) // room for numbers
	p.x.whole = whole
	p.below(c, f.X)
	for i, name := range f.Groups {
		top := p.top + 4 + f.groupHeight()*float64(i)
		c.clipped(p.left-8, top+barHeight*float64(max(1, len(f.Series)))/2+4, p.left-12, end, "", name)
		for k, s := range f.Series {
			if i >= len(s.Values) || !finite(s.Values[i]) || s.Values[i] < 0 {
				continue
			}
			y, v := top+barHeight*float64(k), s.Values[i]
			title := name + ": " + Short(v)
			if s.Name != "" {
				title = name + ", " + s.Name + ": " + Short(v)
			}
			c.print(`<g class="%s"><path class="fill" fill-opacity=".85" d="M%s %sH%sv%dH%sz">%s</path>`, series(k), px(p.left), px(y), px(max(p.x.at(v), p.left+0.5)),
				barHeight-1, px(p.left), tip(title))
			after := p.x.at(v)
			if i < len(s.Low) && i < len(s.High) && finite(s.Low[i], s.High[i]) {
				c.print(`<path class="axis" stroke-width="1.5" d="M%s %sH%s"/>`, px(p.x.at(s.Low[i])), px(y+barHeight/2), px(p.x.at(s.High[i])))
				after = max(after, p.x.at(s.High[i]))
			}
			c.print(`</g>`)
			c.words(after+5, y+barHeight-1.5, start, "soft", Short(v))
		}
	}
}

// gutter is the room for names at the left of a plane.
func gutter(names []string) float64 {
	room := 40.0
	for _, name := range names {
		room = max(room, min(namesWidth, 1.08*wide(name)+8)) // some are strong
	}
	return room + 12
}
