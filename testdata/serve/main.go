//go:build unix

// Command serve is our side of make bench-serve.
//
//	serve --write FILE --preset NAME    writes a model of a preset's architecture with random weights
//	serve --time FILE                   times predictions, on one core: each line of standard input is a number of rows and of seconds
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/atomicfile"
	"mixmas/search/dataset"
	"mixmas/search/model"
)

func main() {
	write, preset := flag.String("write", "", "`FILE` to write a model to"), flag.String("preset", "searched-avmnist", "its architecture")
	timed := flag.String("time", "", "model `FILE` to time")
	flag.Parse()
	err := fmt.Errorf("usage: serve --write FILE --preset NAME, or serve --time FILE")
	switch {
	case *write != "":
		err = writePreset(*write, *preset)
	case *timed != "":
		err = timeModel(*timed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// writePreset writes a model with random weights.
func writePreset(path, name string) error {
	p, err := mixer.LookupPreset(name)
	if err != nil {
		return err
	}
	d := &model.Description{Name: name, Model: p.Specification(0), Preprocessing: map[string]dataset.Standardisation{}, Data: model.Data{Format: "random"}}
	for i := range d.Model.Classes {
		d.Classes = append(d.Classes, strconv.Itoa(i))
	}
	for _, m := range d.Model.Modalities {
		d.Preprocessing[m.Name] = dataset.Uniform(0.1, 0.3)
	}
	network, err := mixer.Build(d.Model)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error { return model.Write(w, d, network.Parameters().Initialise(1)) })
}

// rows are random rows, as they are before they are standardised.
type rows struct {
	count   int
	values  [][]float32
	scaling []*dataset.Scaling
}

// Len implements [model.Rows].
func (r *rows) Len() int { return r.count }

// Read implements [model.Rows].
func (r *rows) Read(row, input int, dst []float32) error {
	copy(dst, r.values[input][row*len(dst):])
	r.scaling[input].Apply(0, dst)
	return nil
}

// timing is what is measured of one line.
type timing struct {
	Rows    int     `json:"rows"`
	CPU     float64 `json:"cpu"`     // seconds of processor time per batch
	Latency float64 `json:"latency"` // median seconds per batch
}

// timeModel answers each line with a timing.
func timeModel(path string) error {
	runtime.GOMAXPROCS(1)
	m, err := model.Open(path)
	if err != nil {
		return err
	}
	p, err := model.NewPredictor(cpu.New(cpu.Options{Workers: 1}), m)
	if err != nil {
		return err
	}
	defer p.Close()
	r := &rows{}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, in := range p.Inputs() {
		size := model.Batch
		for _, n := range in.Shape {
			size *= n
		}
		values := make([]float32, size)
		i := slices.IndexFunc(m.Modalities(), func(other mixer.Modality) bool { return other.Name == in.Name })
		if i < 0 || m.Modalities()[i].Kind == mixer.Text {
			return fmt.Errorf("input %s: masks and texts are not timed", in.Name)
		}
		reads := m.Modalities()[i]
		for k := range values {
			values[k] = rng.Float32()
		}
		r.values = append(r.values, values)
		r.scaling = append(r.scaling, m.Preprocessing[in.Name].Scaling(dataset.Modality{Name: reads.Name, Kind: reads.Kind, Shape: reads.Shape}))
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		seconds := 0.0
		if _, err := fmt.Sscan(lines.Text(), &r.count, &seconds); err != nil || r.count < 1 || r.count > model.Batch {
			return fmt.Errorf("%q: want a number of rows up to %d and of seconds", lines.Text(), model.Batch)
		}
		t, err := measure(p, r, time.Duration(seconds*float64(time.Second)))
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(t)
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

// measure predicts batches for some time.
func measure(p *model.Predictor, r *rows, long time.Duration) (timing, error) {
	logits := make([]float32, r.count*len(p.Model().Classes))
	var each []float64
	ctx, from, began := context.Background(), processorTime(), time.Now()
	for len(each) == 0 || time.Since(began) < long {
		start := time.Now()
		if err := p.Predict(ctx, r, logits); err != nil {
			return timing{}, err
		}
		each = append(each, time.Since(start).Seconds())
	}
	took := processorTime() - from
	slices.Sort(each)
	return timing{r.count, took / float64(len(each)), each[len(each)/2]}, nil
}

// processorTime is how long this process has computed, in seconds.
func processorTime() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
