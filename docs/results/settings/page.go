package main

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"mixmas/search/report"
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

// restarted is the run of the paper's settings that is best on the validation rows.
func (s seedResult) restarted() *measured {
	return slices.MaxFunc(s.paper, func(a, b *measured) int { return cmp.Compare(validation(a.Document), validation(b.Document)) })
}

// validation is what selects: the stages' metric of the full model on the validation rows.
func validation(d report.Document) float64 {
	if d.Model == nil || len(d.Stages) == 0 {
		return math.NaN()
	}
	name := d.Stages[len(d.Stages)-1].Metric
	value := metricOf(d.Model.Metrics, name)
	if name == "loss" {
		return -value
	}
	return value
}

// metricOf is a metric, NaN if there is none.
func metricOf(metrics map[string]report.Number, name string) float64 {
	if value, has := metrics[name]; has {
		return float64(value)
	}
	return math.NaN()
}

// row is a line of a table: a model, by what is read of a seed's runs.
type row struct {
	name string
	of   func(s seedResult, metric string) float64
	// free means that the answer should be at or above it.
	free bool
}

// final reads the test score of one of a document's models.
func final(which func(d report.Document) *report.Final) func(seedResult, string) float64 {
	return func(s seedResult, metric string) float64 { return testScore(which(s.recommended.Document), metric) }
}

func testScore(f *report.Final, metric string) float64 {
	if f == nil || f.Test == nil {
		return math.NaN()
	}
	return metricOf(f.Test.Metrics, metric)
}

// baseline reads the test score of the baseline of a kind, of several the one that is best on the validation rows.
func baseline(kind string) func(seedResult, string) float64 {
	return final(func(d report.Document) *report.Final {
		var best *report.Final
		for i, b := range d.Baselines {
			if b.Kind == kind && b.Validation != nil && (best == nil || b.Validation.Score > best.Validation.Score) {
				best = &d.Baselines[i].Final
			}
		}
		return best
	})
}

// answer is the model that the last lines of a run call the answer.
func answer(d report.Document) *report.Final {
	if d.Answer == nil {
		return d.Searched
	}
	switch d.Answer.Model {
	case "ensemble":
		return d.Ensemble
	case "distilled":
		return d.Distilled
	case "cheapest":
		return d.Cheapest
	}
	return d.Searched
}

func single(d report.Document, metric string) float64 {
	if d.Test == nil {
		return math.NaN()
	}
	return metricOf(d.Test.Metrics, metric)
}

// The rows of the tables that the goals name.
var (
	answerRow      = row{"recommended: the answer", final(answer), false}
	searchedRow    = row{"recommended: searched", final(func(d report.Document) *report.Final { return d.Searched }), false}
	ensembleRow    = row{"recommended: ensemble", final(func(d report.Document) *report.Final { return d.Ensemble }), false}
	distilledRow   = row{"recommended: distilled", final(func(d report.Document) *report.Final { return d.Distilled }), false}
	paperRow       = row{"paper: searched, one run", func(s seedResult, m string) float64 { return single(s.paper[0].Document, m) }, false}
	restartedRow   = row{"paper: searched, best of runs in the same time", func(s seedResult, m string) float64 { return single(s.restarted().Document, m) }, false}
	comparisonRows = []row{
		answerRow, searchedRow, ensembleRow, distilledRow,
		{"late fusion of all trained encoders", baseline(report.LateFusionAll), true},
		{"late fusion of the chosen encoders", baseline(report.LateFusionWinners), true},
		{"the best single modality", baseline(report.SingleModality), true},
		{"linear, the best modality", baseline(report.Linear), true},
		{"linear, late fusion", baseline(report.LinearLateFusion), true},
		{"default, short training", baseline(report.Default), true},
		{"default, trained in full", baseline(report.DefaultFull), true},
		{"the most frequent class", baseline(report.Majority), true},
		paperRow, restartedRow,
	}
)

// values are a row's numbers over the seeds, without those that are missing.
func (r results) values(of row) (values []float64) {
	for _, s := range r.seeds {
		if v := of.of(s, r.metric); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values
}

// difference is the mean difference of two rows, paired by seed, with its 95% interval. The interval is NaN with fewer than two seeds.
func (r results) difference(a, b row) (mean, low, high float64) {
	var d []float64
	for _, s := range r.seeds {
		if x := a.of(s, r.metric) - b.of(s, r.metric); !math.IsNaN(x) {
			d = append(d, x)
		}
	}
	return meanInterval(d)
}

// meanInterval is the mean with its 95% interval by Student's t.
func meanInterval(values []float64) (mean, low, high float64) {
	n := float64(len(values))
	mean = sum(values) / n
	if n < 2 {
		return mean, math.NaN(), math.NaN()
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * math.Sqrt(squares/(n-1)/n)
	return mean, mean - half, mean + half
}

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}

// text is the page as Markdown.
func (p page) text() string {
	var b strings.Builder
	b.WriteString("<!-- Made by `make results-choosing`, with the text of settings.note. -->\n# The settings of the paper and the recommended ones\n\n" +
		"Each data set is searched by `mixmas run` with several seeds and both settings. What is chosen is chosen on the validation rows; all scores\n" +
		"below are on the test rows, mean over the seeds with its 95% interval by Student's t. The recommended settings take longer: \"in the same\n" +
		"time\" means that the paper's are run again with other seeds until their trainings have taken as long, and that the model that is best on the\n" +
		"validation rows counts.\n")
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
		mean, _, _ := meanInterval(r.values(answerRow))
		goal := "–"
		if r.goal > 0 {
			goal = fmt.Sprintf("%.2f: %s", r.goal, yes(mean >= r.goal))
		}
		fmt.Fprintf(b, "| %s | %s | %d of %d | %s | %s | %s | %s | %s |\n", r.name, r.metric, len(r.seeds), r.wanted, number(mean), goal, r.aboveFree(), r.abovePaper(), r.oneModel())
	}
	b.WriteString("\nA free row is a model that costs little beside a search: it is above the answer if the interval of the paired difference says so, or, where it\n" +
		"cannot say, if its mean is higher by more than a point.\n")
}

func yes(x bool) string {
	if x {
		return "yes"
	}
	return "**no**"
}

// aboveFree says whether the answer is at or above every free row within its interval.
func (r results) aboveFree() string {
	var above []string
	const point = 0.01
	for _, free := range comparisonRows {
		if !free.free {
			continue
		}
		mean, _, high := r.difference(answerRow, free)
		if high < 0 || math.IsNaN(high) && mean < -point {
			above = append(above, fmt.Sprintf("%s by %.1f points", free.name, -100*mean))
		}
	}
	if above != nil {
		return "**no**: " + strings.Join(above, ", ")
	}
	return "yes"
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
		mean, low, high := meanInterval(values)
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
	r.choices(b)
	r.effort(b)
}

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

// effort says how long the trainings took, and which model was the answer.
func (r results) effort(b *strings.Builder) {
	var long, short, runs float64
	var answers []string
	for _, s := range r.seeds {
		long += s.recommended.Seconds
		for _, m := range s.paper {
			short += m.Seconds
		}
		runs += float64(len(s.paper))
		name := "searched"
		if a := s.recommended.Document.Answer; a != nil {
			name = a.Model
		}
		answers = append(answers, name)
	}
	n := float64(len(r.seeds))
	fmt.Fprintf(b, "\nThe trainings of a run took %.0f seconds together with the recommended settings, and %.0f with the paper's in %.1f runs. The answer was: %s.\n",
		long/n, short/n, runs/n, counted(answers))
}
