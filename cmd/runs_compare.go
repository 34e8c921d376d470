package cmd

import (
	"errors"
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
	comparison := runs.Compare(c.Context, s, a, b)
	if c.Bool("json") {
		err = writeJSON(c.App.Writer, newComparisonJSON(comparison))
	} else {
		err = writeComparison(c.App.Writer, comparison)
	}
	return errors.Join(append(comparison.Missing, err)...)
}

// comparisonJSON is the form of a comparison of two runs that --json prints.
type comparisonJSON struct {
	Run           []differenceJSON `json:"run"`
	Configuration []differenceJSON `json:"configuration"` // what differs
	Stages        []stageJSON      `json:"stages"`
	Models        []modelJSON      `json:"models"`
	Curves        curvesJSON       `json:"curves"`
}

// differenceJSON is a field with its value in each of the runs; null in a run that does not have the field.
type differenceJSON struct {
	Field string  `json:"field"`
	A     *string `json:"a"`
	B     *string `json:"b"`
}

// stageJSON is a stage with what each run chose; null in a run that did not have the stage, or has not decided it.
type stageJSON struct {
	Stage  string       `json:"stage"`
	Metric string       `json:"metric"`
	A      *runs.Chosen `json:"a"`
	B      *runs.Chosen `json:"b"`
}

// modelJSON is a model that runs end with, or a baseline; null in a run that does not have it.
type modelJSON struct {
	Model string        `json:"model"`
	A     *runs.Figures `json:"a"`
	B     *runs.Figures `json:"b"`
}

// curvesJSON are the learning curves of the runs; null in a run without one.
type curvesJSON struct {
	A *curveJSON `json:"a"`
	B *curveJSON `json:"b"`
}

// curveJSON is a learning curve, by epoch; null in an epoch that was not scored on the validation rows.
type curveJSON struct {
	Key              string          `json:"key"`
	Name             string          `json:"name"`
	TrainLoss        []report.Number `json:"train_loss"`
	ValidationLoss   []report.Number `json:"validation_loss"`
	ValidationMetric []report.Number `json:"validation_metric"`
}

func newComparisonJSON(c runs.Comparison) comparisonJSON {
	out := comparisonJSON{Run: []differenceJSON{}, Configuration: []differenceJSON{}, Stages: []stageJSON{}, Models: []modelJSON{}}
	for _, r := range c.Facts {
		out.Run = append(out.Run, differenceJSON{r.Name, r.Values[0], r.Values[1]})
	}
	for _, r := range c.Configuration {
		if runs.Differs(r) {
			out.Configuration = append(out.Configuration, differenceJSON{r.Name, r.Values[0], r.Values[1]})
		}
	}
	for _, r := range c.Stages {
		s := stageJSON{Stage: r.Name}
		for i, to := range []**runs.Chosen{&s.A, &s.B} {
			if d := r.Values[i]; d != nil {
				s.Metric, *to = d.Metric, d.Chosen
			}
		}
		out.Stages = append(out.Stages, s)
	}
	for _, r := range c.Models {
		out.Models = append(out.Models, modelJSON{r.Name, r.Values[0], r.Values[1]})
	}
	for i, to := range []**curveJSON{&out.Curves.A, &out.Curves.B} {
		if c.Curves[i] == nil {
			continue
		}
		curve := &curveJSON{Key: c.Curves[i].Key, Name: c.Curves[i].Name}
		for _, e := range c.Curves[i].Epochs {
			loss, value := e.Validation()
			curve.TrainLoss = append(curve.TrainLoss, report.Number(e.TrainLoss))
			curve.ValidationLoss, curve.ValidationMetric = append(curve.ValidationLoss, report.Number(loss)), append(curve.ValidationMetric, report.Number(value))
		}
		*to = curve
	}
	return out
}

// writeComparison writes a table for each part of a comparison of two runs.
func writeComparison(w io.Writer, c runs.Comparison) error {
	rows := [][]string{{"RUNS", "A", "B"}}
	for _, r := range c.Facts {
		rows = append(rows, []string{r.Name, cellText(r.Values[0]), cellText(r.Values[1])})
	}
	if err := align.Rows(w, rows); err != nil {
		return err
	}
	rows = [][]string{{"CONFIGURATION", "A", "B"}}
	for _, r := range c.Configuration {
		if runs.Differs(r) {
			rows = append(rows, []string{escape.Terminal(r.Name), cellText(r.Values[0]), cellText(r.Values[1])})
		}
	}
	if len(rows) == 1 {
		rows = [][]string{{"CONFIGURATION"}, {"the same"}}
	}
	if err := section(w, rows); err != nil {
		return err
	}
	rows = [][]string{{"WINNERS", "A", "B", "B - A"}}
	for _, r := range c.Stages {
		metric, cells, scores := "", [2]string{"–", "–"}, [2]float64{math.NaN(), math.NaN()}
		for i, d := range r.Values {
			if d == nil {
				continue
			}
			metric = d.Metric
			if d.Chosen != nil {
				cells[i], scores[i] = chosenText(d.Chosen), float64(d.Chosen.Score)
			}
		}
		rows = append(rows, []string{escape.Terminal(r.Name + ", " + metric), cells[0], cells[1], changeText(scores[0], scores[1])})
	}
	if err := section(w, rows); err != nil {
		return err
	}
	rows = [][]string{{"MODELS, * THE ANSWER", "A", "B", "B - A"}}
	for _, r := range c.Models {
		for _, split := range []string{"validation", "test"} {
			scores := [2]float64{math.NaN(), math.NaN()}
			for i, f := range r.Values {
				if f != nil {
					scores[i] = float64(map[string]report.Number{"validation": f.Validation, "test": f.Test}[split])
				}
			}
			if split == "validation" || !math.IsNaN(scores[0]) || !math.IsNaN(scores[1]) {
				rows = append(rows, []string{escape.Terminal(strings.ReplaceAll(r.Name, "_", " ") + ", " + split), figuresText(r.Values[0], split),
					figuresText(r.Values[1], split), changeText(scores[0], scores[1])})
			}
		}
	}
	if err := section(w, rows); err != nil {
		return err
	}
	return section(w, curveRows(c.Curves))
}

// curveRows are the ends of the learning curves of two runs, and where their validation losses were least.
func curveRows(curves []*runs.Curve) [][]string {
	head, of := []string{"LEARNING CURVES"}, [2][]string{}
	scores := [2][2]float64{{math.NaN(), math.NaN()}, {math.NaN(), math.NaN()}} // by row: last training loss, least validation loss
	for i, curve := range curves {
		head = append(head, string(rune('A'+i)))
		if of[i] = []string{"–", "–", "–", "–"}; curve == nil {
			continue
		}
		best := 0
		for k, e := range curve.Epochs {
			if loss, _ := e.Validation(); loss < scores[1][i] || math.IsNaN(scores[1][i]) {
				scores[1][i], best = loss, k+1
			}
			scores[0][i] = e.TrainLoss
		}
		of[i][0], of[i][1], of[i][2] = escape.Terminal(curve.Name), report.Count(len(curve.Epochs), "epoch"), report.Number(scores[0][i]).Text()
		if !math.IsNaN(scores[1][i]) {
			of[i][3] = fmt.Sprintf("%s in epoch %d", report.Number(scores[1][i]).Text(), best)
		}
	}
	rows := [][]string{append(head, "B - A")}
	for k, name := range []string{"training", "length", "last training loss", "least validation loss"} {
		change := ""
		if k > 1 {
			change = changeText(scores[k-2][0], scores[k-2][1])
		}
		rows = append(rows, []string{name, of[0][k], of[1][k], change})
	}
	if curves[0] == nil && curves[1] == nil {
		return rows[:1]
	}
	return rows
}

// section writes a table after a blank line, unless it has only a head.
func section(w io.Writer, rows [][]string) error {
	if len(rows) == 1 {
		return nil
	}
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
	text := c.Score.Text()
	if c.Low != nil && c.High != nil {
		text = report.WithInterval(c.Score, report.Number(*c.Low), report.Number(*c.High))
	}
	return escape.Terminal(c.Winner + " " + text)
}

func figuresText(f *runs.Figures, split string) string {
	switch {
	case f == nil:
		return "–"
	case split == "test":
		return report.WithInterval(f.Test, f.TestLow, f.TestHigh)
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
