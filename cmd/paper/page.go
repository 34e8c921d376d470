package paper

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"mixmas/search/escape"
)

// WritePage writes the results so far as a page of Markdown. It returns only errors of w.
func (r *Results) WritePage(w io.Writer) error {
	var b strings.Builder
	b.WriteString("<!-- Made by `mixmas reproduce avmnist`. -->\n# The paper, re-run: AV-MNIST\n\n" +
		"What \"MixMAS: A Framework for Sampling-Based Mixer Architecture Search for Multimodal Fusion and Learning\" (Chergui et al. 2024,\n" +
		"arXiv:2412.18437) says of AV-MNIST, beside our runs.\n")
	r.status(&b)
	r.verdicts(&b)
	r.tableOne(&b)
	r.tableTwo(&b)
	r.curves(&b)
	list(&b, "What differs from the paper", append(slices.Clone(differences), r.epochsDiffer()))
	list(&b, "What the paper and its code say twice", inconsistencies)
	r.provenance(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// status says what is missing.
func (r *Results) status(b *strings.Builder) {
	if r.Data.Cut {
		fmt.Fprintf(b, "\n**A rehearsal: only the first %s training, %s validation and %s test rows were used. The numbers mean nothing.**\n",
			count(r.Data.Train), count(r.Data.Validation), count(r.Data.Test))
	}
	if wanted := r.Seeds * len(Models) * len(Rates); len(r.Searches) < r.Seeds || len(r.Trainings) < wanted {
		fmt.Fprintf(b, "\n**So far %d of %d searches and %d of %d full trainings have finished.**\n", len(r.Searches), r.Seeds, len(r.Trainings), wanted)
	}
}

func (r *Results) verdicts(b *strings.Builder) {
	b.WriteString("\n## The paper's conclusions\n\nThe rules are part of the program, and were written before the runs.\n\n")
	t := table{head: []string{"conclusion", "verdict", "what the runs say"}, right: []bool{false, false, false}}
	for _, claim := range Claims {
		verdict, reason := claim.Judge(r)
		t.add(claim.Conclusion, "**"+string(verdict)+"**", reason)
	}
	t.write(b)
	b.WriteString("\nThe rules:\n\n")
	for i, claim := range Claims {
		fmt.Fprintf(b, "%d. %s\n", i+1, claim.Rule)
	}
	fmt.Fprintf(b, "\nNothing is concluded from fewer than %d seeds. \"Ahead\" and \"cannot be told apart\" are by the rule of [choosing.md](choosing.md).\n", leastSeeds)
}

// tableOne writes the column of Table I.
func (r *Results) tableOne(b *strings.Builder) {
	fmt.Fprintf(b, "\n## Table I: the search\n\nAccuracy on the validation rows, mean over %s with its 95%% interval. Each candidate is trained once per seed, on %s rows.\n"+
		"In bold: what the paper chose. The accuracies of its Table I are not at hand.\n", seeds(len(r.Searches)), count(r.Sample))
	for _, name := range r.stageNames() {
		c := r.stage(name)
		if c == nil {
			continue
		}
		fmt.Fprintf(b, "\n### %s\n\n", name)
		t := table{head: []string{"candidate", "accuracy", "95% interval", "chosen", "parameters", "seconds"}, right: []bool{false, true, true, true, true, true}}
		for _, i := range c.order() {
			text := c.names[i]
			if text == publishedChoices[name] {
				text = "**" + text + "**"
			}
			t.add(text, percent(c.standing.Mean[i]), interval(c.standing.Low[i], c.standing.High[i]), fmt.Sprintf("%d of %d", c.chosen[i], c.seeds),
				count(int(math.Round(c.parameters[i]))), seconds(c.seconds[i]))
		}
		t.write(b)
		fmt.Fprintf(b, "\n%s: %s.\n", c.names[c.standing.Leader], c.standing.Text("accuracy"))
	}
}

// order lists the candidates, the best first.
func (c *compared) order() []int {
	order := make([]int, len(c.names))
	for i := range order {
		order[i] = i
	}
	key := func(i int) float64 {
		if math.IsNaN(c.standing.Mean[i]) {
			return -1
		}
		return c.standing.Mean[i]
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch x, y := key(i), key(j); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return order
}

// tableTwo writes the row of Table II.
func (r *Results) tableTwo(b *strings.Builder) {
	p := published[0]
	fmt.Fprintf(b, "\n## Table II: the full trainings\n\nThe paper: M2-Mixer %.2f ± %.1f%% with %.1f million parameters, the searched model %.2f%% with %.2f million.\n"+
		"(%s: %s %.2f and %.2f. %s: %s %.2f and %.2f.)\n", p.baseline, p.baselineUncertainty, p.baselineMillions, p.searched, p.searchedMillions,
		published[1].set, published[1].metric, published[1].baseline, published[1].searched, published[2].set, published[2].metric, published[2].baseline, published[2].searched)
	complete := len(r.complete())
	if complete == 0 {
		b.WriteString("\nNo seed has finished.\n")
		return
	}
	fmt.Fprintf(b, "\nHere, over %s and at most %s each:\n\n", seeds(complete), epochs(r.Epochs))
	t := table{head: []string{"model", "learning rate", "test", "95% interval", "validation", "parameters", "best epoch", "seconds", ""},
		right: []bool{false, true, true, true, true, true, true, true, false}}
	for _, name := range Models {
		for _, rate := range Rates {
			r.add(&t, name, rate)
		}
	}
	t.write(b)
	b.WriteString("\n`" + Found + "` is what the search of each seed chose:\n\n")
	for _, s := range r.Searches {
		var parts []string
		for _, stage := range s.Stages {
			parts = append(parts, stage.Name+" "+stage.Winner)
		}
		fmt.Fprintf(b, "- seed %d: %s\n", s.Seed, strings.Join(parts, ", "))
	}
}

// add adds the row of a model at a learning rate.
func (r *Results) add(t *table, name string, rate float64) {
	list := r.at(name, rate)
	failed := failures(list)
	var parameters, spent, best float64
	for _, training := range list {
		parameters += float64(training.Parameters)
		spent += training.Seconds
		if training.Failed == "" {
			best += float64(bestEpoch(training))
		}
	}
	n := float64(len(list))
	low, high, note := math.NaN(), math.NaN(), ""
	if rate == r.rate(name) {
		note = "the better rate"
		if c := r.models(name); c != nil && failed == 0 {
			low, high = c.standing.Low[0], c.standing.High[0]
		}
	}
	if failed > 0 {
		note = strings.TrimPrefix(fmt.Sprintf("%s, %d failed", note, failed), ", ")
	}
	t.add(name, strconv.FormatFloat(rate, 'g', -1, 64), percent(meanOf(list, test)), interval(low, high), percent(meanOf(list, validation)),
		count(int(math.Round(parameters/n))), decimal(best/float64(len(list)-failed)), seconds(spent/n), note)
}

// bestEpoch is the epoch whose weights were kept, from 1.
func bestEpoch(t *Training) int {
	best := 0
	for i, e := range t.Curve {
		if e.ValidationLoss < t.Curve[best].ValidationLoss {
			best = i
		}
	}
	return best + 1
}

// curves writes the losses after some epochs, each model at its better rate.
func (r *Results) curves(b *strings.Builder) {
	if len(r.complete()) == 0 {
		return
	}
	b.WriteString("\n## Learning curves\n\nLoss on the training and on the validation rows, mean over the seeds, each model at its better learning rate. " +
		"(The training loss is the sum\nover the model's heads, the validation loss is that of the prediction.)\n\n")
	t := table{head: []string{"epoch"}, right: []bool{true}}
	longest := 0
	for _, name := range Models {
		t.head, t.right = append(t.head, name+", training", "validation"), append(t.right, true, true)
		for _, training := range r.at(name, r.rate(name)) {
			longest = max(longest, len(training.Curve))
		}
	}
	for _, epoch := range shown(longest) {
		row := []string{strconv.Itoa(epoch)}
		for _, name := range Models {
			var train, loss, n float64
			for _, training := range r.at(name, r.rate(name)) {
				if epoch <= len(training.Curve) {
					train += training.Curve[epoch-1].TrainLoss
					loss += training.Curve[epoch-1].ValidationLoss
					n++
				}
			}
			row = append(row, loss4(train/n), loss4(loss/n))
		}
		t.add(row...)
	}
	t.write(b)
}

// shown lists the epochs of a table: 1, 2, 3, 5, 7, 10, 20, 30, ... and the last.
func shown(last int) (epochs []int) {
	for epoch := 1; epoch <= last; epoch++ {
		if epoch < 4 || epoch == 5 || epoch == 7 || epoch%10 == 0 || epoch == last {
			epochs = append(epochs, epoch)
		}
	}
	return epochs
}

func (r *Results) epochsDiffer() string {
	if r.Epochs == Epochs {
		return fmt.Sprintf("The number of epochs, %d, is the paper's.", Epochs)
	}
	return fmt.Sprintf("The paper trains %d epochs at most, these are %d.", Epochs, r.Epochs)
}

func (r *Results) provenance(b *strings.Builder) {
	spent, keys := 0.0, 0
	for _, t := range r.Trainings {
		spent += t.Seconds
		keys++
	}
	for _, s := range r.Searches {
		for _, stage := range s.Stages {
			for _, c := range stage.Candidates {
				spent += c.Seconds
			}
		}
	}
	list(b, "Provenance", []string{
		"Command: " + escape.Code(r.Command) + ".",
		fmt.Sprintf("Data: %s training, %s validation and %s test rows, fingerprint %s.", count(r.Data.Train), count(r.Data.Validation), count(r.Data.Test), r.Data.Fingerprint),
		fmt.Sprintf("Sample: %s rows, %.2f%% of all.", count(r.Sample), 100*float64(r.Sample)/float64(max(1, r.Data.Train+r.Data.Validation+r.Data.Test))),
		fmt.Sprintf("Machine: %s; numerics %s. The trainings took %.1f hours together.", r.Machine, r.Numerics, spent/3600),
		"Intervals are at 95%, and cover the seeds and the rows; with one seed, the rows alone.",
	})
	if keys == 0 {
		return
	}
	b.WriteString("\nKeys of the full trainings:\n\n")
	t := table{head: []string{"model", "seed", "learning rate", "key"}, right: []bool{false, true, true, false}}
	for _, training := range r.Trainings {
		key := "`" + training.Key[:min(16, len(training.Key))] + "`"
		if training.Failed != "" {
			key = "failed: " + escape.Markdown(training.Failed)
		}
		t.add(training.Model, strconv.FormatUint(training.Seed, 10), strconv.FormatFloat(training.Rate, 'g', -1, 64), key)
	}
	t.write(b)
}

// list writes a section of items.
func list(b *strings.Builder, title string, items []string) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	for _, item := range items {
		fmt.Fprintf(b, "- %s\n", item)
	}
}

// table is a table of Markdown.
type table struct {
	head  []string
	right []bool
	rows  [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(b *strings.Builder) {
	line := func(cells []string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.head)
	rule := make([]string, len(t.right))
	for i, right := range t.right {
		if rule[i] = "---"; right {
			rule[i] = "---:"
		}
	}
	line(rule)
	for _, row := range t.rows {
		line(row)
	}
}

const dash = "–"

func percent(x float64) string {
	if math.IsNaN(x) {
		return dash
	}
	return fmt.Sprintf("%.2f%%", 100*x)
}

func interval(low, high float64) string {
	if math.IsNaN(low) {
		return dash
	}
	return fmt.Sprintf("%.2f to %.2f", 100*low, 100*high)
}

func loss4(x float64) string {
	if math.IsNaN(x) {
		return dash
	}
	return strconv.FormatFloat(x, 'f', 4, 64)
}

func decimal(x float64) string {
	if math.IsNaN(x) {
		return dash
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

func seconds(x float64) string { return decimal(x) }

func count(n int) string { return humanize.Comma(int64(n)) }

func seeds(n int) string {
	if n == 1 {
		return "1 seed"
	}
	return strconv.Itoa(n) + " seeds"
}

func epochs(n int) string {
	if n == 1 {
		return "1 epoch"
	}
	return strconv.Itoa(n) + " epochs"
}
