//go:build unix

package search

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// peakMemory returns the largest resident memory of this process so far, in bytes; 0 if the system does not report it.
func peakMemory() int64 {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss // already in bytes
	}
	return usage.Maxrss * 1024
}
