package cmd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/cmd/paper"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search"
	"mixmas/search/atomicfile"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/dataset/avmnist"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/packed"
	"mixmas/search/store"
	trials "mixmas/search/trial"
)

// reproduceCommand re-runs what the paper says.
func reproduceCommand() *cli.Command {
	return &cli.Command{
		Name: "reproduce", Usage: "run the paper's experiments again, and write what holds",
		Subcommands: []*cli.Command{{
			Name: "avmnist", Usage: "the search and the full trainings on AV-MNIST",
			Description: "It runs the search of the paper with several seeds (Table I), and then trains the published model, the model that each search found\n" +
				"and M2-Mixer in full (Table II): for the same number of epochs, at two learning rates. The page has the published numbers, these\n" +
				"ones, and for each conclusion of the paper whether it held, was contradicted, or cannot be tested here. It is written anew after\n" +
				"each search and training.\n\n" +
				fmt.Sprintf("The default number of epochs takes two cores about a day; the paper trains %d. Scores are stored in --store and checkpoints in\n", paper.Epochs) +
				"--work: run the same command again to resume. The store grows by some 2 GB. For a rehearsal of some minutes:\n" +
				"--rows 300 --epochs 1 --seeds 1.\n\n" +
				"The data are made by mixmas data build avmnist.",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "data", Value: filepath.Join("data", "avmnist"), Usage: "`DIR` with AV-MNIST"},
				&cli.StringFlag{Name: "to", Value: "paper.md", Usage: "write the page to `FILE`"},
				&cli.IntFlag{Name: "seeds", Value: 3, Usage: "`N` seeds, from 1 on"},
				&cli.IntFlag{Name: "epochs", Value: 40, Usage: "`N` epochs of each full training"},
				&cli.IntFlag{Name: "rows", Usage: "use only the first `N` rows of each split, for a rehearsal", DefaultText: "all"},
				&cli.StringFlag{Name: "work", Value: filepath.Join(outFolder, "paper"), Usage: "`DIR` for the checkpoints of unfinished trainings"},
				storeFlag(), workersFlag("run `N` trials in parallel, on as many cores"), deviceFlag(), cacheSizeFlag(),
				&cli.BoolFlag{Name: "verify", Usage: "compute the data's fingerprint again, ignoring the cache"},
			},
			Action: reproduceAVMNIST,
		}},
	}
}

func reproduceAVMNIST(c *cli.Context) (err error) {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	for _, name := range []string{"seeds", "epochs"} {
		if c.Int(name) < 1 {
			return usagef("--%s %d: want at least 1", name, c.Int(name))
		}
	}
	if c.IsSet("rows") && c.Int("rows") < 1 {
		return usagef("--rows %d: want at least 1", c.Int("rows"))
	}
	if err := checkOverwrites(c, "to", c.String("store")); err != nil {
		return err
	}
	if err := checkFolder("to", filepath.Dir(c.String("to"))); err != nil {
		return err
	}
	if err := checkFolder("work", c.String("work")); err != nil {
		return err
	}
	folder, err := filepath.Abs(c.String("data"))
	if err != nil {
		return err
	}
	configuration := func() (*config.Config, error) {
		plan, err := config.Parse("the published configuration", paper.Configuration)
		if err == nil {
			plan.Data.Options.(*avmnist.Options).Path = folder
		}
		return plan, err
	}
	plan, err := configuration()
	if err != nil {
		return err
	}
	d, workers, err := openDevice(c, plan.Numerics)
	if err != nil {
		return err
	}
	data, err := openData(c, plan)
	if err != nil {
		return err
	}
	defer data.Close()
	cut := c.IsSet("rows")
	if cut {
		data = firstRows{data, c.Int("rows")}
	}
	display := newProgress(c.App.ErrWriter)
	defer display.Close()
	scores, err := store.Open(c.Context, c.String("store"), store.Options{Waiting: func() {
		display.Notice(fmt.Sprintf("store %s: in use by another process, waiting", c.String("store")))
	}})
	if err != nil {
		return err
	}
	r := reproduction{
		configuration: configuration, data: data, work: c.String("work"), page: c.String("to"),
		options: search.Options{Device: d, Store: scores, Workers: workers, Observer: display, Train: true},
		model:   publishedModel, notice: display.Notice,
		Results: paper.Results{
			Command: quoteAll(append([]string{"mixmas"}, os.Args[1:]...)), Machine: trials.Machine(), Numerics: d.Numerics(),
			Data: paper.Data{Fingerprint: data.Fingerprint(), Train: data.Len(dataset.Train), Validation: data.Len(dataset.Validation),
				Test: data.Len(dataset.Test), Cut: cut},
			Seeds: c.Int("seeds"), Epochs: c.Int("epochs"),
		},
	}
	err = r.run(c.Context)
	switch {
	case err == nil:
		display.Close()
		_, err = fmt.Fprintf(c.App.Writer, "%s\n", r.page)
		return err
	case c.Context.Err() != nil && errors.Is(err, context.Canceled):
		return interruptedError{"run the same command again to resume from the scores in " + quote(c.String("store")), err}
	case errors.Is(err, device.ErrDevice):
		return fmt.Errorf("%w; when the device works again, run the same command to resume", err)
	}
	return err
}

// publishedModel returns a published architecture.
func publishedModel(name string, dropout float64) (mixer.Specification, error) {
	p, err := mixer.LookupPreset(name)
	if err != nil {
		return mixer.Specification{}, err
	}
	return p.Specification(dropout), nil
}

// reproduction runs searches and full trainings, and writes a page.
type reproduction struct {
	paper.Results
	// configuration returns a new configuration, and model a model that was not searched.
	configuration func() (*config.Config, error)
	model         func(name string, dropout float64) (mixer.Specification, error)
	data          dataset.Dataset
	options       search.Options
	notice        func(string)
	// work is the folder for unfinished trainings, and page the file of the page.
	work, page string
}

// run searches and trains with one seed after the other. What is stored is not run again.
func (r *reproduction) run(ctx context.Context) error {
	for seed := range uint64(r.Seeds) {
		plan, err := r.configuration()
		if err != nil {
			return err
		}
		plan.Seed = seed + 1
		s, err := search.New(plan, r.data, r.options)
		if err != nil {
			return err
		}
		found, err := s.Run(ctx)
		if err != nil {
			return err
		}
		if err := r.searched(ctx, s, plan, found); err != nil {
			return err
		}
		for _, name := range paper.Models {
			model := found.FullModel()
			if name != paper.Found {
				if model, err = r.model(name, plan.Train.Training.Dropout); err != nil {
					return err
				}
			}
			for _, rate := range paper.Rates {
				if err := r.train(ctx, s, plan, name, model, rate); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// searched adds a search to the results.
func (r *reproduction) searched(ctx context.Context, s *search.Search, plan *config.Config, found *search.Result) error {
	r.Sample = found.Space.Specification.Sample.Count
	result := paper.Search{Seed: plan.Seed}
	for _, stage := range found.Stages {
		list := paper.Stage{Name: stage.Name, Winner: stage.Winner.Label}
		for _, t := range stage.Candidates {
			o := t.First() // the paper's settings train each candidate once
			candidate := paper.Candidate{Name: o.Job.Label, Parameters: o.Score.Parameters, Seconds: o.Score.Seconds}
			var err error
			if candidate.Accuracy, candidate.Right, err = r.candidate(ctx, s, o); err != nil {
				return err
			}
			list.Candidates = append(list.Candidates, candidate)
		}
		result.Stages = append(result.Stages, list)
	}
	r.Searches = append(r.Searches, result)
	return r.write()
}

// candidate returns the accuracy of a trial on the rows that score it, and which of them it predicts right.
func (r *reproduction) candidate(ctx context.Context, s *search.Search, o *evaluate.Outcome) (float64, packed.Bits, error) {
	accuracy, has := o.Score.Metrics["accuracy"]
	if !has {
		return math.NaN(), nil, nil
	}
	logits, err := s.Outputs(ctx, o)
	if err != nil {
		return 0, nil, err
	}
	right, err := r.right(ctx, dataset.Validation, logits)
	return accuracy, right, err
}

// right says which rows of a split logits predict right. It is not interrupted, so that the page has all that was trained.
func (r *reproduction) right(ctx context.Context, split dataset.Split, logits []float32) (packed.Bits, error) {
	task := r.data.Task()
	return metric.RowsRight(context.WithoutCancel(ctx), metric.Outputs{Logits: logits, Rows: r.data.Len(split), Classes: len(task.Classes), Kind: task.Kind,
		Label: func(row int, dst []float32) error { return r.data.Label(split, row, dst) }})
}

// train trains a model in full at a learning rate, and adds the training to the results. One that diverges is a result too.
func (r *reproduction) train(ctx context.Context, s *search.Search, plan *config.Config, name string, model mixer.Specification, rate float64) error {
	recipe := plan.Train
	recipe.Training.LearningRate, recipe.Training.Epochs, recipe.EarlyStopping = rate, r.Epochs, 0
	label := fmt.Sprintf("%s at %g, seed %d", name, rate, plan.Seed)
	folder := filepath.Join(r.work, strings.ReplaceAll(fmt.Sprintf("%s-%g-%d", name, rate, plan.Seed), " ", "-"))
	result := paper.Training{Model: name, Seed: plan.Seed, Rate: rate, Validation: math.NaN(), Test: math.NaN()}
	t, err := s.Train(ctx, label, model, recipe, folder)
	switch {
	case errors.Is(err, search.ErrFailed):
		r.notice(label + ": " + err.Error())
		result.Failed = err.Error()
		r.Trainings = append(r.Trainings, result)
		return r.write()
	case err != nil:
		return err
	}
	logits, err := s.TestOutputs(ctx, t)
	if err != nil {
		return err
	}
	if result.Right, err = r.right(ctx, dataset.Test, logits); err != nil {
		return err
	}
	result.Key, result.Parameters, result.Validation, result.Test = t.Score.Key, t.Score.Parameters, t.Metrics["accuracy"], t.Test["accuracy"]
	result.Curve, result.Seconds = t.Score.Curve, t.Score.Seconds
	r.Trainings = append(r.Trainings, result)
	if err := os.RemoveAll(folder); err != nil { // the store has the weights
		return err
	}
	return r.write()
}

// write writes the page.
func (r *reproduction) write() error {
	if err := os.MkdirAll(filepath.Dir(r.page), 0o755); err != nil {
		return err
	}
	return atomicfile.Replace(r.page, func(w io.Writer) error { return r.WritePage(w) })
}

// firstRows is a data set of which only the first rows of each split are used.
type firstRows struct {
	dataset.Dataset
	rows int
}

// Len implements [dataset.Dataset].
func (d firstRows) Len(split dataset.Split) int { return min(d.rows, d.Dataset.Len(split)) }

// Fingerprint implements [dataset.Dataset].
func (d firstRows) Fingerprint() string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "first %d rows of %s", d.rows, d.Dataset.Fingerprint())))
}
