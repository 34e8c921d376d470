package trial

import (
	"context"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
)

// Pace measures the seconds of a training step of a job: the mean of some steps after one that warms up, on its first rows and
// from new weights. It leaves nothing behind.
func (l *Local) Pace(ctx context.Context, job Job, steps int) (seconds float64, err error) {
	m, err := mixer.Build(job.Specification.Model)
	if err != nil {
		return 0, err
	}
	samples, err := dataset.Select(l.Data, dataset.Train, job.Train, Inputs(m))
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
	began := l.now()
	for step := range steps + 1 {
		if step == 1 {
			began = l.now()
		}
		if _, err := trainer.Step(samples, rows, recipe.LearningRate); err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	return l.now().Sub(began).Seconds() / float64(steps), nil
}
