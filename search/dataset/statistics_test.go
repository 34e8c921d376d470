package dataset_test

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"mixmas/search/dataset"
	"mixmas/search/packed"
)

// The statistics of every grouping are those of the elements that count, however the elements come in pieces.
func TestStatisticsAreThoseOfTheElementsThatCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		features, run, times := rapid.IntRange(1, 4).Draw(t, "features"), 1, 1
		masked := false
		switch rapid.SampledFrom([]string{"table", "sequence", "map"}).Draw(t, "kind") {
		case "sequence":
			times, masked = rapid.IntRange(1, 4).Draw(t, "steps"), rapid.Bool().Draw(t, "masked")
		case "map":
			run = rapid.IntRange(1, 5).Draw(t, "pixels")
		}
		size, rows := features*run*times, rapid.IntRange(1, 12).Draw(t, "rows")
		values := make([]float64, rows*size)
		missing := rapid.Bool().Draw(t, "missing")
		for i := range values {
			values[i] = float64(rapid.IntRange(-1000, 1000).Draw(t, "value")) / 8
			if missing && rapid.IntRange(0, 2).Draw(t, "present") == 0 {
				values[i] = math.NaN()
			}
		}
		r := dataset.Request{Per: rapid.SampledFrom([]dataset.Grouping{dataset.PerFeature, dataset.PerModality}).Draw(t, "per"), Features: features, Run: run, Missing: missing}
		var counts []int
		if r.Rows.First = rapid.IntRange(0, rows-1).Draw(t, "first"); rapid.Bool().Draw(t, "list") {
			counts = rapid.SliceOfNDistinct(rapid.IntRange(0, rows-1), 1, rows, rapid.ID).Draw(t, "rows that count")
			r.Rows = dataset.Rows{List: counts}
		} else {
			r.Rows.Count = rapid.IntRange(1, rows-r.Rows.First).Draw(t, "count")
			for i := range r.Rows.Count {
				counts = append(counts, r.Rows.First+i)
			}
		}
		if masked {
			lengths := packed.New(rows, uint32(times))
			for row := range rows {
				lengths.Set(row, uint32(rapid.IntRange(0, times).Draw(t, "length")))
				for i := int(lengths.At(row)) * features; i < size; i++ {
					values[row*size+i] = math.NaN() // whatever is there
				}
			}
			r.Lengths = &lengths
		}
		groups := make([][]float64, 1)
		if r.Per == dataset.PerFeature {
			groups = make([][]float64, features)
		}
		slices.Sort(counts)
		for _, row := range counts {
			for i, v := range values[row*size:][:size] {
				if (r.Lengths == nil || i < int(r.Lengths.At(row))*features) && !math.IsNaN(v) {
					group := i / run % features % len(groups)
					groups[group] = append(groups[group], v)
				}
			}
		}
		s := dataset.NewStatistics(r, size)
		for rest := values; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			if err := s.Add(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		got := s.Standardisation()
		if err := got.Check(); err != nil {
			t.Fatal(err)
		}
		if len(got.Mean) != len(groups) {
			t.Fatalf("%d means, want %d", len(got.Mean), len(groups))
		}
		for i, group := range groups {
			mean, deviation := 0.0, 1.0
			if len(group) > 0 {
				mean = stat.Mean(group, nil)
				if d := math.Sqrt(stat.MomentAbout(2, group, mean, nil)); slices.Min(group) < slices.Max(group) {
					deviation = d
				}
			}
			constant := r.Per == dataset.PerFeature && (len(group) == 0 || slices.Min(group) == slices.Max(group))
			if constant != slices.Contains(got.Constant, i) {
				t.Fatalf("group %d of %v: constant are %v", i, group, got.Constant)
			}
			if math.Abs(got.Mean[i]-mean) > 1e-9*max(1, math.Abs(mean)) || math.Abs(got.Deviation[i]-deviation) > 1e-6*max(1, deviation) {
				t.Fatalf("group %d: mean %v, deviation %v, want %v, %v", i, got.Mean[i], got.Deviation[i], mean, deviation)
			}
		}
	})
}

// statistics are those of rows of features, all of which count.
func statistics(t testing.TB, per dataset.Grouping, features int, values ...float64) dataset.Standardisation {
	t.Helper()
	s := dataset.NewStatistics(dataset.Request{Per: per, Features: features, Run: 1, Rows: dataset.Rows{Count: len(values) / features}}, features)
	if err := s.Add(values); err != nil {
		t.Fatal(err)
	}
	return s.Standardisation()
}

// A mean of 10⁹ leaves a deviation of 1 its digits, beside a feature in 0 to 1.
func TestLargeMeansCostNoDigits(t *testing.T) {
	var values []float64
	for i := range 1000 {
		values = append(values, 1e9+float64(i%2)*2, float64(i%4)/3)
	}
	s := statistics(t, dataset.PerFeature, 2, values...)
	if s.Mean[0] != 1e9+1 || s.Deviation[0] != 1 || math.Abs(s.Mean[1]-.5) > 1e-15 || math.Abs(s.Deviation[1]-math.Sqrt(5)/6) > 1e-15 {
		t.Errorf("got %v", s)
	}
}

// What is constant but for rounding has deviation 1 and says so. One per modality keeps its rule: scores depend on it.
func TestConstantFeatures(t *testing.T) {
	a, b := 0.1, 0.2
	nearly := []float64{0.3, 5, 1e5, a + b, 6, 1e5, 0.3, 5, 1e5, a + b, 7, 1e5}
	s := statistics(t, dataset.PerFeature, 3, nearly...)
	if !slices.Equal(s.Constant, []int{0, 2}) || s.Deviation[0] != 1 || s.Deviation[2] != 1 || s.Deviation[1] == 1 {
		t.Errorf("got %v", s)
	}
	if s := statistics(t, dataset.PerModality, 1, 0.3, a+b); s.Deviation[0] == 1 || s.Constant != nil {
		t.Errorf("per modality: got %v", s)
	}
	m := dataset.Modality{Name: "patient", Kind: "table", Shape: []int{3}}
	for want, constant := range map[string][]int{
		"standardised per feature, 3 features":                                                    nil,
		"standardised per feature, 3 features; feature 2 is constant (the first is 0)":            {2},
		"standardised per feature, 3 features; features 0, 1 and 2 are constant (the first is 0)": {0, 1, 2},
	} {
		s.Constant = constant
		if got := s.Text(m); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A scaling says for each element of a sample the mean and scale of its feature, in pieces from any element on.
func TestScaling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := dataset.Modality{Name: "x", Kind: "table", Shape: []int{rapid.IntRange(1, 600).Draw(t, "features")}}
		groups, run := m.Shape[0], 1
		switch rapid.SampledFrom([]string{"table", "sequence", "map"}).Draw(t, "kind") {
		case "sequence":
			m.Kind, m.Shape = "sequence", []int{rapid.IntRange(1, 5).Draw(t, "steps"), groups}
		case "map":
			m.Kind, m.Shape = "map", []int{groups, 2, 3}
			run = 6
		}
		s := dataset.Standardisation{Per: dataset.PerFeature}
		for i := range groups {
			s.Mean, s.Deviation = append(s.Mean, float64(i)), append(s.Deviation, float64(1+i%7))
		}
		values := make([]float32, m.Size())
		c := dataset.NewNumbers("x", m.Shape, values)
		scaling := s.Scaling(m)
		for element := 0; element < len(values); {
			p := scaling.Piece(element, rapid.IntRange(1, len(values)-element).Draw(t, "most"))
			if p.Elements < 1 || p.Means != nil && len(p.Means) != p.Elements {
				t.Fatalf("piece %+v", p)
			}
			for i := range p.Elements {
				mean, scale := p.Mean, p.Scale
				if p.Means != nil {
					mean, scale = p.Means[i], p.Scales[i]
				}
				if group := (element + i) / run % groups; mean != s.Mean[group] || scale != 1/s.Deviation[group] {
					t.Fatalf("element %d is standardised by %v and %v, want those of feature %d", element+i, mean, scale, group)
				}
			}
			element += p.Elements
		}
		dst := make([]float32, len(values))
		if err := c.Read(0, scaling, dst); err != nil {
			t.Fatal(err)
		}
		for i, v := range dst {
			if group := i / run % groups; v != float32((0-s.Mean[group])*(1/s.Deviation[group])) {
				t.Fatalf("element %d is %v", i, v)
			}
		}
	})
}
