// Package report turns the outcome of a search into a JSON document, text for terminals and pages of Markdown.
package report

import (
	"encoding/json"
	"math"
)

// Document is the outcome of a search and, where there was one, of the full training after it. Its JSON form is what
// mixmas run --json prints.
type Document struct {
	// Name is the plan's; documents of earlier versions have none.
	Name    string  `json:"name,omitempty"`
	Dataset Dataset `json:"dataset"`
	Sample  Sample  `json:"sample"`
	Stages  []Stage `json:"stages"`
	// Strategy is how candidates were chosen, "" for stage by stage.
	Strategy string `json:"strategy,omitempty"`
	// Architecture is what was chosen for each part of the model; empty where the stages say it, each of which chose a part.
	Architecture []Part `json:"architecture,omitempty"`
	// Winner is the key of the chosen candidate, "" for the winner of the last stage, and Reason says why it won, where the
	// strategy is named.
	Winner string `json:"winner,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Model and Test are those of the full training; nil after a search alone.
	Model *Model `json:"model,omitempty"`
	Test  *Test  `json:"test,omitempty"`
	// Trainings counts those that were run rather than found in the store.
	Trainings int `json:"trainings"`
	// Seconds is the time of it all.
	Seconds float64 `json:"seconds"`
	// Command is what was run, and Machine what it ran on.
	Command string `json:"command,omitempty"`
	Machine string `json:"machine,omitempty"`
	// PeakMemory is the largest resident memory of the process in bytes, 0 where it is unknown.
	PeakMemory int64 `json:"peak_memory,omitempty"`
	// Files are shown to people in text and pages, and left out of JSON.
	Files []File `json:"-"`
}

// Dataset says what was learned from; Train, Validation and Test count rows.
type Dataset struct {
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	Train       int    `json:"train"`
	Validation  int    `json:"val"`
	Test        int    `json:"test"`
}

// Sample is what the candidates were trained on.
type Sample struct {
	// Size counts rows, and Fraction is their part of the training rows.
	Size     int     `json:"size"`
	Fraction float64 `json:"fraction"`
	// Distance is the largest difference of a class's proportion in the sample from that in the training rows.
	Distance float64 `json:"distance"`
}

// Part is what was chosen for a part of the model, such as a modality or "network".
type Part struct {
	Part string `json:"part"`
	Name string `json:"name"`
}

// Stage is one choice of the search.
type Stage struct {
	// Name is what was chosen, after a slash where its kind comes first, as in "encoder/image".
	Name string `json:"name"`
	// Metric is what selected.
	Metric string `json:"metric"`
	// Candidates are in order of rank: the winner first, those that failed last.
	Candidates []Candidate `json:"candidates"`
	// Winner is the name of the chosen candidate.
	Winner string `json:"winner"`
}

// Candidate is the outcome of one trial.
type Candidate struct {
	Name string `json:"name"`
	// Key is the trial's key in the store.
	Key string `json:"key"`
	// Score is the value of the stage's metric, NaN for a trial that failed; Interval is the half-width of its 95%
	// confidence interval, 0 where none is known (see [Interval]).
	Score    Number            `json:"score"`
	Interval float64           `json:"interval,omitempty"`
	Metrics  map[string]Number `json:"metrics"`
	Params   int               `json:"params"`
	// Seconds is what the training took, whenever that was.
	Seconds float64 `json:"seconds"`
	// Cached says that the score was found in the store.
	Cached bool `json:"cached"`
	// Numerics names the device numerics of a score that was made by others than those of this search, else empty.
	Numerics string `json:"numerics,omitempty"`
	// Failed is why there is no score, else empty.
	Failed string `json:"failed,omitempty"`
}

// Model is the fully trained model.
type Model struct {
	// Name is that of the plan whose winner it is, or of the preset; documents of earlier versions have none.
	Name   string `json:"name,omitempty"`
	Params int    `json:"params"`
	Path   string `json:"path"`
	// Epochs and Seconds are those of the full training, and Metrics its validation scores.
	Epochs  int               `json:"epochs"`
	Seconds float64           `json:"seconds"`
	Metrics map[string]Number `json:"metrics"`
}

// Test is the model's result on the test split.
type Test struct {
	Metrics map[string]Number `json:"metrics"`
}

// File tells people where something is.
type File struct{ Name, Path string }

// Number is a float64 whose NaN and infinities are null in JSON.
type Number float64

// MarshalJSON writes null for what is not finite.
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

// Metrics are values by metric as a document holds them; none are an empty map, so that JSON has {}.
func Metrics(values map[string]float64) map[string]Number {
	m := make(map[string]Number, len(values))
	for name, value := range values {
		m[name] = Number(value)
	}
	return m
}

// Interval is the half-width of the 95% confidence interval of a score that is the proportion of rows which are right
// (Wilson 1927), and 0 for any other metric: differences below it are noise.
func Interval(metric string, score float64, rows int) float64 {
	if metric != "accuracy" || rows < 1 || !(score >= 0 && score <= 1) {
		return 0
	}
	const z = 1.959963984540054
	n := float64(rows)
	return z / (1 + z*z/n) * math.Sqrt(score*(1-score)/n+z*z/(4*n*n))
}
