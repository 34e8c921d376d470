package choice

import (
	"errors"
	"math"
)

// Level is the share of cases in which a statement may be wrong: intervals and tests are at 95%.
const Level = 0.05

// Standing is how candidates compare.
type Standing struct {
	// Leader is the candidate with the best mean, the first of equal ones. Chosen is the one that Bound is about: the leader,
	// or what was passed to [Standing.Choose].
	Leader, Chosen int
	// Mean is the mean score of each candidate over the repeats that have a score, and Low and High its 95% interval. They are NaN
	// for a candidate without a score; Low and High also if neither predictions nor bootstrap values are given.
	Mean, Low, High []float64
	// Ties says of each candidate whether it cannot be told apart from the leader. The leader itself ties. If nothing was tested,
	// all candidates with a score tie.
	Ties []bool
	// Tested is false if nothing may be claimed about the order: with one run each, or one candidate.
	Tested bool
	// Bound is how far the chosen candidate is below the best at most (95%), in units of the metric. Error is the standard error
	// of the difference between the chosen candidate and its closest rival. Both are 0 if nothing was tested.
	Bound, Error float64

	runs     Runs
	entrants []int   // the candidates with a score
	ms, f    float64 // mean square of candidate × repeat, its degrees of freedom
	untested string  // why nothing was tested
}

// Compare applies the rule. With D the differences of two candidates by row and repeat, their standard error is
//
//	SE² = 2·MS/R + S
//
// where MS is the mean square of the scores' interaction of candidate and repeat, pooled over all candidates, and S is the
// variance of the mean difference that comes from the rows: var(D over rows)/V less what the repeats add to it, for other
// metrics the bootstrap's. A candidate ties with the leader unless it is behind by t(1 − 0.05/(C−1))·SE or more, with
// Satterthwaite's degrees of freedom.
//
// Where chance leaves nothing to measure, it claims less: equal candidates tie, the standard error of shares is that of one row at
// least, and if MS is 0, rows that differ between repeats count.
//
// A run without a score is left out: two candidates are compared in the repeats that both have. It returns an error if lengths do
// not agree or no run has a score.
func Compare(runs Runs) (*Standing, error) {
	if err := runs.check(); err != nil {
		return nil, err
	}
	if runs.Right != nil {
		runs.Share = true
	}
	s := &Standing{Leader: -1, runs: runs}
	s.means()
	if s.Leader < 0 {
		return nil, errors.New("choice: no run has a score")
	}
	s.Chosen = s.Leader
	s.interaction()
	s.untested = s.whyUntested()
	s.Tested = s.untested == ""
	s.intervals()
	s.Ties = make([]bool, len(runs.Scores))
	rivals := s.against(s.Leader)
	for i, c := range s.entrants {
		s.Ties[c] = !s.Tested || c == s.Leader || rivals[i].ties()
	}
	s.bound(s.Leader, rivals)
	return s, nil
}

// means computes the means and finds the leader.
func (s *Standing) means() {
	s.Mean = make([]float64, len(s.runs.Scores))
	for c, scores := range s.runs.Scores {
		sum, n := 0.0, 0
		for _, x := range scores {
			if !math.IsNaN(x) {
				sum += x
				n++
			}
		}
		s.Mean[c] = sum / float64(n) // NaN without a score
		if n == 0 {
			continue
		}
		s.entrants = append(s.entrants, c)
		if s.Leader < 0 || s.gain(s.Mean[c]-s.Mean[s.Leader]) > 0 {
			s.Leader = c
		}
	}
}

// gain is a difference of scores, positive for a better one.
func (s *Standing) gain(difference float64) float64 {
	if s.runs.LowerIsBetter {
		return -difference
	}
	return difference
}

// interaction computes the mean square of candidate × repeat. Half the variance of a pair's differences, pooled over all pairs,
// is that mean square when no run is missing, and estimates it when some are.
func (s *Standing) interaction() {
	complete, cells, repeats := true, 0, map[int]bool{}
	for _, c := range s.entrants {
		for i := range s.runs.Scores[c] {
			if s.runs.finished(c, i) {
				cells++
				repeats[i] = true
			} else {
				complete = false
			}
		}
	}
	s.f = float64(cells - len(s.entrants) - len(repeats) + 1)
	if s.f < 1 {
		return
	}
	if complete {
		s.ms = s.withoutRounding(s.completeSquares() / s.f)
		return
	}
	squares, degrees := 0.0, 0
	var shared []int
	for i, a := range s.entrants {
		for _, b := range s.entrants[:i] {
			shared = s.runs.shared(a, b, shared[:0])
			if len(shared) < 2 {
				continue
			}
			mean := s.meanDifference(a, b, shared)
			for _, r := range shared {
				rest := s.runs.Scores[a][r] - s.runs.Scores[b][r] - mean
				squares += rest * rest / 2
			}
			degrees += len(shared) - 1
		}
	}
	if degrees == 0 { // no two candidates share two repeats
		s.f = 0
		return
	}
	s.ms = s.withoutRounding(squares / float64(degrees))
}

// withoutRounding makes a mean square 0 that is only the rounding of the scores: as a variance it would have few degrees of
// freedom.
func (s *Standing) withoutRounding(square float64) float64 {
	largest := 0.0
	for _, c := range s.entrants {
		largest = max(largest, math.Abs(s.Mean[c]))
	}
	if square <= 1e-26*largest*largest {
		return 0
	}
	return square
}

// completeSquares is the sum of squares of candidate × repeat if no run is missing.
func (s *Standing) completeSquares() float64 {
	byRepeat := make([]float64, len(s.runs.Scores[0]))
	all := 0.0
	for _, c := range s.entrants {
		for i, x := range s.runs.Scores[c] {
			byRepeat[i] += x / float64(len(s.entrants))
		}
		all += s.Mean[c] / float64(len(s.entrants))
	}
	sum := 0.0
	for _, c := range s.entrants {
		for i, x := range s.runs.Scores[c] {
			rest := x - s.Mean[c] - byRepeat[i] + all
			sum += rest * rest
		}
	}
	return sum
}

func (s *Standing) meanDifference(a, b int, repeats []int) float64 {
	sum := 0.0
	for _, r := range repeats {
		sum += s.runs.Scores[a][r] - s.runs.Scores[b][r]
	}
	return sum / float64(len(repeats))
}

// whyUntested says why nothing may be claimed; empty if the rule applies.
func (s *Standing) whyUntested() string {
	most := 0
	for _, c := range s.entrants {
		most = max(most, len(s.runs.shared(c, c, nil)))
	}
	switch {
	case len(s.entrants) == 1:
		return "the only candidate"
	case most == 1:
		return "one run each: another initialisation may change this order; not tested"
	case s.f < 1:
		return "too few finished runs to compare; not tested"
	case s.runs.Right == nil && s.runs.Draws == nil:
		return "not tested: the outputs of the runs are missing"
	case s.runs.Rows < 2:
		return "not tested: fewer than two rows score the candidates"
	}
	return ""
}

// Choose sets what Bound and Error are about: another candidate than the leader, such as the cheapest of close ones.
func (s *Standing) Choose(candidate int) { s.bound(candidate, s.against(candidate)) }

// against compares a candidate with each that has a score, itself included; nil if nothing was tested.
func (s *Standing) against(candidate int) []rival {
	if !s.Tested {
		return nil
	}
	rivals := make([]rival, len(s.entrants))
	for i, c := range s.entrants {
		if c != candidate {
			d := s.difference(candidate, c)
			rivals[i] = rival{d, d.quantile(s.oneSided()) * d.err}
		}
	}
	return rivals
}

// bound sets Bound and Error for a candidate by its rivals.
func (s *Standing) bound(candidate int, rivals []rival) {
	s.Chosen, s.Bound, s.Error = candidate, 0, 0
	closest := math.Inf(1)
	for i, d := range rivals {
		if s.entrants[i] == candidate {
			continue
		}
		s.Bound = max(s.Bound, d.margin-d.mean)
		if distance := math.Abs(d.mean); distance < closest {
			closest, s.Error = distance, d.err
		}
	}
	if s.runs.Share {
		s.Bound = min(s.Bound, 1)
	}
}

// oneSided is the probability of the quantile that a rival must be behind by: the level is shared among all rivals.
func (s *Standing) oneSided() float64 { return 1 - Level/float64(len(s.entrants)-1) }

// Interval is the 95% interval of the true difference of two candidates' means, a less b in units of the metric. It is infinite if
// nothing was tested.
func (s *Standing) Interval(a, b int) (low, high float64) {
	if !s.Tested {
		return math.Inf(-1), math.Inf(1)
	}
	d := s.difference(a, b)
	half := d.quantile(1-Level/2) * d.err
	return s.gain(d.mean) - half, s.gain(d.mean) + half
}
