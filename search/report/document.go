// Package report turns the outcome of a search into a JSON document, text for terminals and pages of Markdown.
package report

import (
	"encoding/json"
	"math"
	"slices"
)

// Document is the outcome of a search and of the full training after it, if there was one. Its JSON form is the output of
// mixmas run --json.
type Document struct {
	// Name is the name of the search; documents of earlier versions have none.
	Name    string  `json:"name,omitempty"`
	Dataset Dataset `json:"dataset"`
	// Filled are the fields of the configuration that follow from the data, because it does not set them.
	Filled []string `json:"filled,omitempty"`
	Sample Sample   `json:"sample"`
	Stages []Stage  `json:"stages"`
	// Strategy is the name of the search strategy; "" for the default, stage by stage.
	Strategy string `json:"strategy,omitempty"`
	// Architecture lists the choice for each part of the model. It is empty if each stage chose one part.
	Architecture []Part `json:"architecture,omitempty"`
	// Winner is the key of the chosen candidate, or "" for the winner of the last stage. Reason says why it won, if Strategy
	// is set.
	Winner string `json:"winner,omitempty"`
	Reason string `json:"reason,omitempty"`
	// ScoreAt is "best" if candidates with several modalities are scored at their best epoch, and empty if at their last.
	ScoreAt string `json:"score_at,omitempty"`
	// Plain means that intervals, repeats and verdicts of stages are only shown: the JSON form is that of earlier versions, see
	// [Document.Saved].
	Plain bool `json:"-"`
	// Model and Test are from the full training; nil if there was only a search.
	Model *Model `json:"model,omitempty"`
	Test  *Test  `json:"test,omitempty"`
	// Baselines are what the searched model is compared with; none with the settings of the paper.
	Baselines []Baseline `json:"baselines,omitempty"`
	// Searched is the searched model, which Model and Test describe too; Ensemble combines several models, Distilled is the
	// searched architecture trained on its predictions, and Cheapest is the cheapest model within a point of the answer. Each is
	// nil if there is none.
	Searched  *Final  `json:"searched,omitempty"`
	Ensemble  *Final  `json:"ensemble,omitempty"`
	Distilled *Final  `json:"distilled,omitempty"`
	Cheapest  *Final  `json:"cheapest,omitempty"`
	Answer    *Answer `json:"answer,omitempty"`
	// LeftOut are sentences about what is missing from the baselines and the answers, or was stopped by the budget.
	LeftOut []string `json:"left_out,omitempty"`
	// Trainings is the number of trainings that were run, not found in the store.
	Trainings int `json:"trainings"`
	// Seconds is the total time, and Budget the limit that was set to it; 0 for none.
	Seconds float64 `json:"seconds"`
	Budget  float64 `json:"budget,omitempty"`
	// Command is the command line, and Machine the hardware that it ran on.
	Command string `json:"command,omitempty"`
	Machine string `json:"machine,omitempty"`
	// PeakMemory is the largest resident memory of the process in bytes, 0 if it is unknown.
	PeakMemory int64 `json:"peak_memory,omitempty"`
	// Files are shown in text and pages, and omitted in JSON.
	Files []File `json:"-"`
}

// Dataset describes the data; Train, Validation and Test are numbers of rows.
type Dataset struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	Train       int    `json:"train"`
	Validation  int    `json:"val"`
	Test        int    `json:"test"`
	// Warnings are sentences about what is odd in the data.
	Warnings []string `json:"warnings,omitempty"`
}

// Sample describes the rows that the candidates were trained on.
type Sample struct {
	// Size is the number of rows, and Fraction their fraction of the training rows.
	Size     int     `json:"size"`
	Fraction float64 `json:"fraction"`
	// Distance is the largest difference between a class's proportion in the sample and in the training rows.
	Distance float64 `json:"distance"`
}

// Part is the choice for a part of the model, such as a modality or "network".
type Part struct {
	Part string `json:"part"`
	Name string `json:"name"`
}

// Stage is one choice of the search.
type Stage struct {
	// Name is the name of the part that was chosen, after its kind and a slash if there are several, as in "encoder/image".
	Name string `json:"name"`
	// Metric is the metric that selects the winner.
	Metric string `json:"metric"`
	// Candidates are in order of rank: the best first, failed ones last.
	Candidates []Candidate `json:"candidates"`
	// Untried are the names of candidates that were not tried, because the budget would not have sufficed.
	Untried []string `json:"untried,omitempty"`
	// LeftOut are candidates that were left out before they were trained.
	LeftOut []LeftOut `json:"left_out,omitempty"`
	// Winner is the name of the chosen candidate. Reason says why it won if it is not the first.
	Winner string `json:"winner"`
	Reason string `json:"reason,omitempty"`
	// Verdict says in words how the chosen candidate stands against the others, or why that was not tested.
	Verdict string `json:"verdict,omitempty"`
	// Bound is how far the winner is below the best at most (95%), in units of the metric; absent if that was not tested.
	Bound *float64 `json:"bound,omitempty"`
}

// LeftOut is a candidate that was left out, with the reason: a constraint that it breaks, or an input that it cannot take.
type LeftOut struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// The standings of candidates: the leader is ahead of all others or ties with some of them, which tie too; the rest are behind.
// With one run each nothing is tested.
const (
	Ahead     = "ahead"
	Tie       = "tie"
	Behind    = "behind"
	NotTested = "not tested"
)

// Candidate is the outcome of one trial, or of its repeats: then numbers are means over those that finished.
type Candidate struct {
	Name string `json:"name"`
	// Key is the key of the trial, of repeat 1, in the store.
	Key string `json:"key"`
	// Score is the value of the stage's metric, NaN for a trial that failed. Low and High are the ends of its 95% confidence
	// interval; nil if they are unknown. Interval is the half-width of a single trial's accuracy in documents without Low, otherwise 0.
	Score    Number            `json:"score"`
	Interval float64           `json:"interval,omitempty"`
	Low      *float64          `json:"low,omitempty"`
	High     *float64          `json:"high,omitempty"`
	Standing string            `json:"standing,omitempty"`
	Metrics  map[string]Number `json:"metrics"`
	Params   int               `json:"params"`
	// Cost is what the candidate costs; nil if the search does not report it.
	Cost *Cost `json:"cost,omitempty"`
	// Seconds is the duration of the training, whenever it ran.
	Seconds float64 `json:"seconds"`
	// Cached means that the score was found in the store, for repeats all of them.
	Cached bool `json:"cached"`
	// Repeats are the trials of the candidate by repeat, without those that the budget left out.
	Repeats []Repeat `json:"repeats,omitempty"`
	// Numerics names the device numerics of the score if they differ from this search's.
	Numerics string `json:"numerics,omitempty"`
	// Failed is the reason why there is no score; empty if there is one.
	Failed string `json:"failed,omitempty"`
	// Diverged is the reason why a training of the candidate diverged that was made once more, at a third of the learning rate.
	Diverged string `json:"diverged,omitempty"`
}

// Repeat is one of the trials of a candidate.
type Repeat struct {
	Key     string  `json:"key"`
	Score   Number  `json:"score"`
	Seconds float64 `json:"seconds"`
	Cached  bool    `json:"cached"`
	// Failed is the reason why there is no score; empty if there is one.
	Failed string `json:"failed,omitempty"`
}

// Saved returns the document as it is written in JSON: that of a plain one has the form of earlier versions.
func (d Document) Saved() Document {
	if !d.Plain {
		return d
	}
	d.Stages = slices.Clone(d.Stages)
	for i := range d.Stages {
		s := &d.Stages[i]
		s.Verdict, s.Bound, s.Candidates = "", nil, slices.Clone(s.Candidates)
		for k := range s.Candidates {
			c := &s.Candidates[k]
			c.Low, c.High, c.Standing, c.Repeats = nil, nil, "", nil
		}
	}
	return d
}

// Model is the fully trained model.
type Model struct {
	// Name is the name of the search whose winner it is, or of the preset; documents of earlier versions have none.
	Name   string `json:"name,omitempty"`
	Params int    `json:"params"`
	Path   string `json:"path"`
	// Epochs, Seconds and Metrics describe the full training; Metrics are on the validation split.
	Epochs int `json:"epochs"`
	// Select is the metric that selected the epoch whose weights the model has, and Kept is this epoch, counted from 1; both are
	// absent if the loss did.
	Select  string            `json:"select,omitempty"`
	Kept    int               `json:"kept,omitempty"`
	Seconds float64           `json:"seconds"`
	Metrics map[string]Number `json:"metrics"`
	// Thresholds are subtracted from the logits before a class is predicted. Metrics are without them; MetricsWithThresholds are the
	// same with them, on the rows that they were fitted to. Both are absent if there are no thresholds.
	Thresholds            []float64         `json:"thresholds,omitempty"`
	MetricsWithThresholds map[string]Number `json:"metrics_with_thresholds,omitempty"`
	// Stopped means that the budget stopped the training after these epochs; the model is the best so far.
	Stopped bool `json:"stopped,omitempty"`
}

// Test holds the model's metrics on the test split, without thresholds, and if the model has some, with them.
type Test struct {
	Metrics               map[string]Number `json:"metrics"`
	MetricsWithThresholds map[string]Number `json:"metrics_with_thresholds,omitempty"`
}

// File names a file for the reader, with its path.
type File struct{ Name, Path string }

// Number is a float64 whose NaN and infinities are null in JSON.
type Number float64

// MarshalJSON writes null for a number that is not finite.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}

// Metrics are values by name of metric. They are never nil, so that JSON has {}.
func Metrics(values map[string]float64) map[string]Number {
	m := make(map[string]Number, len(values))
	for name, value := range values {
		m[name] = Number(value)
	}
	return m
}

// Ends returns the ends of a candidate's 95% confidence interval. Documents of earlier versions have only the half-width
// of Wilson's: its middle follows from it.
func (c Candidate) Ends() (low, high float64, known bool) {
	p, half := float64(c.Score), c.Interval
	switch {
	case c.Low != nil && c.High != nil:
		return *c.Low, *c.High, true
	case !(half > 0) || !(p >= 0 && p <= 1):
		return 0, 0, false
	}
	// With a = z²/rows the half-width h is √(a·p(1−p) + a²/4)/(1+a): a square equation for a.
	x, y, z := half*half-0.25, 2*half*half-p*(1-p), half*half
	a := (-y - math.Sqrt(max(0, y*y-4*x*z))) / (2 * x)
	middle := (p + a/2) / (1 + a)
	return max(0, middle-half), min(1, middle+half), !math.IsNaN(a) && !math.IsInf(a, 0)
}

// Interval returns the half-width of the 95% confidence interval (Wilson 1927) of a score that is a proportion of correct
// rows, and 0 for any other metric. Smaller differences are noise.
func Interval(metric string, score float64, rows int) float64 {
	if metric != "accuracy" || rows < 1 || !(score >= 0 && score <= 1) {
		return 0
	}
	const z = 1.959963984540054
	n := float64(rows)
	return z / (1 + z*z/n) * math.Sqrt(score*(1-score)/n+z*z/(4*n*n))
}
