//go:build unix

package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is how long this process has computed, on all cores together: what other programs on the machine change little.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return sinceStart()
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
