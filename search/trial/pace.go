package trial

import (
	"context"
	"slices"
	"time"

	"mixmas/nn"
	"mixmas/search/dataset"
)

// Pace measures the seconds of a training step of a job: the median of some steps after one that warms up, on its first rows and
// from new weights. It makes fewer steps, at least one, if they take longer than the limit. It leaves nothing behind.
func (l *Local) Pace(ctx context.Context, job Job, steps int, limit time.Duration) (seconds float64, err error) {
	m, err := job.Specification.Build()
	if err != nil {
		return 0, err
	}
	samples, err := l.paceSamples(job, m)
	if err != nil {
		return 0, err
	}
	recipe := job.Specification.Recipe.Recipe
	trainer, err := nn.NewTrainer(l.Device, m, recipe, 0)
	if err != nil {
		return 0, err
	}
	defer trainer.Close()
	if err := trainer.Load(m.Parameters().Initialise(0)); err != nil {
		return 0, err
	}
	rows := make([]int, min(recipe.Batch, samples.Len()))
	for i := range rows {
		rows[i] = i
	}
	var taken []float64
	for first := l.now(); len(taken) <= steps && (len(taken) < 2 || l.now().Sub(first) < limit); {
		began := l.now()
		if _, err := trainer.Step(samples, rows, recipe.LearningRate); err != nil {
			return 0, err
		}
		taken = append(taken, l.now().Sub(began).Seconds())
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	taken = taken[1:] // the first step warms up
	slices.Sort(taken)
	return taken[len(taken)/2], nil
}

// paceSamples returns the job's training rows. The encoders whose tokens a model with frozen encoders reads may not be trained
// yet: any tokens do.
func (l *Local) paceSamples(job Job, m nn.Model) (nn.Samples, error) {
	if !job.Specification.Frozen {
		return dataset.Select(l.Data, dataset.Train, job.Train, Inputs(m))
	}
	labels, err := dataset.Select(l.Data, dataset.Train, job.Train, nil)
	return &zeros{labels, m.Inputs()}, err
}
