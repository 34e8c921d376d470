package search_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"mixmas/search/metric"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// halving is a strategy of somebody else's: it trains every network with the first encoders and function for some epochs, and the
// better half of them to the end.
type halving struct {
	First int `yaml:"first" json:"first" jsonschema:"minimum=1" doc:"Epochs after which the worse half is dropped."`
}

func (h *halving) Search(ctx context.Context, space *strategy.Space, e strategy.Evaluator, o strategy.Observer) (*strategy.Result, error) {
	c := strategy.Choices{Encoders: map[string]strategy.Candidate{}, Fusion: space.Fusions[0]}
	for _, m := range space.Modalities {
		c.Encoders[m.Name] = m.Encoders[0]
	}
	var jobs []trial.Job
	for _, c.Network = range space.Networks {
		job := space.Job("halving", c.Network.Label, space.Model(c))
		job.Until = h.First
		jobs = append(jobs, job)
	}
	first, err := e.Score(ctx, jobs...)
	if err != nil {
		return nil, err
	}
	order := make([]int, len(jobs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if metric.Better(space.Metric, first[a].Score.Metrics[space.Metric], first[b].Score.Metrics[space.Metric]) {
			return -1
		}
		return 1
	})
	var kept []trial.Job
	order = order[:(len(order)+1)/2]
	for _, i := range order {
		job := jobs[i]
		job.Until = 0
		kept = append(kept, job)
	}
	stage, winner, err := space.Decide(ctx, e, o, "halving", strategy.Repeated(kept, space.Repeats.Network))
	if err != nil {
		return nil, err
	}
	c.Network = space.Networks[order[winner]]
	return &strategy.Result{Stages: []*strategy.Stage{stage}, Choices: c, Winner: stage.Winner, Reason: stage.Reason}, nil
}

var registerHalving = sync.OnceFunc(func() {
	strategy.Register("halving", "For tests.", func() strategy.Strategy { return &halving{First: 5} })
})

// A strategy of one's own, with an option, needs to be registered and nothing else; what it stops early is not trained twice, nor in
// the search again.
func TestStrategyOfOnesOwn(t *testing.T) {
	registerHalving()
	f := newFixture(t)
	f.change("search:\n", "search:\n  strategy: halving\n  first: 1\n")
	watched := &counter{}
	f.watch = watched
	first := f.run()
	if len(first.Stages[0].Outcomes()) != 1 || watched.steps != 3+3+3 { // two networks for one of their two epochs, then the better one
		t.Errorf("%d candidates came to the end, in %d steps", len(first.Stages[0].Outcomes()), watched.steps)
	}
	if len(first.Winner.First().Score.Curve) != 2 || first.Winner.First().Job.Label != first.Choices.Network.Label {
		t.Errorf("the winner %s has %d epochs, %s was chosen", first.Winner.First().Job.Label, len(first.Winner.First().Score.Curve), first.Choices.Network.Label)
	}
	again := f.run()
	if again.Trainings != 0 || again.Winner.First().Score.Key != first.Winner.First().Score.Key {
		t.Errorf("again it trained %d times and chose %s", again.Trainings, again.Winner.First().Job.Name)
	}
	if _, err := f.train(t.Context(), t.TempDir()); err != nil {
		t.Error(err)
	}
}

// careless is a strategy of somebody else's that returns what it should not.
type careless struct {
	Until int `yaml:"until" json:"until" doc:"Epochs of the winner; 0 for no winner."`
}

func (c *careless) Search(ctx context.Context, space *strategy.Space, e strategy.Evaluator, _ strategy.Observer) (*strategy.Result, error) {
	if c.Until == 0 {
		return &strategy.Result{}, nil
	}
	job := space.Job("careless", "first", space.EncoderModel(space.Modalities[0], space.Modalities[0].Encoders[0]))
	job.Until = c.Until
	outcomes, err := e.Score(ctx, job)
	if err != nil {
		return nil, err
	}
	return &strategy.Result{Winner: &strategy.Tried{Repeats: outcomes}}, nil
}

var registerCareless = sync.OnceFunc(func() {
	strategy.Register("careless", "For tests.", func() strategy.Strategy { return &careless{} })
})

// A strategy without a winner, or with one that is not trained to its end, is an error that names the strategy.
func TestStrategyWithoutWinner(t *testing.T) {
	registerCareless()
	for _, until := range []string{"0", "1"} {
		f := newFixture(t)
		f.change("search:\n", "search:\n  strategy: careless\n  until: "+until+"\n")
		s, err := f.search()
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.Run(t.Context()); err == nil || err.Error() != "search strategy careless: the winner's training has not finished" {
			t.Errorf("until epoch %s: got error %v", until, err)
		}
	}
}
