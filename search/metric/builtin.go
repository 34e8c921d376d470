package metric

import "math"

func init() {
	Register(Metric{Name: "accuracy", Value: accuracy})
	Register(Metric{Name: "balanced_accuracy", Task: OneLabel, Value: balancedAccuracy,
		Refusal: "balanced accuracy is a mean over classes that exclude each other, so many labels a sample have none"})
	Register(Metric{Name: "hamming_accuracy", Task: ManyLabel, Value: hammingAccuracy,
		Refusal: "Hamming accuracy counts the labels of a sample one by one; with one label a sample use accuracy"})
	for _, figure := range []struct {
		name string
		of   func(Counts) float64
	}{{"precision", Counts.Precision}, {"recall", Counts.Recall}, {"f1", Counts.F1}} {
		Register(Metric{Name: figure.name + "_micro", Value: func(e *Evaluation) (float64, bool) { return figure.of(e.Total), true }})
		Register(Metric{Name: figure.name + "_macro", Value: func(e *Evaluation) (float64, bool) { return macro(e, figure.of), true }})
		Register(Metric{Name: figure.name + "_weighted", Value: func(e *Evaluation) (float64, bool) { return weighted(e, figure.of), true }})
	}
	Register(Metric{Name: "auroc_macro", Value: aurocMacro})
	Register(Metric{Name: "auroc_weighted", Value: aurocWeighted})
	Register(Metric{Name: "loss", LowerIsBetter: true, Value: func(e *Evaluation) (float64, bool) { return e.Loss, true }})
}

// accuracy is the share of rows that are right as a whole: for many labels, subset accuracy.
func accuracy(e *Evaluation) (float64, bool) { return ratio(e.Right, e.Rows), true }

// hammingAccuracy is the share of labels, of all rows and classes, that are predicted right.
func hammingAccuracy(e *Evaluation) (float64, bool) {
	labels := e.Rows * e.Classes
	return ratio(labels-e.Total.FalsePositive-e.Total.FalseNegative, labels), true
}

// balancedAccuracy is the mean recall over the classes that occur.
func balancedAccuracy(e *Evaluation) (float64, bool) {
	sum, occurring := 0.0, 0
	for _, c := range e.Classwise {
		if c.Support() > 0 {
			sum += c.Recall()
			occurring++
		}
	}
	return sum / float64(occurring), occurring > 0
}

func macro(e *Evaluation, of func(Counts) float64) float64 {
	sum := 0.0
	for _, c := range e.Classwise {
		sum += of(c)
	}
	return sum / float64(e.Classes)
}

// weighted is the mean over classes weighted by support, and 0 where no label holds anywhere.
func weighted(e *Evaluation, of func(Counts) float64) float64 {
	sum := 0.0
	for _, c := range e.Classwise {
		sum += of(c) * float64(c.Support())
	}
	if e.Total.Support() == 0 {
		return 0
	}
	return sum / float64(e.Total.Support())
}

func aurocMacro(e *Evaluation) (float64, bool) {
	sum, classes := 0.0, 0
	for _, area := range e.AUROC {
		if !math.IsNaN(area) {
			sum += area
			classes++
		}
	}
	return sum / float64(classes), classes > 0
}

func aurocWeighted(e *Evaluation) (float64, bool) {
	sum, support := 0.0, 0
	for c, area := range e.AUROC {
		if !math.IsNaN(area) {
			sum += area * float64(e.Classwise[c].Support())
			support += e.Classwise[c].Support()
		}
	}
	return sum / float64(support), support > 0
}
