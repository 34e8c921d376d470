package ui

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"mixmas/search/estimate"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/runs"
)

// course is how a run has gone, by its events.
type course struct {
	stages    []*stage
	running   []*training // in the order of their starts
	recent    []*training // that have ended, the last one last
	lines     []line
	estimate  *runs.Event
	search    estimate.Progress // of the trainings of the estimate
	trainings int               // that have ended, without those found in the store
	cached    int
	full      bool // the search is over
	ended     bool // the run is
	events    int  // that it has taken note of
}

// How much of a course is kept.
const (
	mostLines  = 400
	mostPoints = 160 // of a curve
	mostRecent = 6
	mostStages = 500
)

// stage is a choice of the search, or what is trained after it.
type stage struct {
	name                string
	candidates, repeats int
	leftOut             int
	metric              string
	jobs                []*job
	decided             bool
	winner, standing    string
}

// job is a candidate of a stage, with the scores of its repeats.
type job struct {
	name, key string
	scores    []float64
	seconds   float64
	done      int
	cached    int
	failed    string
	untried   bool
}

// training is one that runs, or one that has ended.
type training struct {
	id           int
	name         string
	step, steps  int
	loss         float64
	started      time.Time
	first        int       // steps done before it started, by a checkpoint
	now          time.Time // of its last event
	x, y         []float64 // its losses by step
	stride, wait int       // every so many are kept
}

// line is one of the log.
type line struct {
	time time.Time
	text string
	bad  bool
}

// stage returns the stage with the name.
func (c *course) stage(name string) *stage {
	if i := slices.IndexFunc(c.stages, func(s *stage) bool { return s.name == name }); i >= 0 {
		return c.stages[i]
	}
	s := &stage{name: name}
	if len(c.stages) < mostStages {
		c.stages = append(c.stages, s)
	}
	return s
}

// apply takes note of an event.
func (c *course) apply(e runs.Event) {
	c.events++
	say := func(format string, a ...any) { c.say(e, false, format, a...) }
	switch e.Kind {
	case runs.Estimated:
		c.estimate, c.search = &e, estimate.NewProgress(e.Time, e.Expected, e.Workers)
		of := ""
		if e.Candidates > 0 {
			of = " for " + report.Count(e.Candidates, "candidate")
		}
		say("about %s%s, %s on %s", report.Count(e.Trainings, "training"), of, report.Span(duration(e.Least), duration(e.Most)), report.Count(e.Workers, "worker"))
	case runs.Stage:
		s := c.stage(e.Stage)
		s.candidates, s.repeats, s.leftOut = e.Candidates, e.Repeats, e.LeftOut
		text := report.Count(e.Candidates, "candidate")
		if e.Repeats > 1 {
			text += fmt.Sprintf(", %d runs each", e.Repeats)
		}
		if e.LeftOut > 0 {
			text += fmt.Sprintf("; %d left out", e.LeftOut)
		}
		say("%s: %s", e.Stage, text)
	case runs.Trial:
		c.running = append(c.running, &training{id: e.Trial, name: e.Name, steps: e.Steps, loss: math.NaN(), started: e.Time, now: e.Time, first: -1, stride: 1})
	case runs.Step:
		if i := c.find(e.Trial); i >= 0 {
			c.running[i].advance(e)
			c.search.Step(c.running[i].name, c.running[i].share())
		}
	case runs.Done:
		c.done(e)
	case runs.Decided:
		s := c.stage(e.Stage)
		s.decided, s.winner, s.standing = true, e.Name, ""
		if e.Tested {
			s.standing = e.Text
		}
		text := "the winner is " + e.Name
		if s.standing != "" {
			text += "; " + s.standing
		}
		say("%s: %s", e.Stage, text)
	case runs.Training:
		c.full = true
		if e.More > 0 {
			say("baselines and members of the ensemble: %s", report.Count(int(e.More), "training"))
		} else {
			say("full training of the winner")
		}
	case runs.Notice:
		say("%s", e.Text)
	case runs.End:
		c.running, c.ended = nil, true
		text := string(e.State)
		if e.Error != "" {
			text += ": " + e.Error
		}
		c.say(e, e.State == runs.Failed, "%s", text)
	}
}

// find returns the index of a running training, or -1.
func (c *course) find(id int) int {
	if id == 0 {
		return -1
	}
	return slices.IndexFunc(c.running, func(t *training) bool { return t.id == id })
}

// done takes note of the end of a job.
func (c *course) done(e runs.Event) {
	if i := c.find(e.Trial); i >= 0 {
		t := c.running[i]
		c.running = slices.Delete(c.running, i, i+1)
		if len(t.x) > 1 {
			c.recent = append(c.recent, t)
			c.recent = c.recent[max(0, len(c.recent)-mostRecent):]
		}
	}
	c.search.Done(e.Name, !e.Cached && !e.Untried)
	s := c.stage(e.Stage)
	s.metric = cmp.Or(e.Metric, s.metric)
	name := cmp.Or(e.Candidate, e.Name)
	i := slices.IndexFunc(s.jobs, func(j *job) bool { return j.name == name })
	if i < 0 {
		i = len(s.jobs)
		s.jobs = append(s.jobs, &job{name: name, key: e.Key})
	}
	j := s.jobs[i]
	j.done++
	j.seconds += e.Seconds
	j.untried = j.untried || e.Untried
	if e.Repeat <= 1 {
		j.key = cmp.Or(e.Key, j.key)
	}
	score := float64(e.Score)
	switch {
	case e.Untried:
		c.say(e, false, "%s: not tried, because the budget would not suffice", e.Name)
	case e.Error != "":
		j.failed = e.Error
		c.say(e, true, "%s: failed: %s", e.Name, e.Error)
	case e.Cached:
		j.cached++
		c.cached++
		j.scores = append(j.scores, score)
		c.say(e, false, "%s: %s %s, cached", e.Name, e.Metric, report.Number(score).Text())
	default:
		c.trainings++
		j.scores = append(j.scores, score)
		c.say(e, false, "%s: %s %s after %.1f s", e.Name, e.Metric, report.Number(score).Text(), e.Seconds)
	}
}

// advance takes note of a step.
func (t *training) advance(e runs.Event) {
	if t.first < 0 {
		t.first = max(0, e.Step-1)
		t.started = e.Time
	}
	t.step, t.steps, t.loss, t.now = e.Step, cmp.Or(e.Steps, t.steps), float64(e.Loss), e.Time
	if t.wait++; t.wait < t.stride {
		return
	}
	t.wait = 0
	t.x, t.y = append(t.x, float64(e.Step)), append(t.y, float64(e.Loss))
	if len(t.x) >= mostPoints { // from now on every second one
		for i := range mostPoints / 2 {
			t.x[i], t.y[i] = t.x[2*i], t.y[2*i]
		}
		t.x, t.y, t.stride = t.x[:mostPoints/2], t.y[:mostPoints/2], 2*t.stride
	}
}

// left is the time that a training still takes, by the pace of its steps; 0 if that is not known.
func (t *training) left(now time.Time) time.Duration {
	done := t.step - t.first - 1
	if t.first < 0 || done < 1 || t.step >= t.steps {
		return 0
	}
	pace := t.now.Sub(t.started).Seconds() / float64(done)
	return max(0, duration(pace*float64(t.steps-t.step))-max(0, now.Sub(t.now)))
}

// share is the share of a training that is done.
func (t *training) share() float64 { return float64(t.step) / float64(max(t.steps, 1)) }

// say adds a line to the log.
func (c *course) say(e runs.Event, bad bool, format string, a ...any) {
	c.lines = append(c.lines, line{e.Time, shown(fmt.Sprintf(format, a...)), bad})
	if len(c.lines) > 2*mostLines {
		c.lines = slices.Delete(c.lines, 0, len(c.lines)-mostLines)
	}
}

// mean is the mean of a job's scores; NaN without any.
func (j *job) mean() float64 {
	sum := 0.0
	for _, v := range j.scores {
		sum += v
	}
	return sum / float64(len(j.scores))
}

// ranked returns the jobs of a stage, the best first, those without a score last.
func (s *stage) ranked() []*job {
	list := slices.Clone(s.jobs)
	slices.SortStableFunc(list, func(a, b *job) int { return metric.Compare(s.metric, a.mean(), b.mean()) })
	return list
}

// duration is a number of seconds, whatever a file says.
func duration(seconds float64) time.Duration {
	const most = 1e9
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, most) * float64(time.Second))
}
