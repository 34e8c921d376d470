package search_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn/device"
	"mixmas/search"
	"mixmas/search/model"
	"mixmas/search/store"
)

// tick is the time that each run of a program takes on a timed fixture.
const tick = 10 * time.Millisecond

// timed lets each run of a program on the device take a tick of a clock that nothing else moves, with one worker.
func (f *fixture) timed(o search.Options) *atomic.Int64 {
	var ticks atomic.Int64
	f.workers = 1
	f.wrap = func(d device.Device) device.Device {
		return faulty{d, func(call string) error {
			if call == "run" {
				ticks.Add(1)
			}
			return nil
		}}
	}
	f.options = func(to *search.Options) {
		to.Budget, to.Train = o.Budget, o.Train
		to.Now = func() time.Time { return time.Unix(0, 0).Add(time.Duration(ticks.Load()) * tick) }
		to.Started = to.Now()
	}
	return &ticks
}

// guesses notes what searches tell about their cost.
type guesses struct {
	counter
	list []search.Estimated
}

func (g *guesses) Estimated(e search.Estimated) { g.list = append(g.list, e) }

// What a search costs is told before it, near to what it takes; what is stored costs nothing.
func TestEstimate(t *testing.T) {
	f := newFixture(t)
	clock := f.timed(search.Options{Train: true})
	told := &guesses{}
	f.watch = told
	_, r := f.searched()
	if len(told.list) != 1 {
		t.Fatalf("the search told %d times what it costs", len(told.list))
	}
	first := told.list[0]
	took := time.Duration(0)
	for _, stage := range r.Stages {
		for _, o := range stage.Outcomes() {
			if !o.Cached {
				took += time.Duration(o.Score.Seconds * float64(time.Second))
			}
		}
	}
	if first.Trainings != 6 || first.Stored != 0 || first.Workers != 1 || len(first.Seconds) != 6 || first.Least > took || first.Most < took {
		t.Errorf("it takes %v, told was %+v", took, first)
	}
	if first.Full < 12*tick || first.Full > 30*tick { // 3 epochs of 4 steps and 2 predictions
		t.Errorf("the full training is expected to take %v", first.Full)
	}
	f.run()
	if len(told.list) != 1 {
		t.Errorf("a search without trainings tells what it costs: %+v", told.list)
	}
	f.change("[concat, mean]", "[concat, mean, max]")
	before := clock.Load()
	f.run()
	if again := told.list[len(told.list)-1]; again.Trainings != 1 || again.Stored != 6 || clock.Load() == before {
		t.Errorf("a new function costs %+v", again)
	}
}

// A budget limits what is tried and changes no score: what it left out is listed, and a search without it goes on from there.
func TestBudget(t *testing.T) {
	want := newFixture(t)
	whole := want.run()
	for _, budget := range []time.Duration{tick, 35 * tick, 50 * tick, time.Hour} {
		f := newFixture(t)
		clock := f.timed(search.Options{Budget: budget})
		s, r := f.searched()
		d := s.Document(r, nil, 1)
		tried, untried := 0, 0
		for i, stage := range r.Stages {
			tried, untried = tried+len(stage.Outcomes()), untried+len(stage.Untried)
			if len(stage.Outcomes()) == 0 || len(stage.Outcomes())+len(stage.Untried) != len(whole.Stages[i].Outcomes()) {
				t.Errorf("%v: stage %s tried %d and left out %d", budget, stage.Name, len(stage.Outcomes()), len(stage.Untried))
			}
			if len(d.Stages[i].Untried) != len(stage.Untried) {
				t.Errorf("%v: the document has %v", budget, d.Stages[i].Untried)
			}
		}
		if d.Budget != budget.Seconds() {
			t.Errorf("the document's budget is %v", d.Budget)
		}
		switch took := time.Duration(clock.Load()) * tick; {
		case budget == time.Hour && untried > 0, budget == tick && tried != len(r.Stages):
			t.Errorf("%v: tried %d and left out %d", budget, tried, untried)
		case untried > 0 && tried > len(r.Stages)+1 && took > budget: // beyond the one of each stage
			t.Errorf("%v: it took %v", budget, took)
		}
		f.wrap, f.options = nil, nil
		f.run()
		for name, score := range want.scores() {
			if f.scores()[name] != score {
				t.Errorf("%v: %s differs from the search without a budget", budget, name)
			}
		}
	}
}

// A full training under a budget stops at an epoch and leaves the best model so far. Its score counts for nothing that has
// ended, and the next command resumes it with the same bits.
func TestBudgetOfFullTraining(t *testing.T) {
	want := newFixture(t)
	if _, err := want.train(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.run()
	f.timed(search.Options{Budget: 14 * tick, Train: true}) // two of three epochs of 4 steps and 2 predictions
	folder := t.TempDir()
	trained, err := f.train(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if !trained.Stopped || len(trained.Score.Curve) != 2 || trained.Score.Status != store.Partial || trained.Metrics["accuracy"] == 0 || trained.Test == nil {
		t.Errorf("stopped %t after %d epochs, %s, metrics %v", trained.Stopped, len(trained.Score.Curve), trained.Score.Status, trained.Metrics)
	}
	if _, err := f.store.Get(t.Context(), trained.Score.Key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the store has a score of what has not ended: %v", err)
	}
	for name := range f.scores() {
		if strings.HasPrefix(name, "test/") {
			t.Errorf("the store has %s", name)
		}
	}
	m, err := model.Open(filepath.Join(folder, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Description.Stopped != 2 || m.Description.Metrics["validation"]["accuracy"] != trained.Metrics["accuracy"] {
		t.Errorf("the model file says: stopped after %d, %v", m.Description.Stopped, m.Description.Metrics)
	}
	files, err := filepath.Glob(filepath.Join(folder, "checkpoint*"))
	if err != nil || len(files) > 0 {
		t.Errorf("it leaves %v", files)
	}
	f.wrap, f.options = nil, nil
	watched := &counter{}
	f.watch = watched
	again, err := f.train(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if again.Stopped || watched.steps != 4 {
		t.Errorf("again it trained %d steps, want those of the last epoch", watched.steps)
	}
	if diff := cmp.Diff(want.scores(), f.scores()); diff != "" {
		t.Errorf("resumed after a budget (-want +got):\n%s", diff)
	}
	if !slices.Equal(want.models(), f.models()) {
		t.Error("the weights differ")
	}
}

// models are the digests of the weights of full trainings.
func (f *fixture) models() (list []string) {
	for name, score := range f.scores() {
		if strings.HasPrefix(name, "full/") {
			list = append(list, score)
		}
	}
	return list
}
