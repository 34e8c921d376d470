package choice

import (
	"fmt"
	"math"
	"strconv"
)

// Text says in words how the chosen candidate stands: "ahead of all others (95%)", or how many cannot be told apart and how much
// may be lost, or that it is behind the best, or why nothing was tested.
func (s *Standing) Text(metric string) string {
	if !s.Tested {
		return s.untested
	}
	tied := 0
	for _, ties := range s.Ties {
		if ties {
			tied++
		}
	}
	switch {
	case !s.Ties[s.Chosen]: // a constraint left out what is better
		return fmt.Sprintf("the chosen one is behind the best (95%%), by %s at most", s.amount(s.Bound, metric))
	case tied == 1:
		return "ahead of all others (95%)"
	}
	return fmt.Sprintf("not decided: %d of %d cannot be told apart; the chosen one is at most %s below the best (95%%); "+
		"differences below %s would rarely show", tied, len(s.entrants), s.amount(s.Bound, metric), s.amount(2.8*s.Error, metric))
}

// amount writes a difference of scores: in percentage points for shares.
func (s *Standing) amount(x float64, metric string) string {
	if math.IsInf(x, 0) { // two candidates have no repeat in common
		return "an unknown amount"
	}
	if !s.runs.Share {
		return strconv.FormatFloat(x, 'g', 2, 64) + " of " + metric
	}
	if points := math.Round(x*1000) / 10; points == 1 {
		return "1 point"
	} else {
		return strconv.FormatFloat(points, 'f', -1, 64) + " points"
	}
}
