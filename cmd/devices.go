package cmd

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	cuda "mixmas/cgo"
	"mixmas/nn/cpu"
	"mixmas/nn/cpu/simd"
)

// deviceInfo describes a device, or says why there is none.
type deviceInfo struct {
	Name string `json:"name"`
	// Cores are those of the CPU, Multiprocessors and Memory (bytes) those of a GPU.
	Cores           int   `json:"cores,omitempty"`
	Multiprocessors int   `json:"multiprocessors,omitempty"`
	Memory          int64 `json:"memory,omitempty"`
	// Kernels are what it computes with, Reason is why.
	Kernels  string `json:"kernels,omitempty"`
	Reason   string `json:"reason"`
	Numerics string `json:"numerics,omitempty"`
}

// devicesCommand lists what trials can run on.
func devicesCommand() *cli.Command {
	return &cli.Command{
		Name:        "devices",
		Usage:       "list the devices that train, and why they compute as they do",
		Description: "MIXMAS_KERNELS in the environment chooses the processor's kernels: portable, avx2 or avx512, where it has them.",
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
		return fmt.Sprintf("%s\n  missing    %s\n", d.Name, d.Reason)
	case d.Memory > 0:
		return fmt.Sprintf("%s\n  GPU        %s, %d multiprocessors, %.0f GiB\n  kernels    %s\n  numerics   %s\n",
			d.Name, d.Reason, d.Multiprocessors, float64(d.Memory)/(1<<30), d.Kernels, d.Numerics)
	}
	return fmt.Sprintf("%s\n  cores      %d\n  kernels    %s\n  numerics   %s\n", d.Name, d.Cores, d.Reason, d.Numerics+sameBits(simd.Best()))
}

// sameBits explains the numerics of kernels that make the bits of others, and so are named after them.
func sameBits(kernels *simd.Set) string {
	if kernels.Bits == kernels.Name {
		return ""
	}
	return fmt.Sprintf(": %s kernels compute the same bits as %s kernels, so that scores hold for both", kernels.Name, kernels.Bits)
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
