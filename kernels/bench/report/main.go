// Command report turns the results of kernels/bench/check.sh on a machine with a GPU into a page of Markdown:
//
//	go run ./kernels/bench/report RESULTS... > docs/benchmarks-gpu.md
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: report RESULTS...")
		os.Exit(2)
	}
	r, err := read(os.Args[1:]...)
	if err == nil {
		_, err = os.Stdout.WriteString(r.page())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// results are the content of result folders. What was not measured is empty.
type results struct {
	machine                       machine
	steps                         []step
	ours, eager, compiled, module map[string][]timing
	// order of the cases as they were first measured
	order   []string
	kernels kernels
	sharing []sharing
}

type machine struct {
	GPU      string  `json:"gpu"`
	Driver   string  `json:"driver"`
	Power    string  `json:"power_limit_w"`
	CPU      string  `json:"cpu"`
	Torch    string  `json:"torch"`
	Date     string  `json:"date"`
	Commit   string  `json:"commit"`
	Seconds  float64 `json:"seconds_each"`
	Note     string  `json:"note"`      // what a reader must know besides the figures
	TestData string  `json:"test_data"` // says why the figures are not measurements
}

// step is a step of check.sh.
type step struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Seconds int    `json:"seconds"`
	Note    string `json:"note"`
}

// timing is one line of mixmas bench, of bench.py, or of modules.py.
type timing struct {
	Case       string  `json:"case"`
	Name       string  `json:"name"`
	Batch      int     `json:"batch"`
	Numerics   string  `json:"numerics"`
	Parameters int     `json:"params"`
	Step       float64 `json:"step_ms"`
	StepSpread float64 `json:"step_spread_ms"`
	Infer      float64 `json:"infer_ms"`
	Arena      float64 `json:"arena_bytes"`
	Activation float64 `json:"activation_bytes"`
	MS         float64 `json:"ms"`
}

// sharing is a search with a number of trials in parallel.
type sharing struct {
	Workers int     `json:"workers"`
	Seconds float64 `json:"seconds"`
}

// kernels is what bench.cu writes.
type kernels struct {
	GPU               string          `json:"gpu"`
	ComputeCapability string          `json:"compute_capability"`
	Multiprocessors   int             `json:"multiprocessors"`
	Driver            int             `json:"cuda_driver"`
	Runtime           int             `json:"cuda_runtime"`
	Copy              float64         `json:"copy_bytes_per_second"`
	Peaks             map[string]peak `json:"peaks"`
	Cases             []kernel        `json:"cases"`
}

type peak struct {
	Order   int     `json:"order"`
	Library string  `json:"library"`
	FLOPs   float64 `json:"flops_per_second"`
}

type kernel struct {
	Name     string  `json:"name"`
	Numerics string  `json:"numerics"`
	Seconds  float64 `json:"seconds"`
	FLOPs    float64 `json:"flops"`
	Bytes    float64 `json:"bytes"`
	OfPeak   float64 `json:"of_peak"`
}

// read reads the folders that check.sh wrote, in the order of the arguments. A missing file means "not measured", except
// for machine.json, which is required.
func read(folders ...string) (*results, error) {
	r := &results{ours: map[string][]timing{}, eager: map[string][]timing{}, compiled: map[string][]timing{},
		module: map[string][]timing{}}
	for _, folder := range folders {
		if err := r.add(folder); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *results) add(folder string) error {
	if err := readJSON(folder, "machine.json", &r.machine); err != nil {
		return err
	}
	if err := optional(readJSON(folder, "kernels.json", &r.kernels)); err != nil {
		return err
	}
	steps, err := readLines[step](folder, "steps.jsonl")
	if err != nil {
		return err
	}
	r.steps = append(r.steps, steps...)
	shared, err := readLines[sharing](folder, "sharing.jsonl")
	if err != nil {
		return err
	}
	r.sharing = append(r.sharing, shared...)
	for _, file := range []struct {
		name string
		to   map[string][]timing
	}{{"ours.jsonl", r.ours}, {"eager.jsonl", r.eager}, {"compiled.jsonl", r.compiled}, {"modules.jsonl", r.module}} {
		lines, err := readLines[timing](folder, file.name)
		if err != nil {
			return err
		}
		for _, t := range lines {
			name := t.Case + t.Name
			if file.name == "ours.jsonl" && file.to[name] == nil {
				r.order = append(r.order, name)
			}
			file.to[name] = append(file.to[name], t)
		}
	}
	return nil
}

// optional ignores a missing file.
func optional(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func readJSON(folder, name string, v any) error {
	path := filepath.Join(folder, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readLines reads one JSON object per line.
func readLines[T any](folder, name string) ([]T, error) {
	path := filepath.Join(folder, name)
	f, err := os.Open(path)
	if err != nil {
		return nil, optional(err)
	}
	defer f.Close()
	var list []T
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var v T
		if err := d.Decode(&v); err == io.EOF {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: object %d: %w", path, len(list)+1, err)
		}
		list = append(list, v)
	}
}
