package card

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"mixmas/search/escape"
	"mixmas/search/report"
)

// hubNames are the names that Hugging Face has for metrics.
var hubNames = map[string]string{"accuracy": "accuracy", "f1_macro": "f1", "f1_micro": "f1", "auroc_macro": "roc_auc"}

// frontMatter writes what Hugging Face reads.
func (k *card) frontMatter() {
	k.line("---")
	k.line("license: # fill in, such as apache-2.0")
	k.line("library_name: mixmas")
	k.line("tags:\n- mixmas\n- multimodal\n- mlp-mixer")
	kind := "single-label"
	if k.Assessment.Data.MultiLabel {
		kind = "multi-label"
	}
	k.line("- %s-classification", kind)
	best, split := k.best()
	if best == nil {
		k.line("---\n")
		return
	}
	var metrics []string
	for _, name := range k.order(best.Metrics) {
		hub, known := hubNames[name]
		if !known {
			hub = name
		}
		if _, defined := decimal(best.Metrics[name]); defined && !slices.Contains(metrics, hub) {
			metrics = append(metrics, hub)
		}
	}
	if len(metrics) > 0 {
		k.line("metrics:")
		for _, name := range metrics {
			k.line("- %s", quoted(name))
		}
	}
	k.line("model-index:\n- name: %s\n  results:", quoted(k.title()))
	k.line("  - task:\n      type: other\n      name: %s", quoted(kind+" classification of several modalities"))
	k.line("    dataset:\n      type: %s\n      name: %s\n      split: %s\n      revision: %s", quoted(k.Assessment.Data.Format), quoted(k.Assessment.Data.Name), split,
		quoted(k.Assessment.Data.Fingerprint))
	if len(metrics) == 0 {
		k.line("    metrics: []\n---\n")
		return
	}
	k.line("    metrics:")
	for _, name := range k.order(best.Metrics) {
		value, defined := decimal(best.Metrics[name])
		if !defined {
			continue
		}
		hub, known := hubNames[name]
		if !known {
			hub = name
		}
		k.line("    - type: %s\n      value: %s\n      name: %s", quoted(hub), value, quoted(name+" on "+split))
	}
	k.line("---\n")
}

// order are the names of metrics: the one that selected first.
func (k *card) order(metrics map[string]report.Number) []string {
	names := slices.Sorted(maps.Keys(metrics))
	if i := slices.Index(names, k.Assessment.Metric); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, k.Assessment.Metric)
	}
	return names
}

// quoted returns a text as a string of YAML on one line: in double quotes, with everything that is not printable as an escape.
func quoted(text string) string {
	var b strings.Builder
	for _, r := range escape.Terminal(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)) {
		if r&0xfffe == 0xfffe { // no characters: YAML does not allow them
			fmt.Fprintf(&b, `\U%08x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return `"` + b.String() + `"`
}

// decimal is a number for YAML; defined is false if it has none.
func decimal(n report.Number) (text string, defined bool) {
	if x := float64(n); math.IsNaN(x) || math.IsInf(x, 0) {
		return "", false
	}
	return strconv.FormatFloat(float64(n), 'g', 6, 64), true
}
