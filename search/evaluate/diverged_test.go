package evaluate

import (
	"strings"
	"testing"

	"mixmas/search/store"
)

// A candidate that diverges is trained once more at a third of the learning rate, under a key of its own, if that is wanted.
func TestDivergedCandidatesAreTrainedOnceMore(t *testing.T) {
	j := job(t, false)
	j.Specification.Recipe.Optimiser, j.Specification.Recipe.WeightDecay = "sgd", 5 // at a rate of 1 the weights grow without bound
	for rate, want := range map[float64]store.Status{1: store.Finished, 1e30: store.Failed} {
		e, l := evaluator(t)
		e.options.RetryDiverged = true
		j.Specification.Recipe.LearningRate = rate
		o := score(t, e, j)
		if o.Score.Status != want || o.Job.Specification.Recipe.LearningRate != rate/3 || !strings.Contains(o.Diverged, "the training diverged") {
			t.Errorf("rate %v: %s (%s) at the rate %v, after %q", rate, o.Score.Status, o.Score.Reason, o.Job.Specification.Recipe.LearningRate, o.Diverged)
		}
		if key, _, _ := o.Job.Specification.Key(); key != o.Score.Key || e.Trainings() != 2 {
			t.Errorf("rate %v: the key is %s, of the job %s, after %d trainings", rate, o.Score.Key, key, e.Trainings())
		}
		if len(l.notices) != 1 || !strings.HasPrefix(l.notices[0], "test/numbers: trains once more with the learning rate ") {
			t.Errorf("it was said %q", l.notices)
		}
		again := score(t, e, j)
		if !again.Cached || again.Score.Key != o.Score.Key || again.Diverged != o.Diverged || e.Trainings() != 2 || len(l.notices) != 1 {
			t.Errorf("rate %v: asked again %t, %s, %q, after %d trainings", rate, again.Cached, again.Score.Key, again.Diverged, e.Trainings())
		}
		if want == store.Finished {
			if logits, err := e.Outputs(t.Context(), o); err != nil || len(logits) == 0 {
				t.Errorf("%d outputs (%v)", len(logits), err)
			}
		}
		e.options.RetryDiverged = false
		if once := score(t, e, j); once.Diverged != "" || once.Score.Status != store.Failed || once.Job.Specification.Recipe.LearningRate != rate {
			t.Errorf("rate %v: not wanted, %s at %v after %q", rate, once.Score.Status, once.Job.Specification.Recipe.LearningRate, once.Diverged)
		}
		e.options.RetryDiverged = true
		full := j
		full.CheckpointFile = t.TempDir() + "/checkpoint"
		if o := score(t, e, full); o.Diverged != "" {
			t.Errorf("a full training was trained once more: %q", o.Diverged)
		}
	}
}
