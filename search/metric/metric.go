package metric

import (
	"fmt"
	"math"
	"strings"
)

// Task says for which tasks a metric is defined.
type Task int

const (
	AnyTask   Task = iota // one label a sample or many
	OneLabel              // one class a sample
	ManyLabel             // any number of labels a sample
)

// Metric is one figure computed from an [Evaluation].
type Metric struct {
	Name string
	// Task is where the metric is defined; elsewhere [Check] refuses it with the text of Refusal.
	Task    Task
	Refusal string
	// LowerIsBetter is true of losses.
	LowerIsBetter bool
	// Value computes the figure; defined is false where the data leave it undefined.
	Value func(e *Evaluation) (value float64, defined bool)
}

var metrics []Metric

// Register adds a metric. It panics when the name is empty or taken or when there is no Value: a programmer's mistake.
// It is meant for init functions and must not run beside other functions of this package.
func Register(m Metric) {
	if _, taken := lookup(m.Name); taken || m.Name == "" || m.Value == nil {
		panic(fmt.Sprintf("metric: cannot register %q: it needs a free name and a Value", m.Name))
	}
	metrics = append(metrics, m)
}

func lookup(name string) (Metric, bool) {
	for _, m := range metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

func (m Metric) fits(multiLabel bool) bool {
	return m.Task == AnyTask || (m.Task == ManyLabel) == multiLabel
}

// Names lists the metrics that are defined for many labels a sample, or for one, in the order of registration.
func Names(multiLabel bool) []string {
	var names []string
	for _, m := range metrics {
		if m.fits(multiLabel) {
			names = append(names, m.Name)
		}
	}
	return names
}

// Check returns nil for a metric that can select, and otherwise an error that says why not and lists those that can.
func Check(name string, multiLabel bool) error {
	m, known := lookup(name)
	if known && m.fits(multiLabel) {
		return nil
	}
	why := "unknown"
	if known {
		why = m.Refusal
	}
	task := "one label"
	if multiLabel {
		task = "many labels"
	}
	return fmt.Errorf("metric %q: %s; metrics for %s a sample: %s", name, why, task, strings.Join(Names(multiLabel), ", "))
}

// Better tells whether a is a strictly better value of the named metric than b: higher, but lower for a loss. NaN is
// worse than every number. It panics on an unknown name, which [Check] finds beforehand.
func Better(name string, a, b float64) bool {
	m, known := lookup(name)
	switch {
	case !known:
		panic(fmt.Sprintf("metric: Better of unknown metric %q", name))
	case math.IsNaN(a) || math.IsNaN(b):
		return !math.IsNaN(a)
	case m.LowerIsBetter:
		return a < b
	}
	return a > b
}
