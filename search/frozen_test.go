package search_test

import (
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/evaluate"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// With start: frozen the fused candidates train behind the encoders that were chosen, and end as ordinary models: their weights
// predict the outputs that they are scored by, lost weights come again, and an interrupted search has the same result.
func TestFrozenFusionStages(t *testing.T) {
	f := newFixture(t)
	f.change("search:\n", "search:\n  start: frozen\n  score_at: best\n  score_on_unused: true\n  repeats: {encoder: 2, fusion: 2, network: 1}\n")
	r := f.run()
	if v, wrong := f.verify(); wrong != nil || v.OtherRows > 0 {
		t.Errorf("%+v, %q", v, wrong)
	}
	runner := &trial.Local{Device: f.device(), Data: f.data, Files: evaluate.Files{Store: f.store}}
	seen := map[string]bool{}
	for _, stage := range r.Stages {
		for _, o := range stage.Outcomes() {
			spec := o.Job.Specification
			if fused := spec.Model.Fusion != nil; spec.Frozen != fused || spec.Unused == nil || len(spec.Start) != map[bool]int{true: 2}[fused] {
				t.Errorf("%s repeat %d: frozen %t, starts from %d trainings", o.Job.Name, spec.Repeat, spec.Frozen, len(spec.Start))
			}
			seen[o.Score.Key] = true
			file, err := f.store.Weights(o.Score)
			if err != nil {
				t.Fatal(err)
			}
			weights, _, err := safetensors.Parse(file)
			if err != nil {
				t.Fatal(err)
			}
			model, err := mixer.Build(spec.Model)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := trial.Scoring(f.data, o.Job, trial.Inputs(model))
			if err != nil {
				t.Fatal(err)
			}
			logits, err := runner.Predict(t.Context(), model, spec.Recipe.Batch, weights, rows)
			if err != nil {
				t.Fatal(err)
			}
			metrics, err := trial.Measure(t.Context(), f.data, rows, logits)
			if loss := o.Score.Metrics["loss"]; err != nil || abs(metrics["loss"]-loss) > 1e-6 {
				t.Errorf("%s: the weights have the loss %v (%v), the score %v", o.Job.Name, metrics["loss"], err, loss)
			}
		}
	}
	if want := 3*2 + 2*2 + 1; len(seen) != want { // encoders, functions, and the second network
		t.Errorf("%d trainings, want %d", len(seen), want)
	}
	// Another search that finds the encoders alone makes the same bits, and weights that were removed come again.
	winner := r.Winner.First()
	for key := range seen {
		if sc, err := f.store.Get(t.Context(), key); err != nil || strings.HasPrefix(sc.Name, "encoder/") {
			continue
		}
		if err := f.store.Remove(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if again := f.run(); again.Winner.First().Score.Weights != winner.Score.Weights {
		t.Error("another search has another result")
	}
	if _, _, err := f.store.Prune(t.Context(), func(sc store.Score) bool { return sc.Key != winner.Score.Key }); err != nil {
		t.Fatal(err)
	}
	e := evaluate.New(evaluate.Options{Data: f.data, Store: f.store, Runner: runner})
	if file, err := e.Weights(t.Context(), winner); err != nil || len(file) == 0 {
		t.Errorf("pruned weights do not come again (%v)", err)
	}
}

func abs(x float64) float64 { return max(x, -x) }

// A candidate that diverges is tried at a third of the learning rate if that is wanted, and the document says so.
func TestDivergedCandidatesAreTriedAgain(t *testing.T) {
	f := newFixture(t)
	f.onePicture()
	f.change("learning_rate: 0.01", "learning_rate: 1, optimiser: sgd, weight_decay: 5")
	f.change("epochs: 2,", "epochs: 40,")
	f.change("search:\n", "search:\n  retry_diverged: true\n")
	s, r := f.searched()
	for _, s := range s.Document(r, nil, 0).Stages {
		for _, c := range s.Candidates {
			if !strings.Contains(c.Diverged, "the training diverged") || c.Failed != "" {
				t.Errorf("%s/%s: diverged %q, failed %q", s.Name, c.Name, c.Diverged, c.Failed)
			}
		}
	}
}
