package study

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Subject is a recording with a name for people, and what was found out with it.
type Subject struct {
	Name     string
	Evidence []Evidence
	// Calibrations are by number of repeats.
	Calibrations map[int]*Calibration
}

// CalibratedRepeats are the numbers of repeats of [Subject.Calibrations].
var CalibratedRepeats = []int{2, 3, 5}

// WriteMarkdown writes tables of the evidence, with the mean over stages of the same kind: what is before the slash of their names.
func WriteMarkdown(w io.Writer, subjects []Subject) error {
	var b strings.Builder
	choices, epochs := newTable(&b), newTable(&b)
	for _, s := range subjects {
		for _, e := range s.Evidence {
			kind, _, _ := strings.Cut(e.Stage, "/")
			name := fmt.Sprintf("%s, %s", s.Name, e.Stage)
			choices.add(kind, name, []float64{float64(e.Candidates), float64(e.Trainings), 100 * e.Spread, 100 * e.Chance,
				100 * e.Best[0].Right, 100 * e.Best[1].Right, 100 * e.Best[2].Right,
				100 * e.Best[0].Regret, 100 * e.Best[1].Regret, 100 * e.Best[2].Regret,
				100 * e.Close.Regret, e.Close.Cost, 100 * e.Tied.Regret, e.Tied.Cost})
			epochs.add(kind, name, []float64{100 * e.BestEpoch, 100 * e.Optimism, 100 * e.Different})
		}
	}
	fmt.Fprintf(&b, "## Which candidate wins\n\n"+
		"The best candidate of a stage is the one with the best mean test accuracy over all its trainings; spread is how far the worst is below\n"+
		"it. Right: how often the best validation mean of 1, 3 or 5 repeats on one sample is that candidate. Regret: how far the chosen one is\n"+
		"below the best. Cheapest close: the cheapest within one standard error and one point of the leader, 3 repeats; cost by the leader's.\n"+
		"Shares in %%, differences in points, means over stages of a kind.\n\n"+
		"| stage | candidates | trainings | spread | chance | right: 1 run | 3 | 5 | regret: 1 run | 3 | 5 | cheapest close: regret | cost | cheapest tie: regret | cost |\n"+
		"|---|%s\n", strings.Repeat("--:|", 14))
	choices.write([]string{"%.0f", "%.0f", "%.1f", "%.0f", "%.0f", "%.0f", "%.0f", "%.2f", "%.2f", "%.2f", "%.2f", "%.2f", "%.2f", "%.2f"})
	fmt.Fprintf(&b, "\n## Epochs, and tests on the same rows\n\n"+
		"Best epoch: how much better than the last it is, found on half of the validation rows and scored on the other half. Optimism: how much\n"+
		"better it looks where it was found. Different: how often McNemar's test at 5%% calls two repeats of one candidate different.\n\n"+
		"| stage | best epoch | optimism | different |\n|---|--:|--:|--:|\n")
	epochs.write([]string{"%+.2f", "%.2f", "%.0f"})
	fmt.Fprintf(&b, "\n## How often the rule is right\n\n"+
		"Replays of `mixmas study rule`: the share of 95%% intervals that hold the true difference, how often the best candidate is ahead or ties,\n"+
		"and how often nobody ties.\n\n| recording | repeats | coverage | best among ties | decided |\n|---|--:|--:|--:|--:|\n")
	for _, s := range subjects {
		for _, repeats := range CalibratedRepeats {
			if c := s.Calibrations[repeats]; c != nil {
				fmt.Fprintf(&b, "| %s | %d | %.3f | %.3f | %.3f |\n", s.Name, repeats, c.Coverage, c.BestAmongTies, c.Decided)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// table is a table of stages, and their means by kind.
type table struct {
	b     *strings.Builder
	names []string
	rows  [][]float64
	kinds []string // of the rows
}

func newTable(b *strings.Builder) *table { return &table{b: b} }

func (t *table) add(kind, name string, values []float64) {
	t.names, t.rows, t.kinds = append(t.names, name), append(t.rows, values), append(t.kinds, kind)
}

func (t *table) write(formats []string) {
	line := func(name string, values []float64) {
		fmt.Fprintf(t.b, "| %s |", name)
		for i, v := range values {
			if math.IsNaN(v) {
				fmt.Fprint(t.b, " – |")
			} else {
				fmt.Fprintf(t.b, " "+formats[i]+" |", v)
			}
		}
		fmt.Fprintln(t.b)
	}
	for i, name := range t.names {
		line(name, t.rows[i])
	}
	seen := map[string]bool{}
	for _, kind := range t.kinds {
		if !seen[kind] {
			seen[kind] = true
			line("**mean, "+kind+"**", t.mean(func(k string) bool { return k == kind }))
		}
	}
	line("**mean of all**", t.mean(func(string) bool { return true }))
}

// mean is that of the rows of some kinds, of the values that there are.
func (t *table) mean(of func(kind string) bool) []float64 {
	sums, n := make([]float64, len(t.rows[0])), make([]float64, len(t.rows[0]))
	for i, row := range t.rows {
		for k, v := range row {
			if of(t.kinds[i]) && !math.IsNaN(v) {
				sums[k] += v
				n[k]++
			}
		}
	}
	for k := range sums {
		sums[k] /= n[k]
	}
	return sums
}
