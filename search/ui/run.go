package ui

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"html/template"
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
	Spark template.HTML
}

type lineView struct {
	Time, Date, Text string
	Bad              bool
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
	w.Header().Set("Content-Security-Policy", reportpage.Policy+"; frame-ancestors 'none'")
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
	var left time.Duration
	done, all := c.search.Count()
	switch {
	case c.full && len(c.running) > 0:
		v.Text = "full training, baselines and ensembles"
		for _, t := range c.running {
			v.Per = max(v.Per, 100*t.share())
			left = max(left, t.left(now))
		}
		v.Bar = len(c.running) == 1
	case all > 0 && !c.full:
		v.Text = fmt.Sprintf("%d of %s of the search", done, report.Count(all, "training"))
		v.Per, v.Bar, left = 100*c.search.Share(), true, c.search.Left(now)
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
	if len(t.y) > 1 {
		v.Spark = chart.Spark{Name: "training loss of " + v.Name, Values: t.y, Steps: max(1, t.steps) * len(t.y) / max(1, t.step)}.Inline()
	}
	return v
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
