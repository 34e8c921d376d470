package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"mixmas/search/choice"
)

// page is the page of all data sets.
type page struct {
	results []results
	note    string
}

// results are those of a data set.
type results struct {
	set
	wanted int // seeds
	seeds  []seedResult
}

// seedResult is what one seed gave: with the recommended settings, and with the paper's, first with the same seed, then with others
// in the time that the recommended ones take.
type seedResult struct {
	seed        int
	recommended *measured
	paper       []*measured
}

// text is the page as Markdown.
func (p page) text() string {
	var b strings.Builder
	b.WriteString("<!-- Made by `make results-settings`, with the text of settings.note. -->\n# The settings of the paper and the recommended ones\n\n" +
		"Each data set is searched by `mixmas run` with several seeds and both settings. What is chosen is chosen on the validation rows; all scores\n" +
		"below are on the test rows, mean over the seeds with its 95% interval by Student's t. All seeds have the same test rows, so the intervals\n" +
		"say what other seeds might give, not what other rows might. The recommended settings take longer: \"in the same time\" means that the\n" +
		"paper's are run again with other seeds until they have taken as much processor time, and that the model that is best on the validation\n" +
		"rows counts.\n")
	p.goals(&b)
	for _, r := range p.results {
		r.write(&b)
	}
	if p.note != "" {
		fmt.Fprintf(&b, "\n## Notes\n\n%s\n", p.note)
	}
	fmt.Fprintf(&b, "\nMachine: %d cores, %s/%s.\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	return b.String()
}

// goals says for every data set whether the goals are reached.
func (p page) goals(b *strings.Builder) {
	b.WriteString("\n| data set | metric | seeds | the answer | goal | not below any free row | above the paper's, same time | one model within 1.5 points of the ensemble |\n" +
		"|---|---|---:|---:|---:|---|---|---|\n")
	for _, r := range p.results {
		if len(r.seeds) == 0 {
			fmt.Fprintf(b, "| %s | %s | 0 of %d | | | | | |\n", r.name, r.metric, r.wanted)
			continue
		}
		mean, _, _ := choice.MeanInterval(r.values(answerRow))
		goal := "–"
		if r.goal > 0 {
			goal = fmt.Sprintf("%.2f: %s", r.goal, yes(mean >= r.goal))
		}
		fmt.Fprintf(b, "| %s | %s | %d of %d | %s | %s | %s | %s | %s |\n", r.name, r.metric, len(r.seeds), r.wanted, number(mean), goal, r.aboveFree(), r.abovePaper(), r.oneModel())
	}
	b.WriteString("\nA free row is a model that costs little beside a search. It is above the answer if its mean is above the upper end of the answer's 95%\n" +
		"interval over the test rows (mean over the seeds), or if the search has another metric, by the interval over the seeds of the paired\n" +
		"difference, which the tables below have.\n")
}

func yes(x bool) string {
	if x {
		return "yes"
	}
	return "**no**"
}

// aboveFree says whether no free row is above the answer's interval over the test rows or, if that is unknown, over the seeds.
func (r results) aboveFree() string {
	var above []string
	_, most := r.answerInterval()
	for _, free := range comparisonRows {
		mean, _, _ := choice.MeanInterval(r.values(free))
		gap, _, high := r.difference(answerRow, free)
		if free.free && (mean > most || math.IsNaN(most) && high < 0) {
			above = append(above, fmt.Sprintf("%s by %.1f points", free.name, -100*gap))
		}
	}
	if above != nil {
		return "**no**: " + strings.Join(above, ", ")
	}
	return "yes"
}

// answerInterval is the answer's 95% interval over the test rows, its ends as means over the seeds; NaN for a metric that is not the
// search's: runs have only the interval of that one.
func (r results) answerInterval() (low, high float64) {
	var lows, highs []float64
	for _, s := range r.seeds {
		d := s.recommended.Document
		if a := answer(d); a != nil && a.Test != nil && len(d.Stages) > 0 && d.Stages[0].Metric == r.metric {
			lows, highs = append(lows, float64(a.Test.Low)), append(highs, float64(a.Test.High))
		}
	}
	low, _, _ = choice.MeanInterval(lows)
	high, _, _ = choice.MeanInterval(highs)
	return low, high
}

func (r results) abovePaper() string {
	mean, low, high := r.difference(answerRow, restartedRow)
	if math.IsNaN(mean) {
		return "–"
	}
	return fmt.Sprintf("%s: %s", yes(mean >= 0), points(mean, low, high))
}

func (r results) oneModel() string {
	const within = 0.015
	searched, low1, high1 := r.difference(searchedRow, ensembleRow)
	distilled, low2, high2 := r.difference(distilledRow, ensembleRow)
	switch {
	case math.IsNaN(searched) && math.IsNaN(distilled):
		return "–"
	case math.IsNaN(distilled) || searched >= distilled:
		return fmt.Sprintf("%s: searched, %s", yes(searched >= -within), points(searched, low1, high1))
	}
	return fmt.Sprintf("%s: distilled, %s", yes(distilled >= -within), points(distilled, low2, high2))
}

// points writes a difference in points with its interval, if that is known.
func points(mean, low, high float64) string {
	text := fmt.Sprintf("%+.1f points", 100*mean)
	if !math.IsNaN(low) {
		text += fmt.Sprintf(" [%+.1f, %+.1f]", 100*low, 100*high)
	}
	return text
}

func number(x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf("%.4f", x)
}

// write writes the section of a data set.
func (r results) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n", r.name)
	if len(r.seeds) == 0 {
		b.WriteString("Nothing has been run yet.\n")
		return
	}
	d := r.seeds[0].recommended.Document.Dataset
	fmt.Fprintf(b, "%d training, %d validation and %d test rows; %s.\n\n", d.Train, d.Validation, d.Test, r.metric)
	if len(r.seeds) < r.wanted {
		fmt.Fprintf(b, "**So far with %d of %d seeds.**\n\n", len(r.seeds), r.wanted)
	}
	b.WriteString("| model | test | 95% interval | range | the answer less this, points |\n|---|---:|---:|---:|---:|\n")
	for _, line := range comparisonRows {
		values := r.values(line)
		if len(values) == 0 {
			continue
		}
		mean, low, high := choice.MeanInterval(values)
		interval := "–"
		if !math.IsNaN(low) {
			interval = fmt.Sprintf("%.4f to %.4f", low, high)
		}
		gap := ""
		if line.name != answerRow.name {
			gap = strings.Replace(points(r.difference(answerRow, line)), " points", "", 1)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %.4f to %.4f | %s |\n", line.name, number(mean), interval, slices.Min(values), slices.Max(values), gap)
	}
	if low, high := r.answerInterval(); !math.IsNaN(low) {
		fmt.Fprintf(b, "\nThe answer's 95%% interval over the test rows is %s to %s, mean over the seeds.\n", number(low), number(high))
	}
	r.classifier(b)
	r.choices(b)
	r.effort(b)
}

// classifier compares the answer with what a simple classifier reaches.
func (r results) classifier(b *strings.Builder) {
	if r.simple == "" {
		return
	}
	mean, low, high := choice.MeanInterval(r.values(answerRow))
	fmt.Fprintf(b, "\nA simple classifier (%s) reaches %.2f on the same splits. The answer less this: %s.\n", r.simple, r.simpleScore,
		points(mean-r.simpleScore, low-r.simpleScore, high-r.simpleScore))
}

// effort says how long the searches took, and which model was the answer.
func (r results) effort(b *strings.Builder) {
	var long, short, runs float64
	var answers []string
	for _, s := range r.seeds {
		long += s.recommended.Processor
		for _, m := range s.paper {
			short += m.Processor
		}
		runs += float64(len(s.paper))
		name := "searched"
		if a := s.recommended.Document.Answer; a != nil {
			name = a.Model
		}
		answers = append(answers, name)
	}
	n := float64(len(r.seeds))
	fmt.Fprintf(b, "\nA search took %.0f seconds of processor time with the recommended settings, and %.1f with the paper's took %.0f. The answer was: %s.\n",
		long/n, runs/n, short/n, counted(answers))
}
