package choice

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Wilson is the 95% score interval of a share p of n rows (Wilson 1927). It lies in [0, 1], and has a width at 0 and 1 too.
func Wilson(p float64, n int) (low, high float64) {
	return wilson(p, float64(n), studentQuantile(1-Level/2, math.Inf(1)))
}

// WilsonError is about the standard error of a share p of n rows: a quarter of [Wilson]'s interval, so not 0 at 0 and 1.
func WilsonError(p float64, n int) float64 {
	low, high := Wilson(p, n)
	return (high - low) / 4
}

func wilson(p, n, t float64) (low, high float64) {
	if !(n > 0) {
		return 0, 1
	}
	square := t * t / n
	middle, half := (p+square/2)/(1+square), math.Sqrt(square*(p*(1-p)+square/4))/(1+square)
	low, high = max(0, middle-half), min(1, middle+half)
	return min(low, p), max(high, p) // rounding must not exclude 0 and 1
}

// intervals computes the intervals of the means. The variance of a mean is that between the repeats, pooled over all candidates,
// and that of the rows; with one run each it is that of the rows alone. Shares get Wilson's interval for as many rows as have this
// variance.
func (s *Standing) intervals() {
	s.Low, s.High = make([]float64, len(s.Mean)), make([]float64, len(s.Mean))
	within, degrees := s.within()
	for c := range s.Mean {
		s.Low[c], s.High[c] = s.interval(c, within, degrees)
	}
}

// within is the variance between the repeats of a candidate with its degrees of freedom. What all candidates share in a
// repeat has fewer of them than what is a candidate's own.
func (s *Standing) within() (variance, degrees float64) {
	squares, n := 0.0, 0
	for _, c := range s.entrants {
		for _, x := range s.runs.Scores[c] {
			if !math.IsNaN(x) {
				squares += (x - s.Mean[c]) * (x - s.Mean[c])
				n++
			}
		}
	}
	free := float64(n - len(s.entrants))
	if free < 1 {
		return 0, 0
	}
	variance = squares / free
	own := s.ms * s.f / free
	shared := max(0, variance-own)
	if degrees = own * own; s.f > 0 {
		degrees /= s.f
	}
	degrees += shared * shared / max(1, free-s.f)
	return variance, variance * variance / degrees
}

// interval is that of one candidate; within is the variance between repeats with its degrees of freedom.
func (s *Standing) interval(c int, within, f float64) (low, high float64) {
	mean := s.Mean[c]
	if math.IsNaN(mean) || s.runs.Right == nil && s.runs.Draws == nil {
		return math.NaN(), math.NaN()
	}
	repeats := s.runs.shared(c, c, nil)
	n, v := float64(len(repeats)), float64(s.runs.Rows)
	if s.runs.Right != nil && len(s.runs.Scores[c]) == 1 {
		return Wilson(mean, s.runs.Rows)
	}
	between := within / n
	same, rest := s.rowVariance(c, alone, repeats)
	variance := between + same
	if between == 0 {
		variance += rest
	}
	degrees := math.Inf(1)
	if between > 0 {
		degrees = max(variance*variance*f/(between*between), 1)
	}
	t := studentQuantile(1-Level/2, degrees)
	if !s.runs.Share {
		return mean - t*math.Sqrt(variance), mean + t*math.Sqrt(variance)
	}
	rows := v
	if spread := mean * (1 - mean); spread > 0 && variance > 0 {
		rows = min(spread/variance, n*v)
	}
	return wilson(mean, rows, t)
}

// studentQuantile is the quantile of Student's t distribution, of the normal distribution for infinite degrees of freedom. From
// 20 degrees of freedom it is the normal quantile with the terms of its expansion (Abramowitz and Stegun, 26.7.5), which are
// right to five digits there, and take a thousandth of the time.
func studentQuantile(p, degrees float64) float64 {
	if degrees < 20 {
		return distuv.StudentsT{Sigma: 1, Nu: degrees}.Quantile(p)
	}
	z := distuv.UnitNormal.Quantile(p)
	x := z * z
	first := z * (x + 1) / 4
	second := z * (3 + x*(16+x*5)) / 96
	third := z * (-15 + x*(17+x*(19+x*3))) / 384
	fourth := z * (-945 + x*(-1920+x*(1482+x*(776+x*79)))) / 92160
	return z + (first+(second+(third+fourth/degrees)/degrees)/degrees)/degrees
}
