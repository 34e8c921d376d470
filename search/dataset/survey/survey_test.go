package survey_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/survey"
)

// memory is a data set in memory, of a table, a sequence, a map and a text.
type memory struct {
	dataset.Dataset
	rows [3]int
	// value gives an element before the standardisation; NaN is missing
	value func(s dataset.Split, modality, row, element int) float64
	steps func(modality, row int) int
}

var standard = map[string]dataset.Standardisation{
	"table":  {Per: dataset.PerFeature, Mean: []float64{130.2, -4e6}, Deviation: []float64{51.7, 3e5}},
	"series": dataset.Uniform(0.5, 0.25),
	"photo":  {Per: dataset.PerFeature, Mean: []float64{100, 20, 3}, Deviation: []float64{50, 10, 1}},
	"words":  {Per: dataset.None},
}

func (memory) Modalities() []dataset.Modality {
	return []dataset.Modality{
		{Name: "table", Kind: mixer.Table, Shape: []int{2}},
		{Name: "series", Kind: mixer.Sequence, Shape: []int{4, 2}, Masked: true},
		{Name: "photo", Kind: mixer.Map, Shape: []int{3, 2, 2}, Masked: true},
		{Name: "words", Kind: "text", Shape: []int{5}, Masked: true},
	}
}
func (m memory) Len(s dataset.Split) int                         { return m.rows[s] }
func (memory) Preprocessing() map[string]dataset.Standardisation { return standard }
func (m memory) Read(dataset.Split, int, int, []float32) error {
	return errors.New("missing values must be told apart")
}
func (m memory) ReadMissing(s dataset.Split, modality, row int, dst []float32) error {
	of := m.Modalities()[modality]
	scaling := standard[of.Name].Scaling(of)
	for i := range dst {
		dst[i] = float32(m.value(s, modality, row, i))
	}
	scaling.Apply(0, dst)
	return nil
}
func (m memory) Mask(_ dataset.Split, modality, row int, dst []float32) error {
	clear(dst)
	for i := range m.steps(modality, row) {
		dst[i] = 1
	}
	return nil
}

func TestSurvey(t *testing.T) {
	nan := math.NaN()
	data := memory{rows: [3]int{40, 3, 0},
		value: func(s dataset.Split, modality, row, element int) float64 {
			switch {
			case modality == 0 && element == 0:
				return []float64{0, 7, nan, 255}[row%4]
			case modality == 0:
				return -4e6 + float64(row%10)
			case modality == 1 && element >= 2*(row%3):
				return 99 // padding
			case modality == 1:
				return float64(element)
			case modality == 2:
				return float64(element/4) * 10
			}
			return 1
		},
		steps: func(modality, row int) int {
			switch modality {
			case 1:
				return row % 3
			case 2:
				return 1 - row%2
			}
			return 2
		}}
	calls := 0
	got, err := survey.Take(t.Context(), data, func(done, total int) { calls++ })
	if err != nil || calls > 1 {
		t.Fatal(calls, err)
	}
	root := math.Sqrt
	want := survey.Modality{}
	want[0].Features = []survey.Feature{
		{Count: 30, Missing: 10, Minimum: 0, Maximum: 255, Mean: 262. / 3, Deviation: root((7*7+255*255)/3. - 262.*262/9)},
		{Count: 40, Minimum: -4e6, Maximum: -4e6 + 9, Mean: -4e6 + 4.5, Deviation: root(8.25)},
	}
	near := cmpopts.EquateApprox(1e-6, 0.02)
	if diff := cmp.Diff(want[0], got.Modalities[0][0], near); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if v := got.Modalities[0][0].Features[0].Minimum; v != 0 {
		t.Errorf("the smallest value is %v, want exactly 0", v)
	}
	if n := got.Modalities[0][0].Missing(); n != 10 {
		t.Errorf("%d missing elements", n)
	}
	series := got.Modalities[1][0] // 14 rows of 0 steps, 13 of 1, 13 of 2
	if diff := cmp.Diff(survey.Samples{
		Features: []survey.Feature{
			{Count: 39, Minimum: 0, Maximum: 2, Mean: 2. / 3, Deviation: root(4./3 - 4./9)},
			{Count: 39, Minimum: 1, Maximum: 3, Mean: 1 + 2./3, Deviation: root(4./3 - 4./9)},
		},
		Lengths: &survey.Lengths{Minimum: 0, Maximum: 2, Mean: 39. / 40, Empty: 14},
	}, series, near); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	photo := got.Modalities[2][0]
	if photo.Lengths.Empty != 20 || photo.Features[2] != (survey.Feature{Count: 80, Mean: 20, Minimum: 20, Maximum: 20}) {
		t.Errorf("photo: %+v", photo)
	}
	if words := got.Modalities[3][0]; words.Features != nil || *words.Lengths != (survey.Lengths{Minimum: 2, Mean: 2, Maximum: 2}) {
		t.Errorf("words: %+v", words)
	}
	if none := got.Modalities[0][2]; none.Features[0] != (survey.Feature{}) {
		t.Errorf("no rows: %+v", none)
	}
}

func TestDuplicates(t *testing.T) {
	kinds := [3][]int{{1, 2, 3, 1, 1}, {4, 2, 2}, {4, 5, 6, 1}}
	data := memory{rows: [3]int{5, 3, 4},
		value: func(s dataset.Split, modality, row, element int) float64 {
			return float64(kinds[s][row] * (element + 1))
		},
		steps: func(int, int) int { return 1 }}
	got, err := survey.Take(t.Context(), data, nil)
	want := survey.Duplicates{Train: 2, Validation: 1, ValidationInTrain: 2, TestInTrain: 1, TestInValidation: 1}
	if err != nil || got.Duplicates != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	data.steps = func(modality, row int) int { return row % 2 } // rows 0 and 3 differ in their lengths now
	if got, err := survey.Take(t.Context(), data, nil); err != nil || got.Duplicates.Train != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	data := memory{rows: [3]int{5, 3, 4}}
	if _, err := survey.Take(ctx, data, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestZeroHasNoSign: what was 0 before it was standardised is shown as 0, not as -0.
func TestZeroHasNoSign(t *testing.T) {
	m := dataset.Modality{Kind: mixer.Table, Shape: []int{1}}
	for i := range 200 {
		s := dataset.Standardisation{Per: dataset.PerFeature, Mean: []float64{float64(i)/7 + 0.1}, Deviation: []float64{float64(i%13) + 0.3}}
		x := []float32{float32(-s.Mean[0] / s.Deviation[0])}
		if survey.Original(m, s, x); x[0] != 0 || math.Signbit(float64(x[0])) {
			t.Fatalf("%v: 0 became %g", s, x[0])
		}
	}
}
