package nn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"mixmas/nn/device"
	"mixmas/nn/dimensions"
)

// ErrDiverged marks a training whose loss is no longer a finite number.
var ErrDiverged = errors.New("the training diverged")

// ErrSamples marks an error of the samples, not of the training.
var ErrSamples = errors.New("samples")

// Trainer runs a model on a device. It is not safe for concurrent use.
type Trainer struct {
	model   Model
	recipe  Recipe
	seed    uint64
	session device.Session
	// queue is the session if it can run ahead of the trainer, and nil otherwise.
	queue device.Queue
	// tables are the samples that are on the device; nil for those that do not fit.
	tables map[tableKey]device.Table
	// programs are keyed by mode and batch size.
	programs map[programKey]*program
	order    []int
	epoch    int       // of the order
	logits   []float32 // of a batch
	updates  int
}

type programKey struct {
	mode  Mode
	batch int
}

// tableKey identifies one input of a set of samples.
type tableKey struct {
	samples Samples
	input   int
}

// program is a compiled graph of the model and the host memory of one batch.
type program struct {
	compiled     *device.Program
	runner       device.Runner
	inputs       []*Value
	labels       *Value
	logits, loss *Value
	rows         [][]float32 // one batch per input
	rowLabels    []float32
	lossValue    [1]float32
	batch        int
}

// NewTrainer opens a session on the device with all parameters zero: load weights before training. The seed determines the
// order of the samples and the dropout masks. For prediction alone, only the recipe's batch is needed.
func NewTrainer(d device.Device, m Model, r Recipe, seed uint64) (*Trainer, error) {
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
	queue, _ := s.(device.Queue)
	return &Trainer{model: m, recipe: r, seed: seed, session: s, queue: queue, tables: map[tableKey]device.Table{},
		programs: map[programKey]*program{}}, nil
}

// Close frees the device's memory.
func (t *Trainer) Close() error { return t.session.Close() }

// Load sets all parameters and buffers. The weights must hold every one of them, with its shape, and nothing else.
func (t *Trainer) Load(w Weights) error {
	p := t.model.Parameters()
	if err := p.Fit(w.Shapes()); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	for _, q := range p.All() {
		tensor := w[q.Name]
		if len(tensor.Data) != q.Size() {
			return fmt.Errorf("weights: %s has %d elements, its shape %s has %d", q.Name, len(tensor.Data), dimensions.Text(q.Shape), q.Size())
		}
		if err := t.session.WriteState(p.place(q), tensor.Data); err != nil {
			return fmt.Errorf("weights: %s: %w", q.Name, err)
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

// State is everything that a later Restore needs to continue with the same bits: the session's state and the number of
// updates so far.
func (t *Trainer) State() (state []float32, updates int, err error) {
	state = make([]float32, t.model.Parameters().StateSize())
	return state, t.updates, t.session.ReadState(0, state)
}

// Restore sets the state and the number of updates that State returned.
func (t *Trainer) Restore(state []float32, updates int) error {
	if want := t.model.Parameters().StateSize(); len(state) != want {
		return fmt.Errorf("training state has %d elements, the model needs %d", len(state), want)
	}
	t.updates = updates
	return t.session.WriteState(0, state)
}

// Program returns the compiled training step for a batch size, for example to read its costs and memory sizes.
func (t *Trainer) Program(batch int) (*device.Program, error) {
	p, err := t.program(Training, batch)
	if err != nil {
		return nil, err
	}
	return p.compiled, nil
}

// Steps returns the number of updates in an epoch over n samples.
func (t *Trainer) Steps(n int) int {
	steps := n / t.recipe.Batch
	if rest := n % t.recipe.Batch; rest > 1 || rest == 1 && !t.model.Parameters().HasBuffers() {
		steps++
	}
	return steps
}

// Epoch trains once on all samples, in an order that depends on the seed and the epoch's number, and returns the mean loss
// of its steps. The loss of a short last batch is the mean over that batch; a last batch of one sample is skipped if the
// model normalises batches. After each step, onStep (which may be nil) is called with the step's number in the epoch and
// its loss. If the device runs ahead, all calls come at the end of the epoch. If the context is cancelled, the epoch ends
// after the current step.
func (t *Trainer) Epoch(ctx context.Context, samples Samples, epoch int, rate float64, onStep func(step int, loss float64)) (float64, error) {
	n := samples.Len()
	if n == 0 {
		return 0, errors.New("no samples to train on")
	}
	t.shuffle(n, epoch)
	steps := t.Steps(n)
	if steps == 0 {
		return 0, errors.New("cannot train on one sample: the model normalises batches")
	}
	sum, done := 0.0, 0
	// finish records the losses of the next steps.
	finish := func(losses ...float32) error {
		for _, x := range losses {
			done++
			loss, err := finite(x)
			if err != nil {
				return fmt.Errorf("epoch %d, step %d: %w", epoch+1, done, err)
			}
			sum += loss
			if onStep != nil {
				onStep(done, loss)
			}
		}
		return nil
	}
	for step := range steps {
		p, err := t.start(samples, t.rowsOf(step), rate)
		if err == nil && t.queue == nil {
			err = p.runner.Read(p.loss.buffer, p.lossValue[:])
		}
		if err != nil {
			return 0, fmt.Errorf("epoch %d, step %d: %w", epoch+1, step+1, err)
		}
		if t.queue == nil {
			if err := finish(p.lossValue[0]); err != nil {
				return 0, err
			}
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	if t.queue != nil {
		losses, err := t.queue.Log()
		if err != nil {
			return 0, fmt.Errorf("epoch %d: %w", epoch+1, err)
		}
		if len(losses) > steps { // left from an epoch that was cancelled
			losses = losses[len(losses)-steps:]
		}
		if err := finish(losses...); err != nil {
			return 0, err
		}
	}
	return sum / float64(steps), nil
}

// shuffle begins an epoch: it draws the order of n samples.
func (t *Trainer) shuffle(n, epoch int) {
	t.epoch = epoch
	t.order = slices.Grow(t.order[:0], n)[:n]
	for i := range t.order {
		t.order[i] = i
	}
	rng := rand.New(rand.NewPCG(t.seed, uint64(epoch)))
	rng.Shuffle(n, func(i, j int) { t.order[i], t.order[j] = t.order[j], t.order[i] })
}

// rowsOf returns the samples of a step of the epoch, counted from 0.
func (t *Trainer) rowsOf(step int) []int {
	from := step * t.recipe.Batch
	return t.order[from:min(from+t.recipe.Batch, len(t.order))]
}

// finite reports whether a training can continue after a loss.
func finite(x float32) (float64, error) {
	loss := float64(x)
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, fmt.Errorf("%w: the loss is %v", ErrDiverged, loss)
	}
	return loss, nil
}

// Step makes one update with the given rows of the samples and returns the loss before it.
func (t *Trainer) Step(samples Samples, rows []int, rate float64) (float64, error) {
	p, err := t.start(samples, rows, rate)
	if err != nil {
		return 0, err
	}
	if t.queue == nil {
		if err := p.runner.Read(p.loss.buffer, p.lossValue[:]); err != nil {
			return 0, err
		}
		return finite(p.lossValue[0])
	}
	losses, err := t.queue.Log() // waits once; reading and then emptying the log would wait twice
	if err != nil {
		return 0, err
	}
	return finite(losses[len(losses)-1])
}

// start starts one update.
func (t *Trainer) start(samples Samples, rows []int, rate float64) (*program, error) {
	p, err := t.program(Training, len(rows))
	if err != nil {
		return nil, err
	}
	if err := t.feed(p, samples, rows, true); err != nil {
		return nil, err
	}
	t.updates++
	return p, p.runner.Run(t.step(rate))
}

// step returns the values of an update.
func (t *Trainer) step(rate float64) device.Step {
	return device.Step{LearningRate: rate, Update: t.updates, Seed: t.seed, Counter: uint32(t.updates)}
}

// Predict returns the logits of all samples (len × classes), in evaluation mode. Logits that are not finite are an error:
// [ErrDiverged] if this trainer has trained.
func (t *Trainer) Predict(ctx context.Context, samples Samples) ([]float32, error) {
	logits := make([]float32, 0, samples.Len()*t.model.Classes())
	err := t.PredictBatches(ctx, samples, func(batch []float32) error {
		logits = append(logits, batch...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return logits, nil
}

// PredictBatches is [Trainer.Predict] for more samples than there is memory for: it calls use with the logits of each batch, in
// order. They are valid until use returns.
func (t *Trainer) PredictBatches(ctx context.Context, samples Samples, use func(logits []float32) error) error {
	n, classes := samples.Len(), t.model.Classes()
	rows := make([]int, min(t.recipe.Batch, n))
	t.logits = slices.Grow(t.logits[:0], len(rows)*classes)[:len(rows)*classes]
	for from := 0; from < n; from += len(rows) {
		batch := rows[:min(len(rows), n-from)]
		for i := range batch {
			batch[i] = from + i
		}
		p, err := t.program(Evaluation, len(batch))
		if err != nil {
			return err
		}
		if err := t.feed(p, samples, batch, false); err != nil {
			return err
		}
		if err := p.runner.Run(device.Step{}); err != nil {
			return err
		}
		logits := t.logits[:len(batch)*classes]
		if err := p.runner.Read(p.logits.buffer, logits); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.checkFinite(logits, from); err != nil {
			return err
		}
		if err := use(logits); err != nil {
			return err
		}
	}
	return nil
}

// PredictBatch writes the logits (batch × classes) of one batch, in evaluation mode. inputs has one batch per input of the model,
// sample after sample. Logits may be infinite or NaN. It allocates nothing but in the first call for a size of the batch.
func (t *Trainer) PredictBatch(inputs [][]float32, logits []float32) error {
	p, err := t.program(Evaluation, len(logits)/t.model.Classes())
	if err != nil {
		return err
	}
	for i, v := range p.inputs {
		if err := p.runner.Write(v.buffer, inputs[i]); err != nil {
			return err
		}
	}
	if err := p.runner.Run(device.Step{}); err != nil {
		return err
	}
	return p.runner.Read(p.logits.buffer, logits)
}

// checkFinite returns an error if logits of samples, of which the first has a number, are infinite or NaN.
func (t *Trainer) checkFinite(logits []float32, first int) error {
	for i, z := range logits {
		if z-z != 0 {
			err := fmt.Errorf("the prediction of sample %d is %v", first+i/t.model.Classes(), z)
			if t.updates > 0 {
				return fmt.Errorf("%w: %w", ErrDiverged, err)
			}
			return fmt.Errorf("%w: the sample has values that are too large for the weights", err)
		}
	}
	return nil
}

// program records, compiles and loads the model for a mode and batch size, once.
func (t *Trainer) program(mode Mode, batch int) (*program, error) {
	key := programKey{mode, batch}
	if p := t.programs[key]; p != nil {
		return p, nil
	}
	p, err := compile(t.model, t.recipe, mode, batch, false)
	if err != nil {
		return nil, err
	}
	if err := t.load(p); err != nil {
		return nil, err
	}
	t.programs[key] = p
	return p, nil
}

// load loads a compiled program.
func (t *Trainer) load(p *program) (err error) {
	if p.runner, err = t.session.Load(p.compiled); err != nil {
		return err
	}
	for _, v := range p.inputs { // after sizes are checked and the device has memory for them
		p.rows = append(p.rows, make([]float32, v.Size()))
	}
	if p.labels != nil {
		p.rowLabels = make([]float32, p.labels.Size())
	}
	return nil
}

// compile records and compiles a model for a mode and batch size. If keep is set, every value of the program can be read after a
// run.
func compile(m Model, r Recipe, mode Mode, batch int, keep bool) (*program, error) {
	train := mode == Training
	g := NewGraph(m.Parameters(), mode, train)
	p := &program{batch: batch}
	for _, in := range m.Inputs() {
		p.inputs = append(p.inputs, g.Input(in.Name, append([]int{batch}, in.Shape...)...))
	}
	name := "evaluate"
	if train {
		name = "train"
		p.labels = g.Input("labels", labelShape(m, batch)...)
	}
	p.logits, p.loss = m.Forward(g, p.inputs, p.labels)
	if train {
		g.Output("loss", p.loss)
		g.Backward(p.loss, nil)
		g.Optimise(r.update())
	} else {
		g.Output("logits", p.logits)
	}
	if keep {
		g.keep()
	}
	var err error
	if p.compiled, err = g.Compile(fmt.Sprintf("%s/%d", name, batch)); err != nil {
		return nil, err
	}
	if train {
		p.compiled.Kept = p.loss.buffer
	}
	return p, nil
}

// Program returns the program of a model for a mode and batch size, to read its costs and memory sizes. It needs no device, and
// no memory for the step.
func Program(m Model, r Recipe, mode Mode, batch int) (*device.Program, error) {
	if err := m.Parameters().Err(); err != nil {
		return nil, err
	}
	p, err := compile(m, r, mode, batch, false)
	if err != nil {
		return nil, err
	}
	return p.compiled, nil
}

// labels is the number of the labels among the inputs of a model.
const labels = -1

// feed fills the program's inputs with the given rows of the samples, for a training with their labels and as they are in the epoch.
func (t *Trainer) feed(p *program, samples Samples, rows []int, training bool) error {
	feed := func(v *Value, memory []float32, input int) error {
		if varying, ok := samples.(EpochSamples); ok && training && varies(varying, input) {
			return t.write(p, v, memory, rows, func(row int, dst []float32) error { return readVarying(varying, t.epoch, row, input, dst) })
		}
		return t.feedInput(p, v, memory, samples, input, rows)
	}
	for i, v := range p.inputs {
		if err := feed(v, p.rows[i], i); err != nil {
			return err
		}
	}
	if !training {
		return nil
	}
	return feed(p.labels, p.rowLabels, labels)
}

// feedInput fills one input: from the device's own memory if the samples are there, or through the given host memory.
func (t *Trainer) feedInput(p *program, v *Value, memory []float32, samples Samples, input int, rows []int) error {
	if t.queue != nil {
		table, err := t.table(samples, input, len(memory)/p.batch)
		if err != nil {
			return err
		}
		if table != nil {
			return t.queue.Gather(p.runner, v.buffer, table, rows)
		}
	}
	return t.write(p, v, memory, rows, func(row int, dst []float32) error { return readSample(samples, row, input, dst) })
}

// write fills one input with rows, through the given host memory.
func (t *Trainer) write(p *program, v *Value, memory []float32, rows []int, read func(row int, dst []float32) error) error {
	n := len(memory) / p.batch
	for j, row := range rows {
		if err := read(row, memory[j*n:][:n]); err != nil {
			return err
		}
	}
	return p.runner.Write(v.buffer, memory)
}

// table is one input of all samples, copied to the device once; nil if there is no memory for it.
func (t *Trainer) table(samples Samples, input, width int) (device.Table, error) {
	key := tableKey{samples, input}
	if table, ok := t.tables[key]; ok {
		return table, nil
	}
	table, err := t.queue.Upload(samples.Len(), width, func(row int, dst []float32) error {
		return readSample(samples, row, input, dst)
	})
	if errors.Is(err, device.ErrOutOfMemory) {
		table, err = nil, nil
	}
	if err == nil {
		t.tables[key] = table
	}
	return table, err
}

// varies reports whether an input, or the labels, differ from epoch to epoch.
func varies(samples EpochSamples, input int) bool {
	if input == labels {
		return samples.VariesLabel()
	}
	return samples.Varies(input)
}

func readVarying(samples EpochSamples, epoch, row, input int, dst []float32) (err error) {
	if input == labels {
		err = samples.LabelIn(epoch, row, dst)
	} else {
		err = samples.ReadIn(epoch, row, input, dst)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSamples, err)
	}
	return nil
}

func readSample(samples Samples, row, input int, dst []float32) error {
	var err error
	if input == labels {
		err = samples.Label(row, dst)
	} else {
		err = samples.Read(row, input, dst)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSamples, err)
	}
	return nil
}
