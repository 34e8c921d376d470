package torch

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/records"
	"mixmas/search/escape"
	"mixmas/search/model"
)

// file is what is written for a model.
type file struct {
	*model.Model
	Options
	members []member
	holds   conditions
}

// text puts the file together: the network, given as an expression, then what uses it, and the test with the expected logits.
func (f *file) text(network string, expected [][]float32) string {
	function := "def build():\n    \"\"\"The network, with random weights: load has the trained ones.\"\"\"\n" + indent("return "+network)
	inputs := f.inputs()
	all := library{slices.Concat(sources.chunks, wrappers.chunks, use.chunks)}
	chunks := all.needed(function+"\n"+inputs+"\npredict main", f.holds)

	var before, after []string // the network
	for _, c := range chunks {
		switch {
		case !use.has(c.name):
			before = append(before, c.text)
			continue
		case c.name == "prepare":
			after = append(after, inputs)
		case c.name == "made_up":
			rows := make([]string, len(expected))
			for i, row := range expected {
				rows[i] = wrapped("[", floats(row), "]")
			}
			after = append(after, "# The logits of mixmas for the rows of made_up.\nEXPECTED = "+brackets("[", rows, "]"))
		}
		after = append(after, c.text)
	}
	code := strings.Join(slices.Concat([]string{f.values()}, before, []string{function}, after), "\n\n\n")
	return f.head() + "\n" + imports(chunks, code) + "\n\n" + code + "\n\n\nif __name__ == \"__main__\":\n    main()\n"
}

// head is the documentation of the file.
func (f *file) head() string {
	var b strings.Builder
	say := func(format string, arguments ...any) { fmt.Fprintf(&b, format+"\n", arguments...) }
	say(`"""The mixmas model %s in PyTorch, with %s parameters.`, prose(f.Name), humanize.Comma(int64(f.Parameters())))
	say("")
	say("`python %s` says what the model is, and tests that it gives the logits of mixmas. To predict:", prose(f.File))
	say("")
	say("    from %s import load, predict", prose(strings.TrimSuffix(f.File, ".py")))
	say("    model = load()  # the weights are in %s", prose(f.Options.Weights))
	rows := []string{}
	for _, m := range f.Modalities() {
		rows = append(rows, text(m.Name)+": ...")
	}
	say("    labels, probabilities = predict(model, {%s})", prose(strings.Join(rows, ", ")))
	say("")
	say("INPUTS says what a row of each input is. model(prepare(rows)) are logits, with gradients, to train the model further.")
	if f.Input != nil {
		say(`The rows are what mixmas makes of tables and files: "input" in the metadata of %s is its recipe.`, prose(path.Base(f.Options.Weights)))
	}
	say("")
	for _, split := range slices.Sorted(maps.Keys(f.Metrics)) {
		var list []string
		for _, name := range []string{"accuracy", "balanced_accuracy", "f1_macro", "auroc_macro"} {
			if x, ok := f.Metrics[split][name]; ok {
				list = append(list, fmt.Sprintf("%s %.4g", name, x))
			}
		}
		if len(list) > 0 {
			say("On the %s split: %s.", prose(split), strings.Join(list, ", "))
		}
	}
	say("Written by %s. It needs PyTorch 1.13 or later, and nothing else.", prose(f.Producer))
	return b.String() + `"""` + "\n"
}

// prose makes a text safe in documentation: it stays on one line and ends nothing.
func prose(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"""`, `\"\"\"`).Replace(escape.Terminal(s))
}

// values are what the functions use: names, the classes, thresholds.
func (f *file) values() string {
	var b strings.Builder
	fmt.Fprintf(&b, "NAME = %s\n", text(escape.Terminal(f.Name)))
	fmt.Fprintf(&b, "WEIGHTS = Path(__file__).parent / %s\n", text(f.Options.Weights))
	if f.holds["digest"] {
		fmt.Fprintf(&b, "DIGEST = %s  # of the tensors in WEIGHTS\n", text(f.Description.Weights))
	}
	classes := make([]string, len(f.Classes))
	for i, class := range f.Classes {
		classes[i] = text(class)
	}
	b.WriteString(wrapped("CLASSES = [", classes, "]"))
	if f.holds["thresholds"] {
		b.WriteString("\n# Subtracted from the logits before labels are chosen; probabilities are without them.\n")
		b.WriteString(wrapped("THRESHOLDS = [", floats(f.Thresholds), "]"))
	}
	return b.String()
}

// inputs is the dictionary of the model's inputs.
func (f *file) inputs() string {
	var names map[string][]string
	if f.Input != nil && f.Data.Format == "records" {
		names, _ = records.FeatureNames(f.Input) // a recipe without them has no names to show
	}
	var b strings.Builder
	b.WriteString("INPUTS = {\n")
	for _, m := range f.Modalities() {
		b.WriteString(comment("features", names[m.Name]))
		if m.Kind == mixer.Text && f.Input != nil {
			b.WriteString("    # ids of the tokenizer in the recipe\n")
		}
		arguments := []string{text(string(m.Kind)), tuple(m.Shape)}
		s := f.Preprocessing[m.Name]
		if s.Per != dataset.None {
			arguments = append(arguments, numbers("mean=", s.Mean), numbers("deviation=", s.Deviation))
		}
		if s.Missing {
			arguments = append(arguments, "missing=True")
		}
		if m.Masked {
			arguments = append(arguments, "masked=True")
		}
		if m.Kind == mixer.Text {
			arguments = append(arguments, "vocabulary="+strconv.Itoa(m.Vocabulary))
		}
		b.WriteString(indent(text(m.Name)+": "+Call("Input", arguments...)) + ",\n")
	}
	return b.String() + "}"
}

// comment lists names in comments, as far as people read on.
func comment(what string, names []string) string {
	const most = 100
	if len(names) == 0 {
		return ""
	}
	rest := ""
	if len(names) > most {
		rest = fmt.Sprintf(", and %d more", len(names)-most)
		names = names[:most]
	}
	var b strings.Builder
	line := "    # " + what + ":"
	for i, name := range names {
		if name = escape.Terminal(name); i < len(names)-1 {
			name += ","
		} else {
			name += rest
		}
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(name) > width {
			b.WriteString(line + "\n")
			line = "    #"
		}
		line += " " + name
	}
	return b.String() + line + "\n"
}
