package defaults_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
	_ "mixmas/search/dataset/formats"
	"mixmas/search/defaults"
	"mixmas/search/plan"
	"mixmas/search/strategy"
	"mixmas/search/task"
)

// fake is a data set with labels and without samples.
type fake struct {
	dataset.Dataset
	modalities []dataset.Modality
	rows       [3]int
	kind       task.Kind
	label      func(row int) float32
}

func (f fake) Name() string                   { return "fake" }
func (f fake) Modalities() []dataset.Modality { return f.modalities }
func (f fake) Len(s dataset.Split) int        { return f.rows[s] }
func (f fake) Task() task.Task                { return task.Task{Kind: f.kind, Classes: []string{"a", "b", "c"}} }
func (f fake) Label(_ dataset.Split, row int, dst []float32) error {
	if f.label != nil {
		dst[0] = f.label(row)
	} else {
		dst[0] = float32(row % 3)
	}
	return nil
}

var picture = dataset.Modality{Name: "picture", Kind: mixer.Map, Shape: []int{3, 32, 32}}

func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("plan.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func saved(t testing.TB, c *config.Config) string {
	t.Helper()
	var text strings.Builder
	if err := c.Save(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// Whatever the data look like, what is filled in can be searched, and means the same when it is saved and read again.
func TestFilledConfigurationFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side, features := rapid.IntRange(1, 70), rapid.IntRange(1, 300)
		data := fake{rows: [3]int{rapid.IntRange(2, 40_000).Draw(t, "rows"), rapid.IntRange(1, 12_000).Draw(t, "validation"), 0}}
		for i, kind := range rapid.SliceOfN(rapid.SampledFrom([]mixer.Kind{mixer.Map, mixer.Sequence, mixer.Text, mixer.Table}), 1, 3).Draw(t, "kinds") {
			m := dataset.Modality{Name: fmt.Sprint("m", i), Kind: kind}
			switch kind {
			case mixer.Map:
				m.Shape = []int{rapid.IntRange(1, 4).Draw(t, "channels"), side.Draw(t, "height"), side.Draw(t, "width")}
			case mixer.Sequence:
				m.Shape = []int{side.Draw(t, "steps"), features.Draw(t, "features")}
			case mixer.Text:
				m.Shape, m.Vocabulary, m.Masked = []int{side.Draw(t, "tokens")}, rapid.IntRange(2, 9000).Draw(t, "vocabulary"), true
			case mixer.Table:
				m.Shape = []int{features.Draw(t, "features")}
			}
			data.modalities = append(data.modalities, m)
		}
		architectures := rapid.SampledFrom([]string{"usual", "all"}).Draw(t, "architectures")
		c, err := config.Parse("plan.yaml", []byte("data: {format: builtin}\nsearch: {architectures: "+architectures+"}"))
		if err != nil {
			t.Fatal(err)
		}
		filled, err := defaults.Fill(c, data)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(filled)
		if distinct := slices.Compact(slices.Clone(filled)); len(distinct) < len(filled) {
			t.Fatalf("a field is filled in twice: %v", filled)
		}
		if err := c.CheckData(data); err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Space(c, data); err != nil {
			t.Fatal(err)
		}
		var text, again strings.Builder
		_ = c.Save(&text)
		copied, err := config.Parse("plan.yaml", []byte(text.String()))
		if err != nil {
			t.Fatalf("%v in\n%s", err, &text)
		}
		if _, err := defaults.Fill(copied, data); err != nil {
			t.Fatal(err)
		}
		if _ = copied.Save(&again); again.String() != text.String() {
			t.Fatalf("saved and filled again, it is\n%s\nwant\n%s", &again, &text)
		}
	})
}

// only_tiny is an architecture that turns out not to take most maps, and that no sizes suit if a map has one cell.
func init() {
	own := func() any { return &struct{}{} }
	mixer.Register(mixer.Architecture{Name: "only_tiny", Doc: "For tests.", Kinds: []mixer.Kind{mixer.Map}, Options: own, Needs: "a second cell",
		Suit: func(in mixer.Input, _ int) any {
			if in.Shape[1]*in.Shape[2] == 1 {
				return nil
			}
			return own()
		}, New: func(*nn.Scope, mixer.Input, any) (mixer.Network, error) {
			return nil, errors.New("the map is not tiny")
		}})
}

// Architectures that cannot take an input are left out of a list by the data, with the reason; a list that the file has is never
// shortened. A list without candidates is an error with the reasons.
func TestLeftOut(t *testing.T) {
	columns := dataset.Modality{Name: "columns", Kind: mixer.Table, Shape: []int{5}}
	dot := dataset.Modality{Name: "dot", Kind: mixer.Map, Shape: []int{1, 1, 1}}
	large := dataset.Modality{Name: "large", Kind: mixer.Map, Shape: []int{3, 97, 89}}
	data := fake{modalities: []dataset.Modality{columns, dot, large, picture}, rows: [3]int{700, 100, 100}}
	c := parse(t, "data: {format: builtin}\nsearch: {encoders: {picture: {candidates: [{name: mlp_mixer, patch: 7}]}}}")
	if _, err := defaults.Fill(c, data); err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Space(c, data); err == nil || !strings.HasPrefix(err.Error(), "search.encoders.picture: mlp_mixer: ") {
		t.Errorf("a candidate that is named and does not fit: got error %v", err)
	}
	const many = "does not suit a map of 3×97×89: it needs sides with a common divisor that leaves at most 1024 tokens"
	for i, want := range [][]strategy.LeftOut{
		{{Label: "hyper_mixer", Reason: "takes no table"}, {Label: "mlp_mixer", Reason: "takes no table"},
			{Label: "monarch_mixer", Reason: "takes no table"}, {Label: "only_tiny", Reason: "takes no table"}, {Label: "ramlp", Reason: "takes no table"}},
		{{Label: "only_tiny", Reason: "does not suit a map of 1×1×1: it needs a second cell"},
			{Label: "ramlp", Reason: "does not suit a map of 1×1×1: it needs a map that has more than one cell after a stride of 4"}, {Label: "simple_mlp", Reason: "takes no map"}},
		{{Label: "hyper_mixer", Reason: many}, {Label: "mlp_mixer", Reason: many}, {Label: "monarch_mixer", Reason: many},
			{Label: "only_tiny", Reason: "cannot take a map of 3×97×89: the map is not tiny"}, {Label: "simple_mlp", Reason: "takes no map"}},
		nil,
	} {
		if diff := cmp.Diff(want, c.Search.Left["search.encoders."+data.modalities[i].Name]); diff != "" {
			t.Error(diff)
		}
	}
	all := parse(t, "data: {format: builtin}\nsearch: {architectures: all}")
	if _, err := defaults.Fill(all, data); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, candidate := range all.Search.Encoders["columns"] {
		names = append(names, candidate.Name)
	}
	if !slices.Contains(names, "simple_mlp") || !slices.Contains(names, "ft_transformer") || slices.Contains(names, "linear") {
		t.Errorf("all encoders of a table are %v", names)
	}
	if got := len(all.Search.Fusions); got != len(mixer.FusionNames()) {
		t.Errorf("of all fusion functions, %d are tried", got)
	}
	some := parse(t, "data: {format: builtin}\nsearch: {architectures: all, fusions: [sum]}")
	if _, err := defaults.Fill(some, data); err != nil || len(some.Search.Fusions) != 1 {
		t.Errorf("fusion functions that are named: %v, error %v", some.Search.Fusions, err)
	}
}

func TestEmptyStages(t *testing.T) {
	words := dataset.Modality{Name: "words", Kind: "smell", Shape: []int{5}}
	data := fake{modalities: []dataset.Modality{picture, words}, rows: [3]int{700, 100, 100}}
	c := parse(t, "data: {format: builtin}")
	if _, err := defaults.Fill(c, data); err != nil {
		t.Fatal(err)
	}
	const want = "search.encoders.words: every architecture is left out: hyper_mixer takes no smell; "
	if err := c.CheckData(data); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %v, want one with %s", err, want)
	}
}

// A configuration that names everything means what it meant before there were defaults by the data.
func TestCompleteConfigurationStays(t *testing.T) {
	const complete = `data: {format: builtin}
search:
  encoders: {picture: {candidates: [mlp_mixer]}}
  networks: {candidates: [hyper_mixer]}
`
	c := parse(t, complete)
	before := saved(t, c)
	if _, err := defaults.Fill(c, fake{modalities: []dataset.Modality{picture}, rows: [3]int{700, 100, 100}}); err != nil {
		t.Fatal(err)
	}
	if after := saved(t, c); after != before {
		t.Errorf("got\n%s\nwant\n%s", after, before)
	}
}

// What the file sets stays, and the rest follows: more epochs where the file sets larger batches.
func TestSetFieldsStay(t *testing.T) {
	data := fake{modalities: []dataset.Modality{picture}, rows: [3]int{700, 100, 100}}
	c := parse(t, `data: {format: builtin}
search:
  metric: loss
  fusions: [sum]
  encoders: {picture: {candidates: [hyper_mixer]}}
  training: {batch: 128, dropout: 0.25}
train: {training: {optimiser: sgd, momentum: 0.5}, early_stopping: 0}
`)
	c.Train.Training.Epochs = 7
	c.Overridden("train.training.epochs")
	if _, err := defaults.Fill(c, data); err != nil {
		t.Fatal(err)
	}
	own := c.Search.Encoders["picture"][0].Options.(*mixer.HyperMixerOptions)
	if len(c.Search.Encoders["picture"]) != 1 || own.Width != 128 || own.ChannelWidth != 3072 {
		t.Errorf("named candidates lose their own defaults: %+v", own)
	}
	short, full := c.Search.Training, c.Train.Training
	if c.Search.Metric != "loss" || len(c.Search.Fusions) != 1 || short.Batch != 128 || short.Dropout != 0.25 {
		t.Errorf("the search is %+v", c.Search)
	}
	if updates := short.Epochs * ((635 + 127) / 128); updates < 240 {
		t.Errorf("%d epochs are %d updates", short.Epochs, updates)
	}
	if full.Optimiser != "sgd" || full.Momentum != 0.5 || full.Epochs != 7 || c.Train.EarlyStopping != 0 {
		t.Errorf("the full training is %+v", c.Train)
	}
	if c.Train.Select != "metric" {
		t.Errorf("the full training selects by the %s", c.Train.Select)
	}
	if len(c.Search.Networks) == 0 {
		t.Error("there is no network")
	}
}

// The metric follows from the labels of the training rows.
func TestMetric(t *testing.T) {
	for _, test := range []struct {
		name   string
		kind   task.Kind
		counts []int // of the classes
		want   string
	}{
		{"even", task.OneLabel, []int{10, 10, 10}, "accuracy"},
		{"under the threshold", task.OneLabel, []int{66, 34, 0}, "accuracy"},
		{"two classes, one with 67%", task.OneLabel, []int{67, 33, 0}, "balanced_accuracy"},
		{"three classes, one with 5/9", task.OneLabel, []int{25, 10, 10}, "balanced_accuracy"},
		{"one class", task.OneLabel, []int{20, 0, 0}, "accuracy"},
		{"multi-label", task.MultiLabel, []int{0, 0, 0}, "f1_weighted"},
	} {
		var labels []float32
		for class, n := range test.counts {
			labels = append(labels, slices.Repeat([]float32{float32(class)}, n)...)
		}
		c := parse(t, "data: {format: builtin}")
		data := fake{modalities: []dataset.Modality{picture}, rows: [3]int{len(labels), 10, 0}, kind: test.kind,
			label: func(row int) float32 { return labels[row] }}
		if _, err := defaults.Fill(c, data); err != nil {
			t.Fatal(err)
		}
		if c.Search.Metric != test.want {
			t.Errorf("%s: the metric is %s, want %s", test.name, c.Search.Metric, test.want)
		}
	}
}

// With the recommended settings, classes count the same in the loss if the data are why they do so in the metric, and the epochs
// make the updates that the search asks for.
func TestRecommended(t *testing.T) {
	uneven := func(row int) float32 { return float32(min(row%10, 1)) }
	for _, test := range []struct {
		text    string
		label   func(row int) float32
		weights string
		epochs  int // of 635 rows in batches of 32: 20 updates each
	}{
		{"", uneven, "none none", 15},
		{"settings: recommended\n", uneven, "balanced balanced", 16},
		{"settings: recommended\n", nil, "none none", 16},
		{"settings: recommended\nsearch: {training: {class_weights: none}}\n", uneven, "none balanced", 16},
		{"settings: recommended\nsearch: {metric: accuracy}\n", uneven, "none none", 16},
		{"settings: recommended\nsearch: {updates: 0}\n", nil, "none none", 15},
		{"search: {updates: 400}\n", nil, "none none", 21},
	} {
		c := parse(t, "data: {format: builtin}\n"+test.text)
		data := fake{modalities: []dataset.Modality{picture}, rows: [3]int{700, 100, 100}, label: test.label}
		filled, err := defaults.Fill(c, data)
		if err != nil {
			t.Fatal(err)
		}
		weights := c.Search.Training.ClassWeights + " " + c.Train.Training.ClassWeights
		if weights != test.weights || c.Search.Training.Epochs != test.epochs || c.Train.Select != "metric" {
			t.Errorf("%sgot class weights %s, %d epochs, select %s", test.text, weights, c.Search.Training.Epochs, c.Train.Select)
		}
		if slices.Contains(filled, "train.training.class_weights") != strings.HasSuffix(test.weights, " balanced") {
			t.Errorf("%sfilled are %v", test.text, filled)
		}
		if slices.Sort(filled); len(slices.Compact(slices.Clone(filled))) != len(filled) {
			t.Errorf("%sfilled twice: %v", test.text, filled)
		}
	}
}
