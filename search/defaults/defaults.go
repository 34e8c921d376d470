// Package defaults fills in what a configuration leaves open: candidates whose sizes suit the data, how they are trained, and
// the metric that selects among them. docs/defaults.md states the rule, with the measurements that led to it.
//
// A configuration that names the encoders of every modality and the networks is complete: it means what it says, with the
// defaults of package config. In any other, everything that the file does not set follows from the data.
package defaults

import (
	"cmp"
	"fmt"

	"mixmas/nn"
	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/strategy"
)

// Fill sets everything that a configuration leaves open, by the data, and returns the fields that it set, such as
// "search.encoders.image". A complete configuration stays as it is. Architectures that cannot take an input are left out, with the
// reason in Search.Left; a modality that none suits stays without candidates. The error is that of a label that cannot be read.
func Fill(c *config.Config, data dataset.Dataset) (filled []string, err error) {
	if Complete(c, data) {
		return nil, nil
	}
	set := &setter{config: c}
	rows := data.Len(dataset.Train)
	if c.Search.Encoders == nil {
		c.Search.Encoders = map[string]config.Candidates{}
	}
	c.Search.Left = map[string][]strategy.LeftOut{}
	for _, m := range data.Modalities() {
		if len(c.Search.Encoders[m.Name]) > 0 {
			continue
		}
		field := "search.encoders." + m.Name
		list, left := candidates(c, m.Input(), rows)
		if c.Search.Left[field] = left; len(list) > 0 {
			c.Search.Encoders[m.Name] = list
			set.filled = append(set.filled, field)
		}
	}
	if opensFusions(c) {
		c.Search.Fusions = config.AllFusions()
		set.filled = append(set.filled, "search.fusions")
	}
	if len(c.Search.Networks) == 0 {
		if in, ok := fused(c, data); ok {
			c.Search.Networks, c.Search.Left["search.networks"] = candidates(c, in, rows)
			set.filled = append(set.filled, "search.networks")
		}
	}
	metric, err := metricOf(data)
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	set.word("search.metric", &c.Search.Metric, metric)
	if c.BalancesClasses() {
		set.word("search.training.class_weights", &c.Search.Training.ClassWeights, "balanced")
		set.word("train.training.class_weights", &c.Train.Training.ClassWeights, "balanced")
	}
	err = set.training(data)
	return set.filled, err
}

// Complete reports whether a configuration names candidates for every modality of the data, and networks, and does not ask for all
// fusion functions.
func Complete(c *config.Config, data dataset.Dataset) bool {
	for _, m := range data.Modalities() {
		if len(c.Search.Encoders[m.Name]) == 0 {
			return false
		}
	}
	return len(c.Search.Networks) > 0 && !opensFusions(c)
}

// opensFusions reports whether a configuration asks for all fusion functions, by naming none.
func opensFusions(c *config.Config) bool {
	return c.Search.Architectures == config.All && !c.Sets("search.fusions")
}

func with(m dataset.Modality, encoder mixer.Choice) mixer.Modality {
	return mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary, Vectors: m.Vectors, Masked: m.Masked, Encoder: encoder}
}

// candidates returns the architectures that a configuration may try on an input, with options that suit it, and those that cannot take
// it. Of architectures that are no networks at all there is nothing to say.
func candidates(c *config.Config, in mixer.Input, rows int) (list config.Candidates, left []strategy.LeftOut) {
	for _, a := range mixer.All() {
		if a.Suit == nil || a.Extra && c.Search.Architectures != config.All || in.Kind == mixer.Tokens && !a.Takes(mixer.Tokens) {
			continue
		}
		own, reason := a.Suited(in, rows)
		if reason == "" {
			scope := nn.NewScope()
			_, err := a.Build(scope, in, own)
			if err = cmp.Or(err, scope.Parameters().Err()); err != nil {
				reason = fmt.Sprintf("cannot take a %s of %s: %v", in.Kind, dimensions.Text(in.Shape), err)
			}
		}
		if reason != "" {
			left = append(left, strategy.LeftOut{Label: a.Name, Reason: reason})
			continue
		}
		list = append(list, config.Candidate{Name: a.Name, Label: a.Name, Options: own})
	}
	return list, left
}

// fused returns the widest tokens that fusing the candidate encoders can give, with the most of them: what the networks get if
// they are concatenated.
func fused(c *config.Config, data dataset.Dataset) (in mixer.Input, ok bool) {
	tokens, width := 0, 0
	for _, m := range data.Modalities() {
		most := 0
		for _, candidate := range c.Search.Encoders[m.Name] {
			n, d, err := with(m, mixer.Choice{Architecture: candidate.Name, Options: candidate.Options}).Output()
			if err != nil { // the search reports it
				continue
			}
			most, width = max(most, n), max(width, d)
		}
		tokens += most
	}
	return mixer.Input{Kind: mixer.Tokens, Shape: []int{tokens, width}}, tokens > 0
}
