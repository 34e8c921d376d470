package chart

// Reliability shows how often predictions are right by how sure the model is of them.
type Reliability struct {
	Title string
	Bins  []Bin
}

// Bin are the predictions with a probability from Low to High.
type Bin struct {
	Low, High float64
	// Count is their number, Confidence the mean of their probabilities, and Share the share that is right, with the ends of its
	// interval; NaN if it is unknown.
	Count               int
	Confidence, Share   float64
	ShareLow, ShareHigh float64
}

// Caption implements [Figure].
func (f Reliability) Caption() string { return f.Title }

// Table implements [Figure].
func (f Reliability) Table() Table {
	t := Table{Head: []string{"probability from", "to", "predictions", "mean probability", "share that is right", "low", "high"}}
	for _, b := range f.Bins {
		t.Rows = append(t.Rows, []string{Number(b.Low), Number(b.High), Number(float64(b.Count)), Number(b.Confidence), Number(b.Share), Number(b.ShareLow), Number(b.ShareHigh)})
	}
	return t
}

const countsHeight = 62

func (f Reliability) size() (float64, float64) { return width, planeHeight + below + countsHeight }

func (f Reliability) draw(c *canvas) {
	p := newPlane(c, 8, c.height-countsHeight)
	x := extent{0, 1}
	p.x, p.y = x.linear(p.left, p.right), x.linear(p.bottom, p.top)
	p.axes(c, "mean probability of the prediction", "share that is right")
	c.print(`<path class="axis" stroke-dasharray="3 4" d="M%s %sL%s %s">%s</path><g class="s1">`, px(p.x.at(0)), px(p.y.at(0)), px(p.x.at(1)), px(p.y.at(1)), tip("a calibrated model"))
	most, line := 0, ""
	for _, b := range f.Bins {
		most = max(most, b.Count)
		if b.Count == 0 || !finite(b.Confidence, b.Share) {
			continue
		}
		command := "L"
		if line == "" {
			command = "M"
		}
		line += command + px(p.x.at(b.Confidence)) + " " + px(p.y.at(b.Share))
	}
	if line != "" {
		c.print(`<path class="line" d="%s"/>`, line)
	}
	foot := c.height - 16
	for _, b := range f.Bins {
		if b.Count == 0 || !finite(b.Confidence, b.Share, b.Low, b.High) {
			continue
		}
		title := Short(b.Share) + " of " + Short(float64(b.Count)) + " predictions are right, with a mean probability of " + Short(b.Confidence)
		if finite(b.ShareLow, b.ShareHigh) {
			c.print(`<path class="line thin" stroke-opacity=".55" d="M%s %sV%s"/>`, px(p.x.at(b.Confidence)), px(p.y.at(b.ShareLow)), px(p.y.at(b.ShareHigh)))
		}
		c.mark(0, p.x.at(b.Confidence), p.y.at(b.Share), 4.5, "fill", title)
		high := (countsHeight - 26) * float64(b.Count) / float64(max(1, most))
		left, right := p.x.at(b.Low)+1, p.x.at(b.High)-1
		c.print(`<path class="fill" fill-opacity=".7" d="M%s %sV%sH%sV%sz">%s</path>`, px(left), px(foot), px(foot-max(1, high)), px(max(right, left+0.5)), px(foot),
			tip(Short(float64(b.Count))+" predictions with a probability from "+Short(b.Low)+" to "+Short(b.High)))
	}
	c.print(`</g><path class="axis" d="M%s %sH%s"/>`, px(p.left), px(foot), px(p.right))
	c.words((p.left+p.right)/2, foot+13, middle, "soft", "how many predictions are so sure")
}
