package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
)

// winner names the architecture that won, stage by stage; empty if nothing was searched.
func winner(stages []Stage) string {
	var parts []string
	for _, s := range stages {
		parts = append(parts, strings.TrimPrefix(s.Name, "encoder/")+": "+s.Winner)
	}
	return strings.Join(parts, " · ")
}

// outcome describes the fully trained model, or the winner after a search alone: its size, training time and score. It is
// empty if there is neither.
func outcome(d Document) string {
	if d.Model != nil {
		text := modelLine(*d.Model)
		names := shown(d)
		if len(names) == 0 {
			return text
		}
		text += fmt.Sprintf(", %s %s on validation", names[0], number(value(d.Model.Metrics, names[0])))
		if d.Test != nil {
			text += fmt.Sprintf(" and %s on test", number(value(d.Test.Metrics, names[0])))
		}
		return text
	}
	if len(d.Stages) == 0 {
		return ""
	}
	last := d.Stages[len(d.Stages)-1]
	i := slices.IndexFunc(last.Candidates, func(c Candidate) bool { return c.Name == last.Winner })
	if i < 0 {
		return ""
	}
	c := last.Candidates[i]
	return fmt.Sprintf("%s parameters, trained on the sample in %s seconds, %s %s on validation", params(c.Params), seconds(c.Seconds), last.Metric, score(c))
}

// modelLine says what was trained in full, and for how long.
func modelLine(m Model) string {
	return fmt.Sprintf("%s parameters, %s in %s seconds", params(m.Params), english.Plural(m.Epochs, "epoch", ""), seconds(m.Seconds))
}

// metricNames lists the full model's metrics.
func metricNames(d Document) []string {
	all := maps.Clone(d.Model.Metrics)
	if d.Test != nil {
		if all == nil {
			all = map[string]Number{}
		}
		maps.Copy(all, d.Test.Metrics)
	}
	return slices.Sorted(maps.Keys(all))
}

// shown lists the most common metrics of the full model: the one that selects, then the usual ones for single-label or
// multi-label data; all metrics if fewer than two of these are known.
func shown(d Document) []string {
	all := metricNames(d)
	wanted := []string{"accuracy", "f1_macro", "auroc_macro", "loss"}
	if slices.Contains(all, "hamming_accuracy") { // multi-label
		wanted = []string{"hamming_accuracy", "f1_micro", "f1_macro", "auroc_macro", "loss"}
	}
	if len(d.Stages) > 0 {
		selecting := d.Stages[len(d.Stages)-1].Metric
		wanted = append([]string{selecting}, slices.DeleteFunc(wanted, func(name string) bool { return name == selecting })...)
	}
	few := slices.DeleteFunc(wanted, func(name string) bool { return !slices.Contains(all, name) })
	if len(few) < 2 {
		return all
	}
	return few
}
