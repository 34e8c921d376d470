package config

import (
	"fmt"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/augment"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/sample"
	"mixmas/search/strategy"
)

// Explanations in the template of fields that have no doc tag.
const (
	formatDoc     = "The format; its options follow."
	candidatesDoc = "Each is a name, or {name: N, label: L, and its own options}. An option may list values: each makes a candidate."
	posWeightDoc  = "Weight of the positive term of each class's loss, for multi-label data: one number per class."
)

// templateHead explains how to use the template and lists all registered names.
func templateHead() string {
	var text strings.Builder
	text.WriteString(`# A mixmas search. Check it with: mixmas config check FILE
# Omitted fields take their defaults; mixmas config schema lists every field and option. Without a section
# search, candidates and trainings follow from the data: docs/defaults.md says how. Fields that are comments,
# such as "# start: warm", have the values that the settings give them.
`)
	section := func(title string) { fmt.Fprintf(&text, "#\n# %s:\n", title) }
	line := func(name, doc string) { fmt.Fprintf(&text, "#   %-18s %s\n", name, strings.TrimSuffix(doc, ".")) }
	section("Data formats")
	for _, f := range dataset.Formats() {
		line(f.Name, f.Doc)
	}
	section("Architectures")
	for _, a := range mixer.All() {
		line(a.Name, fmt.Sprintf("%s (%s)", strings.TrimSuffix(a.Doc, "."), strings.Join(kindNames(a.Kinds), ", ")))
	}
	section("Layers, of which the architecture layers is made")
	for _, l := range mixer.LayerKinds() {
		line(l.Name, fmt.Sprintf("%s (%s)", strings.TrimSuffix(l.Doc, "."), strings.Join(kindNames(l.Takes), ", ")))
	}
	section("Fusion functions")
	for _, f := range mixer.Fusions() {
		line(f.Name, f.Doc)
	}
	section("Augmentations")
	for _, a := range augment.All() {
		line(a.Name, fmt.Sprintf("%s (%s)", strings.TrimSuffix(a.Doc, "."), a.Inputs()))
	}
	section("Samplers")
	for _, s := range sample.Samplers() {
		line(s.Name, s.Doc)
	}
	section("Metrics")
	for _, m := range metric.All() {
		line(m.Name, m.Doc)
	}
	section("Search strategies")
	for _, name := range strategy.Names() {
		line(name, strategy.Doc(name))
	}
	text.WriteString("\n")
	return text.String()
}

func kindNames(kinds []mixer.Kind) (names []string) {
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return names
}
