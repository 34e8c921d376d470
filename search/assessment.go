package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/assess"
	"mixmas/search/combine"
	"mixmas/search/cost"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/trial"
)

// Assess says what the figures of the final models leave open: where they are wrong, how sure they are, and what each modality is
// worth; and what the data are. It assesses the models of answers, otherwise that of t; there are none after a search alone. r is nil
// after a training without a search. warnings are those about the data. All is measured on the test split, or on validation rows if
// there is none; of very large splits on some rows. Predictions of the test split come from the store.
func (s *Search) Assess(ctx context.Context, r *Result, t *Trained, answers *Answers, warnings []string) (*assess.Assessment, error) {
	out := &assess.Assessment{Version: assess.Version, Metric: s.config.Search.Metric, Models: []assess.Model{}}
	a, err := s.assessed(ctx, t, answers)
	if err != nil {
		return nil, err
	}
	if len(a.models) > 0 {
		if err := a.assess(ctx, out); err != nil {
			return nil, fmt.Errorf("assessing the models: %w", err)
		}
	}
	if err := out.Describe(ctx, s.data, s.config.Data.Format, warnings); err != nil {
		return nil, fmt.Errorf("describing the data: %w", err)
	}
	out.Untested = slices.Concat(s.untried(r), a.left.texts)
	if out.Untested == nil {
		out.Untested = []string{}
	}
	return out, nil
}

// assessing assesses final models.
type assessing struct {
	*answering
	models []candidate
	split  dataset.Split
	rows   rowsOf  // that are assessed
	few    rowsOf  // on which modalities are left out
	places []int   // of few among rows
	left   leftOut // hides that of answering
}

// assessed returns the models to assess, and the rows on which they are.
func (s *Search) assessed(ctx context.Context, t *Trained, answers *Answers) (a *assessing, err error) {
	a = &assessing{}
	if answers != nil && len(answers.models) > 0 {
		a.answering, a.models = answers.from, answers.models
	} else if a.answering = (&answering{Search: s, metric: s.config.Search.Metric, static: map[string]cost.Static{}}); t != nil {
		if a.answering.rows, err = newRows(s.data, dataset.Validation, s.someValidation(t.Job.Validation)); err != nil {
			return nil, err
		}
		f, err := s.fitted(ctx, a.answering.rows, t.Outcome)
		if err != nil {
			return nil, err
		}
		c := asItIs(f)
		c.Thresholds = t.Thresholds
		a.models = []candidate{{"searched", c, &report.Final{Name: t.Job.Label, Path: t.Path, Thresholds: t.Thresholds}}}
	}
	if len(a.models) == 0 {
		a.left.add("no model was trained in full, so none is assessed")
		return a, nil
	}
	if a.split = dataset.Test; s.data.Len(dataset.Test) == 0 {
		a.split, a.rows = dataset.Validation, a.answering.rows
		a.left.add("there is no test split: the models are assessed on validation rows, which chose them, so the figures are too good")
		return a, nil
	}
	all := s.data.Len(dataset.Test)
	rows := s.some(nil, all, assess.Rows(all, len(s.data.Task().Classes)))
	if rows != nil {
		a.left.add("the figures of the models are those of %d of %d test rows, drawn at random", len(rows), all)
	}
	a.rows, err = newRows(s.data, dataset.Test, rows)
	return a, err
}

// assess assesses the models.
func (a *assessing) assess(ctx context.Context, out *assess.Assessment) error {
	names := a.data.Task().Classes
	logits := make([][]float32, len(a.models))
	for i, c := range a.models {
		if same := a.sameAs(i); same != "" {
			nan := report.Number(math.NaN())
			out.Models = append(out.Models, assess.Model{Field: c.field, Name: assess.Name(c.Name), Path: c.Path, Reads: a.reads(c), Same: same, Score: nan, Low: nan, High: nan})
			continue
		}
		var err error
		if logits[i], err = a.logits(ctx, c.chosen); err != nil {
			return err
		}
		m, err := assess.Figures(ctx, names, a.rows.outputs(logits[i], c.Final.Thresholds))
		if err != nil {
			return err
		}
		scored, err := a.rows.scored(ctx, a.metric, logits[i], c.Final.Thresholds, math.NaN())
		if err != nil {
			return err
		}
		m.Score, m.Low, m.High = scored.Score, scored.Low, scored.High
		m.Field, m.Name, m.Path, m.Reads, m.Split, m.Of = c.field, assess.Name(c.Name), c.Path, a.reads(c), a.split.String(), a.data.Len(a.split)
		if a.rows.rows != nil {
			for k := range m.Mistakes {
				m.Mistakes[k].Row = a.rows.rows[m.Mistakes[k].Row]
			}
		}
		out.Models = append(out.Models, *m)
	}
	return a.without(ctx, out.Models, logits)
}

// sameAs returns the field of an earlier model that a model is; "" for none.
func (a *assessing) sameAs(i int) string {
	c := a.models[i]
	for _, other := range a.models[:i] {
		one := c.only()
		if c.chosen == other.chosen || one != nil && one == other.only() && slices.Equal(c.Final.Thresholds, other.Final.Thresholds) {
			return other.field
		}
	}
	return ""
}

// logits returns what a model predicts of the assessed rows.
func (a *assessing) logits(ctx context.Context, c *chosen) ([]float32, error) {
	if a.split == dataset.Validation {
		return a.validation(c), nil
	}
	logits, err := a.testOf(ctx, c)
	if err == nil && a.rows.rows != nil {
		logits = combine.Rows(logits, len(a.data.Task().Classes), a.rows.rows)
	}
	return logits, err
}

// Bounds of the predictions without a modality: rows, and operations of all of them together.
const (
	mostWithoutRows  = 1 << 12
	mostWithoutFLOPs = 2e11
)

// without measures what each modality is worth to each model.
func (a *assessing) without(ctx context.Context, models []assess.Model, logits [][]float32) error {
	modalities := a.data.Modalities()
	if len(modalities) < 2 {
		return nil
	}
	if a.overdue(1) {
		a.left.add("what each modality is worth: not measured, because the budget is used up")
		return nil
	}
	members, err := a.drawFew()
	if err != nil {
		return err
	}
	predicted, err := a.predictWithout(ctx, members)
	if errors.Is(err, device.ErrOutOfMemory) {
		a.left.add("what each modality is worth: not measured: %v", err)
		return nil
	}
	if err != nil {
		return err
	}
	classes := len(a.data.Task().Classes)
	for i, c := range a.models {
		if models[i].Same != "" {
			continue
		}
		with := logits[i]
		if a.places != nil {
			with = combine.Rows(with, classes, a.places)
		}
		for _, m := range modalities {
			lacking := with
			if slices.ContainsFunc(c.list(), func(f *fitted) bool { return reads(f, m.Name) }) {
				if lacking, err = a.combinedWithout(ctx, c.chosen, m.Name, predicted); err != nil {
					return err
				}
			}
			w, err := a.worth(ctx, with, lacking, c.Final.Thresholds)
			if err != nil {
				return err
			}
			w.Modality, w.Trained = assess.Name(m.Name), !slices.ContainsFunc(c.list(), func(f *fitted) bool { return needs(f, m.Name) })
			models[i].Without = append(models[i].Without, w)
		}
	}
	return nil
}

// reads are the modalities that a model, which may be an ensemble, reads.
func (a *assessing) reads(c candidate) []string {
	names := []string{}
	for _, m := range a.data.Modalities() {
		if slices.ContainsFunc(c.list(), func(f *fitted) bool { return reads(f, m.Name) }) {
			names = append(names, assess.Name(m.Name))
		}
	}
	return names
}

// reads reports whether a model reads a modality.
func reads(f *fitted, modality string) bool {
	return slices.ContainsFunc(f.Job.Specification.Model.Modalities, func(m mixer.Modality) bool { return m.Name == modality })
}

// needs reports whether a model reads a modality and was not trained to do without it. A map or table is masked if rows of the data
// lack it; a sequence or text is so too if they are shorter.
func needs(f *fitted, modality string) bool {
	return slices.ContainsFunc(f.Job.Specification.Model.Modalities, func(m mixer.Modality) bool {
		return m.Name == modality && !m.Optional && !(m.Masked && m.Kind.Steps(m.Shape) == 1)
	})
}

// drawFew chooses the rows on which modalities are left out, and returns the models that predict them, each once.
func (a *assessing) drawFew() (members []*fitted, err error) {
	seen, work := map[string]bool{}, 0.0
	for _, c := range a.models {
		for _, f := range c.list() {
			if seen[f.Score.Key] {
				continue
			}
			seen[f.Score.Key] = true
			members = append(members, f)
			static, err := a.staticOf(f.Job.Specification.Model)
			if err != nil {
				return nil, err
			}
			work += float64(static.FLOPs) * float64(len(f.Job.Specification.Model.Modalities))
		}
	}
	n := a.rows.labels.Len()
	const least = 64 // rows
	most := min(mostWithoutRows, max(least, int(mostWithoutFLOPs/max(work, 1))))
	a.few = a.rows
	if a.places = a.some(nil, n, most); a.places == nil {
		return members, nil
	}
	rows := a.places
	if a.rows.rows != nil {
		rows = make([]int, len(a.places))
		for i, at := range a.places {
			rows[i] = a.rows.rows[at]
		}
	}
	a.left.add("what each modality is worth was measured on %d of %d %s rows", len(rows), a.data.Len(a.split), a.split)
	a.few, err = newRows(a.data, a.split, rows)
	return members, err
}

// lack is a model without a modality.
type lack struct{ key, modality string }

// predictWithout predicts the few rows with each model without each of the modalities that it reads.
func (a *assessing) predictWithout(ctx context.Context, members []*fitted) (map[lack][]float32, error) {
	type prediction struct {
		lack
		*fitted
	}
	var list []prediction
	for _, f := range members {
		for _, m := range f.Job.Specification.Model.Modalities {
			list = append(list, prediction{lack{f.Score.Key, m.Name}, f})
		}
	}
	logits := make([][]float32, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(a.options.Workers, 1))
	for i, p := range list {
		group.Go(func() (err error) {
			logits[i], err = a.withoutOne(ctx, p.fitted, p.lack.modality)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	predicted := make(map[lack][]float32, len(list))
	for i, p := range list {
		predicted[p.lack] = logits[i]
	}
	return predicted, nil
}

// withoutOne returns a model's logits of the few rows without a modality.
func (a *assessing) withoutOne(ctx context.Context, f *fitted, modality string) ([]float32, error) {
	weights, err := a.weights(ctx, f.Outcome)
	if err != nil {
		return nil, err
	}
	network, err := mixer.Build(f.Job.Specification.Model)
	if err != nil {
		return nil, err
	}
	inputs := trial.Inputs(network)
	samples, err := dataset.Select(a.data, a.split, a.few.rows, inputs)
	if err != nil {
		return nil, err
	}
	l := &lacking{Samples: samples}
	for _, name := range inputs {
		l.lacks = append(l.lacks, name == modality || name == modality+".mask")
	}
	return a.runner.Predict(ctx, network, f.Job.Specification.Recipe.Batch, weights, l)
}

// lacking are samples that lack some inputs: these are zeros, which are the mean after standardisation, and a length of 0.
type lacking struct {
	*dataset.Samples
	lacks []bool
}

// Read implements [nn.Samples].
func (l *lacking) Read(row, input int, dst []float32) error {
	if l.lacks[input] {
		clear(dst)
		return nil
	}
	return l.Samples.Read(row, input, dst)
}

// combinedWithout returns what a model, which may be an ensemble, predicts of the few rows without a modality.
func (a *assessing) combinedWithout(ctx context.Context, c *chosen, modality string, predicted map[lack][]float32) ([]float32, error) {
	one := func(f *fitted) ([]float32, error) {
		if reads(f, modality) {
			return predicted[lack{f.Score.Key, modality}], nil
		}
		logits, err := a.logits(ctx, asItIs(f))
		if err == nil && a.places != nil {
			logits = combine.Rows(logits, len(a.data.Task().Classes), a.places)
		}
		return logits, err
	}
	if f := c.only(); f != nil {
		return one(f)
	}
	return a.sum(c, a.few.labels.Len(), one)
}

// worth compares what a model scores with and without a modality.
func (a *assessing) worth(ctx context.Context, with, without []float32, thresholds []float64) (w assess.Without, err error) {
	runs := [2]metric.Outputs{a.few.outputs(with, thresholds), a.few.outputs(without, thresholds)}
	w.Rows = runs[0].Rows
	scorer, err := metric.NewScorer(ctx, a.metric, runs[0])
	if err != nil {
		return w, err
	}
	var score [2]float64
	for i, o := range runs {
		if score[i], err = scorer.Score(ctx, o.Logits, thresholds); err != nil {
			return w, err
		}
	}
	low, high, err := a.few.interval(ctx, a.metric, runs[1], score[1], 0)
	if err != nil {
		return w, err
	}
	w.With, w.Score, w.Low, w.High = report.Number(score[0]), report.Number(score[1]), report.Number(low), report.Number(high)
	worth := gain(a.metric, score[0], score[1])
	differences, err := a.few.gains(ctx, a.metric, runs[0], runs[1])
	if err != nil {
		return w, err
	}
	low, high = middle(differences)
	low, high = min(low, worth), max(high, worth) // NaN if one of the two is
	w.Worth, w.WorthLow, w.WorthHigh = report.Number(worth), report.Number(low), report.Number(high)
	return w, nil
}
