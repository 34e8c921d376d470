package assess

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"mixmas/search/choice"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/task"
)

// pass goes through the rows once, in order, and collects what does not need them sorted.
type pass struct {
	*metric.Evaluation
	names     []string
	confusion [][]int
	confused  map[pair]int

	count     [bins]int
	right     [bins]int
	certainty [bins]float64 // sum
	squares   float64       // of the differences between probabilities and truth

	mistakes []mistake // the most confident first
}

type pair struct{ true, predicted int }

// mistake is a row with a wrong prediction about a class.
type mistake struct {
	row, class int
	certainty  float64
}

// rows reads all rows.
func (p *pass) rows(ctx context.Context) error {
	read := p.oneLabel
	switch p.Kind {
	case task.OneLabel:
		p.confused = map[pair]int{}
		if p.Classes <= mostConfusion {
			p.confusion = make([][]int, p.Classes)
			for class := range p.confusion {
				p.confusion[class] = make([]int, p.Classes)
			}
		}
	case task.MultiLabel:
		read = p.multiLabel
	default:
		return p.Kind.Unknown()
	}
	for row := range p.Rows {
		if row%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		read(row)
	}
	return nil
}

func (p *pass) oneLabel(row int) {
	is, predicted, certainty := 0, 0, 0.0
	for class := range p.Classes {
		share := p.Score(row, class)
		truth := 0.0
		if p.Truth(row, class) {
			is, truth = class, 1
		}
		if p.Predicted(row, class) {
			predicted, certainty = class, share
		}
		p.squares += (share - truth) * (share - truth)
	}
	p.calibrate(certainty, is == predicted)
	if p.confusion != nil {
		p.confusion[is][predicted]++
	} else if is != predicted {
		p.confused[pair{is, predicted}]++
	}
	if is != predicted {
		p.wrong(mistake{row, predicted, certainty})
	}
}

func (p *pass) multiLabel(row int) {
	worst := mistake{row, -1, -1}
	for class := range p.Classes {
		share := sigmoid(p.Score(row, class))
		truth, has := 0.0, p.Truth(row, class)
		if has {
			truth = 1
		}
		p.squares += (share - truth) * (share - truth)
		p.calibrate(share, has)
		if predicted := p.Predicted(row, class); predicted != has {
			certainty := share
			if has {
				certainty = 1 - share
			}
			if certainty > worst.certainty {
				worst = mistake{row, class, certainty}
			}
		}
	}
	if worst.class >= 0 {
		p.wrong(worst)
	}
}

// calibrate counts a prediction with its probability.
func (p *pass) calibrate(probability float64, right bool) {
	bin := min(int(probability*bins), bins-1)
	p.count[bin]++
	p.certainty[bin] += probability
	if right {
		p.right[bin]++
	}
}

// wrong keeps a mistake if it is one of the most confident ones, of equal ones the first.
func (p *pass) wrong(m mistake) {
	at, _ := slices.BinarySearchFunc(p.mistakes, m, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(b.certainty, a.certainty), cmp.Compare(a.row, b.row))
	})
	if at < mostMistakes {
		p.mistakes = slices.Insert(p.mistakes, at, m)[:min(len(p.mistakes)+1, mostMistakes)]
	}
}

// pairs are the most frequent confusions, unless there is a matrix.
func (p *pass) pairs() (list []Confused) {
	keys := slices.SortedFunc(maps.Keys(p.confused), func(a, b pair) int {
		return cmp.Or(cmp.Compare(p.confused[b], p.confused[a]), cmp.Compare(a.true, b.true), cmp.Compare(a.predicted, b.predicted))
	})
	for _, k := range keys[:min(len(keys), mostConfused)] {
		n := p.confused[k]
		list = append(list, Confused{True: Name(p.names[k.true]), Predicted: Name(p.names[k.predicted]), Count: n,
			Share: report.Number(float64(n) / float64(p.Classwise[k.true].Support()))})
	}
	return list
}

// calibration is that of the rows that were read.
func (p *pass) calibration() (c Calibration) {
	predictions, ece := 0, 0.0
	for _, n := range p.count {
		predictions += n
	}
	nan := report.Number(math.NaN())
	for bin, n := range p.count {
		b := Bin{Low: report.Number(float64(bin) / bins), High: report.Number(float64(bin+1) / bins), Count: n, Confidence: nan, Share: nan, ShareLow: nan, ShareHigh: nan}
		if n > 0 {
			confidence, share := p.certainty[bin]/float64(n), float64(p.right[bin])/float64(n)
			low, high := choice.Wilson(share, n)
			b.Confidence, b.Share, b.ShareLow, b.ShareHigh = report.Number(confidence), report.Number(share), report.Number(low), report.Number(high)
			ece += math.Abs(share-confidence) * float64(n)
		}
		c.Bins = append(c.Bins, b)
	}
	c.ECE, c.Brier = report.Number(ece/float64(predictions)), report.Number(p.squares/float64(p.Rows))
	if p.Kind == task.MultiLabel {
		c.Brier /= report.Number(p.Classes)
	}
	return c
}

// list describes the mistakes that were kept.
func (p *pass) list() (list []Mistake) {
	for _, m := range p.mistakes {
		out := Mistake{Row: m.row, Probability: report.Number(m.certainty), Shown: -1}
		for class := range p.Classes {
			if p.Truth(m.row, class) && len(out.True) < mostNames {
				out.True = append(out.True, Name(p.names[class]))
			}
			if p.Predicted(m.row, class) && len(out.Predicted) < mostNames {
				out.Predicted = append(out.Predicted, Name(p.names[class]))
			}
		}
		if p.Kind == task.MultiLabel {
			out.Class = Name(p.names[m.class])
		}
		list = append(list, out)
	}
	return list
}
