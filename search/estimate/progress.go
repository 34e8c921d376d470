package estimate

import (
	"maps"
	"time"
)

// Progress follows trainings whose times are expected: how much of them is over, and how long the rest takes at the pace so far.
// The zero value expects none.
type Progress struct {
	started  time.Time
	parallel int
	open     map[string]float64 // seconds of the trainings that have not ended, by name
	shares   map[string]float64 // of them that are done
	spent    float64            // expected seconds of those that have ended
	all      int
	unnamed  int     // trainings to come whose names are not known
	each     float64 // their expected seconds
}

// NewProgress starts now. expected has the seconds of each training by name, and parallel of them run at a time.
func NewProgress(now time.Time, expected map[string]float64, parallel int) Progress {
	p := Progress{started: now, parallel: parallel, open: maps.Clone(expected), shares: map[string]float64{}, all: len(expected)}
	if p.open == nil {
		p.open = map[string]float64{}
	}
	return p
}

// ExpectMore expects n more trainings of some seconds each, whose names are not known yet.
func (p *Progress) ExpectMore(n int, seconds float64) {
	p.all, p.unnamed, p.each = p.all+n, p.unnamed+n, seconds
}

// expects reports whether a training is one of those that are expected and have not ended.
func (p *Progress) expects(name string) bool {
	if _, open := p.open[name]; open || p.unnamed == 0 {
		return open
	}
	p.unnamed--
	p.open[name] = p.each
	return true
}

// Step notes the share of a training that is done.
func (p *Progress) Step(name string, share float64) {
	if p.expects(name) {
		p.shares[name] = share
	}
}

// Done notes the end of a training; trained means that it took its time.
func (p *Progress) Done(name string, trained bool) {
	if !p.expects(name) {
		return
	}
	if trained {
		p.spent += p.open[name]
	}
	delete(p.open, name)
	delete(p.shares, name)
}

// Count returns how many trainings have ended, of all that are or were expected.
func (p *Progress) Count() (ended, all int) { return p.all - len(p.open) - p.unnamed, p.all }

// seconds returns the expected seconds that are done, and those that are left.
func (p *Progress) seconds() (done, left float64) {
	done, left = p.spent, p.each*float64(p.unnamed)
	for name, seconds := range p.open {
		left += seconds * (1 - p.shares[name])
		done += seconds * p.shares[name]
	}
	return done, left
}

// Share returns the share of the expected time that is done; 0 if nothing is expected.
func (p *Progress) Share() float64 {
	done, left := p.seconds()
	if !(done+left > 0) {
		return 0
	}
	return done / (done + left)
}

// Left returns the time that the rest takes: as expected at first, by the pace once a tenth is done.
func (p *Progress) Left(now time.Time) time.Duration {
	done, left := p.seconds()
	pace := 1 / float64(max(p.parallel, 1)) // seconds of the clock per expected second
	if enough := 0.1 * (done + left); done > enough {
		pace = now.Sub(p.started).Seconds() / done
	}
	const most = 1e9 // seconds
	return time.Duration(min(max(left*pace, 0), most) * float64(time.Second))
}
