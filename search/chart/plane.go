package chart

import (
	"slices"
	"strconv"
)

// plane is a rectangle with two axes.
type plane struct {
	x, y                     scale
	left, top, right, bottom float64
}

// The width of most figures, and what axes need beside the plane, in pixels.
const (
	width       = 400
	besideLeft  = 62
	beside      = 28 // the numbers of the vertical axis: its name and gaps
	besideRight = 14
	below       = 40
	legendLine  = 18
)

// newPlane is a plane between a top and the bottom of the canvas, or of another place.
func newPlane(c *canvas, top, bottom float64) plane {
	return plane{left: besideLeft, right: c.width - besideRight, top: top, bottom: bottom - below}
}

// rise sets the vertical axis, and makes room for its numbers.
func (p *plane) rise(y extent) {
	p.y = y.linear(p.bottom, p.top)
	for _, t := range p.y.ticks(5) {
		p.left = max(p.left, beside+wide(t.text))
	}
}

// axes draws the grid, the ticks and the names of the axes.
func (p plane) axes(c *canvas, x, y string) {
	for _, t := range p.y.ticks(5) {
		at := p.y.at(t.value)
		c.print(`<path class="grid" d="M%s %sH%s"/>`, px(p.left), px(at), px(p.right))
		c.words(p.left-7, at+4, end, "soft", t.text)
	}
	p.upwards(c)
	c.print(`<path class="axis" d="M%s %sV%sH%s"/>`, px(p.left), px(p.top), px(p.bottom), px(p.right))
	c.clipped((p.left+p.right)/2, p.bottom+34, p.right-p.left, middle, "", x)
	c.print(`<g transform="translate(12 %s) rotate(-90)">`, px((p.top+p.bottom)/2))
	c.clipped(0, 0, p.bottom-p.top, middle, "", y)
	c.print(`</g>`)
}

// upwards draws the lines of the horizontal axis with their numbers.
func (p plane) upwards(c *canvas) {
	for _, t := range p.x.apart(6) {
		at := p.x.at(t.value)
		c.print(`<path class="grid" d="M%s %sV%s"/>`, px(at), px(p.top), px(p.bottom))
		c.words(min(at, c.width-wide(t.text)/2), p.bottom+16, middle, "soft", t.text)
	}
}

// below draws the horizontal axis with lines upwards.
func (p plane) below(c *canvas, name string) {
	p.upwards(c)
	c.print(`<path class="axis" d="M%s %sH%s"/>`, px(p.left), px(p.bottom), px(p.right))
	c.clipped((p.left+p.right)/2, p.bottom+34, p.right-p.left, middle, "", name)
}

// entry is a line of a legend.
type entry struct {
	name  string
	index int  // of colour, dashes and shape
	line  bool // or a point
}

// legendRows puts entries into lines. Beyond the most that are shown, the last says how many more there are.
func legendRows(entries []entry) (rows [][]entry) {
	const most = 24
	if len(entries) > most+1 {
		entries = append(slices.Clone(entries[:most]), entry{"and " + strconv.Itoa(len(entries)-most) + " more", -1, false})
	}
	used := float64(width)
	for _, e := range entries {
		need := legendWidth(e)
		if used+need > width-8 {
			rows, used = append(rows, nil), 0
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
		used += need
	}
	return rows
}

const legendRoom = 150 // for a name, in pixels

func legendWidth(e entry) float64 { return 46 + min(legendRoom, wide(e.name)) }

// legendHeight is the height of the legend.
func legendHeight(entries []entry) float64 { return legendLine * float64(len(legendRows(entries))) }

// legend draws the legend at the top.
func legend(c *canvas, entries []entry) {
	for i, row := range legendRows(entries) {
		x, y := 4.0, 12+legendLine*float64(i)
		for _, e := range row {
			if e.index < 0 {
				c.words(x, y, start, "soft", e.name)
				continue
			}
			c.print(`<g class="%s">`, series(e.index))
			if e.line {
				c.print(`<path class="line" d="M%s %sh24"%s/>`, px(x), px(y-4), dash(e.index))
			}
			c.print(`<path class="fill" d="%s"/>`, shape(e.index, x+12, y-4, 3.5))
			c.print(`</g>`)
			c.clipped(x+30, y, legendRoom, start, "", e.name)
			x += legendWidth(e)
		}
	}
}
