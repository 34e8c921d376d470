package search

// Observer is told how a search goes on. Its methods are called from several goroutines at once.
type Observer interface {
	// StageStarted announces a stage ("encoder/image", "fusion", "network", "full") and its number of candidates.
	StageStarted(stage string, candidates int)
	// TrialStarted announces a training of so many steps. id tells trainings apart.
	TrialStarted(id int, name string, steps int)
	// TrialStep comes after each of these steps, counted from 1.
	TrialStep(id, step int, loss float64)
	// TrialDone comes once for each candidate: with its score, or the reason why it failed. Cached candidates, which
	// are not trained, have no TrialStarted before it.
	TrialDone(id int, name string, score float64, metric string, cached bool, seconds float64, err error)
	// StageDone announces the winner.
	StageDone(stage, winner string)
	// Notice says in a line what people should know and nothing else tells: that a training waits for another process, or that
	// a checkpoint was damaged.
	Notice(text string)
}

// silent is the observer of a search that nobody watches.
type silent struct{}

func (silent) StageStarted(string, int)                                     {}
func (silent) TrialStarted(int, string, int)                                {}
func (silent) TrialStep(int, int, float64)                                  {}
func (silent) TrialDone(int, string, float64, string, bool, float64, error) {}
func (silent) StageDone(string, string)                                     {}
func (silent) Notice(string)                                                {}
