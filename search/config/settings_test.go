package config_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/search/config"
	_ "mixmas/search/dataset/formats"
)

const (
	table    = "data: {format: records, path: a.csv, labels: y, modalities: [{name: t, kind: table, columns: [x]}]}\n"
	digits   = "data: {format: builtin}\n"
	searched = "search: {fusions: [sum]}\n"
)

func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("plan.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// settled returns the fields that depend on the settings, with a star if they are set.
func settled(c *config.Config) string {
	var list []string
	for _, s := range c.Settled() {
		star := ""
		if s.Set {
			star = "*"
		}
		list = append(list, fmt.Sprintf("%s %s%s", s.Field, s.Value, star))
	}
	return strings.Join(list, "\n")
}

const ofThePaper = `search.start warm
search.score_at last
search.repeats.encoder 1
search.repeats.fusion 1
search.repeats.network 1
search.choose best
search.updates 0
search.score_on_unused false
search.baselines false
search.training.class_weights none
train.training.class_weights none
train.select loss
train.thresholds half
train.ensemble.size 0
train.ensemble.full false`

const recommended = `search.start frozen
search.score_at best
search.repeats.encoder 3
search.repeats.fusion 1
search.repeats.network 1
search.choose cheapest_close
search.updates 300
search.score_on_unused true
search.baselines true
search.training.class_weights none
train.training.class_weights none
train.select metric
train.thresholds fitted
train.ensemble.size 8
train.ensemble.full true`

// A configuration that does not choose its settings has the recommended ones if it proposes nothing about the search of
// records, and otherwise those of the paper.
func TestSettingsThatAreLeftOut(t *testing.T) {
	for _, test := range []struct{ text, settings, want string }{
		{table, config.Recommended, recommended},
		{table + "train: {early_stopping: 3}\n", config.Recommended, recommended},
		{table + searched, config.Paper, ofThePaper},
		{digits, config.Paper, ofThePaper},
		{digits + searched, config.Paper, ofThePaper},
		{"settings: paper\n" + table, config.Paper, ofThePaper},
		{"settings: recommended\n" + table + searched, config.Recommended, recommended},
		{"settings: recommended\n" + digits, config.Recommended, recommended},
	} {
		c := parse(t, test.text)
		if c.Settings != test.settings {
			t.Errorf("%sThe settings are %s, want %s", test.text, c.Settings, test.settings)
		}
		if diff := cmp.Diff(test.want, settled(c)); diff != "" {
			t.Errorf("%s%s", test.text, diff)
		}
	}
	if _, err := config.Parse("plan.yaml", []byte("settings: best\n"+digits)); err == nil || !strings.Contains(err.Error(), "plan.yaml:1: settings: ") {
		t.Errorf("got error %v", err)
	}
}

// In either of the settings, every field keeps what the file or the command line says.
func TestFieldsThatAreSetStay(t *testing.T) {
	const other = digits + `
search:
  start: scratch
  score_at: %s
  repeats: {encoder: 2, fusion: 4, network: 5}
  choose: %s
  updates: 123
  score_on_unused: %[3]t
  baselines: %[3]t
  metric: balanced_accuracy
  training: {class_weights: %s}
train:
  training: {class_weights: %[4]s}
  select: %s
  thresholds: %s
  ensemble: {size: 3, full: %[3]t}
`
	for settings, text := range map[string]string{
		config.Paper:       fmt.Sprintf(other, "best", "cheapest_close", true, "balanced", "metric", "fitted"),
		config.Recommended: fmt.Sprintf(other, "last", "best", false, "none", "loss", "half"),
	} {
		c, first := parse(t, "settings: "+settings+"\n"+text), parse(t, "settings: "+settings+"\n"+digits+"search: {metric: balanced_accuracy}\n")
		for i, s := range c.Settled() {
			if !s.Set {
				t.Errorf("%s: %s does not count as set", settings, s.Field)
			}
			if s.Value == first.Settled()[i].Value {
				t.Errorf("%s: %s is %s, as if it were not set", settings, s.Field, s.Value)
			}
		}
		before := settled(c)
		for _, use := range []string{config.Recommended, config.Paper} {
			if c.Use(use); settled(c) != before {
				t.Errorf("%s: with %s settings it became\n%s", settings, use, settled(c))
			}
		}
	}
	c := parse(t, table)
	c.Overridden("search.updates")
	c.Search.Updates = 7
	if c.Use(config.Paper); c.Search.Updates != 7 || c.Search.Start != "warm" || c.Train.Ensemble.Size != 0 {
		t.Errorf("got\n%s", settled(c))
	}
}

// Repeats that name one stage leave the others to the settings.
func TestPartOfRepeats(t *testing.T) {
	c := parse(t, "settings: recommended\n"+digits+"search: {repeats: {network: 2}}\n")
	if r := c.Search.Repeats; r.Encoder != 3 || r.Fusion != 1 || r.Network != 2 {
		t.Errorf("got %+v", r)
	}
}

// Recommended settings balance the classes where the metric does.
func TestClassWeights(t *testing.T) {
	for text, want := range map[string]string{
		"settings: recommended\n" + digits + "search: {metric: balanced_accuracy}\n":                                  "balanced balanced",
		"settings: recommended\n" + digits + "search: {metric: accuracy}\n":                                           "none none",
		"settings: recommended\n" + digits + "search: {metric: balanced_accuracy, training: {class_weights: none}}\n": "none balanced",
		"settings: paper\n" + digits + "search: {metric: balanced_accuracy}\n":                                        "none none",
	} {
		c := parse(t, text)
		if got := c.Search.Training.ClassWeights + " " + c.Train.Training.ClassWeights; got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// A saved configuration means the same when it is read again.
func TestSettingsAreSaved(t *testing.T) {
	for _, text := range []string{table, digits, "settings: recommended\n" + digits + searched} {
		c := parse(t, text)
		var saved strings.Builder
		if err := c.Save(&saved); err != nil {
			t.Fatal(err)
		}
		again := parse(t, saved.String())
		if diff := cmp.Diff(strings.ReplaceAll(settled(again), "*", ""), settled(c)); diff != "" || again.Settings != c.Settings {
			t.Errorf("%s: %s\n%s", text, again.Settings, diff)
		}
	}
}

func TestEpochs(t *testing.T) {
	for _, test := range []struct{ updates, rows, batch, epochs, want int }{
		{300, 1000, 64, 10, 20},
		{300, 6025, 64, 10, 10}, // 950 updates already
		{300, 635, 32, 1, 16},
		{300, 64, 64, 10, 300},
		{300, 10, 64, 10, 300}, // a step per epoch, whatever the batch
		{300, 0, 64, 10, 300},
		{0, 1000, 64, 10, 10},
	} {
		s := &config.Search{Updates: test.updates}
		s.Training.Epochs, s.Training.Batch = test.epochs, test.batch
		got := s.Epochs(test.rows)
		if got != test.want {
			t.Errorf("%+v: got %d epochs", test, got)
		}
		if steps := max((test.rows+test.batch-1)/test.batch, 1); got*steps < test.updates {
			t.Errorf("%+v: %d epochs make %d updates", test, got, got*steps)
		}
	}
}

// The template leaves what the settings give to them: it shows these fields as comments, which can be taken up as they are.
func TestTemplateLeavesFieldsToTheSettings(t *testing.T) {
	template := string(config.Template())
	if got := settled(parse(t, template)); got != ofThePaper {
		t.Errorf("the template says\n%s", got)
	}
	other := parse(t, strings.Replace(template, "\nsettings: paper\n", "\nsettings: recommended\n", 1))
	if got := settled(other); got != recommended {
		t.Errorf("with recommended settings it says\n%s", got)
	}
	comment := regexp.MustCompile(`(?m)^( *)# ((?:start|score_at|repeats|choose|updates|score_on_unused|baselines|class_weights|select|thresholds|ensemble): .+)$`)
	taken := comment.ReplaceAllString(template, "$1$2")
	for _, s := range parse(t, taken).Settled() {
		if !s.Set {
			t.Errorf("%s is not a comment of the template\n%s", s.Field, template)
		}
	}
	if got := strings.ReplaceAll(settled(parse(t, taken)), "*", ""); got != ofThePaper {
		t.Errorf("without comments, the template says\n%s", got)
	}
}
