package page

import (
	"fmt"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/chart"
	"mixmas/search/report"
)

// architecture draws the searched model.
func (c *Contents) architecture() []block {
	var texts []string
	if text := c.Document.WinnerText(); text != "" {
		texts = append(texts, full(text))
	}
	if c.Model == nil {
		if len(texts) == 0 {
			return nil
		}
		return []block{{Texts: texts}}
	}
	o, err := c.Model.Outline()
	if err != nil {
		return []block{{Texts: texts}}
	}
	text := "Boxes say how many parameters a part has, arrows how many tokens it passes on × their width."
	if o.Fusion != nil && c.Model.Prediction != mixer.FusionPrediction {
		text += " The prediction is the mean of the logits of the head and of each modality's own head."
	}
	return []block{{Texts: texts, Figures: []figure{{Name: "architecture", Drawn: c.drawn(o), Broad: true, Text: text}}}}
}

// drawn is the drawing of a model.
func (c *Contents) drawn(o *mixer.Outline) chart.Architecture {
	f := chart.Architecture{Title: "The searched model, " + report.Parameters(o.Parameters) + " parameters"}
	add := func(b chart.Box) int {
		f.Boxes = append(f.Boxes, b)
		return len(f.Boxes) - 1
	}
	tokens := func(p mixer.PartOutline) string { return fmt.Sprintf("%d × %d", p.Tokens, p.Width) }
	layer := 2
	if o.Fusion != nil {
		layer = 4
	}
	head := chart.Box{Name: "head", Details: []string{report.Parameters(o.Head) + " parameters"}, Layer: layer}
	out := chart.Box{Name: report.Count(o.Classes, "class"), Input: true, Layer: layer + 1}
	var from []int
	for _, e := range o.Encoders {
		in := add(chart.Box{Name: e.Modality.Name, Details: []string{string(e.Kind) + " " + shape(e.Shape)}, Input: true})
		details := []string{e.PartOutline.Name, report.Parameters(e.PartOutline.Parameters) + " parameters"}
		if e.Align > 0 {
			details = append(details, "to the common width: "+report.Parameters(e.Align))
		}
		if e.Head > 0 {
			details = append(details, "own head: "+report.Parameters(e.Head))
		}
		i := add(chart.Box{Name: "encoder of " + e.Modality.Name, Details: details, Layer: 1})
		f.Arrows = append(f.Arrows, chart.Arrow{From: in, To: i, Text: shape(e.Shape)})
		from = append(from, i)
	}
	last, passes := -1, ""
	if o.Fusion == nil {
		last, passes = from[0], tokens(o.Encoders[0].PartOutline)
	} else {
		fusion := add(chart.Box{Name: "fusion function", Details: []string{o.Fusion.Name, orNothing(o.Fusion.Parameters)}, Layer: 2})
		for i, k := range from {
			f.Arrows = append(f.Arrows, chart.Arrow{From: k, To: fusion, Text: tokens(o.Encoders[i].PartOutline)})
		}
		network := add(chart.Box{Name: "fusion network", Details: []string{o.Network.Name, report.Parameters(o.Network.Parameters) + " parameters"}, Layer: 3})
		f.Arrows = append(f.Arrows, chart.Arrow{From: fusion, To: network, Text: tokens(*o.Fusion)})
		last, passes = network, tokens(*o.Network)
	}
	h := add(head)
	f.Arrows = append(f.Arrows, chart.Arrow{From: last, To: h, Text: passes}, chart.Arrow{From: h, To: add(out), Text: report.Count(o.Classes, "logit")})
	return f
}

func orNothing(n int) string {
	if n == 0 {
		return "no parameters"
	}
	return report.Parameters(n) + " parameters"
}

// shape is the shape of a sample.
func shape(sizes []int) string {
	var parts []string
	for _, n := range sizes {
		parts = append(parts, fmt.Sprint(n))
	}
	return strings.Join(parts, " × ")
}
