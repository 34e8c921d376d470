package metric

import (
	"context"
	"fmt"
	"math"

	"mixmas/search/packed"
	"mixmas/search/task"
)

// Scorer computes one metric of many outputs for the same rows: it reads the labels once, and computes only what the metric
// reads.
type Scorer struct {
	metric        Metric
	rows, classes int
	kind          task.Kind
	truth         packed.List
	width         int // elements per label
}

// NewScorer returns the scorer of the named metric for the rows of o, whose logits and thresholds are not read. The metric must
// be defined for the kind of labels, see [Check].
func NewScorer(ctx context.Context, name string, o Outputs) (*Scorer, error) {
	if err := Check(name, o.Kind); err != nil {
		return nil, err
	}
	if o.Rows < 1 || o.Classes < 1 {
		return nil, fmt.Errorf("metric: %d rows and %d classes: nothing to evaluate", o.Rows, o.Classes)
	}
	e, err := newEvaluation(ctx, o)
	if err != nil {
		return nil, err
	}
	m, _ := metrics.Get(name)
	return &Scorer{m, o.Rows, o.Classes, o.Kind, e.truth, task.Width(o.Kind, o.Classes)}, nil
}

// By returns the scorer of another metric for the same rows. It panics on an unknown name.
func (s *Scorer) By(name string) *Scorer {
	other := *s
	m, err := metrics.Lookup(name)
	if err != nil {
		panic("metric: " + err.Error())
	}
	other.metric = m
	return &other
}

// Rows returns the number of rows.
func (s *Scorer) Rows() int { return s.rows }

// Of returns the scorer of some of the rows, in their order.
func (s *Scorer) Of(rows []int) *Scorer {
	some := *s
	some.rows = len(rows)
	some.truth = packed.New(len(rows)*s.width, task.Largest(s.kind, s.classes))
	for i, row := range rows {
		for k := range s.width {
			some.truth.Set(i*s.width+k, s.truth.At(row*s.width+k))
		}
	}
	return &some
}

// Truth reports whether the row has the class.
func (s *Scorer) Truth(row, class int) bool {
	if s.kind == task.MultiLabel {
		return s.truth.At(row*s.width+class) == 1
	}
	return s.truth.At(row) == uint32(class)
}

// Metric returns the metric.
func (s *Scorer) Metric() Metric { return s.metric }

// Better reports whether a is a strictly better value than b; NaN is worse than every number.
func (s *Scorer) Better(a, b float64) bool { return Better(s.metric.Name, a, b) }

// Score returns the metric of logits (rows × classes, finite) with thresholds (one per class, or nil), and NaN where it is
// undefined. The value is that of [Evaluate].
func (s *Scorer) Score(ctx context.Context, logits []float32, thresholds []float64) (float64, error) {
	if s.rows == 0 {
		return math.NaN(), nil
	}
	e, err := s.evaluation(ctx, logits, thresholds)
	if err != nil {
		return 0, err
	}
	return s.value(e), nil
}

func (s *Scorer) value(e *Evaluation) float64 {
	v, defined := s.metric.Value(e)
	if !defined || math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// evaluation computes what the metric reads.
func (s *Scorer) evaluation(ctx context.Context, logits []float32, thresholds []float64) (*Evaluation, error) {
	if len(logits) != s.rows*s.classes || len(thresholds) != 0 && len(thresholds) != s.classes {
		return nil, fmt.Errorf("metric: %d logits and %d thresholds, want %d rows × %d classes", len(logits), len(thresholds), s.rows, s.classes)
	}
	e := &Evaluation{Rows: s.rows, Classes: s.classes, Kind: s.kind, truth: s.truth, logits: logits, thresholds: thresholds}
	if s.kind == task.OneLabel {
		e.predicted = make([]uint32, s.rows)
	}
	reads := s.metric.Reads
	var err error
	switch {
	case reads == Predictions && s.kind == task.OneLabel:
		for row := range e.predicted {
			if len(thresholds) > 0 {
				e.predicted[row] = e.decide(row)
			} else {
				e.predicted[row] = Largest(logits[row*s.classes:][:s.classes])
			}
		}
	case s.kind == task.OneLabel:
		err = e.softmax(ctx)
	case reads == LossOnly || reads == Everything:
		err = e.binaryCrossEntropy(ctx)
	}
	if err != nil || reads == LossOnly {
		return e, err
	}
	if err := e.count(ctx); err != nil {
		return nil, err
	}
	if reads == Ranks || reads == Everything {
		err = e.rank(ctx)
	}
	return e, err
}

// RowsRight says which rows are predicted completely right: the rows whose share is the accuracy.
func RowsRight(ctx context.Context, o Outputs) (packed.Bits, error) {
	s, err := NewScorer(ctx, "accuracy", o)
	if err != nil {
		return nil, err
	}
	e, err := s.evaluation(ctx, o.Logits, o.Thresholds)
	if err != nil {
		return nil, err
	}
	right := packed.NewBits(o.Rows)
	var cells []cell
	for row := range o.Rows {
		if cells = e.cells(row, cells[:0]); completelyRight(cells) {
			right.Set(row)
		}
	}
	return right, nil
}
