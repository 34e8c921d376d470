package report

import "testing"

// What won is what the document says, or the winners of its stages, of which the last one selects.
func TestWinner(t *testing.T) {
	stage := func(name, metric, winner, loser string) Stage {
		return Stage{Name: name, Metric: metric, Winner: winner, Candidates: []Candidate{{Name: winner, Key: "key " + winner}, {Name: loser, Key: "key " + loser}}}
	}
	stages := []Stage{stage("encoder/left/right", "accuracy", "a", "b"), stage("network", "loss", "c", "d")}
	for name, c := range map[string]struct {
		d                            Document
		winner, candidate, selecting string
	}{
		"stages":       {Document{Stages: stages}, "left/right: a · network: c", "c", "loss"},
		"architecture": {Document{Stages: stages[1:], Architecture: []Part{{"left", "x"}, {"network", "y"}}}, "left: x · network: y", "c", "loss"},
		"a winner":     {Document{Stages: stages, Winner: "key b"}, "left/right: a · network: c", "b", "accuracy"},
		"not decided":  {Document{Stages: []Stage{stages[0], {Name: "network", Metric: "loss"}}}, "left/right: a", "", "loss"},
		"nothing":      {Document{}, "", "", ""},
		"not there":    {Document{Stages: []Stage{{Name: "network", Metric: "loss", Winner: "z"}}}, "network: z", "", "loss"},
	} {
		stage, candidate, found := c.d.Chosen()
		if got := c.d.WinnerText(); got != c.winner || candidate.Name != c.candidate || stage.Metric != c.selecting || found != (c.candidate != "") {
			t.Errorf("%s: winner %q, chosen %q by %q (%t)", name, got, candidate.Name, stage.Metric, found)
		}
	}
}

// A model whose epoch a metric selected says so.
func TestKeptEpoch(t *testing.T) {
	m := Model{Params: 1234, Epochs: 25, Seconds: 70, Select: "f1_weighted", Kept: 16}
	if got, want := modelLine(m), "1,234 parameters, epoch 16 of 25 by f1_weighted, in 70.0 seconds"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
