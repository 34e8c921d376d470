package strategy

import (
	"context"

	"mixmas/nn/options"
	"mixmas/nn/registry"
	"mixmas/search/evaluate"
	"mixmas/search/trial"
)

// Strategy is a way to search: a pointer to a struct of its options, whose fields have yaml tags, are explained in `doc` tags and
// bounded in `jsonschema` tags.
type Strategy interface {
	// Search chooses from the space by scores of the evaluator. With the same space and scores it makes the same choices.
	Search(ctx context.Context, space *Space, e Evaluator, o Observer) (*Result, error)
}

// Default is the strategy of a configuration that names none.
const Default = "stages"

var strategies = registry.New[func() Strategy]("search strategy")

// Register makes a strategy known under a name; make gives it with the defaults of its options. It panics where the name is already used:
// a programmer's mistake.
func Register(name, doc string, make func() Strategy) {
	options.MustDescribe("search strategy "+name, func() any { return make() })
	strategies.Register(name, doc, make)
}

// Unregister makes a strategy unknown again, for tests.
func Unregister(name string) { strategies.Unregister(name) }

// New gives a registered strategy with the defaults of its options. The error of an unknown name lists the known ones.
func New(name string) (Strategy, error) {
	make, err := strategies.Lookup(name)
	if err != nil {
		return nil, err
	}
	return make(), nil
}

// Names lists the registered strategies, and Doc says in a line what one does.
func Names() []string        { return strategies.Names() }
func Doc(name string) string { return strategies.Doc(name) }

// Evaluator scores jobs, as [evaluate.Evaluator] does: side by side, and only those that have no score yet.
type Evaluator interface {
	Score(ctx context.Context, jobs ...trial.Job) ([]*evaluate.Outcome, error)
}

// Result is what a strategy chose.
type Result struct {
	// Stages are the decisions that led there, in order.
	Stages []*Stage
	// Choices are what was chosen, Winner is the trial of it, and Reason says in a line why it won.
	Choices Choices
	Winner  *evaluate.Outcome
	Reason  string
}

// Observer is told of stages. Its methods may be called from several goroutines at once.
type Observer interface {
	StageStarted(StageStarted)
	StageDone(StageDone)
}

// StageStarted is the beginning of a stage of so many candidates.
type StageStarted struct {
	Stage      string
	Candidates int
}

// StageDone is the end of a stage: the label of the winner, and why it won.
type StageDone struct{ Stage, Winner, Reason string }
