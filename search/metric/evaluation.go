package metric

import (
	"context"
	"math"

	"mixmas/search/packed"
	"mixmas/search/task"
)

// Evaluation is what metrics are computed from: counts, and methods that return the truth and the prediction for a row and
// class. Only the given outputs and multi-label labels, one bit each, have Rows×Classes elements.
type Evaluation struct {
	Rows, Classes int
	Kind          task.Kind // one of [task.Classification]
	Loss          float64   // mean cross-entropy, or mean binary cross-entropy

	Right     int      // rows that are predicted completely right
	Classwise []Counts // Classes
	Total     Counts   // the sums of Classwise
	// AUROC is the area under each class's ROC curve, NaN for a class of only positives or only negatives.
	AUROC []float64

	// truth and predicted are the classes of the rows. For multi-label data truth has Rows×Classes bits, predicted is empty.
	truth     packed.List
	predicted []uint32
	// Either logits or probabilities are given. For softmax, top is each row's largest logit, sum the sum of exp(logit - top).
	logits        []float32
	thresholds    []float64 // of logits, Classes of them or none
	probabilities []float64
	top, sum      []float64
	// drawn are the rows of a bootstrap's draw: row i is row drawn[i] of the outputs; nil for all rows, once each.
	drawn []uint32
}

// at is the place of a row among the outputs.
func (e *Evaluation) at(row int) int {
	if e.drawn == nil {
		return row
	}
	return int(e.drawn[row])
}

// Truth reports whether the row has the label.
func (e *Evaluation) Truth(row, class int) bool {
	if e.Kind == task.MultiLabel {
		return e.truth.At(e.at(row)*e.Classes+class) == 1
	}
	return e.truth.At(e.at(row)) == uint32(class)
}

// Predicted reports whether the row is predicted to have the label.
func (e *Evaluation) Predicted(row, class int) bool {
	switch {
	case e.Kind == task.OneLabel:
		return e.predicted[e.at(row)] == uint32(class)
	case e.probabilities != nil:
		return e.Score(row, class) > 0.5
	case len(e.thresholds) > 0:
		return e.Score(row, class) > e.thresholds[class]
	}
	return e.Score(row, class) > 0
}

// Score is what AUROC ranks: the probability of the class, or for multi-label data its logit if logits are given. Sigmoid keeps
// the order of logits, but large ones would tie because it saturates.
func (e *Evaluation) Score(row, class int) float64 {
	row = e.at(row)
	i := row*e.Classes + class
	switch {
	case e.probabilities != nil:
		return e.probabilities[i]
	case e.Kind == task.MultiLabel:
		return float64(e.logits[i])
	}
	return math.Exp(float64(e.logits[i])-e.top[row]) / e.sum[row]
}

// Counts is a binary confusion matrix without its true negatives.
type Counts struct{ TruePositive, FalsePositive, FalseNegative int }

// Support is the number of samples that have the label.
func (c Counts) Support() int { return c.TruePositive + c.FalseNegative }

// Precision is TP / (TP + FP), and 0 for 0/0.
func (c Counts) Precision() float64 { return ratio(c.TruePositive, c.TruePositive+c.FalsePositive) }

// Recall is TP / (TP + FN), and 0 for 0/0.
func (c Counts) Recall() float64 { return ratio(c.TruePositive, c.Support()) }

// F1 is 2TP / (2TP + FP + FN), and 0 for 0/0.
func (c Counts) F1() float64 {
	return ratio(2*c.TruePositive, 2*c.TruePositive+c.FalsePositive+c.FalseNegative)
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// complete computes the counts and the AUROC of every class.
func (e *Evaluation) complete(ctx context.Context) error {
	if err := e.count(ctx); err != nil {
		return err
	}
	return e.rank(ctx)
}

// metrics computes the counts, and every metric that is defined and finite.
func (e *Evaluation) metrics(ctx context.Context) (map[string]float64, error) {
	if err := e.complete(ctx); err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for _, m := range metrics.All() {
		if !m.fits(e.Kind) {
			continue
		}
		if v, defined := m.Value(e); defined && !math.IsNaN(v) && !math.IsInf(v, 0) {
			values[m.Name] = v
		}
	}
	return values, nil
}

func (e *Evaluation) count(ctx context.Context) error {
	e.Classwise = make([]Counts, e.Classes)
	var cells []cell
	for row := range e.Rows {
		if err := interrupted(ctx, row); err != nil {
			return err
		}
		cells = e.cells(row, cells[:0])
		if completelyRight(cells) {
			e.Right++
		}
		for _, c := range cells {
			switch counts := &e.Classwise[c.class()]; c.kind() {
			case truePositive:
				counts.TruePositive++
			case falsePositive:
				counts.FalsePositive++
			case falseNegative:
				counts.FalseNegative++
			}
		}
	}
	e.addUp()
	return nil
}

// cell is a class of a row that is predicted, or should be: class·4 + one of the kinds below. True negatives are none.
type cell uint32

const (
	truePositive = iota
	falsePositive
	falseNegative
)

func (c cell) kind() int  { return int(c & 3) }
func (c cell) class() int { return int(c >> 2) }

func newCell(class uint32, kind cell) cell { return cell(class)<<2 | kind }

// cells appends a row's cells to a list.
func (e *Evaluation) cells(row int, list []cell) []cell {
	if e.Kind == task.OneLabel {
		truth, predicted := e.truth.At(e.at(row)), e.predicted[e.at(row)]
		if truth == predicted {
			return append(list, newCell(truth, truePositive))
		}
		return append(list, newCell(truth, falseNegative), newCell(predicted, falsePositive))
	}
	for class := range e.Classes {
		switch truth, predicted := e.Truth(row, class), e.Predicted(row, class); {
		case truth && predicted:
			list = append(list, newCell(uint32(class), truePositive))
		case truth:
			list = append(list, newCell(uint32(class), falseNegative))
		case predicted:
			list = append(list, newCell(uint32(class), falsePositive))
		}
	}
	return list
}

// completelyRight reports whether a row with these cells is predicted completely right.
func completelyRight(cells []cell) bool {
	for _, c := range cells {
		if c.kind() != truePositive {
			return false
		}
	}
	return true
}

// addUp computes the sums over all classes.
func (e *Evaluation) addUp() {
	e.Total = Counts{}
	for _, c := range e.Classwise {
		e.Total.TruePositive += c.TruePositive
		e.Total.FalsePositive += c.FalsePositive
		e.Total.FalseNegative += c.FalseNegative
	}
}
