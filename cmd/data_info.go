package cmd

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"mixmas/search/align"
	"mixmas/search/atomicfile"
	"mixmas/search/dataset"
	"mixmas/search/dataset/page"
	"mixmas/search/dataset/survey"
	"mixmas/search/escape"
	"mixmas/search/task"
)

// description is the document that data info prints.
type description struct {
	Name        string     `json:"name"`
	Fingerprint string     `json:"fingerprint"`
	Modalities  []modality `json:"modalities"`
	Classes     []string   `json:"classes"`
	MultiLabel  bool       `json:"multi_label"`
	kind        task.Kind
	Rows        map[string]int `json:"rows"`
	// Groups are the numbers of groups of rows that belong together, by split; empty without groups.
	Groups map[string]int `json:"groups,omitempty"`
	// Counts are the numbers of rows that have each class, by split and then in the order of Classes.
	Counts map[string][]int `json:"counts"`
	// Warnings are sentences about what is odd in the data.
	Warnings []string `json:"warnings,omitempty"`
	// Duplicates are numbers of rows that are the same in all modalities.
	Duplicates *survey.Duplicates `json:"duplicates,omitempty"`
}

// modality describes a modality, with one mean and one standard deviation if all its elements share them, otherwise with
// lists by feature.
type modality struct {
	Name        string           `json:"name"`
	Kind        string           `json:"kind"`
	Shape       []int            `json:"shape"`
	Lengths     bool             `json:"lengths,omitempty"` // rows differ in their number of steps
	Mean        *float64         `json:"mean,omitempty"`
	Deviation   *float64         `json:"deviation,omitempty"`
	Standardise dataset.Grouping `json:"standardise,omitempty"` // feature or none
	Means       []float64        `json:"means,omitempty"`
	Deviations  []float64        `json:"deviations,omitempty"`
	Constant    []int            `json:"constant,omitempty"` // features with the same value in all training rows
	// Statistics are those of the values before they are standardised, by split.
	Statistics map[string]survey.Samples `json:"statistics,omitempty"`
	modality   dataset.Modality
	names      func(feature int) string
	text       string
}

func dataInfo(c *cli.Context) error {
	if err := arguments(c, 0, 1, "CONFIG"); err != nil {
		return err
	}
	if err := checkOverwrites(c, "html", c.Args().First()); err != nil {
		return err
	}
	plan, data, _, err := openComplete(c, c.Args().First())
	if err != nil {
		return err
	}
	defer data.Close()
	d, err := describe(c.Context, data)
	if err != nil {
		return err
	}
	if d.Warnings, err = warnings(c.Context, plan, data); err != nil {
		if c.Context.Err() != nil {
			return err
		}
		d.Warnings = append(d.Warnings, err.Error()) // the description shows what is wrong
	}
	status := newStatus(c.App.ErrWriter)
	found, err := survey.Stored(c.Context, data, openCache(), c.Bool("verify"), func(done, total int) {
		status.show("%s of %s rows", humanize.Comma(int64(done)), humanize.Comma(int64(total)))
	})
	status.close()
	if err != nil {
		return err
	}
	d.survey(found)
	if path := c.String("html"); path != "" {
		contents := page.Contents{Data: data, Survey: found, Counts: d.counts(), Warnings: d.Warnings}
		err := atomicfile.Write(path, func(w io.Writer) error { return page.Write(c.Context, w, contents) })
		if err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, d)
	}
	return d.writeText(c.App.Writer)
}

// mostClasses is the largest number of classes that are listed in text.
const mostClasses = 20

// writeText writes the description as text.
func (d *description) writeText(w io.Writer) error {
	rows := [][]string{{"name", escape.Terminal(d.Name)}, {"fingerprint", d.Fingerprint}}
	for _, m := range d.Modalities {
		rows = append(rows, []string{escape.Terminal(m.Name), m.text})
		if l := m.Statistics[dataset.Train.String()].Lengths; l != nil {
			rows = append(rows, []string{"", "training rows: " + l.Text(m.modality)})
		}
	}
	rows = append(rows, []string{"classes", fmt.Sprintf("%d, %v", len(d.Classes), d.kind)})
	head := []string{"rows with class"}
	for _, split := range dataset.Splits {
		n := d.Rows[split.String()]
		text := humanize.Comma(int64(n)) + " " + english.PluralWord(n, "row", "")
		if groups := d.Groups[split.String()]; groups > 0 {
			text += " of " + humanize.Comma(int64(groups)) + " " + english.PluralWord(groups, "group", "")
		}
		rows = append(rows, []string{split.String(), text})
		head = append(head, split.String())
	}
	if d.Duplicates != nil {
		sentences := d.Duplicates.Sentences()
		if len(sentences) == 0 {
			sentences = []string{"none"}
		}
		rows = append(rows, []string{"duplicates", strings.Join(sentences, "; ")})
	}
	counts := [][]string{head}
	listed := min(len(d.Classes), mostClasses)
	for i, class := range d.Classes[:listed] {
		row := []string{escape.Terminal(class)}
		for _, split := range dataset.Splits {
			row = append(row, humanize.Comma(int64(d.Counts[split.String()][i])))
		}
		counts = append(counts, row)
	}
	if err := align.Rows(w, append(rows, nil)); err != nil {
		return err
	}
	if err := align.Rows(w, counts); err != nil {
		return err
	}
	if more := len(d.Classes) - listed; more > 0 {
		if _, err := fmt.Fprintf(w, "and %s more (--json lists them all)\n", humanize.Comma(int64(more))); err != nil {
			return err
		}
	}
	if err := d.writeFeatures(w); err != nil {
		return err
	}
	for _, text := range d.Warnings {
		if _, err := fmt.Fprintf(w, "\nwarning: %s\n", escape.Terminal(text)); err != nil {
			return err
		}
	}
	return nil
}

// mostFeatures is the largest number of features of a modality that are listed in text.
const mostFeatures = 12

// writeFeatures writes what the values of the features are.
func (d *description) writeFeatures(w io.Writer) error {
	rows := [][]string{nil, {"values of training rows", "mean", "standard deviation", "minimum", "maximum", "missing"}}
	for _, m := range d.Modalities {
		features := m.Statistics[dataset.Train.String()].Features
		for i, f := range features[:min(len(features), mostFeatures)] {
			row := []string{escape.Terminal(m.Name + " " + m.names(i))}
			for _, v := range []float64{f.Mean, f.Deviation, f.Minimum, f.Maximum} {
				row = append(row, fmt.Sprintf("%.5g", v))
			}
			rows = append(rows, append(row, humanize.Comma(int64(f.Missing))))
		}
		if more := len(features) - mostFeatures; more > 0 {
			rows = append(rows, []string{fmt.Sprintf("%s: and %s more (--json lists them all)", escape.Terminal(m.Name), humanize.Comma(int64(more)))})
		}
	}
	if len(rows) == 2 {
		return nil
	}
	return align.Rows(w, rows)
}

// survey adds what the samples are like.
func (d *description) survey(found *survey.Survey) {
	d.Duplicates = &found.Duplicates
	for i, samples := range found.Modalities {
		m, missing := &d.Modalities[i], 0
		m.Statistics = map[string]survey.Samples{}
		for _, split := range dataset.Splits {
			m.Statistics[split.String()] = samples[split]
			missing += samples[split].Missing()
		}
		if missing > 0 {
			m.text += ", missing values become 0"
		}
	}
}

// counts are the rows of each split that have each class.
func (d *description) counts() (counts [3][]int) {
	for _, split := range dataset.Splits {
		counts[split] = d.Counts[split.String()]
	}
	return counts
}

// describe describes an open data set.
func describe(ctx context.Context, data dataset.Dataset) (*description, error) {
	d := &description{Name: data.Name(), Fingerprint: data.Fingerprint(), Classes: data.Task().Classes,
		kind: data.Task().Kind, MultiLabel: data.Task().Kind == task.MultiLabel, Rows: map[string]int{}, Groups: map[string]int{}, Counts: map[string][]int{}}
	standard := data.Preprocessing()
	for i, m := range data.Modalities() {
		described := describeModality(m, standard[m.Name])
		described.names = func(feature int) string { return survey.FeatureName(data, i, feature) }
		d.Modalities = append(d.Modalities, described)
	}
	for _, split := range dataset.Splits {
		counts, err := dataset.CountClasses(ctx, data, split)
		if err != nil {
			return nil, err
		}
		d.Rows[split.String()], d.Counts[split.String()] = data.Len(split), counts
		if n := dataset.CountGroups(data, split, math.MaxInt); n > 0 {
			d.Groups[split.String()] = n
		}
	}
	return d, nil
}

// describeModality describes a modality and its standardisation.
func describeModality(m dataset.Modality, s dataset.Standardisation) modality {
	d := modality{Name: m.Name, Kind: string(m.Kind), Shape: m.Shape, Lengths: m.Masked, Constant: s.Constant, modality: m, text: survey.Form(m, s)}
	if s.Per == dataset.PerModality {
		d.Mean, d.Deviation = &s.Mean[0], &s.Deviation[0]
	} else {
		d.Standardise, d.Means, d.Deviations = s.Per, s.Mean, s.Deviation
	}
	return d
}
