package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"
)

// table is unescaped text in columns; it is escaped when written.
type table struct {
	columns []column
	rows    [][]string
}

// column is a column of a table. Numbers are aligned right, and code is formatted as code if the output supports it. Terminals
// that would be too narrow do not show optional ones.
type column struct {
	head     string
	right    bool
	code     bool
	optional bool
}

// left returns a column of words, right one of numbers.
func left(head string) column  { return column{head: head} }
func right(head string) column { return column{head: head, right: true} }

// stageTitle is the name of a stage with the number of runs of its candidates if there are several.
func stageTitle(s Stage) string {
	if n := runs(s); n > 1 {
		return fmt.Sprintf("%s, %d runs each", s.Name, n)
	}
	return s.Name
}

// runs is the largest number of runs of a candidate.
func runs(s Stage) (n int) {
	for _, c := range s.Candidates {
		n = max(n, len(c.Repeats))
	}
	return n
}

// tested reports whether the candidates of a stage were tested against each other.
func tested(s Stage) bool {
	return slices.ContainsFunc(s.Candidates, func(c Candidate) bool { return c.Standing != "" && c.Standing != NotTested })
}

// scoreHead is the head of the column of scores.
func scoreHead(s Stage) string {
	head := s.Metric
	if runs(s) > 1 {
		head = "mean " + head
	}
	if slices.ContainsFunc(s.Candidates, func(c Candidate) bool { _, _, known := c.Ends(); return known }) {
		head += ", 95% interval"
	}
	return head
}

// stageTable returns the ranked candidates of a stage. Empty columns are omitted.
func stageTable(s Stage) table {
	t := table{columns: []column{left(""), right("rank"), left("candidate"), right(scoreHead(s))}}
	compared := tested(s)
	if compared {
		t.columns = append(t.columns, left("standing"))
	}
	second := secondMetric(s)
	if second != "" {
		t.columns = append(t.columns, column{head: second, right: true, optional: true})
	}
	t.columns = append(append(append(t.columns, right("params")), costColumns(s)...), right("seconds"), left(""))
	for i, c := range s.Candidates {
		mark := ""
		if c.Name == s.Winner {
			mark = "*"
		}
		row := []string{mark, strconv.Itoa(i + 1), c.Name, score(c)}
		if compared {
			row = append(row, standing(c))
		}
		if second != "" {
			row = append(row, value(c.Metrics, second).Text())
		}
		if row = append(row, Parameters(c.Params)); costColumns(s) != nil {
			row = append(row, costCells(c)...)
		}
		t.rows = append(t.rows, append(row, seconds(c.Seconds), notes(c, runs(s))))
	}
	return t
}

// value returns a metric's value, or NaN if there is none.
func value(metrics map[string]Number, name string) Number {
	if v, has := metrics[name]; has {
		return v
	}
	return Number(math.NaN())
}

// secondMetric returns another metric worth a column: macro F1, or accuracy if macro F1 selects the winner.
func secondMetric(s Stage) string {
	for _, name := range []string{"f1_macro", "accuracy"} {
		all := len(s.Candidates) > 0 && name != s.Metric
		for _, c := range s.Candidates {
			_, has := c.Metrics[name]
			all = all && (has || c.Failed != "")
		}
		if all {
			return name
		}
	}
	return ""
}

// score formats a candidate's score with both ends of its interval.
func score(c Candidate) string {
	low, high, known := c.Ends()
	if c.Failed != "" || !known {
		return c.Score.Text()
	}
	return WithInterval(c.Score, Number(low), Number(high))
}

// standing formats how a candidate stands against the leader, or a dash if that was not tested.
func standing(c Candidate) string {
	if c.Standing == "" || c.Standing == NotTested {
		return "–"
	}
	return c.Standing
}

// notes describes where a score came from, or why there is none; most is the number of runs of other candidates.
func notes(c Candidate, most int) string {
	var words []string
	if c.Cost != nil && c.Cost.Front {
		words = append(words, "Pareto front")
	}
	if c.Cached {
		words = append(words, "cached")
	}
	if c.Numerics != "" {
		words = append(words, "by "+c.Numerics)
	}
	if c.Failed != "" {
		words = append(words, "failed: "+oneLine(c.Failed))
	} else if failed := slices.DeleteFunc(slices.Clone(c.Repeats), func(r Repeat) bool { return r.Failed == "" }); len(failed) > 0 {
		words = append(words, fmt.Sprintf("%d of %d runs failed: %s", len(failed), len(c.Repeats), oneLine(failed[0].Failed)))
	}
	if n := len(c.Repeats); n > 0 && n < most {
		words = append(words, english.Plural(n, "run", ""))
	}
	return strings.Join(words, ", ")
}

// oneLine replaces line ends and other white space by single blanks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// metricsTable returns the full model's metrics by name, on the validation split and, if there is one, the test split; beside them
// those with the thresholds that were fitted on the validation split, if there are some.
func metricsTable(d Document, names []string) table {
	t := table{columns: []column{left("metric")}}
	var values []map[string]Number
	add := func(head string, metrics map[string]Number) {
		t.columns, values = append(t.columns, right(head)), append(values, metrics)
	}
	fittedValidation, fittedTest := d.thresholded()
	without := ""
	if fittedValidation != nil {
		without = ", no thresholds"
	}
	add("validation"+without, d.Model.Metrics)
	if d.Test != nil {
		add("test"+without, d.Test.Metrics)
	}
	if fittedValidation != nil {
		add("validation, fitted thresholds", fittedValidation)
	}
	if fittedTest != nil {
		add("test, fitted thresholds", fittedTest)
	}
	for _, name := range names {
		row := []string{name}
		for _, metrics := range values {
			row = append(row, value(metrics, name).Text())
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// lines returns the head and the rows with every cell escaped.
func (t table) lines(word, code func(string) string) [][]string {
	head := make([]string, len(t.columns))
	for i, c := range t.columns {
		head[i] = word(c.head)
	}
	lines := [][]string{head}
	for _, row := range t.rows {
		line := make([]string, len(row))
		for i, cell := range row {
			if t.columns[i].code {
				line[i] = code(cell)
			} else {
				line[i] = word(cell)
			}
		}
		lines = append(lines, line)
	}
	return lines
}
