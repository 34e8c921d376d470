// Package study replays recorded trainings: every candidate of some stages, trained several times on several draws of the sample,
// with what each training predicted. It counts how often a rule of choice is right.
package study

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"mixmas/search/packed"
)

// Recording holds recorded trainings for single-label data. All were scored on the same validation and test rows.
type Recording struct {
	// Validation and Test are the numbers of rows.
	Validation, Test int
	Runs             []Run
}

// Run is one recorded training.
type Run struct {
	Description
	// Right says after each epoch which of the validation rows are predicted right, and Test which of the test rows after the last.
	Right []packed.Bits
	Test  packed.Bits
}

// Description says what was trained.
type Description struct {
	Stage     string `json:"stage"`
	Candidate string `json:"candidate"`
	// Repeat and Draw count from 0: repeats differ in the seed, draws in the sample. Runs with the same ones share both.
	Repeat int `json:"repeat"`
	Draw   int `json:"draw"`
	// FLOPs are what the candidate costs.
	FLOPs float64 `json:"flops"`
}

// Last says which validation rows are predicted right after the last epoch.
func (r *Run) Last() packed.Bits { return r.Right[len(r.Right)-1] }

// Layout says how the stages of a recording are read.
type Layout struct {
	// Skip names stages that are no decisions.
	Skip []string
	// Shared names trainings that another stage has too.
	Shared []Shared
}

// Shared is a candidate of a stage whose trainings are those of another stage's candidate.
type Shared struct{ Stage, Candidate, FromStage, FromCandidate string }

// Stage is a decision between candidates.
type Stage struct {
	Name       string
	Candidates []string // sorted
	// Keys are the repeats and draws that all candidates have, sorted, and Runs the trainings, candidates × keys.
	Keys []Key
	Runs [][]*Run
}

// Key is a repeat on a draw of the sample.
type Key struct{ Repeat, Draw int }

// Stages returns the stages in the order in which they were recorded, without those that have one candidate only.
func (r *Recording) Stages(layout Layout) ([]Stage, error) {
	var order []string
	table := map[string]map[string]map[Key]*Run{}
	for i := range r.Runs {
		run := &r.Runs[i]
		if slices.Contains(layout.Skip, run.Stage) {
			continue
		}
		if table[run.Stage] == nil {
			table[run.Stage] = map[string]map[Key]*Run{}
			order = append(order, run.Stage)
		}
		candidates := table[run.Stage]
		if candidates[run.Candidate] == nil {
			candidates[run.Candidate] = map[Key]*Run{}
		}
		key := Key{run.Repeat, run.Draw}
		if candidates[run.Candidate][key] != nil {
			return nil, fmt.Errorf("runs: repeat %d of draw %d of %s in stage %s is recorded twice", key.Repeat, key.Draw, run.Candidate, run.Stage)
		}
		candidates[run.Candidate][key] = run
	}
	for _, s := range layout.Shared {
		if runs := table[s.FromStage][s.FromCandidate]; runs != nil && table[s.Stage] != nil && table[s.Stage][s.Candidate] == nil {
			table[s.Stage][s.Candidate] = runs
		}
	}
	var stages []Stage
	for _, name := range order {
		if len(table[name]) < 2 {
			continue
		}
		stage := newStage(name, table[name])
		if len(stage.Keys) == 0 {
			return nil, fmt.Errorf("stage %s: no repeat of any draw has a run of all candidates: %v", name, stage.Candidates)
		}
		stages = append(stages, stage)
	}
	if len(stages) == 0 {
		return nil, fmt.Errorf("no stage has two candidates: there are %d runs of the stages %q", len(r.Runs), order)
	}
	return stages, nil
}

// Least is the smallest number of trainings that the stages have of all their candidates; 0 if there are no stages.
func (r *Recording) Least(layout Layout) int {
	stages, err := r.Stages(layout)
	if err != nil {
		return 0
	}
	return len(slices.MinFunc(stages, func(a, b Stage) int { return cmp.Compare(len(a.Keys), len(b.Keys)) }).Keys)
}

func newStage(name string, candidates map[string]map[Key]*Run) Stage {
	s := Stage{Name: name, Candidates: slices.Sorted(maps.Keys(candidates))}
	for key := range candidates[s.Candidates[0]] {
		if !slices.ContainsFunc(s.Candidates, func(c string) bool { return candidates[c][key] == nil }) {
			s.Keys = append(s.Keys, key)
		}
	}
	slices.SortFunc(s.Keys, func(a, b Key) int { return cmp.Or(cmp.Compare(a.Repeat, b.Repeat), cmp.Compare(a.Draw, b.Draw)) })
	for _, c := range s.Candidates {
		var runs []*Run
		for _, key := range s.Keys {
			runs = append(runs, candidates[c][key])
		}
		s.Runs = append(s.Runs, runs)
	}
	return s
}
