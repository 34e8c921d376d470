package strategy

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"mixmas/search/trial"
)

// Random are the options of the strategy random.
type Random struct {
	Trials int `yaml:"trials" json:"trials" jsonschema:"minimum=1,maximum=10000" doc:"How many different combinations are drawn and trained; all of them if there are fewer."`
}

func init() {
	Register("random", "Draws whole combinations of encoders, fusion function and fusion network, and trains each from scratch.",
		func() Strategy { return &Random{Trials: 20} })
}

// Search implements [Strategy]. Every combination is equally likely, and none is drawn twice.
func (r *Random) Search(ctx context.Context, space *Space, e Evaluator, o Observer) (*Result, error) {
	if err := space.complete(); err != nil {
		return nil, err
	}
	drawn, err := combinations(ctx, space, r.Trials)
	if err != nil {
		return nil, err
	}
	var jobs []trial.Job
	for _, c := range drawn {
		jobs = append(jobs, space.FusedJob("random", label(space, c), space.Model(c)))
	}
	stage, winner, err := space.decide(ctx, e, o, &Stage{Name: "random", Metric: space.Metric, Left: leftOfAll(space)}, Repeated(jobs, space.Repeats.Network))
	if err != nil {
		return nil, err
	}
	return &Result{Stages: []*Stage{stage}, Choices: drawn[winner], Winner: stage.Winner, Reason: stage.Reason}, nil
}

// leftOfAll are the candidates for all parts of the model that are left out, each with its part.
func leftOfAll(space *Space) (list []LeftOut) {
	add := func(part string, left []LeftOut) {
		for _, l := range left {
			list = append(list, LeftOut{part + "/" + l.Label, l.Reason})
		}
	}
	for _, m := range space.Modalities {
		add(m.Name, m.Left)
	}
	add("network", space.LeftNetworks)
	return list
}

// label returns the label of a combination.
func label(space *Space, c Choices) string {
	var labels []string
	for _, p := range space.Parts(c) {
		labels = append(labels, p.Label)
	}
	return strings.Join(labels, "+")
}

// drawsPerTrial limits the combinations that are drawn for each wanted one, if constraints leave most out.
const drawsPerTrial = 10

// combinations draws different combinations with the search's seed, until as many as wanted may be tried. If there are no more
// than wanted, it returns all of them in order.
func combinations(ctx context.Context, space *Space, wanted int) ([]Choices, error) {
	functions := space.functions()
	places := []int{len(functions), len(space.Networks)}
	for _, m := range space.Modalities {
		places = append(places, len(m.Encoders))
	}
	all := 1 // capped at the largest int
	for _, n := range places {
		if all > math.MaxInt/n {
			all = math.MaxInt
			break
		}
		all *= n
	}
	var list []Choices
	add := func(at []int) {
		c := Choices{Encoders: map[string]Candidate{}, Fusion: functions[at[0]], Network: space.Networks[at[1]]}
		for i, m := range space.Modalities {
			c.Encoders[m.Name] = m.Encoders[at[2+i]]
		}
		list = append(list, c)
	}
	at := make([]int, len(places))
	if wanted >= all {
		for n := range all {
			for i, size := range places {
				at[i] = n % size
				n /= size
			}
			add(at)
		}
		return list, nil
	}
	rng := rand.New(rand.NewPCG(space.Specification.Seed, 0))
	seen := map[string]bool{}
	for allowed := 0; allowed < wanted && len(list) < min(all, drawsPerTrial*wanted); {
		for i, size := range places {
			at[i] = rng.IntN(size)
		}
		text := fmt.Sprint(at)
		if seen[text] {
			continue
		}
		seen[text] = true
		add(at)
		reason, err := space.leftOut(ctx, space.Model(list[len(list)-1]))
		if err != nil {
			return nil, err
		}
		if reason == "" {
			allowed++
		}
	}
	return list, nil
}
