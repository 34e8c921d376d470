// Package card writes the model card beside a model file, in Markdown with the front matter of Hugging Face.
package card

import (
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mixmas/search/assess"
	"mixmas/search/escape"
	"mixmas/search/report"
)

// Contents is what a card is about.
type Contents struct {
	// Field is the model's, in the document and the assessment: searched, ensemble, distilled or cheapest.
	Field      string
	Document   report.Document
	Assessment *assess.Assessment
	// Configuration is the complete configuration, as YAML, and Version that of the program.
	Configuration, Version string
}

// Write writes a card. Texts from the data harm neither its front matter nor its Markdown. It returns only errors of w.
func Write(w io.Writer, c Contents) error {
	k := newCard(c)
	k.frontMatter()
	k.summary()
	k.use()
	k.data()
	k.scores()
	k.classes()
	k.calibration()
	k.without()
	k.choice()
	k.limits()
	k.reproduce()
	_, err := io.WriteString(w, k.String())
	return err
}

// card is a card in the making.
type card struct {
	strings.Builder
	Contents
	final report.Final
	model assess.Model // without figures if the model was not assessed
}

func newCard(c Contents) *card {
	k := &card{Contents: c}
	k.final = report.Final{Name: "searched"}
	fields, finals := c.Document.Finals()
	if i := slices.Index(fields, c.Field); i >= 0 {
		k.final = finals[i]
	} else if f, found := c.Document.Trained(c.Assessment.Metric); found {
		k.final = f
	}
	field := c.Field
	for _, m := range slices.Backward(c.Assessment.Models) { // one that is the same stands before
		if m.Field == field {
			k.model = m
			if m.Same == "" {
				break
			}
			field = m.Same
		}
	}
	for _, s := range []*report.Scored{k.final.Test, k.final.Validation} { // a training alone has no intervals
		if s != nil && k.model.Split != "" && (s == k.final.Test) == (k.model.Split == "test") && math.IsNaN(float64(s.Low)) {
			s.Low, s.High = k.model.Low, k.model.High
		}
	}
	return k
}

// line writes a line of Markdown.
func (k *card) line(format string, a ...any) { fmt.Fprintf(k, format+"\n", a...) }

// text writes a paragraph of words from anywhere.
func (k *card) text(format string, a ...any) {
	k.line("%s\n", escape.Markdown(fmt.Sprintf(format, a...)))
}

// item writes an item of a list.
func (k *card) item(format string, a ...any) {
	k.line("- %s", escape.Markdown(fmt.Sprintf(format, a...)))
}

func (k *card) heading(text string) {
	if !strings.HasSuffix(k.String(), "\n\n") {
		k.line("")
	}
	k.line("## %s\n", text)
}

// best is the score on the test split, or on validation if there is none, with the name of the split; nil for none.
func (k *card) best() (*report.Scored, string) {
	if k.final.Test != nil {
		return k.final.Test, "test"
	}
	return k.final.Validation, "validation"
}

// title is the name of the search, with that of the model unless it is the searched one.
func (k *card) title() string {
	if k.Field == "searched" || k.Document.Name == "" {
		return assess.Name(k.Document.Name)
	}
	return assess.Name(k.Document.Name) + ": " + k.final.Name
}

// inputs are the modalities that the model reads, as far as is known.
func (k *card) inputs() (list []assess.Modality) {
	for _, m := range k.Assessment.Data.Modalities {
		if k.model.Reads == nil || slices.Contains(k.model.Reads, m.Name) {
			list = append(list, m)
		}
	}
	return list
}

func (k *card) summary() {
	k.line("# %s\n", escape.Markdown(k.title()))
	d := k.Assessment.Data
	labels := "one of"
	if d.MultiLabel {
		labels = "any number of"
	}
	var reads []string
	for _, m := range k.inputs() {
		reads = append(reads, m.Name)
	}
	text := fmt.Sprintf("Predicts %s %s classes", labels, report.Comma(len(d.Classes)+d.MoreClasses))
	if len(reads) > 0 {
		text += " from " + english.WordSeries(reads, "and")
	}
	text += "."
	switch best, split := k.best(); {
	case best == nil:
	case math.IsNaN(float64(best.Score)):
		text += fmt.Sprintf(" Its %s is undefined on %s rows.", k.Assessment.Metric, split)
	default:
		text += fmt.Sprintf(" It has %s %s on %s rows", k.Assessment.Metric, interval(best.Score, best.Low, best.High), split)
		if k.final.Test == nil {
			text += ", which had a part in choosing it"
		}
		text += "."
	}
	if k.final.Params > 0 {
		text += fmt.Sprintf(" %s parameters", report.Comma(k.final.Params))
		if n := len(k.final.Members); n > 0 {
			text += fmt.Sprintf(" in %d models", n)
		}
		text += "."
	}
	k.text("%s", text)
}

// interval writes a score with its 95% interval.
func interval(score, low, high report.Number) string {
	if _, known := decimal(low); !known {
		return score.Text()
	}
	return fmt.Sprintf("%s (%.3f to %.3f)", score.Text(), float64(low), float64(high))
}

func (k *card) use() {
	k.heading("Use")
	file := filepath.Base(k.final.Path)
	if k.final.Path == "" {
		file = "model.safetensors"
	}
	k.line("%s\n", code("mixmas predict --model "+file+" DATA", "sh"))
	k.text("The file holds the weights and their description: how raw input is prepared and standardised, and what the classes are called. DATA has the form of the training data.")
	var rows [][]string
	for _, m := range k.inputs() {
		rows = append(rows, []string{m.Name, m.Form})
	}
	k.WriteString(report.MarkdownTable(2, []string{"input", "form of a row"}, rows))
	if len(k.final.Thresholds) > 0 {
		k.line("")
		k.text("Thresholds that were fitted on the validation rows decide which classes are predicted; they do not change the probabilities.")
	}
}

func (k *card) data() {
	d := k.Assessment.Data
	k.heading("Data")
	k.item("%s, format %s: %s training, %s validation and %s test rows", d.Name, d.Format, report.Comma(d.Rows[0]), report.Comma(d.Rows[1]), report.Comma(d.Rows[2]))
	k.line("- fingerprint %s (content, splits and preprocessing)", escape.Code(d.Fingerprint))
	for _, m := range d.Modalities {
		lacks := m.Missing[0].Rows + m.Missing[1].Rows + m.Missing[2].Rows
		if lacks > 0 {
			k.item("%s rows lack %s", report.Comma(lacks), m.Name)
		}
		if missing := m.Missing[0].Values + m.Missing[1].Values + m.Missing[2].Values; missing > 0 {
			of := m.Missing[0].Of + m.Missing[1].Of + m.Missing[2].Of
			k.item("%s: %.2f%% of the values of its features are missing; the mean takes their place", m.Name, 100*float64(missing)/float64(max(of, 1)))
		}
	}
	for _, text := range slices.Concat(d.Duplicates, d.Warnings) {
		k.item("%s", text)
	}
	const most = 30
	listed := min(len(d.Classes), most)
	var rows [][]string
	for i, name := range d.Classes[:listed] {
		rows = append(rows, []string{name, report.Comma(d.Counts[0][i]), report.Comma(d.Counts[1][i]), report.Comma(d.Counts[2][i])})
	}
	k.line("")
	k.WriteString(report.MarkdownTable(1, []string{"class", "training", "validation", "test"}, rows))
	if more := len(d.Classes) + d.MoreClasses - listed; more > 0 {
		k.line("\nand %s more classes", report.Comma(more))
	}
}

func (k *card) scores() {
	k.heading("Scores")
	names := map[string]report.Number{}
	fitted := false
	for _, s := range []*report.Scored{k.final.Validation, k.final.Test} {
		if s != nil {
			maps.Copy(names, s.Metrics)
			fitted = fitted || s.MetricsWithoutThresholds != nil
		}
	}
	if len(names) == 0 {
		k.line("The model has no scores.")
		return
	}
	head := []string{"metric", "validation"}
	if k.final.Test != nil {
		head = append(head, "test")
	}
	without := func(s *report.Scored, name string) string {
		if s != nil {
			if v, has := s.MetricsWithoutThresholds[name]; has {
				return v.Text()
			}
		}
		return "–"
	}
	if fitted {
		head = append(head, "validation, no thresholds")
		if k.final.Test != nil {
			head = append(head, "test, no thresholds")
		}
	}
	cell := func(s *report.Scored, name string) string {
		switch v, has := s.Metrics[name]; {
		case name == k.Assessment.Metric:
			return interval(s.Score, s.Low, s.High)
		case has:
			return v.Text()
		}
		return "–"
	}
	var rows [][]string
	for _, name := range k.order(names) {
		row := []string{name, "–"}
		if k.final.Validation != nil {
			row[1] = cell(k.final.Validation, name)
		}
		if k.final.Test != nil {
			row = append(row, cell(k.final.Test, name))
		}
		if fitted {
			row = append(row, without(k.final.Validation, name))
			if k.final.Test != nil {
				row = append(row, without(k.final.Test, name))
			}
		}
		rows = append(rows, row)
	}
	k.WriteString(report.MarkdownTable(1, head, rows))
	text := fmt.Sprintf("In brackets: 95%% intervals. Validation rows, by %s, chose the model.", k.Assessment.Metric)
	if k.final.Test != nil {
		text += " Test rows had no part in any choice."
	}
	if fitted {
		rule := "the most probable class is predicted"
		if k.Assessment.Data.MultiLabel {
			rule = "a label is predicted from a probability of 0.5"
		}
		text += " The first figures are with the thresholds in the model file, which were fitted on validation rows; without thresholds " + rule + "."
	}
	k.line("")
	k.text("%s", text)
}

// assessed says on which rows figures were measured.
func (k *card) assessed() string {
	if k.model.Rows < k.model.Of {
		return fmt.Sprintf("%s of %s %s rows", report.Comma(k.model.Rows), report.Comma(k.model.Of), k.model.Split)
	}
	return fmt.Sprintf("%s %s rows", report.Comma(k.model.Rows), k.model.Split)
}

func (k *card) classes() {
	k.heading("Classes")
	if k.model.Split == "" {
		k.line("The model was not assessed.")
		return
	}
	k.line("On %s:\n", k.assessed())
	const most = 60
	listed := k.model.Classes[:min(len(k.model.Classes), most)]
	head := []string{"class", "rows", "precision", "recall", "F1", "AUROC", "average precision"}
	fitted := len(k.final.Thresholds) > 0
	if fitted {
		head = append(head, "threshold")
	}
	var rows [][]string
	for _, c := range listed {
		row := []string{c.Name, report.Comma(c.Support), c.Precision.Text(), c.Recall.Text(), c.F1.Text(), c.AUROC.Text(), c.AveragePrecision.Text()}
		if fitted {
			row = append(row, c.Threshold.Text())
		}
		rows = append(rows, row)
	}
	k.WriteString(report.MarkdownTable(1, head, rows))
	if more := len(k.model.Classes) - len(listed) + k.model.MoreClasses; more > 0 {
		k.line("\nand %s more classes", report.Comma(more))
	}
	k.confused()
}

// confused lists the most frequent mistakes.
func (k *card) confused() {
	list := k.model.Confusions(k.Assessment.Data.Classes)
	var rows [][]string
	for _, c := range list[:min(len(list), 10)] {
		rows = append(rows, []string{c.True, c.Predicted, report.Comma(c.Count), fmt.Sprintf("%.1f%%", 100*float64(c.Share))})
	}
	if len(rows) > 0 {
		k.line("\nThe most frequent mistakes:\n")
		k.WriteString(report.MarkdownTable(2, []string{"class", "predicted", "rows", "of the class"}, rows))
	}
}

func (k *card) calibration() {
	c := k.model.Calibration
	if len(c.Bins) == 0 {
		return
	}
	k.heading("Calibration")
	what := "the probability of the predicted class"
	if k.Assessment.Data.MultiLabel {
		what = "the probability of each class"
	}
	k.line("Expected calibration error %s, Brier score %s: how far %s is from how often it is right.\n", c.ECE.Text(), c.Brier.Text(), what)
	var rows [][]string
	for _, b := range c.Bins {
		if b.Count > 0 {
			rows = append(rows, []string{fmt.Sprintf("%.1f to %.1f", float64(b.Low), float64(b.High)), report.Comma(b.Count), b.Confidence.Text(), interval(b.Share, b.ShareLow, b.ShareHigh)})
		}
	}
	k.WriteString(report.MarkdownTable(1, []string{"probability", "predictions", "mean probability", "share that is right"}, rows))
}

func (k *card) without() {
	if len(k.model.Without) == 0 {
		return
	}
	k.heading("Without a modality")
	k.text("A row may lack a modality: the mean takes its place, or a length of 0. What the model then scores (%s, %s rows):", k.Assessment.Metric, report.Comma(k.model.Without[0].Rows))
	var rows [][]string
	for _, w := range k.model.Without {
		rows = append(rows, []string{w.Modality, interval(w.Score, w.Low, w.High), interval(w.Worth, w.WorthLow, w.WorthHigh)})
	}
	k.WriteString(report.MarkdownTable(1, []string{"without", k.Assessment.Metric, "worse by"}, rows))
	k.text("%s", k.model.NotTrained())
}

func (k *card) choice() {
	d := k.Document
	k.heading("How it was chosen")
	if len(d.Stages) > 0 {
		k.text("A search trained %s on %s training rows each. Chosen: %s.", report.Count(candidates(d), "candidate"), report.Comma(d.Sample.Size), d.WinnerText())
		for _, s := range d.Stages {
			k.item("%s, by %s: %s, among %s", s.Name, s.Metric, s.Winner, report.Count(len(s.Candidates), "candidate"))
			for _, text := range s.Remarks() {
				k.line("  - %s", escape.Markdown(text))
			}
		}
		k.line("")
	} else {
		k.text("The architecture was given, not searched.")
	}
	if k.Field == "cheapest" {
		k.text("It is the model with the fewest operations per prediction among those that are at most a point worse than the answer on the validation rows.")
	}
	if k.Field == "distilled" {
		k.text("It learned from the predictions of the ensemble and from the labels.")
	}
	if d.Answer != nil {
		if d.Answer.Model == k.Field {
			k.text("It is the answer of the run: %s.", d.Answer.Reason)
		} else {
			k.text("The answer of the run is another model, %s: %s.", d.Answer.Model, d.Answer.Reason)
		}
	}
	if len(k.final.Members) > 0 {
		var rows [][]string
		for _, m := range k.final.Members {
			rows = append(rows, []string{m.Name, fmt.Sprintf("%.3f", m.Weight)})
		}
		k.WriteString(report.MarkdownTable(1, []string{"member", "weight"}, rows))
		k.line("")
	}
	k.compared()
}

// candidates is the number of candidates of all stages.
func candidates(d report.Document) (n int) {
	for _, s := range d.Stages {
		n += len(s.Candidates)
	}
	return n
}

// compared lists what the searched model was compared with.
func (k *card) compared() {
	d := k.Document
	if len(d.Baselines) == 0 {
		return
	}
	text := "The searched model beats every baseline on validation."
	if same := k.sameAs(); same != "" {
		text = fmt.Sprintf("The searched model is the same as the baseline %s. It beats every other one on validation.", same)
	}
	if beaten := d.Beaten(); beaten != "" {
		text = strings.ToUpper(beaten[:1]) + beaten[1:] + "."
	}
	k.text("%s", text)
	tested := k.final.Test != nil || slices.ContainsFunc(d.Baselines, func(b report.Baseline) bool { return b.Test != nil })
	cell := func(s *report.Scored) string {
		if s == nil {
			return "–"
		}
		return interval(s.Score, s.Low, s.High)
	}
	row := func(f report.Final) []string {
		cells := []string{f.Name, cell(f.Validation)}
		if tested {
			cells = append(cells, cell(f.Test))
		}
		return cells
	}
	rows := [][]string{row(k.final)}
	for _, b := range d.Baselines {
		rows = append(rows, row(b.Final))
	}
	head := []string{"model", k.Assessment.Metric + " on validation"}
	if tested {
		head = append(head, "on test")
	}
	k.WriteString(report.MarkdownTable(1, head, rows))
}

// sameAs is the name of the baseline that the searched model is: it ties with it, and is not said to lose to it. "" if there is none.
func (k *card) sameAs() string {
	own := k.Document.Searched
	if own == nil || own.Validation == nil {
		return ""
	}
	for _, b := range k.Document.Baselines {
		if !b.Beats && b.Validation != nil && b.Validation.Score == own.Validation.Score {
			return b.Name
		}
	}
	return ""
}

func (k *card) limits() {
	k.heading("Limits")
	if k.final.Test == nil {
		k.item("There is no test split: the scores are those of rows that chose the model, and are too good.")
	}
	const fewRows = 20
	var rare []string
	for _, c := range k.model.Classes {
		if c.Support < fewRows {
			rare = append(rare, c.Name)
		}
	}
	if n := len(rare); n > 0 {
		const most = 5
		text := strings.Join(rare[:min(n, most)], ", ")
		if n > most {
			text += fmt.Sprintf(" and %d more", n-most)
		}
		k.item("Fewer than %d of the assessed rows have %s: the figures of these classes say little.", fewRows, text)
	}
	k.item("The scores hold for rows like those of the data above. How the model does on other populations, devices or times was not measured, nor whether it treats groups of people alike.")
	k.item("It always predicts from its own classes: rows of none of them are not recognised.")
	if k.final.Note != "" {
		k.item("%s", k.final.Note)
	}
	for _, text := range slices.Concat(k.Document.LeftOut, k.Assessment.Untested) {
		k.item("%s", text)
	}
}

func (k *card) reproduce() {
	d := k.Document
	k.heading("How to reproduce it")
	if d.Command != "" {
		k.line("%s\n", code(d.Command, "sh"))
	}
	if d.Machine != "" {
		k.item("machine: %s", d.Machine)
	}
	if k.Version != "" {
		k.item("program: mixmas %s", k.Version)
	}
	k.item("%s in %s seconds", report.Count(d.Trainings, "training"), strconv.FormatFloat(math.Round(10*d.Seconds)/10, 'f', -1, 64))
	if k.Configuration != "" {
		k.line("\nThe complete configuration, with the seed:\n\n%s", code(k.Configuration, "yaml"))
	}
}

// code returns lines as a block of code.
func code(text, language string) string {
	text = strings.TrimSuffix(text, "\n")
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = escape.Terminal(line)
	}
	return fence + language + "\n" + strings.Join(lines, "\n") + "\n" + fence
}
