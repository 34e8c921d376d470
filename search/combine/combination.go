package combine

import (
	"fmt"
	"math"

	"mixmas/search/task"
)

// Mean is the kind of mean of the members' predictions.
type Mean string

const (
	Probabilities    Mean = "probabilities"     // the arithmetic mean of probabilities
	LogProbabilities Mean = "log_probabilities" // the geometric mean of probabilities, made to sum to 1 again
)

// Check returns an error for what is not a mean.
func (m Mean) Check() error {
	if m != Probabilities && m != LogProbabilities {
		return fmt.Errorf("mean %q: want %s or %s", string(m), Probabilities, LogProbabilities)
	}
	return nil
}

// Member is one model's part in a combination.
type Member struct {
	// Weight is above 0. Only the ratios of the members' weights matter.
	Weight float64 `json:"weight"`
	// Temperature divides the model's logits.
	Temperature float64 `json:"temperature"`
}

// Check returns an error if the member cannot be part of a combination.
func (m Member) Check() error {
	for _, f := range []struct {
		name  string
		value float64
	}{{"weight", m.Weight}, {"temperature", m.Temperature}} {
		if !(f.value >= tiny && f.value <= huge) {
			return fmt.Errorf("%s %v: want %g to %g", f.name, f.value, tiny, huge)
		}
	}
	return nil
}

// Weights and temperatures are within these bounds, so that no logit becomes infinite.
const tiny, huge = 1e-6, 1e6

// Logits returns one prediction of the members' logits (each rows × classes), in the form of logits: log-probabilities, or for
// multi-label data log-odds. They are finite. It panics if there are no members or their logits differ in length.
func Logits(kind task.Kind, classes int, mean Mean, members []Member, logits [][]float32) []float32 {
	sum := NewSum(kind, classes, len(logits[0])/classes, mean)
	for i, m := range members {
		sum.Add(m, logits[i])
	}
	return sum.Logits()
}

// Sum adds up the predictions of the members of a combination, one member after another.
type Sum struct {
	kind    task.Kind
	classes int
	mean    Mean
	weight  float64
	// yes is the weighted sum of probabilities, log-probabilities or log-odds; no that of 1 - p, for multi-label probabilities.
	yes, no []float64
	row     []float64
}

// NewSum returns an empty sum for a number of rows.
func NewSum(kind task.Kind, classes, rows int, mean Mean) *Sum {
	s := &Sum{kind: kind, classes: classes, mean: mean, yes: make([]float64, rows*classes), row: make([]float64, classes)}
	if kind == task.MultiLabel && mean == Probabilities {
		s.no = make([]float64, rows*classes)
	}
	return s
}

// Reset forgets what was added, and takes a number of rows, at most as many as at first.
func (s *Sum) Reset(rows int) {
	s.weight, s.yes = 0, s.yes[:rows*s.classes]
	clear(s.yes)
	if s.no != nil {
		s.no = s.no[:rows*s.classes]
		clear(s.no)
	}
}

// Add adds a member with its logits (rows × classes).
func (s *Sum) Add(m Member, logits []float32) {
	if len(logits) != len(s.yes) {
		panic(fmt.Sprintf("combine: %d logits, want %d", len(logits), len(s.yes)))
	}
	s.weight += m.Weight
	for at := 0; at < len(logits); at += s.classes {
		z := logits[at:][:s.classes]
		switch {
		case s.kind == task.MultiLabel && s.mean == Probabilities:
			for k, x := range z {
				yes, no := sigmoids(float64(x) / m.Temperature)
				s.yes[at+k] += m.Weight * yes
				s.no[at+k] += m.Weight * no
			}
		case s.kind == task.MultiLabel:
			for k, x := range z {
				s.yes[at+k] += m.Weight * float64(x) / m.Temperature
			}
		default:
			logSoftmax(s.row, z, m.Temperature)
			for k, x := range s.row {
				if s.mean == Probabilities {
					x = math.Exp(x)
				}
				s.yes[at+k] += m.Weight * x
			}
		}
	}
}

// Logits returns the mean of what was added as logits, see [Logits].
func (s *Sum) Logits() []float32 {
	out := make([]float32, len(s.yes))
	s.Write(out)
	return out
}

// Write writes what [Sum.Logits] returns.
func (s *Sum) Write(out []float32) {
	for at := 0; at < len(out); at += s.classes {
		for k := range s.classes {
			yes := s.yes[at+k] / s.weight
			switch {
			case s.mean == LogProbabilities:
				s.row[k] = yes
			case s.kind == task.MultiLabel:
				s.row[k] = logarithm(yes) - logarithm(s.no[at+k]/s.weight)
			default:
				s.row[k] = logarithm(yes)
			}
		}
		shift := 0.0
		if s.kind == task.OneLabel && s.mean == LogProbabilities {
			shift = logSum(s.row)
		}
		for k, x := range s.row {
			out[at+k] = finite(x - shift)
		}
	}
}

// logarithm is log(p) of a probability, at least that of the smallest that is told from 0.
func logarithm(p float64) float64 { return math.Log(max(p, math.SmallestNonzeroFloat32)) }

// finite is x in float32, without infinities.
func finite(x float64) float32 {
	return float32(min(max(x, -math.MaxFloat32), math.MaxFloat32))
}

// sigmoids returns the sigmoid of z and of -z.
func sigmoids(z float64) (yes, no float64) {
	e := math.Exp(-math.Abs(z))
	yes, no = 1/(1+e), e/(1+e)
	if z < 0 {
		return no, yes
	}
	return yes, no
}

// logSoftmax writes the logarithm of the softmax of z divided by a temperature.
func logSoftmax(dst []float64, z []float32, temperature float64) {
	for k, x := range z {
		dst[k] = float64(x) / temperature
	}
	shift := logSum(dst)
	for k := range dst {
		dst[k] -= shift
	}
}

// logSum is log of the sum of exp(z).
func logSum(z []float64) float64 {
	top, sum := math.Inf(-1), 0.0
	for _, x := range z {
		top = max(top, x)
	}
	for _, x := range z {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum)
}
