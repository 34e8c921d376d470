// Package estimate tells what a search is going to cost, before anything is trained. It rehearses the strategy with the stored
// scores and made-up ones in the place of those that are missing, and counts what would be trained; the cost of a training
// follows from its program, and the time from some steps of some of them.
package estimate

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// Rehearsal is what a search would train.
type Rehearsal struct {
	// Result is what the strategy would choose. Its scores may be made up.
	Result *strategy.Result
	// Trainings are the trainings that have no score yet, in order.
	Trainings []Training
	// Stored is the number of trainings whose scores are stored.
	Stored int
}

// Training is a training that a search would need.
type Training struct {
	Job   trial.Job
	Steps int
	// Cost is that of a step, in units that only mean something beside others. Encoding is the cost of running its frozen encoders
	// over all rows, which the trainings before it have not run; 0 if none is left.
	Cost, Encoding float64
}

// mostRehearsed limits the trainings that are rehearsed: a strategy may try more and more while scores improve.
const mostRehearsed = 10_000

// Rehearse runs a strategy and trains nothing. stored scores jobs whose scores are stored, and returns
// [evaluate.ErrUntrained] for others. What is missing is made up such that the cheapest candidate of a stage wins, or the
// costliest: the time that the search takes lies between the two.
func Rehearse(ctx context.Context, space *strategy.Space, searcher strategy.Strategy, stored strategy.Evaluator, costliest bool) (*Rehearsal, error) {
	r := &rehearsing{space: space, stored: stored, costliest: costliest, epochs: map[string]int{}, seen: map[string]bool{}, encoded: map[string]bool{}}
	result, err := searcher.Search(ctx, space, r, silent{})
	if err != nil {
		return nil, err
	}
	if result == nil || result.Winner == nil {
		return nil, errors.New("the strategy chooses nothing")
	}
	r.Result = result
	return &r.Rehearsal, nil
}

// rehearsing is an evaluator that makes up scores.
type rehearsing struct {
	Rehearsal
	space     *strategy.Space
	stored    strategy.Evaluator
	costliest bool

	mutex   sync.Mutex
	epochs  map[string]int  // that trainings have done, by key
	seen    map[string]bool // keys of trainings that are stored
	encoded map[string]bool // frozen encoders that have run
}

// Score implements [strategy.Evaluator].
func (r *rehearsing) Score(ctx context.Context, jobs ...trial.Job) ([]*evaluate.Outcome, error) {
	var outcomes []*evaluate.Outcome
	for _, job := range jobs {
		o, err := r.score(ctx, job)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// Outputs implements [strategy.Evaluator]: there are none.
func (*rehearsing) Outputs(context.Context, *evaluate.Outcome) ([]float32, error) {
	return nil, nil
}

func (r *rehearsing) score(ctx context.Context, job trial.Job) (*evaluate.Outcome, error) {
	key, _, err := job.Specification.Key()
	if err != nil {
		return nil, err
	}
	found, err := r.stored.Score(ctx, job)
	if err != nil && !errors.Is(err, evaluate.ErrUntrained) {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err == nil {
		if !r.seen[key] {
			r.seen[key] = true
			r.Stored++
		}
		return found[0], nil
	}
	cost, parameters, err := Cost(job)
	if err != nil {
		return nil, err
	}
	last := job.Specification.Recipe.Epochs
	if job.Until > 0 {
		last = min(last, job.Until)
	}
	if todo := last - r.epochs[key]; todo > 0 {
		encoding, err := r.encoding(job)
		if err != nil {
			return nil, err
		}
		r.Trainings = append(r.Trainings, Training{Job: job, Steps: todo * steps(job), Cost: cost, Encoding: encoding})
		r.epochs[key] = last
		if len(r.Trainings) > mostRehearsed {
			return nil, fmt.Errorf("more than %d trainings", mostRehearsed)
		}
	}
	value := 1 / (2 + cost)
	if r.costliest {
		value = 1 - value
	}
	if metric.LowerIsBetter(r.space.Metric) {
		value = 1 - value
	}
	sc := store.Score{Key: key, Name: job.Name, Status: store.Finished, Parameters: parameters, Metrics: map[string]float64{r.space.Metric: value}}
	if last < job.Specification.Recipe.Epochs {
		sc.Status = store.Partial
	}
	sc.Curve = make([]store.Epoch, last)
	return &evaluate.Outcome{Job: job, Score: sc}, nil
}

// Cost returns the cost of a training step of a job, and the number of the model's parameters.
func Cost(job trial.Job) (cost float64, parameters int, err error) {
	whole, err := mixer.Build(job.Specification.Model)
	if err != nil {
		return 0, 0, err
	}
	m, err := job.Specification.Build()
	if err != nil {
		return 0, 0, err
	}
	recipe := job.Specification.Recipe.Recipe
	recipe.Batch = min(recipe.Batch, max(job.Specification.Sample.Count, 1))
	step, err := nn.Program(m, recipe, nn.Training, recipe.Batch)
	if err != nil {
		return 0, 0, err
	}
	return units(step), whole.Parameters().Count(), nil
}

// units is the cost of running a program.
func units(p *device.Program) float64 {
	const perByte = 2 // a byte takes as long as some operations
	c := p.Cost()
	return float64(c.FLOPs) + perByte*float64(c.Bytes)
}

// encoding is the cost of running those frozen encoders of a job that have not run yet, once over the rows that it trains on and
// those that score it.
func (r *rehearsing) encoding(job trial.Job) (cost float64, err error) {
	spec := job.Specification
	if !spec.Frozen {
		return 0, nil
	}
	for _, m := range spec.Model.Modalities {
		id := spec.Start[m.Name]
		if r.encoded[id] {
			continue
		}
		r.encoded[id] = true
		encoder, err := mixer.BuildEncoder(m)
		if err != nil {
			return 0, err
		}
		rows := spec.Sample.Count + spec.ScoringRows()
		batch := max(1, min(spec.Recipe.Batch, rows))
		program, err := nn.Program(encoder, nn.Recipe{Batch: batch}, nn.Evaluation, batch)
		if err != nil {
			return 0, err
		}
		cost += units(program) * float64(rows) / float64(batch)
	}
	return cost, nil
}

// steps returns the steps of an epoch.
func steps(job trial.Job) int {
	batch := max(job.Specification.Recipe.Batch, 1)
	return max((job.Specification.Sample.Count+batch-1)/batch, 1)
}

// Cheapest returns the seconds of the cheapest training of each stage.
func (r *Rehearsal) Cheapest(seconds func(trial.Job) float64) map[string]float64 {
	cheapest := map[string]float64{}
	for _, t := range r.Trainings {
		stage, s := t.Job.Stage(), seconds(t.Job)
		if known, has := cheapest[stage]; !has || s < known {
			cheapest[stage] = s
		}
	}
	return cheapest
}

// silent is an observer of stages that ignores them.
type silent struct{}

func (silent) StageStarted(strategy.StageStarted) {}
func (silent) StageDone(strategy.StageDone)       {}
