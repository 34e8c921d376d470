package evaluate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mixmas/search/store"
	"mixmas/search/trial"
)

// untimed compares scores but for what another run may change.
var untimed = []cmp.Option{cmpopts.IgnoreFields(store.Score{}, "Seconds", "Finished"), cmpopts.IgnoreFields(store.Epoch{}, "Seconds")}

// alone is the score of a job in a store of its own.
func alone(t testing.TB, job trial.Job) store.Score {
	t.Helper()
	e, _ := evaluator(t)
	return score(t, e, job).Score
}

// A training that stops, once or after every epoch, and goes on ends with the bits of one that was never stopped, and trains no
// step twice.
func TestStoppedTrainingsEndTheSame(t *testing.T) {
	for _, watches := range []bool{false, true} {
		whole := job(t, watches)
		want := alone(t, whole)
		for _, stops := range [][]int{{1}, {3}, {5}, {6}, {1, 2, 3, 4, 5}, {2, 4, 9}} {
			t.Run(fmt.Sprint(watches, stops), func(t *testing.T) {
				e, l := evaluator(t)
				for _, until := range stops {
					part := whole
					part.Until = until
					o := score(t, e, part)
					ended := until >= len(want.Curve)
					if got := o.Score.Status; ended != (got == store.Finished) || !ended && (got != store.Partial || len(o.Score.Curve) != until || o.Score.Weights != "") {
						t.Errorf("until epoch %d: %s after %d epochs, weights %q", until, got, len(o.Score.Curve), o.Score.Weights)
					}
					if len(o.Score.Metrics) == 0 || l.steps != 4*min(until, len(want.Curve)) {
						t.Errorf("until epoch %d: trained %d steps, metrics %v", until, l.steps, o.Score.Metrics)
					}
				}
				o := score(t, e, whole)
				got := o.Score
				got.EpochOutputs = nil // those of the stops
				if diff := cmp.Diff(want, got, untimed...); diff != "" {
					t.Errorf("never stopped against stopped:\n%s", diff)
				}
				if l.steps != 4*len(want.Curve) || l.notices != nil {
					t.Errorf("trained %d steps, want %d; it was said %q", l.steps, 4*len(want.Curve), l.notices)
				}
				if _, err := e.options.Store.GetPartial(t.Context(), got.Key); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("the partial score is still there (%v)", err)
				}
			})
		}
	}
}

// The outcome until an epoch is the same whatever the store holds: nothing, a part, more, or all of the training, with the outputs
// of that epoch or without.
func TestPartialOutcomesDependOnNothingElse(t *testing.T) {
	for _, watches := range []bool{false, true} {
		part := job(t, watches)
		part.Until = 3
		want := alone(t, part)
		for name, before := range map[string]func(j *trial.Job){
			"a smaller part":   func(j *trial.Job) { j.Until = 2 },
			"a larger part":    func(j *trial.Job) { j.Until = 4 },
			"with its outputs": func(j *trial.Job) { j.Until, j.Outputs = 0, []int{1, 3} },
			"all":              func(j *trial.Job) { j.Until = 0 },
		} {
			e, l := evaluator(t)
			j := part
			before(&j)
			earlier := score(t, e, j)
			kept := l.steps
			o := score(t, e, part)
			if diff := cmp.Diff(want.Curve, o.Score.Curve, untimed...); diff != "" {
				t.Errorf("%s: the curve of a part (-want +got):\n%s", name, diff)
			}
			if o.Score.Status != store.Partial || o.Score.Outputs != want.Outputs || !cmp.Equal(o.Score.Metrics, want.Metrics) {
				t.Errorf("%s: %s after %d epochs with outputs %s and metrics %v, want %v", name, o.Score.Status, len(o.Score.Curve), o.Score.Outputs, o.Score.Metrics, want.Metrics)
			}
			if steps := map[string]int{"a smaller part": 4, "with its outputs": 0}[name]; name != "all" && name != "a larger part" && l.steps-kept != steps {
				t.Errorf("%s: trained %d steps, want %d", name, l.steps-kept, steps)
			}
			kept = l.steps
			if again := score(t, e, part); !again.Cached || l.steps != kept || !cmp.Equal(again.Score.Metrics, want.Metrics) {
				t.Errorf("%s: asked again, cached %t, trained %d steps", name, again.Cached, l.steps-kept)
			}
			if earlier.Score.Status == store.Finished {
				if now, err := e.options.Store.Get(t.Context(), want.Key); err != nil || now.Weights != earlier.Score.Weights || len(now.Curve) != len(earlier.Score.Curve) {
					t.Errorf("%s: the finished score is %v (%v)", name, now, err)
				}
			}
		}
	}
}

// A part stays what it was when its training fails later on, so that a search which is run again decides the same.
func TestPartOfWhatFailed(t *testing.T) {
	whole := job(t, false)
	whole.Specification.Recipe.Optimiser, whole.Specification.Recipe.LearningRate = "sgd", 1
	whole.Specification.Recipe.WeightDecay = 5 // the weights grow without bound
	for name, outputs := range map[string][]int{"a part, then all": nil, "all with its outputs": {1}} {
		e, l := evaluator(t)
		part := whole
		part.Until = 1
		var want *Outcome
		if outputs == nil {
			want = score(t, e, part)
		}
		whole.Outputs = outputs
		failed := score(t, e, whole)
		if failed.Score.Status != store.Failed || len(failed.Score.Curve) != 1 {
			t.Fatalf("%s: %s after %d epochs, want a failure in the second", name, failed.Score.Status, len(failed.Score.Curve))
		}
		steps := l.steps
		got := score(t, e, part)
		if want == nil {
			want = &Outcome{Score: alone(t, part)}
		}
		diff := cmp.Diff(want.Score, got.Score, append(untimed, cmpopts.IgnoreFields(store.Score{}, "Checkpoint"))...)
		if diff != "" || got.Score.Status != store.Partial || l.steps != steps {
			t.Errorf("%s: %d steps more, and the part (-before +after):\n%s", name, l.steps-steps, diff)
		}
		if again := score(t, e, whole); again.Score.Status != store.Failed || l.steps != steps {
			t.Errorf("%s: the whole is %s after %d steps more", name, again.Score.Status, l.steps-steps)
		}
	}
}

// Outputs after epochs are there whenever they are asked for, whatever the store held before.
func TestOutputsAfterEpochs(t *testing.T) {
	for _, watches := range []bool{false, true} {
		asked := job(t, watches)
		asked.Outputs = []int{1, 4}
		want := alone(t, asked)
		for name, before := range map[string]func(j *trial.Job){
			"a smaller part":     func(j *trial.Job) { j.Until = 3 },
			"a larger part":      func(j *trial.Job) { j.Until = 5 },
			"a part with some":   func(j *trial.Job) { j.Until, j.Outputs = 3, []int{1} },
			"all without":        func(*trial.Job) {},
			"all with other":     func(j *trial.Job) { j.Outputs = []int{2} },
			"all with its first": func(j *trial.Job) { j.Outputs = []int{1} },
		} {
			for _, until := range []int{0, 4} {
				e, l := evaluator(t)
				j := job(t, watches)
				before(&j)
				score(t, e, j)
				again := asked
				again.Until = until
				got := score(t, e, again)
				for _, epoch := range asked.Outputs {
					if got.Score.EpochOutputs[epoch] != want.EpochOutputs[epoch] {
						t.Errorf("%s, until %d: outputs after epoch %d are %q, want %q", name, until, epoch, got.Score.EpochOutputs[epoch], want.EpochOutputs[epoch])
					}
				}
				if steps := l.steps; !score(t, e, again).Cached || l.steps != steps {
					t.Errorf("%s, until %d: asked again, it trained", name, until)
				}
				if until == 0 && (got.Score.Status != store.Finished || got.Score.Weights != want.Weights || got.Score.Outputs != want.Outputs) {
					t.Errorf("%s: %s with weights %s, want %s", name, got.Score.Status, got.Score.Weights, want.Weights)
				}
			}
		}
	}
}

// A job that starts from weights which no training ended with is an error, whether or not the training has ended since.
func TestStartFromPart(t *testing.T) {
	e, _ := evaluator(t)
	part := job(t, false)
	part.Until = 2
	stopped := score(t, e, part)
	ended := score(t, e, job(t, false))
	other := ended.Origin()
	other.File = stopped.Score.Checkpoint
	for _, c := range []struct {
		from trial.Origin
		want string
	}{{stopped.Origin(), "weights of test/numbers: its training has not finished"}, {other, "the training ended with " + string(ended.Score.Weights[:12])}} {
		warm := job(t, false)
		warm.From("numbers", c.from)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if _, err := e.Score(ctx, warm); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want %q", err, c.want)
		}
		cancel()
	}
}

// Who wants the end takes no part for it.
func TestPartialScoreIsNoScore(t *testing.T) {
	e, _ := evaluator(t)
	part := job(t, true)
	part.Until = 3
	o := score(t, e, part)
	if _, err := e.Weights(t.Context(), o); err == nil || !strings.Contains(err.Error(), "has not finished") {
		t.Errorf("weights of a part: %v", err)
	}
	e.options.OnlyKept = true
	if _, err := e.Score(t.Context(), job(t, true)); !errors.Is(err, ErrUntrained) {
		t.Errorf("the end of a part was found (%v)", err)
	}
	if o := score(t, e, part); !o.Cached || o.Score.Status != store.Partial {
		t.Errorf("the part itself: cached %t, %s", o.Cached, o.Score.Status)
	}
}

// Weights that were pruned are trained again to the end, whatever was asked of the training since.
func TestPrunedWeightsOfWhatWasCut(t *testing.T) {
	e, _ := evaluator(t)
	whole := score(t, e, job(t, true))
	part := job(t, true)
	part.Until = 2
	score(t, e, part)
	if _, _, err := e.options.Store.Prune(t.Context(), func(store.Score) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if err := e.restore(t.Context(), whole.Origin()); err != nil {
		t.Error(err)
	}
	if _, err := e.options.Store.Weights(whole.Score); err != nil {
		t.Error(err)
	}
}

// A checkpoint that is gone or damaged costs time, and nothing else.
func TestLostCheckpoint(t *testing.T) {
	want := alone(t, job(t, true))
	for name, lose := range map[string]func(path string) error{
		"gone":    os.Remove,
		"damaged": func(path string) error { return os.WriteFile(path, []byte("no tensors"), 0o644) },
	} {
		e, l := evaluator(t)
		part := job(t, true)
		part.Until = 3
		digest := string(score(t, e, part).Score.Checkpoint)
		if err := lose(filepath.Join(e.options.Store.Path()+".files", digest[:2], digest)); err != nil {
			t.Fatal(err)
		}
		o := score(t, e, job(t, true))
		if o.Score.Weights != want.Weights || l.steps != 4*(3+len(want.Curve)) {
			t.Errorf("%s: weights %s after %d steps, want %s", name, o.Score.Weights, l.steps, want.Weights)
		}
		if len(l.notices) != 2 || !strings.Contains(l.notices[0], "cannot resume from the stored checkpoint") || l.notices[1] != "test/numbers: starts from the beginning" {
			t.Errorf("%s: it was said %q", name, l.notices)
		}
	}
}

// Parts and wholes of one training, asked at once by several evaluators of a store, end as if asked one after another.
func TestPartsAtOnce(t *testing.T) {
	want := alone(t, job(t, true))
	first, _ := evaluator(t)
	var all sync.WaitGroup
	for i := range 9 {
		e, _ := evaluatorOf(first.options.Store)
		part := job(t, true)
		part.Until = i % 3 * 2
		all.Go(func() {
			outcomes, err := e.Score(t.Context(), part, part)
			if err != nil {
				t.Error(err)
				return
			}
			if n := len(outcomes[0].Score.Curve); part.Until > 0 && n != part.Until || part.Until == 0 && outcomes[1].Score.Weights != want.Weights {
				t.Errorf("until %d: %d epochs, weights %s", part.Until, n, outcomes[1].Score.Weights)
			}
		})
	}
	all.Wait()
}

// Repeats of a trial have keys, weights and scores of their own.
func TestRepeats(t *testing.T) {
	e, _ := evaluator(t)
	again := job(t, false)
	again.Specification.Repeat = 1
	outcomes, err := e.Score(t.Context(), job(t, false), again)
	if err != nil {
		t.Fatal(err)
	}
	a, b := outcomes[0].Score, outcomes[1].Score
	if a.Key == b.Key || a.Weights == b.Weights || e.Trainings() != 2 {
		t.Errorf("keys %.12s and %.12s, weights %.12s and %.12s", a.Key, b.Key, a.Weights, b.Weights)
	}
	if bytes.Contains(a.Specification, []byte("repeat")) || !bytes.Contains(b.Specification, []byte(`"repeat":1`)) {
		t.Errorf("specifications %s and %s", a.Specification, b.Specification)
	}
}

// For outputs that a finished score lacks a training goes until the last of them, and changes nothing else of the score.
func TestOutputsOfFinishedScore(t *testing.T) {
	for _, c := range []struct {
		had   []int
		steps int
	}{{nil, 4 * 4}, {[]int{2}, 4 * 4}, {[]int{4}, 4 * 2}, {[]int{2, 4}, 0}} {
		e, l := evaluator(t)
		j := job(t, true)
		j.Outputs = c.had
		want := score(t, e, j).Score
		steps := l.steps
		j.Outputs = []int{2, 4, 99} // the training ended before the last
		o := score(t, e, j)
		if l.steps-steps != c.steps || len(o.Score.EpochOutputs) != 2 || !o.Cached {
			t.Errorf("with %v: trained %d steps, want %d; outputs %v, cached %t", c.had, l.steps-steps, c.steps, o.Score.EpochOutputs, o.Cached)
		}
		want.EpochOutputs = o.Score.EpochOutputs
		if diff := cmp.Diff(want, o.Score); diff != "" {
			t.Errorf("with %v: the score changes:\n%s", c.had, diff)
		}
		if stored, err := e.options.Store.Get(t.Context(), want.Key); err != nil || !cmp.Equal(stored, want) {
			t.Errorf("with %v: stored %v (%v)", c.had, stored, err)
		}
	}
}

// Files of outputs that are gone or damaged are made again.
func TestLostOutputs(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"gone":    os.Remove,
		"damaged": func(path string) error { return os.WriteFile(path, []byte("no tensors"), 0o644) },
	} {
		e, _ := evaluator(t)
		j := job(t, false)
		j.Outputs = []int{2}
		o := score(t, e, j)
		digest := string(o.Score.EpochOutputs[2])
		want, err := e.options.Store.EpochOutputs(o.Score, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := lose(filepath.Join(e.options.Store.Path()+".files", digest[:2], digest)); err != nil {
			t.Fatal(err)
		}
		if got, err := e.options.Store.EpochOutputs(score(t, e, j).Score, 2); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, the same: %t", name, err, bytes.Equal(got, want))
		}
	}
}

// Who trains nothing is told that outputs are missing.
func TestOutputsWithoutTraining(t *testing.T) {
	e, _ := evaluator(t)
	j := job(t, true)
	score(t, e, j)
	e.options.OnlyKept = true
	j.Outputs = []int{1}
	if _, err := e.Score(t.Context(), j); !errors.Is(err, ErrUntrained) {
		t.Errorf("got error %v", err)
	}
}
