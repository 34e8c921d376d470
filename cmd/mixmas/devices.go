package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"mixmas/nn/cpu"
	"mixmas/nn/cpu/simd"
)

// deviceInfo describes a device.
type deviceInfo struct {
	Name     string `json:"name"`
	Cores    int    `json:"cores"`
	Kernels  string `json:"kernels"`
	Reason   string `json:"reason"`
	Numerics string `json:"numerics"`
}

// devicesCommand lists what trials can run on.
func devicesCommand() *cli.Command {
	return &cli.Command{
		Name:  "devices",
		Usage: "list the devices that train, and why they compute as they do",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0, ""); err != nil {
				return err
			}
			list := devices()
			if c.Bool("json") {
				return writeJSON(c.App.Writer, list)
			}
			for _, d := range list {
				_, err := fmt.Fprintf(c.App.Writer, "%s\n  cores     %d\n  kernels   %s\n  numerics  %s\n", d.Name, d.Cores, d.Reason, d.Numerics)
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// devices lists the devices of this build.
func devices() []deviceInfo {
	d := cpu.New(cpu.Options{})
	return []deviceInfo{{
		Name: d.Name(), Cores: runtime.GOMAXPROCS(0), Kernels: simd.Best().Name, Reason: simd.Reason(), Numerics: d.Numerics(),
	}}
}
