package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"mixmas/search/chart"
	"mixmas/search/escape"
	"mixmas/search/style"
)

//go:embed page.html
var text string

//go:embed page.css
var own string

var page = template.Must(template.New("page").Parse(text))

// styles is the style sheet of the page. Policy is the content security policy that every page has: it allows the style sheet, pictures
// inside the file and nothing else.
var styles, Policy = func() (string, string) {
	all := style.Base + chart.Style + own
	return all, "default-src 'none'; style-src " + escape.PolicySource(all) + "; img-src data:; base-uri 'none'; form-action 'none'"
}()

// whole is what the template shows.
type whole struct {
	Title   string
	Style   template.CSS
	Policy  string
	Reports []runReport
	// Compared is the table of several runs; nil for one.
	Compared *table
}

// runReport is the report of one run.
type runReport struct {
	ID, Name, About string
	Banner          string // of a run that has not ended
	Lead            []string
	Facts           []fact
	Sections        []section
}

// Write writes a page about a run, or several below each other with a table that compares them. Characters that are invisible or
// change the direction of writing are shown as escapes, wherever they come from.
func Write(w io.Writer, list ...Contents) error {
	v := whole{Title: "mixmas: report", Style: template.CSS(styles), Policy: Policy}
	for i := range list {
		r := newReport(&list[i], fmt.Sprintf("r%d-", i+1))
		v.Reports = append(v.Reports, r)
		if len(list) == 1 {
			v.Title = r.Name + ": mixmas report"
		}
	}
	if len(list) > 1 {
		v.Compared = compared(list, v.Reports)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return err
	}
	for line := range bytes.Lines(b.Bytes()) {
		rest, ended := bytes.CutSuffix(line, []byte("\n"))
		if _, err := io.WriteString(w, escape.Terminal(string(rest))); err != nil {
			return err
		}
		if ended {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

// newReport makes the report of a run. prefix makes the IDs of its elements unique.
func newReport(c *Contents, prefix string) runReport {
	d := c.Document
	r := runReport{ID: prefix + "top", Name: d.Name, About: c.about()}
	if r.Name == "" {
		r.Name = d.Dataset.Name
	}
	r.Banner, r.Lead, r.Facts = c.banner(), c.lead(), c.facts()
	for _, s := range []section{
		{"found", "Found", "What was found", c.found()},
		{"models", "Models", "The final models", c.models()},
		{"modalities", "Modalities", "What each modality is worth", c.worth()},
		{"architecture", "Architecture", "The chosen architecture", c.architecture()},
		{"data", "Data", "The data", c.data()},
		{"search", "Search", "How it was found", c.stages()},
		{"cost", "Cost", "Score against cost", c.costs()},
		{"timeline", "Timeline", "When what was trained", c.timeline()},
		{"untried", "Not tried", "What was not tried, and what to bear in mind", c.untried()},
		{"reproduce", "Reproduce", "How to reproduce it", c.reproduce()},
	} {
		if len(s.Blocks) > 0 {
			s.ID = prefix + s.ID
			r.Sections = append(r.Sections, s)
		}
	}
	return r
}
