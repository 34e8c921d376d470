package paper

import (
	"cmp"
	"math"
	"slices"

	"mixmas/search/choice"
	"mixmas/search/packed"
	"mixmas/search/store"
)

// Results are the runs so far.
type Results struct {
	// Command is what made them, and Machine and Numerics where.
	Command, Machine, Numerics string
	Data                       Data
	// Sample is the number of rows that candidates are trained on.
	Sample int
	// Seeds and Epochs are what was asked for.
	Seeds, Epochs int
	Searches      []Search
	Trainings     []Training
}

// Data are the data that were used.
type Data struct {
	Fingerprint             string
	Train, Validation, Test int
	// Cut means that only the first rows of each split were used, for a rehearsal.
	Cut bool
}

// Search is the search with one seed.
type Search struct {
	Seed   uint64
	Stages []Stage
}

// Stage is a stage of a search.
type Stage struct {
	Name, Winner string
	Candidates   []Candidate
}

// Candidate is a candidate of a stage: its accuracy on the validation rows, NaN if it failed, and which rows it predicts right.
type Candidate struct {
	Name       string
	Accuracy   float64
	Right      packed.Bits
	Parameters int
	Seconds    float64
}

// Training is a full training of a model with one seed at one learning rate.
type Training struct {
	Model string
	Seed  uint64
	Rate  float64
	// Key is the key of its score in the store.
	Key        string
	Parameters int
	// Validation and Test are accuracies, NaN if the training failed; Right says which test rows it predicts right.
	Validation, Test float64
	Right            packed.Bits
	Curve            []store.Epoch
	Seconds          float64
	// Failed is the reason why it failed, such as that it diverged.
	Failed string
}

// compared are candidates or models over seeds.
type compared struct {
	names    []string
	standing *choice.Standing
	seeds    int
	// parameters and seconds are means over the seeds, and chosen counts how often each was chosen.
	parameters, seconds []float64
	chosen              []int
}

// index is the place of a name, -1 if it is missing.
func (c *compared) index(name string) int { return slices.Index(c.names, name) }

// stageNames lists the stages in order.
func (r *Results) stageNames() (names []string) {
	for _, s := range r.Searches {
		for _, stage := range s.Stages {
			if !slices.Contains(names, stage.Name) {
				names = append(names, stage.Name)
			}
		}
	}
	return names
}

// stage compares the candidates of a stage over the seeds; nil if there is nothing to compare.
func (r *Results) stage(name string) *compared {
	c := &compared{}
	var runs choice.Runs
	for _, s := range r.Searches {
		i := slices.IndexFunc(s.Stages, func(stage Stage) bool { return stage.Name == name })
		if i < 0 {
			continue
		}
		for _, candidate := range s.Stages[i].Candidates {
			k := c.index(candidate.Name)
			if k < 0 {
				k = len(c.names)
				c.names = append(c.names, candidate.Name)
				runs.Scores, runs.Right = append(runs.Scores, missing(c.seeds)), append(runs.Right, make([]packed.Bits, c.seeds))
				c.parameters, c.seconds, c.chosen = append(c.parameters, 0), append(c.seconds, 0), append(c.chosen, 0)
			}
			runs.Scores[k], runs.Right[k] = append(runs.Scores[k], candidate.Accuracy), append(runs.Right[k], candidate.Right)
			c.parameters[k] += float64(candidate.Parameters)
			c.seconds[k] += candidate.Seconds
			if candidate.Name == s.Stages[i].Winner {
				c.chosen[k]++
			}
		}
		c.seeds++
		for k := range runs.Scores {
			if len(runs.Scores[k]) < c.seeds {
				runs.Scores[k], runs.Right[k] = append(runs.Scores[k], math.NaN()), append(runs.Right[k], nil)
			}
		}
	}
	return c.finish(runs, r.Data.Validation)
}

// models compares models on the test rows, each at its better learning rate, over the seeds that all of them have; nil if there are
// none.
func (r *Results) models(names ...string) *compared {
	c := &compared{names: names, parameters: make([]float64, len(names)), seconds: make([]float64, len(names)), chosen: make([]int, len(names))}
	runs := choice.Runs{Scores: make([][]float64, len(names)), Right: make([][]packed.Bits, len(names))}
	for _, seed := range r.complete() {
		var row []*Training
		for _, name := range names {
			if t := r.training(name, seed, r.rate(name)); t != nil && t.Failed == "" {
				row = append(row, t)
			}
		}
		if len(row) < len(names) {
			continue
		}
		c.seeds++
		for i, t := range row {
			runs.Scores[i], runs.Right[i] = append(runs.Scores[i], t.Test), append(runs.Right[i], t.Right)
			c.parameters[i] += float64(t.Parameters)
			c.seconds[i] += t.Seconds
		}
	}
	return c.finish(runs, r.Data.Test)
}

func (c *compared) finish(runs choice.Runs, rows int) *compared {
	runs.Rows = rows
	standing, err := choice.Compare(runs)
	if err != nil { // nothing has a score
		return nil
	}
	for i := range c.names {
		c.parameters[i] /= float64(c.seeds)
		c.seconds[i] /= float64(c.seeds)
	}
	c.standing = standing
	return c
}

func missing(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }

// complete lists the seeds with which every model was trained at every rate.
func (r *Results) complete() (seeds []uint64) {
	for _, t := range r.Trainings {
		if slices.Contains(seeds, t.Seed) {
			continue
		}
		whole := true
		for _, name := range Models {
			for _, rate := range Rates {
				whole = whole && r.training(name, t.Seed, rate) != nil
			}
		}
		if whole {
			seeds = append(seeds, t.Seed)
		}
	}
	return seeds
}

func (r *Results) training(model string, seed uint64, rate float64) *Training {
	for i, t := range r.Trainings {
		if t.Model == model && t.Seed == seed && t.Rate == rate {
			return &r.Trainings[i]
		}
	}
	return nil
}

// at lists the trainings of a model at a rate, over the complete seeds.
func (r *Results) at(model string, rate float64) (list []*Training) {
	for _, seed := range r.complete() {
		list = append(list, r.training(model, seed, rate))
	}
	return list
}

// rate is the better learning rate of a model: that with the fewest failed trainings, then with the higher mean accuracy on the
// validation rows.
func (r *Results) rate(model string) float64 {
	return slices.MaxFunc(Rates, func(a, b float64) int {
		x, y := r.at(model, a), r.at(model, b)
		return cmp.Or(cmp.Compare(failures(y), failures(x)), cmp.Compare(meanOf(x, validation), meanOf(y, validation)))
	})
}

func failures(list []*Training) (n int) {
	for _, t := range list {
		if t.Failed != "" {
			n++
		}
	}
	return n
}

func validation(t *Training) float64 { return t.Validation }
func test(t *Training) float64       { return t.Test }

// meanOf is the mean over the trainings that did not fail, NaN if there are none.
func meanOf(list []*Training, of func(*Training) float64) float64 {
	sum, n := 0.0, 0
	for _, t := range list {
		if t.Failed == "" {
			sum += of(t)
			n++
		}
	}
	return sum / float64(n)
}
