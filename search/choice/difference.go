package choice

import "math"

// difference is that of two candidates: its mean (positive if the first is better), standard error and degrees of freedom.
type difference struct{ mean, err, degrees float64 }

// rival is the difference from another candidate, and how much it must be at least to be clear.
type rival struct {
	difference
	margin float64
}

// ties reports whether the rival cannot be told apart. Equal ones never can.
func (r rival) ties() bool { return r.mean <= 0 || r.mean < r.margin }

func (d difference) quantile(p float64) float64 { return studentQuantile(p, d.degrees) }

// difference compares a with b in the repeats that both have. With one repeat its error is that of the rows alone.
func (s *Standing) difference(a, b int) difference {
	shared := s.runs.shared(a, b, make([]int, 0, len(s.runs.Scores[a])))
	n := float64(len(shared))
	if n == 0 {
		return difference{s.gain(s.Mean[a] - s.Mean[b]), math.Inf(1), 1}
	}
	d := difference{mean: s.gain(s.meanDifference(a, b, shared)), degrees: math.Inf(1)}
	rows, rest := s.rowVariance(a, b, shared)
	repeats := 2 * s.ms / n
	variance := repeats + rows
	if repeats > 0 {
		d.degrees = max(variance*variance*s.f/(repeats*repeats), 1)
	}
	if repeats == 0 { // by chance: rows that differ from repeat to repeat are not without effect
		variance += rest
	}
	d.err = math.Sqrt(variance)
	if s.runs.Share && s.runs.Rows > 0 { // a difference of one row is never clear
		d.err = max(d.err, 1/float64(s.runs.Rows))
	}
	return d
}

// alone stands for no second candidate: rowVariance is then about the first one's mean.
const alone = -1

// rowVariance is the variance of the mean over repeats of a's score less b's that comes from the choice of the rows: what varies
// from row to row in the same way in all repeats. With one repeat it includes what would not be the same. rest is the variance that
// comes from rows that vary otherwise in each repeat.
func (s *Standing) rowVariance(a, b int, repeats []int) (same, rest float64) {
	switch {
	case s.runs.Right != nil:
		return s.counts(a, b, repeats).variance(len(repeats), s.runs.Rows)
	case s.runs.Draws != nil:
		return s.bootstrapVariance(a, b, repeats)
	}
	return math.Inf(1), 0
}

// counts are sums over rows and repeats of D: 1 or 0 by whether a is right, less that of b.
type counts struct {
	squares float64 // Σ D² over rows and repeats
	rows    float64 // Σ over rows of (Σ over repeats of D)²
	repeats float64 // Σ over repeats of (Σ over rows of D)²
	all     float64 // Σ D
}

// counts are sums of products of bits, so of counts of rows that are right in two runs.
func (s *Standing) counts(a, b int, repeats []int) counts {
	var sum counts
	for _, r := range repeats {
		x := s.runs.Right[a][r]
		n := x.Count()
		squares := n
		if b != alone {
			y := s.runs.Right[b][r]
			m := y.Count()
			squares += m - 2*x.CountBoth(y)
			n -= m
		}
		sum.squares += float64(squares)
		sum.all += float64(n)
		sum.repeats += float64(n) * float64(n)
		sum.rows += float64(squares)
		for _, q := range repeats {
			if q >= r {
				break
			}
			z := s.runs.Right[a][q]
			products := x.CountBoth(z)
			if b != alone {
				y, w := s.runs.Right[b][r], s.runs.Right[b][q]
				products += y.CountBoth(w) - x.CountBoth(w) - y.CountBoth(z)
			}
			sum.rows += 2 * float64(products)
		}
	}
	return sum
}

// variance is max(0, var(D̄ of rows)/V − E/(R·V)) and E/(R·V), with E the mean square of D by row × repeat.
func (sum counts) variance(repeats, rows int) (same, rest float64) {
	r, v := float64(repeats), float64(rows)
	if rows < 2 {
		return math.Inf(1), 0
	}
	same = (v*sum.rows - sum.all*sum.all) / (r * r * v * v * (v - 1))
	if repeats > 1 {
		rest = (r*v*sum.squares - r*sum.repeats - v*sum.rows + sum.all*sum.all) / (r * r * v * v * (r - 1) * (v - 1))
	}
	return max(0, same-rest), max(0, rest)
}

// bootstrapVariance is max(0, B − rest) and rest = Σ B_r/(R(R−1)), with B the variance over the draws of the mean over the repeats
// and B_r that of repeat r less the mean. Draws without a value are left out.
func (s *Standing) bootstrapVariance(a, b int, repeats []int) (same, rest float64) {
	n := float64(len(repeats))
	values := make([]float64, len(repeats))
	var mean moments
	own := make([]moments, len(repeats))
	for d := range s.runs.Draws[a][repeats[0]] {
		sum := 0.0
		for i, r := range repeats {
			values[i] = s.runs.Draws[a][r][d]
			if b != alone {
				values[i] -= s.runs.Draws[b][r][d]
			}
			sum += values[i]
		}
		if math.IsNaN(sum) {
			continue
		}
		mean.add(sum / n)
		for i, x := range values {
			own[i].add(x - sum/n)
		}
	}
	same = mean.variance()
	if len(repeats) == 1 || math.IsInf(same, 1) {
		return same, 0
	}
	for _, m := range own {
		rest += m.variance() / (n * (n - 1))
	}
	return max(0, same-rest), rest
}

// moments are a running mean and sum of squares (Welford).
type moments struct{ n, mean, squares float64 }

func (m *moments) add(x float64) {
	m.n++
	delta := x - m.mean
	m.mean += delta / m.n
	m.squares += delta * (x - m.mean)
}

// variance is infinite for fewer than two values.
func (m *moments) variance() float64 {
	if m.n < 2 {
		return math.Inf(1)
	}
	return m.squares / (m.n - 1)
}
