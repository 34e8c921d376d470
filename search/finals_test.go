package search

import (
	"math"
	"strings"
	"testing"

	"mixmas/search/combine"
	"mixmas/search/config"
	"mixmas/search/cost"
	"mixmas/search/dataset"
	"mixmas/search/dataset/builtin"
	"mixmas/search/evaluate"
	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// comparing is what models of the built-in data are compared by, by accuracy.
func comparing(t *testing.T) *answering {
	t.Helper()
	data, err := builtin.Open(t.Context(), builtin.Options{Train: 20, Validation: 500, Test: 10, Classes: 10}, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	a := &answering{Search: &Search{data: data, config: &config.Config{Search: config.Search{Metric: "accuracy"}}}, metric: "accuracy", static: map[string]cost.Static{}}
	if a.rows, err = newRows(data, dataset.Validation, nil); err != nil {
		t.Fatal(err)
	}
	a.searched = a.wrong(t, "searched", 0, 0)
	return a
}

// wrong is a model that is wrong on some rows, from one on.
func (a *answering) wrong(t *testing.T, name string, from, n int) *fitted {
	t.Helper()
	classes, rows := len(a.data.Task().Classes), a.rows.labels.Len()
	f := &fitted{Outcome: &evaluate.Outcome{Job: trial.Job{Name: name}, Score: store.Score{Key: name}}, logits: make([]float32, rows*classes)}
	label := make([]float32, 1)
	for row := range rows {
		if err := a.rows.labels.Label(row, label); err != nil {
			t.Fatal(err)
		}
		k := int(label[0])
		if row >= from && row < from+n {
			k = (k + 1) % classes
		}
		f.logits[row*classes+k] = 5
	}
	f.score = 1 - float64(n)/float64(rows)
	return f
}

// candidateOf is a model as a candidate for the answer, and what else is said of it.
func (a *answering) candidateOf(t *testing.T, field string, f *fitted, honest float64) candidate {
	t.Helper()
	c, err := a.single(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	c.Honest = honest
	scored, err := a.rows.scored(t.Context(), a.metric, f.logits, nil, honest)
	if err != nil {
		t.Fatal(err)
	}
	return candidate{field, c, &report.Final{Name: field, Validation: scored}}
}

// ensembleOf combines models with equal weights.
func ensembleOf(models ...*fitted) *chosen {
	e := &combine.Ensemble{Mean: combine.LogProbabilities}
	for i := range models {
		e.Members, e.Weights, e.Temperatures = append(e.Members, i), append(e.Weights, 1/float64(len(models))), append(e.Temperatures, 1)
	}
	return &chosen{e, models}
}

// inTwoGroups is a data set whose rows belong to two groups by turns.
type inTwoGroups struct{ dataset.Dataset }

func (inTwoGroups) Groups(_ dataset.Split, rows []int) []uint64 {
	groups := make([]uint64, len(rows))
	for i, row := range rows {
		groups[i] = uint64(row % 2)
	}
	return groups
}

// The ensemble is the answer unless a single model is ahead of it by more than a standard error of its score, or is all there is in it.
// With 500 rows, an accuracy of 0.9 has a standard error of 0.013.
func TestTheAnswer(t *testing.T) {
	a := comparing(t)
	other := a.wrong(t, "other", 0, 50)
	for _, c := range []struct {
		name                          string
		searched, ensemble, distilled float64
		want                          string
	}{
		{"the ensemble is ahead", 0.9, 0.92, 0, "ensemble"},
		{"by nothing", 0.9, 0.9, 0, "ensemble"},
		{"behind by less than a standard error", 0.9, 0.89, 0, "ensemble"},
		{"behind by more", 0.9, 0.88, 0, "searched"},
		{"there is none", 0.9, 0, 0, "searched"},
		{"the distilled model is far ahead", 0.85, 0.88, 0.92, "distilled"},
		{"and not ahead of the ensemble", 0.85, 0.91, 0.91, "ensemble"},
		{"the score is undefined", math.NaN(), 0.3, 0, "ensemble"},
	} {
		candidates := []candidate{a.candidateOf(t, "searched", a.searched, c.searched)}
		if c.ensemble > 0 {
			e := a.candidateOf(t, "ensemble", other, c.ensemble)
			e.chosen = ensembleOf(a.searched, other)
			e.Honest = c.ensemble
			candidates = append(candidates, e)
		}
		if c.distilled > 0 {
			candidates = append(candidates, a.candidateOf(t, "distilled", other, c.distilled))
		}
		if got := a.best(candidates).field; got != c.want {
			t.Errorf("%s: the answer is %s, want %s", c.name, got, c.want)
		}
	}
	searched := a.candidateOf(t, "searched", a.searched, 0.9)
	ensemble := a.candidateOf(t, "ensemble", other, 0.89)
	ensemble.chosen = ensembleOf(a.searched, other)
	ensemble.Honest = 0.89
	for _, c := range []candidate{searched, ensemble} { // as if all groups of rows had the same score
		c.Validation.Low, c.Validation.High = c.Validation.Score, c.Validation.Score
	}
	if got := a.best([]candidate{searched, ensemble}).field; got != "ensemble" {
		t.Errorf("the groups agree by chance, and the answer is %s", got)
	}
	ahead := a.candidateOf(t, "searched", a.searched, 0.95)
	if got := a.best([]candidate{ahead, ensemble}).field; got != "searched" {
		t.Errorf("far ahead, and the answer is %s", got)
	}
	ungrouped := a.data
	a.data = inTwoGroups{ungrouped}
	if got := a.best([]candidate{ahead, ensemble}).field; got != "ensemble" {
		t.Errorf("far ahead for two groups, and the answer is %s", got)
	}
	if reason := a.reason(ensemble, []candidate{ahead, ensemble}); !strings.Contains(reason, "searched 0.9500 on rows that chose it, of only 2 groups") {
		t.Errorf("reason %q", reason)
	}
	a.data = ungrouped
	alone := candidate{"ensemble", ensembleOf(a.searched), searched.Final}
	alone.Honest = 0.91
	if got := a.best([]candidate{searched, alone}).field; got != "searched" {
		t.Errorf("the ensemble is the searched model alone, but the answer is %s", got)
	}
}

// A model that is close to the answer is so on all rows and on each half of them; what the answer profits from its choice does not
// count against the others.
func TestCloseOnEachHalf(t *testing.T) {
	a := comparing(t)
	rows := a.rows.labels.Len()
	first, _, err := a.rows.pool([]*fitted{a.searched}).Halves(t.Context(), a.config.Seed)
	if err != nil {
		t.Fatal(err)
	}
	oneSided := a.wrong(t, "one-sided", 0, 0) // wrong on 5 rows, all of one half: a point on all rows, two on that half
	classes := len(a.data.Task().Classes)
	for _, row := range first[:rows/100] {
		z := oneSided.logits[row*classes:][:classes]
		z[0], z[1] = z[1]+1, z[0]+1
		for k := range z {
			z[k] = -z[k]
		}
	}
	for _, c := range []struct {
		name   string
		honest float64
		model  *fitted
		want   bool
	}{
		{"the answer itself", 1, a.searched, true},
		{"three points behind", 1, a.wrong(t, "far", 0, rows*3/100), false},
		{"three points behind an answer that is four points worse than it looks", 0.96, a.wrong(t, "far", 0, rows*3/100), true},
		{"two points behind on one half", 1, oneSided, false},
	} {
		isClose, err := a.closeTo(t.Context(), a.candidateOf(t, "searched", a.searched, c.honest))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := isClose(t.Context(), c.model.logits, nil); err != nil || got != c.want {
			t.Errorf("%s: close is %t (%v), want %t", c.name, got, err, c.want)
		}
	}
}

// Beside an ensemble stands the best single model, with how far it is behind; a difference of one row may always be chance.
func TestTheSingleModelBesideAnEnsemble(t *testing.T) {
	a := comparing(t)
	rows := float64(a.rows.labels.Len())
	e := candidate{"ensemble", ensembleOf(a.searched, a.searched), &report.Final{}}
	e.Honest, e.Score = 1, 1
	worse, best := a.wrong(t, "worse", 0, 50), a.wrong(t, "best", 0, 1)
	var out report.Answer
	if err := a.simpler(t.Context(), e, []candidate{a.candidateOf(t, "searched", worse, worse.score), e, a.candidateOf(t, "distilled", best, best.score)}, &out); err != nil {
		t.Fatal(err)
	}
	if s := out.Single; s == nil || s.Model != "distilled" || math.Abs(float64(s.Behind)-1/rows) > 1e-9 || s.Low > 0 || s.High < s.Behind {
		t.Errorf("got %+v", out.Single)
	}
	if err := a.simpler(t.Context(), e, []candidate{a.candidateOf(t, "searched", worse, worse.score)}, &out); err != nil {
		t.Fatal(err)
	}
	if s := out.Single; math.Abs(float64(s.Behind)-50/rows) > 1e-9 || s.Low < 0.05 || s.High > 0.15 {
		t.Errorf("got %+v", out.Single)
	}
	out.Single = nil
	if one := a.candidateOf(t, "searched", worse, worse.score); a.simpler(t.Context(), one, []candidate{one}, &out) != nil || out.Single != nil {
		t.Errorf("beside a single model: %+v", out.Single)
	}
}

// many has other numbers of rows.
type many struct {
	dataset.Dataset
	rows int
}

func (m many) Len(dataset.Split) int { return m.rows }

// Models are compared on a bounded number of rows, the same each time, and find their outputs of these whichever rows they were scored
// on.
func TestRowsAreBounded(t *testing.T) {
	a := comparing(t)
	few := a.someValidation(nil)
	a.data = many{Dataset: a.data, rows: 100_000}
	all, again := a.someValidation(nil), a.someValidation(nil)
	drawn := make([]int, 50_000)
	for i := range drawn {
		drawn[i] = 2 * i
	}
	some := a.someValidation(drawn)
	if few != nil || len(all) != mostRows || len(some) != mostRows || all[0] != again[0] || all[mostRows-1] != again[mostRows-1] {
		t.Errorf("%d, %d and %d rows", len(few), len(all), len(some))
	}
	places, err := placesOf(some, drawn)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range places {
		if drawn[at] != some[i] {
			t.Fatalf("row %d is found at %d", some[i], at)
		}
	}
	if _, err := placesOf([]int{1}, drawn); err == nil {
		t.Error("a row that no model was scored on is found")
	}
}
