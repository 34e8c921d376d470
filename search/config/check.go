package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/sample"
	"mixmas/search/strategy"
	"mixmas/search/task"
)

// check finds errors beyond single fields, as far as they can be found without the data.
func (c *Config) check(d *decoder) {
	fail := func(field, format string, args ...any) { d.errorf(c.line(field), field, format, args...) }
	if c.Data.Format == "" && c.lines["data"] == 0 {
		fail("data", "is missing: name a format and its options")
	}
	if own, ok := c.Data.Options.(dataset.Checker); ok && !d.failed("data") {
		err, wrong := own.Check(), new(options.Error)
		if errors.As(err, &wrong) {
			fail("data."+wrong.Field, "%s", wrong.Text)
		} else if err != nil {
			fail("data", "%v", err)
		}
	}
	for i, w := range c.Data.PosWeight {
		if x := float32(w); x == 0 || math.IsInf(float64(x), 0) {
			fail(index("data.pos_weight", i), "%v is not a float32 number above 0", w)
		}
	}
	if err := sample.Check(c.Sample.Sampler); err != nil {
		fail("sample.sampler", "%v", err)
	}
	if err := metric.Known(c.Search.Metric); err != nil {
		fail("search.metric", "%v", err)
	}
	if _, err := c.Search.Limits(); err != nil {
		field, text, _ := strings.Cut(err.Error(), ": ")
		fail("search."+field, "%s", text)
	}
	for _, modality := range slices.Sorted(maps.Keys(c.Search.Encoders)) {
		for _, candidate := range c.Search.Encoders[modality] {
			if a, err := mixer.Lookup(candidate.Name); err == nil && !isEncoder(a) {
				fail("search.encoders."+modality, "%s is not an encoder: it takes %s", candidate.Name, a.Inputs())
			}
		}
	}
	for _, candidate := range c.Search.Networks {
		if a, err := mixer.Lookup(candidate.Name); err == nil && !a.Takes(mixer.Tokens) {
			fail("search.networks", "%s is not a fusion network: it takes %s", candidate.Name, a.Inputs())
		}
	}
	for _, t := range []struct {
		field    string
		training Training
	}{{"search.training", c.Search.Training}, {"train.training", c.Train.Training}} {
		if t.training.Momentum != 0 && t.training.Optimiser != "sgd" {
			fail(t.field+".momentum", "only sgd takes momentum, but the optimiser is %s", t.training.Optimiser)
		}
	}
}

// CheckData finds conflicts of a complete configuration (see package defaults) with an open data set: modalities without
// candidates (with the reasons why some were left out) or unknown to the data, no network, architectures that
// do not take a modality's kind of input, a metric that is not defined for the data's labels, and a pos_weight of the wrong
// length or for data that are not multi-label. Its error joins one [*Error] for each.
func (c *Config) CheckData(data dataset.Dataset) error {
	d := &decoder{file: c.file}
	if c.file == "" {
		d.file = "built-in configuration"
	}
	fail := func(field, format string, args ...any) { d.errorf(c.line(field), field, format, args...) }
	var names []string
	known := map[string]bool{}
	for _, m := range data.Modalities() {
		names, known[m.Name] = append(names, m.Name), true
		candidates := c.Search.Encoders[m.Name]
		if field := "search.encoders." + m.Name; len(candidates) == 0 && c.Search.Left[field] != nil {
			fail(field, "%v", strategy.Empty(c.Search.Left[field]))
		} else if len(candidates) == 0 {
			fail("search.encoders", "no candidates for modality %q of data set %s", m.Name, data.Name())
		}
		for _, candidate := range candidates {
			if a, err := mixer.Lookup(candidate.Name); err == nil && !a.Takes(m.Kind) {
				fail("search.encoders."+m.Name, "%s takes %s, but modality %s is a %s", candidate.Name, a.Inputs(), m.Name, m.Kind)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Search.Encoders)) {
		if !known[name] {
			fail("search.encoders."+name, "data set %s has no such modality; it has %s", data.Name(), strings.Join(names, ", "))
		}
	}
	if left := c.Search.Left["search.networks"]; len(c.Search.Networks) == 0 && left != nil {
		fail("search.networks", "%v", strategy.Empty(left))
	} else if len(c.Search.Networks) == 0 {
		fail("search.networks", "is missing: list at least one architecture")
	}
	if err := metric.Check(c.Search.Metric, data.Task().Kind); err != nil {
		fail("search.metric", "%v", err)
	}
	c.Search.Training.checkVaried("search.training", data, fail)
	c.Train.Training.checkVaried("train.training", data, fail)
	switch n := len(c.Data.PosWeight); {
	case n > 0 && data.Task().Kind != task.MultiLabel:
		fail("data.pos_weight", "is for multi-label data; data set %s has %v", data.Name(), data.Task().Kind)
	case n > 0 && n != len(data.Task().Classes):
		fail("data.pos_weight", "has %d numbers, but data set %s has %d classes", n, data.Name(), len(data.Task().Classes))
	case n > 0:
		for _, of := range []struct{ field, weights string }{
			{"search.training.class_weights", c.Search.Training.ClassWeights}, {"train.training.class_weights", c.Train.Training.ClassWeights},
		} {
			if of.weights == "balanced" {
				fail(of.field, "balanced: the classes have weights already, those of data.pos_weight")
			}
		}
	}
	return d.err()
}

// Errorf returns an error about a field, such as "search.metric", with the file and line that set it.
func (c *Config) Errorf(field, format string, args ...any) error {
	return &Error{File: c.file, Line: c.line(field), Field: field, Text: fmt.Sprintf(format, args...)}
}

// place is where a candidate was read: its stage, such as "search.networks", and its label.
type place struct{ stage, label string }

// CandidateErrorf returns an error about a candidate of a stage, such as "search.networks". If err is about an option of it, such as one
// of its layers, the line is that of the option.
func (c *Config) CandidateErrorf(stage, label string, err error, format string, args ...any) error {
	at := stage
	if own, ok := c.places[place{stage, label}]; ok {
		at = own
		if wrong := new(options.Error); errors.As(err, &wrong) {
			name := wrong.Field[:len(wrong.Field)-len(strings.TrimLeft(wrong.Field, "abcdefghijklmnopqrstuvwxyz_"))]
			for _, of := range []string{own, join(stage, "defaults")} {
				if _, set := c.lines[join(of, name)]; set {
					at = join(of, wrong.Field)
					break
				}
			}
		}
	}
	return &Error{File: c.file, Line: c.line(at), Field: stage, Text: fmt.Sprintf(format, args...)}
}

// line returns the line that set a field or its nearest parent; 1 if the file does not mention it.
func (c *Config) line(field string) int { return lineOf(c.lines, field, 1) }

// lineOf returns the line of a field or its nearest parent, or otherwise if there is none.
func lineOf(lines map[string]int, field string, otherwise int) int {
	for field != "" {
		if line, ok := lines[field]; ok {
			return line
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return otherwise
}
