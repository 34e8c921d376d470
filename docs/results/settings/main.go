// Command settings compares the settings of the paper with the recommended ones, and writes one page:
//
//	go run ./docs/results/settings --program bin/mixmas --to docs/results/settings.md --work build/settings
//
// With each seed, a data set is searched as a user does it, with mixmas run. The recommended settings take longer, so the paper's
// are also run again with other seeds until they have taken as long, and the model that is best on the validation rows counts. Time is
// processor time, which other programs on the machine change little.
// What a run gave is kept in --work: an interrupted comparison goes on, and the page is written after every run.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mixmas/search/atomicfile"
	_ "mixmas/search/dataset/formats"
	"mixmas/search/report"
)

// set is a data set of the page.
type set struct {
	// name is that of the configuration, and metric the one that the page compares.
	name, metric string
	// text is the configuration; "" for that in NAME.yaml.
	text string
	// seeds limits the seeds, 0 for no limit; arguments are added to mixmas run.
	seeds     int
	arguments []string
	// goal is a score that the recommended answer should reach; 0 for none.
	goal float64
	// simple is what a simple classifier is that reaches the score simpleScore on the same splits; "" if none is known.
	simple      string
	simpleScore float64
	// named means that the set is only run if --only names it: it takes a day.
	named bool
}

var sets = []set{
	{name: "mdi_icons", metric: "f1_weighted", goal: 0.70, simple: "the mean of a linear classifier of tf-idf and one of the pixels", simpleScore: 0.72},
	{name: "spsw_har", metric: "balanced_accuracy", goal: 0.97, simple: "extremely randomised trees on summaries of the windows", simpleScore: 0.97},
	{name: "physionet2012", metric: "auroc_macro", goal: 0.85, simple: "gradient boosting on summaries of the series", simpleScore: 0.86},
	{name: "avmnist-quick", metric: "accuracy", seeds: 2, arguments: []string{"--epochs", "5"}},
	{name: "avmnist", metric: "accuracy", seeds: 3, arguments: []string{"--epochs", "5"}, named: true},
	{name: "builtin", metric: "accuracy", text: "name: builtin\ndata: {format: builtin}\n"},
}

// The two settings.
const (
	paper       = "paper"
	recommended = "recommended"
)

func main() {
	var c comparison
	flag.StringVar(&c.program, "program", filepath.Join("bin", "mixmas"), "run the program `FILE`")
	flag.StringVar(&c.page, "to", filepath.Join("docs", "results", "settings.md"), "write the page to `FILE`")
	flag.StringVar(&c.configs, "configs", filepath.Join("testdata", "configs"), "read NAME.yaml from `FOLDER`")
	flag.StringVar(&c.work, "work", filepath.Join("build", "settings"), "keep what runs gave in `FOLDER`")
	flag.StringVar(&c.note, "note", filepath.Join("docs", "results", "settings.note"), "add the text of `FILE` to the page, if there is one")
	flag.IntVar(&c.seeds, "seeds", 5, "run with `N` seeds, from 1 on")
	only := flag.String("only", "", "run only the data sets `NAME,NAME`; the page still has what was run before")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "settings:", err)
		os.Exit(1)
	}
}

type comparison struct {
	program, page, configs, work, note string
	seeds                              int
	sets                               []set // nil for all
}

func (c *comparison) run(ctx context.Context, only string) (err error) {
	if c.sets == nil {
		c.sets = sets
	}
	chosen := strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	for _, name := range chosen {
		if !slices.ContainsFunc(c.sets, func(s set) bool { return s.name == name }) {
			return fmt.Errorf("--only %s: there is no such data set", name)
		}
	}
	for _, path := range []*string{&c.program, &c.work, &c.configs} { // runs have another working directory
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	for _, folder := range []string{c.work, filepath.Dir(c.page)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	for _, s := range c.sets {
		if len(chosen) > 0 && !slices.Contains(chosen, s.name) || s.named && len(chosen) == 0 {
			continue
		}
		for seed := 1; seed <= c.seedsOf(s); seed++ {
			if err := c.pair(ctx, s, seed); err != nil {
				return fmt.Errorf("%s, seed %d: %w", s.name, seed, err)
			}
		}
	}
	return c.write()
}

func (c *comparison) seedsOf(s set) int {
	if s.seeds > 0 {
		return min(s.seeds, c.seeds)
	}
	return c.seeds
}

// mostRestarts bounds how often the paper's settings are run again with another seed.
const mostRestarts = 50

// pair runs both settings with a seed, and the paper's again until they have taken as long.
func (c *comparison) pair(ctx context.Context, s set, seed int) error {
	long, err := c.measure(ctx, s, recommended, seed, 0)
	if err != nil {
		return err
	}
	spent := 0.0
	for restart := 0; restart < mostRestarts && (restart == 0 || spent < long.Processor); restart++ {
		m, err := c.measure(ctx, s, paper, seed, restart)
		if err != nil {
			return err
		}
		spent += m.Processor
	}
	return nil
}

// measured is what one run gave.
type measured struct {
	Document report.Document `json:"document"`
	// Processor is the processor time of the run in seconds, of all cores together.
	Processor float64 `json:"processor_seconds"`
	// Encoders are the trained encoders with their scores on the test rows.
	Encoders []encoder `json:"encoders"`
}

// encoder is a trained encoder of one modality.
type encoder struct {
	Modality  string  `json:"modality"`
	Candidate string  `json:"candidate"`
	Test      float64 `json:"test"`
}

func (c *comparison) path(s set, settings string, seed, restart int) string {
	return filepath.Join(c.work, fmt.Sprintf("%s-%s-%d-%d.json", s.name, settings, seed, restart))
}

// read returns what was kept of a run, nil if there is nothing.
func (c *comparison) read(s set, settings string, seed, restart int) (*measured, error) {
	path := c.path(s, settings, seed, restart)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := new(measured)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// measure runs mixmas with settings and a seed, unless what it gave is kept. A restart has another seed.
func (c *comparison) measure(ctx context.Context, s set, settings string, seed, restart int) (m *measured, err error) {
	if m, err := c.read(s, settings, seed, restart); m != nil || err != nil {
		return m, err
	}
	text := s.text
	if text == "" {
		file, err := os.ReadFile(filepath.Join(c.configs, s.name+".yaml"))
		if err != nil {
			return nil, err
		}
		text = string(file)
	}
	path := c.path(s, settings, seed, restart)
	base := strings.TrimSuffix(path, ".json")
	number := seed + 1000*restart
	if err := forget(base); err != nil { // of a run that was stopped: its time would not count
		return nil, err
	}
	arguments := append([]string{"run", "-", "--seed", fmt.Sprint(number), "--store", base + ".db", "--out", base, "--json"}, s.arguments...)
	fmt.Fprintf(os.Stderr, "%s, %s settings, seed %d\n", s.name, settings, number)
	text = with(text, settings)
	m = new(measured)
	if m.Document, m.Processor, err = c.exec(ctx, base+".log", text, arguments); err != nil {
		return nil, err
	}
	if m.Encoders, err = tested(ctx, text, c.configs, base+".db", m.Document, s.metric); err != nil {
		return nil, err
	}
	kept, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if err := save(path, kept); err != nil {
		return nil, err
	}
	if err := forget(base); err != nil { // some gigabytes in the end
		return nil, err
	}
	return m, c.write()
}

// forget removes the store and the models of a run.
func forget(base string) error {
	for _, used := range []string{base, base + ".db", base + ".db.files"} {
		if err := os.RemoveAll(used); err != nil {
			return err
		}
	}
	return nil
}

// exec runs mixmas with a configuration in the folder of configurations, and returns its document and its processor time in seconds.
// What it says goes to a log.
func (c *comparison) exec(ctx context.Context, log, configuration string, arguments []string) (d report.Document, seconds float64, err error) {
	said, err := os.Create(log)
	if err != nil {
		return d, 0, err
	}
	defer said.Close()
	var out bytes.Buffer
	command := exec.CommandContext(ctx, c.program, arguments...)
	command.Dir, command.Stdin, command.Stdout, command.Stderr = c.configs, strings.NewReader(configuration), &out, said
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = time.Minute // then it is killed
	if err := command.Run(); err != nil {
		return d, 0, fmt.Errorf("%s %s: %w (see %s)", c.program, strings.Join(arguments, " "), err, log)
	}
	d, err = report.Read(log, &out)
	return d, (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Seconds(), err
}

// with returns a configuration with settings, and with distillation where they are recommended.
func with(text, settings string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.HasPrefix(line, "settings:") })
	if settings == recommended {
		if i := slices.Index(lines, "train:"); i >= 0 {
			lines = slices.Insert(lines, i+1, "  distill: ensemble")
		} else {
			lines = append(lines, "train: {distill: ensemble}", "")
		}
	}
	return "settings: " + settings + "\n" + strings.Join(lines, "\n")
}

// write writes the page of all that is kept.
func (c *comparison) write() error {
	p := page{}
	for _, s := range c.sets {
		results := results{set: s, wanted: c.seedsOf(s)}
		for seed := 1; seed <= c.seedsOf(s); seed++ {
			pair := seedResult{seed: seed}
			var err error
			if pair.recommended, err = c.read(s, recommended, seed, 0); err != nil {
				return err
			}
			for restart := range mostRestarts {
				m, err := c.read(s, paper, seed, restart)
				if err != nil {
					return err
				}
				if m == nil {
					break
				}
				pair.paper = append(pair.paper, m)
			}
			if pair.recommended != nil && len(pair.paper) > 0 {
				results.seeds = append(results.seeds, pair)
			}
		}
		if !s.named || len(results.seeds) > 0 {
			p.results = append(p.results, results)
		}
	}
	note, err := os.ReadFile(c.note)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	p.note = strings.TrimSpace(string(note))
	return save(c.page, []byte(p.text()))
}

func save(path string, content []byte) error {
	return atomicfile.Replace(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}
