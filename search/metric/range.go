package metric

import "fmt"

// shares are the metrics that are shares, from 0 to 1.
var shares = map[string]bool{
	"accuracy": true, "balanced_accuracy": true, "hamming_accuracy": true,
	"precision_micro": true, "precision_macro": true, "precision_weighted": true,
	"recall_micro": true, "recall_macro": true, "recall_weighted": true,
	"f1_micro": true, "f1_macro": true, "f1_weighted": true,
	"auroc_macro": true, "auroc_weighted": true,
}

// CheckRange returns an error where no outputs give the named metric the value. A metric that this program does not have
// may have any value.
func CheckRange(name string, value float64) error {
	const rounding = 1e-9
	switch {
	case shares[name] && !(value >= -rounding && value <= 1+rounding):
		return fmt.Errorf("metric %s is %v, want 0 to 1", name, value)
	case name == "loss" && !(value >= -rounding):
		return fmt.Errorf("metric loss is %v, want 0 or more", value)
	}
	return nil
}
