// Package page writes a page about a data set for a browser: its classes, its modalities, and samples of every class and split
// to look at. The page is one file. It needs no network and has no scripts.
package page

import (
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"github.com/dustin/go-humanize"

	"mixmas/search/chart"
	"mixmas/search/dataset"
	"mixmas/search/dataset/survey"
	"mixmas/search/escape"
	"mixmas/search/style"
)

// Contents are what a page is about.
type Contents struct {
	Data     dataset.Dataset
	Survey   *survey.Survey
	Counts   [3][]int // rows of each split that have each class
	Warnings []string // about the data
}

// How much a page shows.
const (
	mostClasses  = 24 // with samples
	mostCounts   = 200
	mostFeatures = 50
)

//go:embed page.html
var text string

//go:embed page.css
var own string

var page = template.Must(template.New("page").Parse(text))

// styles is the style sheet of the page, and policy allows it, pictures inside the file and nothing else.
var styles, policy = func() (template.CSS, string) {
	all := style.Base + chart.Style + own
	return template.CSS(all), "default-src 'none'; style-src " + escape.PolicySource(all) + "; img-src data:; base-uri 'none'; form-action 'none'"
}()

// Write writes the page.
func Write(ctx context.Context, w io.Writer, c Contents) error {
	v, err := newView(ctx, c)
	if err != nil {
		return err
	}
	return page.Execute(w, v)
}

// view is what the template shows. All texts from outside are on one line, without characters that cannot be seen.
type view struct {
	Style                   template.CSS
	Policy                  string
	Name, Fingerprint, Task string
	Splits                  []string
	Rows                    []string // by split
	Duplicates              []string
	Warnings                []string
	Classes                 []class
	MoreClasses             int
	Modalities              []modality
	Samples                 []samples
	MoreSamples             int
}

// class is a line of the table of classes.
type class struct {
	Name   string
	Counts []bar // by split
}

// bar is a number of rows, and its length as a percentage of the longest bar of its split.
type bar struct {
	Count string
	Per   float64
}

// modality is a section about a modality.
type modality struct {
	Name, Form   string
	Lengths      []string
	Heads        []string // of the table of features, after their names
	Features     []feature
	MoreFeatures int
}

// feature is a line of the table of features.
type feature struct {
	Name  string
	Cells []cell
}

// cell is a number with the head of its column.
type cell struct{ Head, Text string }

// samples are those of a class.
type samples struct {
	Class  string
	Splits []group
}

// group are the samples of a class and split.
type group struct {
	Split string
	Cards []card
}

// card is a sample.
type card struct {
	Row   int
	Parts []part
}

func newView(ctx context.Context, c Contents) (*view, error) {
	data := c.Data
	t := data.Task()
	v := &view{Style: styles, Policy: policy, Name: shown(data.Name()), Fingerprint: data.Fingerprint(), Task: fmt.Sprintf("%s classes, %v", humanize.Comma(int64(len(t.Classes))), t.Kind)}
	for _, s := range dataset.Splits {
		v.Splits = append(v.Splits, s.String())
		v.Rows = append(v.Rows, humanize.Comma(int64(data.Len(s))))
	}
	v.Duplicates = c.Survey.Duplicates.Sentences()
	for _, text := range c.Warnings {
		v.Warnings = append(v.Warnings, shown(text))
	}
	v.classes(t.Classes, c.Counts)
	standard := data.Preprocessing()
	for i, m := range data.Modalities() {
		v.Modalities = append(v.Modalities, newModality(m, standard[m.Name], c.Survey.Modalities[i], func(feature int) string { return shown(survey.FeatureName(data, i, feature)) }))
	}
	return v, v.samples(ctx, c)
}

// classes lists the classes.
func (v *view) classes(names []string, counts [3][]int) {
	var most [3]int
	for s := range counts {
		for _, n := range counts[s] {
			most[s] = max(most[s], n)
		}
	}
	listed := min(len(names), mostCounts)
	for i, name := range names[:listed] {
		line := class{Name: shown(name)}
		for s := range counts {
			n := counts[s][i]
			line.Counts = append(line.Counts, bar{humanize.Comma(int64(n)), 100 * float64(n) / float64(max(1, most[s]))})
		}
		v.Classes = append(v.Classes, line)
	}
	v.MoreClasses = len(names) - listed
}

// newModality describes a modality.
func newModality(m dataset.Modality, standard dataset.Standardisation, found survey.Modality, name func(feature int) string) modality {
	v := modality{Name: shown(m.Name), Form: survey.Form(m, standard)}
	for _, s := range dataset.Splits {
		if l := found[s].Lengths; l != nil {
			v.Lengths = append(v.Lengths, fmt.Sprintf("%s: %s", s, l.Text(m)))
		}
	}
	v.Heads = []string{"mean", "standard deviation", "minimum", "maximum"}
	missing := slices.ContainsFunc(found[:], func(s survey.Samples) bool { return s.Missing() > 0 })
	if missing {
		for _, s := range dataset.Splits {
			v.Heads = append(v.Heads, "missing in "+s.String())
		}
	}
	features := found[dataset.Train].Features
	listed := min(len(features), mostFeatures)
	for i, f := range features[:listed] {
		texts := []string{number(f.Mean), number(f.Deviation), number(f.Minimum), number(f.Maximum)}
		if f.Count == 0 { // of no value
			texts = []string{"–", "–", "–", "–"}
		}
		if missing {
			for _, s := range dataset.Splits {
				texts = append(texts, humanize.Comma(int64(found[s].Features[i].Missing)))
			}
		}
		line := feature{Name: name(i)}
		for k, text := range texts {
			line.Cells = append(line.Cells, cell{v.Heads[k], text})
		}
		v.Features = append(v.Features, line)
	}
	v.MoreFeatures = len(features) - listed
	return v
}

// number writes a number.
func number(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v):
		return "missing"
	case size >= 1e3 && size < 1e7:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

// shown is a name or sentence from outside, on one line and not too long.
func shown(text string) string {
	const most = 200
	text = escape.Terminal(text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}
