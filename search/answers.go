package search

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"time"

	"mixmas/search/cost"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/trial"
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

	// models are the final ones, for [Search.Assess].
	from   *answering
	models []candidate
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
	all := s.data.Len(dataset.Validation)
	if r.Space.Validation != nil {
		all = len(r.Space.Validation)
	}
	rows := s.someValidation(r.Space.Validation)
	if len(rows) > 0 && len(rows) < all {
		a.left.add("models are compared and combined on %d of %d validation rows", len(rows), all)
	}
	if a.rows, err = newRows(s.data, dataset.Validation, rows); err != nil {
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
			return metric.Compare(a.metric, metric.Value(x.Score.Metrics, a.metric), metric.Value(y.Score.Metrics, a.metric))
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

// train trains what the answers need besides the search and the winner's full training.
func (a *answering) train(ctx context.Context) error {
	list, err := a.Search.further(a.space, a.choices, a.folder, a.config.Search.Baselines, a.ensembles() && a.config.Train.Ensemble.Full)
	if err != nil || len(list) == 0 {
		return err
	}
	a.observer.TrainingStarted(TrainingStarted{More: len(list)})
	outcomes, err := a.trainAll(ctx, list, a.trainingEnd(list), &a.left)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if o == nil {
			continue
		}
		if err := a.addFurther(ctx, list[i], o); err != nil {
			return err
		}
	}
	return nil
}

// addFurther adds the outcome of a further training.
func (a *answering) addFurther(ctx context.Context, f further, o *evaluate.Outcome) error {
	model, err := a.fitted(ctx, a.rows, o)
	if err == nil {
		a.further = append(a.further, furtherFitted{f, model})
	}
	return err
}

// choiceSeconds is about what choosing an ensemble without thresholds takes per number in the pool (models × rows × classes), on one
// core that does nothing else.
const choiceSeconds = 1e-5

// choiceTime is about what choosing an ensemble takes. With thresholds it takes as long per number as fitting those of the searched
// model took, on this machine and what else it does.
func (a *answering) choiceTime(models int) time.Duration {
	rate := math.Float64frombits(a.choosing.Load())
	if pace := a.timing.Load(); pace != nil {
		rate = max(rate, choiceSeconds*pace.Drift())
	}
	return duration(max(rate, choiceSeconds) * float64(models*a.rows.labels.Len()*len(a.data.Task().Classes)))
}

// trainingEnd is the deadline of further trainings under a budget: it leaves time to choose an ensemble, and to predict the test split
// with all models that are compared. It is not before that of the searched model's training.
func (a *answering) trainingEnd(list []further) time.Time {
	end, pace := a.deadline(moreEnd), a.timing.Load()
	if end.IsZero() || pace == nil {
		return end
	}
	seconds, models := 0.0, len(list)+1
	if a.ensembles() {
		models += len(a.trials)
		seconds += a.choiceTime(models).Seconds()
	}
	if a.folder != "" {
		jobs := []trial.Job{a.searched.Job}
		for _, f := range list {
			jobs = append(jobs, f.job)
		}
		for _, f := range a.trials {
			if f.modality() != "" {
				jobs = append(jobs, f.Job)
			}
		}
		for _, job := range jobs {
			seconds += pace.Prediction(job, a.data.Len(dataset.Test)) * pace.Drift()
		}
	}
	if needed := a.deadline(1).Add(-time.Duration(seconds * float64(time.Second))); needed.Before(end) {
		end = needed
	}
	if first := a.deadline(a.winnerShare()); end.Before(first) {
		end = first
	}
	return end
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
