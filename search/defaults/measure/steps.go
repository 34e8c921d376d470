package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/cost"
	"mixmas/search/report"
	"mixmas/search/trial"
)

// stepsTitle begins the measured times.
const stepsTitle = "\n## The time of a training step\n\n"

// eachStep is the processor time that is spent on each candidate, and leastRounds the fewest steps that it makes.
const (
	eachStep    = 400 * time.Millisecond
	leastRounds = 5
)

// stepTimes measures training steps of all candidates on one core: of each input, and of the fusion functions.
func stepTimes(ctx context.Context) (string, error) {
	var b strings.Builder
	d := cpu.New(cpu.Options{Workers: 1})
	fmt.Fprintf(&b, "%sProcessor time of a step of the models above with %d random rows and Adam, on one core: the median, and the median of\n"+
		"the ratios to another model, measured alternating. Machine: %s, %s.\n", stepsTitle, cost.Batch, trial.Machine(), d.Numerics())
	for _, r := range references {
		if err := timed(ctx, &b, d, r.name, r.beside, r.encoders()); err != nil {
			return "", err
		}
	}
	err := timed(ctx, &b, d, "Fusion functions", "concat", fusions())
	return b.String(), err
}

// timed writes the table of some candidates, the fastest first.
func timed(ctx context.Context, b *strings.Builder, d *cpu.Device, title, beside string, list []candidate) error {
	steps := make([]func() error, len(list))
	for i, c := range list {
		step, end, err := stepOf(d, c.model)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		defer end()
		steps[i] = step
	}
	times, err := inTurns(ctx, steps)
	if err != nil {
		return err
	}
	first := slices.IndexFunc(list, func(c candidate) bool { return c.name == beside })
	type line struct {
		name         string
		step, beside float64
	}
	var lines []line
	for i, c := range list {
		ratios := make([]float64, len(times[i]))
		for round := range ratios {
			ratios[round] = times[i][round] / times[first][round]
		}
		lines = append(lines, line{c.name, median(times[i]), median(ratios)})
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.step, b.step) })
	fmt.Fprintf(b, "\n### Step: %s\n\n", title)
	var rows [][]string
	for _, l := range lines {
		rows = append(rows, []string{"`" + l.name + "`", report.Milliseconds(1e3 * l.step), fmt.Sprintf("%.2f", l.beside)})
	}
	table(b, []string{"name", "ms", "times " + beside}, rows)
	return nil
}

// stepOf returns a training step of a model on random rows, and what ends it.
func stepOf(d *cpu.Device, spec mixer.Specification) (step func() error, end func(), err error) {
	m, err := mixer.Build(spec)
	if err != nil {
		return nil, nil, err
	}
	t, err := nn.NewTrainer(d, m, nn.Recipe{Optimiser: "adam", Batch: cost.Batch}, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := t.Load(m.Parameters().Initialise(1)); err != nil {
		t.Close()
		return nil, nil, err
	}
	samples, rows := &randomRows{m.Inputs(), spec}, make([]int, cost.Batch)
	for i := range rows {
		rows[i] = i
	}
	return func() error {
		_, err := t.Step(samples, rows, 1e-3)
		return err
	}, func() { t.Close() }, nil
}

// inTurns returns the processor times of the steps in seconds: one of each per round, after one that warms up.
func inTurns(ctx context.Context, steps []func() error) (times [][]float64, err error) {
	times = make([][]float64, len(steps))
	runtime.GC()
	began := processorTime()
	for round := 0; round <= leastRounds || processorTime()-began < time.Duration(len(steps))*eachStep; round++ {
		for i, step := range steps {
			from := processorTime()
			if err := cmp.Or(step(), ctx.Err()); err != nil {
				return nil, err
			}
			if round > 0 {
				times[i] = append(times[i], (processorTime() - from).Seconds())
			}
		}
	}
	return times, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// randomRows are random rows of a model's inputs: normal numbers, or any words of a vocabulary. All steps and words are real. It
// implements [nn.Samples].
type randomRows struct {
	inputs []nn.ModelInput
	model  mixer.Specification
}

// Len implements [nn.Samples].
func (r *randomRows) Len() int { return cost.Batch }

// Read implements [nn.Samples].
func (r *randomRows) Read(row, input int, dst []float32) error {
	random := rand.New(rand.NewPCG(uint64(row), uint64(input)))
	name := r.inputs[input].Name
	if strings.HasSuffix(name, ".mask") {
		nn.Ones(dst)
		return nil
	}
	m := r.model.Modalities[slices.IndexFunc(r.model.Modalities, func(m mixer.Modality) bool { return m.Name == name })]
	for i := range dst {
		if m.Kind == mixer.Text {
			dst[i] = float32(1 + random.IntN(m.Vocabulary-1))
		} else {
			dst[i] = float32(random.NormFloat64())
		}
	}
	return nil
}

// Label implements [nn.Samples].
func (r *randomRows) Label(row int, dst []float32) error {
	dst[0] = float32(row % r.model.Classes)
	return nil
}
