package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// page is the page of a data set.
type page struct {
	set
	note     string
	measured []*measured
	wanted   int // seeds
}

func (p page) text() string {
	var b strings.Builder
	first := p.measured[0]
	fmt.Fprintf(&b, "<!-- Made by `make results-data`, with the text of %s.note. -->\n# %s\n\n", p.name, p.name)
	fmt.Fprintf(&b, "`testdata/configs/%s.yaml`: %d training, %d validation and %d test rows. What the file leaves open follows from the data\n"+
		"([defaults.md](../defaults.md)); %s on the validation rows chooses. The page's metric is %s on the test rows.\n\n",
		p.name, first.train, first.validation, first.test, first.selecting, p.metric)
	if n := len(p.measured); n < p.wanted {
		fmt.Fprintf(&b, "**Measured with %d of %d seeds so far.**\n\n", n, p.wanted)
	}
	ours := p.row(func(m *measured) float64 { return m.searched.Test[p.metric] })
	head, rule := "| |", "|---|"
	for _, m := range p.measured {
		head += fmt.Sprintf(" seed %d |", m.seed)
		rule += "---:|"
	}
	fmt.Fprintf(&b, "%s mean | range |\n%s---:|---|\n", head, rule)
	line := func(name, format string, values []float64) {
		low, high := slices.Min(values), slices.Max(values)
		fmt.Fprintf(&b, "| %s |", name)
		for _, v := range append(slices.Clone(values), mean(values)) {
			fmt.Fprintf(&b, " "+format+" |", v)
		}
		fmt.Fprintf(&b, " "+format+" to "+format+" |\n", low, high)
	}
	line("the search's model, test", "%.4f", ours)
	line("the search's model, validation", "%.4f", p.row(func(m *measured) float64 { return m.searched.Metrics[p.metric] }))
	line("the best single modality, test", "%.4f", p.row(func(m *measured) float64 { return m.single(p.metric).Test[p.metric] }))
	line("MLP-Mixer everywhere, concatenated, test", "%.4f", p.row(func(m *measured) float64 { return m.plain.Test[p.metric] }))
	line("trainings of the search", "%.0f", p.row(func(m *measured) float64 { return float64(m.trainings) }))
	line("their seconds", "%.0f", p.row(func(m *measured) float64 { return m.seconds }))
	line("seconds of the full training", "%.0f", p.row(func(m *measured) float64 { return m.searched.Score.Seconds }))
	line("its epochs", "%.0f", p.row(func(m *measured) float64 { return float64(len(m.searched.Score.Curve)) }))
	line("its parameters", "%.0f", p.row(func(m *measured) float64 { return float64(m.searched.Score.Parameters) }))

	if p.simple != "" {
		where, d := "above", mean(ours)-p.score
		if d < 0 {
			where, d = "below", -d
		}
		fmt.Fprintf(&b, "\nA simple classifier (%s) reaches %.2f on the same splits. Ours is %s it by %.3f.\n", p.simple, p.score, where, d)
	}
	fmt.Fprintf(&b, "\nChosen:\n\n")
	for _, m := range p.measured {
		fmt.Fprintf(&b, "- seed %d: %s; the best modality alone is %s\n", m.seed, m.choice, m.single(p.metric).modality)
	}
	fmt.Fprintf(&b, "\nEach modality alone, test:\n\n")
	for i, single := range first.singles {
		values := p.row(func(m *measured) float64 { return m.singles[i].Test[p.metric] })
		fmt.Fprintf(&b, "- %s: %.4f (%.4f to %.4f)\n", single.modality, mean(values), slices.Min(values), slices.Max(values))
	}
	if p.note != "" {
		fmt.Fprintf(&b, "\n%s\n", p.note)
	}
	fmt.Fprintf(&b, "\nMachine: %d cores, %s/%s. Seconds are those of the trainings, two of which run in parallel in a search.\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	return b.String()
}

// row holds a number of every seed.
func (p page) row(of func(*measured) float64) (values []float64) {
	for _, m := range p.measured {
		values = append(values, of(m))
	}
	return values
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
