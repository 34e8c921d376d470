// Package config turns YAML into a checked configuration of a search and a full training.
//
// Parsing is strict: unknown fields, wrong types and numbers out of range are errors that name file, line and field, and the
// first twenty of them are reported at once. Text, depth and aliases are bounded, so that no text takes more than a few
// seconds or 256 MiB. Anchors, aliases and merge keys (<<) work as in YAML 1.1. The fields' doc tags explain them in the
// commented template and in the JSON schema. Their jsonschema tags hold the ranges for both the schema and the parser.
package config

import (
	"mixmas/nn"
	"mixmas/search/sample"
	"mixmas/search/strategy"
)

// Config is a checked configuration: the data, the sample, the candidates, and the full training of the winner.
type Config struct {
	Name string `yaml:"name" json:"name" doc:"Name of the search in tables and reports. Default: the data's format."`
	// Settings are the defaults of the fields that say how to choose; see [Paper] and [Recommended].
	Settings string `yaml:"settings" json:"settings" jsonschema:"enum=paper,enum=recommended" doc:"The defaults of the fields that say how candidates are scored, compared and combined: those of the paper, or what measurements recommend (paper | recommended). A field that is set keeps its value in either. Default: recommended for data in the format records without a search section, otherwise paper."`
	Seed     uint64 `yaml:"seed" json:"seed" doc:"Seed of the search: the same seed, data and configuration give the same bits."`
	// Numerics are the numerics of matrix products; "auto" is the device's own choice.
	Numerics string `yaml:"numerics" json:"numerics" jsonschema:"enum=auto,enum=fp32,enum=tf32,enum=bf16" doc:"The format that matrix products round their operands to; part of a score's key (auto | fp32 | tf32 | bf16). auto: tf32 on a GPU; a CPU always computes in fp32."`
	Data     Data   `yaml:"data" json:"data" doc:"The data set."`
	Sample   Sample `yaml:"sample" json:"sample" doc:"The sample of training rows that candidates are trained on."`
	Search   Search `yaml:"search" json:"search" doc:"The candidates, and how the winner of a stage is chosen."`
	Train    Train  `yaml:"train" json:"train" doc:"The full training of the chosen architecture, from scratch on all training data."`

	file   string           // the file it was read from; empty for the built-in configuration
	folder string           // relative paths start here; empty: the working folder
	lines  map[string]int   // the line of each field in the file
	listed int              // see Listed
	places map[place]string // of the candidates
}

// Data selects a data set: a registered format with its options.
type Data struct {
	// Format is the registered name of the format.
	Format string
	// PosWeight holds the weights of the positive terms of the classes' binary cross-entropies, for multi-label data; nil
	// means no weights.
	PosWeight []float64
	// Options points to the format's own options struct, filled from the configuration.
	Options any
}

// Sample selects the training rows that candidates are trained on.
type Sample struct {
	sample.Options `yaml:",inline"`
	Validation     string `yaml:"validation" json:"validation" jsonschema:"enum=all,enum=formula" doc:"The validation rows that score candidates: all, or as many as the formula gives (all | formula)."`
}

// Search holds the candidates and how a stage's winner is chosen.
type Search struct {
	Strategy string           `yaml:"strategy" json:"strategy" doc:"How candidates are chosen; the strategy's options follow."`
	Metric   string           `yaml:"metric" json:"metric" doc:"The metric that selects the winner; all metrics are stored."`
	Start    string           `yaml:"start" json:"start" jsonschema:"enum=warm,enum=scratch,enum=frozen" doc:"How encoders start in the fusion stages: from their trained weights, from scratch, or from their trained weights without being trained further (warm | scratch | frozen)."`
	ScoreAt  string           `yaml:"score_at" json:"score_at" jsonschema:"enum=last,enum=best" doc:"The epoch at which fused candidates are scored: the last, or the best by the metric on the scoring rows (last | best)."`
	Repeats  strategy.Repeats `yaml:"repeats" json:"repeats" doc:"How often each candidate of a stage is trained, each time from other initial weights."`
	Choose   string           `yaml:"choose" json:"choose" jsonschema:"enum=best,enum=cheapest_close" doc:"What wins a stage: the best mean score, or the cheapest candidate within one standard error of it and within one point (best | cheapest_close)."`
	Updates  int              `yaml:"updates" json:"updates" jsonschema:"minimum=0,maximum=1000000000" doc:"The short trainings make at least this many updates: their epochs are raised if the sample is small. 0: as many as their epochs make."`
	// ScoreOnUnused adds rows to the validation rows that score candidates.
	ScoreOnUnused bool `yaml:"score_on_unused" json:"score_on_unused" doc:"Score candidates also on training rows that the sample leaves out, at most as many as there are validation rows. They are not used for anything else."`
	// Baselines are what the searched model is compared with.
	Baselines bool `yaml:"baselines" json:"baselines" doc:"Compare the searched model with the most frequent class, the best single modality, late fusion of what was trained, linear models, and a plain default."`
	// Constraints leave candidates out before they are trained.
	MaxParameters int                   `yaml:"max_parameters" json:"max_parameters" jsonschema:"minimum=0" doc:"Leave out candidates with more parameters. 0: no limit."`
	MaxLatency    float64               `yaml:"max_latency_ms" json:"max_latency_ms" jsonschema:"minimum=0" doc:"Leave out candidates that take longer to predict one row, in milliseconds, on one core of this machine. 0: no limit."`
	MaxMemory     string                `yaml:"max_memory" json:"max_memory" doc:"Leave out candidates that need more memory to predict 64 rows, such as 20MiB. Empty: no limit."`
	RetryDiverged bool                  `yaml:"retry_diverged" json:"retry_diverged" doc:"Train a candidate that diverges once more, at a third of the learning rate."`
	Reuse         string                `yaml:"reuse" json:"reuse" jsonschema:"enum=exact,enum=any-numerics" doc:"Which stored scores are reused: those with the same numerics and kernel version, or any (exact | any-numerics)."`
	RetryFailed   bool                  `yaml:"retry_failed" json:"retry_failed" doc:"Train candidates again if their stored training failed."`
	Architectures string                `yaml:"architectures" json:"architectures" jsonschema:"enum=usual,enum=all" doc:"What is tried where no candidates are named, with sizes that follow from the data: the usual architectures, or all that take the input, and all fusion functions (usual | all)."`
	Encoders      map[string]Candidates `yaml:"encoders,omitempty" json:"encoders" doc:"Candidate encoders for each modality. Options under defaults apply to every candidate that has them. Default: by the data."`
	Fusions       Fusions               `yaml:"fusions" json:"fusions" doc:"Candidate fusion functions."`
	Networks      Candidates            `yaml:"networks,omitempty" json:"networks" doc:"Candidate fusion networks. The first one is used while the fusion function is chosen. Default: by the data."`
	Training      Training              `yaml:"training" json:"training" doc:"The short training that scores a candidate."`

	// Left are the architectures that a list of candidates by the data leaves out, with the reasons, by field, such as
	// "search.networks". Package defaults sets it.
	Left map[string][]strategy.LeftOut `yaml:"-" json:"-"`
	// Searcher is the strategy that Strategy names, with its options.
	Searcher strategy.Strategy `yaml:"-" json:"-"`
}

// Train is the recipe of the full training.
type Train struct {
	Training      Training     `yaml:"training" json:"training" doc:"The training recipe; epochs is the maximum."`
	Select        string       `yaml:"select" json:"select" jsonschema:"enum=loss,enum=metric" doc:"What makes an epoch better than an earlier one: the loss on the validation rows, or the search's metric there and at equal values the loss. The best epoch's weights are kept (loss | metric)."`
	Plateau       nn.Reduction `yaml:"plateau" json:"plateau" doc:"The learning rate is reduced when epochs stop getting better."`
	EarlyStopping int          `yaml:"early_stopping" json:"early_stopping" jsonschema:"minimum=0" doc:"Stop after this many epochs without a better one. 0: never."`
	Thresholds    string       `yaml:"thresholds" json:"thresholds" jsonschema:"enum=half,enum=fitted" doc:"The probability from which a label is predicted, for several labels per row: 0.5, or a threshold per class that is fitted on the validation rows (half | fitted)."`
	Ensemble      Ensemble     `yaml:"ensemble" json:"ensemble" doc:"An ensemble of models that the search and the full trainings have trained."`
	Distill       string       `yaml:"distill" json:"distill" jsonschema:"enum=none,enum=ensemble" doc:"Train the searched architecture once more on the predictions of the ensemble and on the labels (none | ensemble)."`
}

// Ensemble says how an ensemble is chosen.
type Ensemble struct {
	Size int  `yaml:"size" json:"size" jsonschema:"minimum=0,maximum=1000" doc:"Models that are chosen, with replacement, by their score together on the validation rows. 0: no ensemble."`
	Full bool `yaml:"full" json:"full" doc:"Also train the best encoder of each modality in full, as members."`
}

// Training is a training recipe with the dropout of the models.
type Training struct {
	nn.Recipe `yaml:",inline"`
	Dropout   float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" doc:"Dropout of the candidates that have the option and do not set it."`
	// ClassWeights and LabelSmoothing are those of the loss, see [trial.Recipe].
	ClassWeights   string  `yaml:"class_weights" json:"class_weights" jsonschema:"enum=none,enum=balanced" doc:"Weights of the classes in the loss: none, or such that all classes count the same (none | balanced)."`
	LabelSmoothing float64 `yaml:"label_smoothing" json:"label_smoothing" jsonschema:"minimum=0,exclusiveMaximum=1" doc:"The share of each label that is spread over all classes."`
	// Augment, Mixup and DropModality are how the training samples vary, see [trial.Recipe].
	Augment      map[string]Augmentations `yaml:"augment,omitempty" json:"augment" doc:"What changes the training samples of a modality in each epoch: a list for each."`
	Mixup        float64                  `yaml:"mixup" json:"mixup" jsonschema:"minimum=0,maximum=1" doc:"Mix each training row with another one, and their labels, in shares that are drawn from a Beta distribution with this parameter. 0: no mixing."`
	DropModality float64                  `yaml:"drop_modality" json:"drop_modality" jsonschema:"minimum=0,exclusiveMaximum=1" doc:"The probability that a training row lacks a modality in an epoch, so that the model learns to do without. At least one is kept."`
}

// File returns the path or name that the configuration was read from; empty for the built-in one.
func (c *Config) File() string { return c.file }

// Folder returns the folder at which relative paths of the data's options start: the folder of the file, or empty (the
// working folder) for the built-in configuration and one that was read from a stream.
func (c *Config) Folder() string { return c.folder }

// Listed returns the number of candidates that the file makes by lists of values, such as two by depth: [2, 4].
func (c *Config) Listed() int { return c.listed }

// Sets reports whether the file or the command line sets a field, such as "search.training.batch", or a field within it.
func (c *Config) Sets(field string) bool {
	_, ok := c.lines[field]
	return ok
}

// Overridden notes that the command line set a field, so that it counts as set.
func (c *Config) Overridden(field string) {
	if c.lines == nil {
		c.lines = map[string]int{}
	}
	c.lines[field] = c.line(field)
}

// base returns a configuration with the default of each field that has one, in the settings of the paper.
func base() *Config {
	c := &Config{
		Seed: 1, Numerics: "auto",
		Sample: Sample{Options: sample.Defaults(), Validation: "all"},
		Search: Search{
			Strategy: strategy.Default, Searcher: defaultStrategy(), Metric: "accuracy", Reuse: "exact", Architectures: Usual,
			Fusions:  functions("concat", "mean", "max"),
			Training: Training{Recipe: nn.Recipe{Optimiser: "adam", LearningRate: 0.001, Batch: 64, Epochs: 10}},
		},
		Train: Train{
			Training:      Training{Recipe: nn.Recipe{Optimiser: "adam", LearningRate: 0.001, Batch: 32, Epochs: 200}, Dropout: 0.5},
			Distill:       "none",
			Plateau:       nn.Reduction{Factor: 0.1, Patience: 2},
			EarlyStopping: 10,
		},
	}
	c.Use(Paper)
	return c
}

// functions returns fusion functions with their registered options.
func functions(names ...string) (list Fusions) {
	for _, name := range names {
		own, err := fusions.options(name)
		if err != nil {
			panic(err)
		}
		list = append(list, Candidate{Name: name, Label: name, Options: own})
	}
	return list
}
