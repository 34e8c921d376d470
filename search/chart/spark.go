package chart

import (
	"html/template"
	"slices"
)

// Spark is a small curve without axes, such as one feature of a sample.
type Spark struct {
	// Name is read to those who do not see the curve.
	Name string
	// Values are those of the steps; values that are not finite interrupt the curve. Steps is how many steps the drawing is wide; 0
	// means as many as there are values.
	Values []float64
	Steps  int
	// Low and High are the ends of the drawing if Low is below High; otherwise those of the values are.
	Low, High float64
}

// The box of a curve, which a page may stretch.
const (
	sparkWidth  = 240
	sparkHeight = 40
	sparkMargin = 3
)

// Inline returns the curve as an element of a page that has [style.Base] and [Style]. Of more steps than the drawing is wide, the smallest
// and the largest value of some at a time are drawn.
func (s Spark) Inline() template.HTML {
	c := &canvas{width: sparkWidth, height: sparkHeight}
	c.print(`<svg class="chart spark" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%s"><g class="s1"><path class="line" d="`,
		sparkWidth, sparkHeight, text(s.Name))
	y := newExtent()
	if s.Low < s.High {
		y.add(s.Low, s.High)
	}
	if !(y.low < y.high) {
		y.add(s.Values...)
	}
	if y.low == y.high {
		y = extent{y.low - 1, y.high + 1} // a flat curve is in the middle
	}
	vertical := scale{low: y.low, high: y.high, from: sparkHeight - sparkMargin, to: sparkMargin}
	const widest = 1 << 30 // a file may say anything
	steps := max(min(s.Steps, widest), len(s.Values))
	horizontal := scale{low: 0, high: float64(max(1, steps-1)), from: sparkMargin, to: sparkWidth - sparkMargin}
	together := (steps + sparkWidth - 1) / sparkWidth
	down := false
	for first := 0; first < len(s.Values); first += together {
		some := slices.DeleteFunc(slices.Clone(s.Values[first:min(first+together, len(s.Values))]), func(v float64) bool { return !finite(v) })
		if len(some) == 0 {
			down = false
			continue
		}
		x := px(horizontal.at(float64(first)))
		for _, v := range slices.Compact([]float64{slices.Min(some), slices.Max(some)}) {
			if down {
				c.print("L%s %s", x, px(vertical.at(v)))
			} else {
				c.print("M%s %sh.5", x, px(vertical.at(v))) // a value alone can be seen too
			}
			down = true
		}
	}
	c.print(`"/></g></svg>`)
	return template.HTML(c.String())
}
