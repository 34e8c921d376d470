package search

import (
	"mixmas/search/evaluate"
	"mixmas/search/strategy"
)

// Observer observes the progress of a search and a full training. Its methods are called from several goroutines at once.
type Observer interface {
	evaluate.Observer
	strategy.Observer
	// Estimated is called before the first training of a search with what it will probably cost; not if nothing is to be
	// trained, or nothing can be told.
	Estimated(Estimated)
	// TrainingStarted and TrainingDone are called at the start and the end of a full training, with its events as a trial between
	// them. TrainingStarted is also called before those that follow it, which run in parallel.
	TrainingStarted(TrainingStarted)
	TrainingDone(TrainingDone)
}

// TrainingStarted is the start of the full training of a model.
type TrainingStarted struct {
	// Model is its name. It is empty for the trainings after that of the winner, of which there are More.
	Model string
	More  int
}

// TrainingDone is the end of the full training of a model.
type TrainingDone struct{ Model string }

// silent is an observer that ignores everything.
type silent struct{ evaluate.Silent }

func (silent) Estimated(Estimated)                {}
func (silent) StageStarted(strategy.StageStarted) {}
func (silent) StageDone(strategy.StageDone)       {}
func (silent) TrainingStarted(TrainingStarted)    {}
func (silent) TrainingDone(TrainingDone)          {}
