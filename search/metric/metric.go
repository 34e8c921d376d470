package metric

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmas/nn/registry"
	"mixmas/search/task"
)

// Metric is one figure computed from an [Evaluation].
type Metric struct {
	// Name is how configurations select it; Doc is one line for people.
	Name, Doc string
	// Kinds are the kinds of tasks for which it is defined, such as [task.Classification]; for others [Check] refuses it with
	// the text of Refusal.
	Kinds   []task.Kind
	Refusal string
	// Range is the range of its values. Stored scores with other values are refused.
	Range Range
	// LowerIsBetter is true for losses.
	LowerIsBetter bool
	// Reads says which parts of an evaluation Value reads, so that the others need not be computed; by default it may read all.
	Reads Reads
	// OneSided is true for precision and recall: with multi-label data fewer or more predicted labels raise it at will, so no
	// thresholds are fitted to it.
	OneSided bool
	// Value computes the metric; defined is false if the data leave it undefined.
	Value func(e *Evaluation) (value float64, defined bool)
}

// Reads names the parts of an [Evaluation] that a metric reads.
type Reads int

const (
	Everything  Reads = iota
	Predictions       // Right, Classwise, Total, Predicted and Truth: all that depends on which classes are predicted
	Ranks             // AUROC, and the classes' supports
	LossOnly          // Loss
)

var metrics = registry.NewOrdered[Metric]("metric")

// Register registers a metric. It panics if its name is taken, or if Doc, Kinds or Value is missing.
func Register(m Metric) {
	if m.Value == nil || len(m.Kinds) == 0 {
		panic(fmt.Sprintf("metric %q cannot be registered: it needs Value and Kinds", m.Name))
	}
	metrics.Register(m.Name, m.Doc, m)
}

func (m Metric) fits(kind task.Kind) bool { return slices.Contains(m.Kinds, kind) }

// All lists the metrics in the order of registration.
func All() []Metric { return metrics.All() }

// AllNames lists the names of all metrics in the order of registration.
func AllNames() []string { return metrics.Names() }

// Names lists the metrics that are defined for a kind of task, in the order of registration.
func Names(kind task.Kind) []string {
	var names []string
	for _, m := range All() {
		if m.fits(kind) {
			names = append(names, m.Name)
		}
	}
	return names
}

// Known returns nil for the name of a metric, and otherwise an error that lists the names.
func Known(name string) error {
	_, err := metrics.Lookup(name)
	return err
}

// Check returns nil for a metric that can select on data of that kind, and otherwise an error that says why not and lists
// those that can.
func Check(name string, kind task.Kind) error {
	m, known := metrics.Get(name)
	switch {
	case !known:
		return registry.Unknown("metric", name, Names(kind))
	case !m.fits(kind):
		return fmt.Errorf("metric %q: %s; metrics for data with %v are %s", name, m.Refusal, kind, strings.Join(Names(kind), ", "))
	}
	return nil
}

// LowerIsBetter reports whether lower values of the named metric are better. Of an unknown metric, such as one of another program in
// a store, they are not.
func LowerIsBetter(name string) bool {
	m, known := metrics.Get(name)
	return known && m.LowerIsBetter
}

// Compare orders two values of the named metric, the better one first: -1, 1, or 0 if neither is better. Of an unknown metric, higher
// values are better.
func Compare(name string, a, b float64) int {
	switch {
	case Better(name, a, b):
		return -1
	case Better(name, b, a):
		return 1
	}
	return 0
}

// Value returns the value of the named metric among others; NaN if it is undefined.
func Value(values map[string]float64, name string) float64 {
	if v, defined := values[name]; defined {
		return v
	}
	return math.NaN()
}

// Better reports whether a is a strictly better value of the named metric than b: higher, or lower for a loss. NaN is worse
// than every number. Of an unknown metric, higher values are better.
func Better(name string, a, b float64) bool {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		return !math.IsNaN(a)
	case LowerIsBetter(name):
		return a < b
	}
	return a > b
}
