//go:build !unix

package main

import "time"

// processorTime is the time since the start: the processor time of this process is not known here.
func processorTime() time.Duration { return sinceStart() }
