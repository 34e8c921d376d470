package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"mixmas/nn"
	"mixmas/search/choice"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/model"
	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// poolLimit bounds the memory of the logits of all models that an ensemble is chosen from, in float32 numbers.
const poolLimit = 1 << 26

// chosen is an ensemble of fitted models.
type chosen struct {
	*combine.Ensemble
	models []*fitted // of which the members are some
}

// only is the ensemble's single model; nil if it has several.
func (c *chosen) only() *fitted {
	if len(c.Members) != 1 {
		return nil
	}
	return c.models[c.Members[0]]
}

// name is such as "ensemble of 8 models".
func (c *chosen) name() string {
	if one := c.only(); one != nil {
		return "ensemble of one: " + one.Job.Name
	}
	return several(c.Ensemble)
}

// list returns the members.
func (c *chosen) list() (members []*fitted) {
	for _, i := range c.Members {
		members = append(members, c.models[i])
	}
	return members
}

// ensemble chooses an ensemble among all models whose score is defined; nil if there is none.
func (a *answering) ensemble(ctx context.Context, size int) (*chosen, error) {
	models := slices.DeleteFunc(a.all(), func(f *fitted) bool { return math.IsNaN(f.score) })
	if len(models) == 0 {
		return nil, nil
	}
	o := combine.Options{Size: size}
	for _, set := range a.lateFusions() {
		var places []int
		for _, f := range set {
			if i := slices.Index(models, f); i >= 0 {
				places = append(places, i)
			}
		}
		if len(places) > 1 {
			o.LateFusions = append(o.LateFusions, places)
		}
	}
	o.Thresholds = a.fitsThresholdsOf(len(models), "the ensemble")
	e, err := a.choose(ctx, a.rows, models, o)
	if err != nil {
		return nil, fmt.Errorf("the ensemble: %w", err)
	}
	return &chosen{e, models}, nil
}

// fitsThresholdsOf reports whether thresholds of a number of models are fitted: if the plan wants them, and a budget has time for it.
func (a *answering) fitsThresholdsOf(models int, name string) bool {
	if !a.fitsThresholds() {
		return false
	}
	if a.limit > 0 && a.now().Add(a.choiceTime(models)).After(a.deadline(1)) {
		a.left.add("the thresholds of %s: not fitted, because the budget would not suffice", name)
		return false
	}
	return true
}

// lateFusions are sets of models whose late fusion may be the ensemble: all trained encoders, the encoders that were trained in full
// with the searched model, and the linear models. So the answer is not worse than these baselines where one cannot know it before.
func (a *answering) lateFusions() [][]*fitted {
	var encoders, full, linear []*fitted
	for _, f := range a.trials {
		if f.modality() != "" {
			encoders = append(encoders, f)
		}
	}
	for _, f := range a.further {
		switch {
		case f.kind == report.Linear:
			linear = append(linear, f.fitted)
		case f.kind == "" && f.further.modality != "":
			full = append(full, f.fitted)
		}
	}
	return [][]*fitted{encoders, append(full, a.searched), linear}
}

// testOf returns what an ensemble, which may be a single model, predicts of the test split.
func (a *answering) testOf(ctx context.Context, c *chosen) ([]float32, error) {
	if one := c.only(); one != nil {
		return a.testLogits(ctx, one.Outcome)
	}
	return a.sum(c, a.data.Len(dataset.Test), func(f *fitted) ([]float32, error) { return a.testLogits(ctx, f.Outcome) })
}

// sum combines the logits that an ensemble's members have for a number of rows.
func (a *answering) sum(c *chosen, rows int, logitsOf func(*fitted) ([]float32, error)) ([]float32, error) {
	t := a.data.Task()
	sum := combine.NewSum(t.Kind, len(t.Classes), rows, c.Mean)
	members := c.list()
	for i, m := range c.Parts() {
		logits, err := logitsOf(members[i])
		if err != nil {
			return nil, err
		}
		sum.Add(m, logits)
	}
	return sum.Logits(), nil
}

// validation returns what an ensemble, which may be a single model, predicts of the validation rows.
func (a *answering) validation(c *chosen) []float32 {
	if one := c.only(); one != nil {
		return one.logits
	}
	logits := make([][]float32, len(c.models))
	for _, i := range c.Members {
		logits[i] = c.models[i].logits
	}
	t := a.data.Task()
	return c.Logits(t.Kind, len(t.Classes), logits)
}

// final describes an ensemble, which may be a single model, and measures it on validation and test.
func (a *answering) final(ctx context.Context, name string, c *chosen) (*report.Final, error) {
	f := &report.Final{Name: name, Thresholds: c.Thresholds}
	one := c.only()
	switch {
	case one == nil:
		f.Members = members(c)
	case one.Best != nil:
		f.Note = fmt.Sprintf("stopped by the budget after epoch %d", len(one.Score.Curve))
	}
	var err error
	if f.Validation, err = a.rows.scored(ctx, a.metric, a.validation(c), c.Thresholds, c.Honest); err != nil {
		return nil, err
	}
	if err := a.cost(ctx, f, c.list(), true); err != nil {
		return nil, err
	}
	if a.data.Len(dataset.Test) == 0 {
		return f, nil
	}
	test, err := a.testOf(ctx, c)
	if err != nil {
		return nil, err
	}
	f.Test, err = a.testRows.scored(ctx, a.metric, test, c.Thresholds, math.NaN())
	return f, err
}

// write writes an ensemble to a file of the folder.
func (a *answering) write(ctx context.Context, file string, c *chosen, f *report.Final) error {
	return a.writeTo(ctx, filepath.Join(a.folder, file), c, f)
}

// writeTo writes an ensemble as a model file. One of a single model is written as that model.
func (a *answering) writeTo(ctx context.Context, path string, c *chosen, f *report.Final) error {
	d, err := a.description(a.name, map[string]map[string]float64{})
	if err != nil {
		return err
	}
	if d.Thresholds = c.Thresholds; d.Thresholds != nil {
		d.MetricsWithThresholds = map[string]map[string]float64{}
	}
	for split, s := range map[string]*report.Scored{"validation": f.Validation, "test": f.Test} {
		switch {
		case s == nil:
		case d.Thresholds == nil:
			d.Metrics[split] = finite(s.Metrics)
		default:
			d.Metrics[split], d.MetricsWithThresholds[split] = finite(s.MetricsWithoutThresholds), finite(s.Metrics)
		}
	}
	var all []nn.Weights
	for i, m := range c.Members {
		weights, err := a.weights(ctx, c.models[m].Outcome)
		if err != nil {
			return err
		}
		all = append(all, weights)
		spec := c.models[m].Job.Specification.Model
		if c.only() != nil {
			d.Model, d.Training = spec, c.models[m].Score.Key
			break
		}
		if d.Ensemble == nil {
			d.Ensemble = &model.Ensemble{Mean: c.Mean}
		}
		d.Ensemble.Members = append(d.Ensemble.Members, model.Member{Name: c.models[m].Job.Name, Model: spec, Member: c.Parts()[i], Training: c.models[m].Score.Key})
	}
	weights := all[0]
	if d.Ensemble != nil {
		weights = model.Join(all)
	}
	f.Path = path
	return writeFiles(path, &d, weights)
}

// finite returns the metrics that have a value.
func finite(all map[string]report.Number) map[string]float64 {
	metrics := map[string]float64{}
	for name, value := range all {
		if x := float64(value); !math.IsNaN(x) && !math.IsInf(x, 0) {
			metrics[name] = x
		}
	}
	return metrics
}

// Combine chooses an ensemble of at most the given size among all models of a finished search that are stored: its trials, the full
// training of its winner, and the trainings of a run that ended with an ensemble. It trains nothing but what was pruned, and writes
// the ensemble to a file, unless that is something else (ErrTaken, see [Search.CheckFile]). The answers have only the ensemble.
func (s *Search) Combine(ctx context.Context, r *Result, size int, path string) (*Answers, error) {
	if err := s.CheckFile(path); err != nil {
		return nil, err
	}
	winner, err := s.fullJob(s.config.Name, r.FullModel(), s.config.Train, "")
	if err != nil {
		return nil, err
	}
	list, err := s.further(r.Space, r.Choices, "", true, true)
	if err != nil {
		return nil, err
	}
	stored := s.stored()
	finished := func(job trial.Job) (*evaluate.Outcome, error) { // nil for none
		outcomes, err := stored.Score(ctx, job)
		if errors.Is(err, evaluate.ErrUntrained) || err == nil && outcomes[0].Score.Status != store.Finished {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return outcomes[0], nil
	}
	var full *Trained
	switch outcome, err := finished(winner); {
	case err != nil:
		return nil, err
	case outcome != nil: // as after its run, which then chooses the same ensemble
		full = &Trained{Outcome: outcome, Path: path}
	}
	a, err := s.answering(ctx, r, full)
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		outcome, err := finished(f.job)
		if err != nil {
			return nil, err
		}
		if outcome == nil {
			continue
		}
		if err := a.addFurther(ctx, f, outcome); err != nil {
			return nil, err
		}
	}
	c, err := a.ensemble(ctx, size)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("%s is undefined for every model: choose another metric", a.metric)
	}
	final, err := a.final(ctx, c.name(), c)
	if err != nil {
		return nil, err
	}
	out := &Answers{Ensemble: final, from: a, models: []candidate{{"ensemble", c, final}}}
	return out, a.writeTo(ctx, path, c, final)
}

// teacher returns what a model is distilled from: an ensemble's predictions of the training rows.
func (a *answering) teacher(c *chosen) Teacher {
	return Teacher{Name: several(c.Ensemble),
		Predictions: struct {
			Mean    combine.Mean    `json:"mean"`
			Members []report.Member `json:"members"`
		}{c.Mean, members(c)},
		Before: func(ctx context.Context) error {
			for _, f := range c.list() {
				if _, err := a.weights(ctx, f.Outcome); err != nil {
					return err
				}
			}
			return nil
		},
		Logits: func(ctx context.Context) ([]float32, error) {
			return a.sum(c, a.data.Len(dataset.Train), func(f *fitted) ([]float32, error) { return a.predict(ctx, f.Outcome, dataset.Train, nil) })
		}}
}

// within reports whether a score is at most a point worse than another.
func within(name string, score, best float64) bool {
	return !math.IsNaN(score) && (metric.Better(name, score, best) || math.Abs(score-best) <= choice.Point+1e-9) // but for rounding
}
