// Command measure compares the defaults of package defaults with their neighbours on real data, and writes docs/defaults.md:
//
//	go run ./search/defaults/measure --to docs/defaults.md CONFIG...
//
// With --encoders it writes docs/encoders.md instead: what every encoder and fusion function is and costs, and what each encoder
// scores alone.
//
// The configurations name data and nothing else. Candidates are compared by the metric on the validation rows, over some
// repeats with other initial weights; the test split is only used for the models that the defaults end with. Scores are kept in
// --store, so a run that was interrupted, or stopped by --time, goes on; the page has what was finished. Without configurations the
// rule of the page is written anew, and what was measured stays.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/dataset"
	_ "mixmas/search/dataset/formats"
	"mixmas/search/evaluate"
	"mixmas/search/plan"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

func main() {
	to := flag.String("to", "docs/defaults.md", "write the page to `FILE`")
	kept := flag.String("store", "defaults.db", "keep the scores in `FILE`")
	repeats := flag.Int("repeats", 2, "train each candidate `N` times")
	partly := flag.String("encoders-only", "", "measure only the encoders of these `NAMES`, separated by commas")
	limit := flag.Duration("time", 0, "measure each data set for this `TIME`, such as 30m; 0: as long as it takes")
	note := flag.String("note", "", "a paragraph of `TEXT` about the data and the machine")
	encoders := flag.Bool("encoders", false, "write the page of all encoders, each trained alone with as many seeds as repeats")
	var o encoderOptions
	list := func(to *[]string) func(string) error {
		return func(text string) error { *to = strings.Split(text, ","); return nil }
	}
	flag.Func("modalities", "with --encoders: measure only these modalities, `NAMES` separated by commas", list(&o.modalities))
	flag.Func("vary", "with --encoders: measure other sizes and trainings of these encoders too, `NAMES` separated by commas", list(&o.vary))
	flag.Func("variants", "with --vary: only these variants, `NAMES` separated by commas", list(&o.variants))
	flag.BoolVar(&o.stored, "stored", false, "with --encoders: train nothing, and write what is stored")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if o.seeds = *repeats; *encoders {
		err = encodersPage(ctx, *to, *kept, *note, *limit, o, flag.Args())
	} else {
		err = run(ctx, *to, *kept, *repeats, *limit, *note, strings.Split(*partly, ","), flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, to, kept string, repeats int, limit time.Duration, note string, partly, configs []string) error {
	if len(configs) == 0 {
		return renew(to)
	}
	scores, err := store.Open(ctx, kept, store.Options{})
	if err != nil {
		return err
	}
	p := page{repeats: repeats, note: note}
	for _, path := range configs {
		limited, cancel := ctx, context.CancelFunc(func() {})
		if limit > 0 {
			limited, cancel = context.WithTimeout(ctx, limit)
		}
		m, err := measure(limited, path, scores, repeats, partly)
		cancel()
		if m != nil { // what was finished is written, whatever ended it
			p.sets = append(p.sets, m)
			if err := os.WriteFile(to, []byte(p.text()), 0o644); err != nil {
				return err
			}
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// renew writes the rule of the page anew, and keeps what was measured.
func renew(to string) error {
	text, err := os.ReadFile(to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, measured, _ := strings.Cut(string(text), measuredTitle)
	return os.WriteFile(to, []byte((page{}).head()+measured), 0o644)
}

// The neighbours of the best encoder of a modality are tried, in the first modalities that look alike: those after them would say
// the same.
const alike = 2

// measured is what was measured on one data set.
type measured struct {
	name                    string
	train, validation, test int
	metric                  string
	encoders, full          []comparison
	model                   string
	trained                 *search.Trained
	seconds                 float64 // of the search
}

// comparison is a candidate beside its neighbours.
type comparison struct {
	of       string // modality and architecture, or "full training"
	rule     result
	order    []string // of the variants
	variants map[string]result
}

// result is the mean of repeats.
type result struct {
	score, seconds float64
	parameters     int
	trainings      int
}

func measure(ctx context.Context, path string, scores *store.Store, repeats int, partly []string) (*measured, error) {
	o, err := open(ctx, path, func(c *config.Config) { c.Use(config.Paper) }, scores, runtime.NumCPU(), false) // each training is looked at by itself
	if err != nil {
		return nil, err
	}
	defer o.data.Close()
	c, data, e := o.config, o.data, o.evaluator
	space, err := plan.Sampled(ctx, o.unsampled, c, o.runner.Device.Numerics())
	if err != nil {
		return nil, err
	}
	m := &measured{name: c.Name, train: data.Len(dataset.Train), validation: data.Len(dataset.Validation), test: data.Len(dataset.Test), metric: c.Search.Metric}

	looked := map[string]int{}
	for _, modality := range space.Modalities {
		looks := fmt.Sprint(modality.Kind, modality.Shape)
		looked[looks]++
		var compared []comparison
		jobs := map[string]trial.Job{}
		of := func(c strategy.Candidate) string { return modality.Name + ", " + c.Label }
		for _, candidate := range modality.Encoders {
			job := space.Job("defaults/"+modality.Name, candidate.Label, space.EncoderModel(modality, candidate))
			found, err := compare(ctx, e, m.metric, of(candidate), job, nil, repeats)
			if err != nil {
				return m, err
			}
			compared, jobs[found.of] = append(compared, found), job
		}
		slices.SortStableFunc(compared, func(a, b comparison) int { return cmp.Compare(b.rule.score, a.rule.score) })
		for i, found := range compared {
			candidate := modality.Encoders[slices.IndexFunc(modality.Encoders, func(c strategy.Candidate) bool { return of(c) == found.of })]
			fmt.Fprintf(os.Stderr, "%s: %s: %.4f in %.1f s\n", c.Name, found.of, found.rule.score, found.rule.seconds)
			var err error
			if job := jobs[found.of]; i == 0 && looked[looks] <= alike {
				found, err = compare(ctx, e, m.metric, found.of, job, encoderVariants(job, modality, candidate, space), repeats)
			}
			if m.encoders = append(m.encoders, found); err != nil {
				return m, err
			}
		}
	}
	if slices.Contains(partly, c.Name) {
		return m, nil
	}
	s, err := search.New(c, data, search.Options{Device: o.runner.Device, Store: scores, Workers: runtime.NumCPU()})
	if err != nil {
		return m, err
	}
	r, err := s.Run(ctx)
	if err != nil {
		return m, err
	}
	folder, err := os.MkdirTemp("", "defaults")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(folder)
	if m.trained, err = s.Train(ctx, c.Name, r.FullModel(), c.Train, filepath.Join(folder, "model")); err != nil {
		return m, err
	}
	for _, stage := range r.Stages {
		for _, o := range stage.Outcomes() {
			m.seconds += o.Score.Seconds
		}
	}
	var parts []string
	for _, p := range r.Space.Parts(r.Choices) {
		parts = append(parts, p.Name+": "+p.Label)
	}
	m.model = strings.Join(parts, ", ")
	full := m.trained.Job
	full.CheckpointFile, full.Deadline = "", time.Time{}
	found, err := compare(ctx, e, m.metric, "full training", full, fullVariants(full, m.metric), repeats)
	m.full = append(m.full, found)
	return m, err
}

// compare trains a job and its variants, several times each. With an error it returns those that were finished.
func compare(ctx context.Context, e *evaluate.Evaluator, metric, of string, rule trial.Job, variants []variant, repeats int) (comparison, error) {
	c := comparison{of: of, variants: map[string]result{}}
	for i, v := range append([]variant{{job: rule}}, variants...) {
		var jobs []trial.Job
		for repeat := range repeats {
			job := v.job
			job.Specification.Repeat = repeat
			jobs = append(jobs, job)
		}
		outcomes, err := e.Score(ctx, jobs...)
		if err != nil {
			return c, err
		}
		var r result
		for _, o := range outcomes {
			if o.Score.Status != store.Finished {
				continue
			}
			r.trainings++
			r.score += o.Score.Metrics[metric]
			r.seconds += o.Score.Seconds
			r.parameters = o.Score.Parameters
		}
		if r.trainings > 0 {
			r.score, r.seconds = r.score/float64(r.trainings), r.seconds/float64(r.trainings)
		}
		if i == 0 {
			c.rule = r
		} else {
			c.order, c.variants[v.name] = append(c.order, v.name), r
			fmt.Fprintf(os.Stderr, "  %s: %+.1f in %.1f s\n", v.name, 100*(r.score-c.rule.score), r.seconds)
		}
	}
	return c, nil
}
