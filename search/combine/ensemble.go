package combine

import "mixmas/search/task"

// Ensemble says how models of a pool are combined, and how well that does on the validation split.
type Ensemble struct {
	Mean Mean
	// Members are the models' places in the pool, in ascending order, with their weights (which sum to 1) and temperatures. A
	// single member is that model as it is, at temperature 1: Thresholds then apply to its own logits.
	Members      []int
	Weights      []float64
	Temperatures []float64
	// Thresholds are subtracted from the combined logits before a class is predicted, see [metric.Outputs]. Nil means zeros.
	Thresholds []float64
	// Score is the metric on all rows, on which everything was fitted: optimistic. Honest is the metric of predictions of each half
	// of the rows by what was fitted to the other half alone, averaged over several ways to halve them. NaN: undefined.
	Score, Honest float64
}

// Parts returns the members' weights and temperatures.
func (e *Ensemble) Parts() []Member {
	parts := make([]Member, len(e.Members))
	for i := range parts {
		parts[i] = Member{e.Weights[i], e.Temperatures[i]}
	}
	return parts
}

// Logits combines logits of the whole pool, such as those of the test split (of each model, rows × classes). Those of models
// that are not members may be nil.
func (e *Ensemble) Logits(kind task.Kind, classes int, pool [][]float32) []float32 {
	logits := make([][]float32, len(e.Members))
	for i, m := range e.Members {
		logits[i] = pool[m]
	}
	return Logits(kind, classes, e.Mean, e.Parts(), logits)
}
