package nn_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
)

func newTrainer(t *testing.T, m nn.Model, batch int) *nn.Trainer {
	t.Helper()
	trainer, err := nn.NewTrainer(cpu.New(cpu.Options{Workers: 1}), m, nn.Recipe{Batch: batch, Optimiser: "adam"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	if err := trainer.Load(m.Parameters().Initialise(1)); err != nil {
		t.Fatal(err)
	}
	return trainer
}

// Restored after any number of epochs, a training goes on with the same bits.
func TestRestoredTrainingGoesOn(t *testing.T) {
	weights := func(trainer *nn.Trainer, from, to int) nn.Weights {
		for epoch := from; epoch < to; epoch++ {
			if _, err := trainer.Epoch(t.Context(), points{}, epoch, 0.01, nil); err != nil {
				t.Fatal(err)
			}
		}
		w, err := trainer.Weights()
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	want := weights(newTrainer(t, newCorner(), 10), 0, 4)
	first := newTrainer(t, newCorner(), 10)
	weights(first, 0, 2)
	state, updates, err := first.State()
	if err != nil {
		t.Fatal(err)
	}
	second := newTrainer(t, newCorner(), 10)
	if err := second.Restore(state, updates); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, weights(second, 2, 4)); diff != "" {
		t.Error(diff)
	}
	if err := second.Restore(state[1:], updates); err == nil {
		t.Error("a state that is too short was restored")
	}
}

func TestStepsOfAnEpoch(t *testing.T) {
	normalised := mixer.Specification{Classes: 2, Modalities: []mixer.Modality{{Name: "map", Kind: mixer.Map, Shape: []int{1, 28, 28},
		Encoder: mixer.Choice{Architecture: "ramlp", Options: &mixer.RaMLPOptions{Depths: []int{1, 1, 1, 1}, Dims: []int{4, 8, 16, 16},
			MLPRatio: []int{2, 2, 2, 2}, Expansion: []int{2, 2, 2, 2}, Region: []int{7, 4, 2, 1}, Group: []int{1, 2, 4, 8}}}}}}
	batchNorm, err := mixer.Build(normalised)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model          nn.Model
		samples, steps int
	}{
		{newCorner(), 64, 4}, {newCorner(), 65, 5}, {newCorner(), 66, 5}, {newCorner(), 3, 1},
		{batchNorm, 64, 4}, {batchNorm, 65, 4}, {batchNorm, 66, 5}, // one sample cannot be normalised
	} {
		if got := newTrainer(t, c.model, 16).Steps(c.samples); got != c.steps {
			t.Errorf("%T: %d samples in batches of 16 take %d steps, want %d", c.model, c.samples, got, c.steps)
		}
	}
}

func TestWeightsMustFit(t *testing.T) {
	model := newCorner()
	trainer := newTrainer(t, model, 4)
	for want, change := range map[string]func(nn.Weights){
		"head.bias is missing":                         func(w nn.Weights) { delete(w, "head.bias") },
		"hidden.bias has shape 4, the model needs 16":  func(w nn.Weights) { w["hidden.bias"] = w["head.bias"] },
		"the model has no tail":                        func(w nn.Weights) { w["tail"] = w["head.bias"] },
		"head.bias has 60 elements, its shape 4 has 4": func(w nn.Weights) { w["head.bias"] = nn.Tensor{Shape: []int{4}, Data: make([]float32, 60)} },
	} {
		w := model.Parameters().Initialise(1)
		change(w)
		if err := trainer.Load(w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

func TestDivergenceIsNamed(t *testing.T) {
	model := newCorner()
	trainer := newTrainer(t, model, 16)
	w := model.Parameters().Initialise(1)
	w["head.bias"].Data[0] = float32(math.Inf(1))
	if err := trainer.Load(w); err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Epoch(t.Context(), points{}, 0, 0.01, nil); !errors.Is(err, nn.ErrDiverged) || !strings.Contains(err.Error(), "epoch 1, step 1") {
		t.Errorf("got error %v", err)
	}
	if _, err := trainer.Predict(t.Context(), points{}); !errors.Is(err, nn.ErrDiverged) {
		t.Errorf("got error %v", err)
	}
	// Where nothing was trained, no training diverged.
	other := newTrainer(t, model, 16)
	if err := other.Load(w); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Predict(t.Context(), points{}); err == nil || errors.Is(err, nn.ErrDiverged) || !strings.Contains(err.Error(), "the prediction of sample 0 is +Inf") {
		t.Errorf("got error %v", err)
	}
}

func TestTrainingStepDoesNotAllocate(t *testing.T) {
	trainer := newTrainer(t, newCorner(), 16)
	rows := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	step := func() {
		if _, err := trainer.Step(points{}, rows, 0.01); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if n := testing.AllocsPerRun(20, step); n != 0 {
		t.Errorf("a training step allocates %v times", n)
	}
}

// shares are points whose labels are soft: all of a class, or a share of the next one too.
type shares struct {
	points
	next, weight float32
}

func (s *shares) Label(row int, dst []float32) error {
	var class [1]float32
	err := s.points.Label(row, class[:])
	clear(dst)
	dst[int(class[0])] = s.weight * (1 - s.next)
	dst[(int(class[0])+1)%4] = s.weight * s.next
	return err
}

// A model that knows only g.CrossEntropy trains on soft labels: like on labels if they say the same, and at most to what they say.
func TestSoftLabels(t *testing.T) {
	losses := func(m nn.Model, samples nn.Samples) (list []float64) {
		trainer := newTrainer(t, m, 16)
		for epoch := range 30 {
			loss, err := trainer.Epoch(t.Context(), samples, epoch, 0.02, nil)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, loss)
		}
		return list
	}
	hard := losses(newCorner(), points{})
	for i, loss := range losses(nn.SoftLabels(newCorner()), &shares{weight: 1}) {
		if math.Abs(loss-hard[i]) > 1e-3*(1+hard[i]) {
			t.Errorf("epoch %d: the loss is %v, on class indices %v", i+1, loss, hard[i])
		}
	}
	entropy := -0.25*math.Log(0.25) - 0.75*math.Log(0.75)
	soft := losses(nn.SoftLabels(newCorner()), &shares{next: 0.25, weight: 1})
	if last := soft[len(soft)-1]; last < entropy || last > entropy+0.1 {
		t.Errorf("the loss ends at %v, want a little more than the entropy of the labels, %v", last, entropy)
	}
	if double := losses(nn.SoftLabels(newCorner()), &shares{next: 0.25, weight: 2}); math.Abs(double[0]-2*soft[0]) > 0.1*soft[0] {
		t.Errorf("with twice the weight the first loss is %v, without %v", double[0], soft[0])
	}
	several := multiLabel{newCorner()}
	if nn.SoftLabels(several) != nn.Model(several) {
		t.Error("a multi-label model is another one on soft labels")
	}
}

type multiLabel struct{ *corner }

func (multiLabel) MultiLabel() bool { return true }
