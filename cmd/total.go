package cmd

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"mixmas/search"
	"mixmas/search/report"
)

// total is the progress of a whole run: a search, the full training of its winner, and what follows. Each part says what was expected
// of its trainings, and how much of it is done.
type total struct {
	mutex    sync.Mutex
	deadline time.Time // of a budget; zero for none
	started  time.Time // the part
	next     time.Time // of the next plain line
	parallel float64
	expected map[string]float64 // seconds of the trainings that have not ended, by name
	parts    map[string]float64 // share of them that is done
	spent    float64            // expected seconds of those that have ended
	all      int
	unnamed  int     // trainings to come of which the names are not known
	each     float64 // their expected seconds
	full     float64 // seconds of the full training to come
	more     float64 // seconds of what follows it
}

// start begins a search.
func (t *total) start(e search.Estimated, now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.begin(now)
	for name, seconds := range e.Seconds {
		t.expected[name] = seconds
	}
	t.all, t.parallel = len(t.expected), float64(max(e.Workers, 1))
	t.full, t.more = e.Full.Seconds(), e.More.Seconds()
}

// train begins the full training of the winner, or the trainings after it.
func (t *total) train(e search.TrainingStarted, now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.begin(now)
	t.parallel = 1 // the estimates are of the clock
	if e.More == 0 {
		if t.full > 0 {
			t.expected["full/"+e.Model], t.all = t.full, 1
		}
	} else {
		t.all, t.unnamed, t.each, t.more = e.More, e.More, t.more/float64(e.More), 0
	}
	t.full = 0
}

// begin begins a part.
func (t *total) begin(now time.Time) {
	t.started, t.expected, t.parts, t.spent = now, map[string]float64{}, map[string]float64{}, 0
	t.all, t.unnamed, t.each = 0, 0, 0
}

// open reports whether a training is one of those that are expected. The caller holds the mutex.
func (t *total) open(name string) bool {
	if _, open := t.expected[name]; open || t.unnamed == 0 {
		return open
	}
	t.unnamed--
	t.expected[name] = t.each
	return true
}

// step notes the share of a training that is done, and done its end; trained means that it took its time.
func (t *total) step(name string, part float64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.open(name) {
		t.parts[name] = part
	}
}

func (t *total) done(name string, trained bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if !t.open(name) {
		return
	}
	if trained {
		t.spent += t.expected[name]
	}
	delete(t.expected, name)
	delete(t.parts, name)
}

// left returns the time that is left of the part, and of the parts after it. The caller holds the mutex.
func (t *total) left(now time.Time) (part, later time.Duration) {
	left, done := t.each*float64(t.unnamed), t.spent
	for name, seconds := range t.expected {
		left += seconds * (1 - t.parts[name])
		done += seconds * t.parts[name]
	}
	pace := 1 / max(t.parallel, 1) // seconds of the clock per expected second
	if enough := 0.1 * (done + left); done > enough {
		pace = now.Sub(t.started).Seconds() / done
	}
	part, later = seconds(left*pace), seconds(t.full+t.more)
	if !t.deadline.IsZero() {
		whole := max(t.deadline.Sub(now), 0)
		part = min(part, whole)
		later = min(later, whole-part)
	}
	return part, later
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// ended is the number of trainings of the part that have ended. The caller holds the mutex.
func (t *total) ended() int { return t.all - len(t.expected) - t.unnamed }

// text is such as "7 of 24 trainings, about 3m20s left, then at most 10m0s".
func (t *total) text(now time.Time) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	part, later := t.left(now)
	text := fmt.Sprintf("%d of %s, about %v left", t.ended(), report.Count(t.all, "training"), part.Round(time.Second))
	if later >= time.Second {
		text += fmt.Sprintf(", then at most %v", later.Round(time.Second))
	}
	return text
}

// row is the last line of the display; there is none if nothing is expected.
func (t *total) row(now time.Time) (r row, has bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.all == 0 {
		return row{}, false
	}
	part, later := t.left(now)
	done := t.spent
	whole := done + t.each*float64(t.unnamed)
	for name, seconds := range t.expected {
		done += seconds * t.parts[name]
		whole += seconds
	}
	r = row{name: "total", count: fmt.Sprintf("%d/%d", t.ended(), t.all), left: shortTime(part + later)}
	if whole > 0 {
		r.done = done / whole
	}
	return r, true
}

// due reports whether the next plain line about a running search is due.
func (t *total) due(now time.Time, interval time.Duration) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.expected) == 0 && t.unnamed == 0 || now.Before(t.next) {
		return false
	}
	t.next = now.Add(interval)
	return true
}

// estimateText is such as "about 24 trainings, 3 to 5 minutes on 2 workers (of 31; 7 scores are stored)".
func estimateText(e search.Estimated) string {
	var b strings.Builder
	fmt.Fprintf(&b, "about %s, %s on %s", report.Count(e.Trainings, "training"), report.Span(e.Least, e.Most), report.Count(e.Workers, "worker"))
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
