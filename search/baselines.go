package search

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/dustin/go-humanize/english"

	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/report"
)

// baseline is a model, or several that are combined, with which the searched model is compared.
type baseline struct {
	kind, modality, name string
	members              []*fitted // none: the most frequent class
}

// baselines lists what the searched model is compared with: free ones from the trials of the search, then those that were trained.
func (a *answering) baselines() (list []baseline) {
	list = append(list, baseline{kind: report.Majority, name: "the most frequent class"})
	var encoders, winners []*fitted
	var best *fitted
	for _, f := range a.trials {
		m := f.modality()
		if m == "" {
			continue
		}
		encoders = append(encoders, f)
		if best == nil || metric.Better(a.metric, f.score, best.score) {
			best = f
		}
		if f.Job.Specification.Repeat == 0 && a.isWinner(f) {
			winners = append(winners, f)
		}
	}
	if best != nil {
		list = append(list, baseline{report.SingleModality, best.modality(), best.modality() + " alone (" + best.Job.Label + ", short training)", []*fitted{best}})
	}
	if len(winners) == len(a.space.Modalities) && len(winners) > 1 {
		list = append(list, baseline{report.LateFusionWinners, "", "late fusion of the chosen encoders", winners})
	}
	if len(encoders) > 1 && len(encoders) > len(winners) {
		list = append(list, baseline{report.LateFusionAll, "", fmt.Sprintf("late fusion of all %d trained encoders", len(encoders)), encoders})
	}
	var linear []*fitted
	for _, f := range a.further {
		switch f.kind {
		case report.Linear:
			linear = append(linear, f.fitted)
			list = append(list, baseline{f.kind, f.further.modality, "a linear model of " + f.further.modality, []*fitted{f.fitted}})
		case report.Default:
			list = append(list, baseline{f.kind, "", "an MLP-Mixer for everything, concatenated", []*fitted{f.fitted}})
		case report.DefaultFull:
			list = append(list, baseline{f.kind, "", "an MLP-Mixer for everything, trained in full", []*fitted{f.fitted}})
		}
	}
	if len(linear) > 1 {
		list = append(list, baseline{report.LinearLateFusion, "", "late fusion of the linear models", linear})
	}
	return list
}

// isWinner reports whether a trial is that of the chosen encoder of its modality.
func (a *answering) isWinner(f *fitted) bool {
	for _, m := range a.space.Modalities {
		if chosen, has := a.choices.Encoders[m.Name]; has && m.Name == f.modality() {
			return reflect.DeepEqual(a.space.EncoderModel(m, chosen), f.Job.Specification.Model)
		}
	}
	return false
}

// compare measures a baseline on the validation rows and, if the test split is scored, on that. It has thresholds as the models that it
// is compared with have them: where they help, fitted to the same rows.
func (a *answering) compare(ctx context.Context, b baseline) (out report.Baseline, err error) {
	out.Kind, out.Modality, out.Name = b.kind, b.modality, b.name
	honest := math.NaN()
	var majority, validation []float32
	var thresholds []float64 // that the validation logits are not yet less
	var c *chosen            // nil: the most frequent class
	switch len(b.members) {
	case 0:
		if majority, err = mostFrequent(ctx, a.data); err != nil {
			return out, err
		}
		validation = slices.Repeat(majority, a.rows.labels.Len())
	case 1:
		if c = asItIs(b.members[0]); a.fitsThresholdsOf(1, b.name) {
			if c, err = a.single(ctx, b.members[0]); err != nil {
				return out, err
			}
		}
		validation, thresholds, honest = a.validation(c), c.Thresholds, c.Honest
	default:
		p, members := a.rows.pool(b.members), make([]int, len(b.members))
		for i := range members {
			members[i] = i
		}
		c = &chosen{models: b.members}
		o := combine.Options{Thresholds: a.fitsThresholdsOf(len(members), b.name)}
		if c.Ensemble, validation, err = combine.LateFusion(ctx, p, members, a.metric, o); err != nil {
			return out, err
		}
		honest = c.Honest
	}
	if c != nil {
		out.Thresholds = c.Thresholds
	}
	if out.Validation, err = a.rows.scored(ctx, a.metric, validation, thresholds, honest); err != nil {
		return out, err
	}
	if err := a.cost(ctx, &out.Final, b.members, false); err != nil {
		return out, err
	}
	if len(b.members) > 1 {
		out.Members = members(c)
	}
	if a.folder == "" || a.data.Len(dataset.Test) == 0 {
		return out, nil
	}
	if a.overdue(1) && c != nil {
		a.left.add("%s: not scored on test, because the budget is used up", b.name)
		return out, nil
	}
	test := slices.Repeat(majority, a.data.Len(dataset.Test))
	if c != nil {
		if test, err = a.testOf(ctx, c); err != nil {
			return out, err
		}
	}
	out.Test, err = a.testRows.scored(ctx, a.metric, test, out.Thresholds, math.NaN())
	return out, err
}

// members describes the members of an ensemble.
func members(c *chosen) (list []report.Member) {
	for i, f := range c.list() {
		list = append(list, report.Member{Name: f.Job.Name, Key: f.Score.Key, Weight: c.Weights[i], Temperature: c.Temperatures[i]})
	}
	return list
}

// several is such as "ensemble of 8 models", or "late fusion of 24 models" where all count the same.
func several(e *combine.Ensemble) string {
	kind := "ensemble"
	if e.Mean == combine.LogProbabilities && len(e.Members) > 1 && slices.Min(e.Weights) == slices.Max(e.Weights) {
		kind = "late fusion"
	}
	return kind + " of " + english.Plural(len(e.Members), "model", "")
}
