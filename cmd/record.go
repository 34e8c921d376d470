package cmd

import (
	"fmt"
	"path/filepath"
	"strings"

	"mixmas/search"
	"mixmas/search/dataset"
	"mixmas/search/runs"
)

// lateObserver passes on what a search tells it. What observes besides the display is known only after the search has been made.
type lateObserver struct{ search.Observer }

// record starts to record the session as a run, once nothing about the command line is wrong. A run that cannot be recorded goes on
// without.
func (s *session) record() {
	var configuration strings.Builder
	if err := saveComplete(&configuration, s.plan, s.search.Filled()); err != nil {
		s.progress.Notice("the run's configuration is not recorded: " + err.Error())
	}
	run := runs.Run{Name: s.plan.Name, Kind: s.cli.Command.Name, Command: commandLine(), Configuration: configuration.String(),
		Metric: s.plan.Search.Metric, Numerics: s.device.Numerics(), Version: version(), Started: s.started,
		Data: runs.Data{Name: s.data.Name(), Format: s.plan.Data.Format, Fingerprint: s.data.Fingerprint(), Train: s.data.Len(dataset.Train),
			Validation: s.data.Len(dataset.Validation), Test: s.data.Len(dataset.Test)}}
	if out := s.cli.String("out"); out != "" {
		if absolute, err := filepath.Abs(out); err == nil {
			out = absolute
		}
		run.Out = out
	}
	recorder, err := runs.Start(s.cli.Context, s.scores, run)
	if err != nil {
		if s.cli.Context.Err() == nil {
			s.progress.Notice(err.Error())
		}
		return
	}
	s.recorder, s.observer.Observer = recorder, recorder.Observe(s.progress)
}

// endRecord records how the run ended.
func (s *session) endRecord(failed error) {
	if s.recorder == nil {
		return
	}
	if err := s.recorder.Finish(s.cli.Context, s.document, failed); err != nil {
		s.progress.Close()
		fmt.Fprintln(s.cli.App.ErrWriter, oneLine(err))
	}
}
