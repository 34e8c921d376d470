package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// table is text in columns; numbers are set flush right.
type table struct {
	head  []string
	right []bool
	rows  [][]string
}

// stageTable ranks the candidates of a stage. Columns that would be empty are left out.
func stageTable(s Stage) table {
	t := table{
		head:  []string{"", "rank", "candidate", s.Metric},
		right: []bool{false, true, false, true},
	}
	second := secondMetric(s)
	if second != "" {
		t.head, t.right = append(t.head, second), append(t.right, true)
	}
	t.head, t.right = append(t.head, "params", "seconds", ""), append(t.right, true, true, false)
	for i, c := range s.Candidates {
		mark := ""
		if c.Name == s.Winner {
			mark = "*"
		}
		row := []string{mark, strconv.Itoa(i + 1), c.Name, score(c)}
		if second != "" {
			value, has := c.Metrics[second]
			if !has {
				value = Number(math.NaN())
			}
			row = append(row, number(value))
		}
		t.rows = append(t.rows, append(row, params(c.Params), seconds(c.Seconds), notes(c)))
	}
	return t
}

// secondMetric is one more metric worth a column: the macro F1, or the accuracy where F1 selects.
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

// score is a candidate's score with its interval.
func score(c Candidate) string {
	if c.Failed != "" || c.Interval == 0 {
		return number(c.Score)
	}
	return fmt.Sprintf("%s ±%.4f", number(c.Score), c.Interval)
}

// notes says where a score comes from, or why there is none.
func notes(c Candidate) string {
	var words []string
	if c.Cached {
		words = append(words, "cached")
	}
	if c.Numerics != "" {
		words = append(words, "by "+c.Numerics)
	}
	if c.Failed != "" {
		words = append(words, "failed: "+strings.Join(strings.Fields(c.Failed), " "))
	}
	return strings.Join(words, ", ")
}

// number is a metric with four digits, or a dash where it is undefined.
func number(n Number) string {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return "–"
	}
	return strconv.FormatFloat(float64(n), 'f', 4, 64)
}

// params is a count with separators, or a dash where it is unknown.
func params(n int) string {
	if n == 0 {
		return "–"
	}
	return humanize.Comma(int64(n))
}

// seconds is a time with one digit.
func seconds(s float64) string { return humanize.CommafWithDigits(math.Round(10*s)/10, 1) }

// percent is a part of a whole.
func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) + "%" }

// metricsTable lists the full model's metrics by name, on the validation and the test split.
func metricsTable(d Document) table {
	t := table{head: []string{"metric", "validation", "test"}, right: []bool{false, true, true}}
	for _, name := range slices.Sorted(maps.Keys(d.Test.Metrics)) {
		validation := Number(math.NaN())
		if d.Model != nil {
			if value, has := d.Model.Metrics[name]; has {
				validation = value
			}
		}
		t.rows = append(t.rows, []string{name, number(validation), number(d.Test.Metrics[name])})
	}
	return t
}

// modelLine says what was trained in full, and for how long.
func modelLine(m Model) string {
	return fmt.Sprintf("%s parameters, %d epochs in %s seconds", params(m.Params), m.Epochs, seconds(m.Seconds))
}

// widths are those of the columns, in characters, with a least width.
func (t table) widths(least int) []int {
	w := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			w[i] = max(w[i], least, utf8.RuneCountInString(cell))
		}
	}
	return w
}

// pad sets a cell in its column.
func pad(cell string, width int, right bool) string {
	space := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
	if right {
		return space + cell
	}
	return cell + space
}
