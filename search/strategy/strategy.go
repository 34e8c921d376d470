package strategy

import (
	"context"

	"mixmas/nn/options"
	"mixmas/nn/registry"
	"mixmas/search/evaluate"
	"mixmas/search/trial"
)

// Strategy is a way to search. It is a pointer to a struct of its options, whose fields have yaml tags, are explained in doc
// tags and limited in jsonschema tags.
type Strategy interface {
	// Search chooses from the space by the evaluator's scores. With the same space and scores it makes the same choices.
	Search(ctx context.Context, space *Space, e Evaluator, o Observer) (*Result, error)
}

// Default is the strategy of a configuration that does not name one.
const Default = "stages"

var strategies = registry.New[func() Strategy]("search strategy")

// Register registers a strategy under a name; make returns it with the defaults of its options. It panics if the name is
// already in use, which is a programming error.
func Register(name, doc string, make func() Strategy) {
	options.MustDescribe("search strategy "+name, func() any { return make() })
	strategies.Register(name, doc, make)
}

// Unregister removes a registered strategy, for tests.
func Unregister(name string) { strategies.Unregister(name) }

// New returns a registered strategy with the defaults of its options. The error for an unknown name lists the registered
// ones.
func New(name string) (Strategy, error) {
	make, err := strategies.Lookup(name)
	if err != nil {
		return nil, err
	}
	return make(), nil
}

// Names returns the registered strategies, and Doc describes one in a line.
func Names() []string        { return strategies.Names() }
func Doc(name string) string { return strategies.Doc(name) }

// Evaluator scores jobs, as [evaluate.Evaluator] does: in parallel, and training only those that have no score yet.
type Evaluator interface {
	Score(ctx context.Context, jobs ...trial.Job) ([]*evaluate.Outcome, error)
	// Outputs returns the logits (rows × classes) of a finished outcome for the rows that score it, see [trial.Scoring]; nil for a
	// score that is made up. The error is [evaluate.ErrUntrained] if they were lost and nothing may be trained.
	Outputs(ctx context.Context, o *evaluate.Outcome) ([]float32, error)
}

// Result is the choice of a strategy.
type Result struct {
	// Stages are the decisions that led to it, in order.
	Stages []*Stage
	// Choices are the chosen candidates, Winner is their tried model, and Reason says in one line why it won.
	Choices Choices
	Winner  *Tried
	Reason  string
}

// Observer observes stages. Its methods may be called from several goroutines at once.
type Observer interface {
	StageStarted(StageStarted)
	StageDone(StageDone)
}

// StageStarted is the start of a stage with the number of candidates that are trained, in so many repeats each, and of those that
// constraints left out.
type StageStarted struct {
	Stage                        string
	Candidates, Repeats, LeftOut int
}

// StageDone is the end of a stage, with the label of the winner and the reason why it won.
type StageDone struct {
	Stage, Winner, Reason string
	// Standing says how the winner stands against the others in the words of package choice. Tested is false if it only says
	// why that was not tested.
	Standing string
	Tested   bool
}
