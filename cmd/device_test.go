package cmd

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Without --workers there are as many as Go's runtime uses processors. On Linux it counts no more than the CPU limit of the
// control groups around the process (cpu.max, or cpu.cfs_quota_us), but at least two.
func TestWorkersByDefault(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for args, want := range map[string]int{"": 3, "--workers 2": 2, "--workers 5": 5} {
		runtime.GOMAXPROCS(3)
		app := &cli.App{Writer: io.Discard, ErrWriter: io.Discard, Flags: []cli.Flag{workersFlag("use `N` cores"), deviceFlag()}, Action: func(c *cli.Context) error {
			_, workers, err := openDevice(c, autoNumerics)
			if workers != want || runtime.GOMAXPROCS(0) != min(want, 3) {
				t.Errorf("%q: %d workers on %d processors, want %d on %d", args, workers, runtime.GOMAXPROCS(0), want, min(want, 3))
			}
			return err
		}}
		if err := app.Run(append([]string{"mixmas", "--device", "cpu"}, strings.Fields(args)...)); err != nil {
			t.Error(err)
		}
	}
}
