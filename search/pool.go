package search

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"mixmas/search/choice"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/task"
)

// fitted is a trained model with its logits of the validation rows that score candidates.
type fitted struct {
	*evaluate.Outcome
	logits []float32
	// score is the search's metric on these rows; NaN if it is undefined.
	score float64
}

// modality returns that of an encoder with its classifier; empty for a whole model, also of data with a single modality.
func (f *fitted) modality() string {
	if m := f.Job.Specification.Model; m.Fusion == nil && m.Network == nil {
		return m.Modalities[0].Name
	}
	return ""
}

// rowsOf are rows of a split on which models are compared; nil means all.
type rowsOf struct {
	data   dataset.Dataset
	split  dataset.Split
	rows   []int
	labels *dataset.Samples
	groups []uint64
}

func newRows(data dataset.Dataset, split dataset.Split, rows []int) (rowsOf, error) {
	labels, err := dataset.Select(data, split, rows, nil)
	return rowsOf{data: data, split: split, rows: rows, labels: labels, groups: dataset.Groups(data, split, rows)}, err
}

// Bounds of what models are compared and combined on: rows, of which more hardly tell models apart better, and numbers (rows ×
// classes) per model.
const (
	mostRows    = 1 << 14
	mostNumbers = 1 << 22
)

// someValidation returns the validation rows on which models are compared and combined: the given ones (nil means all), or if these
// are too many, some of them at random.
func (s *Search) someValidation(rows []int) []int {
	most := max(min(mostRows, mostNumbers/len(s.data.Task().Classes)), 1)
	n := len(rows)
	if rows == nil {
		n = s.data.Len(dataset.Validation)
	}
	return s.some(rows, n, most)
}

// some returns at most so many of n rows, drawn at random, in order. rows nil means all.
func (s *Search) some(rows []int, n, most int) []int {
	if n <= most {
		return rows
	}
	some := rand.New(rand.NewPCG(s.config.Seed, 0)).Perm(n)[:most]
	slices.Sort(some)
	for i, at := range some {
		if rows != nil {
			some[i] = rows[at]
		}
	}
	return some
}

// outputs are logits of these rows with their labels.
func (r rowsOf) outputs(logits []float32, thresholds []float64) metric.Outputs {
	t := r.data.Task()
	return metric.Outputs{Logits: logits, Rows: r.labels.Len(), Classes: len(t.Classes), Kind: t.Kind, Label: r.labels.Label, Thresholds: thresholds}
}

// pool holds outputs of models for these rows, the names of which are for errors.
func (r rowsOf) pool(models []*fitted) combine.Pool {
	t := r.data.Task()
	p := combine.Pool{Kind: t.Kind, Classes: len(t.Classes), Rows: r.labels.Len(), Label: r.labels.Label, Groups: r.groups}
	for _, f := range models {
		p.Logits, p.Names = append(p.Logits, f.logits), append(p.Names, f.Job.Name)
	}
	return p
}

// draws is the number of bootstrap samples of an interval.
const draws = 200

// scored measures logits of these rows. honest, if it is not NaN, takes the place of the metric's value, which then is
// optimistic: what made the logits was fitted to these rows.
func (r rowsOf) scored(ctx context.Context, name string, logits []float32, thresholds []float64, honest float64) (*report.Scored, error) {
	o := r.outputs(logits, thresholds)
	metrics, err := metric.Evaluate(ctx, o)
	if err != nil {
		return nil, err
	}
	score := metric.Value(metrics, name)
	s := &report.Scored{Score: report.Number(score), Metrics: report.Metrics(metrics)}
	if thresholds != nil {
		without, err := metric.Evaluate(ctx, r.outputs(logits, nil))
		if err != nil {
			return nil, err
		}
		s.MetricsWithoutThresholds = report.Metrics(without)
	}
	shift := 0.0
	if !math.IsNaN(honest) {
		shift = honest - score
		s.Score = report.Number(honest)
	}
	low, high, err := r.interval(ctx, name, o, float64(s.Score), shift)
	s.Low, s.High = report.Number(low), report.Number(high)
	return s, err
}

// interval is the 95% confidence interval of a score: Wilson's of a share of rows, otherwise that of bootstrap samples of the rows
// or of their groups, shifted.
func (r rowsOf) interval(ctx context.Context, name string, o metric.Outputs, score, shift float64) (low, high float64, err error) {
	if math.IsNaN(score) {
		return score, score, nil
	}
	if name == "accuracy" && r.groups == nil {
		low, high = choice.Wilson(score, o.Rows)
		return low, high, nil
	}
	values, err := metric.Bootstrap(ctx, name, []metric.Outputs{o}, r.groups, draws, 0)
	if err != nil {
		return 0, 0, err
	}
	low, high = middle(values[0])
	low, high = min(low+shift, score), max(high+shift, score) // min and max keep NaN
	if metric.IsShare(name) {
		low, high = max(low, 0), min(high, 1)
	}
	return low, high, nil
}

// gain is by how much one value of a metric is better than another.
func gain(name string, value, other float64) float64 {
	if metric.LowerIsBetter(name) {
		return other - value
	}
	return value - other
}

// gains are by how much outputs are better than others in bootstrap samples of the rows or of their groups; NaN where the metric is
// undefined.
func (r rowsOf) gains(ctx context.Context, name string, outputs, others metric.Outputs) ([]float64, error) {
	values, err := metric.Bootstrap(ctx, name, []metric.Outputs{outputs, others}, r.groups, draws, 0)
	if err != nil {
		return nil, err
	}
	list := make([]float64, draws)
	for i := range list {
		list[i] = gain(name, values[0][i], values[1][i])
	}
	return list, nil
}

// middle returns the ends of the middle 95% of values, without those that are NaN; NaN if there are no others. It sorts the values.
func middle(values []float64) (low, high float64) {
	values = slices.DeleteFunc(values, math.IsNaN)
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	slices.Sort(values)
	at := func(p float64) float64 { return values[int(math.Round(p*float64(len(values)-1)))] }
	return at(0.025), at(0.975)
}

// fitted returns an outcome with its logits of the rows, which are among those that scored it.
func (s *Search) fitted(ctx context.Context, r rowsOf, o *evaluate.Outcome) (*fitted, error) {
	logits, err := s.validationLogits(ctx, o)
	if err != nil {
		return nil, err
	}
	if r.rows != nil {
		places := r.rows
		if own := o.Job.Validation; own != nil {
			if places, err = placesOf(r.rows, own); err != nil {
				return nil, fmt.Errorf("%s: %w", o.Job.Name, err)
			}
		}
		logits = combine.Rows(logits, len(s.data.Task().Classes), places)
	}
	metrics, err := metric.Evaluate(ctx, r.outputs(logits, nil))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Job.Name, err)
	}
	return &fitted{Outcome: o, logits: logits, score: metric.Value(metrics, s.config.Search.Metric)}, nil
}

// placesOf returns where rows are among others.
func placesOf(rows, among []int) ([]int, error) {
	place := make(map[int]int, len(among))
	for i, row := range among {
		place[row] = i
	}
	places := make([]int, len(rows))
	for i, row := range rows {
		at, has := place[row]
		if !has {
			return nil, fmt.Errorf("it was not scored on validation row %d", row)
		}
		places[i] = at
	}
	return places, nil
}

// alone returns what combine makes of a single model: its thresholds, if the plan wants them fitted and they help, and its honest
// score.
func (s *Search) alone(ctx context.Context, r rowsOf, f *fitted) (*combine.Ensemble, error) {
	if s.limit > 0 && s.fitsThresholds() {
		defer s.chose(s.now(), len(f.logits))
	}
	e, err := s.choose(ctx, r, []*fitted{f}, combine.Options{Size: 1, Bags: 1, Thresholds: s.fitsThresholds()})
	if err == nil && e.Thresholds == nil {
		e.Honest = f.score // nothing was fitted
	}
	return e, err
}

// chose notes how long fitting thresholds to outputs took.
func (s *Search) chose(began time.Time, numbers int) {
	s.choosing.Store(math.Float64bits(s.now().Sub(began).Seconds() / float64(max(numbers, 1))))
}

// choose chooses an ensemble of models, with thresholds if they are wanted and help on rows that they were not fitted to.
func (s *Search) choose(ctx context.Context, r rowsOf, models []*fitted, o combine.Options) (*combine.Ensemble, error) {
	o.Seed = s.config.Seed
	return combine.Choose(ctx, r.pool(models), s.config.Search.Metric, o)
}

// fitsThresholds reports whether the plan wants thresholds that are fitted.
func (s *Search) fitsThresholds() bool { return s.config.Train.Thresholds == "fitted" }

// fitThresholds fits the thresholds of a full training's model, if the plan wants them and they help.
func (s *Search) fitThresholds(ctx context.Context, t *Trained) error {
	if !s.fitsThresholds() {
		return nil
	}
	t.rows = s.someValidation(t.Job.Validation)
	r, err := newRows(s.data, dataset.Validation, t.rows)
	if err != nil {
		return err
	}
	f, err := s.fitted(ctx, r, t.Outcome)
	if err != nil || math.IsNaN(f.score) {
		return err
	}
	if t.alone, err = s.alone(ctx, r, f); err == nil {
		t.Thresholds = t.alone.Thresholds
	}
	return err
}

// measureThresholds measures a full training's model with its thresholds, on the rows of its other metrics.
func (s *Search) measureThresholds(ctx context.Context, t *Trained) error {
	if t.Thresholds == nil {
		return nil
	}
	t.WithThresholds = map[string]map[string]float64{}
	measure := func(split dataset.Split, rows []int, logitsOf func(context.Context, *evaluate.Outcome) ([]float32, error)) error {
		r, err := newRows(s.data, split, rows)
		if err != nil {
			return err
		}
		logits, err := logitsOf(ctx, t.Outcome)
		if err != nil {
			return err
		}
		t.WithThresholds[split.String()], err = metric.Evaluate(ctx, r.outputs(logits, t.Thresholds))
		return err
	}
	err := measure(dataset.Validation, t.Job.Validation, s.validationLogits)
	if err == nil && t.Test != nil {
		err = measure(dataset.Test, nil, s.testLogits)
	}
	return err
}

// mostFrequent returns the logits of the classes' frequencies among the training rows.
func mostFrequent(ctx context.Context, data dataset.Dataset) (logits []float32, err error) {
	counts, err := dataset.CountClasses(ctx, data, dataset.Train)
	if err != nil {
		return nil, err
	}
	for _, count := range counts {
		p := (float64(count) + 0.5) / float64(data.Len(dataset.Train)+1)
		z := math.Log(p)
		if data.Task().Kind == task.MultiLabel {
			z -= math.Log1p(-p)
		}
		logits = append(logits, float32(z))
	}
	return logits, nil
}
