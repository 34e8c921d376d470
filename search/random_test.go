package search_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// random is a fixture that draws 4 of 8 combinations.
func random(t *testing.T) *fixture {
	f := newFixture(t)
	f.change("search:\n", "search:\n  strategy: random\n  trials: 4\n")
	return f
}

// The same combinations are drawn and scored at any number of workers, and found again; the winner is trained in full.
func TestRandomSearch(t *testing.T) {
	one, three := random(t), random(t)
	one.workers, three.workers = 1, 3
	first := one.run()
	three.run()
	if diff := cmp.Diff(one.scores(), three.scores()); diff != "" {
		t.Errorf("one worker against three:\n%s", diff)
	}
	if first.Trainings != 4 || len(first.Stages) != 1 || len(first.Stages[0].Outcomes()) != 4 {
		t.Errorf("trained %d times in %d stages", first.Trainings, len(first.Stages))
	}
	again := one.run()
	if again.Trainings != 0 || again.Winner.First().Score.Key != first.Winner.First().Score.Key {
		t.Errorf("the search again trained %d times, its winner is %s, was %s", again.Trainings, again.Winner.First().Job.Name, first.Winner.First().Job.Name)
	}
	one.change("trials: 4", "trials: 5")
	if more := one.run(); more.Trainings != 1 {
		t.Errorf("one trial more trained %d times", more.Trainings)
	}
	one.change("trials: 5", "trials: 100")
	if all := one.run(); all.Trainings != 3 || len(all.Stages[0].Outcomes()) != 8 {
		t.Errorf("all combinations: %d, of which %d were trained", len(all.Stages[0].Outcomes()), all.Trainings)
	}
	trained, err := three.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if trained.Job.Specification.Model.Network.Architecture != first.Choices.Network.Choice.Architecture {
		t.Errorf("the full model has the network %s", trained.Job.Specification.Model.Network.Architecture)
	}
}
