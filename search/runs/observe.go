package runs

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"mixmas/search"
	"mixmas/search/evaluate"
	"mixmas/search/report"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// The first and the last step of a training are recorded. Between them, the time between two events is at least stepFirst and
// doubles up to stepEvery, so that a training of a fraction of a second has a curve too; of a long one, they are further apart by
// this share of the time that it has taken, so that a day of training has some thousand events.
const (
	stepFirst = 30 * time.Millisecond
	stepEvery = 500 * time.Millisecond
	stepShare = 1000
)

// Observe returns an observer that records what it is told as events, and then tells it to next.
func (r *Recorder) Observe(next search.Observer) search.Observer {
	if r == nil {
		return next
	}
	o := &observer{Observer: next, log: r.events, trained: &r.trainings, start: time.Now()}
	r.events.mu.Lock()
	r.events.failed = func(err error) {
		next.Notice("the run's events are not recorded: " + err.Error())
	}
	r.events.mu.Unlock()
	return o
}

// observer records events.
type observer struct {
	search.Observer
	log     *eventLog
	trained *atomic.Int64 // counts trainings that ended
	start   time.Time
	// trainings are those that run, by ID: *training.
	trainings sync.Map
}

// training is a training that runs.
type training struct {
	name  string
	steps int
	began int64        // in nanoseconds after the observer's start
	next  atomic.Int64 // when a step is recorded again, likewise
}

// after is when a step is recorded again after one at now.
func (t *training) after(now int64) int64 {
	taken := now - t.began
	return now + max(int64(stepFirst), min(taken, int64(stepEvery)), taken/stepShare)
}

func (o *observer) add(e Event) {
	e.Time = time.Now().UTC()
	o.log.add(e)
}

// jobEvent returns an event about a job.
func jobEvent(kind, name string, job trial.Job) Event {
	e := Event{Kind: kind, Name: name, Candidate: job.Label, Stage: job.Stage(), Repeat: job.Specification.Repeat + 1}
	e.Key, _, _ = job.Specification.Key() // a job without a key is not stored
	return e
}

// StageStarted implements [search.Observer].
func (o *observer) StageStarted(e strategy.StageStarted) {
	o.add(Event{Kind: Stage, Stage: e.Stage, Candidates: e.Candidates, Repeats: e.Repeats, LeftOut: e.LeftOut})
	o.Observer.StageStarted(e)
}

// StageDone implements [search.Observer].
func (o *observer) StageDone(e strategy.StageDone) {
	o.add(Event{Kind: Decided, Stage: e.Stage, Name: e.Winner, Reason: e.Reason, Text: e.Standing, Tested: e.Tested})
	o.Observer.StageDone(e)
}

// Estimated implements [search.Observer].
func (o *observer) Estimated(e search.Estimated) {
	o.add(Event{Kind: Estimated, Candidates: e.Candidates, Trainings: e.Trainings, Stored: e.Stored, Workers: e.Workers, Least: e.Least.Seconds(), Most: e.Most.Seconds(),
		Full: e.Full.Seconds(), More: e.More.Seconds(), Expected: e.Seconds})
	o.Observer.Estimated(e)
}

// TrainingStarted implements [search.Observer].
func (o *observer) TrainingStarted(e search.TrainingStarted) {
	o.add(Event{Kind: Training, Name: e.Model, More: float64(e.More)})
	o.Observer.TrainingStarted(e)
}

// TrialStarted implements [search.Observer].
func (o *observer) TrialStarted(e evaluate.TrialStarted) {
	event := jobEvent(Trial, e.Name, e.Job)
	event.Trial, event.Steps = e.ID, e.Steps
	o.trainings.Store(e.ID, &training{name: e.Name, steps: e.Steps, began: int64(time.Since(o.start))})
	o.add(event)
	o.Observer.TrialStarted(e)
}

// TrialStep implements [search.Observer]. It is called after every step of every training, so most calls only check the clock.
func (o *observer) TrialStep(e evaluate.TrialStep) {
	if value, running := o.trainings.Load(e.ID); running {
		t := value.(*training)
		now := int64(time.Since(o.start))
		if next := t.next.Load(); (now >= next || e.Step == t.steps) && t.next.CompareAndSwap(next, t.after(now)) {
			o.add(Event{Kind: Step, Trial: e.ID, Name: t.name, Step: e.Step, Steps: t.steps, Loss: report.Number(e.Loss)})
		}
	}
	o.Observer.TrialStep(e)
}

// TrialDone implements [search.Observer].
func (o *observer) TrialDone(e evaluate.TrialDone) {
	o.trainings.Delete(e.ID)
	if e.ID != 0 && !e.Untried {
		o.trained.Add(1)
	}
	event := jobEvent(Done, e.Name, e.Job)
	event.Trial, event.Metric, event.Score, event.Cached, event.Untried = e.ID, e.Metric, report.Number(e.Score), e.Cached, e.Untried
	if event.Seconds = e.Seconds; math.IsNaN(e.Seconds) || math.IsInf(e.Seconds, 0) {
		event.Seconds = 0
	}
	if e.Err != nil {
		event.Error = e.Err.Error()
	}
	o.add(event)
	o.Observer.TrialDone(e)
}

// Notice implements [search.Observer].
func (o *observer) Notice(text string) {
	o.add(Event{Kind: Notice, Text: text})
	o.Observer.Notice(text)
}
