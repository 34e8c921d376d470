package metric

import (
	"math"

	"mixmas/search/task"
)

func init() {
	Register(Metric{Name: "accuracy", Kinds: task.Classification(), Range: Share, Value: accuracy, Reads: Predictions,
		Doc: "Share of the rows that are predicted correctly; for multi-label data, in all labels."})
	Register(Metric{Name: "balanced_accuracy", Range: Share, Value: balancedAccuracy, Reads: Predictions,
		Doc:   "Mean recall over the classes that occur.",
		Kinds: []task.Kind{task.OneLabel}, Refusal: "it is a mean over mutually exclusive classes"})
	Register(Metric{Name: "hamming_accuracy", Range: Share, Value: hammingAccuracy, Reads: Predictions,
		Doc:   "Share of the labels, over all rows and classes, that are predicted correctly.",
		Kinds: []task.Kind{task.MultiLabel}, Refusal: "it counts each label of a row; use accuracy for data with one label per row"})
	for _, figure := range []struct {
		name, doc string
		of        func(Counts) float64
	}{
		{"precision", "Precision", Counts.Precision}, {"recall", "Recall", Counts.Recall}, {"f1", "F1", Counts.F1},
	} {
		for _, m := range []Metric{
			{Name: "_micro", Doc: " over the labels of all classes together.", Value: func(e *Evaluation) (float64, bool) { return figure.of(e.Total), true }},
			{Name: "_macro", Doc: " of each class, averaged.", Value: func(e *Evaluation) (float64, bool) { return macro(e, figure.of), true }},
			{Name: "_weighted", Doc: " of each class, averaged with the class's number of rows as weight.",
				Value: func(e *Evaluation) (float64, bool) { return weighted(e, figure.of), true }},
		} {
			m.Name, m.Doc, m.Kinds, m.Range = figure.name+m.Name, figure.doc+m.Doc, task.Classification(), Share
			m.Reads, m.OneSided = Predictions, figure.name != "f1"
			Register(m)
		}
	}
	Register(Metric{Name: "auroc_macro", Kinds: task.Classification(), Doc: "Area under each class's ROC curve, averaged.", Range: Share, Value: aurocMacro, Reads: Ranks})
	Register(Metric{Name: "auroc_weighted", Kinds: task.Classification(), Doc: "Area under each class's ROC curve, averaged with the class's number of rows as weight.", Range: Share,
		Value: aurocWeighted, Reads: Ranks})
	Register(Metric{Name: "loss", Kinds: task.Classification(), Doc: "Cross-entropy, for multi-label data the mean binary cross-entropy; lower is better.", Range: NotNegative,
		LowerIsBetter: true, Reads: LossOnly, Value: func(e *Evaluation) (float64, bool) { return e.Loss, true }})
}

// accuracy is the share of rows that are predicted completely right: for multi-label data, subset accuracy.
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

// weighted is the mean over classes weighted by support, and 0 if no row has a label.
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
