package cmd

import (
	"encoding/json"

	"mixmas/search"
)

// assess assesses the models that a command ended with, whose document is known, and keeps the assessment with the run.
func (s *session) assess(r *search.Result, t *search.Trained, a *search.Answers) error {
	assessment, err := s.search.Assess(s.cli.Context, r, t, a, s.warnings)
	if err != nil {
		return s.explain(err)
	}
	text, err := json.Marshal(assessment)
	if err != nil {
		return err
	}
	return s.recorder.Attach(s.cli.Context, "assessment.json", text)
}
