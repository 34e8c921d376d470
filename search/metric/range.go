package metric

import "fmt"

// Range is the range of a metric's values.
type Range int

const (
	AnyValue    Range = iota
	Share             // 0 to 1
	NotNegative       // 0 or more
)

// IsShare reports whether the named metric has values from 0 to 1.
func IsShare(name string) bool {
	m, _ := metrics.Get(name)
	return m.Range == Share
}

// CheckRange returns an error if the named metric cannot have the value. A metric that this program does not have may have any
// value.
func CheckRange(name string, value float64) error {
	const rounding = 1e-9
	m, _ := metrics.Get(name)
	switch {
	case m.Range == Share && !(value >= -rounding && value <= 1+rounding):
		return fmt.Errorf("metric %s is %v, want 0 to 1", name, value)
	case m.Range == NotNegative && !(value >= -rounding):
		return fmt.Errorf("metric %s is %v, want 0 or more", name, value)
	}
	return nil
}
