package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/search/combine"
	"mixmas/search/dataset"
)

// Predictor is a model that is loaded on a device once and predicts many times. Several goroutines may use it: their batches run
// one after another. After [NewPredictor] it allocates nothing on the CPU.
//
// A row's logits have the same bits whatever rows are predicted with it, and are those of [Model.Predict].
type Predictor struct {
	model  *Model
	inputs []nn.ModelInput

	lock    sync.Mutex // of all that follows
	closed  bool
	members []member
	sum     *combine.Sum // nil for a model that is no ensemble
	rows    [][]float32  // one batch per input, of Batch samples
	logits  []float32    // of a member, of Batch samples
	bad     [Batch]bool  // samples of which a member's logits are not finite
}

// member is one network on the device.
type member struct {
	trainer *nn.Trainer
	reads   []int       // of the predictor's inputs
	batch   [][]float32 // for these, the batch that runs
}

// sizes are the numbers of samples that programs are made for. A batch of another number runs in the next larger one. They cost
// memory for the programs, and at most a third of the time of a batch.
var sizes = []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, Batch}

// NewPredictor loads a model on a device, all members of an ensemble at the same time. [Predictor.Close] frees the device's memory.
func NewPredictor(d device.Device, m *Model) (*Predictor, error) {
	p := &Predictor{model: m, logits: make([]float32, Batch*len(m.Classes))}
	for i, part := range m.parts {
		if err := p.load(d, part); err != nil {
			if m.Ensemble != nil {
				err = fmt.Errorf("member %d: %w", i, err)
			}
			return nil, errors.Join(err, p.Close())
		}
	}
	if m.Ensemble != nil {
		p.sum = combine.NewSum(m.Kind(), len(m.Classes), Batch, m.Ensemble.Mean)
	}
	return p, nil
}

// load opens a session for one network, and runs its programs once.
func (p *Predictor) load(d device.Device, part Part) error {
	t, err := nn.NewTrainer(d, part.Network, nn.Recipe{Batch: Batch}, 0)
	if err != nil {
		return err
	}
	own := member{trainer: t}
	for _, in := range part.Network.Inputs() {
		i := slices.IndexFunc(p.inputs, func(other nn.ModelInput) bool { return other.Name == in.Name })
		if i < 0 {
			i = len(p.inputs)
			size := Batch
			for _, n := range in.Shape {
				size *= n
			}
			p.inputs, p.rows = append(p.inputs, in), append(p.rows, make([]float32, size))
		}
		own.reads, own.batch = append(own.reads, i), append(own.batch, nil)
	}
	p.members = append(p.members, own)
	if err := t.Load(part.Weights); err != nil {
		return err
	}
	for _, n := range slices.Backward(sizes) { // the largest first: all share its memory
		if err := p.run(&p.members[len(p.members)-1], n); err != nil {
			return err
		}
	}
	return nil
}

// run predicts the first n samples of rows with one network; n is one of sizes.
func (p *Predictor) run(m *member, n int) error {
	for k, i := range m.reads {
		m.batch[k] = p.rows[i][:len(p.rows[i])/Batch*n]
	}
	return m.trainer.PredictBatch(m.batch, p.logits[:n*len(p.model.Classes)])
}

// Model returns the model.
func (p *Predictor) Model() *Model { return p.model }

// Inputs lists what a row consists of, each with its shape: the modalities that the model reads, standardised, and NAME.mask for the
// masks of those that are masked.
func (p *Predictor) Inputs() []nn.ModelInput { return p.inputs }

// Rows are rows to predict. [dataset.Samples] are rows: select them with the names of [Predictor.Inputs].
type Rows interface {
	Len() int
	// Read writes one input of a row to dst, input being its place in [Predictor.Inputs].
	Read(row, input int, dst []float32) error
}

// NotFiniteError is the error of rows whose prediction is infinite or NaN: they have values that are too large for the weights.
type NotFiniteError struct {
	Rows []int // in order
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("the prediction of row %d is not finite: the row has values that are too large for the weights", e.Rows[0])
}

// Predict writes the logits of all rows (rows × classes). After a [*NotFiniteError], all logits of other rows are there.
func (p *Predictor) Predict(ctx context.Context, rows Rows, logits []float32) error {
	n, classes := rows.Len(), len(p.model.Classes)
	if len(logits) != n*classes {
		return fmt.Errorf("there is room for %d logits, want %d rows × %d classes", len(logits), n, classes)
	}
	var bad *NotFiniteError
	for from := 0; from < n; from += Batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		some := min(Batch, n-from)
		if err := p.batch(rows, from, logits[from*classes:][:some*classes], &bad); err != nil {
			return err
		}
	}
	if bad != nil {
		return bad
	}
	return nil
}

// PredictData predicts all rows that a [Reader] has opened.
func (p *Predictor) PredictData(ctx context.Context, data dataset.Dataset) ([]Prediction, error) {
	names := make([]string, len(p.inputs))
	for i, in := range p.inputs {
		names[i] = in.Name
	}
	samples, err := dataset.Select(data, dataset.Test, nil, names)
	if err != nil {
		return nil, err
	}
	rows, classes := samples.Len(), len(p.model.Classes)
	logits := make([]float32, rows*classes)
	if err := p.Predict(ctx, samples, logits); err != nil {
		return nil, err
	}
	list := make([]Prediction, rows)
	for row := range list {
		list[row] = p.model.Prediction(row, logits[row*classes:][:classes])
	}
	return list, nil
}

// batch predicts at most Batch rows, of which the first has a number.
func (p *Predictor) batch(rows Rows, from int, logits []float32, bad **NotFiniteError) error {
	classes := len(p.model.Classes)
	n := len(logits) / classes
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.closed {
		return errors.New("the predictor is closed")
	}
	for i, batch := range p.rows {
		size := len(batch) / Batch
		for row := range n {
			if err := rows.Read(from+row, i, batch[row*size:][:size]); err != nil {
				return err
			}
		}
	}
	at, found := slices.BinarySearch(sizes, n)
	if !found { // the rows behind n are those of an earlier batch
		for _, batch := range p.rows {
			size := len(batch) / Batch
			clear(batch[n*size : sizes[at]*size])
		}
	}
	clear(p.bad[:])
	if p.sum != nil {
		p.sum.Reset(n)
	}
	own := p.logits[:n*classes]
	for i := range p.members {
		if err := p.run(&p.members[i], sizes[at]); err != nil {
			return err
		}
		for k, z := range own {
			p.bad[k/classes] = p.bad[k/classes] || z-z != 0
		}
		if p.sum != nil {
			p.sum.Add(p.model.Ensemble.Members[i].Member, own)
		}
	}
	if p.sum != nil {
		p.sum.Write(logits)
	} else {
		copy(logits, own)
	}
	for row, is := range p.bad[:n] {
		if is && *bad == nil {
			*bad = &NotFiniteError{}
		}
		if is {
			(*bad).Rows = append((*bad).Rows, from+row)
		}
	}
	return nil
}

// Close frees the device's memory. Predictions after it are errors.
func (p *Predictor) Close() error {
	p.lock.Lock()
	defer p.lock.Unlock()
	var err error
	if !p.closed {
		for _, m := range p.members {
			err = errors.Join(err, m.trainer.Close())
		}
	}
	p.closed = true
	return err
}
