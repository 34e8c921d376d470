package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
)

// WinnerText names the winning architecture part by part; it is empty if nothing was searched.
func (d Document) WinnerText() string {
	parts := d.Architecture
	if len(parts) == 0 {
		parts = Parts(d.Stages)
	}
	var texts []string
	for _, p := range parts {
		if p.Name != "" { // decided already
			texts = append(texts, p.Part+": "+p.Name)
		}
	}
	return strings.Join(texts, " · ")
}

// Parts returns the winners of stages that each chose one part of the model.
func Parts(stages []Stage) []Part {
	var parts []Part
	for _, s := range stages {
		part := s.Name
		if _, name, found := strings.Cut(s.Name, "/"); found {
			part = name
		}
		parts = append(parts, Part{part, s.Winner})
	}
	return parts
}

// Chosen returns the winning candidate and the stage that chose it.
func (d Document) Chosen() (stage Stage, c Candidate, found bool) {
	for _, s := range slices.Backward(d.Stages) {
		for _, c := range s.Candidates {
			if d.Winner == "" && c.Name == s.Winner || d.Winner != "" && c.Key == d.Winner {
				return s, c, true
			}
		}
		if d.Winner == "" {
			return s, Candidate{}, false
		}
	}
	return Stage{}, Candidate{}, false
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
		validation, test, fitted := d.AsPredicted()
		text += fmt.Sprintf(", %s %s on validation", names[0], value(validation, names[0]).Text())
		if test != nil {
			text += fmt.Sprintf(" and %s on test", value(test, names[0]).Text())
		}
		if fitted {
			text += ", with fitted thresholds"
		}
		return text
	}
	stage, c, found := d.Chosen()
	if !found {
		return ""
	}
	return fmt.Sprintf("%s parameters, trained on the sample in %s seconds, %s %s on validation", Parameters(c.Params), seconds(c.Seconds), stage.Metric, score(c))
}

// thresholded returns the metrics of the fully trained model with its thresholds, on validation and test; nil if there are none. The
// metric of the search is that of validation rows to which the thresholds were not fitted, if it is known.
func (d Document) thresholded() (validation, test map[string]Number) {
	switch {
	case d.Model.MetricsWithThresholds != nil:
		validation = d.Model.MetricsWithThresholds
		if d.Test != nil {
			test = d.Test.MetricsWithThresholds
		}
	case d.Searched != nil && len(d.Searched.Thresholds) > 0: // a document of an earlier version
		validation = d.Searched.Validation.Metrics
		if d.Searched.Test != nil {
			test = d.Searched.Test.Metrics
		}
	default:
		return nil, nil
	}
	if d.Searched != nil && d.Searched.Validation != nil {
		validation = maps.Clone(validation)
		validation[d.Metric()] = d.Searched.Validation.Score
	}
	return validation, test
}

// AsPredicted returns the metrics of the fully trained model on validation and test (nil without one) as its file predicts: with its
// thresholds, if it has fitted ones.
func (d Document) AsPredicted() (validation, test map[string]Number, fitted bool) {
	if validation, test = d.thresholded(); validation != nil {
		return validation, test, true
	}
	if d.Test != nil {
		test = d.Test.Metrics
	}
	return d.Model.Metrics, test, false
}

// modelLine describes the full training: the size of the model, the epochs and the time.
func modelLine(m Model) string {
	text := fmt.Sprintf("%s parameters, %s in %s seconds", Parameters(m.Params), english.Plural(m.Epochs, "epoch", ""), seconds(m.Seconds))
	if m.Select != "" {
		text = fmt.Sprintf("%s parameters, epoch %d of %d by %s, in %s seconds", Parameters(m.Params), m.Kept, m.Epochs, m.Select, seconds(m.Seconds))
	}
	if m.Stopped {
		text += " (stopped by the budget)"
	}
	return text
}

// metricNames returns the names of the full model's metrics.
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

// shown returns the most common metrics of the full model: the selecting one, then the usual ones for single-label or
// multi-label data; all metrics if fewer than two of these are present.
func shown(d Document) []string {
	all := metricNames(d)
	wanted := []string{"accuracy", "f1_macro", "auroc_macro", "loss"}
	if slices.Contains(all, "hamming_accuracy") { // multi-label
		wanted = []string{"hamming_accuracy", "f1_micro", "f1_macro", "auroc_macro", "loss"}
	}
	if stage, _, _ := d.Chosen(); stage.Metric != "" {
		selecting := stage.Metric
		wanted = append([]string{selecting}, slices.DeleteFunc(wanted, func(name string) bool { return name == selecting })...)
	}
	few := slices.DeleteFunc(wanted, func(name string) bool { return !slices.Contains(all, name) })
	if len(few) < 2 {
		return all
	}
	return few
}
