package torch

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/escape"
	"mixmas/search/model"
	"mixmas/search/task"
)

// Options choose what is written beside the model.
type Options struct {
	// Weights is the path of the model file with slashes, absolute or from the folder of the Python file.
	Weights string
	// Device computes the logits of made-up rows, with which the file tests itself.
	Device device.Device
	// Producer is the program and its version, for the file's first lines.
	Producer string
}

// Write writes a model as a Python file: a PyTorch module that loads the model's own file and gives the same logits. The same model
// gives the same bytes, but for the last digits of these logits on another device. The error names an architecture or fusion
// function that has no PyTorch form, see [Register].
func Write(ctx context.Context, w io.Writer, m *model.Model, o Options) error {
	f := file{m: m, o: o}
	network, err := f.network()
	if err != nil {
		return fmt.Errorf("export to PyTorch: %w", err)
	}
	expected, err := logits(ctx, o.Device, m)
	if err != nil {
		return fmt.Errorf("export to PyTorch: %w", err)
	}
	_, err = io.WriteString(w, f.text(network, expected))
	return err
}

// file is what is written.
type file struct {
	m *model.Model
	o Options
}

// specifications are the model's architecture, or those of its members.
func (f *file) specifications() []mixer.Specification {
	if f.m.Ensemble == nil {
		return []mixer.Specification{f.m.Model}
	}
	var list []mixer.Specification
	for _, member := range f.m.Ensemble.Members {
		list = append(list, member.Model)
	}
	return list
}

// network is the expression of the model.
func (f *file) network() (string, error) {
	both := f.conditions()["both"]
	var members []string
	for _, spec := range f.specifications() {
		member, err := one(spec, both)
		if err != nil {
			return "", err
		}
		members = append(members, member)
	}
	if f.m.Ensemble == nil {
		return members[0], nil
	}
	var weights, temperatures []float64
	for _, member := range f.m.Ensemble.Members {
		weights, temperatures = append(weights, member.Weight), append(temperatures, member.Temperature)
	}
	list := brackets("[", members, "]")
	if len(slices.Compact(slices.Clone(members))) == 1 { // the same architecture, trained several times
		list = times(len(members), members[0])
	}
	return Call("Ensemble", list, wrapped("weights=[", floats(weights), "]"), wrapped("temperatures=[", floats(temperatures), "]")), nil
}

// one is the expression of a model that is not an ensemble.
func one(spec mixer.Specification, both bool) (string, error) {
	var names, encoders, heads, aligned, aligns []string
	var tokens []mixer.Input
	var inputs, widths []int
	width := spec.Width
	for _, m := range spec.Modalities {
		n, d, err := m.Output()
		if err != nil {
			return "", err
		}
		in := mixer.Input{Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary, Vectors: m.Vectors}
		encoder, err := architecture(m.Encoder, in)
		if err != nil {
			return "", fmt.Errorf("modality %s: %w", m.Name, err)
		}
		names, encoders, heads = append(names, m.Name), append(encoders, encoder), append(heads, linear(d, spec.Classes))
		inputs, widths = append(inputs, n), append(widths, d)
	}
	if spec.Fusion == nil {
		return Call("Classifier", text(names[0]), encoders[0], heads[0]), nil
	}
	if width == 0 {
		width = slices.Max(widths)
	}
	for i, d := range widths {
		tokens = append(tokens, mixer.Input{Kind: mixer.Tokens, Shape: []int{inputs[i], width}})
		if d != width {
			aligned, aligns = append(aligned, names[i]), append(aligns, linear(d, width))
		}
	}
	fusion, err := fusionFunction(*spec.Fusion, tokens)
	if err != nil {
		return "", err
	}
	n, d, err := spec.Fusion.Output(width, inputs...)
	if err != nil {
		return "", err
	}
	fused := mixer.Input{Kind: mixer.Tokens, Shape: []int{n, d}}
	body, err := architecture(*spec.Network, fused)
	if err != nil {
		return "", fmt.Errorf("fusion network: %w", err)
	}
	built, _, err := network(spec.Network.Architecture, fused, spec.Network.Options)
	if err != nil {
		return "", err
	}
	arguments := []string{"encoders=" + dictionary(names, encoders), "heads=" + dictionary(names, heads), "fusion=" + fusion,
		"network=" + body, "head=" + linear(built.Width(), spec.Classes)}
	if len(aligned) > 0 {
		arguments = slices.Insert(arguments, 2, "align="+dictionary(aligned, aligns))
	}
	if both && spec.Prediction == mixer.FusionPrediction {
		arguments = append(arguments, `prediction="fusion"`)
	}
	return Call("Multimodal", arguments...), nil
}

// architecture is the expression of a chosen architecture for an input.
func architecture(c mixer.Choice, in mixer.Input) (string, error) {
	known, err := mixer.Lookup(c.Architecture)
	if err != nil {
		return "", err
	}
	form, ok := architectures.Get(c.Architecture)
	if !ok {
		return "", missing("architecture", c.Architecture, "Register")
	}
	own, err := options.Of(known.Options, c.Options)
	if err != nil {
		return "", err
	}
	return form.New(in, own)
}

// fusionFunction is the expression of a chosen fusion function for tokens.
func fusionFunction(c mixer.FusionChoice, tokens []mixer.Input) (string, error) {
	known, err := mixer.LookupFusion(c.Function)
	if err != nil {
		return "", err
	}
	form, ok := fusions.Get(c.Function)
	if !ok {
		return "", missing("fusion function", c.Function, "RegisterFusion")
	}
	own, err := options.Of(known.Options, c.Options)
	if err != nil {
		return "", err
	}
	return form.New(tokens, own)
}

// missing is the error for a part without a PyTorch form.
func missing(kind, name, register string) error {
	return fmt.Errorf("the %s %s has no PyTorch form: the module that adds it must also call torch.%s, as docs/extending.md says", kind, name, register)
}

// conditions are the conditions of the lines of our sources.
func (f *file) conditions() conditions {
	c := conditions{}
	for _, name := range []string{"masked", "lacking", "sequences", "texts", "rows", "only_texts", "maps", "missing", "standardised", "align",
		"mean", "fusion", "both", "multi_label", "probabilities", "thresholds", "digest", "odd_names"} {
		c[name] = false
	}
	masks := 0
	for _, m := range f.m.Modalities() {
		switch {
		case m.Kind == mixer.Text:
			c["texts"] = true
		case m.Masked && m.Kind == mixer.Sequence:
			c["sequences"] = true
		case m.Masked:
			c["rows"] = true
		}
		if m.Masked {
			masks++
		}
		s := f.m.Preprocessing[m.Name]
		if s.Per != dataset.None {
			c["standardised"] = true
			c["maps"] = c["maps"] || m.Kind == mixer.Map
		}
		c["missing"] = c["missing"] || s.Missing
	}
	c["masked"], c["lacking"] = masks > 0, c["texts"] || c["rows"]
	c["only_texts"] = c["texts"] && !c["rows"] && !c["sequences"]
	for _, spec := range f.specifications() {
		if spec.Fusion == nil {
			continue
		}
		c["mean"] = c["mean"] || spec.Prediction != mixer.FusionPrediction
		c["fusion"] = c["fusion"] || spec.Prediction == mixer.FusionPrediction
		width := spec.Width
		var widths []int
		for _, m := range spec.Modalities {
			_, d, err := m.Output()
			if err == nil {
				widths = append(widths, d)
			}
			c["odd_names"] = c["odd_names"] || taken[m.Name]
		}
		if width == 0 && len(widths) > 0 {
			width = slices.Max(widths)
		}
		c["align"] = c["align"] || slices.ContainsFunc(widths, func(d int) bool { return d != width })
	}
	if c["mean"] && c["fusion"] {
		c["mean"], c["fusion"], c["both"] = false, false, true
	}
	c["multi_label"] = f.m.Kind() == task.MultiLabel
	c["probabilities"] = f.m.Ensemble != nil && f.m.Ensemble.Mean == combine.Probabilities
	c["thresholds"], c["digest"] = f.m.Thresholds != nil, f.m.Weights != ""
	return c
}

// text puts the file together.
func (f *file) text(network string, expected [][]float32) string {
	holds := f.conditions()
	function := "def network():\n    \"\"\"The network, with random weights; see load.\"\"\"\n" + indent("return "+network)
	inputs := f.inputs(holds)
	all := library{slices.Concat(sources.chunks, wrappers.chunks, use.chunks)}
	chunks := all.needed(function+"\n"+inputs+"\npredict main", holds)

	var blocks, rest []string
	for _, c := range chunks {
		if slices.ContainsFunc(use.chunks, func(u chunk) bool { return u.name == c.name }) {
			rest = append(rest, c.text)
		} else {
			blocks = append(blocks, c.text)
		}
	}
	rows := make([]string, len(expected))
	for i, row := range expected {
		rows[i] = wrapped("[", floats(row), "]")
	}
	at := slices.IndexFunc(rest, func(s string) bool { return strings.HasPrefix(s, "def prepare") })
	rest = slices.Insert(rest, at, inputs)
	at = slices.IndexFunc(rest, func(s string) bool { return strings.HasPrefix(s, "def made_up") })
	rest = slices.Insert(rest, at, "# The logits of mixmas for the rows of made_up.\nEXPECTED = "+brackets("[", rows, "]"))
	body := f.constants(holds) + "\n\n\n" + strings.Join(append(append(blocks, function), rest...), "\n\n\n")
	return f.head() + "\n" + imports(chunks, body) + "\n\n" + body + "\n\n\nif __name__ == \"__main__\":\n    main()\n"
}

// head is the documentation of the file.
func (f *file) head() string {
	var b strings.Builder
	say := func(format string, arguments ...any) { fmt.Fprintf(&b, format+"\n", arguments...) }
	say(`"""The mixmas model %s in PyTorch, with %s parameters.`, prose(f.m.Name), humanize.Comma(int64(f.m.Parameters())))
	say("")
	say("    python FILE.py                what the model is, and a test that it gives the logits of mixmas")
	say("")
	say("    from FILE import load, predict")
	say("    model = load()                # with the weights of %s", prose(f.o.Weights))
	var rows []string
	for _, m := range f.m.Modalities() {
		rows = append(rows, text(m.Name)+": ...")
	}
	say("    labels, probabilities = predict(model, %s)", prose(strings.ReplaceAll(brackets("{", rows, "}"), "\n", "\n    ")))
	say("")
	say("INPUTS says what a row of each input is. Prepared inputs, model(prepare(inputs)), give logits; they have gradients, so that")
	say("the model can be trained further.")
	if f.m.Input != nil {
		say("")
		say("The data were tables or files: the recipe %q of model.json says how mixmas makes these rows of them.", "input")
	}
	for _, split := range slices.Sorted(maps.Keys(f.m.Metrics)) {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(f.m.Metrics[split])) {
			list = append(list, fmt.Sprintf("%s %.4g", prose(name), f.m.Metrics[split][name]))
		}
		if len(list) > 0 {
			say("")
			say("On the %s split: %s.", prose(split), strings.Join(list, ", "))
		}
	}
	say("")
	say(`Written by %s. It needs PyTorch 1.13 or later and nothing else.`, prose(f.o.Producer))
	return b.String() + `"""` + "\n"
}

// prose makes a text safe in documentation: it is on one line and ends nothing.
func prose(s string) string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		lines = append(lines, strings.NewReplacer(`\`, `\\`, `"""`, `\"\"\"`).Replace(escape.Terminal(line)))
	}
	return strings.Join(lines, "\n")
}

// constants are what the functions use: names, the classes, thresholds.
func (f *file) constants(holds conditions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "NAME = %s\n", text(escape.Terminal(f.m.Name)))
	fmt.Fprintf(&b, "WEIGHTS = Path(__file__).parent / %s\n", text(f.o.Weights))
	if holds["digest"] {
		fmt.Fprintf(&b, "DIGEST = %s  # of the tensors in WEIGHTS\n", text(f.m.Weights))
	}
	classes := make([]string, len(f.m.Classes))
	for i, class := range f.m.Classes {
		classes[i] = text(class)
	}
	b.WriteString(wrapped("CLASSES = [", classes, "]"))
	if holds["thresholds"] {
		b.WriteString("\n# Subtracted from the logits before labels are chosen; probabilities are without them.\n")
		b.WriteString(wrapped("THRESHOLDS = [", floats(f.m.Thresholds), "]"))
	}
	return b.String()
}

// inputs is the dictionary of the model's inputs.
func (f *file) inputs(holds conditions) string {
	var names, forms []string
	for _, m := range f.m.Modalities() {
		arguments := []string{text(string(m.Kind)), tuple(m.Shape)}
		s := f.m.Preprocessing[m.Name]
		if s.Per != dataset.None {
			arguments = append(arguments, tupleOf("mean=", s.Mean), tupleOf("deviation=", s.Deviation))
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
		names, forms = append(names, m.Name), append(forms, Call("Input", arguments...))
	}
	items := make([]string, len(names))
	for i, name := range names {
		items[i] = text(name) + ": " + forms[i]
	}
	var b strings.Builder
	b.WriteString("INPUTS = {\n")
	for _, item := range items {
		b.WriteString(indent(item) + ",\n")
	}
	return b.String() + "}"
}

func tupleOf(open string, numbers []float64) string {
	if len(numbers) == 1 {
		return open + "(" + floats(numbers)[0] + ",)"
	}
	return wrapped(open+"(", floats(numbers), ")")
}

// wrappers put the parts of a model together, and use loads, applies and tests it.
var wrappers, use library

func init() {
	for _, name := range []string{"names", "masked", "classifier", "multimodal", "multimodal_masked", "ensemble"} {
		wrappers.add("mixmas", source(name))
	}
	for _, name := range []string{"input", "use", "self_test"} {
		use.add("mixmas", source(name))
	}
}

// taken are the names that nn.ModuleDict refuses for a module, since it has attributes of these names, in PyTorch 1.13 to 2.9.
var taken = map[string]bool{}

