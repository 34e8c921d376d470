package search

import (
	"context"
	"time"

	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Teacher is what a model is distilled from, such as an ensemble.
type Teacher struct {
	// Name is the teacher's name in lists of scores, such as "ensemble".
	Name string
	// Predictions identifies the teacher's predictions besides the data, for example by the keys, weights and temperatures of
	// an ensemble's members. It is hashed as JSON.
	Predictions any
	// Logits returns the logits of all rows of the training split (rows × classes), finite. It is only called if they are not
	// stored, and may use the device.
	Logits func(ctx context.Context) ([]float32, error)
	// Before, if there is one, is called before Logits: it trains again what has to be, for which Logits has no slot of the device.
	Before func(ctx context.Context) error
}

// distillWeight is the share of the teacher's predictions in what a distilled model learns; the rest are the labels.
const distillWeight = 0.5

// Distill is [Search.Train] for a model that learns from the predictions of a teacher and from the labels. The predictions are
// computed once, and stored as a score of their own.
func (s *Search) Distill(ctx context.Context, name string, m mixer.Specification, recipe config.Train, teacher Teacher, folder string) (*Trained, error) {
	return s.trainTo(ctx, distilledFile, name, folder, s.deadline(allEnd), func() (trial.Job, error) {
		soft, err := s.softLabels(ctx, teacher)
		if err != nil {
			return trial.Job{}, lackOfMemory("the predictions of "+teacher.Name, err)
		}
		job, err := s.fullJob(name, m, recipe, folder)
		if err != nil {
			return trial.Job{}, err
		}
		job.Name, job.Soft = "distilled/"+name, &soft
		job.Specification.Soft = &trial.Soft{Labels: soft.Key, Weight: distillWeight}
		err = checkpointIn(folder, &job)
		return job, err
	})
}

// softLabels returns the origin of a teacher's predictions of the training rows.
func (s *Search) softLabels(ctx context.Context, teacher Teacher) (trial.Origin, error) {
	sc, err := s.keep(ctx, predictions{
		key: struct {
			Teacher any    `json:"teacher"`
			Data    string `json:"data"`
		}{teacher.Predictions, s.data.Fingerprint()},
		split:  dataset.Train,
		needed: true,
		score:  store.Score{Name: "soft/" + teacher.Name, Numerics: s.runner.Device.Numerics(), Finished: s.now().UTC().Truncate(time.Second)},
		before: teacher.Before,
		logits: teacher.Logits,
	})
	return trial.Origin{Key: sc.Key, Name: sc.Name, File: sc.Outputs}, err
}
