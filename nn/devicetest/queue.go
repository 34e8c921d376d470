package devicetest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// queue checks sessions that are a [device.Queue]: gathering, running ahead and logging must give the bits of plain runs.
func queue(t *testing.T, open func(Options) device.Device) {
	s, err := open(Options{Workers: 1}).Open(0)
	if err != nil {
		t.Fatal(err)
	}
	_, ok := s.(device.Queue)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Skip("sessions of this device queue nothing")
	}
	t.Run("training", func(t *testing.T) { queuedTraining(t, open) })
	for _, width := range []int{1, 3, 4, 7, 20} {
		gathers(t, open(Options{Workers: 1}), width)
		gathers(t, open(Options{Workers: 1, Poison: true}), width)
	}
}

// plain is a device whose sessions queue nothing.
type plain struct{ device.Device }

// Open implements [device.Device].
func (d plain) Open(state int) (device.Session, error) {
	s, err := d.Device.Open(state)
	if err != nil {
		return nil, err
	}
	return struct{ device.Session }{s}, nil
}

// queuedTraining trains a model whose last batch is short, once waiting for each step and once not.
func queuedTraining(t *testing.T, open func(Options) device.Device) {
	const count, batch, epochs = 11, 4, 2
	model, err := mixer.Build(smallSpecifications()["concat"])
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 1))
	data := &samples{rows: count}
	for _, in := range model.Inputs() {
		data.inputs = append(data.inputs, normal(random, count*product(in.Shape)))
	}
	for range count {
		data.labels = append(data.labels, float32(random.IntN(model.Classes())))
	}
	train := func(d device.Device) (state, losses []float32) {
		trainer, err := nn.NewTrainer(d, model, nn.Recipe{Optimiser: "adam", Batch: batch}, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Close()
		if err := trainer.Load(model.Parameters().Initialise(1)); err != nil {
			t.Fatal(err)
		}
		for epoch := range epochs {
			_, err := trainer.Epoch(t.Context(), data, epoch, 0.01, func(_ int, loss float64) { losses = append(losses, float32(loss)) })
			if err != nil {
				t.Fatal(err)
			}
		}
		if state, _, err = trainer.State(); err != nil {
			t.Fatal(err)
		}
		logits, err := trainer.Predict(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		return append(state, logits...), losses
	}
	state, losses := train(open(Options{Workers: 1}))
	wantState, wantLosses := train(plain{open(Options{Workers: 1})})
	if len(losses) != 3*epochs || !slices.Equal(losses, wantLosses) {
		t.Errorf("the losses are %v, without a queue %v", losses, wantLosses)
	}
	if at := firstDifference(state, wantState); at >= 0 {
		t.Errorf("the state differs from element %d on", at)
	}
}

// gathers fills the input of a small program in every way. The program squares it, and keeps its first square.
func gathers(t *testing.T, d device.Device, width int) {
	t.Helper()
	const rows, batch = 9, 5
	random := rand.New(rand.NewPCG(uint64(width), 2))
	data := normal(random, rows*width)
	r := record(t, nn.NewScope().Parameters(), nn.Training)
	x := r.random("x", random, batch, width)
	y := r.Mul(x, x)
	first := r.Reshape(r.Slice(r.Reshape(y, batch*width), 0, 0, 1), 1)
	r.Output("y", y)
	r.Output("first", first)
	p, err := r.Compile("squares")
	if err != nil {
		t.Fatal(err)
	}
	p.Kept = first.Buffer()
	opened, err := d.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	s := opened.(device.Queue)
	run, err := s.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Upload(rows, width, func(row int, dst []float32) error {
		copy(dst, data[row*width:][:width])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if table.Rows() != rows {
		t.Errorf("the table has %d rows, want %d", table.Rows(), rows)
	}
	other := normal(random, rows*width)
	second, err := s.Upload(rows, width, func(row int, dst []float32) error {
		copy(dst, other[row*width:][:width])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var kept []float32 // the expected log
	// check compares the squares with those of the elements.
	check := func(what string, elements []float32) {
		t.Helper()
		got := make([]float32, batch*width)
		must(run.Read(y.Buffer(), got))
		for i, x := range elements {
			if got[i] != x*x {
				t.Fatalf("width %d, %s: element %d is %g, want the square of %g", width, what, i, got[i], x)
			}
		}
	}
	pick := func(data []float32, rows []int) (elements []float32) {
		for _, row := range rows {
			elements = append(elements, data[row*width:][:width]...)
		}
		return elements
	}
	start := func(elements []float32) {
		t.Helper()
		must(run.Run(device.Step{}))
		kept = append(kept, elements[0]*elements[0])
	}

	written := normal(random, batch*width)
	must(run.Write(x.Buffer(), written))
	start(written)
	check("written", written)
	picks := []int{8, 0, 3, 3, 5}
	must(s.Gather(run, x.Buffer(), table, picks))
	start(pick(data, picks))
	check("gathered", pick(data, picks))
	must(s.Gather(run, x.Buffer(), table, picks))
	must(run.Write(x.Buffer(), written))
	start(written)
	check("written after gathering", written)
	must(s.Gather(run, x.Buffer(), table, picks))
	must(s.Gather(run, x.Buffer(), second, picks))
	start(pick(other, picks))
	check("gathered from another table", pick(other, picks))
	// Many runs ahead, with rows that change after they were passed.
	rowsOf := make([]int, batch)
	for i := range 20 {
		for k := range rowsOf {
			rowsOf[k] = (i*k + 1) % rows
		}
		must(s.Gather(run, x.Buffer(), table, rowsOf))
		start(pick(data, rowsOf))
	}
	check("the last of many", pick(data, rowsOf))
	for range 2 {
		losses, err := s.Log()
		must(err)
		if !slices.Equal(losses, kept) {
			t.Fatalf("width %d: the log is %v, want %v", width, losses, kept)
		}
		kept = kept[:0]
	}

	for _, wrong := range [][]int{{0, 1, 2, 3, rows}, {0, 1, 2, 3, -1}, {0, 1, 2, 3}, {0, 1, 2, 3, 4, 5}} {
		if err := s.Gather(run, x.Buffer(), table, wrong); err == nil {
			t.Errorf("the rows %v of %d were gathered to %d", wrong, rows, batch)
		}
	}
	if err := s.Gather(run, y.Buffer(), table, picks); err == nil {
		t.Error("an output was gathered")
	}
	if _, err := s.Upload(1<<30, 1<<20, nil); !errors.Is(err, device.ErrOutOfMemory) {
		t.Errorf("a table that fits no memory: got error %v", err)
	}
	torn := errors.New("torn")
	if _, err := s.Upload(2, 2, func(int, []float32) error { return torn }); !errors.Is(err, torn) {
		t.Errorf("samples that cannot be read: got error %v", err)
	}
}
