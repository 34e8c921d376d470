package chart

import "html/template"

// Spark draws a small curve without axes, such as one feature of a sample; values that are not finite interrupt it. The name is read to
// those who do not see it.
func Spark(name string, values []float64) template.HTML {
	const width, height, margin = 240.0, 40.0, 3.0
	c := &canvas{width: width, height: height}
	c.print(`<svg class="chart spark" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s"><g class="s1"><path class="line thin" d="`, width, height, width, height, text(name))
	y := newExtent()
	y.add(values...)
	of := y.linear(height-margin, margin)
	down := false
	for i, v := range values {
		if !finite(v) {
			down = false
			continue
		}
		x := margin + (width-2*margin)*float64(i)/float64(max(1, len(values)-1))
		if down {
			c.print("L%s %s", px(x), px(of.at(v)))
		} else {
			c.print("M%s %sh.5", px(x), px(of.at(v))) // a value alone can be seen too
		}
		down = true
	}
	c.print(`"/></g></svg>`)
	return template.HTML(c.String())
}
