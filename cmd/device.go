package cmd

import (
	"cmp"
	"errors"
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

// gpuWorkers is how many trials share a GPU by default: the cores mostly wait for it. On an H200, 8 workers finish a search
// 2.3 times as fast as 1, 4 twice as fast, and 12 hardly faster than 8 (docs/benchmarks-gpu.md).
const gpuWorkers = 8

func workersFlag(usage string) cli.Flag {
	return &cli.IntFlag{Name: "workers", Usage: usage, DefaultText: "all cores; 8 on a GPU"}
}

func deviceFlag() cli.Flag {
	return &cli.StringFlag{Name: "device", Value: "auto", Usage: "`DEVICE` to compute on: auto, cpu, cuda, or cuda:N for GPU number N"}
}

// openDevice opens the device that the flags name, with one core per worker. The rest of the program, including gonum's
// products, uses no more cores than that.
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
		workers = gpuWorkers
	}
	runtime.GOMAXPROCS(min(workers, runtime.GOMAXPROCS(0)))
	if gpu != nil {
		return gpu, workers, nil
	}
	if numerics != autoNumerics && numerics != string(cuda.FP32) {
		return nil, 0, usagef("numerics: %s needs a GPU; the CPU computes in fp32", numerics)
	}
	return cpu.New(cpu.Options{Workers: runtime.GOMAXPROCS(0)}), workers, nil
}

// openGPU opens the GPU that --device names, or returns nil for the CPU. If auto finds no usable GPU, it writes the reason to
// notes, in one line.
func openGPU(name, numerics string, notes io.Writer) (device.Device, error) {
	if name == "cpu" || name == "auto" && !cuda.Built {
		return nil, nil
	}
	open := func(ordinal int) (device.Device, error) {
		o := cuda.Options{Ordinal: ordinal}
		if numerics != autoNumerics {
			o.Numerics = cuda.Numerics(numerics)
		}
		d, err := cuda.New(o)
		if err != nil { // d would make a device.Device that is not nil
			return nil, err
		}
		return d, nil
	}
	if name == "auto" {
		count, reason := cuda.Probe()
		d, reasons := firstGPU(count, open)
		if d != nil {
			return d, nil
		}
		_, err := fmt.Fprintf(notes, "using the CPU: %v\n", cmp.Or(reason, reasons))
		return nil, err
	}
	ordinal, err := gpuNumber(name)
	if err != nil {
		return nil, err
	}
	d, err := open(ordinal)
	if err != nil {
		return nil, fmt.Errorf("--device %s: %w", name, err)
	}
	return d, nil
}

// firstGPU opens the first usable one of count GPUs. If none can be opened, the error gives the reason for each.
func firstGPU(count int, open func(ordinal int) (device.Device, error)) (device.Device, error) {
	var reasons []string
	for ordinal := range count {
		d, err := open(ordinal)
		if err == nil {
			return d, nil
		}
		reasons = append(reasons, err.Error())
	}
	return nil, errors.New(strings.Join(reasons, "; "))
}

// gpuNumber returns the N of cuda:N, and 0 for cuda.
func gpuNumber(name string) (int, error) {
	number, ok := strings.CutPrefix(name, "cuda:")
	if name == "cuda" {
		number, ok = "0", true
	}
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 0 {
		return 0, usagef("--device %s: want auto, cpu, cuda or cuda:N", name)
	}
	return n, nil
}
