package estimate

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mixmas/search/store"
	"mixmas/search/trial"
)

// Pace tells how long trainings take on this machine. Its methods may be called from several goroutines at once.
type Pace struct {
	mutex sync.Mutex
	costs map[store.Digest]float64 // of a step, by key
	steps map[store.Digest]float64 // measured seconds of a step, by key
	rate  float64                  // mean seconds per unit of cost
	// expected and taken are the seconds of the trainings that have ended.
	expected, taken float64
}

// Meter is what a pace is measured with.
type Meter struct {
	// Workers is the number of trainings that run in parallel.
	Workers int
	// Limit ends the measuring: no further training is measured after it.
	Limit time.Duration
	Now   func() time.Time
	// Step measures the seconds of a step of a job.
	Step func(ctx context.Context, job trial.Job) (seconds float64, err error)
}

// Measure measures some steps of trainings, as many trainings as the limit allows, but at least one. A training whose steps
// cannot be measured (it would fail) does not count. It returns nil if there is none that does.
func (m Meter) Measure(ctx context.Context, trainings []Training) (*Pace, error) {
	p := &Pace{costs: map[store.Digest]float64{}, steps: map[store.Digest]float64{}}
	started := m.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(m.Workers, 1))
	seconds, cost := 0.0, 0.0
	for i, t := range spread(trainings) {
		if i > 0 && m.Now().Sub(started) > m.Limit {
			break
		}
		group.Go(func() error {
			step, err := m.Step(ctx, t.Job)
			if err != nil || !(step > 0) {
				return ctx.Err()
			}
			p.mutex.Lock()
			defer p.mutex.Unlock()
			p.steps[key(t.Job)], p.costs[key(t.Job)] = step, t.Cost
			seconds, cost = seconds+step, cost+t.Cost
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if cost == 0 {
		return nil, nil
	}
	p.rate = seconds / cost
	return p, nil
}

// spread returns the trainings such that the first ones of all stages come first, then the second ones, and so on.
func spread(trainings []Training) (list []Training) {
	byStage, order := map[string][]Training{}, []string{}
	for _, t := range trainings {
		stage := t.Job.Stage()
		if byStage[stage] == nil {
			order = append(order, stage)
		}
		byStage[stage] = append(byStage[stage], t)
	}
	for i := 0; len(list) < len(trainings); i++ {
		for _, stage := range order {
			if i < len(byStage[stage]) {
				list = append(list, byStage[stage][i])
			}
		}
	}
	return list
}

// key identifies the model and the recipe of a job, whatever it starts from and whichever repeat it is.
func key(job trial.Job) store.Digest {
	spec := job.Specification
	spec.Start, spec.Repeat = nil, 0
	text, _, err := spec.Key()
	if err != nil {
		return ""
	}
	return store.Digest(text)
}

// Step returns the expected seconds of a step of a job.
func (p *Pace) Step(job trial.Job) float64 {
	k := key(job)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if s, measured := p.steps[k]; measured {
		return s
	}
	cost, known := p.costs[k]
	if !known {
		var err error
		if cost, _, err = Cost(job); err != nil {
			return 0
		}
		p.costs[k] = cost
	}
	return cost * p.rate
}

// perPrediction is the share of a training step that predicting as many rows takes.
const perPrediction = 0.35

// Epoch returns the expected seconds of an epoch of a job, in which the validation rows are predicted if the recipe watches
// them.
func (p *Pace) Epoch(job trial.Job) float64 {
	step, r := p.Step(job), job.Specification.Recipe
	seconds := step * float64(steps(job))
	if r.Watches() {
		seconds += p.prediction(job, step)
	}
	return seconds
}

// Seconds returns the expected seconds of a training. One that stops early takes less.
func (p *Pace) Seconds(job trial.Job) float64 {
	epochs := job.Specification.Recipe.Epochs
	if job.Until > 0 {
		epochs = min(epochs, job.Until)
	}
	return float64(epochs)*p.Epoch(job) + p.prediction(job, p.Step(job))
}

// Training returns the expected seconds of a training of a rehearsal, in which frozen encoders may have to run first.
func (p *Pace) Training(t Training) float64 { return p.Seconds(t.Job) + p.rate*t.Encoding }

func (p *Pace) prediction(job trial.Job, step float64) float64 {
	return prediction(job, step, job.Specification.ScoringRows())
}

// Prediction returns the expected seconds of predicting rows by a job's model.
func (p *Pace) Prediction(job trial.Job, rows int) float64 { return prediction(job, p.Step(job), rows) }

func prediction(job trial.Job, step float64, rows int) float64 {
	return perPrediction * step * float64(rows) / float64(max(job.Specification.Recipe.Batch, 1))
}

// Taken notes what a training took. What is expected of later ones follows.
func (p *Pace) Taken(job trial.Job, seconds float64) {
	expected := p.Seconds(job)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.expected, p.taken = p.expected+expected, p.taken+seconds
}

// Drift is by how much trainings so far took longer than expected.
func (p *Pace) Drift() float64 {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.expected == 0 || p.taken == 0 {
		return 1
	}
	return math.Min(math.Max(p.taken/p.expected, 0.25), 4)
}
