package page

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"mixmas/search/chart"
	"mixmas/search/report"
)

// short is a number of the data.
func short(n report.Number) string { return chart.Short(float64(n)) }

// operations is a number of operations with a prefix.
func operations(n int64) string {
	if n <= 0 {
		return "–"
	}
	return chart.Short(float64(n))
}

func memory(n int64) string {
	if n <= 0 {
		return "–"
	}
	return humanize.IBytes(uint64(n))
}

// metricName is a metric as people say it.
func metricName(name string) string {
	if text, known := map[string]string{"f1_macro": "macro F1", "f1_micro": "micro F1", "f1_weighted": "weighted F1", "auroc_macro": "macro AUROC",
		"auroc_weighted": "weighted AUROC"}[name]; known {
		return text
	}
	if name == "hamming_accuracy" {
		return "Hamming accuracy"
	}
	if what, mean, found := strings.Cut(name, "_"); found && slices.Contains([]string{"macro", "micro", "weighted"}, mean) {
		return mean + " " + what
	}
	return strings.ReplaceAll(name, "_", " ")
}

// percentages are the metrics that count rows or labels that are right, so that people read them as percentages.
func percentages(name string) bool { return strings.HasSuffix(name, "accuracy") }

// value is a value of a metric for a sentence.
func metricValue(name string, v report.Number) string {
	switch f := float64(v); {
	case math.IsNaN(f):
		return "–"
	case percentages(name):
		return percent(f)
	default:
		return strconv.FormatFloat(f, 'f', 3, 64)
	}
}

// percent is a share as a percentage with one digit, never rounded to all or nothing.
func percent(share float64) string {
	text := strconv.FormatFloat(100*share, 'f', 1, 64)
	if text == "100.0" && share < 1 {
		return "99.9%"
	}
	if text == "100.0" || text == "0.0" && share == 0 {
		text = strings.TrimSuffix(text, ".0")
	}
	return text + "%"
}

// points is a difference of two values of a metric, without sign: in points of a percentage, or plain.
func points(name string, difference float64) string {
	size := math.Abs(difference)
	if !percentages(name) {
		return strconv.FormatFloat(size, 'f', 3, 64)
	}
	if size > 0 && size < 0.0005 {
		return "less than 0.1 points"
	}
	text := strings.TrimSuffix(strconv.FormatFloat(100*size, 'f', 1, 64), ".0")
	if text == "1" {
		return "1 point"
	}
	return text + " points"
}

// signed is a difference with its sign, for tables.
func signed(name string, difference float64) string {
	if math.IsNaN(difference) {
		return "–"
	}
	scale, digits := 1.0, 4
	if percentages(name) {
		scale, digits = 100, 1
	}
	text := strconv.FormatFloat(math.Abs(scale*difference), 'f', digits, 64)
	switch {
	case strings.Trim(text, "0.") == "":
		return text
	case difference < 0:
		return "−" + text
	}
	return "+" + text
}

// sentence makes a text a sentence.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return full(string(unicode.ToUpper(first)) + text[size:])
}

// full ends a text with a full stop.
func full(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// series is a list in a sentence.
func series(words []string) string { return english.WordSeries(words, "and") }
