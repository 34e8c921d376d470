package cmd

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	cuda "mixmas/cgo"
	"mixmas/nn/cpu"
	"mixmas/nn/cpu/simd"
)

// deviceInfo describes a device, or gives the reason why it is unavailable.
type deviceInfo struct {
	Name string `json:"name"`
	// Cores is set for the CPU; Multiprocessors and Memory (in bytes) are set for a GPU.
	Cores           int   `json:"cores,omitempty"`
	Multiprocessors int   `json:"multiprocessors,omitempty"`
	Memory          int64 `json:"memory,omitempty"`
	// Kernels names the kernels in use; Reason explains the choice.
	Kernels  string `json:"kernels,omitempty"`
	Reason   string `json:"reason"`
	Numerics string `json:"numerics,omitempty"`
}

// devicesCommand lists the devices that can run trials.
func devicesCommand() *cli.Command {
	return &cli.Command{
		Name:        "devices",
		Usage:       "list the devices that can train, and say which kernels they use and why",
		Description: "The environment variable MIXMAS_KERNELS selects the CPU's kernels: portable, or avx2 or avx512 where the CPU has them.",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0, ""); err != nil {
				return err
			}
			list := devices()
			if c.Bool("json") {
				return writeJSON(c.App.Writer, list)
			}
			for _, d := range list {
				if _, err := fmt.Fprint(c.App.Writer, d.text()); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (d deviceInfo) text() string {
	switch {
	case d.Numerics == "":
		return fmt.Sprintf("%s\n  unavailable: %s\n", d.Name, d.Reason)
	case d.Memory > 0:
		return fmt.Sprintf("%s\n  GPU        %s, %d multiprocessors, %.0f GiB\n  kernels    %s\n  numerics   %s\n",
			d.Name, d.Reason, d.Multiprocessors, float64(d.Memory)/(1<<30), d.Kernels, d.Numerics)
	}
	return fmt.Sprintf("%s\n  cores      %d\n  kernels    %s\n  numerics   %s\n", d.Name, d.Cores, d.Reason, d.Numerics+sameBits(simd.Best()))
}

// sameBits explains numerics that are named after other kernels because both compute the same bits.
func sameBits(kernels *simd.Set) string {
	if kernels.Bits == kernels.Name {
		return ""
	}
	return fmt.Sprintf(": %s kernels compute the same bits as %s kernels, so scores are valid for both", kernels.Name, kernels.Bits)
}

// devices lists the devices of this machine, the CPU first.
func devices() []deviceInfo {
	d := cpu.New(cpu.Options{})
	list := []deviceInfo{{
		Name: d.Name(), Cores: runtime.GOMAXPROCS(0), Kernels: simd.Best().Name, Reason: simd.Reason(), Numerics: d.Numerics(),
	}}
	count, reason := cuda.Probe()
	if reason != nil {
		return append(list, deviceInfo{Name: "cuda", Reason: reason.Error()})
	}
	for i := range count {
		gpu, err := cuda.New(cuda.Options{Ordinal: i})
		if err != nil {
			list = append(list, deviceInfo{Name: fmt.Sprintf("cuda:%d", i), Reason: err.Error()})
			continue
		}
		about, err := cuda.Describe(i)
		if err != nil {
			list = append(list, deviceInfo{Name: gpu.Name(), Reason: err.Error()})
			continue
		}
		list = append(list, deviceInfo{Name: gpu.Name(), Multiprocessors: about.Multiprocessors, Memory: about.Memory,
			Kernels: fmt.Sprintf("sm_%d%d", about.Major, about.Minor), Reason: about.Name, Numerics: gpu.Numerics()})
	}
	return list
}
