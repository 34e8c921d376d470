package chart

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"

	"mixmas/search/align"
	"mixmas/search/escape"
)

// canvas is an SVG element in the making.
type canvas struct {
	bytes.Buffer
	width, height float64
}

// print adds formatted elements. Texts among the arguments have gone through [text].
func (c *canvas) print(format string, a ...any) { fmt.Fprintf(c, format, a...) }

// text is a text for SVG: shown as it is, on one line.
func text(s string) string { return html.EscapeString(escape.Terminal(s)) }

// px formats a coordinate.
func px(v float64) string { return strconv.FormatFloat(math.Round(10*v)/10, 'f', -1, 64) }

// Where a text is from its point.
const (
	start  = "start"
	middle = "middle"
	end    = "end"
)

// words writes a text; class may be empty. y is its base line.
func (c *canvas) words(x, y float64, anchor, class, s string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	if anchor != start {
		class += ` text-anchor="` + anchor + `"`
	}
	c.print(`<text x="%s" y="%s"%s>%s</text>`, px(x), px(y), class, text(s))
}

// clipped writes a text that may be too long for its place: then its end is cut off, and the whole is its tooltip.
func (c *canvas) clipped(x, y, room float64, anchor, class, s string) {
	short := clip(s, room)
	if short == s {
		c.words(x, y, anchor, class, s)
		return
	}
	c.print(`<g><title>%s</title>`, text(s))
	c.words(x, y, anchor, class, short)
	c.print(`</g>`)
}

// name writes a name that ends at a place, on two lines if it is long. y is the middle of the lines.
func (c *canvas) name(x, y, room float64, class, s string) {
	if wide(s) <= room {
		c.words(x, y+4, end, class, s)
		return
	}
	at, used := 0, 0.0
	for i, r := range s {
		if r == ' ' && i > 0 {
			at = i
		}
		if used += wide(string(r)); used > room {
			break
		}
	}
	if at == 0 {
		c.clipped(x, y+4, room, end, class, s)
		return
	}
	c.clipped(x, y-3, room, end, class, s[:at])
	c.clipped(x, y+11, room, end, class, s[at+1:])
}

// tip is the tooltip of the element that it is in.
func tip(s string) string { return "<title>" + text(s) + "</title>" }

// wide is about the width of a text, in pixels.
func wide(s string) float64 { return letter * float64(align.Width(escape.Terminal(s))) }

// letter is about the width of a letter, in pixels.
const letter = 7.0

// clip cuts off the end of a text that is wider than its place.
func clip(s string, room float64) string {
	if wide(s) <= room {
		return s
	}
	used := float64(letter)
	for i, r := range s {
		if used += wide(string(r)); used > room {
			return strings.TrimSpace(s[:i]) + "…"
		}
	}
	return s
}

// dashes and shapes are as many as there are colours, and go with another colour in each round of them: so many things differ in one of
// them at least.
var dashes = [...]string{"", "7 4", "2 4", "10 4 2 4", "4 3", "12 3 2 3 2 3"}

const colours = 6

// series is the class of a colour, counted from 0.
func series(i int) string { return "s" + strconv.Itoa(i%colours+1) }

// dash is the attribute of the dashes of a line.
func dash(i int) string {
	if d := dashes[(i+i/colours)%len(dashes)]; d != "" {
		return ` stroke-dasharray="` + d + `"`
	}
	return ""
}

// shape is the path of a point's mark of so many pixels around a place.
func shape(i int, x, y, r float64) string {
	at := func(format string, a ...float64) string {
		s := make([]any, len(a))
		for k, v := range a {
			s[k] = px(v)
		}
		return fmt.Sprintf(format, s...)
	}
	switch (i + i/colours) % colours {
	case 0: // disc
		return at("M%s %sa%s %s 0 1 0 %s 0a%s %s 0 1 0 %s 0z", x-r, y, r, r, 2*r, r, r, -2*r)
	case 1: // diamond
		r *= 1.25
		return at("M%s %sL%s %sL%s %sL%s %sz", x, y-r, x+r, y, x, y+r, x-r, y)
	case 2: // square
		r *= 0.9
		return at("M%s %sh%sv%sh%sz", x-r, y-r, 2*r, 2*r, -2*r)
	case 3: // triangle
		r *= 1.15
		return at("M%s %sL%s %sL%s %sz", x, y-r, x+r, y+0.8*r, x-r, y+0.8*r)
	case 4: // triangle upside down
		r *= 1.15
		return at("M%s %sL%s %sL%s %sz", x, y+r, x+r, y-0.8*r, x-r, y-0.8*r)
	}
	q := r / 2.2 // cross
	return at("M%s %sh%sv%sh%sv%sh%sv%sh%sv%sh%sv%sh%sz", x-q, y-r, 2*q, r-q, r-q, 2*q, q-r, r-q, -2*q, q-r, q-r, -2*q, r-q)
}

// mark draws a point.
func (c *canvas) mark(i int, x, y, r float64, class, title string) {
	c.print(`<path class="%s" d="%s">%s</path>`, class, shape(i, x, y, r), tip(title))
}
