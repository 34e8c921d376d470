package search_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/search"
	"mixmas/search/evaluate"
	"mixmas/search/store"
)

// beside is another process with the same plan and store, as far as they can tell.
func (f *fixture) beside() *fixture {
	f.t.Helper()
	other := *f
	var err error
	if other.store, err = store.Open(f.t.Context(), f.store.Path(), store.Options{}); err != nil {
		f.t.Fatal(err)
	}
	return &other
}

// together searches in several processes at once, and returns how many trials they trained in all.
func (f *fixture) together(processes int) int {
	f.t.Helper()
	trained := &counter{}
	searches := make([]*search.Search, processes)
	for i := range searches {
		other := f.beside()
		other.watch = trained
		var err error
		if searches[i], err = other.search(); err != nil {
			f.t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for _, s := range searches {
		all.Go(func() {
			if _, err := s.Run(f.t.Context()); err != nil && !strings.Contains(err.Error(), "every candidate failed") {
				f.t.Error(err)
			}
		})
	}
	all.Wait()
	return trained.started
}

// Of several processes that share a store, one trains each trial.
func TestProcessesShareTheTrials(t *testing.T) {
	want := newFixture(t)
	want.run()
	for workers := 1; workers <= 3; workers++ {
		f := newFixture(t)
		f.workers = workers
		if n := f.together(3); n != 6 {
			t.Errorf("%d workers each: trained %d times, want 6", workers, n)
		}
		if diff := cmp.Diff(want.scores(), f.scores()); diff != "" {
			t.Errorf("one process against three:\n%s", diff)
		}
	}
}

func TestProcessesShareTheRest(t *testing.T) {
	t.Run("weights to be trained again", func(t *testing.T) {
		f := newFixture(t)
		f.run()
		if _, _, err := f.store.Prune(t.Context(), func(store.Score) bool { return false }); err != nil {
			t.Fatal(err)
		}
		f.change("[concat, mean]", "[concat, mean, max]")
		// max and the two encoders that it starts from, and a second network if it wins
		if n := f.together(3); n != 3 && n != 4 {
			t.Errorf("trained %d times, want 3 or 4", n)
		}
	})
	t.Run("failed trials to be tried again", func(t *testing.T) {
		f := newFixture(t)
		f.onePicture()
		f.change("learning_rate: 0.01", "learning_rate: 1.0e+30, optimiser: sgd")
		f.change("search:\n", "search:\n  retry_failed: true\n")
		if n := f.together(3); n != 2 {
			t.Errorf("trained %d times, want 2", n)
		}
		if n := f.together(3); n != 2 {
			t.Errorf("the next time trained %d times, want 2", n)
		}
	})
	t.Run("full training and folder", func(t *testing.T) {
		f := newFixture(t)
		f.run()
		folder := t.TempDir()
		trained := &counter{}
		var all sync.WaitGroup
		for range 4 {
			other := f.beside()
			other.watch = trained
			all.Go(func() {
				if _, err := other.train(t.Context(), folder); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if trained.started != 1 {
			t.Errorf("trained %d times, want once", trained.started)
		}
		if files, err := os.ReadDir(folder); err != nil || len(files) != 2 {
			t.Errorf("the folder holds %v (%v), want the model and its description", files, err)
		}
	})
}

// listener hears what a search says, and when trials are done.
type listener struct {
	counter
	notice, done func(text string)
	notices      []string
}

func (l *listener) Notice(text string) {
	if strings.HasPrefix(text, "warning: a short training makes ") { // as those of tests are
		return
	}
	l.Lock()
	l.notices = append(l.notices, text)
	l.Unlock()
	if l.notice != nil {
		l.notice(text)
	}
}

func (l *listener) TrialDone(e evaluate.TrialDone) {
	if l.done != nil {
		l.done(e.Name)
	}
}

// leased is a fixture with one worker, in which another process works on the trial of a name.
func leased(t *testing.T, name string) (f, other *fixture, lease *store.Lease, sc store.Score) {
	t.Helper()
	other = newFixture(t)
	if _, err := other.train(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	list, err := other.store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, score := range list {
		if score.Name == name {
			sc = score
		}
	}
	f = newFixture(t)
	f.workers = 1
	if lease, err = f.beside().store.TryLease(sc.Key); lease == nil || err != nil {
		t.Fatalf("no lease of %s: %v", name, err)
	}
	return f, other, lease, sc
}

// A trial that another process trains is waited for, once said, while the others are trained; if that process ends without a
// score, it is trained here.
func TestWaitingTrialHoldsNoSlot(t *testing.T) {
	f, want, lease, _ := leased(t, "encoder/picture/mlp_mixer")
	left := map[string]bool{"encoder/picture/monarch_mixer": true, "encoder/numbers/simple_mlp": true}
	l := &listener{}
	l.done = func(name string) {
		l.Lock()
		defer l.Unlock()
		if delete(left, name); lease != nil && len(left) == 0 {
			lease.Release()
			lease = nil
		}
	}
	f.watch = l
	if r := f.run(); r.Trainings != 6 {
		t.Errorf("trained %d times, want 6", r.Trainings)
	}
	if diff := cmp.Diff([]string{"encoder/picture/mlp_mixer: another process is training it, waiting"}, l.notices); diff != "" {
		t.Errorf("it was said (-want +got):\n%s", diff)
	}
	now := f.scores()
	for name, score := range want.scores() {
		if !strings.HasPrefix(name, "full/") && !strings.HasPrefix(name, "test/") && now[name] != score {
			t.Errorf("%s is %q, want %q", name, now[name], score)
		}
	}
}

func TestScoreOfAnotherProcessIsTaken(t *testing.T) {
	f, other, lease, sc := leased(t, "encoder/picture/mlp_mixer")
	weights, err := other.store.Weights(sc)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := other.store.Outputs(sc)
	if err != nil {
		t.Fatal(err)
	}
	f.watch = &listener{notice: func(string) {
		if _, err := f.beside().store.Put(t.Context(), sc, weights, outputs); err != nil {
			t.Error(err)
		}
		lease.Release()
	}}
	r := f.run()
	for _, o := range r.Stages[0].Outcomes() {
		if o.Score.Key == sc.Key && !o.Cached {
			t.Errorf("%s is not cached", o.Job.Name)
		}
	}
	if r.Trainings != 5 {
		t.Errorf("trained %d times, want 5", r.Trainings)
	}
}

func TestInterruptedWhileWaiting(t *testing.T) {
	f, _, lease, _ := leased(t, "encoder/picture/mlp_mixer")
	defer lease.Release()
	ctx, cancel := context.WithCancel(t.Context())
	f.watch = &listener{notice: func(string) { cancel() }}
	s, err := f.search()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the search ends with %v", err)
	}
}

func TestTestScoreIsSharedToo(t *testing.T) {
	f, _, lease, sc := leased(t, "test/tiny")
	l := &listener{notice: func(string) { lease.Release() }}
	f.watch = l
	var trained *search.Trained
	var err error
	if trained, err = f.train(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sc.Metrics, trained.Test); diff != "" {
		t.Errorf("test metrics (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"test/tiny: another process is scoring it, waiting"}, l.notices); diff != "" {
		t.Errorf("it was said (-want +got):\n%s", diff)
	}
	if left, err := filepath.Glob(f.store.Path() + ".files/lease-*"); err != nil || len(left) > 0 {
		t.Errorf("left over: %v (%v)", left, err)
	}
}

// A model that another plan left in the folder while this one was trained stays there.
func TestFolderTakenMeanwhile(t *testing.T) {
	f := newFixture(t)
	f.run()
	folder := t.TempDir()
	path := filepath.Join(folder, "model.safetensors")
	f.watch = &listener{done: func(name string) {
		if strings.HasPrefix(name, "full/") {
			if err := os.WriteFile(path, []byte("another's"), 0o644); err != nil {
				t.Error(err)
			}
		}
	}}
	if _, err := f.train(t.Context(), folder); !errors.Is(err, search.ErrOccupied) {
		t.Errorf("the training ends with %v", err)
	}
	if file, err := os.ReadFile(path); err != nil || string(file) != "another's" {
		t.Errorf("the other model is %q now (%v)", file, err)
	}
	if left, err := filepath.Glob(filepath.Join(folder, "checkpoint-*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v (%v)", left, err)
	}
	if trained, err := f.train(t.Context(), t.TempDir()); err != nil || !trained.Cached {
		t.Errorf("the training was not kept (%v)", err)
	}
}
