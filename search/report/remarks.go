package report

import (
	"fmt"
	"strings"
)

// Remarks are what there is to say below the table of a stage: why its winner is not the first, how it stands against the
// others, and what was not tried.
func (s Stage) Remarks() (list []string) {
	if s.Reason != "" {
		list = append(list, fmt.Sprintf("%s %s", s.Winner, s.Reason))
	}
	if s.Verdict != "" && tested(s) {
		list = append(list, s.Verdict)
	}
	for _, c := range s.Candidates {
		if c.Diverged != "" {
			list = append(list, fmt.Sprintf("%s diverged, and was trained once more at a third of the learning rate", c.Name))
		}
	}
	for _, c := range s.LeftOut {
		list = append(list, fmt.Sprintf("left out: %s %s", c.Name, c.Reason))
	}
	if len(s.Untried) > 0 {
		list = append(list, "not tried, because the budget would not suffice: "+strings.Join(s.Untried, ", "))
	}
	return list
}

// Warnings are what to bear in mind when reading the tables of all stages, each once: which orders were not tested, and scores
// that are optimistic.
func (d Document) Warnings() (list []string) {
	var verdicts []string
	stages := map[string][]string{} // by verdict
	for _, s := range d.Stages {
		if s.Verdict == "" || tested(s) || len(s.Candidates) < 2 {
			continue
		}
		if stages[s.Verdict] == nil {
			verdicts = append(verdicts, s.Verdict)
		}
		stages[s.Verdict] = append(stages[s.Verdict], s.Name)
	}
	for _, v := range verdicts {
		list = append(list, strings.Join(stages[v], ", ")+": "+v)
	}
	if d.ScoreAt == "best" && len(d.Stages) > 0 {
		list = append(list, "candidates with all modalities are scored at their best epoch, which is optimistic: by 0.6 to 1.5 points where it was measured")
	}
	return list
}
