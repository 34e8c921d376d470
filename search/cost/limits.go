package cost

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"mixmas/nn/mixer"
)

// Limits bound what a model may cost; 0 means no limit.
type Limits struct {
	// Parameters is the largest number of trained parameters.
	Parameters int
	// Latency is the longest time of predicting one row on one core.
	Latency time.Duration
	// Memory is the most bytes that predicting [Batch] rows may need.
	Memory int64
}

// The fields of a configuration that set limits.
const (
	parametersField = "search.max_parameters"
	latencyField    = "search.max_latency_ms"
	memoryField     = "search.max_memory"
)

// LeaveOut returns why a model is left out, such as "has 120,000 parameters, more than 50,000 (search.max_parameters)", or "" if
// it stays within the limits. meter measures its time, and may be nil if Latency is 0.
func (l Limits) LeaveOut(ctx context.Context, meter *Meter, spec mixer.Specification) (reason string, err error) {
	if l == (Limits{}) {
		return "", nil
	}
	static, err := Of(spec)
	if err != nil {
		return "", err
	}
	var reasons []string
	if l.Parameters > 0 && static.Parameters > l.Parameters {
		reasons = append(reasons, fmt.Sprintf("has %s parameters, more than %s (%s)", humanize.Comma(int64(static.Parameters)),
			humanize.Comma(int64(l.Parameters)), parametersField))
	}
	if l.Memory > 0 && static.Memory > l.Memory {
		reasons = append(reasons, fmt.Sprintf("needs %s to predict %d rows, more than %s (%s)", size(static.Memory), Batch, size(l.Memory), memoryField))
	}
	if l.Latency > 0 && reasons == nil {
		if meter == nil {
			return "", errors.New(latencyField + ": there is no device to measure the time of predictions on")
		}
		latency, err := meter.Measure(ctx, spec)
		if err != nil {
			return "", err
		}
		if latency.One > l.Latency {
			reasons = append(reasons, fmt.Sprintf("takes %s ms to predict a row on one core, longer than %s ms (%s)",
				milliseconds(latency.One), milliseconds(l.Latency), latencyField))
		}
	}
	return strings.Join(reasons, ", and "), nil
}

// size formats bytes so that a size just above a limit does not look like it.
func size(bytes int64) string {
	if bytes < 10<<10 {
		return english.Plural(int(bytes), "byte", "")
	}
	unit, name := 1.0*(1<<20), " MiB"
	if bytes < 100<<20 {
		unit, name = 1<<10, " KiB"
	}
	return humanize.Commaf(math.Round(10*float64(bytes)/unit)/10) + name
}

// milliseconds formats a time with three significant digits.
func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'g', 3, 64)
}
