package metric

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"mixmas/search/packed"
	"mixmas/search/task"
)

// Outputs are the outputs of a classifier for the rows of a split, and the true labels.
type Outputs struct {
	// Logits are the classifier's outputs before softmax or sigmoid, Rows×Classes, row-major.
	Logits        []float32
	Rows, Classes int
	Kind          task.Kind
	// Label writes a row's label, in the form that Kind gives it.
	Label func(row int, dst []float32) error
	// Thresholds are subtracted from the logits before a class is predicted, one per class: the predicted class is the first
	// of the largest difference, and a label is predicted when its logit is above its threshold. Nil means zeros. They change
	// neither loss nor AUROC.
	Thresholds []float64
}

// Listed returns a function for Outputs.Label that takes the labels from a list, row by row.
func Listed(labels []float32) func(row int, dst []float32) error {
	return func(row int, dst []float32) error {
		if (row+1)*len(dst) > len(labels) {
			return fmt.Errorf("metric: row %d has no label: there are %d labels", row, len(labels)/len(dst))
		}
		copy(dst, labels[row*len(dst):])
		return nil
	}
}

// Evaluate computes every metric that is defined for the outputs, keyed by name. The predicted class is the first of the
// largest logit; a label is predicted when its logit is above 0, i.e. its probability above 0.5. The loss is the mean
// cross-entropy, or the mean binary cross-entropy over all rows and labels. Lengths that do not fit, labels out of
// range and logits that are not finite are errors that name the row. It returns soon after ctx is done, with ctx's error.
//
// It takes memory for a few numbers per row and per class, and for multi-label data one bit for each of Rows×Classes.
func Evaluate(ctx context.Context, o Outputs) (map[string]float64, error) {
	e, err := crossEntropy(ctx, o)
	if err != nil {
		return nil, err
	}
	return e.metrics(ctx)
}

// Evaluated returns what [Evaluate] computes the metrics from.
func Evaluated(ctx context.Context, o Outputs) (*Evaluation, error) {
	e, err := crossEntropy(ctx, o)
	if err != nil {
		return nil, err
	}
	return e, e.complete(ctx)
}

// Loss computes the loss as [Evaluate] does, without the other metrics.
func Loss(ctx context.Context, o Outputs) (float64, error) {
	e, err := crossEntropy(ctx, o)
	if err != nil {
		return 0, err
	}
	return e.Loss, nil
}

// crossEntropy checks the outputs and computes their loss.
func crossEntropy(ctx context.Context, o Outputs) (*Evaluation, error) {
	if err := checkScores("logits", o.Logits, o.Rows, o.Classes); err != nil {
		return nil, err
	}
	e, err := newEvaluation(ctx, o)
	if err != nil {
		return nil, err
	}
	if e.thresholds = o.Thresholds; len(e.thresholds) != 0 && len(e.thresholds) != o.Classes {
		return nil, fmt.Errorf("metric: %d thresholds for %d classes", len(e.thresholds), o.Classes)
	}
	e.logits = o.Logits
	if o.Kind == task.MultiLabel {
		return e, e.binaryCrossEntropy(ctx)
	}
	return e, e.softmax(ctx)
}

// EvaluateProbabilities is like [Evaluate], but from probabilities (Rows×Classes, each in [0, 1]; o.Logits and o.Thresholds are not read): the
// predicted class is the first of the largest, and a label is predicted when its probability is above 0.5. The loss is absent
// if a right answer has probability 0.
func EvaluateProbabilities(ctx context.Context, probabilities []float64, o Outputs) (map[string]float64, error) {
	if err := checkScores("probabilities", probabilities, o.Rows, o.Classes); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(probabilities, func(p float64) bool { return p < 0 || p > 1 }); i >= 0 {
		return nil, fmt.Errorf("metric: row %d, class %d: probability %v is not in [0, 1]", i/o.Classes, i%o.Classes, probabilities[i])
	}
	e, err := newEvaluation(ctx, o)
	if err != nil {
		return nil, err
	}
	e.probabilities = probabilities
	for row := range o.Rows {
		if err := interrupted(ctx, row); err != nil {
			return nil, err
		}
		p := probabilities[row*o.Classes:][:o.Classes]
		if o.Kind == task.OneLabel {
			e.Loss -= math.Log(p[e.truth.At(row)])
			e.predicted[row] = Largest(p)
			continue
		}
		for class := range p {
			if e.Truth(row, class) {
				e.Loss -= math.Log(p[class])
			} else {
				e.Loss -= math.Log1p(-p[class])
			}
		}
	}
	e.Loss /= float64(e.truth.Len())
	return e.metrics(ctx)
}

// heard is the number of rows between two checks for an interruption.
const heard = 64

func interrupted(ctx context.Context, row int) error {
	if row%heard != 0 {
		return nil
	}
	return ctx.Err()
}

func checkScores[F float32 | float64](what string, scores []F, rows, classes int) error {
	if rows < 1 || classes < 1 {
		return fmt.Errorf("metric: %d rows and %d classes: nothing to evaluate", rows, classes)
	}
	if len(scores)%classes != 0 || len(scores)/classes != rows {
		return fmt.Errorf("metric: %d %s, want %d rows × %d classes", len(scores), what, rows, classes)
	}
	for i, v := range scores {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("metric: row %d, class %d: %s contain %v", i/classes, i%classes, what, v)
		}
	}
	return nil
}

// newEvaluation reads and checks the labels.
func newEvaluation(ctx context.Context, o Outputs) (*Evaluation, error) {
	e := &Evaluation{Rows: o.Rows, Classes: o.Classes, Kind: o.Kind}
	switch o.Kind {
	case task.OneLabel:
		e.predicted = make([]uint32, o.Rows)
	case task.MultiLabel:
	default: // the code below, and all methods of an evaluation, expect classes
		return nil, fmt.Errorf("metric: %w", o.Kind.Unknown())
	}
	label := make([]float32, task.Width(o.Kind, o.Classes))
	e.truth = packed.New(o.Rows*len(label), task.Largest(o.Kind, o.Classes))
	for row := range o.Rows {
		if err := interrupted(ctx, row); err != nil {
			return nil, err
		}
		if err := o.Label(row, label); err != nil {
			return nil, err
		}
		if _, err := task.Check(o.Kind, o.Classes, label); err != nil {
			return nil, fmt.Errorf("metric: row %d: %w", row, err)
		}
		for i, v := range label {
			e.truth.Set(row*len(label)+i, uint32(v))
		}
	}
	return e, nil
}

// Largest returns the class of the largest score, the first of equal ones.
func Largest[F float32 | float64](scores []F) uint32 {
	best := 0
	for c, v := range scores {
		if v > scores[best] {
			best = c
		}
	}
	return uint32(best)
}

// decide returns the class whose logit is most above its threshold, the first of equal ones.
func (e *Evaluation) decide(row int) uint32 {
	best, most := 0, math.Inf(-1)
	for c, z := range e.logits[row*e.Classes:][:e.Classes] {
		if above := float64(z) - e.thresholds[c]; above > most {
			best, most = c, above
		}
	}
	return uint32(best)
}

// softmax finds each row's prediction, the numbers that turn its logits into probabilities, and the mean cross-entropy.
func (e *Evaluation) softmax(ctx context.Context) error {
	e.top, e.sum = make([]float64, e.Rows), make([]float64, e.Rows)
	err := beside(ctx, 0, e.Rows, func(row int) {
		logits := e.logits[row*e.Classes:][:e.Classes]
		best := Largest(logits)
		top, sum := float64(logits[best]), 0.0
		for _, z := range logits {
			sum += math.Exp(float64(z) - top)
		}
		if len(e.thresholds) > 0 {
			best = e.decide(row)
		}
		e.predicted[row], e.top[row], e.sum[row] = best, top, sum
	})
	if err != nil {
		return err
	}
	for row, top := range e.top { // in order, so that the number of cores has no effect
		e.Loss -= float64(e.logits[row*e.Classes+int(e.truth.At(row))]) - top
		e.Loss += math.Log(e.sum[row])
	}
	e.Loss /= float64(e.Rows)
	return nil
}

// binaryCrossEntropy is the mean over all elements, in the form that does not overflow: max(z,0) − zy + log(1+e^−|z|).
func (e *Evaluation) binaryCrossEntropy(ctx context.Context) error {
	rows := min(max(1, mostScores/e.Classes), e.Rows) // at a time
	terms := make([]float64, rows*e.Classes)
	sum := 0.0
	for first := 0; first < e.Rows; first += rows {
		last := min(first+rows, e.Rows)
		err := beside(ctx, first, last, func(row int) {
			for class, v := range e.logits[row*e.Classes:][:e.Classes] {
				z := float64(v)
				terms[(row-first)*e.Classes+class] = max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
			}
		})
		if err != nil {
			return err
		}
		for i := range (last - first) * e.Classes { // in order, so that the number of cores has no effect
			sum += terms[i]
			if at := first*e.Classes + i; e.truth.At(at) == 1 {
				sum -= float64(e.logits[at])
			}
		}
	}
	e.Loss = sum / float64(len(e.logits))
	return nil
}

// beside calls f for the rows from first to last-1, on all cores in parallel.
func beside(ctx context.Context, first, last int, f func(row int)) error {
	var group errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() error {
			for row := first + w; row < last; row += workers {
				if err := interrupted(ctx, row/workers); err != nil {
					return err
				}
				f(row)
			}
			return nil
		})
	}
	return group.Wait()
}
