package chart

import (
	"cmp"
	"math"
	"strconv"
)

// Heatmap shows counts by row and column, such as a confusion matrix: the darker, the larger the share of the row.
type Heatmap struct {
	Title string
	X, Y  string // what columns and rows are
	Names []string
	// Counts are by row and column, as many as names each.
	Counts [][]int
}

// Caption implements [Figure].
func (f Heatmap) Caption() string { return f.Title }

// Table implements [Figure]: counts, and shares of the row's sum.
func (f Heatmap) Table() Table {
	t := Table{Head: []string{cmp.Or(f.Y, "row")}, Words: 1}
	t.Head = append(append(t.Head, f.Names...), "sum")
	for _, name := range f.Names {
		t.Head = append(t.Head, name+", share")
	}
	for i, name := range f.Names {
		row, sum := []string{name}, f.sum(i)
		for k := range f.Names {
			row = append(row, strconv.Itoa(f.count(i, k)))
		}
		row = append(row, strconv.Itoa(sum))
		for k := range f.Names {
			row = append(row, Number(share(f.count(i, k), sum)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// nameHeight is the height of a line, in pixels.
const nameHeight = 12

func (f Heatmap) count(i, k int) int {
	if i >= len(f.Counts) || k >= len(f.Counts[i]) {
		return 0
	}
	return max(0, f.Counts[i][k])
}

func (f Heatmap) sum(i int) (sum int) {
	for k := range f.Names {
		sum += f.count(i, k)
	}
	return sum
}

// share is a part of a sum, 0 of an empty one.
func share(part, sum int) float64 {
	if sum == 0 {
		return 0
	}
	return float64(part) / float64(sum)
}

// geometry returns the room for names at the left and above, and the side of a cell.
func (f Heatmap) geometry() (left, top, side float64) {
	longest := 0.0
	for _, name := range f.Names {
		longest = max(longest, wide(name)+8)
	}
	left = 28 + min(110, longest)
	side = min(44, (width-left-4)/float64(max(1, len(f.Names))))
	top = 22.0
	if longest > side { // the names of the columns are upright
		top += min(110, longest)
	} else {
		top += 16
	}
	return left, top, side
}

func (f Heatmap) size() (float64, float64) {
	_, top, side := f.geometry()
	return width, top + side*float64(len(f.Names)) + 6
}

func (f Heatmap) draw(c *canvas) {
	left, top, side := f.geometry()
	n := float64(len(f.Names))
	c.clipped(left+side*n/2, 13, width-left, middle, "", f.X)
	c.print(`<g transform="translate(12 %s) rotate(-90)">`, px(top+side*n/2))
	c.clipped(0, 0, side*n, middle, "", f.Y)
	c.print(`</g>`)
	every := int(math.Ceil(nameHeight / side)) // of many classes, some names are drawn
	for i, name := range f.Names {
		at := side * (float64(i) + 0.5)
		sum := f.sum(i)
		for k := range f.Names {
			f.cell(c, left+side*float64(k), top+side*float64(i), side, i, k, sum)
		}
		if i%every != 0 {
			continue
		}
		c.clipped(left-6, top+at+4, left-32, end, "soft", name)
		if top > 40 {
			c.print(`<g transform="translate(%s %s) rotate(-90)">`, px(left+at+4), px(top-5))
			c.clipped(0, 0, top-28, start, "soft", name)
			c.print(`</g>`)
		} else {
			c.words(left+at, top-6, middle, "soft", name)
		}
	}
	c.print(`<path class="grid" d="M%s %sh%sv%sh%sz"/>`, px(left), px(top), px(side*n), px(side*n), px(-side*n))
}

// How much of its colour a cell has: so little that numbers can be read on it.
const (
	leastShade = 0.06
	mostShade  = 0.6
)

func (f Heatmap) cell(c *canvas, x, y, side float64, i, k, sum int) {
	count := f.count(i, k)
	part := share(count, sum)
	if count == 0 {
		return
	}
	colour := series(0) // right
	if i != k {
		colour = series(1)
	}
	c.print(`<g class="%s"><path class="fill" fill-opacity="%s" d="M%s %sh%sv%sh%sz">%s</path>`, colour, strconv.FormatFloat(leastShade+(mostShade-leastShade)*part, 'f', 2, 64), px(x+0.5), px(y+0.5),
		px(side-1), px(side-1), px(1-side), tip(f.Names[i]+" → "+f.Names[k]+": "+strconv.Itoa(count)+" of "+strconv.Itoa(sum)+", "+percent(part)))
	number := strconv.Itoa(count)
	switch {
	case side >= 34 && wide(number) < side:
		c.words(x+side/2, y+side/2, middle, "", number)
		c.print(`<g font-size="11">`)
		c.words(x+side/2, y+side/2+12, middle, "", brief(part))
		c.print(`</g>`)
	case wide(number) < side:
		c.words(x+side/2, y+side/2+4, middle, "", number)
	}
	c.print(`</g>`)
}

// brief formats a share for a cell, without decimals.
func brief(part float64) string {
	switch {
	case part > 0 && part < 0.005:
		return "< 1%"
	case part < 1 && part >= 0.995:
		return "> 99%"
	}
	return strconv.FormatFloat(100*part, 'f', 0, 64) + "%"
}

// percent formats a share.
func percent(part float64) string {
	switch {
	case part == 1:
		return "100%"
	case part > 0.9995:
		return "> 99.9%"
	case part > 0 && part < 0.0005:
		return "< 0.1%"
	}
	return strconv.FormatFloat(100*part, 'f', 1, 64) + "%"
}
