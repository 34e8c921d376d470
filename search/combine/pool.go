package combine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"mixmas/search/metric"
	"mixmas/search/task"
)

// Pool holds the outputs of models for the same rows, those of the validation split.
type Pool struct {
	Kind          task.Kind
	Classes, Rows int
	// Label writes a row's label, in the form that Kind gives it.
	Label func(row int, dst []float32) error
	// Groups are the rows' groups, such as subjects: a group is in one half as a whole. Nil if each row is a group.
	Groups []uint64
	// Logits are the models' outputs, each Rows × Classes. Where models are equally good, the first one is taken.
	Logits [][]float32
	// Names are the models' names, for error messages; they may be left out.
	Names []string
}

func (p Pool) name(i int) string {
	if i < len(p.Names) {
		return p.Names[i]
	}
	return fmt.Sprintf("model %d", i)
}

func (p Pool) check() error {
	if len(p.Logits) == 0 {
		return fmt.Errorf("combine: there are no models to combine")
	}
	if p.Groups != nil && len(p.Groups) != p.Rows {
		return fmt.Errorf("combine: %d groups for %d rows", len(p.Groups), p.Rows)
	}
	for i, logits := range p.Logits {
		if len(logits)%max(1, p.Classes) != 0 || len(logits)/max(1, p.Classes) != p.Rows {
			return fmt.Errorf("combine: %s has %d logits, want %d rows × %d classes", p.name(i), len(logits), p.Rows, p.Classes)
		}
		if at := slices.IndexFunc(logits, func(z float32) bool { return z-z != 0 }); at >= 0 {
			return fmt.Errorf("combine: %s: row %d, class %d: logits contain %v", p.name(i), at/p.Classes, at%p.Classes, logits[at])
		}
	}
	return nil
}

// scorer checks the pool and returns the scorer of a metric for its rows.
func (p Pool) scorer(ctx context.Context, name string) (*metric.Scorer, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return metric.NewScorer(ctx, name, metric.Outputs{Rows: p.Rows, Classes: p.Classes, Kind: p.Kind, Label: p.Label})
}

// Halves divides the rows in the two halves on which an ensemble is judged, see [Ensemble.Honest].
func (p Pool) Halves(ctx context.Context, seed uint64) (a, b []int, err error) {
	s, err := metric.NewScorer(ctx, "loss", metric.Outputs{Rows: p.Rows, Classes: p.Classes, Kind: p.Kind, Label: p.Label})
	if err != nil {
		return nil, nil, err
	}
	a, b = halves(s, p.Classes, p.Groups, seed)
	return a, b, nil
}

// halves divides a scorer's rows at random in two halves, in ascending order: each class is in both halves as equally as can be, and a
// group is in one of them as a whole unless all rows are in one group. The same seed gives the same halves. groups is nil if each row
// is a group.
//
// It puts the rows, in units of groups, to the half that has fewer rows of their rarest class, then fewer rows. Units come in
// random order, the larger ones first.
func halves(s *metric.Scorer, classes int, groups []uint64, seed uint64) (a, b []int) {
	random := rand.New(rand.NewPCG(seed, 0x68616c766573))
	units := make([][]int, 0, s.Rows())
	if one := groups == nil || !slices.ContainsFunc(groups, func(g uint64) bool { return g != groups[0] }); one {
		for row := range s.Rows() {
			units = append(units, []int{row})
		}
	} else {
		place := map[uint64]int{}
		for row, g := range groups {
			if _, seen := place[g]; !seen {
				place[g] = len(units)
				units = append(units, nil)
			}
			units[place[g]] = append(units[place[g]], row)
		}
	}
	support := make([]int, classes)
	for row := range s.Rows() {
		for k := range classes {
			if s.Truth(row, k) {
				support[k]++
			}
		}
	}
	rarest := func(row int) int {
		best := -1
		for k := range classes {
			if s.Truth(row, k) && (best < 0 || support[k] < support[best]) {
				best = k
			}
		}
		return best + 1 // 0: no class
	}
	random.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
	slices.SortStableFunc(units, func(x, y []int) int { return cmp.Compare(len(y), len(x)) })
	var half [2][]int
	count := [2][]int{make([]int, classes+1), make([]int, classes+1)}
	for _, unit := range units {
		balance := 0 // of the unit's classes, in half 1 less half 0
		for _, row := range unit {
			k := rarest(row)
			balance += count[1][k] - count[0][k]
		}
		to := 0
		if balance < 0 || balance == 0 && len(half[1]) < len(half[0]) {
			to = 1
		}
		for _, row := range unit {
			count[to][rarest(row)]++
		}
		half[to] = append(half[to], unit...)
	}
	slices.Sort(half[0])
	slices.Sort(half[1])
	return half[0], half[1]
}

// Rows returns the logits of some rows.
func Rows(logits []float32, classes int, rows []int) []float32 {
	out := make([]float32, 0, len(rows)*classes)
	for _, row := range rows {
		out = append(out, logits[row*classes:][:classes]...)
	}
	return out
}

// undefined is the value of a metric that cannot be computed.
var undefined = math.NaN()
