package cost

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// Latency is how long predictions take on one core of this machine.
type Latency struct {
	// One is the time of predicting one row, and Many of predicting [Batch] rows together.
	One, Many time.Duration
}

// Meter measures the time of predictions, once per model. It may be used by several goroutines at once; it measures one model
// at a time. A nil Meter measures nothing.
type Meter struct {
	core  device.Device
	mutex sync.Mutex
	known map[string]Latency // by the model's JSON
}

// NewMeter returns a meter for a device, which should have one core. It returns nil if there is none.
func NewMeter(core device.Device) *Meter {
	if core == nil {
		return nil
	}
	return &Meter{core: core, known: map[string]Latency{}}
}

// Measure returns the median times of predictions of a model with random weights and inputs. It takes about 50 ms, longer only
// if some predictions do. A nil meter returns zeros.
func (m *Meter) Measure(ctx context.Context, spec mixer.Specification) (Latency, error) {
	if m == nil {
		return Latency{}, nil
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return Latency{}, err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if l, measured := m.known[string(text)]; measured {
		return l, nil
	}
	l, err := m.measure(ctx, spec)
	if err != nil {
		return Latency{}, fmt.Errorf("time of a prediction: %w", err)
	}
	m.known[string(text)] = l
	return l, nil
}

func (m *Meter) measure(ctx context.Context, spec mixer.Specification) (l Latency, err error) {
	model, err := mixer.Build(spec)
	if err != nil {
		return l, err
	}
	trainer, err := nn.NewTrainer(m.core, model, nn.Recipe{Batch: Batch}, 0)
	if err != nil {
		return l, err
	}
	defer trainer.Close()
	if err := trainer.Load(model.Parameters().Initialise(1)); err != nil {
		return l, err
	}
	if l.One, err = median(ctx, trainer, newRows(spec, model, 1)); err == nil {
		l.Many, err = median(ctx, trainer, newRows(spec, model, Batch))
	}
	return l, err
}

// Predictions are repeated for this time, and at least this often. The first one, which also loads the program, does not count.
const (
	spent = 20 * time.Millisecond
	least = 3
)

// median returns the median time of predicting all rows.
func median(ctx context.Context, t *nn.Trainer, r *rows) (time.Duration, error) {
	if _, err := t.Predict(ctx, r); err != nil {
		return 0, err
	}
	var times []time.Duration
	for end := time.Now().Add(spent); len(times) < least || time.Now().Before(end); {
		began := time.Now()
		if _, err := t.Predict(ctx, r); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// rows are rows of random inputs. They implement [nn.Samples].
type rows struct {
	inputs [][]float32
	n      int
}

// newRows draws n rows of what a model reads: numbers, and for texts the numbers of tokens. Nothing is missing.
func newRows(spec mixer.Specification, m nn.Model, n int) *rows {
	random := rand.New(rand.NewPCG(1, 2))
	vocabulary, real := map[string]int{}, map[string]bool{}
	for _, modality := range spec.Modalities {
		vocabulary[modality.Name], real[modality.Name+".mask"] = modality.Vocabulary, modality.Masked
	}
	r := &rows{n: n}
	for _, in := range m.Inputs() {
		size := n
		for _, d := range in.Shape {
			size *= d
		}
		values := make([]float32, size)
		for i := range values {
			switch tokens := vocabulary[in.Name]; {
			case real[in.Name]:
				values[i] = 1
			case tokens > 0:
				values[i] = float32(random.IntN(tokens))
			default:
				values[i] = float32(random.NormFloat64())
			}
		}
		r.inputs = append(r.inputs, values)
	}
	return r
}

// Len implements [nn.Samples].
func (r *rows) Len() int { return r.n }

// Read implements [nn.Samples].
func (r *rows) Read(row, input int, dst []float32) error {
	copy(dst, r.inputs[input][row*len(dst):])
	return nil
}

// Label implements [nn.Samples]; predictions read no labels.
func (r *rows) Label(int, []float32) error { return nil }
