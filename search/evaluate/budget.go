package evaluate

import (
	"sync"
	"sync/atomic"
	"time"

	"mixmas/search/store"
	"mixmas/search/trial"
)

// Budget bounds the time of a search: a training that would probably end too late is not started. It never changes a score.
type Budget struct {
	// End is when the last training should have ended, by the clock Now.
	End time.Time
	Now func() time.Time
	// Seconds returns how long a training will probably take.
	Seconds func(job trial.Job) float64
	// Reserve holds the seconds that are kept for each stage that has not begun: those of its cheapest training.
	Reserve map[string]float64

	mutex sync.Mutex
}

// round is one call of Score under a budget.
type round struct {
	*Budget
	must string // the name of the job that is trained in any case; "" if the stage has a score
	// scored means that one of its trainings has a score, so that must need not be trained any more: others may have got the free
	// workers first.
	scored atomic.Bool
}

// trained notes the result of a training.
func (r *round) trained(result trial.Result) {
	if r != nil && result.Score.Status == store.Finished {
		r.scored.Store(true)
	}
}

// check returns an error if a job should not start now, because it would end too late or leave too little to later stages.
func (r *round) check(job trial.Job) error {
	if r == nil {
		return nil
	}
	seconds := r.Seconds(job)
	r.begin(job.Stage())
	if job.Name == r.must && !r.scored.Load() {
		return nil
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, later := range r.Reserve {
		seconds += later
	}
	if left := r.End.Sub(r.Now()).Seconds(); seconds > left {
		return untriedError{}
	}
	return nil
}

// begin notes that a stage has begun: nothing is kept for it any longer.
func (b *Budget) begin(stage string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	delete(b.Reserve, stage)
}

// untriedError means that a job was not started.
type untriedError struct{}

func (untriedError) Error() string { return "not tried: the budget would not suffice" }

// untried returns the outcome of a job that was not started.
func untried(job trial.Job, key string) *Outcome {
	return &Outcome{Job: job, Untried: true,
		Score: store.Score{Key: key, Name: job.Name, Status: store.Failed, Reason: untriedError{}.Error()}}
}
