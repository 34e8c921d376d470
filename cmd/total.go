package cmd

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/vbauerster/mpb/v8"

	"mixmas/search"
)

// total is the progress of a whole search: what was expected of its trainings, and how much of it is done.
type total struct {
	mutex    sync.Mutex
	bar      *mpb.Bar // nil without bars, and after the search
	started  time.Time
	next     time.Time // of the next plain line
	parallel float64
	expected map[string]float64 // seconds of the trainings that have not ended, by name
	parts    map[string]float64 // share of them that is done
	spent    float64            // expected seconds of those that have ended
	all      int
}

func (t *total) start(e search.Estimated, now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.started, t.expected, t.parts, t.spent = now, map[string]float64{}, map[string]float64{}, 0
	for name, seconds := range e.Seconds {
		t.expected[name] = seconds
	}
	t.all, t.parallel = len(t.expected), float64(max(e.Workers, 1))
}

// show sets the bar of the display.
func (t *total) show(bar *mpb.Bar) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.bar = bar
}

// step notes the share of a training that is done, and done its end; trained means that it took its time.
func (t *total) step(name string, part float64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if _, open := t.expected[name]; open {
		t.parts[name] = part
	}
}

func (t *total) done(name string, trained bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	seconds, open := t.expected[name]
	if !open {
		return
	}
	if trained {
		t.spent += seconds
	}
	delete(t.expected, name)
	delete(t.parts, name)
	if t.bar != nil {
		t.bar.Increment()
	}
}

// end ends the display of the search.
func (t *total) end() {
	t.mutex.Lock()
	bar := t.bar
	t.bar, t.expected, t.all = nil, nil, 0
	t.mutex.Unlock()
	if bar != nil { // not under the lock, which its text takes
		bar.Abort(true)
	}
}

// text is such as "7 of 24 trainings, 3m20s left".
func (t *total) text(now time.Time) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	left, done := 0.0, t.spent
	for name, seconds := range t.expected {
		left += seconds * (1 - t.parts[name])
		done += seconds * t.parts[name]
	}
	pace := 1 / t.parallel // seconds of the clock per expected second
	if enough := 0.1 * (done + left); done > enough {
		pace = now.Sub(t.started).Seconds() / done
	}
	return fmt.Sprintf("%d of %s, about %v left", t.all-len(t.expected), english.Plural(t.all, "training", ""),
		time.Duration(left*pace*float64(time.Second)).Round(time.Second))
}

// due reports whether the next plain line about a running search is due.
func (t *total) due(now time.Time, interval time.Duration) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.expected) == 0 || now.Before(t.next) {
		return false
	}
	t.next = now.Add(interval)
	return true
}

// estimateText is such as "about 24 trainings, 3 to 5 minutes on 2 workers (of 31; 7 scores are stored)".
func estimateText(e search.Estimated) string {
	var b strings.Builder
	fmt.Fprintf(&b, "about %s, %s on %s", english.Plural(e.Trainings, "training", ""), spanText(e.Least, e.Most), english.Plural(e.Workers, "worker", ""))
	switch {
	case e.Stored == 1:
		fmt.Fprintf(&b, " (of %d; 1 score is stored)", e.Trainings+1)
	case e.Stored > 1:
		fmt.Fprintf(&b, " (of %d; %d scores are stored)", e.Trainings+e.Stored, e.Stored)
	}
	if e.Full > 0 {
		fmt.Fprintf(&b, ", then a full training of at most %s", spanText(e.Full, e.Full))
	}
	if e.More > 0 {
		fmt.Fprintf(&b, ", then baselines and members of an ensemble, at most %s", spanText(e.More, e.More))
	}
	return b.String()
}

// spanText is a time, or the least and the most of it, in the unit of the most.
func spanText(least, most time.Duration) string {
	unit, name := time.Second, "second"
	switch {
	case most >= 100*time.Hour:
		unit, name = 24*time.Hour, "day"
	case most >= 100*time.Minute:
		unit, name = time.Hour, "hour"
	case most >= 100*time.Second:
		unit, name = time.Minute, "minute"
	}
	count := func(d time.Duration) int { return max(1, int(math.Round(float64(d)/float64(unit)))) }
	low, high := count(least), count(most)
	if low == high {
		return english.Plural(high, name, "")
	}
	return fmt.Sprintf("%d to %s", low, english.Plural(high, name, ""))
}
