package estimate

import (
	"fmt"
	"math"
	"testing"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Frozen encoders run once over the rows that a training learns from and those that score it, whatever else starts from them.
func TestFrozenEncodersCountOnce(t *testing.T) {
	linear := mixer.Choice{Architecture: "linear"}
	job := func(frozen bool, start ...string) trial.Job {
		j := trial.Job{Name: "fusion/concat", Label: "concat", Specification: trial.Specification{Frozen: frozen, Start: map[string]string{}}}
		j.Specification.Sample, j.Specification.Validation, j.Specification.Unused = trial.Rows{Count: 64}, trial.Rows{Count: 10}, &trial.Rows{Count: 6}
		j.Specification.Recipe.Recipe = nn.Recipe{Optimiser: "adam", LearningRate: 0.1, Batch: 16, Epochs: 1}
		j.Specification.Model = mixer.Specification{Classes: 2, Fusion: mixer.Fuse("concat"), Network: &linear}
		for i, from := range start {
			m := mixer.Modality{Name: fmt.Sprint("m", i), Kind: mixer.Map, Shape: []int{1, 8, 8}, Encoder: mixer.Choice{Architecture: "mlp_mixer"}}
			j.Specification.Model.Modalities = append(j.Specification.Model.Modalities, m)
			j.Specification.Start[m.Name] = from
		}
		return j
	}
	r := &rehearsing{encoded: map[string]bool{}}
	encoding := func(j trial.Job) float64 {
		cost, err := r.encoding(j)
		if err != nil {
			t.Fatal(err)
		}
		return cost
	}
	if warm := encoding(job(false, "a", "b")); warm != 0 {
		t.Errorf("encoders that are trained too cost %v more", warm)
	}
	both := encoding(job(true, "a", "b"))
	again, one := encoding(job(true, "a", "b")), encoding(job(true, "a", "c"))
	if !(both > 0) || again != 0 || math.Abs(2*one-both) > 1e-9*both {
		t.Errorf("two encoders cost %v, then %v, and one of others %v", both, again, one)
	}
	p := &Pace{rate: 2, costs: map[store.Digest]float64{}, steps: map[store.Digest]float64{}}
	j := job(true, "a", "b")
	if got, want := p.Training(Training{Job: j, Encoding: 3}), p.Seconds(j)+6; got != want {
		t.Errorf("the training takes %v seconds, want %v", got, want)
	}
}
