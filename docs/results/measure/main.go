// Command measure searches real data sets with several seeds, trains what it finds in full, and writes a page per data set:
//
//	go run ./docs/results/measure --to docs/results --store build/results.db
//
// Beside the model of the search, it trains the encoder that won for each modality alone, and the model that one would take
// without a search: MLP-Mixer everywhere and concatenation. All are trained in full by the same recipe. Scores are kept in
// --store, so an interrupted run goes on, and pages are written after every seed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/dataset"
	_ "mixmas/search/dataset/formats"
	"mixmas/search/store"
	"mixmas/search/strategy"
)

// sets are the data sets, with the metric that others report on the same splits and what simple classifiers reach.
var sets = []set{
	{"mdi_icons", "f1_weighted", "the mean of a linear classifier of tf-idf and one of the pixels", 0.72},
	{"spsw_har", "balanced_accuracy", "extremely randomised trees on summaries of the windows", 0.97},
	{"physionet2012", "auroc_macro", "gradient boosting on summaries of the series", 0.86},
	{"avmnist-quick", "accuracy", "", 0},
}

type set struct {
	name, metric string
	simple       string // what a simple classifier is; "": none is known
	score        float64
}

func main() {
	to := flag.String("to", filepath.Join("docs", "results"), "write the pages to `FOLDER`, where NAME.note holds what a page says besides")
	configs := flag.String("configs", filepath.Join("testdata", "configs"), "read NAME.yaml from `FOLDER`")
	kept := flag.String("store", filepath.Join("build", "results.db"), "keep the scores in `FILE`")
	seeds := flag.Int("seeds", 3, "search with `N` seeds, from 1 on")
	only := flag.String("only", "", "measure only the data set `NAME`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *to, *configs, *kept, *seeds, *only); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, to, configs, kept string, seeds int, only string) error {
	if only != "" && !slices.ContainsFunc(sets, func(s set) bool { return s.name == only }) {
		return fmt.Errorf("--only %s: there is no such data set", only)
	}
	for _, folder := range []string{filepath.Dir(kept), to} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	scores, err := store.Open(ctx, kept, store.Options{})
	if err != nil {
		return err
	}
	for _, s := range sets {
		if only != "" && s.name != only {
			continue
		}
		p := page{set: s, wanted: seeds}
		note, err := os.ReadFile(filepath.Join(to, s.name+".note"))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		p.note = strings.TrimSpace(string(note))
		for seed := range seeds {
			m, err := measure(ctx, filepath.Join(configs, s.name+".yaml"), uint64(seed+1), scores)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			p.measured = append(p.measured, m)
			fmt.Fprintf(os.Stderr, "%s, seed %d: %s on test: %.4f of the search, %.4f of %s alone, %.4f without a search\n", s.name, seed+1, s.metric,
				m.searched.Test[s.metric], m.single(s.metric).Test[s.metric], m.single(s.metric).modality, m.plain.Test[s.metric])
			if err := os.WriteFile(filepath.Join(to, s.name+".md"), []byte(p.text()), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// measured is what one seed gave.
type measured struct {
	seed                    uint64
	train, validation, test int
	selecting               string // metric
	choice                  string
	trainings               int
	seconds                 float64 // of all trainings of the search
	searched, plain         model
	singles                 []model
}

// model is a model that was trained in full.
type model struct {
	*search.Trained
	modality string // the only one; "" for all
}

// single is the best model of one modality, by a metric on the validation rows.
func (m *measured) single(metric string) model {
	return slices.MaxFunc(m.singles, func(a, b model) int {
		switch x, y := a.Metrics[metric], b.Metrics[metric]; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
}

func measure(ctx context.Context, path string, seed uint64, scores *store.Store) (*measured, error) {
	c, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	c.Seed = seed
	format, err := dataset.Lookup(c.Data.Format)
	if err != nil {
		return nil, err
	}
	environment := dataset.Environment{Folder: c.Folder()}
	data, err := format.Open(ctx, c.Data.Options, environment)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	s, err := search.New(c, data, search.Options{Device: cpu.New(cpu.Options{Workers: runtime.NumCPU()}), Store: scores, Workers: runtime.NumCPU()})
	if err != nil {
		return nil, err
	}
	r, err := s.Run(ctx)
	if err != nil {
		return nil, err
	}
	m := &measured{seed: seed, train: data.Len(dataset.Train), validation: data.Len(dataset.Validation), test: data.Len(dataset.Test), selecting: c.Search.Metric}
	counted := map[string]bool{}
	for _, stage := range r.Stages {
		for _, o := range stage.Outcomes() {
			if !counted[o.Score.Key] {
				counted[o.Score.Key] = true
				m.trainings++
				m.seconds += o.Score.Seconds
			}
		}
	}
	var parts []string
	for _, p := range r.Space.Parts(r.Choices) {
		parts = append(parts, p.Name+": "+p.Label)
	}
	m.choice = strings.Join(parts, ", ")

	full := func(model mixer.Specification) (*search.Trained, error) {
		folder, err := os.MkdirTemp("", "results")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		return s.Train(ctx, c.Name, model, c.Train, filepath.Join(folder, "model"))
	}
	if m.searched.Trained, err = full(r.FullModel()); err != nil {
		return nil, err
	}
	for _, modality := range r.Space.Modalities {
		encoder := r.Choices.Encoders[modality.Name]
		encoder.Choice = encoder.Full
		trained, err := full(r.Space.EncoderModel(modality, encoder))
		if err != nil {
			return nil, err
		}
		m.singles = append(m.singles, model{trained, modality.Name})
	}
	plain, err := withoutSearch(r.Space)
	if err != nil {
		return nil, err
	}
	m.plain.Trained, err = full(r.Space.FullModel(plain))
	return m, err
}

// withoutSearch chooses MLP-Mixer everywhere, a plain MLP for tables, and concatenation.
func withoutSearch(space *strategy.Space) (c strategy.Choices, err error) {
	const concat, mixes, table = "concat", "mlp_mixer", "simple_mlp"
	c.Encoders = map[string]strategy.Candidate{}
	for _, m := range space.Modalities {
		name := mixes
		if m.Kind == mixer.Table {
			name = table
		}
		i := slices.IndexFunc(m.Encoders, func(e strategy.Candidate) bool { return e.Choice.Architecture == name })
		if i < 0 {
			return c, fmt.Errorf("%s: %s is no candidate", m.Name, name)
		}
		c.Encoders[m.Name] = m.Encoders[i]
	}
	i := slices.IndexFunc(space.Networks, func(n strategy.Candidate) bool { return n.Choice.Architecture == mixes })
	k := slices.IndexFunc(space.Fusions, func(f strategy.Function) bool { return f.Choice.Function == concat })
	if i < 0 || k < 0 {
		return c, fmt.Errorf("%s or %s is no candidate", mixes, concat)
	}
	c.Fusion, c.Network = space.Fusions[k], space.Networks[i]
	return c, nil
}
