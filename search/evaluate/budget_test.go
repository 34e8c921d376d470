package evaluate

import (
	"errors"
	"testing"
	"time"

	"mixmas/search/store"
	"mixmas/search/trial"
)

// budgeted is a job and others that differ in their seed.
func budgeted(t *testing.T, n int) (jobs []trial.Job) {
	t.Helper()
	for i := range n {
		j := job(t, false)
		j.Specification.Seed = uint64(i + 1)
		j.Label = string(rune('a' + i))
		j.Name = "stage/" + j.Label
		jobs = append(jobs, j)
	}
	return jobs
}

// tried are the labels of the outcomes that were tried, in order.
func tried(t *testing.T, e *Evaluator, jobs []trial.Job) (labels string) {
	t.Helper()
	outcomes, err := e.Score(t.Context(), jobs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		if o.Job.Label != jobs[i].Label {
			t.Errorf("outcome %d is of %s", i, o.Job.Label)
		}
		if !o.Untried {
			labels += o.Job.Label
		}
	}
	return labels
}

func TestBudget(t *testing.T) {
	now := func() time.Time { return time.Unix(1000, 0) }
	seconds := map[string]float64{"a": 30, "b": 10, "c": 20}
	for _, test := range []struct {
		name    string
		left    time.Duration
		reserve map[string]float64
		want    string
	}{
		{"nothing left", 0, nil, "b"}, {"one fits", 10 * time.Second, nil, "b"}, {"the cheaper two fit", 25 * time.Second, nil, "bc"},
		{"all fit", 30 * time.Second, nil, "abc"}, {"a later stage needs some", 30 * time.Second, map[string]float64{"later": 5}, "bc"},
		{"its own reserve is its own", 30 * time.Second, map[string]float64{"stage": 10}, "abc"},
	} {
		e, _ := evaluator(t)
		e.options.Budget = &Budget{End: now().Add(test.left), Now: now, Reserve: test.reserve, Seconds: func(j trial.Job) float64 { return seconds[j.Label] }}
		jobs := budgeted(t, 3)
		if got := tried(t, e, jobs); got != test.want {
			t.Errorf("%s: tried %s, want %s", test.name, got, test.want)
		}
		e.options.Budget.End = now() // what is stored costs nothing, and counts as the one that is tried
		if got := tried(t, e, jobs); got != test.want {
			t.Errorf("%s: without time tried %s again, want %s", test.name, got, test.want)
		}
	}
}

// What seemed too long is tried after all when others show that it is not, and when all that was tried has failed.
func TestBudgetThinksAgain(t *testing.T) {
	now := func() time.Time { return time.Unix(1000, 0) }
	e, l := evaluator(t)
	e.options.Budget = &Budget{End: now().Add(50 * time.Second), Now: now, Seconds: func(j trial.Job) float64 {
		if l.trained() == 0 {
			return map[string]float64{"a": 10, "b": 100}[j.Label]
		}
		return 10
	}}
	e.workers = 1
	if got := tried(t, e, budgeted(t, 2)); got != "ab" {
		t.Errorf("tried %s", got)
	}
	e, _ = evaluator(t)
	e.options.Budget = &Budget{End: now(), Now: now, Seconds: func(j trial.Job) float64 { return float64(j.Specification.Seed) }}
	jobs := budgeted(t, 3)
	for i := range 2 { // their weights grow without bound
		r := &jobs[i].Specification.Recipe
		r.Optimiser, r.LearningRate, r.WeightDecay = "sgd", 1, 5
	}
	outcomes, err := e.Score(t.Context(), jobs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []store.Status{store.Failed, store.Failed, store.Finished} {
		if outcomes[i].Untried || outcomes[i].Score.Status != want {
			t.Errorf("%s: untried %t, %s", outcomes[i].Job.Label, outcomes[i].Untried, outcomes[i].Score.Status)
		}
	}
}

// trained is the number of steps that trainings have made.
func (l *listener) trained() int {
	l.Lock()
	defer l.Unlock()
	return l.steps
}

// The training that a stage must not be without is left out once another one, which got a free worker first, has a score.
func TestOneTrainingIsEnough(t *testing.T) {
	end := time.Unix(100, 0)
	r := &round{must: "encoder/cheap", Budget: &Budget{End: end, Now: func() time.Time { return end }, Seconds: func(trial.Job) float64 { return 1 }}}
	late := func(name string) bool { return errors.As(r.check(trial.Job{Name: name}), new(untriedError)) }
	if late("encoder/cheap") || !late("encoder/costly") {
		t.Error("without a score the cheapest training must run, and no other")
	}
	r.trained(trial.Result{Score: store.Score{Status: store.Failed}})
	if late("encoder/cheap") {
		t.Error("a failed training is no score")
	}
	r.trained(trial.Result{Score: store.Score{Status: store.Finished}})
	if !late("encoder/cheap") {
		t.Error("with a score the cheapest training runs too late")
	}
	(*round)(nil).trained(trial.Result{Score: store.Score{Status: store.Finished}})
}
