package dataset

import (
	"fmt"
	"math"
	"slices"

	"mixmas/search/packed"
)

// Statistics sums the elements of a column, row by row, in one pass. It sums differences from the first value that counts, so
// large means cost no precision.
type Statistics struct {
	request              Request
	rowSize              int64
	seen                 int64        // elements
	listed               *packed.List // by row: 1 if it is in the request's list; nil without a list
	counted              int64        // elements that counted so far
	origin, sum, squares []float64    // by feature, or one for all
	features, run        int64        // as in the request; one feature if all elements share a mean
	present              []int64      // elements that are not missing, by feature; nil if none may be missing
}

// NewStatistics starts the statistics of a request; rowSize is the number of elements per row.
func NewStatistics(r Request, rowSize int) *Statistics {
	n := r.means()
	s := &Statistics{request: r, rowSize: int64(rowSize), features: int64(n), run: int64(max(1, r.Run)),
		origin: make([]float64, n), sum: make([]float64, n), squares: make([]float64, n)}
	if r.Missing {
		s.present = make([]int64, n)
	}
	if r.Rows.List != nil {
		listed := packed.New(slices.Max(append([]int{-1}, r.Rows.List...))+1, 1)
		for _, row := range r.Rows.List {
			listed.Set(row, 1)
		}
		s.listed = &listed
	}
	return s
}

// Add adds the next elements. A real one that is not a finite float32 number is an error, unless it is missing.
func (s *Statistics) Add(values []float64) error {
	for len(values) > 0 {
		n, real, counts := s.next()
		some := values[:min(int64(len(values)), n)]
		if real {
			for i, v := range some {
				if !(math.Abs(v) <= math.MaxFloat32) && (v == v || s.present == nil) { // not <=: also for NaN
					return &NotFinite{(s.seen + int64(i)) / s.rowSize, v}
				}
				if tokens := s.request.Vocabulary; tokens > 0 && (v < 0 || v >= float64(tokens) || v != math.Trunc(v)) {
					return fmt.Errorf("row %d: the value %v is not the number of a token: want a whole number from 0 to %d", (s.seen+int64(i))/s.rowSize, v, tokens-1)
				}
			}
		}
		switch {
		case counts && s.present != nil:
			s.countPresent(some)
		case counts:
			s.count(some)
		}
		s.seen += int64(len(some))
		values = values[len(some):]
	}
	return nil
}

// next returns how many of the next elements are treated alike, whether they are real and whether they count.
func (s *Statistics) next() (n int64, real, counts bool) {
	rows := s.request.Rows
	if s.listed == nil && s.request.Lengths == nil {
		switch first, end := int64(rows.First)*s.rowSize, int64(rows.First+rows.Count)*s.rowSize; {
		case s.seen < first:
			return first - s.seen, true, false
		case s.seen < end:
			return end - s.seen, true, s.features > 0
		}
		return math.MaxInt64, true, false
	}
	row, offset, length := int(s.seen/s.rowSize), s.seen%s.rowSize, s.rowSize
	if s.request.Lengths != nil {
		length = int64(s.request.Lengths.At(row)) * int64(s.request.Features) * s.run
	}
	if offset >= length {
		return s.rowSize - offset, false, false
	}
	if s.listed != nil {
		counts = row < s.listed.Len() && s.listed.At(row) == 1
	} else {
		counts = row >= rows.First && row < rows.First+rows.Count
	}
	return length - offset, true, counts && s.features > 0
}

// count adds elements that count to the sums.
func (s *Statistics) count(values []float64) {
	for len(values) > 0 {
		some, feature := values, int64(0)
		switch {
		case s.features == 1:
		case s.run == 1:
			feature = s.counted % s.features
			some = values[:min(s.features-feature, int64(len(values)))]
			s.countStep(feature, some)
			s.counted += int64(len(some))
			values = values[len(some):]
			continue
		default:
			feature = s.counted / s.run % s.features
			some = values[:min(s.run-s.counted%s.run, int64(len(values)))]
		}
		if s.counted < s.features*s.run && s.counted%s.run == 0 {
			s.origin[feature] = some[0]
		}
		origin, sum, squares := s.origin[feature], s.sum[feature], s.squares[feature] // in registers
		for _, v := range some {
			d := v - origin
			sum += d
			squares += d * d
		}
		s.sum[feature], s.squares[feature] = sum, squares
		s.counted += int64(len(some))
		values = values[len(some):]
	}
}

// countStep adds one element per feature to the sums, from the given feature on.
func (s *Statistics) countStep(feature int64, values []float64) {
	n := len(values)
	origin, sum, squares := s.origin[feature:][:n], s.sum[feature:][:n], s.squares[feature:][:n]
	if s.counted < s.features {
		copy(origin, values)
	}
	for i, v := range values {
		d := v - origin[i]
		sum[i] += d
		squares[i] += d * d
	}
}

// countPresent adds elements that count to the sums, unless they are missing. Without missing elements, the sums are those of
// count.
func (s *Statistics) countPresent(values []float64) {
	feature, left := int64(0), int64(math.MaxInt64) // left elements of the feature come before the next one
	if s.features > 1 {
		feature, left = s.counted/s.run%s.features, s.run-s.counted%s.run
	}
	s.counted += int64(len(values))
	for _, v := range values {
		if v == v {
			if s.present[feature] == 0 {
				s.origin[feature] = v
			}
			s.present[feature]++
			d := v - s.origin[feature]
			s.sum[feature] += d
			s.squares[feature] += d * d
		}
		if left--; left == 0 {
			if feature, left = feature+1, s.run; feature == s.features {
				feature = 0
			}
		}
	}
}

// Standardisation returns the means and standard deviations of the elements that counted. A feature without any has mean 0 and
// deviation 1, and is listed as constant.
func (s *Statistics) Standardisation() Standardisation {
	result := Standardisation{Per: s.request.per()}
	for i, origin := range s.origin {
		n := float64(s.counted / s.features)
		if s.present != nil {
			n = float64(s.present[i])
		}
		difference, variance := 0.0, 0.0
		if n > 0 {
			difference = s.sum[i] / n
			variance = s.squares[i]/n - difference*difference
		}
		mean, deviation := origin+difference, 1.0
		switch constant := isConstant(variance, mean, n); {
		case result.Per == PerFeature && constant:
			result.Constant = append(result.Constant, i)
		case variance > 0:
			deviation = math.Sqrt(variance)
		}
		result.Mean, result.Deviation = append(result.Mean, mean), append(result.Deviation, deviation)
	}
	return result
}

// isConstant reports whether a variance is within the rounding error of n equal numbers, by the rule of scikit-learn.
func isConstant(variance, mean, n float64) bool {
	const epsilon = 0x1p-52
	rounding := n * mean * epsilon
	return variance <= n*epsilon*variance+rounding*rounding
}
