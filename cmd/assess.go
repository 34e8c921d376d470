package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"mixmas/search"
	"mixmas/search/assess"
	"mixmas/search/card"
)

// assess assesses the models that a command ended with, whose document is known: it keeps the assessment with the run, and writes a
// card beside each model file.
func (s *session) assess(r *search.Result, t *search.Trained, a *search.Answers) error {
	assessment, err := s.search.Assess(s.cli.Context, r, t, a, s.warnings)
	if err != nil {
		return s.explain(err)
	}
	text, err := json.Marshal(assessment)
	if err != nil {
		return err
	}
	if err := s.recorder.Attach(s.cli.Context, assess.File, text); err != nil { // a run that cannot be recorded goes on without
		s.notice(fmt.Sprintf("the assessment of the models is not recorded: %v", err))
	}
	if !s.cli.Bool("json") {
		if err := assessment.WriteText(s.cli.App.Writer); err != nil {
			return err
		}
	}
	return s.writeCards(assessment)
}

// writeCards writes the cards.
func (s *session) writeCards(assessment *assess.Assessment) error {
	var configuration strings.Builder
	if err := saveComplete(&configuration, s.plan, s.search.Filled()); err != nil {
		return err
	}
	c := card.Contents{Document: *s.document, Assessment: assessment, Configuration: configuration.String(), Version: version()}
	written := map[string]bool{}
	for _, m := range assessment.Models {
		path := m.Path
		if path == "" || written[path] {
			continue
		}
		written[path] = true
		c.Field = m.Field
		if err := card.Save(path, c); errors.Is(err, card.ErrEdited) {
			s.notice(err.Error())
		} else if err != nil {
			return err
		}
	}
	return nil
}

// notice tells something on standard error, after the display has been closed.
func (s *session) notice(text string) { fmt.Fprintln(s.cli.App.ErrWriter, oneLine(errors.New(text))) }
