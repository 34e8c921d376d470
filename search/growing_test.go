package search_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/search"
	"mixmas/search/dataset"
	"mixmas/search/dataset/builtin"
	"mixmas/search/evaluate"
	"mixmas/search/trial"
)

// digits is a plan for the built-in data, to which tests add.
const digits = `
settings: SETTINGS
data: {format: builtin}
sample: {size: 60, distance: 0.5}
search:
  metric: accuracy
  updates: 24
  encoders:
    image: {candidates: [{name: mlp_mixer, SIZES}, {name: monarch_mixer, PLAIN}]}
    audio: {candidates: [{name: mlp_mixer, width: 8, depth: 1, patch: 14, token_width: 4, channel_width: 8}]}
  fusions: [concat, mean]
  networks:
    defaults: {depth: 1, token_width: 4, channel_width: 8}
    candidates: [hyper_mixer, mlp_mixer]
  training: {batch: 20, epochs: 4, learning_rate: 0.01}
train:
  training: {batch: 20, epochs: 2}
`

// heard lists the trainings that start, by name.
type heard struct {
	counter
	names []string
}

func (h *heard) TrialStarted(e evaluate.TrialStarted) {
	h.Lock()
	defer h.Unlock()
	h.names = append(h.names, e.Name)
}

// growing is a search of the built-in digits, and of what its runs train.
type growing struct {
	*fixture
	heard *heard
}

func newGrowing(t *testing.T, settings string, able bool) *growing {
	t.Helper()
	data, err := builtin.Open(t.Context(), builtin.Options{Train: 90, Validation: 60, Test: 20, Classes: 3, Noise: 1, Seed: 1}, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	g := &growing{newFixture(t), &heard{}}
	g.data, g.watch = data, g.heard
	g.options = func(o *search.Options) { o.Train = true }
	sizes, plain := "width: 1, depth: 1, patch: 14, token_width: 1, channel_width: 1", "width: 1, depth: 1, patch: 14"
	if able {
		sizes, plain = "width: 8, depth: 1, patch: 7, token_width: 8, channel_width: 16", "width: 4, depth: 1, patch: 14"
	}
	g.plan = strings.NewReplacer("SETTINGS", settings, "SIZES", sizes, "PLAIN", plain).Replace(digits)
	t.Cleanup(func() { data.Close() })
	return g
}

// trained runs a search, and returns its result and the names of what it trained.
func (g *growing) trained() (*search.Result, []string) {
	g.t.Helper()
	var r *search.Result
	return r, g.during(func() { r = g.run() })
}

// full runs the search and all that follows, and returns the names of what it trained.
func (g *growing) full() []string {
	g.t.Helper()
	return g.during(func() {
		if _, _, err := g.answers(g.t.Context(), g.t.TempDir()); err != nil {
			g.t.Fatal(err)
		}
	})
}

// during returns the names of what is trained meanwhile, in order.
func (g *growing) during(run func()) []string {
	g.heard.names = nil
	run()
	slices.Sort(g.heard.names)
	return g.heard.names
}

// winners are the labels of the winners by stage.
func winners(r *search.Result) map[string]string {
	list := map[string]string{}
	for _, s := range r.Stages {
		list[s.Name] = s.Winner.Label
	}
	return list
}

// fused are the trainings of both fusion stages: with each function, and of the second network.
var fused = []string{"fusion/concat", "fusion/mean", "network/mlp_mixer"}

// bySettings has the number of trainings of each encoder.
var bySettings = map[string]int{"paper": 1, "recommended": 3}

// A new candidate trains alone, and the fusion stages only if it wins.
func TestGrowingTheSpace(t *testing.T) {
	for settings, repeats := range bySettings {
		for _, wins := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, wins %t", settings, wins), func(t *testing.T) {
				g := newGrowing(t, settings, !wins)
				before, _ := g.trained()
				gmlp := "{name: gmlp, width: 1, depth: 1, patch: 14, hidden: 1}"
				if wins {
					gmlp = "{name: gmlp, width: 16, depth: 1, patch: 7, hidden: 32}"
				}
				g.change("]}\n    audio", ", "+gmlp+"]}\n    audio")
				after, names := g.trained()
				if won := winners(after)["encoder/image"] == "gmlp"; won != wins {
					t.Fatalf("the winners are %v, before %v", winners(after), winners(before))
				}
				var want []string
				for r := range repeats {
					want = append(want, trial.Job{Name: "encoder/image/gmlp"}.Repeated(r+1).Name)
				}
				if wins {
					want = append(want, fused...)
				} else if diff := cmp.Diff(winners(before), winners(after)); diff != "" {
					t.Errorf("other winners (-before +after):\n%s", diff)
				}
				if diff := cmp.Diff(want, names); diff != "" {
					t.Errorf("trained (-want +got):\n%s", diff)
				}
				if _, again := g.trained(); len(again) > 0 {
					t.Errorf("once more, it trains %q", again)
				}
			})
		}
	}
}

// Another metric trains no encoder. Fused candidates that are scored at the last epoch are ranked again without training, unless they
// start from new winners; those that are scored at their best epoch by the metric are trained for it.
func TestGrowingByAnotherMetric(t *testing.T) {
	for settings := range bySettings {
		t.Run(settings, func(t *testing.T) {
			g := newGrowing(t, settings, true)
			before, _ := g.trained()
			changed := 0
			for _, other := range []string{"f1_macro", "loss", "recall_macro"} {
				was := g.plan
				g.change("metric: accuracy", "metric: "+other)
				after, names := g.trained()
				want := fused
				if settings == "paper" {
					switch was, is := winners(before), winners(after); {
					case was["encoder/image"] != is["encoder/image"]:
						changed++ // all of the fusion stages
					case was["fusion"] != is["fusion"]:
						changed++
						want = fused[2:]
					default:
						want = nil
					}
				}
				if diff := cmp.Diff(want, names); diff != "" {
					t.Errorf("%s trained (-want +got):\n%s", other, diff)
				}
				if _, again := g.trained(); len(again) > 0 {
					t.Errorf("%s: once more, it trains %q", other, again)
				}
				g.plan = was
			}
			if _, again := g.trained(); len(again) > 0 {
				t.Errorf("by the first metric again, it trains %q", again)
			}
			if changed == 3 {
				t.Error("every metric has other winners: nothing shows that the same ones train nothing")
			}
		})
	}
}

// The same holds of a whole run: with train.select: loss the full training knows no metric, with metric it is part of its key.
func TestGrowingRunsByAnotherMetric(t *testing.T) {
	for settings := range bySettings {
		t.Run(settings, func(t *testing.T) {
			g := newGrowing(t, settings, true)
			before, _ := g.trained()
			if first := g.full(); !slices.Contains(first, "full/tiny") {
				t.Fatalf("the first run trained %q", first)
			}
			if again := g.full(); len(again) > 0 {
				t.Errorf("once more, it trains %q", again)
			}
			g.change("metric: accuracy", "metric: METRIC")
			for _, other := range []string{"f1_macro", "recall_macro"} {
				was := g.plan
				g.change("METRIC", other)
				names := g.full()
				after, _ := g.trained()
				if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "encoder/") }) {
					t.Errorf("%s trains encoders: %q", other, names)
				}
				if full := slices.Contains(names, "full/tiny"); settings == "recommended" && !full || settings == "paper" && full != !maps.Equal(winners(before), winners(after)) {
					t.Errorf("%s: trained %q; winners %v, before %v", other, names, winners(after), winners(before))
				}
				g.plan = was
			}
		})
	}
}

// With the recommended settings, balanced accuracy balances the class weights too, which the key of every training has.
func TestGrowingByBalancedAccuracy(t *testing.T) {
	for _, set := range []bool{false, true} {
		g := newGrowing(t, "recommended", false)
		if set {
			g.change("learning_rate: 0.01", "learning_rate: 0.01, class_weights: none")
		}
		_, all := g.trained()
		g.change("metric: accuracy", "metric: balanced_accuracy")
		want := fused
		if !set {
			want = all
		}
		if _, names := g.trained(); !slices.Equal(names, want) {
			t.Errorf("class weights set: %t: trained %q, want %q", set, names, want)
		}
	}
}
