package main

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	cuda "mixmas/cgo"
	"mixmas/nn/cpu"
	"mixmas/nn/device"
)

// autoNumerics lets the device choose its numerics.
const autoNumerics = "auto"

// gpuWorkers is the most trials that share a GPU unless the user says otherwise: more would wait for each other.
const gpuWorkers = 4

func workersFlag() cli.Flag {
	return &cli.IntFlag{Name: "workers", Usage: "`N` trials side by side, on as many cores", DefaultText: "all cores; 4 on a GPU"}
}

func deviceFlag() cli.Flag {
	return &cli.StringFlag{Name: "device", Value: "auto", Usage: "auto, cpu, cuda, or cuda:N for the GPU of number N"}
}

// openDevice opens the device that the flags name, with as many cores as there are workers. The rest of the program,
// gonum's products included, uses no more.
func openDevice(c *cli.Context, numerics string) (device.Device, int, error) {
	workers := runtime.GOMAXPROCS(0)
	if c.IsSet("workers") {
		if workers = c.Int("workers"); workers < 1 {
			return nil, 0, usagef("--workers %d: want at least 1", workers)
		}
	}
	gpu, err := openGPU(c.String("device"), numerics, c.App.ErrWriter)
	if err != nil {
		return nil, 0, err
	}
	if gpu != nil && !c.IsSet("workers") {
		workers = min(workers, gpuWorkers)
	}
	runtime.GOMAXPROCS(min(workers, runtime.GOMAXPROCS(0)))
	if gpu != nil {
		return gpu, workers, nil
	}
	if numerics != autoNumerics && numerics != string(cuda.FP32) {
		return nil, 0, usagef("numerics: %s needs a GPU; the CPU computes in fp32", numerics)
	}
	return cpu.New(cpu.Options{Workers: workers}), workers, nil
}

// openGPU opens the GPU that --device means; nil is the CPU. Where a GPU could have been used automatically but cannot,
// notes says why.
func openGPU(name, numerics string, notes io.Writer) (device.Device, error) {
	if name == "cpu" || name == "auto" && !cuda.Built {
		return nil, nil
	}
	if name == "auto" {
		if _, reason := cuda.Probe(); reason != nil {
			_, err := fmt.Fprintf(notes, "using the CPU: %v\n", reason)
			return nil, err
		}
		name = "cuda"
	}
	ordinal, err := gpuNumber(name)
	if err != nil {
		return nil, err
	}
	o := cuda.Options{Ordinal: ordinal}
	if numerics != autoNumerics {
		o.Numerics = cuda.Numerics(numerics)
	}
	d, err := cuda.New(o)
	if err != nil {
		return nil, fmt.Errorf("--device %s: %w", name, err)
	}
	return d, nil
}

// gpuNumber is N of cuda:N, and 0 of cuda.
func gpuNumber(name string) (int, error) {
	number, ok := strings.CutPrefix(name, "cuda:")
	if name == "cuda" {
		number, ok = "0", true
	}
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 0 {
		return 0, usagef("--device %s: known are auto, cpu, cuda and cuda:N", name)
	}
	return n, nil
}
