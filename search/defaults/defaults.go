// Package defaults fills in what a configuration leaves open: candidates whose sizes suit the data, how they are trained, and
// the metric that selects among them. docs/defaults.md states the rule, with the measurements that led to it.
//
// A configuration that names the encoders of every modality and the networks is complete: it means what it says, with the
// defaults of package config. In any other, everything that the file does not set follows from the data.
package defaults

import (
	"fmt"

	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
)

// Fill sets everything that a configuration leaves open, by the data, and returns the fields that it set, such as
// "search.encoders.image". A complete configuration stays as it is. A modality that no architecture suits stays without
// candidates. The error is that of a label that cannot be read.
func Fill(c *config.Config, data dataset.Dataset) (filled []string, err error) {
	if Complete(c, data) {
		return nil, nil
	}
	set := &setter{config: c}
	rows := data.Len(dataset.Train)
	if c.Search.Encoders == nil {
		c.Search.Encoders = map[string]config.Candidates{}
	}
	for _, m := range data.Modalities() {
		if len(c.Search.Encoders[m.Name]) > 0 {
			continue
		}
		if list := candidates(input(m), rows); len(list) > 0 {
			c.Search.Encoders[m.Name] = list
			set.filled = append(set.filled, "search.encoders."+m.Name)
		}
	}
	if len(c.Search.Networks) == 0 {
		if in, ok := fused(c, data); ok {
			c.Search.Networks = candidates(in, rows)
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

// Complete reports whether a configuration names candidates for every modality of the data, and networks.
func Complete(c *config.Config, data dataset.Dataset) bool {
	for _, m := range data.Modalities() {
		if len(c.Search.Encoders[m.Name]) == 0 {
			return false
		}
	}
	return len(c.Search.Networks) > 0
}

func input(m dataset.Modality) mixer.Input {
	return mixer.Input{Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary}
}

// candidates returns the architectures that suit an input, with options that suit it, but for the extra ones.
func candidates(in mixer.Input, rows int) (list config.Candidates) {
	for _, a := range mixer.All() {
		if a.Suit == nil || a.Extra || !a.Takes(in.Kind) {
			continue
		}
		if own := a.Suit(in, rows); own != nil {
			list = append(list, config.Candidate{Name: a.Name, Label: a.Name, Options: own})
		}
	}
	return list
}

// fused returns the widest tokens that fusing the candidate encoders can give, with the most of them: what the networks get if
// they are concatenated.
func fused(c *config.Config, data dataset.Dataset) (in mixer.Input, ok bool) {
	tokens, width := 0, 0
	for _, m := range data.Modalities() {
		most := 0
		for _, candidate := range c.Search.Encoders[m.Name] {
			encoder := mixer.Choice{Architecture: candidate.Name, Options: candidate.Options}
			n, d, err := mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary,
				Masked: m.Masked, Encoder: encoder}.Output()
			if err != nil { // the search reports it
				continue
			}
			most, width = max(most, n), max(width, d)
		}
		tokens += most
	}
	return mixer.Input{Kind: mixer.Tokens, Shape: []int{tokens, width}}, tokens > 0
}
