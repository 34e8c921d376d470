package assess

import (
	"cmp"
	"context"
	"math"
	"slices"

	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/task"
)

// Bounds of what the figures of a model hold.
const (
	mostConfusion = 30  // classes of the matrix
	mostConfused  = 30  // pairs
	mostClasses   = 200 // classes that are listed
	mostCurves    = 12  // classes with a curve, besides the mean
	mostPoints    = 101 // of a curve
	mostMistakes  = 12
	mostNames     = 10 // classes of one row
	bins          = 10
)

// Bounds of the outputs that [Figures] should get.
const (
	MostRows    = 1 << 17
	MostNumbers = 1 << 25 // rows × classes
)

// Rows is the number of rows to assess of so many rows and classes.
func Rows(rows, classes int) int {
	return min(rows, MostRows, max(1, MostNumbers/max(1, classes)))
}

// Figures computes the figures of a model from its outputs: confusion, classes, curves and calibration, and its most confident
// mistakes, with the numbers of their rows among the outputs. names are the names of the classes. The result depends on the outputs
// alone, not on the number of cores. Errors are those of [metric.Evaluate].
func Figures(ctx context.Context, names []string, o metric.Outputs) (*Model, error) {
	e, err := metric.Evaluated(ctx, o)
	if err != nil {
		return nil, err
	}
	m := &Model{Rows: o.Rows, Of: o.Rows}
	p := &pass{Evaluation: e, names: names}
	if err := p.rows(ctx); err != nil {
		return nil, err
	}
	m.Confusion, m.Confused = p.confusion, p.pairs()
	m.Calibration = p.calibration()
	m.Mistakes = p.list()
	shown := worst(withCurves(e), mostCurves, func(class int) float64 { return e.AUROC[class] }, e)
	curves, err := trace(ctx, e, shown)
	if err != nil {
		return nil, err
	}
	m.Classes, m.MoreClasses = classes(e, names, curves.averagePrecision, o.Thresholds)
	m.ROC, m.PrecisionRecall = curves.lines(e, names, shown)
	return m, nil
}

// Name is a name from the data, cut to what an assessment holds.
func Name(name string) string {
	const most = 200
	if len(name) <= most {
		return name
	}
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}

// classes are what the outputs say of each class, of the classes that are listed.
func classes(e *metric.Evaluation, names []string, averagePrecision, thresholds []float64) (list []Class, more int) {
	for _, class := range listed(e) {
		c := e.Classwise[class]
		predicted := c.TruePositive + c.FalsePositive
		one := Class{Class: class, Name: Name(names[class]), Support: c.Support(), Predicted: predicted, Right: c.TruePositive,
			Precision: defined(c.Precision(), predicted), Recall: defined(c.Recall(), c.Support()), F1: defined(c.F1(), c.Support()+predicted),
			AUROC: report.Number(e.AUROC[class]), AveragePrecision: report.Number(averagePrecision[class]), Cut: report.Number(math.NaN())}
		if len(thresholds) > 0 {
			one.Threshold = report.Number(thresholds[class])
		}
		if e.Kind == task.MultiLabel {
			one.Cut = report.Number(sigmoid(float64(one.Threshold)))
		}
		list = append(list, one)
	}
	return list, e.Classes - len(list)
}

// listed are the classes that are listed: all, or those with the lowest F1 that occur.
func listed(e *metric.Evaluation) (list []int) {
	for class, c := range e.Classwise {
		if e.Classes <= mostClasses || c.Support() > 0 {
			list = append(list, class)
		}
	}
	return worst(list, mostClasses, func(class int) float64 { return e.Classwise[class].F1() }, e)
}

// worst returns at most so many classes in their order: those with the lowest values, of equal ones those with more rows.
func worst(list []int, most int, value func(class int) float64, e *metric.Evaluation) []int {
	if len(list) <= most {
		return list
	}
	slices.SortStableFunc(list, func(a, b int) int {
		return cmp.Or(cmp.Compare(value(a), value(b)), cmp.Compare(e.Classwise[b].Support(), e.Classwise[a].Support()))
	})
	list = list[:most]
	slices.Sort(list)
	return list
}

// defined is a ratio, NaN if it is one of nothing.
func defined(ratio float64, of int) report.Number {
	if of == 0 {
		return report.Number(math.NaN())
	}
	return report.Number(ratio)
}

func sigmoid(z float64) float64 {
	e := math.Exp(-math.Abs(z))
	if z < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}
