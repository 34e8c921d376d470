package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
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
	for _, l := range s.LeftByReason() {
		if len(l.Names) == 1 {
			list = append(list, fmt.Sprintf("left out: %s %s", l.Names[0], l.Reason))
		} else {
			list = append(list, fmt.Sprintf("left out: %s, each of which %s", english.WordSeries(l.Names, "and"), l.Reason))
		}
	}
	if len(s.Untried) > 0 {
		list = append(list, "not tried, because the budget would not suffice: "+strings.Join(s.Untried, ", "))
	}
	return list
}

// LeftTogether are the names of candidates that were left out for the same reason.
type LeftTogether struct {
	Names  []string
	Reason string
}

// LeftByReason returns the candidates that were left out, together where the reason is the same.
func (s Stage) LeftByReason() (list []LeftTogether) {
	for _, c := range s.LeftOut {
		i := slices.IndexFunc(list, func(l LeftTogether) bool { return l.Reason == c.Reason })
		if i < 0 {
			i = len(list)
			list = append(list, LeftTogether{Reason: c.Reason})
		}
		list[i].Names = append(list[i].Names, c.Name)
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
