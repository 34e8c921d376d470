package chart

import (
	"cmp"
	"math"
	"slices"
)

// Timeline shows what ran when, on which worker.
type Timeline struct {
	Title string
	// Spans are in any order. Those of a lane do not overlap.
	Spans []Span
}

// Span is something that ran for a time.
type Span struct {
	Name string
	// Lane is the name of the worker.
	Lane string
	// Group is a name for the legend; spans of a group look alike.
	Group string
	// Begin and End are in seconds from the start.
	Begin, End float64
	// Note is added to tooltip and table, such as "failed".
	Note string
}

// Caption implements [Figure].
func (f Timeline) Caption() string { return f.Title }

// Table implements [Figure].
func (f Timeline) Table() Table {
	t := Table{Head: []string{"worker", "name", "group", "note", "from second", "to second"}, Words: 4}
	for _, s := range f.Spans {
		t.Rows = append(t.Rows, []string{s.Lane, s.Name, s.Group, s.Note, seconds(s.Begin), seconds(s.End)})
	}
	return t
}

// seconds formats a time to the millisecond, as exact as events are.
func seconds(v float64) string { return Number(math.Round(v*1000) / 1000) }

func (f Timeline) groups() (entries []entry) {
	for _, s := range f.Spans {
		if !slices.ContainsFunc(entries, func(e entry) bool { return e.name == s.Group }) {
			entries = append(entries, entry{s.Group, len(entries), false})
		}
	}
	return entries
}

func (f Timeline) lanes() (names []string) {
	for _, s := range f.Spans {
		if !slices.Contains(names, s.Lane) {
			names = append(names, s.Lane)
		}
	}
	slices.SortStableFunc(names, cmp.Compare[string])
	return names
}

const (
	laneHeight    = 30
	timelineWidth = 900
)

func (f Timeline) size() (float64, float64) {
	return timelineWidth, legendHeight(f.groups()) + 10 + laneHeight*float64(max(1, len(f.lanes()))) + below
}

func (f Timeline) draw(c *canvas) {
	groups, lanes := f.groups(), f.lanes()
	legend(c, groups)
	p := newPlane(c, legendHeight(groups)+6, c.height)
	p.left = gutter(lanes)
	x := newExtent()
	x.add(0)
	for _, s := range f.Spans {
		x.add(s.Begin, s.End)
	}
	p.x = x.linear(p.left, p.right)
	p.below(c, "seconds since the start")
	for i, lane := range lanes {
		c.clipped(p.left-8, p.top+4+laneHeight*(float64(i)+0.5)+4, p.left-12, end, "", lane)
	}
	for _, s := range f.Spans {
		if !finite(s.Begin, s.End) || s.End < s.Begin {
			continue
		}
		y := p.top + 4 + laneHeight*float64(slices.Index(lanes, s.Lane)) + 4
		left, right := p.x.at(s.Begin), p.x.at(s.End)
		title := s.Name + ": " + Short(s.Begin) + " to " + Short(s.End) + " s"
		if s.Note != "" {
			title += ", " + s.Note
		}
		index := slices.IndexFunc(groups, func(e entry) bool { return e.name == s.Group })
		c.print(`<g class="%s"><path class="span" d="M%s %sH%sv%dH%sz">%s</path></g>`, series(index), px(left), px(y), px(max(right, left+1.5)), laneHeight-8, px(left), tip(title))
		if right-left > 60 {
			c.clipped(left+4, y+15, right-left-6, start, "", s.Name)
		}
	}
}
