package evaluate

// Observer is told how trials go on. Its methods are called from several goroutines at once.
type Observer interface {
	// TrialStarted announces a training.
	TrialStarted(TrialStarted)
	// TrialStep comes after each step of it.
	TrialStep(TrialStep)
	// TrialDone comes once for each job: with its score, or the reason why it failed. Those that were found in the store have
	// no TrialStarted before it.
	TrialDone(TrialDone)
	// Notice is a line with something that people should know and nothing else reports: that a training waits for another process, or that
	// a checkpoint was damaged.
	Notice(text string)
}

// TrialStarted is the beginning of a training of so many steps. ID tells trainings apart.
type TrialStarted struct {
	ID    int
	Name  string
	Steps int
}

// TrialStep is a step of a training, counted from 1, with its loss.
type TrialStep struct {
	ID, Step int
	Loss     float64
}

// TrialDone is the end of a job.
type TrialDone struct {
	// ID is that of the training, 0 where there was none.
	ID   int
	Name string
	// Metric is what selects, and Score its value, NaN where it is undefined.
	Metric string
	Score  float64
	// Cached says that the score was there already, and Seconds what its training took.
	Cached  bool
	Seconds float64
	// Err is why it failed.
	Err error
}

// Silent is the observer of trials that nobody watches.
type Silent struct{}

func (Silent) TrialStarted(TrialStarted) {}
func (Silent) TrialStep(TrialStep)       {}
func (Silent) TrialDone(TrialDone)       {}
func (Silent) Notice(string)             {}

// watch tells an observer of one training.
type watch struct {
	Observer
	id   int
	name string
}

// Started implements [trial.Progress].
func (w watch) Started(steps int) { w.TrialStarted(TrialStarted{w.id, w.name, steps}) }

// Step implements [trial.Progress].
func (w watch) Step(step int, loss float64) { w.TrialStep(TrialStep{w.id, step, loss}) }
