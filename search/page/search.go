package page

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/cost"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// stages tells how each stage was decided.
func (c *Contents) stages() (blocks []block) {
	learned := block{Title: "Learning curves", Texts: []string{"One curve per training; those of one candidate look alike."}}
	for i, s := range c.Document.Stages {
		name := fmt.Sprintf("stage-%d-", i+1)
		b := block{Title: "Stage " + s.Name, List: sentences(s.Remarks()), Beside: true, Table: stageTable(s)}
		text := ""
		if n := len(s.Candidates); n > mostDots {
			text = fmt.Sprintf("The first %d of %s candidates.", mostDots, report.Comma(n))
		}
		b.Figures = []figure{{Name: name + "scores", Drawn: dots(s), Tabled: true, Bare: true, Text: text}}
		blocks = append(blocks, b)
		if f, others := c.curves(s); len(f.Series) > 0 {
			var texts []string
			if n := len(s.Candidates); n > mostLearned {
				texts = append(texts, fmt.Sprintf("The first %d of %s candidates.", mostLearned, report.Comma(n)))
			}
			if others > 0 {
				texts = append(texts, fmt.Sprintf("Without %s of which this is not known in every epoch.", report.Count(others, "training")))
			}
			learned.Figures = append(learned.Figures, figure{Name: name + "curves", Drawn: f, Text: strings.Join(texts, " ")})
		}
	}
	if f, has := c.fullCurve(); has {
		learned.Figures = append(learned.Figures, figure{Name: "full-curve", Drawn: f, Text: c.lossText()})
	}
	if len(learned.Figures) > 0 {
		blocks = append(blocks, learned)
	}
	return blocks
}

// How many candidates of a stage are drawn.
const (
	mostDots    = 40
	mostLearned = 24
)

func sentences(texts []string) (list []string) {
	for _, text := range texts {
		list = append(list, full(strings.TrimSpace(text))) // names at the beginning stay as they are
	}
	return list
}

// dots is the drawing of a stage's scores.
func dots(s report.Stage) chart.Intervals {
	f := chart.Intervals{Title: "Scores of stage " + s.Name, X: metricName(s.Metric) + " on validation"}
	for _, c := range s.Candidates[:min(mostDots, len(s.Candidates))] {
		r := chart.Interval{Name: c.Name, Value: float64(c.Score), Low: math.NaN(), High: math.NaN(), Note: c.Standing}
		if low, high, known := c.Ends(); known {
			r.Low, r.High = low, high
		}
		for _, repeat := range c.Repeats {
			if len(c.Repeats) > 1 {
				r.Points = append(r.Points, float64(repeat.Score))
			}
		}
		switch {
		case c.Failed != "":
			r.Note = "failed"
		case c.Name == s.Winner:
			r.Standing, r.Note = chart.Chosen, "chosen"
		case c.Standing == report.Behind:
			r.Standing = chart.Behind
		case c.Standing == report.Tie || c.Standing == report.Ahead:
			r.Standing = chart.Close
		}
		f.Rows = append(f.Rows, r)
	}
	return f
}

// stageTable is the table of a stage's candidates.
func stageTable(s report.Stage) *table {
	t := &table{Caption: "Candidates of stage " + s.Name, Head: []string{"candidate", "standing", metricName(s.Metric) + " [95%]", "runs", "parameters", "FLOPs", "ms per row", "memory"}, Words: 2}
	for _, c := range s.Candidates {
		standing := c.Standing
		switch {
		case c.Failed != "":
			standing = "failed: " + strings.Join(strings.Fields(c.Failed), " ")
		case standing == "" || standing == report.NotTested:
			standing = report.NotTested
		}
		name := c.Name
		if c.Name == s.Winner {
			name += "\u00a0★"
		}
		score := c.Score.Text()
		if low, high, known := c.Ends(); known && c.Failed == "" {
			score = report.WithInterval(c.Score, report.Number(low), report.Number(high))
		}
		cells := []string{name, standing, score, report.Comma(max(1, len(c.Repeats))), report.Parameters(c.Params), "–", "–", "–"}
		if k := c.Cost; k != nil {
			cells[5], cells[6], cells[7] = operations(k.FLOPs), report.Milliseconds(k.Latency1), memory(k.Memory)
		}
		t.Rows = append(t.Rows, row{Cells: cells, Strong: c.Name == s.Winner, Dull: c.Standing == report.Behind || c.Failed != ""})
	}
	t.Note = "★ the chosen one. The best score is first; memory is that of predicting 64 rows."
	return t
}

// course is a learning curve as a chart shows it: the selecting metric, or the loss on the validation rows, or that on the training
// rows, whichever there is: many trainings are scored on the validation rows at their end only.
func course(curve []store.Epoch) (kind int, y []float64) {
	kind = trainLoss
	metrics, losses := 0, 0
	for _, e := range curve {
		loss, value := e.Validation()
		if !math.IsNaN(value) {
			metrics++
		}
		if !math.IsNaN(loss) {
			losses++
		}
	}
	switch few := min(2, len(curve)); { // one point of a longer training is no curve
	case metrics >= few:
		kind = validationMetric
	case losses >= few:
		kind = validationLoss
	}
	for _, e := range curve {
		v := e.TrainLoss
		switch loss, value := e.Validation(); kind {
		case validationMetric:
			v = value
		case validationLoss:
			v = loss
		}
		y = append(y, v)
	}
	return kind, y
}

const (
	trainLoss = iota
	validationLoss
	validationMetric
)

// epochs are the numbers of n epochs.
func epochs(n int) (x []float64) {
	for i := range n {
		x = append(x, float64(i+1))
	}
	return x
}

// curves are the learning curves of a stage's candidates, of what most trainings have; others is the number of trainings without it.
func (c *Contents) curves(s report.Stage) (f chart.Lines, others int) {
	f = chart.Lines{Title: "Learning curves of stage " + s.Name, X: "epoch"}
	kinds := [3]int{}
	eachCurve := func(do func(name string, first bool, curve []store.Epoch)) {
		for _, candidate := range s.Candidates[:min(mostLearned, len(s.Candidates))] {
			keys := []string{candidate.Key}
			for _, r := range candidate.Repeats {
				if !slices.Contains(keys, r.Key) {
					keys = append(keys, r.Key)
				}
			}
			first := true
			for _, key := range keys {
				if curve := c.Curves[key]; len(curve) > 0 {
					do(candidate.Name, first, curve)
					first = false
				}
			}
		}
	}
	eachCurve(func(_ string, _ bool, curve []store.Epoch) {
		kind, _ := course(curve)
		kinds[kind]++
	})
	kind := trainLoss
	for k, n := range kinds {
		if n > kinds[kind] || n == kinds[kind] && n > 0 {
			kind = k
		}
	}
	f.Y = [...]string{"loss on training rows", "loss on validation rows", metricName(s.Metric) + " on validation rows"}[kind]
	leader := 0
	eachCurve(func(name string, first bool, curve []store.Epoch) {
		if k, y := course(curve); k != kind {
			others++
		} else {
			series := chart.Series{Name: name, X: epochs(len(y)), Y: y}
			if first {
				leader = len(f.Series) + 1
			} else {
				series.Like = leader
			}
			f.Series = append(f.Series, series)
		}
	})
	return f, others
}

// fullCurve are the losses of the full training.
func (c *Contents) fullCurve() (f chart.Lines, has bool) {
	curve := c.Curves[c.fullKey()]
	f = chart.Lines{Title: "Losses of the full training", X: "epoch", Y: "loss"}
	train, validation := make([]float64, len(curve)), make([]float64, len(curve))
	both := false
	for i, e := range curve {
		train[i] = e.TrainLoss
		validation[i], _ = e.Validation()
		both = both || !math.IsNaN(validation[i])
	}
	f.Series = []chart.Series{{Name: "training rows", X: epochs(len(train)), Y: train}}
	if both {
		f.Series = append(f.Series, chart.Series{Name: "validation rows", X: epochs(len(validation)), Y: validation})
	}
	return f, len(curve) > 0
}

// lossText says why the loss on training rows may be larger than that on validation rows.
func (c *Contents) lossText() string {
	if c.Model == nil || c.Model.Fusion == nil {
		return ""
	}
	return "The loss on training rows is that of the prediction plus those of each modality's own head; that on validation rows is of the prediction alone."
}

// costs show the scores of everything that was scored against what it costs.
func (c *Contents) costs() []block {
	m := c.metric()
	var figures []figure
	for _, k := range []struct {
		name, title string
		candidate   func(report.Candidate) float64
		final       func(report.Final) float64
	}{
		{"parameters", "parameters", func(c report.Candidate) float64 { return float64(c.Params) }, func(f report.Final) float64 { return float64(f.Params) }},
		{"flops", "FLOPs of predicting a row", func(c report.Candidate) float64 { return float64(c.Cost.FLOPs) }, func(f report.Final) float64 { return float64(f.FLOPs) }},
		{"time", "milliseconds of predicting a row on one core", func(c report.Candidate) float64 { return c.Cost.Latency1 }, func(f report.Final) float64 { return f.Latency }},
		{"memory", "bytes of predicting 64 rows", func(c report.Candidate) float64 { return float64(c.Cost.Memory) }, func(report.Final) float64 { return 0 }},
	} {
		f := chart.Scatter{Title: sentenceCase(metricName(m)) + " against " + k.title, X: k.title, Y: metricName(m) + " on validation", LogX: true}
		add := func(p chart.Point) {
			if p.X > 0 && !math.IsNaN(p.Y) {
				f.Points = append(f.Points, p)
			}
		}
		for _, s := range c.Document.Stages {
			if s.Metric != m {
				continue
			}
			for _, candidate := range s.Candidates {
				if candidate.Cost == nil && k.name != "parameters" || candidate.Failed != "" {
					continue
				}
				p := chart.Point{Name: candidate.Name, Group: s.Name, X: k.candidate(candidate), Y: float64(candidate.Score), Low: math.NaN()}
				if low, high, known := candidate.Ends(); known {
					p.Low, p.High = low, high
				}
				add(p)
			}
		}
		fields, finals := c.Document.Finals()
		for i, final := range finals {
			if s := final.Validation; s != nil && fields[i] != "cheapest" {
				add(chart.Point{Name: final.Name, Group: "final models", X: k.final(final), Y: float64(s.Score), Low: float64(s.Low), High: float64(s.High)})
			}
		}
		for _, b := range c.Document.Baselines {
			if s := b.Validation; s != nil && b.Kind != report.SingleModality {
				add(chart.Point{Name: b.Name, Group: "baselines", X: k.final(b.Final), Y: float64(s.Score), Low: float64(s.Low), High: float64(s.High)})
			}
		}
		if len(f.Points) < 2 {
			continue
		}
		points := make([]cost.Point, len(f.Points))
		for i, p := range f.Points {
			points[i] = cost.Point{Value: p.Y, Cost: p.X}
			if metric.LowerIsBetter(m) {
				points[i].Value = -p.Y
			}
		}
		for i, front := range cost.Front(points...) {
			f.Points[i].Front = front
		}
		figures = append(figures, figure{Name: "cost-" + k.name, Drawn: f})
	}
	if len(figures) == 0 {
		return nil
	}
	return []block{{Texts: []string{"Filled points are on the Pareto front, the dashed line: nothing that was scored is both cheaper and at least as good. Candidates of encoder stages see one modality, and all candidates were trained on the sample only."},
		Figures: figures}}
}

// timeline shows which training ran when. A training is on the first worker that is free: the events do not say which one it was.
func (c *Contents) timeline() []block {
	f := chart.Timeline{Title: "Trainings on workers"}
	var start, last float64
	running := map[int]chart.Span{}
	cached := 0
	end := func(s chart.Span, at float64, note string) {
		s.End, s.Note = max(s.Begin, at), note
		f.Spans = append(f.Spans, s)
	}
	for i, e := range c.Events {
		now := float64(e.Time.UnixMilli()) / 1000
		if i == 0 {
			start = now
		}
		last = now - start
		switch e.Kind {
		case runs.Trial:
			running[e.Trial] = chart.Span{Name: e.Name, Group: groupOf(e.Name, e.Stage), Begin: last}
		case runs.Done:
			if e.Cached {
				cached++
			}
			s, has := running[e.Trial]
			if !has || e.Trial == 0 {
				continue
			}
			delete(running, e.Trial)
			at, note := last, ""
			if e.Seconds > 0 { // until then it was trained, and afterwards stored, which needs no worker
				at = min(at, s.Begin+e.Seconds)
			}
			if e.Error != "" {
				note = "failed"
			}
			end(s, at, note)
		}
	}
	for _, trial := range slices.Sorted(maps.Keys(running)) { // of a run that was stopped
		end(running[trial], last, "did not end")
	}
	if len(f.Spans) == 0 {
		return nil
	}
	slices.SortStableFunc(f.Spans, func(a, b chart.Span) int { return cmp.Compare(a.Begin, b.Begin) })
	var free []float64 // by worker, when it is
	const slack = 0.02 // seconds
	most := 64
	for _, e := range c.Events {
		if e.Kind == runs.Estimated && e.Workers > 0 {
			most = min(most, e.Workers)
			break
		}
	}
	for i, s := range f.Spans {
		worker := slices.IndexFunc(free, func(at float64) bool { return at <= s.Begin+slack })
		if worker < 0 {
			if worker = len(free); worker < most {
				free = append(free, 0)
			} else { // the event of an end is a little late
				worker = slices.Index(free, slices.Min(free))
			}
		}
		free[worker] = s.End
		f.Spans[i].Lane = fmt.Sprintf("worker %2d", worker+1)
	}
	var texts []string
	if cached > 0 {
		texts = append(texts, sentence(report.Count(cached, "score")+" came from the store and took no time"))
	}
	return []block{{Texts: texts, Figures: []figure{{Name: "timeline", Drawn: f, Broad: true}}}}
}

// groupOf is the part of a search that a training belongs to.
func groupOf(name, stage string) string {
	if first, _, found := strings.Cut(name, "/"); stage == "" && found {
		return first
	}
	return cmp.Or(stage, "others")
}
