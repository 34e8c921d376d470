package config

import (
	"fmt"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/strategy"
)

// What the template says of fields that have no doc tag.
const (
	formatDoc     = "The format; its options follow."
	candidatesDoc = "Architectures by name, or {name: N, label: L, and options of its own}."
	posWeightDoc  = "Weight of the positive term of each class's loss, for many labels a sample: one number a class."
)

// templateHead says how to use the template and what can be named in it.
func templateHead() string {
	var text strings.Builder
	text.WriteString(`# A search of mixmas. Check it with: mixmas config check FILE
# Fields that are left out take their defaults; mixmas config schema lists every field and option.
#
# Data formats:
`)
	for _, f := range dataset.Formats() {
		fmt.Fprintf(&text, "#   %-15s %s\n", f.Name, f.Doc)
	}
	text.WriteString("#\n# Architectures:\n")
	for _, a := range mixer.All() {
		var kinds []string
		for _, k := range a.Kinds {
			kinds = append(kinds, string(k))
		}
		fmt.Fprintf(&text, "#   %-15s %s (%s)\n", a.Name, strings.TrimSuffix(a.Doc, "."), strings.Join(kinds, ", "))
	}
	text.WriteString("#\n# Search strategies:\n")
	for _, name := range strategy.Names() {
		fmt.Fprintf(&text, "#   %-15s %s\n", name, strategy.Doc(name))
	}
	text.WriteString("\n")
	return text.String()
}
