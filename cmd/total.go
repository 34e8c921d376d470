package cmd

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"mixmas/search"
	"mixmas/search/estimate"
	"mixmas/search/report"
)

// total is the progress of a whole run: a search, the full training of its winner, and what follows. Each part says what was expected
// of its trainings, and how much of it is done.
type total struct {
	mutex    sync.Mutex
	deadline time.Time         // of a budget; zero for none
	part     estimate.Progress // of the running part
	next     time.Time         // of the next plain line
	full     float64           // seconds of the full training to come
	more     float64           // seconds of what follows it
}

// start begins a search.
func (t *total) start(e search.Estimated, now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.part = estimate.NewProgress(now, e.Seconds, e.Workers)
	t.full, t.more = e.Full.Seconds(), e.More.Seconds()
}

// train begins the full training of the winner, or the trainings after it. Their estimates are of the clock.
func (t *total) train(e search.TrainingStarted, now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.part = estimate.NewProgress(now, nil, 1)
	switch {
	case e.More > 0:
		t.part.ExpectMore(e.More, t.more/float64(e.More))
		t.more = 0
	case t.full > 0:
		t.part = estimate.NewProgress(now, map[string]float64{"full/" + e.Model: t.full}, 1)
	}
	t.full = 0
}

// step notes the share of a training that is done, and done its end; trained means that it took its time.
func (t *total) step(name string, share float64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.part.Step(name, share)
}

func (t *total) done(name string, trained bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.part.Done(name, trained)
}

// left returns the time that is left of the part, and of the parts after it. The caller holds the mutex.
func (t *total) left(now time.Time) (part, later time.Duration) {
	part, later = t.part.Left(now), seconds(t.full+t.more)
	if !t.deadline.IsZero() {
		whole := max(t.deadline.Sub(now), 0)
		part = min(part, whole)
		later = min(later, whole-part)
	}
	return part, later
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// text is such as "7 of 24 trainings, about 3m20s left, then at most 10m0s".
func (t *total) text(now time.Time) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	part, later := t.left(now)
	ended, all := t.part.Count()
	text := fmt.Sprintf("%d of %s, about %v left", ended, report.Count(all, "training"), part.Round(time.Second))
	if later >= time.Second {
		text += fmt.Sprintf(", then at most %v", later.Round(time.Second))
	}
	return text
}

// row is the last line of the display; there is none if nothing is expected.
func (t *total) row(now time.Time) (r row, has bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	ended, all := t.part.Count()
	if all == 0 {
		return row{}, false
	}
	part, later := t.left(now)
	return row{name: "total", count: fmt.Sprintf("%d/%d", ended, all), left: shortTime(part + later), done: t.part.Share()}, true
}

// due reports whether the next plain line about a running search is due.
func (t *total) due(now time.Time, interval time.Duration) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if ended, all := t.part.Count(); ended == all || now.Before(t.next) {
		return false
	}
	t.next = now.Add(interval)
	return true
}

// estimateText is such as "about 24 trainings for 9 candidates, 3 to 5 minutes on 2 workers (of 31; 7 scores are stored)".
func estimateText(e search.Estimated) string {
	var b strings.Builder
	fmt.Fprintf(&b, "about %s for %s, %s on %s", report.Count(e.Trainings, "training"), report.Count(e.Candidates, "candidate"), report.Span(e.Least, e.Most), report.Count(e.Workers, "worker"))
	switch {
	case e.Stored == 1:
		fmt.Fprintf(&b, " (of %d; 1 score is stored)", e.Trainings+1)
	case e.Stored > 1:
		fmt.Fprintf(&b, " (of %d; %d scores are stored)", e.Trainings+e.Stored, e.Stored)
	}
	if e.Full > 0 {
		fmt.Fprintf(&b, ", then a full training of at most %s", report.Span(e.Full, e.Full))
	}
	if e.More > 0 {
		fmt.Fprintf(&b, ", then baselines and members of an ensemble, at most %s", report.Span(e.More, e.More))
	}
	return b.String()
}
