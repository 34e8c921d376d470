package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"mixmas/nn/cpu"
	"mixmas/nn/device"
	"mixmas/search"
	"mixmas/search/atomicfile"
	"mixmas/search/config"
	"mixmas/search/cost"
	"mixmas/search/dataset"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// sessionFlags are the flags of the commands that train.
func sessionFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		storeFlag(), workersFlag("run `N` trials in parallel, on as many cores"), deviceFlag(),
		&cli.Uint64Flag{Name: "seed", Usage: "seed `N` of the search", DefaultText: "the configuration's"},
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document on standard output"},
		&cli.BoolFlag{Name: "verify", Usage: "compute the data's fingerprint again, ignoring the cache"},
		cacheSizeFlag(), profileFlag(),
	}, more...)
}

func budgetFlag(what string) cli.Flag {
	return &cli.DurationFlag{Name: "budget", Usage: what + " within about `TIME`, such as 10m or 1h30m: candidates that would take too long are not tried", DefaultText: "no limit"}
}

// outFolder is where a model goes if nothing else is said.
const outFolder = "mixmas-out"

func outFlag() cli.Flag {
	return &cli.StringFlag{Name: "out", Value: outFolder, Usage: "`DIR` for the model"}
}

func forceFlag() cli.Flag {
	return &cli.BoolFlag{Name: "force", Usage: "replace the model of another search or of other data in --out"}
}

// checkFolder checks that a flag's folder is one or can be created, by the existing part of its path, before a search runs.
func checkFolder(flag, out string) error {
	for path := out; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		switch {
		case (errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) && path != filepath.Dir(path):
			continue
		case err != nil:
			return fmt.Errorf("--%s %s: %w", flag, quote(out), err)
		case info.IsDir():
			return nil
		case path == out:
			return fmt.Errorf("--%s %s: a file of this name exists", flag, quote(out))
		}
		return fmt.Errorf("--%s %s: %s is a file", flag, quote(out), path)
	}
}

// loadPlan reads the configuration that the command names, and applies the flags that change it. The built-in one has the
// recommended settings.
func loadPlan(c *cli.Context) (*config.Config, error) {
	if err := arguments(c, 0, 1, "CONFIG"); err != nil {
		return nil, err
	}
	plan, err := loadConfig(c, c.Args().First())
	if err != nil {
		return nil, err
	}
	if !c.Args().Present() {
		plan.Use(config.Recommended)
	}
	return plan, override(c, plan)
}

// override applies the flags that change a configuration.
func override(c *cli.Context, plan *config.Config) error {
	if c.IsSet("budget") && c.Duration("budget") <= 0 {
		return usagef("--budget %v: want a time above 0, such as 10m", c.Duration("budget"))
	}
	if c.IsSet("seed") {
		plan.Seed = c.Uint64("seed")
	}
	if c.IsSet("epochs") {
		if plan.Train.Training.Epochs = c.Int("epochs"); plan.Train.Training.Epochs < 1 {
			return usagef("--epochs %d: want at least 1", plan.Train.Training.Epochs)
		}
		plan.Overridden("train.training.epochs")
	}
	return nil
}

// session is an opened plan: data, store, device and display.
type session struct {
	cli      *cli.Context
	plan     *config.Config
	data     dataset.Dataset
	warnings []string // of the data
	search   *search.Search
	progress *progress
	profiler *profiler
	started  time.Time
	store    string

	scores   *store.Store
	device   device.Device
	observer *lateObserver
	recorder *runs.Recorder   // nil if nothing is recorded
	pages    *livePages       // nil without --ui
	document *report.Document // of the outcome; nil until it is known
}

// openSession opens the data, store, device and display of a command that trains.
func openSession(c *cli.Context, plan *config.Config) (s *session, err error) {
	s = &session{cli: c, plan: plan, started: time.Now(), store: c.String("store")}
	defer func() {
		if err != nil {
			s.closeAfter(&err)
		}
	}()
	if out := s.out(); out != "" {
		if err := checkFolder("out", out); err != nil {
			return s, err
		}
	}
	d, workers, err := openDevice(c, plan.Numerics)
	if err != nil {
		return s, err
	}
	if s.profiler, err = startProfile(c.String("profile")); err != nil {
		return s, err
	}
	data, err := openData(c, plan)
	if err != nil {
		return s, err
	}
	s.data = data
	if s.warnings, err = warnings(c.Context, plan, data); err != nil {
		return s, err
	}
	s.progress = newProgress(c.App.ErrWriter)
	if budget := c.Duration("budget"); budget > 0 {
		s.progress.total.deadline = s.started.Add(budget)
	}
	for _, text := range s.warnings {
		s.progress.Notice("warning: " + text)
	}
	s.device, s.observer = d, &lateObserver{s.progress}
	s.scores, err = store.Open(c.Context, s.store, store.Options{Waiting: func() {
		s.progress.Notice(fmt.Sprintf("store %s: in use by another process, waiting", s.store))
	}})
	if err != nil {
		return s, err
	}
	s.search, err = search.New(plan, s.data, search.Options{Device: s.profiler.wrap(d), Store: s.scores, Workers: workers, Observer: s.observer,
		Overwrite: c.Bool("force"), Train: s.out() != "", Budget: c.Duration("budget"), Started: s.started,
		Meter: cost.NewMeter(cpu.New(cpu.Options{Workers: 1}))})
	return s, err
}

// out is the folder of the models that the command trains in full; empty if it trains none.
func (s *session) out() string {
	if s.cli.Command.Name == "ensemble" { // its --out is a file
		return ""
	}
	return s.cli.String("out")
}

// closeAfter closes everything that is open and writes the profile; it adds errors to the command's error.
func (s *session) closeAfter(err *error) {
	s.endRecord(*err)
	s.closeUI()
	if s.progress != nil {
		s.progress.Close()
	}
	if s.data != nil {
		_ = s.data.Close()
	}
	if s.profiler == nil {
		return
	}
	if e := s.profiler.stop(); e != nil {
		*err = errors.Join(*err, fmt.Errorf("--profile: %w", e))
	}
}

// runSearch runs the search. The error of an interruption says how to resume.
func (s *session) runSearch() (*search.Result, error) {
	r, err := s.search.Run(s.cli.Context)
	return r, s.explain(err)
}

// explain adds to an error how to continue: after an interruption, a device failure, or if the folder is occupied.
func (s *session) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case s.cli.Context.Err() != nil && errors.Is(err, context.Canceled):
		return interruptedError{"run the same command again to resume from the scores in " + quote(s.store), err}
	case errors.Is(err, search.ErrOccupied):
		return usagef("--out %s: %w: name another folder, or use --force to replace it", quote(s.cli.String("out")), err)
	case errors.Is(err, search.ErrTaken):
		return usagef("--out %s: %w: name another file, or use --force to replace it", quote(s.cli.String("out")), err)
	case errors.Is(err, device.ErrDevice):
		return fmt.Errorf("%w; when the device works again, run the same command to resume from the scores in %s", err, quote(s.store))
	}
	return err
}

// finish compares what was searched, and trained in full unless t is nil, with baselines, and prints the outcome. The answers are
// nil if the configuration wants none.
func (s *session) finish(r *search.Result, t *search.Trained) (*search.Answers, error) {
	a, err := s.search.Answers(s.cli.Context, r, t)
	if err != nil {
		return nil, s.explain(err)
	}
	return a, s.report(r, t, a)
}

// report prints the outcome: r is nil if nothing was searched, t is nil if nothing was trained in full, and a if nothing was
// compared.
func (s *session) report(r *search.Result, t *search.Trained, a *search.Answers) error {
	s.progress.Close()
	d := s.outcome(r, t)
	a.Describe(&d)
	if t != nil && len(s.search.Filled()) > 0 {
		d.Files = append(d.Files, report.File{Name: "configuration", Path: filepath.Join(s.cli.String("out"), completeFile)})
	}
	s.document = &d
	if err := s.print(d); err != nil {
		return err
	}
	return s.assess(r, t, a)
}

// print prints a document.
func (s *session) print(d report.Document) error {
	if s.cli.Bool("json") {
		return writeJSON(s.cli.App.Writer, d.Saved())
	}
	return report.WriteText(s.cli.App.Writer, d, report.TextOptions{AllMetrics: s.cli.Bool("all-metrics")})
}

// outcome is the document of what was searched and trained.
func (s *session) outcome(r *search.Result, t *search.Trained) report.Document {
	d := s.search.Document(r, t, time.Since(s.started).Seconds())
	d.Dataset.Warnings, d.Command = s.warnings, quoteAll(commandLine())
	return d
}

// commandLine returns the words of the command line.
func commandLine() []string { return append([]string{"mixmas"}, os.Args[1:]...) }

// completeFile is the name of the configuration with what follows from the data, in the folder of the model.
const completeFile = "complete.yaml"

// keepComplete writes the configuration with every value to the folder of the model, if something in it follows from the data.
func (s *session) keepComplete() error {
	if len(s.search.Filled()) == 0 {
		return nil
	}
	folder := s.cli.String("out")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return atomicfile.Replace(filepath.Join(folder, completeFile), func(w io.Writer) error {
		return saveComplete(w, s.plan, s.search.Filled())
	})
}
