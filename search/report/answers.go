package report

// Final is a model that a run ends with, or a baseline that it is compared with.
type Final struct {
	// Name says what it is, such as "ensemble of 8".
	Name string `json:"name"`
	// Path is the model file; empty if none was written.
	Path string `json:"path,omitempty"`
	// Params is the number of parameters of all its models together, and FLOPs those of predicting one row.
	Params int   `json:"params,omitempty"`
	FLOPs  int64 `json:"flops,omitempty"`
	// Latency is the time of predicting one row on one core of this machine, in milliseconds; 0 if it was not measured.
	Latency float64 `json:"latency_ms,omitempty"`
	// Validation and Test are its scores on the two splits; nil if there is none.
	Validation *Scored `json:"validation,omitempty"`
	Test       *Scored `json:"test,omitempty"`
	// Members are the models that are combined; empty for a single model.
	Members []Member `json:"members,omitempty"`
	// Thresholds are subtracted from the logits before a class is predicted; absent if they are 0, as for probabilities of 0.5.
	Thresholds []float64 `json:"thresholds,omitempty"`
	// Note is what should be known of it, such as that the budget stopped its training.
	Note string `json:"note,omitempty"`
}

// Scored is what a model scores on the rows of a split.
type Scored struct {
	// Score is the value of the search's metric. For what was fitted on these rows it is honest: fitted on one half of them and
	// scored on the other, and the other way round. Low and High are the ends of its 95% confidence interval.
	Score Number `json:"score"`
	Low   Number `json:"low"`
	High  Number `json:"high"`
	// Metrics are all metrics, with the model's thresholds if it has some; then MetricsWithoutThresholds are the same without them.
	Metrics                  map[string]Number `json:"metrics,omitempty"`
	MetricsWithoutThresholds map[string]Number `json:"metrics_without_thresholds,omitempty"`
}

// Error is the standard error of the score, by its interval; 0 if there is none.
func (s *Scored) Error() float64 {
	if e := float64(s.High-s.Low) / 4; e > 0 {
		return e
	}
	return 0
}

// Member is a model of a combination.
type Member struct {
	// Name is that of its training, such as "full/digits", and Key the key of its score.
	Name   string  `json:"name"`
	Key    string  `json:"key"`
	Weight float64 `json:"weight"`
	// Temperature divides the model's log-probabilities; absent if it is 1 or differs by class.
	Temperature float64 `json:"temperature,omitempty"`
}

// Baseline is what the searched model is compared with.
type Baseline struct {
	// Kind is one of the kinds below. Modality is set for a model of one modality.
	Kind     string `json:"kind"`
	Modality string `json:"modality,omitempty"`
	// Beats means that the searched model does not beat it on validation, and is another model.
	Beats bool `json:"beats,omitempty"`
	Final
}

// The kinds of baselines.
const (
	// Majority predicts the most frequent class of the training rows, for several labels each label's frequency.
	Majority = "majority"
	// SingleModality is the best trained model of one modality.
	SingleModality = "single_modality"
	// LateFusionWinners combines the chosen models of the single modalities, and LateFusionAll all that were trained.
	LateFusionWinners = "late_fusion_winners"
	LateFusionAll     = "late_fusion_all"
	// Linear is a linear model of one modality, and LinearLateFusion combines those of all.
	Linear           = "linear"
	LinearLateFusion = "linear_late_fusion"
	// Default is an MLP-Mixer for every modality (an MLP for a table), concatenated, trained like a candidate; DefaultFull is the
	// same trained in full.
	Default     = "default"
	DefaultFull = "default_full"
)

// Answer says which of the models of a run to use.
type Answer struct {
	// Model is "searched", "ensemble", "distilled" or "cheapest", the field of the document that holds it.
	Model string `json:"model"`
	// Path is its file, and Reason why it is the answer.
	Path   string `json:"path"`
	Reason string `json:"reason"`
	// Single is the best single model where the answer is an ensemble: it is easier to use.
	Single *Single `json:"single,omitempty"`
}

// Single is a single model beside an ensemble that is the answer.
type Single struct {
	// Model is the field of the document that holds it, and Path its file.
	Model string `json:"model"`
	Path  string `json:"path"`
	// Behind is by how much its search metric is worse than the answer's on validation, with the ends of the 95% interval.
	Behind Number `json:"behind"`
	Low    Number `json:"low"`
	High   Number `json:"high"`
}
