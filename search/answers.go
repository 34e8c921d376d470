package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"mixmas/nn/mixer"
	"mixmas/search/combine"
	"mixmas/search/cost"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/strategy"
)

// Answers are what a search, or a run, ends with besides the searched model.
type Answers struct {
	// Baselines are what the searched model is compared with.
	Baselines []report.Baseline
	// Searched is the searched model, and the others are those that there are. After a search alone there is only Searched, as it
	// was trained on the sample.
	Searched, Ensemble, Distilled, Cheapest *report.Final
	// Answer says which of them to use; nil after a search alone.
	Answer *report.Answer
	// LeftOut are sentences about what was left out, and why.
	LeftOut []string
}

// Describe adds the answers to a document. a may be nil.
func (a *Answers) Describe(d *report.Document) {
	if a == nil {
		return
	}
	d.Baselines, d.Searched, d.Ensemble, d.Distilled, d.Cheapest, d.Answer, d.LeftOut = a.Baselines, a.Searched, a.Ensemble, a.Distilled, a.Cheapest, a.Answer, a.LeftOut
	var known []string
	for _, f := range d.Files {
		known = append(known, f.Path)
	}
	for _, f := range []struct {
		name string
		*report.Final
	}{{"ensemble", a.Ensemble}, {"distilled", a.Distilled}, {"cheapest", a.Cheapest}} {
		if f.Final != nil && f.Path != "" && !slices.Contains(known, f.Path) {
			d.Files, known = append(d.Files, report.File{Name: f.name, Path: f.Path}), append(known, f.Path)
		}
	}
}

// answering makes the answers of a search.
type answering struct {
	*Search
	name, metric string
	space        *strategy.Space
	choices      strategy.Choices
	folder       string // "" after a search alone
	rows         rowsOf // of the validation split, as they score candidates
	testRows     rowsOf
	searched     *fitted
	trials       []*fitted // of the search
	further      []furtherFitted
	left         leftOut
	static       map[string]cost.Static // by the model's JSON
}

type furtherFitted struct {
	further
	*fitted
}

// Answers compares the result of a search with baselines, combines what was trained to an ensemble, and says which model to use.
// After a search alone t is nil, and nothing is written; otherwise t is the full training of the winner and the files are written
// to its folder. It returns nil if the plan wants none of it.
func (s *Search) Answers(ctx context.Context, r *Result, t *Trained) (*Answers, error) {
	if !s.more() {
		return nil, nil
	}
	a, err := s.answering(ctx, r, t)
	if err != nil {
		return nil, err
	}
	if err := a.train(ctx); err != nil {
		return nil, err
	}
	return a.answers(ctx, t)
}

func (s *Search) answering(ctx context.Context, r *Result, t *Trained) (a *answering, err error) {
	a = &answering{Search: s, name: s.config.Name, metric: s.config.Search.Metric, space: r.Space, choices: r.Choices, static: map[string]cost.Static{}}
	if a.rows, err = newRows(s.data, dataset.Validation, r.Space.Validation); err != nil {
		return nil, err
	}
	if a.testRows, err = newRows(s.data, dataset.Test, nil); err != nil {
		return nil, err
	}
	searched := r.Winner.First()
	if t != nil {
		a.folder, searched = filepath.Dir(t.Path), t.Outcome
	}
	if a.searched, err = s.fitted(ctx, a.rows, searched); err != nil {
		return nil, err
	}
	return a, a.addTrials(ctx, r)
}

// addTrials adds the finished trials of the search, each once, as many as memory allows: those with the best scores.
func (a *answering) addTrials(ctx context.Context, r *Result) error {
	seen := map[string]bool{a.searched.Score.Key: true}
	if a.folder == "" {
		a.trials = append(a.trials, a.searched)
	}
	var outcomes []*evaluate.Outcome
	for _, stage := range r.Stages {
		for _, o := range stage.Outcomes() {
			if o.Score.Status == store.Finished && o.Best == nil && !seen[o.Score.Key] {
				seen[o.Score.Key] = true
				outcomes = append(outcomes, o)
			}
		}
	}
	perModel := a.rows.labels.Len() * len(a.data.Task().Classes)
	if most := max(poolLimit/max(perModel, 1), 8); len(outcomes) > most {
		slices.SortStableFunc(outcomes, func(x, y *evaluate.Outcome) int {
			switch p, q := valueOf(a.metric, x), valueOf(a.metric, y); {
			case metric.Better(a.metric, p, q):
				return -1
			case metric.Better(a.metric, q, p):
				return 1
			}
			return 0
		})
		a.left.add("%d of %d trials, those with the lowest scores: their predictions of %d rows would take too much memory", len(outcomes)-most, len(outcomes), a.rows.labels.Len())
		outcomes = outcomes[:most]
	}
	for _, o := range outcomes {
		f, err := a.fitted(ctx, a.rows, o)
		if err != nil {
			return err
		}
		a.trials = append(a.trials, f)
	}
	return nil
}

// valueOf is the value of a metric; NaN if it is undefined.
func valueOf(name string, o *evaluate.Outcome) float64 {
	if v, defined := o.Score.Metrics[name]; defined {
		return v
	}
	return math.NaN()
}

// train trains what the answers need besides the search and the winner's full training.
func (a *answering) train(ctx context.Context) error {
	list, err := a.Search.further(a.space, a.choices, a.folder, a.config.Search.Baselines, a.ensembles() && a.config.Train.Ensemble.Full)
	if err != nil || len(list) == 0 {
		return err
	}
	a.observer.TrainingStarted(TrainingStarted{More: len(list)})
	outcomes, err := a.trainAll(ctx, list, &a.left)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if o == nil {
			continue
		}
		f, err := a.fitted(ctx, a.rows, o)
		if err != nil {
			return err
		}
		a.further = append(a.further, furtherFitted{list[i], f})
	}
	return nil
}

// all returns every model, each once: the searched one first, then those that were trained in full, then the trials.
func (a *answering) all() (list []*fitted) {
	seen := map[string]bool{}
	add := func(f *fitted) {
		if !seen[f.Score.Key] {
			seen[f.Score.Key] = true
			list = append(list, f)
		}
	}
	add(a.searched)
	for _, f := range a.further {
		add(f.fitted)
	}
	for _, f := range a.trials {
		add(f)
	}
	return list
}

// single returns a model as an ensemble of its own.
func (a *answering) single(ctx context.Context, f *fitted) (*chosen, error) {
	if math.IsNaN(f.score) {
		return &chosen{&combine.Ensemble{Mean: combine.LogProbabilities, Members: []int{0}, Weights: []float64{1}, Temperatures: []float64{1},
			Score: f.score, Honest: f.score}, []*fitted{f}}, nil
	}
	e, err := a.alone(ctx, a.rows, f)
	if err != nil {
		return nil, err
	}
	e.Temperatures = []float64{1} // as its file predicts
	return &chosen{e, []*fitted{f}}, nil
}

func (a *answering) answers(ctx context.Context, t *Trained) (out *Answers, err error) {
	out = &Answers{}
	if t == nil {
		out.Searched = &report.Final{Name: "searched, trained on the sample"}
		if out.Searched.Validation, err = a.rows.scored(ctx, a.metric, a.searched.logits, nil, math.NaN()); err != nil {
			return nil, err
		}
	} else if err := a.finals(ctx, t, out); err != nil {
		return nil, err
	}
	if a.config.Search.Baselines {
		for _, b := range a.baselines() {
			compared, err := a.compare(ctx, b)
			if err != nil {
				return nil, err
			}
			same := len(b.members) == 1 && b.members[0].Score.Key == a.searched.Score.Key
			compared.Beats = !same && !metric.Better(a.metric, float64(out.Searched.Validation.Score), float64(compared.Validation.Score))
			out.Baselines = append(out.Baselines, compared)
		}
	}
	out.LeftOut = a.left.texts
	return out, nil
}

// candidate is a model that may be the answer.
type candidate struct {
	field string // of the document
	*chosen
	*report.Final
}

// finals makes the models that a run ends with, and chooses the answer among them by what they are worth on validation rows that
// they were not chosen or fitted on.
func (a *answering) finals(ctx context.Context, t *Trained, out *Answers) error {
	searched, err := a.single(ctx, a.searched)
	if err != nil {
		return err
	}
	if out.Searched, err = a.final(ctx, "searched", searched); err != nil {
		return err
	}
	out.Searched.Path = t.Path
	candidates := []candidate{{"searched", searched, out.Searched}}
	if a.ensembles() {
		more, err := a.combined(ctx, out)
		if err != nil {
			return err
		}
		candidates = append(candidates, more...)
	}
	answer := candidates[0]
	for _, c := range candidates[1:] {
		if metric.Better(a.metric, c.Honest, answer.Honest) {
			answer = c
		}
	}
	out.Answer = &report.Answer{Model: answer.field, Path: answer.Path, Reason: a.reason(answer, candidates)}
	if err := a.cheapest(ctx, answer, candidates, out); err != nil {
		return err
	}
	return removeOthers(a.folder, out.Ensemble, out.Distilled, out.Cheapest)
}

// combined makes the ensemble, and the model that is distilled from it.
func (a *answering) combined(ctx context.Context, out *Answers) (list []candidate, err error) {
	c, err := a.ensemble(ctx, a.config.Train.Ensemble.Size)
	if c == nil || err != nil {
		return nil, err
	}
	if out.Ensemble, err = a.final(ctx, c.name(), c); err != nil {
		return nil, err
	}
	if err := a.write(ctx, ensembleFile, c, out.Ensemble); err != nil {
		return nil, err
	}
	list = append(list, candidate{"ensemble", c, out.Ensemble})
	if a.config.Train.Distill != "ensemble" {
		return list, nil
	}
	t, err := a.Distill(ctx, a.name, a.searched.Job.Specification.Model, a.config.Train, a.teacher(c), a.folder)
	if err != nil {
		return nil, err
	}
	f, err := a.fitted(ctx, a.rows, t.Outcome)
	if err != nil {
		return nil, err
	}
	one, err := a.single(ctx, f)
	if err != nil {
		return nil, err
	}
	if out.Distilled, err = a.final(ctx, "distilled", one); err != nil {
		return nil, err
	}
	out.Distilled.Path = t.Path
	return append(list, candidate{"distilled", one, out.Distilled}), nil
}

// reason says why a candidate is the answer.
func (a *answering) reason(answer candidate, candidates []candidate) string {
	if len(candidates) == 1 {
		return "there is no other"
	}
	text := fmt.Sprintf("%s %.4f on validation rows that it was not chosen on", a.metric, answer.Honest)
	if answer.field != "ensemble" {
		text = fmt.Sprintf("%s %.4f on validation", a.metric, answer.Honest)
	}
	for _, c := range candidates {
		if c.field != answer.field {
			text += fmt.Sprintf(", %s %.4f", c.field, c.Honest)
		}
	}
	return text
}

// cheapest finds the model with the fewest operations per prediction that is at most a point worse than the answer on validation.
func (a *answering) cheapest(ctx context.Context, answer candidate, candidates []candidate, out *Answers) error {
	best := answer
	flops := func(c candidate) int64 { return c.FLOPs }
	for _, c := range candidates {
		if within(a.metric, c.Honest, answer.Honest) && flops(c) < flops(best) {
			best = c
		}
	}
	var found *fitted
	least := flops(best)
	for _, f := range a.all() {
		if !within(a.metric, f.score, answer.Honest) {
			continue
		}
		static, err := a.staticOf(f.Job.Specification.Model)
		if err != nil {
			return err
		}
		if static.FLOPs < least || found != nil && static.FLOPs == least && metric.Better(a.metric, f.score, found.score) {
			found, least = f, static.FLOPs
		}
	}
	if found == nil {
		same := *best.Final
		out.Cheapest = &same
		return nil
	}
	c, err := a.single(ctx, found)
	if err != nil {
		return err
	}
	if out.Cheapest, err = a.final(ctx, found.Job.Name, c); err != nil {
		return err
	}
	return a.write(ctx, cheapestFile, c, out.Cheapest)
}

// removeOthers removes the models in a folder that this run does not have: an earlier run of the same search left them there.
func removeOthers(folder string, kept ...*report.Final) error {
	var errs []error
	for _, file := range modelFiles[1:] {
		path := filepath.Join(folder, file)
		if slices.ContainsFunc(kept, func(f *report.Final) bool { return f != nil && f.Path == path }) {
			continue
		}
		for _, p := range []string{path, descriptionOf(path)} {
			if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// cost sets what predictions of models together cost; their time too if it is wanted.
func (a *answering) cost(ctx context.Context, f *report.Final, models []*fitted, timed bool) error {
	for _, m := range models {
		spec := m.Job.Specification.Model
		static, err := a.staticOf(spec)
		if err != nil {
			return err
		}
		f.Params, f.FLOPs = f.Params+static.Parameters, f.FLOPs+static.FLOPs
		if !timed {
			continue
		}
		latency, err := a.meter.Measure(ctx, spec)
		if err != nil {
			return err
		}
		f.Latency += 1000 * latency.One.Seconds()
	}
	return nil
}

// staticOf is the cost of a model, which is computed once.
func (a *answering) staticOf(spec mixer.Specification) (cost.Static, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return cost.Static{}, err
	}
	static, known := a.static[string(text)]
	if !known {
		if static, err = cost.Of(spec); err != nil {
			return static, err
		}
		a.static[string(text)] = static
	}
	return static, nil
}
