package config

import "fmt"

// The values of Settings.
const (
	// Paper is the search of the paper: every candidate is trained once, and the best score wins.
	Paper = "paper"
	// Recommended is what measurements recommend, see docs/results/choosing.md.
	Recommended = "recommended"
)

// proposed is the format of the data for which configurations are proposed: without a section search, they leave the choice to
// the program.
const proposed = "records"

// Setting is a field whose default the settings give.
type Setting struct {
	// Field is its name, such as "search.updates".
	Field string
	// Value is the value that the configuration has.
	Value string
	// Set means that the file or the command line set it.
	Set bool
}

// Use gives every field that depends on the settings, and that neither the file nor the command line sets, the value of the
// given settings.
func (c *Config) Use(settings string) {
	c.Settings = settings
	for _, s := range c.settings() {
		if !c.Sets(s.field) {
			s.use(settings == Recommended)
		}
	}
}

// Settled lists the fields that depend on the settings, with their values.
func (c *Config) Settled() (list []Setting) {
	for _, s := range c.settings() {
		list = append(list, Setting{s.field, s.text(), c.Sets(s.field)})
	}
	return list
}

// BalancesClasses reports whether all classes count the same in the loss unless the configuration says otherwise: with the
// recommended settings, if they do so in the metric.
func (c *Config) BalancesClasses() bool {
	return c.Settings == Recommended && c.Search.Metric == "balanced_accuracy"
}

// settle chooses the settings of a configuration that was read, and what depends on them.
func (c *Config) settle() {
	settings := c.Settings
	if !c.Sets("settings") {
		settings = Paper
		if c.Data.Format == proposed && !c.Sets("search") {
			settings = Recommended
		}
	}
	c.Use(settings)
}

// setting is a field with its value in each of the settings.
type setting struct {
	field string
	use   func(recommended bool)
	text  func() string
}

func of[T any](field string, to *T, paper, recommended T) setting {
	return setting{field, func(r bool) {
		if *to = paper; r {
			*to = recommended
		}
	}, func() string {
		return fmt.Sprint(*to)
	}}
}

// settings lists the fields that depend on the settings: the only place that says how the settings differ.
func (c *Config) settings() []setting {
	s, t := &c.Search, &c.Train
	weights := "none"
	if c.BalancesClasses() {
		weights = "balanced"
	}
	return []setting{
		of("search.start", &s.Start, "warm", "frozen"),
		of("search.score_at", &s.ScoreAt, "last", "best"),
		of("search.repeats.encoder", &s.Repeats.Encoder, 1, 3),
		of("search.repeats.fusion", &s.Repeats.Fusion, 1, 1),
		of("search.repeats.network", &s.Repeats.Network, 1, 1),
		of("search.choose", &s.Choose, "best", "cheapest_close"),
		of("search.updates", &s.Updates, 0, EnoughUpdates),
		of("search.score_on_unused", &s.ScoreOnUnused, false, true),
		of("search.baselines", &s.Baselines, false, true),
		of("search.training.class_weights", &s.Training.ClassWeights, "none", weights),
		of("train.training.class_weights", &t.Training.ClassWeights, "none", weights),
		of("train.select", &t.Select, "loss", "metric"),
		of("train.thresholds", &t.Thresholds, "half", "fitted"),
		of("train.ensemble.size", &t.Ensemble.Size, 0, 8),
		of("train.ensemble.full", &t.Ensemble.Full, false, true),
	}
}

// EnoughUpdates is the number of updates from which short trainings rank candidates much as full ones do: recorded trainings of
// 240 to 330 updates did with a rank correlation of 0.74, those of 70 to 120 with 0.24.
const EnoughUpdates = 300

// Epochs returns the epochs of a short training on a number of rows: those of its recipe, or more if it needs them to make the
// updates that the search asks for.
func (s *Search) Epochs(rows int) int {
	return max(s.Training.Epochs, EpochsFor(s.Updates, rows, s.Training.Batch))
}

// EpochsFor returns the epochs that make at least a number of updates on a number of rows, with a batch per update.
func EpochsFor(updates, rows, batch int) int {
	rows = max(rows, 1)
	batch = min(batch, rows)
	return (updates*batch + rows - 1) / rows
}
