package config

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"mixmas/search/cost"
)

// Limits returns the limits on what a candidate may cost.
func (s Search) Limits() (cost.Limits, error) {
	const least, most = 1e-6, 1e9 // a nanosecond, and some days
	l := cost.Limits{Parameters: s.MaxParameters}
	if s.MaxLatency != 0 && !(s.MaxLatency >= least && s.MaxLatency <= most) {
		return l, fmt.Errorf("max_latency_ms: %v ms is not a time that can be measured", s.MaxLatency)
	}
	l.Latency = time.Duration(s.MaxLatency * float64(time.Millisecond))
	if s.MaxMemory == "" {
		return l, nil
	}
	n, err := humanize.ParseBytes(s.MaxMemory)
	if err != nil || n < 1 || n > 1<<62 {
		return l, fmt.Errorf("max_memory: want a size such as 20MiB, got %q", s.MaxMemory)
	}
	l.Memory = int64(n)
	return l, nil
}
