package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"mixmas/nn/mixer"
	"mixmas/search/assess"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// Contents are what a report is about. All but Document may be missing: then the report has less to show.
type Contents struct {
	Document report.Document
	// Partial means that the run has not ended, or was stopped: the document is what is known so far.
	Partial bool
	// Run is the record of the run; nil for a document from elsewhere.
	Run *runs.Run
	// Assessment is what is known of the data and the final models; nil if they were not assessed.
	Assessment *assess.Assessment
	// Curves are the learning curves of trainings by the keys of their scores.
	Curves map[string][]store.Epoch
	// Model is the architecture of the searched model; nil if it is unknown.
	Model *mixer.Specification
	// Events are those of the run.
	Events []runs.Event
}

// Gather collects what a store knows of a run.
func Gather(ctx context.Context, s *store.Store, r runs.Run) (Contents, error) {
	c := Contents{Run: &r}
	var err error
	if c.Document, c.Partial, err = runs.Document(ctx, s, r); err != nil {
		return c, err
	}
	if c.Events, err = runs.Events(ctx, s, r); err != nil {
		return c, err
	}
	if c.Assessment, err = Assessment(ctx, s, r); err != nil {
		return c, err
	}
	return c, c.scores(ctx, s)
}

// Assessment returns the assessment of the models that a run ended with, nil if it has none.
func Assessment(ctx context.Context, s *store.Store, r runs.Run) (*assess.Assessment, error) {
	text, err := runs.Attachment(ctx, s, r, assess.File)
	if errors.Is(err, runs.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a := new(assess.Assessment)
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("run %s: its assessment: %w", r.ID, err)
	}
	return a, nil
}

// scores reads the curves and the architecture from the scores of the run's trainings. Scores that are no longer stored are left out.
func (c *Contents) scores(ctx context.Context, s *store.Store) error {
	c.Curves = map[string][]store.Epoch{}
	specifications := map[string]json.RawMessage{}
	for _, key := range c.keys() {
		sc, err := s.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		c.Curves[key], specifications[key] = sc.Curve, sc.Specification
	}
	for _, key := range c.chosen() {
		if text := specifications[key]; text != nil {
			var specification struct {
				Model mixer.Specification `json:"model"`
			}
			if err := json.Unmarshal(text, &specification); err == nil { // a later program may know more architectures
				c.Model = &specification.Model
				break
			}
		}
	}
	return nil
}

// keys are the keys of all scores of the run, each once.
func (c *Contents) keys() (keys []string) {
	seen := map[string]bool{"": true}
	add := func(key string) {
		if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	for _, stage := range c.Document.Stages {
		for _, candidate := range stage.Candidates {
			add(candidate.Key)
			for _, r := range candidate.Repeats {
				add(r.Key)
			}
		}
	}
	_, finals := c.Document.Finals()
	for _, f := range finals {
		for _, m := range f.Members {
			add(m.Key)
		}
	}
	for _, e := range c.Events {
		add(e.Key)
	}
	return keys
}

// chosen are the keys of trainings of the searched architecture, the full training first.
func (c *Contents) chosen() (keys []string) {
	if full := c.fullKey(); full != "" {
		keys = append(keys, full)
	}
	if _, candidate, found := c.Document.Chosen(); found {
		keys = append(keys, candidate.Key)
	}
	return keys
}

// fullKey is the key of the full training of the searched model; empty if it is unknown.
func (c *Contents) fullKey() string { return runs.FullKey(c.Document, c.Events) }
