package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmas/search/report"
)

// choices says how often the chosen encoder is the best by test, and what is lost.
func (r results) choices(b *strings.Builder) {
	truth := r.truth()
	b.WriteString("\nThe encoder that is best by test is the one with the best mean over all runs of the recommended settings. Regret is how far the chosen one's\n" +
		"mean is below it.\n\n| modality | settings | best chosen | regret, points | chosen |\n|---|---|---:|---:|---|\n")
	for _, modality := range truth.modalities {
		for _, settings := range []string{paper, recommended} {
			best, regret, n := 0, 0.0, 0
			var names []string
			for _, s := range r.seeds {
				m := s.recommended
				if settings == paper {
					m = s.paper[0]
				}
				chosen := winner(m.Document, modality)
				lost := truth.regret(modality, chosen)
				if math.IsNaN(lost) {
					continue
				}
				n++
				regret += lost
				if lost == 0 {
					best++
				}
				names = append(names, chosen)
			}
			if n > 0 {
				fmt.Fprintf(b, "| %s | %s | %d of %d | %.2f | %s |\n", modality, settings, best, n, 100*regret/float64(n), counted(names))
			}
		}
	}
}

// truth holds the mean test score of every encoder.
type truth struct {
	modalities []string
	means      map[string]map[string]float64 // by modality and candidate
}

func (r results) truth() truth {
	t := truth{means: map[string]map[string]float64{}}
	counts := map[[2]string]float64{}
	for _, s := range r.seeds {
		for _, e := range s.recommended.Encoders {
			if t.means[e.Modality] == nil {
				t.modalities = append(t.modalities, e.Modality)
				t.means[e.Modality] = map[string]float64{}
			}
			t.means[e.Modality][e.Candidate] += e.Test
			counts[[2]string{e.Modality, e.Candidate}]++
		}
	}
	for modality, means := range t.means {
		for candidate := range means {
			means[candidate] /= counts[[2]string{modality, candidate}]
		}
	}
	return t
}

// regret is how far a candidate's mean is below the best, NaN if it has none.
func (t truth) regret(modality, candidate string) float64 {
	own, known := t.means[modality][candidate]
	if !known {
		return math.NaN()
	}
	best := own
	for _, mean := range t.means[modality] {
		best = max(best, mean)
	}
	return best - own
}

// winner is the chosen encoder of a modality.
func winner(d report.Document, modality string) string {
	for _, s := range d.Stages {
		if s.Name == "encoder/"+modality {
			return s.Winner
		}
	}
	return ""
}

// counted lists names with how often they occur, the most frequent first.
func counted(names []string) string {
	counts := map[string]int{}
	for _, name := range names {
		counts[name]++
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(names)))
	slices.SortStableFunc(distinct, func(a, b string) int { return counts[b] - counts[a] })
	for i, name := range distinct {
		distinct[i] = fmt.Sprintf("%s %d", name, counts[name])
	}
	return strings.Join(distinct, ", ")
}
