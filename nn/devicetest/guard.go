package devicetest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/benchmarks"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

var update = flag.Bool("update", false, "rewrite the guard's baseline")

// Guard compares the work of training steps with a baseline file: for every benchmark's model the number of operations of
// each name, their FLOPs and bytes by the cost model, and the planned memory; for the small models also the allocations of
// a step and of a prediction. It detects what makes a program slower without being a timed test. The flag -update rewrites
// the file.
func Guard(t *testing.T, d device.Device, file string) {
	var out bytes.Buffer
	fmt.Fprintln(&out, "# make bench-guard compares with this file; GUARD=update rewrites it.")
	for _, c := range benchmarks.All() {
		p := trainingProgram(t, c.Name, c.Specification, nn.Optimiser{Name: "adam"})
		writeCosts(&out, c.Name, p)
		const small = 1e9
		if p.Cost().FLOPs < small {
			step, prediction := trainerAllocations(t, d, c)
			fmt.Fprintf(&out, "%s allocations: step %v, prediction %v\n", c.Name, step, prediction)
		}
	}
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, lines := strings.Split(out.String(), "\n"), strings.Split(string(want), "\n")
	for _, line := range lines {
		if !slices.Contains(got, line) {
			t.Errorf("was: %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(lines, line) {
			t.Errorf("now: %s", line)
		}
	}
	if t.Failed() {
		t.Logf("if the change is intended, run make bench-guard GUARD=update")
	}
}

// writeCosts writes a program's memory, and its operations by name.
func writeCosts(out *bytes.Buffer, name string, p *device.Program) {
	type total struct {
		count int
		cost  device.Cost
	}
	totals, names := map[string]total{}, []string(nil)
	for _, op := range p.Operations {
		if totals[op.Name()].count == 0 {
			names = append(names, op.Name())
		}
		s, c := totals[op.Name()], op.Cost()
		totals[op.Name()] = total{s.count + 1, device.Cost{FLOPs: s.cost.FLOPs + c.FLOPs, Bytes: s.cost.Bytes + c.Bytes}}
	}
	fmt.Fprintf(out, "%s memory: state %d, arena %d, activations %d\n", name, p.StateSize, p.ArenaSize, p.Activations)
	slices.Sort(names)
	for _, operation := range names {
		s := totals[operation]
		fmt.Fprintf(out, "%s %s: %d, %d FLOPs, %d bytes\n", name, operation, s.count, s.cost.FLOPs, s.cost.Bytes)
	}
}

// trainerAllocations counts the allocations of a training step and of the prediction of a batch, including the feeding of
// samples.
func trainerAllocations(t *testing.T, d device.Device, c benchmarks.Case) (step, prediction float64) {
	t.Helper()
	m, err := mixer.Build(c.Specification)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := nn.NewTrainer(d, m, nn.Recipe{Optimiser: "adam", Batch: c.Batch}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Load(m.Parameters().Initialise(1)); err != nil {
		t.Fatal(err)
	}
	rows := make([]int, c.Batch)
	samples := zeros(c.Batch)
	const runs = 3
	step = testing.AllocsPerRun(runs, func() {
		if _, err := trainer.Step(samples, rows, 0.001); err != nil {
			t.Fatal(err)
		}
	})
	prediction = testing.AllocsPerRun(runs, func() {
		if _, err := trainer.Predict(t.Context(), samples); err != nil {
			t.Fatal(err)
		}
	})
	return step, prediction
}

// zeros is a number of samples, all of them zero. It implements [nn.Samples].
type zeros int

// Len implements [nn.Samples].
func (n zeros) Len() int { return int(n) }

// Read implements [nn.Samples].
func (zeros) Read(_, _ int, dst []float32) error { clear(dst); return nil }

// Label implements [nn.Samples].
func (zeros) Label(_ int, dst []float32) error { clear(dst); return nil }
