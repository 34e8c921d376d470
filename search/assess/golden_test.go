package assess_test

import (
	"math"
	"slices"
	"testing"

	"mixmas/search/assess"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/task"
)

var nan = math.NaN()

// golden are outputs with ties, and what scikit-learn 1.9.1 and scipy 1.17.1 say of them.
var golden = []struct {
	metric.Outputs
	names      []string
	confusion  [][]int
	classes    []assess.Class
	roc        []assess.Line // the first ones
	pr         []assess.Line
	bins       map[int][]float64 // count, mean probability, share, and its interval
	ece, brier float64
}{
	{
		Outputs: metric.Outputs{Rows: 10, Classes: 3, Kind: task.OneLabel, Label: metric.Listed([]float32{0, 1, 1, 2, 0, 1, 0, 0, 1, 1}), Thresholds: []float64{0.25, 0, -0.5},
			Logits: []float32{2, 0.5, -1, 0.5, 0.5, 0, -1, 2, 0, 1, -0.5, 0.5, 0, 0, 0, 0.5, 1.5, 1, -0.5, 0, 2, 2, 0.5, -1, 1.5, 1, 0.5, 0, 1, 1}},
		names:     []string{"a", "b", "c"},
		confusion: [][]int{{2, 0, 2}, {1, 3, 1}, {0, 0, 1}},
		classes: []assess.Class{
			{Support: 4, Predicted: 3, Right: 2, Precision: 2.0 / 3, Recall: 0.5, F1: 0.5714285714285714, AUROC: 2.0 / 3, AveragePrecision: 0.7361111111111112, Threshold: 0.25, Cut: report.Number(nan)},
			{Support: 5, Predicted: 3, Right: 3, Precision: 1, Recall: 0.6, F1: 0.75, AUROC: 0.96, AveragePrecision: 0.9666666666666668, Cut: report.Number(nan)},
			{Support: 1, Predicted: 4, Right: 1, Precision: 0.25, Recall: 1, F1: 0.4, AUROC: 2.0 / 3, AveragePrecision: 0.25, Threshold: -0.5, Cut: report.Number(nan)},
		},
		// Points on a horizontal line between others are left out.
		roc: []assess.Line{{X: []report.Number{0, 0, 0.5, 0.5, 0.8333, 0.8333, 1}, Y: []report.Number{0, 0.5, 0.5, 0.75, 0.75, 1, 1}}},
		pr:  []assess.Line{{X: []report.Number{0, 0.5, 0.75, 1}, Y: []report.Number{1, 1, 0.5, 0.4444}}},
		bins: map[int][]float64{3: {3, 0.34949467498265846, 2.0 / 3, 0.20765960080204782, 0.9385080552796038}, 4: {1, 0.4223187982515182, 0, 0, 0.7934506856227626},
			5: {2, 0.506480391055654, 0.5, 0.09453120573423074, 0.9054687942657693}, 7: {2, 0.7855970345892759, 1, 0.34238022750665303, 1},
			8: {2, 0.8326018769732326, 0.5, 0.09453120573423074, 0.9054687942657693}},
		ece: 0.24808052401827643, brier: 0.5440862183526807,
	},
	{
		Outputs: metric.Outputs{Rows: 10, Classes: 2, Kind: task.MultiLabel, Thresholds: []float64{0.25, 0.75},
			Label:  metric.Listed([]float32{1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0}),
			Logits: []float32{2, 0.5, 0.5, 0.5, -1, 2, 1, -0.5, 0, 0, 0.5, 1.5, -0.5, 0, 2, 0.5, 1.5, 1, 0, 1}},
		names: []string{"a", "b"},
		classes: []assess.Class{
			{Support: 5, Predicted: 6, Right: 4, Precision: 2.0 / 3, Recall: 0.8, F1: 0.7272727272727273, AUROC: 0.84, AveragePrecision: 0.8583333333333333, Threshold: 0.25, Cut: 0.5621765008857981},
			{Support: 5, Predicted: 4, Right: 3, Precision: 0.75, Recall: 0.6, F1: 2.0 / 3, AUROC: 0.76, AveragePrecision: 0.7753968253968253, Threshold: 0.75, Cut: 0.679178699175393},
		},
		ece: 0.20259774822723198, brier: 0.20276265518744685,
	},
}

// The figures are those of scikit-learn: with ties, thresholds, a class of a single row, and multi-label data.
func TestFiguresOfScikitLearn(t *testing.T) {
	for _, g := range golden {
		m, err := assess.Figures(t.Context(), g.names, g.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(m.Confusion, g.confusion, slices.Equal[[]int]) {
			t.Errorf("confusion %v, want %v", m.Confusion, g.confusion)
		}
		for k, want := range g.classes {
			got := m.Classes[k]
			if got.Support != want.Support || got.Predicted != want.Predicted || got.Right != want.Right {
				t.Errorf("%+v, want %+v", got, want)
			}
			for i, x := range []report.Number{want.Precision, want.Recall, want.F1, want.AUROC, want.AveragePrecision, want.Threshold, want.Cut} {
				near(t, []string{"precision", "recall", "F1", "AUROC", "average precision", "threshold", "cut"}[i],
					[]report.Number{got.Precision, got.Recall, got.F1, got.AUROC, got.AveragePrecision, got.Threshold, got.Cut}[i], float64(x))
			}
		}
		for i, want := range g.roc {
			if got := m.ROC[i]; !slices.Equal(got.X, want.X) || !slices.Equal(got.Y, want.Y) {
				t.Errorf("ROC %v %v, want %v %v", got.X, got.Y, want.X, want.Y)
			}
		}
		for i, want := range g.pr {
			if got := m.PrecisionRecall[i]; !slices.Equal(got.X, want.X) || !slices.Equal(got.Y, want.Y) {
				t.Errorf("precision-recall %v %v, want %v %v", got.X, got.Y, want.X, want.Y)
			}
		}
		for i, b := range m.Calibration.Bins {
			want := g.bins[i]
			if g.bins == nil || want == nil && b.Count == 0 {
				continue
			}
			for k, x := range []report.Number{report.Number(b.Count), b.Confidence, b.Share, b.ShareLow, b.ShareHigh} {
				near(t, []string{"count", "confidence", "share", "low end", "high end"}[k], x, want[k])
			}
		}
		near(t, "ECE", m.Calibration.ECE, g.ece)
		near(t, "Brier score", m.Calibration.Brier, g.brier)
	}
}
