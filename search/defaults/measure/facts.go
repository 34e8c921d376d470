package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/dustin/go-humanize"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/cost"
	"mixmas/search/report"
)

// reference is an input at which the costs of all encoders that take it are compared.
type reference struct {
	name     string
	modality mixer.Modality
	// beside is the encoder whose step is 1 in the table of times.
	beside string
}

// referenceRows are the training rows by which the sizes of the references follow from the data, and referenceClasses their classes.
const referenceRows, referenceClasses = 3_000, 10

var references = []reference{
	{"Picture 1×28×28", mixer.Modality{Name: "picture", Kind: mixer.Map, Shape: []int{1, 28, 28}}, "mlp_mixer"},
	{"Series 128×9", mixer.Modality{Name: "series", Kind: mixer.Sequence, Shape: []int{128, 9}}, "mlp_mixer"},
	{"Text of 128 tokens, 4,000 different ones", mixer.Modality{Name: "text", Kind: mixer.Text, Shape: []int{128}, Vocabulary: 4000, Masked: true}, "mlp_mixer"},
	{"Table of 30 columns", mixer.Modality{Name: "table", Kind: mixer.Table, Shape: []int{30}}, "simple_mlp"},
}

// candidate is an encoder or a fusion function in a model, whose costs are compared.
type candidate struct {
	name    string
	options any
	model   mixer.Specification
}

// encoders returns every encoder that takes the input, with the sizes that follow from the data or, without such, its defaults, and a
// head.
func (r reference) encoders() (list []candidate) {
	for _, a := range mixer.All() {
		if !a.Takes(r.modality.Kind) {
			continue
		}
		own := a.Options()
		if a.Suit != nil {
			if own, _ = a.Suited(r.modality.Input(), referenceRows); own == nil {
				continue
			}
		}
		list = append(list, candidate{a.Name, own, mixer.Specification{Modalities: []mixer.Modality{r.encoded(a.Name, own)}, Classes: referenceClasses}})
	}
	return list
}

func (r reference) encoded(name string, own any) mixer.Modality {
	m := r.modality
	m.Encoder = mixer.Choice{Architecture: name, Options: own}
	return m
}

// fusions returns every fusion function with its default options, between the mixers of a picture and a series and a mixer as network.
func fusions() (list []candidate) {
	var modalities []mixer.Modality
	for _, r := range references[:2] {
		for _, e := range r.encoders() {
			if e.name == r.beside {
				modalities = append(modalities, e.model.Modalities[0])
			}
		}
	}
	network := mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 32, Depth: 1, TokenWidth: 64, ChannelWidth: 64}}
	for _, f := range mixer.Fusions() {
		own := f.Options()
		list = append(list, candidate{f.Name, own, mixer.Specification{Modalities: modalities, Fusion: &mixer.FusionChoice{Function: f.Name, Options: own},
			Network: &network, Classes: referenceClasses}})
	}
	return list
}

// encodersHead is what needs no measuring: what the encoders and fusion functions are and what they cost on any machine.
func encodersHead() (string, error) {
	var b strings.Builder
	b.WriteString("<!-- Made by `make encoders`, with the text of encoders.note. -->\n# Encoders and fusion functions\n\n" +
		"All that are registered, and what each costs and scores. An encoder turns a modality into tokens; one that takes tokens can also be the\n" +
		"fusion network. Options are in the comments of `mixmas config init`; [extending.md](extending.md) says how to add one.\n\n" +
		"## The encoders\n\n\"By default\" are those that a search tries where a configuration names none; `search.architectures: all` tries the others too, but for those\n" +
		"that are only tried by name.\n\n")
	var rows [][]string
	for _, a := range mixer.All() {
		tried := "by default"
		switch {
		case a.Suit == nil:
			tried = "by name"
		case a.Extra:
			tried = "with `all`"
		}
		var kinds []string
		for _, k := range a.Kinds {
			kinds = append(kinds, string(k))
		}
		rows = append(rows, []string{"`" + a.Name + "`", a.Doc, strings.Join(kinds, ", "), tried})
	}
	table(&b, []string{"name", "what it is", "takes", "tried"}, rows)
	fmt.Fprintf(&b, "\n## What an encoder costs\n\nEach with a head for %d classes, with the sizes that follow from %s training rows ([defaults.md](defaults.md)), or with its default options if it\n"+
		"is only tried by name. FLOPs are those of predicting one row, memory that of a training step with %d rows and Adam. The tables of a search\n"+
		"say the same of its candidates.\n", referenceClasses, report.Comma(referenceRows), cost.Batch)
	for _, r := range references {
		fmt.Fprintf(&b, "\n### %s\n\n", r.name)
		rows, err := costs(r.encoders(), func(c candidate, s cost.Static) []string {
			return []string{"`" + c.name + "`", sizes(c.options), report.Comma(s.Parameters), report.Operations(s.FLOPs), memory(s.TrainingMemory)}
		})
		if err != nil {
			return "", err
		}
		table(&b, []string{"name", "sizes", "parameters", "FLOPs", "memory"}, rows)
	}
	b.WriteString("\n## The fusion functions\n\n")
	rows = nil
	for _, f := range mixer.Fusions() {
		rows = append(rows, []string{"`" + f.Name + "`", f.Doc})
	}
	table(&b, []string{"name", "what it is"}, rows)
	b.WriteString("\nOf a model of the picture and the series above, each encoded by `mlp_mixer`, with `mlp_mixer` as fusion network. A function may give more or\n" +
		"fewer tokens, which the network pays for: parameters are those of the function, FLOPs and memory those of the whole model.\n\n")
	rows, err := costs(fusions(), func(c candidate, s cost.Static) []string {
		tokens, width, own := fused(c)
		return []string{"`" + c.name + "`", sizes(c.options), report.Comma(own), fmt.Sprintf("%d×%d", tokens, width), report.Operations(s.FLOPs), memory(s.TrainingMemory)}
	})
	if err != nil {
		return "", err
	}
	table(&b, []string{"name", "options", "parameters", "tokens", "FLOPs", "memory"}, rows)
	return b.String(), nil
}

// costs returns the row of each candidate.
func costs(list []candidate, row func(c candidate, s cost.Static) []string) (rows [][]string, err error) {
	for _, c := range list {
		s, err := cost.Of(c.model)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		rows = append(rows, row(c, s))
	}
	return rows, nil
}

// fused returns the tokens that a fusion function makes, their width, and its own parameters.
func fused(c candidate) (tokens, width, parameters int) {
	var counts []int
	for _, m := range c.model.Modalities {
		n, d, err := m.Output()
		if err != nil {
			panic(err) // its cost was computed before
		}
		counts, width = append(counts, n), max(width, d)
	}
	tokens, width, err := c.model.Fusion.Output(width, counts...)
	if err != nil {
		panic(err)
	}
	m, err := mixer.Build(c.model)
	if err != nil {
		panic(err)
	}
	for _, p := range m.Parameters().All() {
		if strings.HasPrefix(p.Name, "fusion.") {
			parameters += p.Size()
		}
	}
	return tokens, width, parameters
}

// sizes lists options with their values, without those that follow the training's recipe.
func sizes(own any) string {
	var list []string
	for _, f := range options.Fields(reflect.ValueOf(own).Elem()) {
		if f.Recipe == "" {
			list = append(list, fmt.Sprintf("%s %v", f.Name, f.Value))
		}
	}
	return strings.Join(list, ", ")
}

func memory(n int64) string { return humanize.IBytes(uint64(n)) }
