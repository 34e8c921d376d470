package search

import (
	"fmt"
	"slices"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/store"
	"mixmas/search/strategy"
)

// untried says what a search did not try, and why.
func (s *Search) untried(r *Result) (list []string) {
	add := func(format string, a ...any) { list = append(list, fmt.Sprintf(format, a...)) }
	if r == nil {
		add("nothing was searched: the architecture was given")
		return list
	}
	for _, stage := range r.Stages {
		var late, failed []string
		for _, o := range stage.Untried {
			late = append(late, o.Job.Label)
		}
		for _, t := range stage.Candidates {
			if first := t.First(); first.Score.Status == store.Failed && len(t.Finished()) == 0 {
				failed = append(failed, fmt.Sprintf("%s (%s)", t.Label, first.Score.Reason))
			}
		}
		if len(late) > 0 {
			add("%s: %s: not tried, because the budget would not suffice", stage.Name, few(late))
		}
		if len(failed) > 0 {
			add("%s: the trainings of %s failed", stage.Name, few(failed))
		}
		reasons := map[string][]string{}
		for _, l := range stage.Left {
			reasons[l.Reason] = append(reasons[l.Reason], l.Label)
		}
		for _, l := range stage.Left { // in their order
			if labels := reasons[l.Reason]; labels != nil {
				add("%s: %s: left out before training, %s", stage.Name, few(labels), l.Reason)
				delete(reasons, l.Reason)
			}
		}
	}
	for _, m := range r.Space.Modalities {
		if names := others(m.Encoders, m.Kind); len(names) > 0 {
			add("%s: no candidate of the configuration is one of %s", m.Name, few(names))
		}
	}
	if names := others(r.Space.Networks, mixer.Tokens); len(names) > 0 {
		add("behind the fusion: no candidate of the configuration is one of %s", few(names))
	}
	if functions := otherFunctions(r.Space); len(r.Space.Modalities) > 1 && len(functions) > 0 {
		add("fusion functions that are no candidates of the configuration: %s", few(functions))
	}
	if s.config.Search.Strategy == strategy.Default {
		add("other combinations than those in the tables: the parts of the model were chosen one after another, each with the winners before it")
	}
	add("other recipes: all candidates were trained with the same learning rate, batch and number of epochs")
	return list
}

// others are the architectures that take a kind of input and are not among the candidates. A linear model is none: it is a
// baseline; nor are layers, which are whatever a configuration makes of them.
func others(candidates []strategy.Candidate, kind mixer.Kind) (names []string) {
	for _, a := range mixer.All() {
		tried := slices.ContainsFunc(candidates, func(c strategy.Candidate) bool { return c.Choice.Architecture == a.Name })
		if a.Takes(kind) && !tried && a.Name != "linear" && a.Name != "layers" {
			names = append(names, a.Name)
		}
	}
	return names
}

// few lists texts, the first ones of many.
func few(texts []string) string {
	const most = 12
	if n := len(texts); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), n-most)
	}
	return strings.Join(texts, ", ")
}

// otherFunctions are the fusion functions that are not among the candidates.
func otherFunctions(space *strategy.Space) (names []string) {
	for _, name := range mixer.FusionNames() {
		if !slices.ContainsFunc(space.Fusions, func(f strategy.Function) bool { return f.Choice.Function == name }) {
			names = append(names, name)
		}
	}
	return names
}
