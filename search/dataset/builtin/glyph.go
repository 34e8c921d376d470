package builtin

import (
	"math"
	"math/rand/v2"
)

// point is a place in a glyph's box: x to the right and y downwards, both 0 to 1.
type point struct{ x, y float64 }

// glyphs are the strokes of the written digits.
var glyphs = [...][][]point{
	{arc(.5, .5, .27, .42, 0, 360)},
	{{{.36, .26}, {.54, .08}, {.54, .92}}},
	{append(arc(.5, .3, .26, .22, 190, 390), point{.24, .92}, point{.78, .92})},
	{arc(.47, .29, .25, .21, 200, 450), arc(.47, .71, .29, .21, 270, 520)},
	{{{.62, .92}, {.62, .08}, {.2, .66}, {.82, .66}}},
	{append([]point{{.74, .08}, {.32, .08}, {.28, .47}}, arc(.48, .66, .27, .26, 230, 510)...)},
	{{{.66, .08}, {.42, .28}, {.29, .52}, {.25, .7}}, arc(.5, .68, .25, .24, 0, 360)},
	{{{.22, .08}, {.78, .08}, {.42, .92}}},
	{arc(.5, .29, .21, .2, 0, 360), arc(.5, .71, .26, .21, 0, 360)},
	{arc(.48, .32, .24, .24, 0, 360), {{.72, .32}, {.7, .6}, {.58, .92}}},
}

// arc is a part of an ellipse as a chain of points, from one angle to another in degrees, clockwise from the right.
func arc(x, y, width, height, from, to float64) []point {
	const pieces = 16
	chain := make([]point, pieces+1)
	for i := range chain {
		angle := (from + (to-from)*float64(i)/pieces) * math.Pi / 180
		chain[i] = point{x + width*math.Cos(angle), y + height*math.Sin(angle)}
	}
	return chain
}

// drawGlyph draws strokes like handwriting, with random size, slant, rotation, position and thickness, into dst (side × side,
// 0 to 1), and adds Gaussian noise.
func drawGlyph(dst []float32, strokes [][]point, noise float64, random *rand.Rand) {
	between := func(low, high float64) float64 { return low + (high-low)*random.Float64() }
	size, slant, turn := side*between(.62, .8), between(-.2, .2), between(-.15, .15)
	right, down, radius := side/2+between(-2, 2), side/2+between(-2, 2), between(.7, 1.3)
	sin, cos := math.Sincos(turn)
	place := func(p point) point {
		y := (p.y - .5) * size
		x := (p.x-.5)*size - slant*y
		return point{right + cos*x - sin*y, down + sin*x + cos*y}
	}
	clear(dst)
	for _, stroke := range strokes {
		for i := 1; i < len(stroke); i++ {
			drawLine(dst, place(stroke[i-1]), place(stroke[i]), radius)
		}
	}
	for i := range dst {
		dst[i] += float32(noise * random.NormFloat64())
	}
}

// drawLine draws a line with round ends whose edges fade over one pixel; crossing lines do not add up.
func drawLine(dst []float32, a, b point, radius float64) {
	reach := radius + 1
	limit := func(v float64) int { return max(0, min(side, int(math.Floor(v)))) }
	dx, dy := b.x-a.x, b.y-a.y
	square := dx*dx + dy*dy
	for row := limit(min(a.y, b.y) - reach); row < limit(max(a.y, b.y)+reach+1); row++ {
		for column := limit(min(a.x, b.x) - reach); column < limit(max(a.x, b.x)+reach+1); column++ {
			x, y := float64(column)+.5-a.x, float64(row)+.5-a.y
			along := 0.0 // the nearest place on the line, 0 at a and 1 at b
			if square > 0 {
				along = max(0, min(1, (x*dx+y*dy)/square))
			}
			x, y = x-along*dx, y-along*dy
			ink := float32(max(0, min(1, radius+.5-math.Sqrt(x*x+y*y))))
			pixel := &dst[row*side+column]
			*pixel = max(*pixel, ink)
		}
	}
}
