package strategy

import (
	"context"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/store"
	"mixmas/search/task"
	"mixmas/search/trial"
)

// twoClasses is a data set that has classes and nothing else.
type twoClasses struct{ dataset.Dataset }

func (twoClasses) Task() task.Task { return task.Task{Classes: []string{"a", "b"}} }

// space has modalities with so many encoders each, functions and networks.
func space(encoders []int, functions, networks int) *Space {
	candidates := func(n int, prefix string) (list []Candidate) {
		for i := range n {
			label := fmt.Sprint(prefix, i)
			list = append(list, Candidate{Label: label, Choice: mixer.Choice{Architecture: label}, Full: mixer.Choice{Architecture: "full " + label}})
		}
		return list
	}
	s := &Space{Data: twoClasses{}, Metric: "accuracy", Networks: candidates(networks, "n"),
		Specification: trial.Specification{Seed: 1}}
	for i := range functions {
		label := fmt.Sprint("f", i)
		s.Fusions = append(s.Fusions, Function{Label: label, Choice: mixer.FusionChoice{Function: label}, Full: mixer.FusionChoice{Function: "full " + label}})
	}
	for i, n := range encoders {
		name := fmt.Sprint("m", i)
		s.Modalities = append(s.Modalities, Modality{Modality: dataset.Modality{Name: name}, Encoders: candidates(n, name+"e")})
	}
	return s
}

// scorer makes up scores: by the name of the job, or of a value where it has one for the name.
type scorer struct {
	sync.Mutex
	jobs   []trial.Job
	values map[string]float64
}

func (s *scorer) Score(_ context.Context, jobs ...trial.Job) ([]*evaluate.Outcome, error) {
	s.Lock()
	defer s.Unlock()
	var outcomes []*evaluate.Outcome
	for _, job := range jobs {
		h := fnv.New32()
		h.Write([]byte(job.Name))
		value := float64(h.Sum32()%1000) / 1000
		if v, has := s.values[job.Name]; has {
			value = v
		}
		s.jobs = append(s.jobs, job)
		outcomes = append(outcomes, &evaluate.Outcome{Job: job, Score: store.Score{Key: job.Name, Name: job.Name, Status: store.Finished,
			Metrics: map[string]float64{"accuracy": value}}})
	}
	return outcomes, nil
}

// Outputs implements [Evaluator]: there are none.
func (s *scorer) Outputs(context.Context, *evaluate.Outcome) ([]float32, error) {
	return nil, evaluate.ErrUntrained
}

// listener writes stages down.
type listener struct {
	sync.Mutex
	lines []string
}

func (l *listener) StageStarted(e StageStarted) { l.add(e.Stage, " ", e.Candidates) }
func (l *listener) StageDone(e StageDone)       { l.add(e.Stage, " ", e.Winner, ": ", e.Reason) }

func (l *listener) add(line ...any) {
	l.Lock()
	defer l.Unlock()
	l.lines = append(l.lines, fmt.Sprint(line...))
}

// Every strategy chooses the candidates of its winner, and the same ones for the same scores.
func TestChoicesAreThoseOfTheWinner(t *testing.T) {
	for _, name := range Names() {
		rapid.Check(t, func(t *rapid.T) {
			s := space(rapid.SliceOfN(rapid.IntRange(1, 3), 1, 3).Draw(t, "encoders"), rapid.IntRange(1, 3).Draw(t, "functions"), rapid.IntRange(1, 3).Draw(t, "networks"))
			s.Specification.Seed = rapid.Uint64().Draw(t, "seed")
			search := func() *Result {
				chosen, err := New(name)
				if err != nil {
					t.Fatal(err)
				}
				r, err := chosen.Search(t.Context(), s, &scorer{}, &listener{})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			r := search()
			if model := r.Winner.First().Job.Specification.Model; !reflect.DeepEqual(model, s.Model(r.Choices)) {
				t.Errorf("%s: chose %v, the winner is %v", name, s.Model(r.Choices), model)
			}
			if full := s.FullModel(r.Choices); full.Network.Architecture != "full "+r.Choices.Network.Label || full.Fusion.Function != "full "+r.Choices.Fusion.Label {
				t.Errorf("%s: the full model's network is %s, its function %s", name, full.Network.Architecture, full.Fusion.Function)
			}
			again := search()
			if !reflect.DeepEqual(r.Choices, again.Choices) || r.Winner.Label != again.Winner.Label || r.Reason != again.Reason {
				t.Errorf("%s: the same search again chooses %s", name, again.Winner.Label)
			}
			for i, stage := range r.Stages {
				if !reflect.DeepEqual(stage.Outcomes(), again.Stages[i].Outcomes()) {
					t.Errorf("%s: stage %s of the same search again differs", name, stage.Name)
				}
			}
			for _, stage := range r.Stages {
				if stage.Winner != stage.Candidates[0] || stage.Reason == "" {
					t.Errorf("%s: stage %s has the winner %s (%q)", name, stage.Name, stage.Winner.First().Job.Name, stage.Reason)
				}
			}
		})
	}
}

// The paper's stages: what is tried, in which order, and why the winners won.
func TestStages(t *testing.T) {
	s := space([]int{2}, 2, 2)
	s.Warm = true
	said, scores := &listener{}, &scorer{values: map[string]float64{"encoder/m0/m0e0": 0.5, "encoder/m0/m0e1": 0.75, "network/n0": 0.5, "network/n1": 0.5}}
	r, err := (&stages{}).Search(t.Context(), s, scores, said)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"encoder/m0 2", "encoder/m0 m0e1: the best accuracy of 2 candidates", "fusion 1", "fusion f0: the only candidate",
		"network 2", "network n0: the best accuracy of 2 candidates, and first by name before n1"}
	if diff := cmp.Diff(want, said.lines); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	if r.Winner != r.Stages[2].Winner || r.Reason != r.Stages[2].Reason {
		t.Errorf("the winner is %s: %s", r.Winner.First().Job.Name, r.Reason)
	}
	for _, job := range scores.jobs {
		from, warm := job.Start["m0"]
		if warm != !strings.HasPrefix(job.Name, "encoder/") || warm && from.Name != "encoder/m0/m0e1" {
			t.Errorf("%s starts from %v", job.Name, job.Start)
		}
	}
}

// Random combinations are whole, different and from scratch; there are as many as wanted, or all.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		encoders := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 3).Draw(t, "encoders")
		functions, networks := rapid.IntRange(1, 3).Draw(t, "functions"), rapid.IntRange(1, 3).Draw(t, "networks")
		wanted := rapid.IntRange(1, 60).Draw(t, "trials")
		s := space(encoders, functions, networks)
		all := networks
		if len(encoders) > 1 { // one modality has nothing to fuse
			all *= functions
		}
		for _, n := range encoders {
			all *= n
		}
		scores := &scorer{}
		if _, err := (&Random{wanted}).Search(t.Context(), s, scores, &listener{}); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, job := range scores.jobs {
			if job.Start != nil || len(job.Specification.Model.Modalities) != len(encoders) || seen[job.Name] {
				t.Errorf("%s: starts from %v, has %d modalities, or is drawn twice", job.Name, job.Start, len(job.Specification.Model.Modalities))
			}
			seen[job.Name] = true
		}
		if want := min(wanted, all); len(seen) != want {
			t.Errorf("%d combinations of %d, want %d", len(seen), all, want)
		}
	})
}

// The search's seed decides what is drawn, and every candidate has its chance. More combinations than an int counts are no hindrance.
func TestRandomDraws(t *testing.T) {
	drawn := func(seed uint64, s *Space) (names []string) {
		s.Specification.Seed = seed
		scores := &scorer{}
		if _, err := (&Random{200}).Search(t.Context(), s, scores, &listener{}); err != nil {
			t.Fatal(err)
		}
		for _, job := range scores.jobs {
			names = append(names, job.Name)
		}
		return names
	}
	many := space(slices.Repeat([]int{3}, 60), 4, 4)
	a, b, c := drawn(1, many), drawn(1, many), drawn(2, many)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Errorf("the same seed draws the same: %t; another draws the same: %t", slices.Equal(a, b), slices.Equal(a, c))
	}
	text := strings.Join(a, "\n")
	for _, m := range many.Modalities {
		for _, e := range m.Encoders {
			if n := strings.Count(text, e.Label+"+"); n < 40 || n > 95 { // of 200, a third on average
				t.Errorf("%s is drawn %d times of 200", e.Label, n)
			}
		}
	}
}

// What is not trained to its end wins nothing.
func TestPartialScoresWinNothing(t *testing.T) {
	s := space([]int{1}, 1, 1)
	partial := scoreFunc(func(jobs []trial.Job) []*evaluate.Outcome {
		return []*evaluate.Outcome{{Job: jobs[0], Score: store.Score{Status: store.Partial, Metrics: map[string]float64{"accuracy": 1}}}}
	})
	if _, err := (&stages{}).Search(t.Context(), s, partial, &listener{}); err == nil || !strings.Contains(err.Error(), "no candidate has finished its training") {
		t.Errorf("got error %v", err)
	}
}

type scoreFunc func(jobs []trial.Job) []*evaluate.Outcome

func (scoreFunc) Outputs(context.Context, *evaluate.Outcome) ([]float32, error) {
	return nil, evaluate.ErrUntrained
}

func (f scoreFunc) Score(_ context.Context, jobs ...trial.Job) ([]*evaluate.Outcome, error) {
	return f(jobs), nil
}

func TestUnknownStrategy(t *testing.T) {
	if _, err := New("randm"); err == nil || !strings.Contains(err.Error(), `unknown search strategy "randm": known are random, stages`) {
		t.Errorf("got error %v", err)
	}
}
