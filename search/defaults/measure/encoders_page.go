package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"mixmas/nn/dimensions"
	"mixmas/search/atomicfile"
	"mixmas/search/choice"
	"mixmas/search/report"
	"mixmas/search/store"
)

// scoresTitle begins what was measured on data sets; each has sections of its own, one per modality.
const scoresTitle = "\n## Scores on real data\n\n"

// encodersPage writes docs/encoders.md. Sections of modalities that are not measured now stay as they are. The times of steps are measured
// without configurations, and if the page has none.
func encodersPage(ctx context.Context, to, kept, note string, limit time.Duration, o encoderOptions, configs []string) error {
	text, err := os.ReadFile(to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	sections := parseSections(string(text))
	head, err := encodersHead()
	if err != nil {
		return err
	}
	steps := parseSteps(string(text))
	if steps == "" || len(configs) == 0 {
		if steps, err = stepTimes(ctx); err != nil {
			return err
		}
	}
	write := func() error {
		return atomicfile.Replace(to, func(w io.Writer) error {
			_, err := io.WriteString(w, head+steps+scoresHead(note, o.seeds)+strings.Join(sections, ""))
			return err
		})
	}
	if err := write(); err != nil || len(configs) == 0 {
		return err
	}
	scores, err := store.Open(ctx, kept, store.Options{})
	if err != nil {
		return err
	}
	for _, path := range configs {
		limited, cancel := ctx, context.CancelFunc(func() {})
		if limit > 0 {
			limited, cancel = context.WithTimeout(ctx, limit)
		}
		err := scoreEncoders(limited, path, scores, o, func(s scored) error {
			sections = replaceSection(sections, s.section())
			return write()
		})
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

const sectionStart = "\n### "

// parseSteps returns the times of steps on a page, with their title; "" if it has none.
func parseSteps(page string) string {
	before, _, _ := strings.Cut(page, scoresTitle)
	_, steps, has := strings.Cut(before, stepsTitle)
	if !has {
		return ""
	}
	return stepsTitle + steps
}

// parseSections returns the sections of a page's scores, each with its title.
func parseSections(page string) (sections []string) {
	_, measured, _ := strings.Cut(page, scoresTitle)
	for i, part := range strings.Split(measured, sectionStart) {
		if i > 0 {
			sections = append(sections, sectionStart+part)
		}
	}
	return sections
}

// replaceSection puts a section in the place of that with the same title, or at the end.
func replaceSection(sections []string, section string) []string {
	title := func(s string) string { return strings.SplitN(s, "\n", 3)[1] }
	i := slices.IndexFunc(sections, func(s string) bool { return title(s) == title(section) })
	if i < 0 {
		return append(sections, section)
	}
	sections[i] = section
	return sections
}

func scoresHead(note string, seeds int) string {
	text := scoresTitle + fmt.Sprintf("Each encoder was trained alone, with a head, as in the first stage of a search with `architectures: all` and the recommended settings,\n"+
		"with %d seeds. Each seed has its own sample and initial weights; the test rows are the same. Scores are on the test rows, mean over the seeds\n"+
		"with its 95%% interval by Student's t. Seconds are the processor time of a training on one core.\n", seeds)
	if note != "" {
		text += "\n" + strings.TrimSpace(note) + "\n"
	}
	return text
}

// section is what was measured on a modality.
func (s scored) section() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s, %s (%s)\n\n%s training, %s validation and %s test rows; %s updates on %s of the training rows.\n\n", sectionStart, s.data, s.modality, dimensions.Text(s.shape),
		report.Comma(s.train), report.Comma(s.validation), report.Comma(s.test), report.Comma(s.updates), report.Comma(s.sample))
	mean := func(t tested) float64 {
		m, _, _ := choice.MeanInterval(t.tests)
		if math.IsNaN(m) {
			return math.Inf(-1)
		}
		return m
	}
	slices.SortStableFunc(s.encoders, func(a, b tested) int { return cmp.Compare(mean(b), mean(a)) })
	heads := []string{"name", s.metric, "95% interval", s.second, "parameters", "seconds"}
	var own, varied [][]string
	for _, t := range s.encoders {
		name := "`" + t.name + "`"
		row := []string{name, "failed: " + t.failed, "", "", report.Comma(t.parameters), digits(average(t.seconds))}
		if len(t.tests) > 0 {
			m, low, high := choice.MeanInterval(t.tests)
			row[1], row[2], row[3] = fmt.Sprintf("%.3f", m), interval(low, high), fmt.Sprintf("%.3f", average(t.second))
			if n := len(t.tests); n < s.seeds {
				row[1] += fmt.Sprintf(" (%d of %d seeds)", n, s.seeds)
			}
		}
		if t.variant == "" {
			own = append(own, row)
		}
		if t.variant != "" || slices.ContainsFunc(s.encoders, func(o tested) bool { return o.name == t.name && o.variant != "" }) {
			varied = append(varied, slices.Insert(row, 1, cmp.Or(t.variant, "as above")))
		}
	}
	table(&b, heads, own)
	if len(varied) > 0 {
		b.WriteString("\nOther sizes and trainings of some of them:\n\n")
		table(&b, slices.Insert(heads, 1, "instead"), varied)
	}
	return b.String()
}

func average(values []float64) float64 {
	mean, _, _ := choice.MeanInterval(values)
	return mean
}

func interval(low, high float64) string {
	if math.IsNaN(low) {
		return "–"
	}
	return fmt.Sprintf("%.3f to %.3f", low, high)
}

// digits is a time with two digits below 10 seconds.
func digits(seconds float64) string {
	if seconds < 10 {
		return fmt.Sprintf("%.2g", seconds)
	}
	return fmt.Sprintf("%.0f", seconds)
}
