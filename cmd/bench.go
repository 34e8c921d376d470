package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	cuda "mixmas/cgo"
	"mixmas/nn"
	"mixmas/nn/benchmarks"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/nn/registry"
)

// benchCommand times models on a device. Its cases, names and figures are those of testdata/peer/bench.py.
func benchCommand() *cli.Command {
	return &cli.Command{
		Name: "bench", Usage: "time training steps and predictions of the benchmark models", ArgsUsage: "[CASE...]",
		Description: "A step is a forward pass, the loss, a backward pass and an Adam update on one fixed batch of random samples;\n" +
			"a prediction is one forward pass over that batch. Without CASE, all models are timed.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "peer-cases", Usage: "only the models that are compared with PyTorch, not the presets"},
			&cli.BoolFlag{Name: "list", Usage: "print the names of the cases"},
			&cli.IntFlag{Name: "workers", Aliases: []string{"threads"}, Value: 1, Usage: "use `N` cores"},
			deviceFlag(),
			&cli.StringFlag{Name: "numerics", Value: autoNumerics, Usage: "`NUMERICS` of matrix products: " + strings.Join(benchNumerics(), ", ")},
			&cli.Float64Flag{Name: "seconds", Value: 3, Usage: "`SECONDS` spent on each measurement"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object per case"},
			profileFlag(),
		},
		Action: bench,
	}
}

// benchNumerics are the values of --numerics.
func benchNumerics() []string {
	known := []string{autoNumerics}
	for _, n := range cuda.AllNumerics() {
		known = append(known, string(n))
	}
	return known
}

// benchResult is the result of one case.
type benchResult struct {
	Case       string `json:"case"`
	Batch      int    `json:"batch"`
	Threads    int    `json:"threads"`
	Device     string `json:"device"`
	Numerics   string `json:"numerics"`
	Parameters int    `json:"params"`
	// StepMS and InferMS are medians; the spreads are interquartile ranges.
	StepMS      float64 `json:"step_ms"`
	StepSpread  float64 `json:"step_spread_ms"`
	InferMS     float64 `json:"infer_ms"`
	InferSpread float64 `json:"infer_spread_ms"`
	// GFLOPs is the work of one step; ArenaBytes and ActivationBytes are its memory with and without reuse of buffers.
	GFLOPs          float64 `json:"step_gflop"`
	ArenaBytes      int64   `json:"arena_bytes"`
	ActivationBytes int64   `json:"activation_bytes"`
}

func bench(c *cli.Context) (err error) {
	known := benchmarks.All()
	if c.Bool("peer-cases") {
		known = benchmarks.Peers()
	}
	if c.Bool("list") {
		if err := arguments(c, 0, 0, ""); err != nil {
			return err
		}
		for _, k := range known {
			if _, err := fmt.Fprintln(c.App.Writer, k.Name); err != nil {
				return err
			}
		}
		return nil
	}
	seconds := c.Float64("seconds")
	if !(seconds >= 0 && seconds <= 3600) {
		return usagef("--seconds %v: want 0 to 3600", seconds)
	}
	numerics := c.String("numerics")
	if known := benchNumerics(); !slices.Contains(known, numerics) {
		return usagef("--numerics %s: want one of %s%s", quote(numerics), strings.Join(known, ", "), registry.Suggestion(numerics, known))
	}
	cases, err := chosenCases(known, c.Args().Slice())
	if err != nil {
		return err
	}
	if !c.IsSet("workers") { // the default of openDevice is all cores
		if err := c.Set("workers", "1"); err != nil {
			return err
		}
	}
	d, workers, err := openDevice(c, numerics)
	if err != nil {
		return err
	}
	profile, err := startProfile(c.String("profile"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, profile.stop()) }()
	d = profile.wrap(d)
	if !c.Bool("json") {
		fmt.Fprintf(c.App.Writer, "%s, %s; median times in ms, interquartile ranges in brackets\n\n"+
			"%-27s  %5s  %10s  %19s  %19s  %8s  %9s  %11s\n", d.Numerics(), english.Plural(workers, "thread", ""),
			"case", "batch", "params", "step", "prediction", "GFLOP/s", "arena", "activations")
	}
	for _, k := range cases {
		r, err := benchCase(c.Context, d, k, time.Duration(seconds*float64(time.Second)))
		if err != nil {
			return fmt.Errorf("%s: %w", k.Name, err)
		}
		r.Threads = workers
		if err := printBench(c, r); err != nil {
			return err
		}
	}
	return nil
}

// chosenCases returns the cases with the given names; without names it returns all of them.
func chosenCases(known []benchmarks.Case, names []string) ([]benchmarks.Case, error) {
	if len(names) == 0 {
		return known, nil
	}
	var list []benchmarks.Case
	for _, name := range names {
		i := slices.IndexFunc(known, func(k benchmarks.Case) bool { return k.Name == name })
		if i < 0 {
			var all []string
			for _, k := range known {
				all = append(all, k.Name)
			}
			return nil, usagef("unknown case %q: want one of %s%s", name, strings.Join(all, ", "), registry.Suggestion(name, all))
		}
		list = append(list, known[i])
	}
	return list, nil
}

func printBench(c *cli.Context, r benchResult) error {
	if c.Bool("json") {
		return json.NewEncoder(c.App.Writer).Encode(r)
	}
	_, err := fmt.Fprintf(c.App.Writer, "%-27s  %5d  %10d  %10.3f (%6.3f)  %10.3f (%6.3f)  %8.1f  %5.1f MiB  %7.1f MiB\n",
		r.Case, r.Batch, r.Parameters, r.StepMS, r.StepSpread, r.InferMS, r.InferSpread, 1e3*r.GFLOPs/r.StepMS,
		float64(r.ArenaBytes)/(1<<20), float64(r.ActivationBytes)/(1<<20))
	return err
}

// benchCase times one model for about twice the given time.
func benchCase(ctx context.Context, d device.Device, k benchmarks.Case, each time.Duration) (r benchResult, err error) {
	m, err := mixer.Build(k.Specification)
	if err != nil {
		return r, err
	}
	t, err := nn.NewTrainer(d, m, nn.Recipe{Optimiser: "adam", Batch: k.Batch}, 0)
	if err != nil {
		return r, err
	}
	defer t.Close()
	if err := t.Load(m.Parameters().Initialise(1)); err != nil {
		return r, err
	}
	program, err := t.Program(k.Batch)
	if err != nil {
		return r, err
	}
	r = benchResult{Case: k.Name, Batch: k.Batch, Device: d.Name(), Numerics: d.Numerics(), Parameters: m.Parameters().Count(),
		GFLOPs: float64(program.Cost().FLOPs) / 1e9, ArenaBytes: 4 * int64(program.ArenaSize),
		ActivationBytes: 4 * int64(program.Activations)}
	samples := newRandomSamples(m, k.Batch)
	rows := make([]int, k.Batch)
	for i := range rows {
		rows[i] = i
	}
	r.StepMS, r.StepSpread, err = quartiles(ctx, each, func() error {
		_, err := t.Step(samples, rows, 0.001)
		return err
	})
	if err != nil {
		return r, err
	}
	r.InferMS, r.InferSpread, err = quartiles(ctx, each, func() error {
		_, err := t.Predict(ctx, samples)
		return err
	})
	return r, err
}

// quartiles calls run a few times to warm up and then for the given time, at least five times. It returns the median time of
// a call and the interquartile range, both in milliseconds.
func quartiles(ctx context.Context, each time.Duration, run func() error) (median, spread float64, err error) {
	var times []float64
	for range 3 {
		if err := run(); err != nil {
			return 0, 0, err
		}
	}
	for end := time.Now().Add(each); len(times) < 5 || time.Now().Before(end); {
		began := time.Now()
		if err := run(); err != nil {
			return 0, 0, err
		}
		times = append(times, float64(time.Since(began).Nanoseconds())/1e6)
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
	}
	slices.Sort(times)
	at := func(part int) float64 { return times[part*(len(times)-1)/4] }
	rounded := func(ms float64) float64 { return math.Round(1e4*ms) / 1e4 }
	return rounded(at(2)), rounded(at(3) - at(1)), nil
}

// randomSamples are a batch of random samples of a model's inputs. They implement [nn.Samples].
type randomSamples struct {
	inputs [][]float32
	labels []float32
	n      int
}

func newRandomSamples(m nn.Model, n int) *randomSamples {
	random := rand.New(rand.NewPCG(1, 2))
	s := &randomSamples{n: n, labels: make([]float32, n)}
	for _, in := range m.Inputs() {
		size := n
		for _, d := range in.Shape {
			size *= d
		}
		values := make([]float32, size)
		for i := range values {
			values[i] = float32(random.NormFloat64())
		}
		s.inputs = append(s.inputs, values)
	}
	classes := m.Classes()
	if m.MultiLabel() {
		s.labels = make([]float32, n*classes)
	}
	for i := range s.labels {
		if !m.MultiLabel() {
			s.labels[i] = float32(random.IntN(classes))
		} else if random.Float32() < 0.1 {
			s.labels[i] = 1
		}
	}
	return s
}

// Len implements [nn.Samples].
func (s *randomSamples) Len() int { return s.n }

// Read implements [nn.Samples].
func (s *randomSamples) Read(row, input int, dst []float32) error {
	copy(dst, s.inputs[input][row*len(dst):])
	return nil
}

// Label implements [nn.Samples].
func (s *randomSamples) Label(row int, dst []float32) error {
	copy(dst, s.labels[row*len(dst):])
	return nil
}
