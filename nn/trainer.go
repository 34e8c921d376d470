package nn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"mixmas/nn/device"
)

// ErrDiverged marks a training whose loss is no longer a finite number.
var ErrDiverged = errors.New("the training diverged")

// ErrSamples marks an error of the samples, not of the training.
var ErrSamples = errors.New("samples")

// Recipe is how a trainer trains.
type Recipe struct {
	Optimiser Optimiser
	// Batch is the number of samples a step; the last batch of an epoch may be shorter.
	Batch int
	// Seed decides the order of the samples and the dropout masks.
	Seed uint64
}

// Trainer runs a model on a device. It is not safe for concurrent use.
type Trainer struct {
	model   Model
	recipe  Recipe
	session device.Session
	// programs by mode and batch size.
	programs map[programKey]*program
	order    []int
	updates  int
}

type programKey struct {
	mode  Mode
	batch int
}

// program is a compiled graph of the model and the host memory of one batch.
type program struct {
	compiled     *device.Program
	runner       device.Runner
	inputs       []*Value
	labels       *Value
	logits, loss *Value
	rows         [][]float32 // one batch an input
	rowLabels    []float32
	lossValue    [1]float32
	batch        int
}

// NewTrainer opens a session on the device with all parameters zero: load weights before training.
func NewTrainer(d device.Device, m Model, r Recipe) (*Trainer, error) {
	if err := m.Parameters().Err(); err != nil {
		return nil, err
	}
	if r.Batch < 1 {
		return nil, fmt.Errorf("batch of %d samples: want at least 1", r.Batch)
	}
	s, err := d.Open(m.Parameters().StateSize())
	if err != nil {
		return nil, err
	}
	return &Trainer{model: m, recipe: r, session: s, programs: map[programKey]*program{}}, nil
}

// Close frees the device's memory.
func (t *Trainer) Close() error { return t.session.Close() }

// Load sets all parameters and buffers. Every one must be there, with its shape, and nothing else.
func (t *Trainer) Load(w Weights) error {
	p := t.model.Parameters()
	for _, q := range p.All() {
		tensor, ok := w[q.Name]
		if !ok {
			return fmt.Errorf("weights: %s is missing", q.Name)
		}
		if !slices.Equal(tensor.Shape, q.Shape) {
			return fmt.Errorf("weights: %s has shape %v, the model wants %v", q.Name, tensor.Shape, q.Shape)
		}
		if err := t.session.WriteState(p.place(q), tensor.Data); err != nil {
			return err
		}
	}
	if len(w) != len(p.All()) {
		for name := range w {
			if p.byName[name] == nil {
				return fmt.Errorf("weights: the model has no %s", name)
			}
		}
	}
	return nil
}

// Weights copies all parameters and buffers from the device.
func (t *Trainer) Weights() (Weights, error) {
	p, w := t.model.Parameters(), Weights{}
	for _, q := range p.All() {
		data := make([]float32, q.Size())
		if err := t.session.ReadState(p.place(q), data); err != nil {
			return nil, err
		}
		w[q.Name] = Tensor{Shape: q.Shape, Data: data}
	}
	return w, nil
}

// State is everything that a later Restore needs to go on with the same bits: the session's state and the number of
// updates so far.
func (t *Trainer) State() (state []float32, updates int, err error) {
	state = make([]float32, t.model.Parameters().StateSize())
	return state, t.updates, t.session.ReadState(0, state)
}

// Restore sets what State returned.
func (t *Trainer) Restore(state []float32, updates int) error {
	if want := t.model.Parameters().StateSize(); len(state) != want {
		return fmt.Errorf("training state has %d elements, the model wants %d", len(state), want)
	}
	t.updates = updates
	return t.session.WriteState(0, state)
}

// Program is the compiled training step for a batch, for costs and memory sizes.
func (t *Trainer) Program(batch int) (*device.Program, error) {
	p, err := t.program(Training, batch)
	if err != nil {
		return nil, err
	}
	return p.compiled, nil
}

// Steps is the number of updates an epoch over n samples takes.
func (t *Trainer) Steps(n int) int {
	steps := n / t.recipe.Batch
	if rest := n % t.recipe.Batch; rest > 1 || rest == 1 && !t.model.Parameters().HasBuffers() {
		steps++
	}
	return steps
}

// Epoch trains once on all samples, in an order that depends on the seed and the epoch's number, and returns the mean
// loss of its steps. A short last batch is trained with its own mean; a last batch of one sample is left out where the
// model normalises batches. After each step, onStep (which may be nil) gets the step's number in the epoch and its
// loss. A cancelled context ends the epoch after the step in flight.
func (t *Trainer) Epoch(ctx context.Context, samples Samples, epoch int, rate float64, onStep func(step int, loss float64)) (float64, error) {
	n := samples.Len()
	if t.order = slices.Grow(t.order[:0], n)[:n]; n == 0 {
		return 0, errors.New("no samples to train on")
	}
	for i := range t.order {
		t.order[i] = i
	}
	rng := rand.New(rand.NewPCG(t.recipe.Seed, uint64(epoch)))
	rng.Shuffle(n, func(i, j int) { t.order[i], t.order[j] = t.order[j], t.order[i] })
	steps, sum := t.Steps(n), 0.0
	if steps == 0 {
		return 0, errors.New("one sample cannot be trained on: the model normalises batches")
	}
	for step := range steps {
		from := step * t.recipe.Batch
		loss, err := t.Step(samples, t.order[from:min(from+t.recipe.Batch, n)], rate)
		if err != nil {
			return 0, fmt.Errorf("epoch %d, step %d: %w", epoch+1, step+1, err)
		}
		sum += loss
		if onStep != nil {
			onStep(step+1, loss)
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	return sum / float64(steps), nil
}

// Step makes one update with the given rows of the samples and returns the loss before it.
func (t *Trainer) Step(samples Samples, rows []int, rate float64) (float64, error) {
	p, err := t.program(Training, len(rows))
	if err != nil {
		return 0, err
	}
	if err := p.fill(samples, rows, true); err != nil {
		return 0, err
	}
	t.updates++
	step := device.Step{LearningRate: rate, Update: t.updates, Seed: t.recipe.Seed, Counter: uint32(t.updates)}
	if err := p.runner.Run(step); err != nil {
		return 0, err
	}
	if err := p.runner.Read(p.loss.buffer, p.lossValue[:]); err != nil {
		return 0, err
	}
	loss := float64(p.lossValue[0])
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, fmt.Errorf("%w: the loss is %v", ErrDiverged, loss)
	}
	return loss, nil
}

// Predict returns the logits of all samples (len × classes), in evaluation mode. Logits that are not finite are an error.
func (t *Trainer) Predict(ctx context.Context, samples Samples) ([]float32, error) {
	n, classes := samples.Len(), t.model.Classes()
	logits := make([]float32, n*classes)
	rows := make([]int, t.recipe.Batch)
	for from := 0; from < n; from += t.recipe.Batch {
		batch := rows[:min(t.recipe.Batch, n-from)]
		for i := range batch {
			batch[i] = from + i
		}
		p, err := t.program(Evaluation, len(batch))
		if err != nil {
			return nil, err
		}
		if err := p.fill(samples, batch, false); err != nil {
			return nil, err
		}
		if err := p.runner.Run(device.Step{}); err != nil {
			return nil, err
		}
		if err := p.runner.Read(p.logits.buffer, logits[from*classes:][:len(batch)*classes]); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	for i, z := range logits {
		if z-z != 0 { // infinite or no number
			return nil, fmt.Errorf("%w: the prediction of sample %d is %v", ErrDiverged, i/classes, z)
		}
	}
	return logits, nil
}

// program records, compiles and loads the model for a mode and batch size, once.
func (t *Trainer) program(mode Mode, batch int) (*program, error) {
	key := programKey{mode, batch}
	if p := t.programs[key]; p != nil {
		return p, nil
	}
	train := mode == Training
	g := NewGraph(t.model.Parameters(), mode, train)
	p := &program{batch: batch}
	for _, in := range t.model.Inputs() {
		v := g.Input(in.Name, append([]int{batch}, in.Shape...)...)
		p.inputs, p.rows = append(p.inputs, v), append(p.rows, make([]float32, v.Size()))
	}
	name := "evaluate"
	if train {
		name = "train"
		shape := []int{batch}
		if t.model.MultiLabel() {
			shape = append(shape, t.model.Classes())
		}
		p.labels = g.Input("labels", shape...)
		p.rowLabels = make([]float32, p.labels.Size())
	}
	p.logits, p.loss = t.model.Forward(g, p.inputs, p.labels)
	if train {
		g.Output("loss", p.loss)
		g.Backward(p.loss, nil)
		g.Optimise(t.recipe.Optimiser)
	} else {
		g.Output("logits", p.logits)
	}
	var err error
	if p.compiled, err = g.Compile(fmt.Sprintf("%s/%d", name, batch)); err != nil {
		return nil, err
	}
	if p.runner, err = t.session.Load(p.compiled); err != nil {
		return nil, err
	}
	t.programs[key] = p
	return p, nil
}

// fill writes the given rows of the samples to the program's inputs.
func (p *program) fill(samples Samples, rows []int, labels bool) error {
	for i, v := range p.inputs {
		n := len(p.rows[i]) / p.batch
		for j, row := range rows {
			if err := samples.Read(row, i, p.rows[i][j*n:][:n]); err != nil {
				return fmt.Errorf("%w: %w", ErrSamples, err)
			}
		}
		if err := p.runner.Write(v.buffer, p.rows[i]); err != nil {
			return err
		}
	}
	if !labels {
		return nil
	}
	n := len(p.rowLabels) / p.batch
	for j, row := range rows {
		if err := samples.Label(row, p.rowLabels[j*n:][:n]); err != nil {
			return fmt.Errorf("%w: %w", ErrSamples, err)
		}
	}
	return p.runner.Write(p.labels.buffer, p.rowLabels)
}
