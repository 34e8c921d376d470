package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"mixmas/nn/mixer"
)

// rule is the rule in words.
//
//go:embed rule.md
var rule string

// page is docs/defaults.md.
type page struct {
	repeats int
	note    string
	sets    []*measured
}

// head is what needs no measuring: the rule, and what it gives.
func (p page) head() string {
	var b strings.Builder
	b.WriteString(rule)
	b.WriteString("\n## What the rule gives\n\n")
	table(&b, []string{"input", "training rows", "candidates"}, examples())
	b.WriteString(measuredTitle)
	return b.String()
}

// measuredTitle begins what was measured.
const measuredTitle = "\n## What was measured\n\n"

func (p page) text() string {
	var b strings.Builder
	b.WriteString(p.head())
	fmt.Fprintf(&b, "Made by `make defaults`: %d repeats each, with other initial weights; the metric on the validation rows, in percentage points beside what\n"+
		"the rule gives. With so few repeats a difference of a few points is noise. Time is that of a training beside the rule's.\n\n", p.repeats)
	if p.note != "" {
		b.WriteString(p.note + "\n\n")
	}
	var rows [][]string
	for _, m := range p.sets {
		row := []string{m.name, fmt.Sprint(m.train), fmt.Sprint(m.validation), fmt.Sprint(m.test), m.metric}
		if t := m.trained; t == nil {
			row = append(row, "not measured", "", "", "", "")
		} else {
			test := ""
			if t.Test != nil {
				test = fmt.Sprintf("%.4f", t.Test[m.metric])
			}
			row = append(row, m.model, fmt.Sprintf("%.4f", t.Metrics[m.metric]), test, fmt.Sprintf("%.0f", m.seconds), fmt.Sprintf("%.0f", t.Score.Seconds))
		}
		rows = append(rows, row)
	}
	table(&b, []string{"data", "training", "validation", "test", "metric", "chosen", "on validation", "on test", "seconds of the search's trainings", "seconds of the full training"}, rows)
	b.WriteString("\n### Encoders and short trainings\n\n")
	summary(&b, p.sets, func(m *measured) []comparison { return m.encoders })
	b.WriteString("\n### The full training\n\n")
	summary(&b, p.sets, func(m *measured) []comparison { return m.full })
	for _, m := range p.sets {
		fmt.Fprintf(&b, "\n### %s\n\n", m.name)
		details(&b, m)
	}
	return b.String()
}

// summary lists the mean difference of each variant over all comparisons.
func summary(b *strings.Builder, sets []*measured, of func(*measured) []comparison) {
	type sum struct {
		name                string
		n                   int
		points, seconds     float64
		worst, best         float64
		worstCase, bestCase string
	}
	var sums []*sum
	for _, m := range sets {
		for _, c := range of(m) {
			for _, name := range names(c) {
				v := c.variants[name]
				i := slices.IndexFunc(sums, func(s *sum) bool { return s.name == name })
				if i < 0 {
					i = len(sums)
					sums = append(sums, &sum{name: name})
				}
				s, points, where := sums[i], 100*(v.score-c.rule.score), m.name+": "+c.of
				if s.n == 0 || points < s.worst {
					s.worst, s.worstCase = points, where
				}
				if s.n == 0 || points > s.best {
					s.best, s.bestCase = points, where
				}
				s.n++
				s.points += points
				s.seconds += v.seconds / max(c.rule.seconds, 1e-9)
			}
		}
	}
	var rows [][]string
	for _, s := range sums {
		n := float64(s.n)
		rows = append(rows, []string{s.name, fmt.Sprint(s.n), fmt.Sprintf("%+.1f", s.points/n), fmt.Sprintf("%.1f", s.seconds/n),
			fmt.Sprintf("%+.1f (%s)", s.worst, s.worstCase), fmt.Sprintf("%+.1f (%s)", s.best, s.bestCase)})
	}
	table(b, []string{"instead of the rule", "cases", "points, mean", "time, mean", "least", "most"}, rows)
}

// details is a table of the comparisons on one data set: a column for each.
func details(b *strings.Builder, m *measured) {
	for _, group := range [][]comparison{m.encoders, m.full} {
		if len(group) == 0 {
			continue
		}
		heads := []string{""}
		var all []string
		ruled := []string{"the rule"}
		for _, c := range group {
			heads = append(heads, c.of)
			ruled = append(ruled, fmt.Sprintf("%.3f, %d parameters, %.1f s", c.rule.score, c.rule.parameters, c.rule.seconds))
			for _, name := range names(c) {
				if !slices.Contains(all, name) {
					all = append(all, name)
				}
			}
		}
		rows := [][]string{ruled}
		for _, name := range all {
			row := []string{name}
			for _, c := range group {
				v, has := c.variants[name]
				if !has {
					row = append(row, "")
					continue
				}
				row = append(row, fmt.Sprintf("%+.1f, %.1f s", 100*(v.score-c.rule.score), v.seconds))
			}
			rows = append(rows, row)
		}
		table(b, heads, rows)
		b.WriteString("\n")
	}
}

func names(c comparison) []string { return c.order }

// examples are what the architectures suit themselves to.
func examples() (rows [][]string) {
	for _, e := range []struct {
		name string
		in   mixer.Input
		rows []int
	}{
		{"picture 1×16×15", mixer.Input{Kind: mixer.Map, Shape: []int{1, 16, 15}}, []int{700}},
		{"picture 1×28×28", mixer.Input{Kind: mixer.Map, Shape: []int{1, 28, 28}}, []int{300, 3_000, 55_000}},
		{"picture 3×32×32", mixer.Input{Kind: mixer.Map, Shape: []int{3, 32, 32}}, []int{3_000}},
		{"picture 3×64×64", mixer.Input{Kind: mixer.Map, Shape: []int{3, 64, 64}}, []int{3_000}},
		{"picture 3×97×89", mixer.Input{Kind: mixer.Map, Shape: []int{3, 97, 89}}, []int{3_000}},
		{"spectrogram 1×112×112", mixer.Input{Kind: mixer.Map, Shape: []int{1, 112, 112}}, []int{55_000}},
		{"series 64×3", mixer.Input{Kind: mixer.Sequence, Shape: []int{64, 3}}, []int{700, 4_100}},
		{"text of 32 tokens, 4,000 different ones", mixer.Input{Kind: mixer.Text, Shape: []int{32}, Vocabulary: 4000}, []int{3_000}},
		{"table of 5 features", mixer.Input{Kind: mixer.Table, Shape: []int{5}}, []int{3_000}},
		{"table of 240 features", mixer.Input{Kind: mixer.Table, Shape: []int{240}}, []int{300, 1_400, 55_000}},
		{"network over 80 tokens of width 32", mixer.Input{Kind: mixer.Tokens, Shape: []int{80, 32}}, []int{3_000}},
	} {
		for _, n := range e.rows {
			var list []string
			for _, a := range mixer.All() {
				if a.Suit == nil || a.Extra || !a.Takes(e.in.Kind) {
					continue
				}
				if own := a.Suit(e.in, n); own != nil {
					list = append(list, a.Name+" "+strings.TrimPrefix(fmt.Sprintf("%+v", own), "&"))
				}
			}
			rows = append(rows, []string{e.name, fmt.Sprint(n), strings.Join(list, "<br>")})
		}
	}
	return rows
}

// table writes a table of Markdown.
func table(b *strings.Builder, heads []string, rows [][]string) {
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(heads)
	rules := make([]string, len(heads))
	for i := range rules {
		rules[i] = "---"
	}
	line(rules)
	for _, row := range rows {
		line(row)
	}
}
