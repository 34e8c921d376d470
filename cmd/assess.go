package cmd

import (
	"mixmas/search"
	"mixmas/search/assess"
	"mixmas/search/report"
)

// assess assesses the models that a command ended with.
func (s *session) assess(d report.Document, r *search.Result, t *search.Trained, a *search.Answers) (*assess.Assessment, error) {
	assessment, err := s.search.Assess(s.cli.Context, r, t, a, s.warnings)
	if err != nil {
		return nil, s.explain(err)
	}
	return assessment, nil
}
