package ui

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"mixmas/search/chart"
	reportpage "mixmas/search/page"
	"mixmas/search/report"
	"mixmas/search/runs"
)

// How much the page of a run shows.
const (
	mostCandidates = 60 // of a stage
	mostCards      = 32 // trainings that run
	mostCurves     = 6  // as many as there are colours
)

// runView is the page of a run. The parts that change while it runs are views of their own.
type runView struct {
	Run           runRow
	Version       string
	Machine       string
	Numerics      string
	Command       string
	Rows          string // of the splits
	Fingerprint   string
	Out           string
	Configuration bool
	Parts         runParts
}

// runParts are what changes while a run is going.
type runParts struct {
	Status  statusView
	Result  *resultView // nil until there is one
	Running []card
	More    int // trainings that run without a card
	Stages  []stageView
	Curves  chart.Figure // nil for none
	Lines   []lineView
	Live    bool
}

// statusView says how far a run is.
type statusView struct {
	State, Text string
	Per         float64 // share that is done, in percent
	Bar         bool
	Left        string
	Started     string
	Ended       string
	Took        string
	Trainings   string
	Error       string
}

// card is a training that runs.
type card struct {
	Name  string
	Step  string
	Per   float64
	Loss  string
	Left  string
	Spark string // path in a box of 240 by 48
}

// stageView is a choice of the search.
type stageView struct {
	ID, Name, Note string
	Metric         string
	Rows           []candidateRow
	More           int
	Params         bool // they are known
	Figure         chart.Figure
}

// candidateRow is a line of a stage.
type candidateRow struct {
	ID, Key, Name   string
	Score, Interval string
	Params, Seconds string
	Note            string
	Best            bool
}

type lineView struct {
	Time, Date, Text string
	Bad              bool
}

// resultView is what a run ended with.
type resultView struct {
	Answer string
	Models []modelRow
	Metric string
	Notes  []string
}

// modelRow is a model to choose from, or a baseline.
type modelRow struct {
	Kind, Name, Validation, Test, Params, Path, Note string
	Best                                             bool
}

// run shows a run.
func (s *server) run(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	run, err := runs.Get(ctx, s.store, r.PathValue("id"))
	if err != nil {
		failed(w, err)
		return
	}
	v := runView{Run: s.row(run), Version: shown(run.Version), Machine: shown(run.Machine), Numerics: shown(run.Numerics), Command: shown(strings.Join(run.Command, " ")),
		Fingerprint: shown(run.Data.Fingerprint), Out: shown(run.Out), Configuration: run.Configuration != ""}
	if n := run.Data; n.Train+n.Validation+n.Test > 0 {
		v.Rows = fmt.Sprintf("%s training, %s validation, %s test", report.Comma(n.Train), report.Comma(n.Validation), report.Comma(n.Test))
	}
	if err := s.courses.of(ctx, s.store, run, func(c *course) { v.Parts = s.parts(ctx, run, c) }); err != nil {
		failed(w, err)
		return
	}
	p := page{Title: v.Run.Name}
	if run.State == runs.Running {
		p.Live = "/runs/" + run.ID + "/events"
	}
	s.show(w, "run", p, v)
}

// configuration shows the configuration of a run as text.
func (s *server) configuration(w http.ResponseWriter, r *http.Request) {
	run, err := runs.Get(r.Context(), s.store, r.PathValue("id"))
	if err != nil {
		failed(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(run.Configuration))
}

// report shows the report of a run, which has a policy of its own.
func (s *server) report(w http.ResponseWriter, r *http.Request) {
	run, err := runs.Get(r.Context(), s.store, r.PathValue("id"))
	var contents reportpage.Contents
	if err == nil {
		contents, err = reportpage.Gather(r.Context(), s.store, run)
	}
	var text bytes.Buffer
	if err == nil {
		err = reportpage.Write(&text, contents)
	}
	if err != nil {
		failed(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(text.Bytes())
}

// runEvents are the changes of a run.
func (s *server) runEvents(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), makeTimeout)
	run, err := runs.Get(ctx, s.store, r.PathValue("id"))
	cancel()
	if err != nil {
		failed(w, err)
		return
	}
	s.stream(w, r, "run "+run.ID, lastLook, func(ctx context.Context, f *feed) { s.watch(ctx, run, f) })
}

// watch publishes the changes of a run until it ends.
func (s *server) watch(ctx context.Context, run runs.Run, f *feed) {
	shown, last := -1, time.Time{}
	for {
		alive := s.store.RunHeld(run.ID) // before reading: what the process writes until its end is then read
		var parts runParts
		due := time.Since(last) >= s.refresh
		err := s.courses.of(ctx, s.store, run, func(c *course) {
			if ended := !alive || c.ended; ended || c.events != shown || due {
				shown, due = c.events, true
				parts = s.parts(ctx, run, c)
			}
			alive = alive && !c.ended
		})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.publish(map[string]string{"trouble": trouble(err)})
		case due:
			last = time.Now()
			f.publish(parts.render())
		}
		if run.State != runs.Running && err == nil {
			return
		}
		if !alive { // the record says how it ended
			if now, err := runs.Get(ctx, s.store, run.ID); err == nil {
				run = now
				continue
			}
		}
		if !pause(ctx, s.refresh/4) {
			return
		}
	}
}

// parts returns what changes while a run is going. Of one that has ended, the document says more than the events.
func (s *server) parts(ctx context.Context, run runs.Run, c *course) runParts {
	p := runParts{Live: run.State == runs.Running, Status: s.status(run, c), Stages: c.stageViews(), Curves: c.curves()}
	if p.Live {
		for _, t := range c.running {
			if len(p.Running) == mostCards {
				p.More = len(c.running) - mostCards
				break
			}
			p.Running = append(p.Running, s.card(t))
		}
	}
	for _, l := range c.lines[max(0, len(c.lines)-mostLines):] {
		p.Lines = append(p.Lines, lineView{l.time.UTC().Format(time.TimeOnly), when(l.time), l.text, l.bad})
	}
	if p.Live {
		return p
	}
	if d, _, err := runs.Document(ctx, s.store, run); err != nil {
		p.Status.Error = strings.TrimPrefix(p.Status.Error+"; "+shown(err.Error()), "; ")
	} else {
		p.add(d)
	}
	return p
}

// render returns the parts by the ids of their elements.
func (p runParts) render() map[string]string {
	texts := map[string]string{"trouble": ""}
	for id, view := range map[string]any{"status": p.Status, "result": p.Result, "running": p, "stages": p.Stages, "curves": p.Curves, "log": p.Lines} {
		text, err := render(id, view)
		if err != nil {
			text = trouble(err)
		}
		texts[id] = text
	}
	return texts
}

func (s *server) status(run runs.Run, c *course) statusView {
	now := s.now()
	v := statusView{State: string(run.State), Started: when(run.Started), Took: report.Duration(run.Seconds(now)), Error: shown(run.Error)}
	if run.State != runs.Running {
		v.Ended = when(run.Ended)
	}
	v.Trainings = report.Count(c.trainings, "training")
	if c.cached > 0 {
		v.Trainings += fmt.Sprintf(", %s found in the store", report.Comma(c.cached))
	}
	if run.State != runs.Running {
		return v
	}
	done, all, share, left, known := c.remaining(now)
	switch {
	case c.full && len(c.running) > 0:
		v.Text = "full training, baselines and ensembles"
		for _, t := range c.running {
			v.Per = max(v.Per, 100*t.share())
			left = max(left, t.left(now))
		}
		v.Bar = len(c.running) == 1
	case known:
		v.Text = fmt.Sprintf("%d of %s of the search", done, report.Count(all, "training"))
		v.Per, v.Bar = 100*share, true
	}
	if i := slices.IndexFunc(c.stages, func(s *stage) bool { return !s.decided && len(s.jobs) < s.candidates }); i >= 0 && !c.full {
		v.Text = strings.TrimPrefix(v.Text+"; now "+shown(c.stages[i].name), "; ")
	}
	if left > 0 {
		v.Left = "about " + report.Duration(left.Seconds())
		if e := c.estimate; e != nil && !c.full && e.Full+e.More > 0 {
			v.Left += ", then at most " + report.Duration(e.Full+e.More) + " of full trainings"
		}
	}
	return v
}

func (s *server) card(t *training) card {
	v := card{Name: shown(t.name), Step: "starting", Loss: chart.Short(t.loss)}
	if t.step > 0 {
		v.Step = fmt.Sprintf("step %s of %s", report.Comma(t.step), report.Comma(t.steps))
		v.Per = 100 * t.share()
	}
	if left := t.left(s.now()); left > 0 {
		v.Left = report.Duration(left.Seconds()) + " left"
	}
	v.Spark = spark(t.y, float64(len(t.y)-1)*float64(max(t.steps, 1))/float64(max(t.step, 1)))
	return v
}

// spark is the path of a curve in a box of 240 by 48, which is as wide as so many points.
func spark(y []float64, wide float64) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range y {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	if len(y) < 2 || !(low < high) {
		return ""
	}
	var b strings.Builder
	command := "M"
	for i, v := range y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			command = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", command, 240*float64(i)/wide, 46-44*(v-low)/(high-low))
		command = "L"
	}
	return b.String()
}

// curves draws the losses of the trainings that run, and of the last ones that have ended.
func (c *course) curves() chart.Figure {
	list := slices.Concat(c.running, c.recent)
	slices.SortStableFunc(list, func(a, b *training) int { return cmp.Compare(a.id, b.id) })
	list = slices.DeleteFunc(list, func(t *training) bool { return len(t.x) < 2 })
	list = list[max(0, len(list)-mostCurves):]
	if len(list) == 0 {
		return nil
	}
	f := chart.Lines{Title: "Training loss by step", X: "step", Y: "training loss"}
	for _, t := range list {
		f.Series = append(f.Series, chart.Series{Name: shown(t.name), X: slices.Clone(t.x), Y: slices.Clone(t.y)})
	}
	return f
}

// stageViews shows the stages by their events.
func (c *course) stageViews() (views []stageView) {
	for i, s := range c.stages {
		v := stageView{ID: fmt.Sprintf("stage-%d", i), Name: shown(s.name), Metric: shown(s.metric)}
		switch {
		case s.decided:
			v.Note = "the winner is " + shown(s.winner)
			if s.standing != "" {
				v.Note += "; " + shown(s.standing)
			}
		case s.candidates > 0:
			v.Note = fmt.Sprintf("%d of %s", len(s.jobs), report.Count(s.candidates, "candidate"))
		default:
			v.Note = report.Count(len(s.jobs), "training")
		}
		for k, j := range s.ranked() {
			if k == mostCandidates {
				v.More = len(s.jobs) - mostCandidates
				break
			}
			row := candidateRow{ID: fmt.Sprintf("%s-%d", v.ID, k), Key: j.key, Name: shown(j.name), Seconds: fmt.Sprintf("%.1f", j.seconds),
				Best: s.decided && j.name == s.winner}
			if len(j.scores) > 0 {
				row.Score = report.Number(j.mean()).Text()
			}
			var notes []string
			if s.repeats > 1 && j.done < s.repeats && !s.decided {
				notes = append(notes, fmt.Sprintf("%d of %d runs", j.done, s.repeats))
			}
			switch {
			case j.failed != "":
				notes = append(notes, "failed: "+shown(j.failed))
			case j.untried:
				notes = append(notes, "not tried: the budget")
			case j.cached > 0 && j.cached == j.done:
				notes = append(notes, "cached")
			}
			row.Note = strings.Join(notes, ", ")
			v.Rows = append(v.Rows, row)
		}
		views = append(views, v)
	}
	return views
}

// add adds the document of a run that has ended: its stages have intervals and verdicts, which events lack.
func (p *runParts) add(d report.Document) {
	byEvents := p.Stages
	p.Stages = nil
	for i, s := range d.Stages {
		p.Stages = append(p.Stages, documentStage(i, s))
	}
	for _, s := range byEvents { // what the document does not list, such as full trainings
		if !slices.ContainsFunc(d.Stages, func(other report.Stage) bool { return shown(other.Name) == s.Name }) {
			s.ID = fmt.Sprintf("stage-%d", len(p.Stages))
			for i := range s.Rows {
				s.Rows[i].ID = fmt.Sprintf("%s-%d", s.ID, i)
			}
			p.Stages = append(p.Stages, s)
		}
	}
	p.Result = newResult(d)
}

// documentStage shows a stage of a document.
func documentStage(i int, s report.Stage) stageView {
	v := stageView{ID: fmt.Sprintf("stage-%d", i), Name: shown(s.Name), Metric: shown(s.Metric), Params: true}
	if s.Winner != "" {
		v.Note = "the winner is " + shown(s.Winner)
	}
	for _, more := range []string{s.Verdict, s.Reason} {
		if more != "" {
			v.Note = strings.TrimPrefix(v.Note+"; "+shown(more), "; ")
		}
	}
	figure := chart.Intervals{Title: "Scores of " + shown(s.Name), X: shown(s.Metric)}
	for k, c := range s.Candidates {
		if k == mostCandidates {
			v.More = len(s.Candidates) - mostCandidates
			break
		}
		row := candidateRow{ID: fmt.Sprintf("%s-%d", v.ID, k), Key: c.Key, Name: shown(c.Name), Best: c.Name == s.Winner}
		if c.Params > 0 {
			row.Params = report.Comma(c.Params)
		}
		if c.Seconds > 0 {
			row.Seconds = fmt.Sprintf("%.1f", c.Seconds)
		}
		mark := chart.Interval{Name: row.Name, Value: float64(c.Score), Low: math.NaN(), High: math.NaN()}
		if !math.IsNaN(mark.Value) {
			row.Score = report.Number(mark.Value).Text()
		}
		if c.Low != nil && c.High != nil {
			mark.Low, mark.High = *c.Low, *c.High
			row.Interval = fmt.Sprintf("%.4f to %.4f", mark.Low, mark.High)
		}
		for _, r := range c.Repeats {
			mark.Points = append(mark.Points, float64(r.Score))
		}
		switch {
		case c.Failed != "":
			row.Note, mark.Note = "failed: "+shown(c.Failed), "failed"
		case c.Standing != "" && c.Standing != report.NotTested:
			row.Note = shown(c.Standing)
		case c.Cached:
			row.Note = "cached"
		}
		switch {
		case row.Best:
			mark.Standing = chart.Chosen
		case c.Standing == report.Tie:
			mark.Standing = chart.Close
		case c.Standing == report.Behind:
			mark.Standing = chart.Behind
		}
		v.Rows, figure.Rows = append(v.Rows, row), append(figure.Rows, mark)
	}
	if len(figure.Rows) > 1 {
		v.Figure = figure
	}
	return v
}

// newResult shows what a run ended with; nil if it ended with nothing.
func newResult(d report.Document) *resultView {
	v := &resultView{}
	for _, s := range d.Stages {
		v.Metric = shown(s.Metric)
	}
	answer := ""
	if d.Answer != nil {
		answer = d.Answer.Model
		v.Answer = "Use " + shown(d.Answer.Path) + ": " + shown(d.Answer.Reason)
	}
	add := func(kind string, f report.Final, best bool) {
		row := modelRow{Kind: kind, Name: kind, Path: shown(f.Path), Note: shown(f.Note), Best: best, Validation: scored(f.Validation), Test: scored(f.Test)}
		if name := shown(f.Name); strings.HasPrefix(name, kind) { // such as "ensemble of 3 models"
			row.Name = name
		} else if name != "" {
			row.Name += ": " + name
		}
		if f.Params > 0 {
			row.Params = report.Comma(f.Params)
		}
		v.Models = append(v.Models, row)
	}
	fields, finals := d.Finals()
	for i, f := range finals {
		add(fields[i], f, fields[i] == answer)
	}
	for _, b := range d.Baselines {
		add(strings.TrimSpace("baseline "+strings.ReplaceAll(shown(b.Kind), "_", " ")+" "+shown(b.Modality)), b.Final, false)
	}
	if f, found := d.Trained(v.Metric); found && len(v.Models) == 0 {
		add("model", f, true)
	}
	for _, text := range d.LeftOut {
		v.Notes = append(v.Notes, shown(text))
	}
	if len(v.Models) == 0 && len(v.Notes) == 0 {
		return nil
	}
	return v
}

// scored is a score with its interval, empty if there is none.
func scored(s *report.Scored) string {
	if s == nil || math.IsNaN(float64(s.Score)) {
		return ""
	}
	return s.Text()
}
