package torch

import (
	"regexp"
	"slices"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// conditions say what is true of a model. A line of a source that ends with
//
//	#: masked not lacking
//
// is kept if these conditions hold, without that end. With "else TEXT" at the end, TEXT takes its place otherwise. So a file has no
// code for what its model does not have.
type conditions map[string]bool

// known are all conditions.
var known = []string{"masked", "sequences", "texts", "rows", "lacking", "only_texts", "missing", "standardised", "maps", "vectors", "align", "mean", "fused_only",
	"both", "odd_names", "multi_label", "probabilities", "thresholds", "digest"}

// conditions finds out what is true of the model.
func (f *file) conditions() conditions {
	var sequences, texts, rows, missing, standardised, maps, vectors bool
	for _, m := range f.Modalities() {
		sequences = sequences || m.Masked && m.Kind == mixer.Sequence
		texts = texts || m.Kind == mixer.Text
		rows = rows || m.Masked && (m.Kind == mixer.Map || m.Kind == mixer.Table)
		s := f.Preprocessing[m.Name]
		missing = missing || s.Missing
		standardised = standardised || s.Per != dataset.None
		maps = maps || s.Per == dataset.PerFeature && m.Kind == mixer.Map
	}
	var align, mean, fusion, odd bool
	for _, m := range f.members {
		for _, modality := range m.Modalities {
			odd = odd || m.Fusion != nil && taken(modality.Name)
			vectors = vectors || modality.Vectors > 0
		}
		align = align || m.aligned()
		mean = mean || m.Fusion != nil && m.Prediction != mixer.FusionPrediction
		fusion = fusion || m.Fusion != nil && m.Prediction == mixer.FusionPrediction
	}
	return conditions{
		"masked":       sequences || texts || rows,   // some input has a mask
		"sequences":    sequences,                    // masked ones
		"texts":        texts,                        // which always are
		"rows":         rows,                         // masked maps or tables, which a row has or lacks
		"lacking":      texts || rows,                // a row may lack an input, which then has no vote
		"only_texts":   texts && !sequences && !rows, // of what is masked
		"missing":      missing,                      // NaN is a missing element
		"standardised": standardised,
		"maps":         maps,    // standardised per channel
		"vectors":      vectors, // a text's table has a width of its own
		"align":        align,
		"mean":         mean && !fusion, "fused_only": fusion && !mean, "both": mean && fusion, // predictions
		"odd_names":     odd,
		"multi_label":   f.Kind() == task.MultiLabel,
		"probabilities": f.Ensemble != nil && f.Ensemble.Mean == combine.Probabilities,
		"thresholds":    f.Thresholds != nil,
		"digest":        f.Description.Weights != "",
	}
}

// taken reports whether nn.ModuleDict refuses a module of this name because it has an attribute of this name, in any PyTorch from 1.13
// to 2.9.
func taken(name string) bool {
	return strings.HasPrefix(name, "_") || slices.Contains(attributes, name)
}

var attributes = strings.Fields(`T_destination add_module apply bfloat16 buffers call_super_init children clear compile cpu cuda double dump_patches eval
 extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half hpu ipu items keys load_state_dict modules mtia
 named_buffers named_children named_modules named_parameters parameters pop register_backward_hook register_buffer
 register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
 register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
 register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to
 to_empty train training type update values xpu zero_grad`)

var condition = regexp.MustCompile(`^(\s*)(.*?)\s*#: ([a-z_ ]+?)(?: else (.*))?$`)

// mark begins the condition of a line: most lines have none, and need no look at the pattern.
const mark = "#: "

// matchCondition returns the parts of a line with a condition, nil for one without.
func matchCondition(line string) []string {
	if !strings.Contains(line, mark) {
		return nil
	}
	return condition.FindStringSubmatch(line)
}

// checkConditions panics for a condition that is not known.
func checkConditions(source string) {
	for line := range strings.SplitSeq(source, "\n") {
		if m := matchCondition(line); m != nil {
			for name := range strings.FieldsSeq(m[3]) {
				if name != "not" && !slices.Contains(known, name) {
					panic("a PyTorch source has a line for the unknown condition " + name)
				}
			}
		}
	}
}

// apply keeps the lines whose conditions hold.
func (c conditions) apply(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if m := matchCondition(line); m != nil {
			switch {
			case c.all(m[3]):
				line = m[1] + m[2]
			case m[4] != "":
				line = m[1] + m[4]
			default:
				continue
			}
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return strings.Join(lines, "\n")
}

// all reports whether conditions hold, such as "masked not lacking".
func (c conditions) all(text string) bool {
	want := true
	for name := range strings.FieldsSeq(text) {
		if name == "not" {
			want = false
			continue
		}
		if c[name] != want {
			return false
		}
		want = true
	}
	return true
}
