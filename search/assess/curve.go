package assess

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/task"
)

// curve is what the ROC and precision-recall curves of a class follow from: the different scores of its positive rows, from the
// highest to the lowest, and the negative rows between them.
type curve struct {
	positives, negatives int // rows
	steps                []step
	// The negative rows below the last step.
	below  int
	lowest float64
}

// step is a score that some positive rows share.
type step struct {
	score     float64
	positives int
	negatives int     // with the same score
	above     int     // negative rows between the previous score and this one
	lowest    float64 // score of them
}

// curves are the curves of all classes, without their steps: many rows with many classes have many.
type curves struct {
	averagePrecision []float64 // of each class
	drawn            []drawn   // by class; without points for classes that are not shown
	roc, precision   mean      // of the classes that have a curve
}

// drawn are the points of the curves of a class.
type drawn struct{ roc, precisionRecall []point }

// trace makes the curves of all classes, and draws those of some.
func trace(ctx context.Context, e *metric.Evaluation, shown []int) (*curves, error) {
	const width = 16 // classes at a time: 16 float32 fill a cache line
	all := &curves{averagePrecision: make([]float64, e.Classes), drawn: make([]drawn, e.Classes)}
	var adding sync.Mutex
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for first := 0; first < e.Classes; first += width {
		n := min(width, e.Classes-first)
		group.Go(func() error {
			positives, negatives := make([][]float64, n), make([][]float64, n)
			for k := range n {
				support := e.Classwise[first+k].Support()
				positives[k], negatives[k] = make([]float64, 0, support), make([]float64, 0, e.Rows-support)
			}
			for row := range e.Rows {
				if row%64 == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				for k := range n {
					if e.Truth(row, first+k) {
						positives[k] = append(positives[k], e.Score(row, first+k))
					} else {
						negatives[k] = append(negatives[k], e.Score(row, first+k))
					}
				}
			}
			for k := range n {
				class, c := first+k, newCurve(positives[k], negatives[k])
				all.averagePrecision[class] = c.averagePrecision()
				if math.IsNaN(e.AUROC[class]) {
					continue
				}
				roc, precisionRecall := c.roc(), c.precisionRecall()
				adding.Lock()
				all.roc.add(roc, interpolated)
				all.precision.add(precisionRecall, stepwise)
				adding.Unlock()
				if slices.Contains(shown, class) {
					all.drawn[class] = drawn{few(roc), few(precisionRecall)}
				}
			}
			return nil
		})
	}
	return all, group.Wait()
}

// newCurve makes the curve of the scores of the rows that have a class, and of the others.
func newCurve(positives, negatives []float64) curve {
	c := curve{positives: len(positives), negatives: len(negatives), lowest: math.Inf(1)}
	slices.Sort(positives)
	for _, score := range slices.Backward(positives) {
		if n := len(c.steps); n == 0 || c.steps[n-1].score != score {
			c.steps = append(c.steps, step{score: score, lowest: math.Inf(1)})
		}
		c.steps[len(c.steps)-1].positives++
	}
	for _, score := range negatives {
		i, found := slices.BinarySearchFunc(c.steps, score, func(s step, score float64) int {
			switch {
			case s.score > score:
				return -1
			case s.score < score:
				return 1
			}
			return 0
		})
		switch {
		case found:
			c.steps[i].negatives++
		case i < len(c.steps):
			c.steps[i].above++
			c.steps[i].lowest = min(c.steps[i].lowest, score)
		default:
			c.below++
			c.lowest = min(c.lowest, score)
		}
	}
	return c
}

// averagePrecision is the mean of the precision over the steps of recall; NaN without positive rows.
func (c *curve) averagePrecision() float64 {
	sum, right, wrong := 0.0, 0, 0
	for _, s := range c.steps {
		right += s.positives
		wrong += s.above + s.negatives
		sum += float64(s.positives) * float64(right) / float64(right+wrong)
	}
	return sum / float64(c.positives)
}

// point is one of a curve, with the score from which on rows count as positive.
type point struct{ x, y, score float64 }

// roc returns the points of the ROC curve.
func (c *curve) roc() []point {
	list := []point{{0, 0, math.NaN()}}
	right, wrong := 0, 0
	add := func(score float64) {
		list = append(list, point{float64(wrong) / float64(c.negatives), float64(right) / float64(c.positives), score})
	}
	for _, s := range c.steps {
		if s.above > 0 {
			wrong += s.above
			add(s.lowest)
		}
		right, wrong = right+s.positives, wrong+s.negatives
		add(s.score)
	}
	if c.below > 0 {
		wrong += c.below
		add(c.lowest)
	}
	return list
}

// precisionRecall returns the points of the precision-recall curve. It begins at recall 0 with the precision of the first step.
func (c *curve) precisionRecall() (list []point) {
	right, wrong := 0, 0
	for i, s := range c.steps {
		right += s.positives
		wrong += s.above + s.negatives
		precision := float64(right) / float64(right+wrong)
		if i == 0 {
			list = append(list, point{0, precision, math.NaN()})
		}
		list = append(list, point{float64(right) / float64(c.positives), precision, s.score})
	}
	return list
}

// withCurves are the classes that have curves: those that some rows have and others lack.
func withCurves(e *metric.Evaluation) (list []int) {
	for class, area := range e.AUROC {
		if !math.IsNaN(area) {
			list = append(list, class)
		}
	}
	return list
}

// lines are the curves of the classes that are shown, and the means of all that have one.
func (c *curves) lines(e *metric.Evaluation, names []string, shown []int) (roc, precisionRecall []Line) {
	for _, class := range shown {
		name := Name(names[class])
		roc = append(roc, newLine(class, name, e.AUROC[class], c.drawn[class].roc, e.Kind))
		precisionRecall = append(precisionRecall, newLine(class, name, c.averagePrecision[class], c.drawn[class].precisionRecall, e.Kind))
	}
	with := withCurves(e)
	if len(with) == 0 {
		return nil, nil
	}
	areas, precisions := 0.0, 0.0
	for _, class := range with {
		areas += e.AUROC[class]
		precisions += c.averagePrecision[class]
	}
	n := float64(len(with))
	return append(roc, c.roc.line(areas/n, n)), append(precisionRecall, c.precision.line(precisions/n, n))
}

// newLine makes the line of a class.
func newLine(class int, name string, area float64, points []point, kind task.Kind) Line {
	l := Line{Class: class, Name: name, Area: report.Number(area)}
	for _, p := range points {
		threshold := p.score
		if kind == task.MultiLabel {
			threshold = sigmoid(threshold)
		}
		l.X, l.Y, l.Threshold = append(l.X, short(p.x)), append(l.Y, short(p.y)), append(l.Threshold, significant(threshold))
	}
	return l
}

// few returns at most mostPoints of the points: the first and the last, and others at equal distances along the curve.
func few(points []point) []point {
	if len(points) <= mostPoints {
		return points
	}
	length := func(i int) float64 {
		return math.Abs(points[i].x-points[i-1].x) + math.Abs(points[i].y-points[i-1].y)
	}
	total := 0.0
	for i := range points[1:] {
		total += length(i + 1)
	}
	list, way := []point{points[0]}, 0.0
	for i := 1; i < len(points)-1; i++ {
		if way += length(i); way >= total*float64(len(list))/(mostPoints-1) && len(list) < mostPoints-1 {
			list = append(list, points[i])
		}
	}
	return append(list, points[len(points)-1])
}

// mean is the sum of curves at mostPoints places from 0 to 1, in units of 2⁻⁴⁰: sums of whole numbers do not depend on their order.
type mean [mostPoints]int64

const unit = 1 << 40

// add adds a curve, whose height at x a function returns from its points and the first one from x on.
func (m *mean) add(points []point, height func(points []point, i int, x float64) float64) {
	i := 0
	for k := range m {
		x := float64(k) / (mostPoints - 1)
		for i+1 < len(points) && points[i].x < x {
			i++
		}
		m[k] += int64(math.Round(height(points, i, x) * unit))
	}
}

// line is the mean of the curves that were added.
func (m *mean) line(area, curves float64) Line {
	l := Line{Class: -1, Area: report.Number(area)}
	for k, sum := range m {
		l.X, l.Y = append(l.X, short(float64(k)/(mostPoints-1))), append(l.Y, short(float64(sum)/unit/curves))
	}
	return l
}

// interpolated is the height of a ROC curve at x, at a rise its upper end. Point i is the first one from x on.
func interpolated(points []point, i int, x float64) float64 {
	if points[i].x > x && i > 0 {
		a, b := points[i-1], points[i]
		return a.y + (b.y-a.y)*(x-a.x)/(b.x-a.x)
	}
	for i+1 < len(points) && points[i+1].x <= x {
		i++
	}
	return points[i].y
}

// stepwise is the precision at recall x: that of the first step that reaches it.
func stepwise(points []point, i int, _ float64) float64 { return points[i].y }

// short rounds to four decimals, significant to four digits.
func short(x float64) report.Number { return report.Number(math.Round(x*1e4) / 1e4) }

func significant(x float64) report.Number {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return report.Number(x)
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	if y := math.Round(x*scale) / scale; !math.IsNaN(y) && !math.IsInf(y, 0) {
		return report.Number(y)
	}
	return report.Number(x)
}
