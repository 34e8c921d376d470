package nn_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/device"
)

// queueing is the CPU with sessions that are a [device.Queue]: they keep those tables that fits says have room.
type queueing struct {
	device.Device
	fits    func(width int) bool
	refused int
}

func (d *queueing) Open(state int) (device.Session, error) {
	s, err := d.Device.Open(state)
	return &queue{Session: s, device: d}, err
}

type queue struct {
	device.Session
	device *queueing
	log    []float32
}

type table [][]float32

func (t table) Rows() int { return len(t) }

func (q *queue) Upload(rows, width int, fill func(row int, dst []float32) error) (device.Table, error) {
	if !q.device.fits(width) {
		q.device.refused++
		return nil, device.ErrOutOfMemory
	}
	t := make(table, rows)
	for i := range t {
		t[i] = make([]float32, width)
		if err := fill(i, t[i]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (q *queue) Gather(r device.Runner, b device.Buffer, t device.Table, rows []int) error {
	var batch []float32
	for _, row := range rows {
		batch = append(batch, t.(table)[row]...)
	}
	return r.Write(b, batch)
}

func (q *queue) Load(p *device.Program) (device.Runner, error) {
	r, err := q.Session.Load(p)
	return &logging{r, q, p.Kept}, err
}

func (q *queue) Log() ([]float32, error) {
	losses := q.log
	q.log = nil
	return losses, nil
}

// logging is a runner that logs what its program keeps.
type logging struct {
	device.Runner
	queue *queue
	kept  device.Buffer
}

func (r *logging) Run(step device.Step) error {
	if err := r.Runner.Run(step); err != nil || r.kept == 0 {
		return err
	}
	r.queue.log = append(r.queue.log, 0)
	return r.Runner.Read(r.kept, r.queue.log[len(r.queue.log)-1:])
}

// trained trains three epochs of samples, and predicts those of the first.
func trained(t *testing.T, d device.Device, in func(epoch int) nn.Samples) (weights nn.Weights, losses []float64, logits []float32) {
	t.Helper()
	model := newCorner()
	trainer, err := nn.NewTrainer(d, model, nn.Recipe{Batch: 10, Optimiser: "adam"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Load(model.Parameters().Initialise(1)); err != nil {
		t.Fatal(err)
	}
	for epoch := range 3 {
		if _, err := trainer.Epoch(t.Context(), in(epoch), epoch, 0.01, func(_ int, loss float64) { losses = append(losses, loss) }); err != nil {
			t.Fatal(err)
		}
	}
	if logits, err = trainer.Predict(t.Context(), in(0)); err != nil {
		t.Fatal(err)
	}
	if weights, err = trainer.Weights(); err != nil {
		t.Fatal(err)
	}
	return weights, losses, logits
}

// Whatever part of the samples fits the device's memory, the training has the bits of one without a queue.
func TestSamplesThatDoNotFitTheDevice(t *testing.T) {
	same := func(int) nn.Samples { return points{} }
	processor := cpu.New(cpu.Options{Workers: 1})
	want, wantLosses, wantLogits := trained(t, processor, same)
	for name, c := range map[string]struct {
		fits    func(width int) bool
		refused int
	}{
		"all fit":             {func(int) bool { return true }, 0},
		"the inputs do not":   {func(width int) bool { return width == 1 }, 1},
		"the labels do not":   {func(width int) bool { return width == 2 }, 1},
		"none fits, for good": {func(int) bool { return false }, 2},
	} {
		d := &queueing{Device: processor, fits: c.fits}
		weights, losses, logits := trained(t, d, same)
		if diff := cmp.Diff(want, weights) + cmp.Diff(wantLosses, losses) + cmp.Diff(wantLogits, logits); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if d.refused != c.refused {
			t.Errorf("%s: %d tables were refused, want %d", name, d.refused, c.refused)
		}
	}
}

// drifting are points that differ from epoch to epoch, with their labels where label is set.
type drifting struct {
	points
	label bool
}

func (drifting) Varies(int) bool     { return true }
func (d drifting) VariesLabel() bool { return d.label }

func (d drifting) ReadIn(epoch, row, input int, dst []float32) error {
	err := d.Read(row, input, dst)
	dst[0] += float32(epoch) / 8
	return err
}

func (d drifting) LabelIn(epoch, row int, dst []float32) error {
	return d.Label((row+epoch)%d.Len(), dst)
}

// moved are drifting points in one epoch.
type moved struct {
	drifting
	epoch int
}

func (m moved) Read(row, input int, dst []float32) error { return m.ReadIn(m.epoch, row, input, dst) }

func (m moved) Label(row int, dst []float32) error {
	if m.label {
		return m.LabelIn(m.epoch, row, dst)
	}
	return m.drifting.Label(row, dst)
}

// A training reads samples that vary as they are in its epoch, with a queue and without, and predicts them as they are.
func TestSamplesThatVary(t *testing.T) {
	processor := cpu.New(cpu.Options{Workers: 1})
	for _, label := range []bool{false, true} {
		samples := drifting{label: label}
		want, _, _ := trained(t, processor, func(epoch int) nn.Samples { return plain{moved{samples, epoch}} })
		_, _, predicted := trained(t, processor, func(int) nn.Samples { return samples })
		for name, d := range map[string]device.Device{"at once": processor, "queue": &queueing{Device: processor, fits: func(int) bool { return true }}} {
			weights, _, logits := trained(t, d, func(int) nn.Samples { return samples })
			if diff := cmp.Diff(want, weights) + cmp.Diff(predicted, logits); diff != "" {
				t.Errorf("%s, labels vary: %t:\n%s", name, label, diff)
			}
		}
		still, _, _ := trained(t, processor, func(int) nn.Samples { return points{} })
		if cmp.Equal(still, want) {
			t.Error("the samples do not vary")
		}
	}
}

// plain hides that samples vary.
type plain struct{ nn.Samples }
