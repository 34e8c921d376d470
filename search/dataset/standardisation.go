package dataset

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmas/nn/mixer"
)

// Grouping says which elements of a modality share a mean and a standard deviation.
type Grouping string

// The groupings.
const (
	PerFeature  Grouping = "feature"  // each feature of a table or sequence, and each channel of a map, has its own
	PerModality Grouping = "modality" // all elements share one mean and one deviation
	None        Grouping = "none"     // elements are taken as they are
)

// Standardisation is x → (x − mean) / deviation, with the mean and the (population) standard deviation of the training rows.
type Standardisation struct {
	Per Grouping `json:"per"`
	// Mean and Deviation have one element per feature or channel, one for a whole modality, and none for [None].
	Mean      []float64 `json:"mean,omitempty"`
	Deviation []float64 `json:"deviation,omitempty"`
	// Constant lists the features whose training values are all the same, up to rounding. Their deviation is 1.
	Constant []int `json:"constant,omitempty"`
	// Missing means that elements that are NaN are missing, and become 0, the mean.
	Missing bool `json:"missing,omitempty"`
}

// Uniform is one mean and deviation for a whole modality.
func Uniform(mean, deviation float64) Standardisation {
	return Standardisation{Per: PerModality, Mean: []float64{mean}, Deviation: []float64{deviation}}
}

// UnmarshalJSON also reads the earlier form, in which mean and deviation are numbers.
func (s *Standardisation) UnmarshalJSON(text []byte) error {
	var form struct {
		Per Grouping `json:"per"`
	}
	if err := json.Unmarshal(text, &form); err != nil {
		return err
	}
	if form.Per == "" {
		var old struct {
			Mean      float64 `json:"mean"`
			Deviation float64 `json:"deviation"`
		}
		err := json.Unmarshal(text, &old)
		*s = Uniform(old.Mean, old.Deviation)
		return err
	}
	type plain Standardisation
	return json.Unmarshal(text, (*plain)(s))
}

// Equal reports whether both do the same to samples.
func (s Standardisation) Equal(t Standardisation) bool {
	return s.Per == t.Per && slices.Equal(s.Mean, t.Mean) && slices.Equal(s.Deviation, t.Deviation)
}

// Check returns an error if the values cannot be used to standardise.
func (s Standardisation) Check() error {
	if len(s.Mean) != len(s.Deviation) {
		return fmt.Errorf("%d means and %d deviations cannot be used to standardise", len(s.Mean), len(s.Deviation))
	}
	switch n := len(s.Mean); {
	case s.Per == PerModality && n == 1, s.Per == PerFeature && n > 0, s.Per == None && n == 0:
	case s.Per == PerModality || s.Per == PerFeature || s.Per == None:
		return fmt.Errorf("%d means and deviations cannot be used to standardise per %s", n, s.Per)
	default:
		return fmt.Errorf("standardised per %q: want %s, %s or %s", s.Per, PerFeature, PerModality, None)
	}
	for i, mean := range s.Mean {
		if d := s.Deviation[i]; !(d > 0) || math.IsInf(d, 0) || math.IsInf(mean, 0) || math.IsNaN(mean) {
			return fmt.Errorf("mean %v and deviation %v cannot be used to standardise", mean, d)
		}
	}
	for _, feature := range s.Constant {
		if feature < 0 || feature >= len(s.Mean) {
			return fmt.Errorf("feature %d is listed as constant, but there are %d features", feature, len(s.Mean))
		}
	}
	return nil
}

// Fits returns an error if the standardisation does not fit the samples of a modality.
func (s Standardisation) Fits(m Modality) error {
	if err := s.Check(); err != nil {
		return err
	}
	if m.Kind == mixer.Text && s.Per != None {
		return fmt.Errorf("it is standardised per %s, but a text is not standardised", s.Per)
	}
	if n := m.features(); s.Per == PerFeature && len(s.Mean) != n {
		return fmt.Errorf("it is standardised by %d features, but its samples have %d", len(s.Mean), n)
	}
	return nil
}

// Text describes how the samples of a modality are standardised, such as "standardised per feature, 3 features".
func (s Standardisation) Text(m Modality) string {
	switch s.Per {
	case PerModality:
		return fmt.Sprintf("mean %.6g, standard deviation %.6g", s.Mean[0], s.Deviation[0])
	case None:
		return "not standardised"
	}
	noun := "feature"
	if m.Kind == mixer.Map {
		noun = "channel"
	}
	count := func(n int) string {
		if n == 1 {
			return "1 " + noun
		}
		return fmt.Sprintf("%d %ss", n, noun)
	}
	text := fmt.Sprintf("standardised per %s, %s", noun, count(len(s.Mean)))
	const most = 8
	switch n := len(s.Constant); {
	case n == 0:
	case n == 1:
		text += fmt.Sprintf("; %s %d is constant (the first is 0)", noun, s.Constant[0])
	default:
		numbers := make([]string, min(n, most))
		for i := range numbers {
			numbers[i] = fmt.Sprint(s.Constant[i])
		}
		last := numbers[len(numbers)-1]
		if n > most {
			last = fmt.Sprintf("%d more", n-most+1)
		}
		text += fmt.Sprintf("; %ss %s and %s are constant (the first is 0)", noun, strings.Join(numbers[:len(numbers)-1], ", "), last)
	}
	return text
}

// raw returns a standardisation that leaves some features as they are.
func (s Standardisation) raw(features []int) Standardisation {
	if s.Per != PerFeature || len(features) == 0 || len(s.Mean) == 0 {
		return s
	}
	s.Mean, s.Deviation = slices.Clone(s.Mean), slices.Clone(s.Deviation)
	for _, f := range features {
		s.Mean[f], s.Deviation[f] = 0, 1
	}
	var constant []int
	for _, f := range s.Constant {
		if !slices.Contains(features, f) {
			constant = append(constant, f)
		}
	}
	s.Constant = constant
	return s
}

// Scaling is a standardisation prepared for the samples of a modality. Nil leaves elements as they are.
type Scaling struct {
	run         int       // consecutive elements that share a mean and a scale
	period      int       // elements after which means and scales repeat; with run 1, a multiple of the features
	mean, scale []float64 // one per run
}

// Scaling prepares a standardisation that fits the modality. It returns nil for [None].
func (s Standardisation) Scaling(m Modality) *Scaling {
	if s.Per == None {
		return nil
	}
	scaling := &Scaling{mean: s.Mean, scale: make([]float64, len(s.Mean)), run: m.Size()}
	for i, d := range s.Deviation {
		scaling.scale[i] = 1 / d
	}
	if s.Per == PerFeature {
		scaling.run = m.run()
	}
	if n := len(s.Mean); scaling.run == 1 && n < 256 { // long pieces are fast
		scaling.mean, scaling.scale = slices.Repeat(scaling.mean, 256/n), slices.Repeat(scaling.scale, 256/n)
	}
	scaling.period = scaling.run * len(scaling.mean)
	return scaling
}

// Piece says how consecutive elements are standardised: all by Mean and Scale, or each by its element of Means and Scales.
type Piece struct {
	Elements      int // at least 1
	Mean, Scale   float64
	Means, Scales []float64 // nil, or of length Elements
}

// Piece says how the elements of a sample from the given one on, at most most of them, are standardised: x becomes
// (x - mean) scale, computed in float64. Elements are counted from 0.
func (s *Scaling) Piece(element, most int) Piece {
	if s == nil {
		return Piece{Elements: most, Scale: 1}
	}
	element %= s.period
	if s.run == 1 {
		n := min(most, s.period-element)
		return Piece{Elements: n, Means: s.mean[element:][:n], Scales: s.scale[element:][:n]}
	}
	i := element / s.run
	return Piece{Elements: min(most, s.run-element%s.run), Mean: s.mean[i], Scale: s.scale[i]}
}

// Apply standardises values in place. They are the elements of a sample from the given one on.
func (s *Scaling) Apply(element int, values []float32) {
	if s == nil {
		return
	}
	for len(values) > 0 {
		p := s.Piece(element, len(values))
		some := values[:p.Elements]
		if p.Means == nil {
			for i, v := range some {
				some[i] = float32((float64(v) - p.Mean) * p.Scale)
			}
		} else {
			means, scales := p.Means[:len(some)], p.Scales[:len(some)]
			for i, v := range some {
				some[i] = float32((float64(v) - means[i]) * scales[i])
			}
		}
		values, element = values[p.Elements:], element+p.Elements
	}
}
