package trial

import (
	"context"
	"slices"
	"strings"
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

// zeros are samples with the labels of rows whose inputs are all 0, except masks, which are 1. It implements nn.Samples.
type zeros struct {
	rows   *dataset.Samples
	inputs []nn.ModelInput
}

// Len implements nn.Samples, as do the other methods.
func (z *zeros) Len() int { return z.rows.Len() }

func (z *zeros) Read(_, input int, dst []float32) error {
	clear(dst)
	if strings.HasSuffix(z.inputs[input].Name, ".mask") {
		nn.Ones(dst)
	}
	return nil
}

func (z *zeros) Label(row int, dst []float32) error { return z.rows.Label(row, dst) }
