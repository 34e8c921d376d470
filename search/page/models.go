package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmas/search/assess"
	"mixmas/search/chart"
	"mixmas/search/report"
)

// models are the final models in detail, the one to use first.
func (c *Contents) models() (blocks []block) {
	if c.Assessment == nil {
		return nil
	}
	answer, _, _ := c.answer()
	list := slices.Clone(c.Assessment.Models)
	slices.SortStableFunc(list, func(a, b assess.Model) int {
		return cmp.Compare(bit(a.Field != answer), bit(b.Field != answer))
	})
	for i, m := range list {
		b := block{Fold: title(m.Name), Open: i == 0}
		switch m.Field {
		case answer:
			b.Fold += ": the model to use"
		case "cheapest":
			b.Fold = "The cheapest within a point: " + m.Name
		}
		if m.Same != "" {
			b.Texts = []string{"It is described above."}
			b.Fold += " (the same model as " + m.Same + ")"
		} else {
			b.Blocks = c.model(m, m.Field+"-")
		}
		blocks = append(blocks, b)
	}
	return blocks
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// model is what the outputs of a model show.
func (c *Contents) model(m assess.Model, name string) (blocks []block) {
	head := fmt.Sprintf("On %s of the %s split.", report.Count(m.Rows, "row"), m.Split)
	if m.Of > m.Rows {
		head = fmt.Sprintf("On %s of the %s rows of the %s split.", report.Comma(m.Rows), report.Comma(m.Of), m.Split)
	}
	if m.Split == "validation" {
		head += " These rows also chose the model, so the figures flatter it."
	}
	blocks = append(blocks, block{Texts: []string{head}})
	if len(m.Confusion) > 0 {
		names := make([]string, len(m.Confusion))
		for i := range names {
			names[i] = c.class(i)
		}
		f := chart.Heatmap{Title: "Confusion matrix", X: "predicted class", Y: "true class", Names: names, Counts: m.Confusion}
		blocks = append(blocks, block{Title: "What is taken for what", Beside: true, Figures: []figure{{Name: name + "confusion", Drawn: f, Numbers: counts(f), Bare: true,
			Text: "Rows of each true class by the class that was predicted, with the share of the true class. Right predictions are on the diagonal."}},
			Table: confusions(m, f.Names)})
	} else if t := confusions(m, nil); t != nil {
		blocks = append(blocks, block{Title: "What is taken for what", Table: t})
	}
	if len(m.Classes) > 0 {
		blocks = append(blocks, block{Title: "Each class", Table: classes(m)})
	}
	var curves []figure
	for _, kind := range []struct {
		name, title, x, y string
		lines             []assess.Line
		area              string
		diagonal          bool
	}{
		{"roc", "ROC curves", "false positive rate", "true positive rate", m.ROC, "AUROC", true},
		{"precision-recall", "Precision and recall", "recall", "precision", m.PrecisionRecall, "average precision", false},
	} {
		if len(kind.lines) == 0 {
			continue
		}
		f := chart.Lines{Title: kind.title, X: kind.x, Y: kind.y, Diagonal: kind.diagonal, Whole: true}
		for _, l := range kind.lines {
			title := l.Name
			if l.Class < 0 {
				title = "mean of all classes"
			}
			f.Series = append(f.Series, chart.Series{Name: short3(l.Area) + " " + title, X: floats(l.X), Y: floats(l.Y)})
		}
		curves = append(curves, figure{Name: name + kind.name, Drawn: f, Numbers: atPlaces(kind.x, kind.y, kind.area, kind.lines), Text: "The number before a class is its " + kind.area + "."})
	}
	if len(curves) > 0 {
		blocks = append(blocks, block{Title: "Which errors a threshold trades for which", Figures: curves})
	}
	if len(m.Calibration.Bins) > 0 {
		f := chart.Reliability{Title: "Reliability"}
		for _, b := range m.Calibration.Bins {
			f.Bins = append(f.Bins, chart.Bin{Low: float64(b.Low), High: float64(b.High), Count: b.Count, Confidence: float64(b.Confidence), Share: float64(b.Share),
				ShareLow: float64(b.ShareLow), ShareHigh: float64(b.ShareHigh)})
		}
		blocks = append(blocks, block{Title: "How far its probabilities can be trusted", Texts: []string{fmt.Sprintf(
			"The expected calibration error is %s: on average, the probability of a prediction is that far from the share of such predictions that are right. The Brier score is %s; lower is better.",
			m.Calibration.ECE.Text(), m.Calibration.Brier.Text())},
			Figures: []figure{{Name: name + "reliability", Drawn: f, Text: "On the dashed line, predictions are right as often as their probability says; below it the model is too sure."}}})
	}
	if t := thresholds(m); t != nil {
		blocks = append(blocks, block{Title: "Thresholds", Table: t})
	}
	if cards := c.mistakes(m); len(cards) > 0 {
		blocks = append(blocks, block{Title: "The most confident mistakes", Cards: cards})
	}
	return blocks
}

// class is the name of a class by its number.
func (c *Contents) class(i int) string {
	if i < len(c.Assessment.Data.Classes) {
		return c.Assessment.Data.Classes[i]
	}
	return fmt.Sprintf("class %d", i)
}

func short3(v report.Number) string {
	if math.IsNaN(float64(v)) {
		return "–"
	}
	return fmt.Sprintf("%.3f", float64(v))
}

// share is a share as a percentage, or a dash.
func share(v report.Number) string {
	if math.IsNaN(float64(v)) {
		return "–"
	}
	return percent(float64(v))
}

// counts is the table of a confusion matrix without the shares, which stand in the drawing.
func counts(f chart.Heatmap) chart.Table {
	t := f.Table()
	n := len(f.Names) + 2
	t.Head = slices.Clone(t.Head[:n])
	for i, cells := range t.Rows {
		t.Rows[i] = slices.Clone(cells[:n])
	}
	t.Head[0] = "true class \\ predicted"
	return t
}

// confusions is the table of the most frequent mistakes; nil if there are none.
func confusions(m assess.Model, classes []string) *table {
	list := m.Confusions(classes)
	if len(list) == 0 {
		return nil
	}
	const most = 10 // beside a matrix, which has all
	t := &table{Caption: "The most frequent mistakes", Head: []string{"true class", "predicted", "rows", "share of the class"}, Words: 2}
	for i, k := range list {
		if i == most && len(m.Confusion) > 0 {
			t.Note = "and " + report.Count(len(list)-most, "rarer one") + ", in the matrix"
			break
		}
		t.Rows = append(t.Rows, row{Cells: []string{k.True, k.Predicted, report.Comma(k.Count), share(k.Share)}})
	}
	return t
}

// classes is the table of the classes.
func classes(m assess.Model) *table {
	t := &table{Caption: "Precision, recall and F1 of each class", Head: []string{"class", "rows", "predicted", "precision", "recall", "F1", "AUROC", "average precision"}, Words: 1}
	for _, k := range m.Classes {
		t.Rows = append(t.Rows, row{Cells: []string{k.Name, report.Comma(k.Support), report.Comma(k.Predicted), short3(k.Precision), short3(k.Recall), short3(k.F1), short3(k.AUROC), short3(k.AveragePrecision)}})
	}
	if m.MoreClasses > 0 {
		t.Note = "These are the classes with the lowest F1; not shown: " + report.Count(m.MoreClasses, "more class") + "."
	}
	return t
}

// thresholds is the table of thresholds that are not those of probabilities; nil if there are none.
func thresholds(m assess.Model) *table {
	if !slices.ContainsFunc(m.Classes, func(k assess.Class) bool {
		return k.Threshold != 0 && !math.IsNaN(float64(k.Threshold)) || !math.IsNaN(float64(k.Cut)) && k.Cut != 0
	}) {
		return nil
	}
	t := &table{Caption: "Thresholds of the classes", Head: []string{"class", "threshold of the logit"}, Words: 1,
		Note: "The threshold of each class is subtracted from its logit before the class with the largest one is predicted: so a class with a low threshold is predicted more often. They were fitted on validation rows."}
	cut := slices.ContainsFunc(m.Classes, func(k assess.Class) bool { return !math.IsNaN(float64(k.Cut)) && k.Cut != 0 })
	if cut {
		t.Head = append(t.Head, "predicted from probability")
		t.Note = "A class is predicted from this probability on, which was fitted on validation rows where it is not 0.5."
	}
	for _, k := range m.Classes {
		cells := []string{k.Name, k.Threshold.Text()}
		if cut {
			cells = append(cells, short3(k.Cut))
		}
		t.Rows = append(t.Rows, row{Cells: cells})
	}
	return t
}

// atPlaces is the table of curves at round values of their horizontal axis.
func atPlaces(x, y, area string, lines []assess.Line) chart.Table {
	t := chart.Table{Head: []string{"class", area}, Words: 1}
	places := []float64{0.01, 0.05, 0.1, 0.2, 0.5}
	if x == "recall" {
		places = []float64{0.5, 0.8, 0.9, 0.95, 0.99}
	}
	for _, p := range places {
		t.Head = append(t.Head, fmt.Sprintf("%s at %s %g", y, x, p))
	}
	for _, l := range lines {
		name := l.Name
		if l.Class < 0 {
			name = "mean of all classes"
		}
		cells := []string{name, short3(l.Area)}
		for _, p := range places {
			cells = append(cells, short3(at(l, p)))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// at is the value of a curve at a place: that of the last point before it, at or on the right side of a step the best.
func at(l assess.Line, x float64) report.Number {
	v := report.Number(math.NaN())
	for i := range min(len(l.X), len(l.Y)) {
		if float64(l.X[i]) > x+1e-12 {
			if math.IsNaN(float64(v)) {
				v = l.Y[i]
			}
			break
		}
		v = l.Y[i]
	}
	return v
}

// mistakes are cards of the rows with the most confident wrong predictions.
func (c *Contents) mistakes(m assess.Model) (cards []card) {
	for _, k := range m.Mistakes {
		title := fmt.Sprintf("%s, not %s", orNone(k.True), orNone(k.Predicted))
		note := fmt.Sprintf("row %d of %s: predicted %s with probability %s", k.Row, m.Split, orNone(k.Predicted), short3(k.Probability))
		if k.Class != "" {
			title = k.Class
			note = fmt.Sprintf("row %d of %s: it has %s, predicted %s; sure of its wrong answer about %s with probability %s", k.Row, m.Split, orNone(k.True), orNone(k.Predicted), k.Class, short3(k.Probability))
		}
		v, ok := shownCard(c.Assessment, k.Shown, title, note)
		if !ok {
			v = card{Title: title, Note: note}
		}
		cards = append(cards, v)
	}
	return cards
}

// orNone lists classes.
func orNone(classes []string) string {
	if len(classes) == 0 {
		return "no class"
	}
	return strings.Join(classes, ", ")
}

// worth is what each modality is worth to the final models.
func (c *Contents) worth() (blocks []block) {
	if c.Assessment == nil {
		return nil
	}
	m := cmp.Or(c.Assessment.Metric, c.metric())
	answer, _, _ := c.answer()
	for _, model := range c.Assessment.Models {
		if len(model.Without) == 0 {
			continue
		}
		name := title(model.Name)
		f := chart.Intervals{Title: name + " without a modality", X: metricName(m) + " on " + model.Split}
		t := &table{Caption: name + " without a modality", Head: []string{"modality that is missing", metricName(m) + " without it", "with it", "worth"}, Words: 1}
		f.Rows = append(f.Rows, chart.Interval{Name: "with all", Value: float64(model.Without[0].With), Low: math.NaN(), High: math.NaN(), Standing: chart.Chosen, Note: "nothing is missing"})
		for _, w := range model.Without {
			f.Rows = append(f.Rows, chart.Interval{Name: "without " + w.Modality, Value: float64(w.Score), Low: float64(w.Low), High: float64(w.High)})
			t.Rows = append(t.Rows, row{Cells: []string{w.Modality, report.WithInterval(w.Score, w.Low, w.High), w.With.Text(), signed(m, float64(w.Worth)) + " [" + signed(m, float64(w.WorthLow)) + ", " + signed(m, float64(w.WorthHigh)) + "]"}})
		}
		if percentages(m) {
			t.Note = "Worth is in points: by how much the score falls if no row has the modality. " + model.NotTrained()
		} else {
			t.Note = "Worth is by how much the score gets worse if no row has the modality. " + model.NotTrained()
		}
		b := block{Figures: []figure{{Name: model.Field + "-without", Drawn: f, Tabled: true, Bare: true}}, Table: t, Beside: true}
		if model.Field != answer {
			b = block{Fold: name, Blocks: []block{b}}
			blocks = append(blocks, b)
		} else {
			b.Title = name + ": the model to use"
			blocks = append([]block{b}, blocks...)
		}
	}
	return blocks
}
