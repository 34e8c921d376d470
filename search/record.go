package search

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mixmas/search/cost"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/plan"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/study"
	"mixmas/search/task"
	"mixmas/search/trial"
)

// Recording is what [Search.Record] made.
type Recording struct {
	Records []study.Record
	// Validation and Test are the labels of the rows.
	Validation, Test []uint16
	// Failed is the number of trainings that failed, and are not recorded.
	Failed int
}

// Record trains every candidate of the stages of the default strategy, so many times on so many draws of the sample, and records
// what each training predicts on the validation rows after each epoch, and on the test rows after the last. All trainings are scored
// after their last epoch, on the validation rows of the first draw, which is that of the plan. Trainings that are stored are not
// trained again.
func (s *Search) Record(ctx context.Context, repeats, draws int) (*Recording, error) {
	if kind := s.data.Task().Kind; kind != task.OneLabel {
		return nil, fmt.Errorf("recordings hold one predicted class per row; these data have %v", kind)
	}
	if s.data.Len(dataset.Test) == 0 {
		return nil, fmt.Errorf("the data set %s has no test split, which is the judge of recorded choices", s.data.Name())
	}
	spaces, err := s.drawnSpaces(ctx, repeats, draws)
	if err != nil {
		return nil, err
	}
	trained, err := strategy.Exhaust(ctx, spaces, everyEpoch{s.evaluator}, s.observer)
	if err != nil {
		return nil, err
	}
	r, flops := &Recording{}, map[string]float64{} // by stage and candidate
	if r.Validation, err = s.classes(dataset.Validation, spaces[0].Validation); err != nil {
		return nil, err
	}
	if r.Test, err = s.classes(dataset.Test, nil); err != nil {
		return nil, err
	}
	for _, t := range trained {
		name := t.Stage + "/" + t.Label
		if _, known := flops[name]; !known {
			static, err := cost.Of(t.First().Job.Specification.Model)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			flops[name] = float64(static.FLOPs)
		}
		for _, o := range t.Repeats {
			if o.Score.Status != store.Finished {
				r.Failed++
				continue
			}
			record, err := s.record(ctx, o)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", o.Job.Name, err)
			}
			record.Stage, record.Draw, record.FLOPs = t.Stage, t.Draw, flops[name]
			r.Records = append(r.Records, *record)
		}
	}
	return r, nil
}

// drawnSpaces returns the space with some draws of the sample, the first that of the plan.
func (s *Search) drawnSpaces(ctx context.Context, repeats, draws int) (spaces []*strategy.Space, err error) {
	c := *s.config
	c.Search.ScoreOnUnused = false
	for draw := range draws {
		c.Seed = s.config.Seed + uint64(draw)
		space, err := plan.Sampled(ctx, s.space, &c, s.runner.Device.Numerics())
		if err != nil {
			return nil, err
		}
		if draw > 0 {
			first := spaces[0]
			space.Validation, space.Specification.Validation, space.Specification.Seed = first.Validation, first.Specification.Validation, first.Specification.Seed
			if space.Specification.Sample == first.Specification.Sample {
				return nil, fmt.Errorf("the sample is the whole training split, so draws do not differ: want --draws 1")
			}
		}
		space.Repeats = strategy.Repeats{Encoder: repeats, Fusion: repeats, Network: repeats}
		space.ScoreAtBest, space.CheapestClose = false, false
		spaces = append(spaces, space)
	}
	return spaces, nil
}

// everyEpoch asks for the outputs after every epoch.
type everyEpoch struct{ *evaluate.Evaluator }

// Score implements [strategy.Evaluator].
func (e everyEpoch) Score(ctx context.Context, jobs ...trial.Job) ([]*evaluate.Outcome, error) {
	jobs = slices.Clone(jobs)
	for i := range jobs {
		jobs[i].Outputs = nil
		for epoch := range jobs[i].Specification.Recipe.Epochs {
			jobs[i].Outputs = append(jobs[i].Outputs, epoch+1)
		}
	}
	return e.Evaluator.Score(ctx, jobs...)
}

// classes returns the labels of rows.
func (s *Search) classes(split dataset.Split, rows []int) ([]uint16, error) {
	if n := len(s.data.Task().Classes); n >= math.MaxUint16 {
		return nil, fmt.Errorf("%d classes cannot be recorded", n)
	}
	samples, err := dataset.Select(s.data, split, rows, nil)
	if err != nil {
		return nil, err
	}
	labels, label := make([]uint16, samples.Len()), make([]float32, 1)
	for row := range labels {
		if err := samples.Label(row, label); err != nil {
			return nil, err
		}
		labels[row] = uint16(label[0])
	}
	return labels, nil
}

// record collects what a training predicted.
func (s *Search) record(ctx context.Context, o *evaluate.Outcome) (*study.Record, error) {
	r := &study.Record{Details: study.Details{Parameters: o.Score.Parameters, Seconds: o.Score.Seconds, Recipe: o.Job.Specification.Recipe}}
	r.Candidate, r.Repeat = o.Job.Label, o.Job.Specification.Repeat
	scoring, err := trial.Scoring(s.data, o.Job, nil)
	if err != nil {
		return nil, err
	}
	for epoch, of := range o.Score.Curve {
		file, err := s.options.Store.EpochOutputs(o.Score, epoch+1)
		if err != nil {
			return nil, err
		}
		logits, err := trial.DecodeOutputs(file)
		if err != nil {
			return nil, err
		}
		loss, err := trial.LossOfFile(ctx, s.data, scoring, file)
		if err != nil {
			return nil, err
		}
		r.Validation = append(r.Validation, s.predicted(logits))
		r.TrainLoss, r.ValidationLoss = append(r.TrainLoss, of.TrainLoss), append(r.ValidationLoss, loss)
	}
	logits, err := s.predict(ctx, o, dataset.Test, nil)
	r.Test = s.predicted(logits)
	return r, err
}

// predicted returns the classes of the largest logits, the first of equal ones.
func (s *Search) predicted(logits []float32) (classes []uint16) {
	n := len(s.data.Task().Classes)
	for ; len(logits) >= n; logits = logits[n:] {
		classes = append(classes, uint16(metric.Largest(logits[:n])))
	}
	return classes
}
