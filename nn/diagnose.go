package nn

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"mixmas/nn/device"
)

// Fault is the first operation of a training that made an infinity or a NaN.
type Fault struct {
	// Epoch and Step are counted from 1. Step is 0 if the operation belongs to the prediction after the epoch.
	Epoch, Step int
	// Operation is its name, and Parameter the first one that it reads; if it reads none, that of the last operation before it
	// that does.
	Operation, Parameter string
	// Value is the name of what it made, and Number is +Inf, -Inf or NaN.
	Value  string
	Number float32
}

// String is one line.
func (f *Fault) String() string {
	where := fmt.Sprintf("epoch %d, step %d", f.Epoch, f.Step)
	if f.Step == 0 {
		where = fmt.Sprintf("the prediction after epoch %d", f.Epoch)
	}
	near := ""
	if f.Parameter != "" {
		near = " at " + f.Parameter
	}
	return fmt.Sprintf("the first %v, in %s, comes from %s%s (%s)", f.Number, where, f.Operation, near, f.Value)
}

// Diagnose trains an epoch again, from the state before it, and returns the first operation that makes an infinity or a NaN; nil
// if none does. The trainer cannot be used afterwards.
func (t *Trainer) Diagnose(ctx context.Context, samples Samples, epoch int, rate float64) (*Fault, error) {
	before, _, err := t.State()
	if err != nil {
		return nil, err
	}
	after := make([]float32, len(before))
	t.shuffle(samples.Len(), epoch)
	for step := range t.Steps(samples.Len()) {
		rows := t.rowsOf(step)
		_, err := t.Step(samples, rows, rate)
		if err != nil && !errors.Is(err, ErrDiverged) {
			return nil, err
		}
		if err := t.session.ReadState(0, after); err != nil {
			return nil, err
		}
		if err != nil || notFinite(after) != 0 {
			if err := t.Restore(before, t.updates-1); err != nil {
				return nil, err
			}
			f, err := t.inspect(Training, samples, rows, rate)
			if f != nil {
				f.Epoch, f.Step = epoch+1, step+1
			}
			return f, err
		}
		before, after = after, before
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// DiagnosePrediction is [Trainer.Diagnose] for the prediction of samples after an epoch, counted from 1.
func (t *Trainer) DiagnosePrediction(ctx context.Context, samples Samples, epoch int) (*Fault, error) {
	done := 0
	err := t.PredictBatches(ctx, samples, func(logits []float32) error {
		done += len(logits) / t.model.Classes()
		return nil
	})
	if !errors.Is(err, ErrDiverged) {
		return nil, err
	}
	rows := make([]int, min(t.recipe.Batch, samples.Len()-done))
	for i := range rows {
		rows[i] = done + i
	}
	f, err := t.inspect(Evaluation, samples, rows, 0)
	if f != nil {
		f.Epoch = epoch
	}
	return f, err
}

// inspect runs a program once and returns its first operation that makes an infinity or a NaN. The program is compiled such that
// nothing that it makes is overwritten.
func (t *Trainer) inspect(mode Mode, samples Samples, rows []int, rate float64) (*Fault, error) {
	p, err := compile(t.model, t.recipe, mode, len(rows), true)
	if err != nil {
		return nil, err
	}
	if err := t.load(p); err != nil {
		return nil, err
	}
	if err := t.feed(p, samples, rows, mode == Training); err != nil {
		return nil, err
	}
	step := device.Step{}
	if mode == Training {
		t.updates++
		step = t.step(rate)
	}
	if err := p.runner.Run(step); err != nil {
		return nil, err
	}
	operations := leaves(p.compiled.Operations)
	last := map[device.Buffer]int{} // the operation that wrote a buffer last: in the state, sums are made in place
	for i, op := range operations {
		_, writes := op.Buffers(nil, nil)
		for _, b := range writes {
			last[b] = i
		}
	}
	near := ""
	for i, op := range operations {
		reads, writes := op.Buffers(nil, nil)
		near = cmp.Or(t.firstParameter(p.compiled, reads), near)
		for _, b := range writes {
			if last[b] != i {
				continue
			}
			info := p.compiled.Info(b)
			value := make([]float32, info.Size)
			if info.Space == device.State {
				err = t.session.ReadState(info.Offset, value)
			} else {
				err = p.runner.Read(b, value)
			}
			if err != nil {
				return nil, err
			}
			if x := notFinite(value); x != 0 {
				return &Fault{Operation: op.Name(), Parameter: near, Value: info.Name, Number: x}, nil
			}
		}
	}
	return nil, nil
}

// leaves replaces composites by their parts.
func leaves(operations []device.Operation) (list []device.Operation) {
	for _, op := range operations {
		if c, ok := op.(device.Composite); ok {
			list = append(list, leaves(c.Operations())...)
		} else {
			list = append(list, op)
		}
	}
	return list
}

// firstParameter returns the name of the first of the buffers that is a parameter, or "".
func (t *Trainer) firstParameter(p *device.Program, buffers []device.Buffer) string {
	for _, b := range buffers {
		if info := p.Info(b); info.Space == device.State && t.model.Parameters().byName[info.Name] != nil {
			return info.Name
		}
	}
	return ""
}

// notFinite returns the first number that is infinite or a NaN, or 0.
func notFinite(numbers []float32) float32 {
	for _, x := range numbers {
		if x-x != 0 {
			return x
		}
	}
	return 0
}
