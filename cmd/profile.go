package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"runtime/trace"

	"github.com/urfave/cli/v2"

	"mixmas/nn/device"
	"mixmas/nn/device/profile"
)

func profileFlag() cli.Flag {
	return &cli.StringFlag{Name: "profile", Usage: "write profiles into `DIR`: operations.txt, cpu.pprof, heap.pprof, trace.out"}
}

// profiler profiles a command from start to stop. Without a folder it does nothing.
type profiler struct {
	profile.Profile // of the operations
	folder          string
	cpu, trace      *os.File
}

// startProfile starts a profile in a folder, which it creates; "" means no profile.
func startProfile(folder string) (p *profiler, err error) {
	p = &profiler{folder: folder}
	if folder == "" {
		return p, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("--profile: %w", err)
			_ = p.stop()
		}
	}()
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return p, err
	}
	cpu, err := os.Create(filepath.Join(folder, "cpu.pprof"))
	if err != nil {
		return p, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return p, errors.Join(err, cpu.Close())
	}
	p.cpu = cpu
	events, err := os.Create(filepath.Join(folder, "trace.out"))
	if err != nil {
		return p, err
	}
	if err := trace.Start(events); err != nil {
		return p, errors.Join(err, events.Close())
	}
	p.trace = events
	return p, nil
}

// wrap returns the device, with its operations timed if there is a profile.
func (p *profiler) wrap(d device.Device) device.Device {
	if p.folder == "" {
		return d
	}
	return p.Wrap(d)
}

// stop writes the measurements. A second call does nothing.
func (p *profiler) stop() error {
	if p.folder == "" || p.cpu == nil {
		return nil
	}
	pprof.StopCPUProfile()
	errs := []error{p.cpu.Close()}
	p.cpu = nil
	if p.trace != nil {
		trace.Stop()
		errs = append(errs, p.trace.Close())
	}
	runtime.GC() // a heap profile shows the state after the last collection
	errs = append(errs, p.write("heap.pprof", pprof.WriteHeapProfile), p.write("operations.txt", p.Write))
	return errors.Join(errs...)
}

// write writes one file into the folder.
func (p *profiler) write(name string, write func(io.Writer) error) error {
	f, err := os.Create(filepath.Join(p.folder, name))
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
