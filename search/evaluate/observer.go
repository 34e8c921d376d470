package evaluate

import "mixmas/search/trial"

// Observer observes the progress of trials. Its methods are called from several goroutines at once.
type Observer interface {
	// TrialEncoded is called before TrialStarted while the frozen encoders of a training run over its rows.
	TrialEncoded(TrialEncoded)
	// TrialStarted is called when a training starts.
	TrialStarted(TrialStarted)
	// TrialStep is called after each step of a training.
	TrialStep(TrialStep)
	// TrialDone is called once for each job, with its score or the reason why it failed, and twice for one that diverged and is
	// trained once more. For a job that was found in the store, TrialStarted is not called.
	TrialDone(TrialDone)
	// Notice reports in one line what no other method does: that a training waits for another process, or that a checkpoint
	// was damaged.
	Notice(text string)
}

// TrialEncoded says how many of all rows the frozen encoders of a training have run over, each counted once per encoder.
type TrialEncoded struct {
	ID        int
	Name      string
	Rows, All int
}

// TrialStarted is the start of a training with its number of steps. IDs distinguish trainings.
type TrialStarted struct {
	ID    int
	Name  string
	Steps int
	Job   trial.Job
}

// TrialStep is a step of a training, counted from 1, with its loss.
type TrialStep struct {
	ID, Step int
	Loss     float64
}

// TrialDone is the end of a job.
type TrialDone struct {
	// ID is the ID of the training; 0 if there was none.
	ID   int
	Name string
	Job  trial.Job
	// Metric is the selecting metric, and Score its value; NaN if it is undefined.
	Metric string
	Score  float64
	// Cached means that the score was found in the store. Seconds is the time that its training took.
	Cached  bool
	Seconds float64
	// Untried means that the budget would not have sufficed.
	Untried bool
	// Err is the reason for a failure.
	Err error
}

// Silent is an observer that ignores everything.
type Silent struct{}

func (Silent) TrialEncoded(TrialEncoded) {}
func (Silent) TrialStarted(TrialStarted) {}
func (Silent) TrialStep(TrialStep)       {}
func (Silent) TrialDone(TrialDone)       {}
func (Silent) Notice(string)             {}

// watch reports one training to an observer.
type watch struct {
	Observer
	id  int
	job trial.Job
}

// Encoded implements [trial.Progress].
func (w watch) Encoded(done, all int) { w.TrialEncoded(TrialEncoded{w.id, w.job.Name, done, all}) }

// Started implements [trial.Progress].
func (w watch) Started(steps int) { w.TrialStarted(TrialStarted{w.id, w.job.Name, steps, w.job}) }

// Step implements [trial.Progress].
func (w watch) Step(step int, loss float64) { w.TrialStep(TrialStep{w.id, step, loss}) }
