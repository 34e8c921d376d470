package cmd

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/search/align"
	"mixmas/search/escape"
	"mixmas/search/report"
	"mixmas/search/runs"
)

// runsCompare prints two runs side by side.
func runsCompare(c *cli.Context) error {
	if err := arguments(c, 2, 2, "RUN"); err != nil {
		return err
	}
	s, a, err := openRun(c, c.Args().Get(0))
	if err != nil {
		return err
	}
	b, err := findRun(c, s, c.Args().Get(1))
	if err != nil {
		return err
	}
	da, _, err := runs.Document(c.Context, s, a)
	if err != nil {
		return err
	}
	db, _, err := runs.Document(c.Context, s, b)
	if err != nil {
		return err
	}
	comparison := runs.Compare(a, b, da, db)
	if c.Bool("json") {
		return writeJSON(c.App.Writer, comparison)
	}
	return writeComparison(c.App.Writer, comparison)
}

// writeComparison writes a table for each part of a comparison.
func writeComparison(w io.Writer, c runs.Comparison) error {
	rows := [][]string{{"RUNS", "A", "B"}}
	for _, d := range c.Run {
		rows = append(rows, []string{d.Field, cellText(d.A), cellText(d.B)})
	}
	if err := align.Rows(w, rows); err != nil {
		return err
	}
	rows = [][]string{{"CONFIGURATION", "A", "B"}}
	for _, d := range c.Configuration {
		rows = append(rows, []string{escape.Terminal(d.Field), cellText(d.A), cellText(d.B)})
	}
	if len(c.Configuration) == 0 {
		rows = [][]string{{"CONFIGURATION"}, {"the same"}}
	}
	if err := section(w, rows); err != nil {
		return err
	}
	rows = [][]string{{"WINNERS", "A", "B", "B - A"}}
	for _, p := range c.Stages {
		x, y := math.NaN(), math.NaN()
		if p.A != nil {
			x = float64(p.A.Score)
		}
		if p.B != nil {
			y = float64(p.B.Score)
		}
		rows = append(rows, []string{escape.Terminal(p.Stage + ", " + p.Metric), chosenText(p.A), chosenText(p.B), changeText(x, y)})
	}
	if len(c.Stages) > 0 {
		if err := section(w, rows); err != nil {
			return err
		}
	}
	rows = [][]string{{"MODELS, * THE ANSWER", "A", "B", "B - A"}}
	for _, p := range c.Models {
		for i, split := range []string{"validation", "test"} {
			x, y := math.NaN(), math.NaN()
			if p.A != nil {
				x = float64([]report.Number{p.A.Validation, p.A.Test}[i])
			}
			if p.B != nil {
				y = float64([]report.Number{p.B.Validation, p.B.Test}[i])
			}
			if split == "validation" || !math.IsNaN(x) || !math.IsNaN(y) {
				rows = append(rows, []string{escape.Terminal(p.Model + ", " + split), figuresText(p.A, split), figuresText(p.B, split), changeText(x, y)})
			}
		}
	}
	if len(c.Models) == 0 {
		return nil
	}
	return section(w, rows)
}

// section writes a table after a blank line.
func section(w io.Writer, rows [][]string) error {
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	for i, row := range rows {
		for len(row) > 1 && row[len(row)-1] == "" { // no spaces at the end of a line
			row = row[:len(row)-1]
		}
		rows[i] = row
	}
	return align.Rows(w, rows)
}

// cellText is a value of one of two runs, on one line of a reasonable length.
func cellText(value *string) string {
	const longest = 60
	if value == nil || *value == "" {
		return "–"
	}
	text := escape.Terminal(strings.Join(strings.Fields(*value), " "))
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}

func chosenText(c *runs.Chosen) string {
	if c == nil {
		return "–"
	}
	text := c.Score.Text()
	if c.Low != nil && c.High != nil {
		text = report.WithInterval(c.Score, report.Number(*c.Low), report.Number(*c.High))
	}
	return escape.Terminal(c.Winner + " " + text)
}

func figuresText(f *runs.Figures, split string) string {
	if f == nil {
		return "–"
	}
	if split == "test" {
		return f.Test.Text()
	}
	text := report.WithInterval(f.Validation, f.Low, f.High)
	if f.Params > 0 {
		text += ", " + report.Count(f.Params, "parameter")
	}
	if f.Answer {
		text += " *"
	}
	return text
}

// changeText is the difference between two scores.
func changeText(a, b float64) string {
	if d := b - a; !math.IsNaN(d) && !math.IsInf(d, 0) {
		return fmt.Sprintf("%+.4f", d)
	}
	return ""
}
