package search_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/search"
	"mixmas/search/evaluate"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// stop trains the trials of a finished search in another store up to their first epoch.
func (f *fixture) stop(r *search.Result) {
	f.t.Helper()
	e := evaluate.New(evaluate.Options{Data: f.data, Store: f.store, Workers: 2, Metric: "accuracy",
		Runner: &trial.Local{Device: f.device(), Data: f.data, Files: evaluate.Files{Store: f.store}}})
	for _, stage := range r.Stages {
		for _, o := range stage.Outcomes() {
			job := o.Job
			if job.Until = 1; job.Start != nil {
				continue // what it starts from is not in this store
			}
			if _, err := e.Score(f.t.Context(), job); err != nil {
				f.t.Fatal(err)
			}
		}
	}
}

// Scores of trials that stopped in the middle are none to a search and to what trains, measures and prunes: they are only where the
// trainings go on from.
func TestPartialScoresAreNoScores(t *testing.T) {
	want := newFixture(t)
	r := want.run()
	f := newFixture(t)
	f.stop(r)
	for name, score := range f.scores() {
		if !strings.HasPrefix(score, string(store.Partial)) {
			t.Errorf("%s: %s", name, score)
		}
	}
	if n := len(f.scores()); n != 3 {
		t.Fatalf("%d trials were stopped, want 3", n)
	}
	s, err := f.search()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LookUp(t.Context()); !errors.Is(err, evaluate.ErrUntrained) {
		t.Errorf("a search with partial scores was found finished (%v)", err)
	}
	if v, wrong := f.verify(); v.Measured != 0 || wrong != nil {
		t.Errorf("%d partial scores were measured, %q", v.Measured, wrong)
	}
	watched := &counter{}
	f.watch = watched
	if got := f.run(); got.Trainings != 6 || watched.steps != 6*6-3*3 { // of 2 epochs of 3 steps, three had one behind them
		t.Errorf("trained %d times, %d steps", got.Trainings, watched.steps)
	}
	got := f.scores()
	if diff := cmp.Diff(want.scores(), got); diff != "" {
		t.Errorf("never stopped against stopped:\n%s", diff)
	}
	if v, wrong := f.verify(); v.Measured != 6 || wrong != nil {
		t.Errorf("%d scores were measured, %q", v.Measured, wrong)
	}
}
