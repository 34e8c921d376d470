package metric

import (
	"cmp"
	"math"
	"slices"
)

// Evaluation is what metrics are computed from. All slices of Rows×Classes are row-major; those of Classes have one
// entry a class.
type Evaluation struct {
	Rows, Classes int
	MultiLabel    bool
	Truth         []bool    // Rows×Classes: the label holds
	Predicted     []bool    // Rows×Classes: the label is predicted
	Scores        []float64 // Rows×Classes: what AUROC ranks, higher is more certain
	Loss          float64   // mean cross-entropy, or mean binary cross-entropy

	Classwise []Counts // Classes
	Total     Counts   // the sums of Classwise
	// AUROC is the area under each class's ROC curve, NaN for a class of only positives or only negatives.
	AUROC []float64
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

// metrics counts, and computes every metric that is defined and finite.
func (e *Evaluation) metrics() map[string]float64 {
	e.count()
	e.AUROC = make([]float64, e.Classes)
	for c := range e.AUROC {
		e.AUROC[c] = e.auroc(c)
	}
	values := map[string]float64{}
	for _, m := range metrics {
		if !m.fits(e.MultiLabel) {
			continue
		}
		if v, defined := m.Value(e); defined && !math.IsNaN(v) && !math.IsInf(v, 0) {
			values[m.Name] = v
		}
	}
	return values
}

func (e *Evaluation) count() {
	e.Classwise = make([]Counts, e.Classes)
	for i, truth := range e.Truth {
		c := &e.Classwise[i%e.Classes]
		switch {
		case truth && e.Predicted[i]:
			c.TruePositive++
		case truth:
			c.FalseNegative++
		case e.Predicted[i]:
			c.FalsePositive++
		}
	}
	for _, c := range e.Classwise {
		e.Total.TruePositive += c.TruePositive
		e.Total.FalsePositive += c.FalsePositive
		e.Total.FalseNegative += c.FalseNegative
	}
}

// auroc is the share of (positive, negative) pairs that class c's scores put in the right order, a tie counting half:
// the Mann-Whitney statistic, counted in integers so that no order of summation shows.
func (e *Evaluation) auroc(c int) float64 {
	order := make([]int, e.Rows)
	for r := range order {
		order[r] = r*e.Classes + c
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(e.Scores[a], e.Scores[b]) })
	halves, positives, negatives := 0, 0, 0
	for start := 0; start < len(order); {
		end, tiedPositives := start, 0
		for ; end < len(order) && e.Scores[order[end]] == e.Scores[order[start]]; end++ {
			if e.Truth[order[end]] {
				tiedPositives++
			}
		}
		tiedNegatives := end - start - tiedPositives
		halves += tiedPositives * (2*negatives + tiedNegatives)
		positives += tiedPositives
		negatives += tiedNegatives
		start = end
	}
	if positives == 0 || negatives == 0 {
		return math.NaN()
	}
	return float64(halves) / (2 * float64(positives) * float64(negatives))
}
