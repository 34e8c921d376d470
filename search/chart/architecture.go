package chart

// Architecture shows the parts of a model as boxes with arrows between them, from its inputs at the top to its output.
type Architecture struct {
	Title string
	// Boxes are in rows; Layer counts them from the top, and boxes of a layer are side by side.
	Boxes []Box
	// Arrows are between boxes, by their indices.
	Arrows []Arrow
}

// Box is a part of a model.
type Box struct {
	Name string
	// Details are the lines below the name.
	Details []string
	Layer   int
	// Input means that it is data, which have no weights.
	Input bool
}

// Arrow says what one box passes on to another.
type Arrow struct {
	From, To int
	Text     string
}

// Caption implements [Figure].
func (f Architecture) Caption() string { return f.Title }

// Table implements [Figure].
func (f Architecture) Table() Table {
	t := Table{Head: []string{"part", "details", "passes on"}, Words: 3}
	for i, b := range f.Boxes {
		details, on := "", ""
		for k, d := range b.Details {
			if k > 0 {
				details += "; "
			}
			details += d
		}
		for _, a := range f.Arrows {
			if a.From == i && a.To >= 0 && a.To < len(f.Boxes) {
				if on != "" {
					on += "; "
				}
				on += a.Text + " to " + f.Boxes[a.To].Name
			}
		}
		t.Rows = append(t.Rows, []string{b.Name, details, on})
	}
	return t
}

// The drawing's measures, in pixels.
const (
	boxWidth  = 212
	boxGap    = 20
	boxLine   = 16
	boxBelow  = 46 // for the arrows
	boxMargin = 8
)

// layers returns the boxes of each layer, in order; those of impossible layers are in the nearest one.
func (f Architecture) layers() (layers [][]int) {
	most := 0
	for _, b := range f.Boxes {
		most = max(most, min(b.Layer, len(f.Boxes)))
	}
	layers = make([][]int, most+1)
	for i, b := range f.Boxes {
		k := min(max(0, b.Layer), most)
		layers[k] = append(layers[k], i)
	}
	return layers
}

// places are the top left corners of the boxes.
func (f Architecture) places() (x, y, heights []float64, size [2]float64) {
	x, y, heights = make([]float64, len(f.Boxes)), make([]float64, len(f.Boxes)), make([]float64, len(f.Boxes))
	columns := 1
	layers := f.layers()
	for _, layer := range layers {
		columns = max(columns, len(layer))
	}
	w := max(width, boxMargin*2+float64(columns)*(boxWidth+boxGap)-boxGap)
	top := float64(boxMargin)
	for _, layer := range layers {
		high := 0.0
		for _, i := range layer {
			heights[i] = 28 + boxLine*float64(len(f.Boxes[i].Details))
			high = max(high, heights[i])
		}
		n := float64(len(layer))
		left := (w - n*boxWidth - (n-1)*boxGap) / 2
		for k, i := range layer {
			x[i], y[i] = left+float64(k)*(boxWidth+boxGap), top+(high-heights[i])/2
		}
		if len(layer) > 0 {
			top += high + boxBelow
		}
	}
	return x, y, heights, [2]float64{w, max(40, top-boxBelow+boxMargin)}
}

func (f Architecture) size() (float64, float64) {
	_, _, _, size := f.places()
	return size[0], size[1]
}

func (f Architecture) draw(c *canvas) {
	x, y, heights, _ := f.places()
	for _, a := range f.Arrows {
		if a.From < 0 || a.To < 0 || a.From >= len(f.Boxes) || a.To >= len(f.Boxes) || a.From == a.To {
			continue
		}
		x1, y1 := x[a.From]+boxWidth/2, y[a.From]+heights[a.From]
		x2, y2 := x[a.To]+boxWidth/2, y[a.To]
		// Arrows from several boxes end side by side.
		x2 += max(-boxWidth/2+24, min(boxWidth/2-24, (x1-x2)/3))
		half := (y2 - y1) / 2
		c.print(`<path class="axis" stroke-width="1.5" d="M%s %sC%s %s %s %s %s %s"/>`, px(x1), px(y1), px(x1), px(y1+half), px(x2), px(y2-half), px(x2), px(y2-7))
		c.print(`<path class="arrow" d="M%s %sl-4.5 -8h9z"/>`, px(x2), px(y2))
		if a.Text != "" {
			c.print(`<g font-size="11">`)
			if x2 > x1+1 { // on the outer side
				c.clipped(x1-8, y1+16, boxWidth/2+boxGap, end, "soft", a.Text)
			} else {
				c.clipped(x1+8, y1+16, boxWidth/2+boxGap, start, "soft", a.Text)
			}
			c.print(`</g>`)
		}
	}
	for i, b := range f.Boxes {
		class, round := "box", "6"
		if b.Input {
			class, round = "box input", "16"
		}
		c.print(`<rect class="%s" x="%s" y="%s" width="%d" height="%s" rx="%s"/>`, class, px(x[i]), px(y[i]), boxWidth, px(heights[i]), round)
		c.clipped(x[i]+boxWidth/2, y[i]+19, boxWidth-16, middle, "strong", b.Name)
		for k, d := range b.Details {
			c.print(`<g font-size="11">`)
			c.clipped(x[i]+boxWidth/2, y[i]+19+boxLine*float64(k+1), boxWidth-16, middle, "soft", d)
			c.print(`</g>`)
		}
	}
}
