package parts

import (
	"mixmas/search/metric"
	"mixmas/search/task"
)

func init() {
	metric.Register(metric.Metric{
		Name: "worst_recall", Doc: "Recall of the class that is found worst.",
		Kinds: task.Classification(), Range: metric.Share, Value: worstRecall,
	})
}

// worstRecall is undefined where no class occurs.
func worstRecall(e *metric.Evaluation) (value float64, defined bool) {
	value = 1
	for _, class := range e.Classwise {
		if class.Support() > 0 {
			value, defined = min(value, class.Recall()), true
		}
	}
	return value, defined
}
