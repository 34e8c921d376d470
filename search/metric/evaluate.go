package metric

import (
	"fmt"
	"math"
	"slices"
)

// Outputs is what a classifier said about the samples of a split, and what was right.
type Outputs struct {
	// Logits are the classifier's outputs before softmax or sigmoid, Rows×Classes, row-major.
	Logits        []float32
	Rows, Classes int
	// MultiLabel tells that a sample has any number of labels instead of one.
	MultiLabel bool
	// Labels are Rows class numbers (0 to Classes-1), or Rows×Classes zeros and ones when MultiLabel.
	Labels []float32
}

// Evaluate computes every metric that is defined for the outputs, keyed by name. The predicted class is the first of the
// largest logit; a label is predicted when its logit is above 0, i.e. its probability above 0.5. The loss is the mean
// cross-entropy, or the mean binary cross-entropy over all rows and labels. Lengths that do not fit, labels out of
// range and logits that are not finite are errors that name the row.
func Evaluate(o Outputs) (map[string]float64, error) {
	if err := checkScores("logits", o.Logits, o.Rows, o.Classes); err != nil {
		return nil, err
	}
	truth, err := indicators(o.Labels, o.Rows, o.Classes, o.MultiLabel)
	if err != nil {
		return nil, err
	}
	e := &Evaluation{Rows: o.Rows, Classes: o.Classes, MultiLabel: o.MultiLabel, Truth: truth}
	if o.MultiLabel {
		e.Predicted = above(o.Logits, 0)
		// Sigmoid keeps the order; ranking the logits themselves cannot tie where sigmoid saturates.
		e.Scores = widen(o.Logits)
		e.Loss = binaryCrossEntropy(o.Logits, truth)
	} else {
		e.Predicted = largest(o.Logits, o.Rows, o.Classes)
		e.Scores, e.Loss = softmax(o.Logits, truth, o.Rows, o.Classes)
	}
	return e.metrics(), nil
}

// EvaluateProbabilities does what [Evaluate] does from probabilities (Rows×Classes, each in [0, 1]; o.Logits is not
// read): the predicted class is the first of the largest, and a label is predicted when its probability is above 0.5.
// The loss is absent where a right answer has probability 0.
func EvaluateProbabilities(probabilities []float64, o Outputs) (map[string]float64, error) {
	if err := checkScores("probabilities", probabilities, o.Rows, o.Classes); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(probabilities, func(p float64) bool { return p < 0 || p > 1 }); i >= 0 {
		return nil, fmt.Errorf("metric: row %d, class %d: probability %v is not in [0, 1]", i/o.Classes, i%o.Classes, probabilities[i])
	}
	truth, err := indicators(o.Labels, o.Rows, o.Classes, o.MultiLabel)
	if err != nil {
		return nil, err
	}
	e := &Evaluation{Rows: o.Rows, Classes: o.Classes, MultiLabel: o.MultiLabel, Truth: truth, Scores: probabilities}
	for i, p := range probabilities {
		switch {
		case truth[i]:
			e.Loss -= math.Log(p)
		case o.MultiLabel:
			e.Loss -= math.Log1p(-p)
		}
	}
	if o.MultiLabel {
		e.Predicted = above(probabilities, 0.5)
		e.Loss /= float64(len(probabilities))
	} else {
		e.Predicted = largest(probabilities, o.Rows, o.Classes)
		e.Loss /= float64(o.Rows)
	}
	return e.metrics(), nil
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
			return fmt.Errorf("metric: row %d, class %d: %s hold %v", i/classes, i%classes, what, v)
		}
	}
	return nil
}

// indicators turns labels of either form into rows×classes truth values.
func indicators(labels []float32, rows, classes int, multiLabel bool) ([]bool, error) {
	truth := make([]bool, rows*classes)
	want := rows
	if multiLabel {
		want = rows * classes
	}
	if len(labels) != want {
		return nil, fmt.Errorf("metric: %d labels, want %d for %d rows", len(labels), want, rows)
	}
	for i, v := range labels {
		switch {
		case multiLabel && v != 0 && v != 1:
			return nil, fmt.Errorf("metric: row %d, label %d: %v is neither 0 nor 1", i/classes, i%classes, v)
		case multiLabel:
			truth[i] = v == 1
		case !(v >= 0 && v < float32(classes)) || v != float32(int(v)):
			return nil, fmt.Errorf("metric: row %d: label %v is not a class number below %d", i, v, classes)
		default:
			truth[i*classes+int(v)] = true
		}
	}
	return truth, nil
}

func above[F float32 | float64](scores []F, threshold F) []bool {
	predicted := make([]bool, len(scores))
	for i, v := range scores {
		predicted[i] = v > threshold
	}
	return predicted
}

func largest[F float32 | float64](scores []F, rows, classes int) []bool {
	predicted := make([]bool, len(scores))
	for r := range rows {
		row := scores[r*classes : (r+1)*classes]
		best := 0
		for c, v := range row {
			if v > row[best] {
				best = c
			}
		}
		predicted[r*classes+best] = true
	}
	return predicted
}

func widen(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

// softmax returns the probabilities of each row and the mean cross-entropy.
func softmax(logits []float32, truth []bool, rows, classes int) (probabilities []float64, loss float64) {
	probabilities = widen(logits)
	for r := range rows {
		row, right := probabilities[r*classes:(r+1)*classes], truth[r*classes:(r+1)*classes]
		top, sum := slices.Max(row), 0.0
		for c, z := range row {
			if right[c] {
				loss -= z - top
			}
			row[c] = math.Exp(z - top)
			sum += row[c]
		}
		loss += math.Log(sum)
		for c := range row {
			row[c] /= sum
		}
	}
	return probabilities, loss / float64(rows)
}

// binaryCrossEntropy is the mean over all elements, in the form that does not overflow: max(z,0) − zy + log(1+e^−|z|).
func binaryCrossEntropy(logits []float32, truth []bool) float64 {
	sum := 0.0
	for i, v := range logits {
		z := float64(v)
		sum += max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
		if truth[i] {
			sum -= z
		}
	}
	return sum / float64(len(logits))
}
