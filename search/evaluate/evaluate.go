package evaluate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/search/dataset"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Options configure an evaluator.
type Options struct {
	Data   dataset.Dataset
	Store  *store.Store
	Runner trial.Runner
	// Workers is the number of jobs that run in parallel; 0 means 1.
	Workers int
	// Observer observes the progress; it may be nil.
	Observer Observer
	// Search is the name of the search, which is stored in its scores.
	Search string
	// Metric is the metric that the observer is shown. A stored score that lacks it is measured again.
	Metric string
	// AnyNumerics allows scores of other numerics and kernel versions. RetryFailed trains again if a stored training failed.
	AnyNumerics, RetryFailed bool
	// RetryDiverged trains a candidate that diverges once more, at a third of the learning rate. Full trainings, which write
	// checkpoint files, are not.
	RetryDiverged bool
	// OnlyKept means that nothing is trained: a job without a score returns [ErrUntrained].
	OnlyKept bool
	// Budget bounds the time of the search; nil means no limit.
	Budget *Budget
}

// ErrUntrained means that a trial has no score yet.
var ErrUntrained = errors.New("the search is not finished")

// Evaluator scores jobs. Its methods may be called from several goroutines at once.
type Evaluator struct {
	options   Options
	started   time.Time
	workers   int64
	slots     *semaphore.Weighted
	flights   singleflight.Group
	trainings atomic.Int64
	ids       atomic.Int64
	// known holds the finished outcomes by key, in case one must be trained again because its weights were pruned.
	known sync.Map
}

// New returns an evaluator.
func New(o Options) *Evaluator {
	if o.Observer == nil {
		o.Observer = Silent{}
	}
	workers := int64(max(o.Workers, 1))
	return &Evaluator{options: o, started: time.Now(), workers: workers, slots: semaphore.NewWeighted(workers)}
}

// Trainings returns the number of trainings that the evaluator has started.
func (e *Evaluator) Trainings() int { return int(e.trainings.Load()) }

// Outcome is a job with its score.
type Outcome struct {
	Job   trial.Job
	Score store.Score
	// Cached means that the score was found in the store.
	Cached bool
	// Foreign means that the score was computed with other numerics.
	Foreign bool
	// OutOfMemory is the error of a job that ran out of memory. Its score is not stored.
	OutOfMemory error
	// Untried means that the budget would not have sufficed for the job. Its score is not stored.
	Untried bool
	// Diverged is the reason why the training of the job diverged, if this is the outcome of a second one at a lower learning
	// rate, which Job has; "" for all others.
	Diverged string
	// Best is the best model so far of a full training that its deadline stopped; nil for all others.
	Best *trial.Best

	id int // ID of the training; 0 if there was none
}

// Origin returns the origin of the outcome's weights, for a job that starts from them.
func (o *Outcome) Origin() trial.Origin {
	return trial.Origin{Key: o.Score.Key, Name: o.Job.Name, File: o.Score.Weights}
}

// Score returns the outcomes of jobs, which run in parallel: from the store if they are there, otherwise by training. A
// training that fails by its own specification yields a score with status failed, not an error. Under a budget the jobs start
// in the order of their expected time, those that would take too long are not tried, and at least one is scored.
func (e *Evaluator) Score(ctx context.Context, jobs ...trial.Job) ([]*Outcome, error) {
	outcomes := make([]*Outcome, len(jobs))
	order := make([]int, len(jobs))
	for i := range order {
		order[i] = i
	}
	for scored := false; ; {
		if err := e.scoreAll(ctx, jobs, outcomes, order, scored); err != nil {
			return nil, err
		}
		// What did not fit may fit now that it is known how long others took. Those that were tried may all have failed.
		left := slices.DeleteFunc(slices.Clone(order), func(i int) bool { return !outcomes[i].Untried })
		scored = slices.ContainsFunc(outcomes, func(o *Outcome) bool { return o.Score.Status != store.Failed })
		if len(left) == 0 || len(left) == len(order) && scored {
			break
		}
		order = left
	}
	for _, o := range outcomes {
		if o.Untried {
			e.announce(o)
		}
	}
	return outcomes, nil
}

// scoreAll scores some of the jobs; scored means that one of the others has a score.
func (e *Evaluator) scoreAll(ctx context.Context, jobs []trial.Job, outcomes []*Outcome, order []int, scored bool) error {
	group, ctx := errgroup.WithContext(ctx)
	var r *round
	if b := e.options.Budget; b != nil {
		r = &round{Budget: b}
		seconds := make([]float64, len(jobs))
		for _, i := range order {
			seconds[i] = b.Seconds(jobs[i])
			if e.finished(ctx, jobs[i]) {
				scored = true
				b.begin(jobs[i].Stage())
			}
		}
		slices.SortStableFunc(order, func(i, j int) int { // every candidate once before the second repeats
			return cmp.Or(cmp.Compare(jobs[i].Specification.Repeat, jobs[j].Specification.Repeat), cmp.Compare(seconds[i], seconds[j]))
		})
		if !scored && len(order) > 0 {
			r.must = jobs[order[0]].Name
		}
		group.SetLimit(int(e.workers)) // so that they start in this order
	}
	for _, i := range order {
		group.Go(func() (err error) {
			if outcomes[i], err = e.score(ctx, jobs[i], r); err != nil {
				return err
			}
			o := outcomes[i]
			if o.Score.Status == store.Finished {
				e.known.Store(o.Score.Key, o)
			}
			if !o.Untried {
				e.announce(o)
			}
			return nil
		})
	}
	return group.Wait()
}

// finished reports whether the score of a finished training of the job is stored.
func (e *Evaluator) finished(ctx context.Context, job trial.Job) bool {
	key, _, err := job.Specification.Key()
	if err != nil {
		return false
	}
	sc, err := e.options.Store.Get(ctx, key)
	return err == nil && sc.Status == store.Finished
}

func (e *Evaluator) announce(o *Outcome) {
	done := TrialDone{ID: o.id, Job: o.Job, Name: o.Job.Name, Metric: e.options.Metric, Score: math.NaN(), Cached: o.Cached,
		Untried: o.Untried, Seconds: o.Score.Seconds}
	if score, defined := o.Score.Metrics[e.options.Metric]; defined {
		done.Score = score
	}
	if o.Score.Status == store.Failed {
		done.Err = errors.New(o.Score.Reason)
	}
	e.options.Observer.TrialDone(done)
}

// score scores one job, a second time at a lower learning rate if it diverges and that is wanted.
func (e *Evaluator) score(ctx context.Context, job trial.Job, r *round) (*Outcome, error) {
	o, err := e.scoreShared(ctx, job, r)
	if err != nil || !e.options.RetryDiverged || job.CheckpointFile != "" || !diverged(o) {
		return o, err
	}
	again := job
	again.Specification.Recipe.LearningRate /= retryShare
	if o.id != 0 {
		e.announce(o)
		e.options.Observer.Notice(fmt.Sprintf("%s: trains once more with the learning rate %.3g", job.Name, again.Specification.Recipe.LearningRate))
	}
	second, err := e.scoreShared(ctx, again, r)
	if err != nil || second.Untried {
		return o, err
	}
	second.Diverged = o.Score.Reason
	return second, nil
}

// retryShare divides the learning rate of a training that diverged.
const retryShare = 3

// diverged reports whether the training of an outcome diverged, now or when it was stored.
func diverged(o *Outcome) bool {
	return o.Score.Status == store.Failed && o.OutOfMemory == nil && strings.Contains(o.Score.Reason, nn.ErrDiverged.Error())
}

// scoreShared scores one job. Equal jobs at the same time are trained once in all processes that share the store.
func (e *Evaluator) scoreShared(ctx context.Context, job trial.Job, r *round) (*Outcome, error) {
	key, _, err := job.Specification.Key()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", job.Name, err)
	}
	mine := false
	result, err, _ := e.flights.Do(fmt.Sprint(key, job.Until, job.Outputs), func() (any, error) {
		mine = true
		return e.scoreOnce(ctx, job, key, r)
	})
	if err != nil {
		return nil, err
	}
	o := *result.(*Outcome)
	if !mine { // another call scored an equal job
		o.Job, o.Cached, o.id = job, true, 0
	}
	return &o, nil
}

// scoreOnce scores a job that no other goroutine of this process is scoring.
func (e *Evaluator) scoreOnce(ctx context.Context, job trial.Job, key string, r *round) (*Outcome, error) {
	var o *Outcome
	look := func() (found bool, err error) {
		o, err = e.lookUp(ctx, job, key)
		return o != nil, err
	}
	if found, err := look(); found || err != nil {
		return o, err
	}
	if e.options.OnlyKept {
		return nil, fmt.Errorf("%s has no score: %w", job.Name, ErrUntrained)
	}
	run := job
	if len(job.Outputs) > 0 && job.Until == 0 {
		if sc, err := e.options.Store.Get(ctx, key); err == nil && sc.Status == store.Finished {
			run.Until = e.missingOutputs(sc, job) // the rest of the training is known
		}
	}
	t, lease, err := e.train(ctx, run, key, look, r)
	if errors.As(err, new(untriedError)) {
		return untried(job, key), nil
	}
	if errors.Is(err, device.ErrOutOfMemory) {
		// The memory may suffice another time, so the trial loses this search but leaves no score.
		sc := store.Score{Key: key, Name: job.Name, Status: store.Failed, Reason: err.Error()}
		return &Outcome{Job: job, Score: sc, OutOfMemory: err, id: t.id}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", job.Name, err)
	}
	if lease == nil { // another process trained it
		return o, nil
	}
	defer lease.Release()
	if err := e.options.Data.Unchanged(ctx); err != nil { // the score would belong to other data
		return nil, fmt.Errorf("%s: %w", job.Name, err)
	}
	sc, err := e.keep(ctx, run, t.result)
	if err != nil {
		return nil, err
	}
	if run.Until != job.Until {
		switch found, err := look(); {
		case err != nil:
			return nil, err
		case !found:
			return nil, fmt.Errorf("%s: the outputs after epochs %v were made, but are not in the store", job.Name, job.Outputs)
		}
		o.id = t.id
		return o, nil
	}
	return &Outcome{Job: job, Score: sc, Best: t.result.Best, id: t.id}, nil
}

// trained is the result of a training.
type trained struct {
	result trial.Result
	id     int
}

// train runs a job by [Evaluator.Once]. It first restores the weights from which the job starts: training them again takes a
// slot, and a trial that holds a slot must not wait for another. Soft labels must be stored.
func (e *Evaluator) train(ctx context.Context, job trial.Job, key string, look func() (bool, error), r *round) (t trained, lease *store.Lease, err error) {
	pruned := false
	w := Work{Key: key, Look: look, Waiting: job.Name + ": another process is training it, waiting", Do: func() (err error) {
		if err := r.check(job); err != nil {
			return err
		}
		e.trainings.Add(1)
		t.id = int(e.ids.Add(1))
		if job.Resume, err = e.partial(ctx, job, key); err != nil {
			return err
		}
		t.result, err = e.options.Runner.Run(ctx, job, watch{e.options.Observer, t.id, job})
		if err == nil {
			r.trained(t.result)
		}
		pruned = errors.Is(err, store.ErrPruned) // weights were pruned while it waited for the slot
		return err
	}}
	for {
		for _, from := range job.Start {
			if err := e.restore(ctx, from); err != nil {
				return t, nil, err
			}
		}
		if err := e.checkSoft(job); err != nil {
			return t, nil, err
		}
		pruned = false
		if lease, err = e.Once(ctx, w); !pruned {
			return t, lease, err
		}
	}
}

// keep stores the result of a training, and returns its score.
func (e *Evaluator) keep(ctx context.Context, job trial.Job, r trial.Result) (store.Score, error) {
	sc := r.Score
	sc.Search = e.options.Search
	var err error
	if sc.Key, sc.Specification, err = job.Specification.Key(); err != nil {
		return sc, err
	}
	stored, err := e.options.Store.PutFiles(ctx, sc, store.Files{Weights: r.Weights, Outputs: r.Outputs, Checkpoint: r.Checkpoint, EpochOutputs: r.EpochOutputs})
	if err == nil && further(stored, job) { // the stored training is longer, but lacked this part
		sc.Outputs, sc.EpochOutputs = stored.EpochOutputs[job.Until], stored.EpochOutputs
		return sc, nil
	}
	return stored, err
}
