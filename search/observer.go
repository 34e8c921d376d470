package search

import (
	"mixmas/search/evaluate"
	"mixmas/search/strategy"
)

// Observer is told how a search and a full training go on. Its methods are called from several goroutines at once.
type Observer interface {
	evaluate.Observer
	strategy.Observer
	// TrainingStarted and TrainingDone are the beginning and the end of the full training, whose events as a trial come between.
	TrainingStarted(TrainingStarted)
	TrainingDone(TrainingDone)
}

// TrainingStarted is the beginning of the full training of a model.
type TrainingStarted struct{ Model string }

// TrainingDone is the end of the full training of a model.
type TrainingDone struct{ Model string }

// silent is the observer of a search that nobody watches.
type silent struct{ evaluate.Silent }

func (silent) StageStarted(strategy.StageStarted) {}
func (silent) StageDone(strategy.StageDone)       {}
func (silent) TrainingStarted(TrainingStarted)    {}
func (silent) TrainingDone(TrainingDone)          {}
