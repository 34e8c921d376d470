package nn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
)

// spoilt are points of which one holds another number.
type spoilt struct {
	points
	row    int
	number float32
}

func (s spoilt) Read(row, input int, dst []float32) error {
	if row == s.row {
		dst[0], dst[1] = s.number, -s.number
		return nil
	}
	return s.points.Read(row, input, dst)
}

// steep are weights of a corner with which two large numbers of different signs become larger.
func steep(scale float32) nn.Weights {
	w := newCorner().Parameters().Initialise(1)
	for i := range w["hidden.weight"].Data {
		w["hidden.weight"].Data[i] = scale * float32(2-4*(i%2))
	}
	return w
}

// The operation that made the first infinity or NaN is named, in the step that read what causes it, on devices that run ahead too.
func TestTheFirstFaultIsNamed(t *testing.T) {
	for name, d := range map[string]*queueing{"step by step": nil, "running ahead": {Device: cpu.New(cpu.Options{Workers: 1}), fits: func(int) bool { return true }}} {
		for _, row := range []int{0, 21, 63} {
			samples := spoilt{row: row, number: 3e38}
			make := func() *nn.Trainer {
				trainer, err := newTrainer(t, newCorner(), 16), error(nil)
				if d != nil {
					trainer, err = nn.NewTrainer(d, newCorner(), nn.Recipe{Batch: 16, Optimiser: "adam"}, 1)
				}
				if err == nil {
					err = trainer.Load(steep(1))
				}
				if err != nil {
					t.Fatal(err)
				}
				return trainer
			}
			_, err := make().Epoch(t.Context(), samples, 2, 0.01, nil)
			if !errors.Is(err, nn.ErrDiverged) {
				t.Fatalf("%s: %v", name, err)
			}
			f, e := make().Diagnose(t.Context(), samples, 2, 0.01)
			if e != nil || f == nil {
				t.Fatalf("%s: no fault (%v)", name, e)
			}
			if !strings.Contains(err.Error(), fmt.Sprintf("epoch %d, step %d:", f.Epoch, f.Step)) || !(f.Number-f.Number != 0) {
				t.Errorf("%s: %+v, and the training ends with %v", name, f, err)
			}
			if f.Operation != "matmul" || f.Parameter != "hidden.weight" {
				t.Errorf("%s: %v, want the first layer", name, f)
			}
		}
	}
}

// A fault that the loss does not show, and one that only the prediction has.
func TestFaultsBesideTheLoss(t *testing.T) {
	model := newCorner()
	trainer := newTrainer(t, model, 16)
	if err := trainer.Load(steep(1e-30)); err != nil {
		t.Fatal(err)
	}
	f, err := trainer.Diagnose(t.Context(), spoilt{row: 3, number: 1e30}, 0, 0) // its gradient is large, and its square too large
	if err != nil || f == nil || f.Operation != "adam" || f.Epoch != 1 {
		t.Errorf("got %v (%v), want adam", f, err)
	}
	trainer = newTrainer(t, model, 16)
	if f, err := trainer.Diagnose(t.Context(), points{}, 0, 0.01); f != nil || err != nil {
		t.Errorf("a training without a fault has %v (%v)", f, err)
	}
	if f, err := trainer.DiagnosePrediction(t.Context(), points{}, 1); f != nil || err != nil {
		t.Errorf("a prediction without a fault has %v (%v)", f, err)
	}
	if _, err := trainer.Epoch(t.Context(), points{}, 1, 0.01, nil); err != nil {
		t.Fatal(err)
	}
	if err := trainer.Load(steep(1)); err != nil {
		t.Fatal(err)
	}
	f, err = trainer.DiagnosePrediction(t.Context(), spoilt{row: 40, number: 3e38}, 1)
	if err != nil || f == nil || f.Step != 0 || f.Operation != "matmul" || f.Parameter != "hidden.weight" ||
		!strings.Contains(f.String(), "in the prediction after epoch 1, comes from matmul at hidden.weight") {
		t.Errorf("got %v (%v)", f, err)
	}
}
