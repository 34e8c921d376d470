package sample_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mixmas/search/sample"
	"mixmas/search/task"

	"pgregory.net/rapid"
)

func TestSize(t *testing.T) {
	for _, c := range []struct {
		name       string
		population int
		options    sample.Options
		want       int
	}{
		{"AV-MNIST with defaults", 55000, sample.Options{}, 6025},
		{"the defaults spelled out", 55000, sample.Options{Error: 0.01, Proportion: 0.5, Confidence: 0.90}, 6025},
		{"95%: n = 9604", 55000, sample.Options{Confidence: 0.95}, 8177},
		{"99%: n = 16589.44", 55000, sample.Options{Confidence: 0.99}, 12746},
		{"an exact quantile: z(80%) = 1.2815516", 55000, sample.Options{Confidence: 0.80}, 3821},
		{"Cochran's ± 5% at 95% of an endless population", math.MaxInt, sample.Options{Error: 0.05, Confidence: 0.95}, 385},
		{"small populations are taken whole", 5, sample.Options{}, 5},
		{"one", 1, sample.Options{}, 1},
		{"given", 55000, sample.Options{Size: 1000}, 1000},
		{"given, above the population", 700, sample.Options{Size: 1000}, 700},
		{"an error so small that n overflows", 700, sample.Options{Error: 1e-200}, 700},
		{"240 exactly, which floating point took for a little more", 6221040,
			sample.Options{Error: 0.072, Proportion: 0.25, Confidence: 0.99}, 240},
		{"nearly no confidence still takes a sample", 700, sample.Options{Confidence: 1e-20}, 1},
	} {
		got, err := sample.Size(c.population, c.options)
		if err != nil || got != c.want {
			t.Errorf("%s: got %d, %v, want %d", c.name, got, err, c.want)
		}
	}
}

// N' is the smallest integer that is not below n/(1+n/N), for the decimals that the options were written as.
func TestSizeIsRoundedUpExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		population := rapid.OneOf(rapid.IntRange(1, 1e4), rapid.IntRange(1, 1e9)).Draw(t, "population")
		errorMargin := rapid.IntRange(1, 500).Draw(t, "error in 1/1000")
		proportion := rapid.IntRange(1, 99).Draw(t, "proportion in 1/100")
		table := rapid.SampledFrom([]struct {
			confidence float64
			z          int64 // in 1/1000
		}{{0.90, 1645}, {0.95, 1960}, {0.99, 2576}}).Draw(t, "confidence")
		got, err := sample.Size(population, sample.Options{Error: float64(errorMargin) / 1000, Proportion: float64(proportion) / 100,
			Confidence: table.confidence})
		if err != nil {
			t.Fatal(err)
		}
		// n = z² · p(100−p)/10⁴ / (ε²/10⁶) with z, p and ε in their units.
		n := big.NewRat(table.z*table.z*int64(proportion*(100-proportion)), 1e4*int64(errorMargin*errorMargin))
		exact := new(big.Rat).Quo(n, new(big.Rat).Add(big.NewRat(1, 1), new(big.Rat).Quo(n, big.NewRat(int64(population), 1))))
		distance := new(big.Rat).Sub(big.NewRat(int64(got), 1), exact)
		if distance.Sign() < 0 || distance.Cmp(big.NewRat(1, 1)) >= 0 {
			t.Errorf("got %d, want %s rounded up", got, exact.FloatString(9))
		}
	})
}

// listed is a population whose labels are the given ones.
type listed struct {
	sample.Labels
	values []float32
}

func list(rows, classes int, kind task.Kind, values ...float32) listed {
	width := task.Width(kind, classes)
	return listed{sample.Labels{Rows: rows, Classes: classes, Kind: kind, Label: func(row int, dst []float32) error {
		if len(dst) != width {
			return fmt.Errorf("the destination has %d elements, want %d", len(dst), width)
		}
		copy(dst, values[row*width:])
		return nil
	}}, values}
}

func TestBadOptions(t *testing.T) {
	labels := list(2, 2, task.OneLabel, 0, 1).Labels
	for _, c := range []struct {
		options sample.Options
		want    string
	}{
		{sample.Options{Error: -0.1}, "option error: want more than 0, got -0.1"}, {sample.Options{Error: 1}, "option error: want less than 1, got 1"},
		{sample.Options{Proportion: math.NaN()}, "option proportion: want more than 0, got NaN"}, {sample.Options{Confidence: 90}, "option confidence: want less than 1, got 90"},
		{sample.Options{Distance: 2}, "option distance: want less than 1, got 2"}, {sample.Options{Size: -1}, "option size: want at least 0, got -1"}, {sample.Options{Redraws: -1}, "option redraws: want at least 1, got -1"},
		{sample.Options{Sampler: "lucky"}, `unknown sampler "lucky": known are random, stratified`},
	} {
		if _, err := sample.Draw(t.Context(), labels, c.options, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
	if _, err := sample.Size(0, sample.Options{}); err == nil {
		t.Error("a population of none has a sample size")
	}
}

func TestBadLabels(t *testing.T) {
	for _, c := range []struct {
		labels sample.Labels
		want   string
	}{
		{sample.Labels{}, "nothing to draw from"},
		{list(2, 2, task.OneLabel, 0, 2).Labels, "row 1: label 2 is out of range, want 0 to 1"},
		{list(2, 2, task.OneLabel, 0.5, 1).Labels, "row 0: label 0.5"},
		{list(1, 1, task.OneLabel, float32(math.NaN())).Labels, "label NaN"},
		{list(1, 2, task.MultiLabel, 0, 3).Labels, "row 0: label 3 of class 1 is neither 0 nor 1"},
		{sample.Labels{Rows: 1, Classes: 1, Label: func(int, []float32) error { return errors.New("row 0 is torn") }}, "row 0 is torn"},
	} {
		if _, err := sample.Draw(t.Context(), c.labels, sample.Options{}, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
}

func population(t *rapid.T) listed {
	rows := rapid.IntRange(1, 400).Draw(t, "rows")
	classes := rapid.IntRange(1, 6).Draw(t, "classes")
	kind := rapid.SampledFrom(task.Classification()).Draw(t, "kind")
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "population seed"), 0))
	var values []float32
	if kind == task.MultiLabel {
		for i := range rows * classes {
			values = append(values, float32(random.IntN(2+i%classes)/(1+i%classes)))
		}
		return list(rows, classes, task.MultiLabel, values...)
	}
	for range rows {
		values = append(values, float32(random.IntN(1+random.IntN(classes))))
	}
	return list(rows, classes, task.OneLabel, values...)
}

// frequency of a class among rows, from the definition.
func frequency(l listed, rows []int, class int) float64 {
	n := 0.0
	for _, r := range rows {
		if l.Kind == task.MultiLabel && l.values[r*l.Classes+class] == 1 || l.Kind == task.OneLabel && int(l.values[r]) == class {
			n++
		}
	}
	return n / float64(len(rows))
}

func TestDraw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := population(t)
		o := sample.Options{
			Size:     rapid.IntRange(0, 500).Draw(t, "size"),
			Distance: rapid.SampledFrom([]float64{0, 0.02, 0.2}).Draw(t, "distance"),
			Redraws:  rapid.IntRange(0, 5).Draw(t, "redraws"),
			Error:    0.05,
			Sampler:  rapid.SampledFrom(sample.Names()).Draw(t, "sampler"),
		}
		seed := rapid.Uint64().Draw(t, "seed")
		bound := o.Distance
		if bound == 0 {
			bound = 0.05
		}
		got, err := sample.Draw(t.Context(), labels.Labels, o, seed)
		again, errAgain := sample.Draw(t.Context(), labels.Labels, o, seed)
		if !slices.Equal(got.Rows, again.Rows) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatal("the same labels, options and seed gave another sample")
		}
		if err != nil {
			if !strings.Contains(err.Error(), "class") || !strings.Contains(err.Error(), "of the population") {
				t.Errorf("error %q does not name the class and its proportions", err)
			}
			return
		}
		size, err := sample.Size(labels.Rows, o)
		if err != nil || len(got.Rows) != size {
			t.Fatalf("%d rows, want %d, %v", len(got.Rows), size, err)
		}
		if !slices.IsSorted(got.Rows) || len(slices.Compact(slices.Clone(got.Rows))) != size || got.Rows[0] < 0 || got.Rows[size-1] >= labels.Rows {
			t.Fatalf("rows %v are not sorted distinct numbers below %d", got.Rows, labels.Rows)
		}
		all := make([]int, labels.Rows)
		for r := range all {
			all[r] = r
		}
		distance := 0.0
		for c := range labels.Classes {
			distance = max(distance, math.Abs(frequency(labels, got.Rows, c)-frequency(labels, all, c)))
		}
		if distance != got.Distance || distance >= bound {
			t.Errorf("distance %v, reported as %v, must be below %v", distance, got.Distance, bound)
		}
		if got.Draws < 1 || o.Redraws > 0 && got.Draws > o.Redraws+1 || got.Fraction != float64(size)/float64(labels.Rows) {
			t.Errorf("got %d draws, fraction %v", got.Draws, got.Fraction)
		}
	})
}

// Every stratum gets its share, rounded down or up.
func TestStratified(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := population(t)
		labels = list(labels.Rows, labels.Classes, task.OneLabel, labels.values[:labels.Rows]...)
		size := rapid.IntRange(1, labels.Rows).Draw(t, "size")
		got, err := sample.Draw(t.Context(), labels.Labels, sample.Options{Size: size, Sampler: "stratified", Distance: 0.999}, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Skip("a sample of one row can be 100% off")
		}
		for c := range labels.Classes {
			in, of := 0, 0
			for r, v := range labels.values {
				if int(v) == c {
					of++
					if slices.Contains(got.Rows, r) {
						in++
					}
				}
			}
			if exact := float64(size) * float64(of) / float64(labels.Rows); math.Abs(float64(in)-exact) >= 1 {
				t.Errorf("class %d: %d of %d rows in a sample of %d out of %d, want %v", c, in, of, size, labels.Rows, exact)
			}
		}
	})
}

// A random sample favours no row: over many seeds each of 10 rows is in half of the samples of 5.
func TestRandomIsFair(t *testing.T) {
	labels := list(10, 1, task.OneLabel, make([]float32, 10)...).Labels
	for _, sampler := range sample.Names() {
		counts := make([]int, labels.Rows)
		for seed := range uint64(4000) {
			got, err := sample.Draw(t.Context(), labels, sample.Options{Size: 5, Sampler: sampler}, seed)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range got.Rows {
				counts[r]++
			}
		}
		for r, n := range counts {
			if math.Abs(float64(n)-2000) > 5*math.Sqrt(4000*0.25) { // five standard deviations
				t.Errorf("%s: row %d is in %d of 4000 samples, want about 2000", sampler, r, n)
			}
		}
	}
}

func TestTooFarErrorNamesTheClass(t *testing.T) {
	labels := list(1000, 3, task.OneLabel, make([]float32, 1000)...)
	for r := range 500 {
		labels.values[r] = 2
	}
	_, err := sample.Draw(t.Context(), labels.Labels, sample.Options{Size: 1, Redraws: 7}, 1)
	want := "none of 8 draws of 1 rows has class proportions within 0.05 of the population's; in the closest, class 0 is"
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "0.5000 of the population") {
		t.Errorf("got %v, want an error with %q", err, want)
	}
}

// The rows that a seed draws are part of every trial's specification: they must not change between versions.
func TestDrawIsPinned(t *testing.T) {
	var values []float32
	for r := range 55000 {
		values = append(values, float32(r%10))
	}
	labels := list(len(values), 10, task.OneLabel, values...).Labels
	for sampler, want := range map[string]string{"random": "1a93255acee31cc9", "stratified": "993677ecb57e478b"} {
		got, err := sample.Draw(t.Context(), labels, sample.Options{Sampler: sampler}, 42)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(fmt.Sprint(got.Rows)))
		if digest := hex.EncodeToString(sum[:8]); len(got.Rows) != 6025 || digest != want {
			t.Errorf("%s: %d rows with digest %s, want 6025 with %s", sampler, len(got.Rows), digest, want)
		}
	}
}

// reference is the stratified sampler as its draws were first defined: lists of all rows and rand.Perm.
func reference(l listed, size int, random *rand.Rand) []int {
	index, width := map[string]int{}, len(l.values)/l.Rows
	var strata [][]int
	for row := range l.Rows {
		name := fmt.Sprint(l.values[row*width : (row+1)*width])
		i, known := index[name]
		if !known {
			i = len(strata)
			index[name] = i
			strata = append(strata, nil)
		}
		strata[i] = append(strata[i], row)
	}
	random.Shuffle(len(strata), func(i, j int) { strata[i], strata[j] = strata[j], strata[i] })
	remainder := func(rows []int) int { return size * len(rows) % l.Rows }
	slices.SortStableFunc(strata, func(a, b []int) int { return remainder(b) - remainder(a) })
	left := size
	for _, rows := range strata {
		left -= size * len(rows) / l.Rows
	}
	var drawn []int
	for i, rows := range strata {
		n := size * len(rows) / l.Rows
		if i < left {
			n++
		}
		for _, k := range random.Perm(len(rows))[:n] {
			drawn = append(drawn, rows[k])
		}
	}
	return drawn
}

// Rows are part of every trial's key: they are those that rand.Perm draws, and every redraw goes on where it would.
func TestDrawsAreThoseOfPerm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := population(t)
		size := rapid.IntRange(1, labels.Rows).Draw(t, "size")
		seed := rapid.Uint64().Draw(t, "seed")
		distance := rapid.SampledFrom([]float64{0.01, 0.05, 0.2, 0.999}).Draw(t, "distance")
		for sampler, draw := range map[string]func(*rand.Rand) []int{
			"random":     func(r *rand.Rand) []int { return r.Perm(labels.Rows)[:size] },
			"stratified": func(r *rand.Rand) []int { return reference(labels, size, r) },
		} {
			got, err := sample.Draw(t.Context(), labels.Labels, sample.Options{Size: size, Sampler: sampler, Distance: distance, Redraws: 9}, seed)
			if err != nil {
				continue
			}
			random := rand.New(rand.NewPCG(seed, 0))
			for range got.Draws - 1 {
				draw(random)
			}
			want := draw(random)
			slices.Sort(want)
			if !slices.Equal(got.Rows, want) {
				t.Fatalf("%s: draw %d took %v, want %v", sampler, got.Draws, got.Rows, want)
			}
		}
	})
}

// Choose draws what Perm draws, and leaves the generator where Perm does, whatever blocks it works in.
func TestChooseIsPerm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 50), rapid.IntRange(1000, 1100), rapid.IntRange(2000, 20000)).Draw(t, "n")
		size := min(n, rapid.OneOf(rapid.IntRange(0, 60), rapid.IntRange(0, n)).Draw(t, "size"))
		seed := rapid.Uint64().Draw(t, "seed")
		random, perm := sample.NewRandom(seed), rand.New(rand.NewPCG(seed, 0))
		got, err := random.Choose(t.Context(), n, size)
		want := perm.Perm(n)[:size]
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%d of %d: got %v, %v, want %v", size, n, got, err, want)
		}
		if a, b := random.Uint64(), perm.Uint64(); a != b {
			t.Errorf("%d of %d: the next number is %d, want %d", size, n, a, b)
		}
	})
}

// large is a population that takes minutes to draw a hundred times from, and whose samples are never near enough.
func large(label func(row int)) sample.Labels {
	return sample.Labels{Rows: 1 << 27, Classes: 3, Label: func(row int, dst []float32) error {
		label(row)
		dst[0] = float32(row % 3)
		return nil
	}}
}

// An interruption is heard while labels are read, and while rows are drawn.
func TestInterruption(t *testing.T) {
	for _, sampler := range sample.Names() {
		ctx, cancel := context.WithCancel(t.Context())
		labels := large(func(row int) {
			switch {
			case row == 100:
				cancel()
			case row > 1<<16:
				t.Fatal("labels are read on")
			}
		})
		if _, err := sample.Draw(ctx, labels, sample.Options{Sampler: sampler}, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v", sampler, err)
		}
	}
	random := sample.NewRandom(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := random.Choose(ctx, 1<<40, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
}

// Drawing takes a bit a row, and no row more.
func TestDrawIsSmall(t *testing.T) {
	labels := sample.Labels{Rows: 1 << 20, Classes: 7, Label: func(row int, dst []float32) error {
		dst[0] = float32(row % 7)
		return nil
	}}
	for _, sampler := range sample.Names() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := sample.Draw(t.Context(), labels, sample.Options{Size: 100, Distance: 0.5, Sampler: sampler}, 1); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if bytes := float64(after.TotalAlloc-before.TotalAlloc) / float64(labels.Rows); bytes > 0.25 {
			t.Errorf("%s: %.3f bytes a row", sampler, bytes)
		}
	}
}

func TestRegister(t *testing.T) {
	sample.Register(sample.Sampler{Name: "head", Doc: "The first rows.", Draw: func(_ context.Context, _ sample.Labels, size int, _ *sample.Random) ([]int, error) {
		var rows []int
		for r := range size {
			rows = append(rows, r)
		}
		return rows, nil
	}})
	t.Cleanup(func() { sample.Unregister("head") })
	got, err := sample.Draw(t.Context(), list(4, 1, task.OneLabel, make([]float32, 4)...).Labels, sample.Options{Size: 2, Sampler: "head"}, 0)
	if err != nil || !slices.Equal(got.Rows, []int{0, 1}) || !slices.Equal(sample.Names(), []string{"head", "random", "stratified"}) {
		t.Errorf("got %v, %v of samplers %v", got, err, sample.Names())
	}
	defer func() {
		if recover() == nil {
			t.Error("a taken name was registered")
		}
	}()
	sample.Register(sample.Sampler{Name: "random", Doc: "Another.", Draw: func(context.Context, sample.Labels, int, *sample.Random) ([]int, error) { return nil, nil }})
}

func BenchmarkDraw(b *testing.B) {
	for _, rows := range []int{1e6, 1e8} {
		for _, sampler := range sample.Names() {
			b.Run(fmt.Sprintf("%s/%d", sampler, rows), func(b *testing.B) {
				labels := sample.Labels{Rows: rows, Classes: 10, Label: func(row int, dst []float32) error {
					dst[0] = float32(uint32(row) * 2654435761 >> 16 % 10)
					return nil
				}}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := sample.Draw(b.Context(), labels, sample.Options{Sampler: sampler}, 1); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// Every sampler draws from the labels of every kind of task.
func TestKinds(t *testing.T) {
	for _, kind := range task.Kinds() {
		for _, name := range sample.Names() {
			labels := list(4, 2, kind, 0, 1, 0, 1, 0, 1, 0, 1)
			if drawn, err := sample.Draw(t.Context(), labels.Labels, sample.Options{Sampler: name, Size: 2, Distance: 0.9}, 1); err != nil || len(drawn.Rows) != 2 {
				t.Errorf("%s, %v: %v, %v", name, kind, drawn, err)
			}
		}
	}
}
