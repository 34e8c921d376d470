package parts

import (
	"mixmas/search/metric"
	"mixmas/search/task"
)

func init() {
	metric.Register(metric.Metric{
		Name: "worst_recall", Doc: "Recall of the class with the lowest recall.",
		Kinds: task.Classification(), Range: metric.Share, Value: worstRecall,
	})
}

// worstRecall is the smallest recall of a class that occurs. It is undefined if no class occurs.
func worstRecall(e *metric.Evaluation) (value float64, defined bool) {
	value = 1
	for _, class := range e.Classwise {
		if class.Support() > 0 {
			value, defined = min(value, class.Recall()), true
		}
	}
	return value, defined
}
