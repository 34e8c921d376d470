package runs

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mixmas/search/escape"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// documentName is the name of the attachment with the outcome.
const documentName = "document.json"

// storedDocument is the content of the attachment: the document with what its own JSON form leaves out.
type storedDocument struct {
	Document report.Document `json:"document"`
	Plain    bool            `json:"plain,omitempty"`
	Files    []report.File   `json:"files,omitempty"`
}

// Document returns the outcome of a run as the command printed it. Of a run that has none, because it is running, was stopped or
// failed, it returns what is known so far, from its events and the scores in the store; partial says so.
func Document(ctx context.Context, s *store.Store, r Run) (d report.Document, partial bool, err error) {
	if _, has := r.files[documentName]; !has {
		d, err = soFar(ctx, s, r)
		return d, true, err
	}
	text, err := Attachment(ctx, s, r, documentName)
	if err != nil {
		return d, false, err
	}
	var stored storedDocument
	if err := json.Unmarshal(text, &stored); err != nil {
		return d, false, fmt.Errorf("run %s: its document: %w", r.ID, err)
	}
	stored.Document.Plain, stored.Document.Files = stored.Plain, stored.Files
	return stored.Document, false, nil
}

// soFar makes the document of a run that has not ended with one.
func soFar(ctx context.Context, s *store.Store, r Run) (report.Document, error) {
	events, err := Events(ctx, s, r)
	if err != nil {
		return report.Document{}, err
	}
	return (history{run: r, events: events}).document(ctx, s)
}

// history is what is known of a run that has not ended with a document.
type history struct {
	run    Run
	events []Event
	scores map[string]store.Score
}

// document has the stages with the trials that have ended, and the full training. Intervals of repeats, the sample and what comes after
// the full training are unknown.
func (h history) document(ctx context.Context, s *store.Store) (report.Document, error) {
	r := h.run
	d := report.Document{Name: r.Name, Dataset: report.Dataset{Name: r.Data.Name, Fingerprint: r.Data.Fingerprint, Train: r.Data.Train,
		Validation: r.Data.Validation, Test: r.Data.Test}, Seconds: r.Seconds(time.Now()), Command: escape.Shell(r.Command...), Machine: r.Machine,
		Files: []report.File{{Name: "store", Path: s.Path()}}}
	seen := map[string]bool{}
	var keys []string
	for _, e := range h.events {
		if e.Kind == Done && !e.Untried && !seen[e.Key] {
			seen[e.Key] = true
			keys = append(keys, e.Key)
		}
	}
	var err error
	if h.scores, err = s.Scores(ctx, keys); err != nil {
		return d, err
	}
	d.Stages, d.Trainings = h.stages(), h.trainings()
	h.full(&d)
	return d, nil
}

// trainings is the number of trainings that ended and were run, not found in the store.
func (h history) trainings() (n int) {
	for _, e := range h.events {
		if e.Kind == Done && e.Trial != 0 && !e.Untried {
			n++
		}
	}
	return n
}

// stages are the stages of which a trial has ended, each with the candidates of such trials.
func (h history) stages() []report.Stage {
	list := []report.Stage{}
	at := func(name string) *report.Stage {
		i := slices.IndexFunc(list, func(s report.Stage) bool { return s.Name == name })
		if i < 0 {
			return nil
		}
		return &list[i]
	}
	ended := map[string]map[string][]Event{} // by stage and candidate
	for _, e := range h.events {
		switch e.Kind {
		case Stage:
			if at(e.Stage) == nil {
				list = append(list, report.Stage{Name: e.Stage, Metric: h.run.Metric, Candidates: []report.Candidate{}})
				ended[e.Stage] = map[string][]Event{}
			}
		case Done:
			of := ended[e.Stage]
			if of == nil { // not a trial of the search
				continue
			}
			if s := at(e.Stage); e.Metric != "" {
				s.Metric = e.Metric
			}
			// A job that diverged and was trained once more has two events: the last one counts.
			of[e.Candidate] = append(slices.DeleteFunc(of[e.Candidate], func(earlier Event) bool { return earlier.Repeat == e.Repeat }), e)
		}
	}
	for i := range list {
		h.candidates(&list[i], ended[list[i].Name])
	}
	for _, e := range h.events {
		if s := at(e.Stage); e.Kind == Decided && s != nil {
			s.Winner, s.Verdict = e.Name, e.Text
			if len(s.Candidates) > 0 && s.Candidates[0].Name != e.Name {
				s.Reason = e.Reason
			}
		}
	}
	return slices.DeleteFunc(list, func(s report.Stage) bool { return len(s.Candidates)+len(s.Untried) == 0 })
}

// candidates adds the candidates to a stage, by rank, from the events of the trials that ended.
func (h history) candidates(s *report.Stage, ended map[string][]Event) {
	for name, events := range ended {
		slices.SortStableFunc(events, func(a, b Event) int { return a.Repeat - b.Repeat })
		if tried := slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Untried }); len(tried) > 0 {
			s.Candidates = append(s.Candidates, h.candidate(name, s.Metric, tried))
		} else {
			s.Untried = append(s.Untried, name)
		}
	}
	slices.Sort(s.Untried)
	slices.SortFunc(s.Candidates, func(a, b report.Candidate) int {
		return cmp.Or(metric.Compare(s.Metric, float64(a.Score), float64(b.Score)), strings.Compare(a.Name, b.Name))
	})
}

// longest is the largest number of seconds that is believed of a training: a score cannot have more.
const longest = 1e10

// candidate describes a candidate by the events of its trials, of which there is at least one, and their scores.
func (h history) candidate(name, selecting string, events []Event) report.Candidate {
	c := report.Candidate{Name: name, Key: events[0].Key, Cached: true, Metrics: map[string]report.Number{}}
	sum, finished := 0.0, 0
	metrics := map[string]float64{}
	counts := map[string]int{}
	for _, e := range events {
		repeat := report.Repeat{Key: e.Key, Score: e.Score, Seconds: e.Seconds, Cached: e.Cached, Failed: e.Error}
		sc, stored := h.scores[e.Key]
		if stored {
			c.Params = max(c.Params, sc.Parameters)
			if e.Error == "" && sc.Status == store.Finished {
				for name, value := range sc.Metrics {
					metrics[name] += value
					counts[name]++
				}
			}
		}
		c.Seconds += min(max(e.Seconds, 0), longest) / float64(len(events))
		c.Cached = c.Cached && e.Cached
		if e.Error == "" && !math.IsNaN(float64(e.Score)) {
			sum += float64(e.Score)
			finished++
		} else {
			repeat.Score = report.Number(math.NaN())
		}
		c.Repeats = append(c.Repeats, repeat)
	}
	c.Score = report.Number(math.NaN())
	if finished > 0 {
		c.Score = report.Number(sum / float64(finished))
	} else {
		c.Failed = events[0].Error
	}
	for name, n := range counts {
		if n == finished {
			c.Metrics[name] = report.Number(metrics[name] / float64(n))
		}
	}
	if len(events) == 1 && finished == 1 {
		c.Interval = h.interval(selecting, float64(c.Score), events[0].Key)
	}
	return c
}

// interval is the half-width of the confidence interval of a single trial's score; 0 if it is unknown.
func (h history) interval(metric string, score float64, key string) float64 {
	var spec trial.Specification
	if sc, stored := h.scores[key]; !stored || json.Unmarshal(sc.Specification, &spec) != nil {
		return 0
	}
	return report.Interval(metric, score, spec.ScoringRows())
}

// full adds the full training of the winner, if it has ended.
func (h history) full(d *report.Document) {
	name, started := "", false
	for _, e := range h.events {
		if e.Kind == Training && e.More == 0 && !started {
			name, started = e.Name, true
		}
		sc, stored := h.scores[e.Key]
		if !started || e.Kind != Done || e.Name != "full/"+name || e.Error != "" || !stored || sc.Status != store.Finished {
			continue
		}
		d.Model = &report.Model{Name: name, Params: sc.Parameters, Epochs: len(sc.Curve), Seconds: sc.Seconds, Metrics: report.Metrics(sc.Metrics)}
		var spec trial.Specification
		if err := json.Unmarshal(sc.Specification, &spec); err == nil && spec.Recipe.Select != "" {
			d.Model.Select, d.Model.Kept = spec.Recipe.Select, spec.Recipe.Best(sc.Curve)
		}
		if path := filepath.Join(h.run.Out, modelFile); h.run.Out != "" {
			if _, err := os.Stat(path); err == nil {
				d.Model.Path = path
				d.Files = append(d.Files, report.File{Name: "model", Path: path})
			}
		}
		return
	}
}

// modelFile is the name of the searched model in the folder of a run.
const modelFile = "model.safetensors"

// outcome is the value of a metric on the validation split that a document ends with: that of the answer, or else of the searched
// model, of the full training, or of the winner of the last stage. It is nil if there is none.
func outcome(d *report.Document, metric string) *float64 {
	score := math.NaN()
	final := d.Searched
	if d.Answer != nil {
		switch d.Answer.Model {
		case "ensemble":
			final = d.Ensemble
		case "distilled":
			final = d.Distilled
		case "cheapest":
			final = d.Cheapest
		}
	}
	if final == nil && d.Model == nil && len(d.Stages) == 0 {
		final = d.Ensemble
	}
	switch {
	case final != nil && final.Validation != nil:
		score = float64(final.Validation.Score)
	case d.Model != nil:
		validation, _, _ := d.AsPredicted()
		if value, has := validation[metric]; has {
			score = float64(value)
		}
	case len(d.Stages) > 0:
		last := d.Stages[len(d.Stages)-1]
		for _, c := range last.Candidates {
			if d.Winner == "" && c.Name == last.Winner || d.Winner != "" && c.Key == d.Winner {
				score = float64(c.Score)
			}
		}
	}
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return nil
	}
	return &score
}
