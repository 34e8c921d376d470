package main

import (
	"context"
	"path/filepath"
	"strings"

	"mixmas/nn/cpu"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/defaults"
	"mixmas/search/evaluate"
	"mixmas/search/plan"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// opened is a configuration with its data, and what trains on them.
type opened struct {
	config    *config.Config
	data      dataset.Dataset
	unsampled *strategy.Space
	runner    *trial.Local
	evaluator *evaluate.Evaluator
}

// open reads a configuration, changes it, and fills in what follows from its data, which the caller closes. stored means that nothing is
// trained that is not stored.
func open(ctx context.Context, path string, change func(c *config.Config), scores *store.Store, workers int, stored bool) (*opened, error) {
	c, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	change(c)
	if !c.Sets("name") {
		c.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	format, err := dataset.Lookup(c.Data.Format)
	if err != nil {
		return nil, err
	}
	data, err := format.Open(ctx, c.Data.Options, dataset.Environment{Folder: c.Folder()})
	if err != nil {
		return nil, err
	}
	o := &opened{config: c, data: data}
	if _, err = defaults.Fill(c, data); err == nil {
		o.unsampled, err = plan.Space(c, data)
	}
	if err != nil {
		data.Close()
		return nil, err
	}
	o.runner = &trial.Local{Device: cpu.New(cpu.Options{Workers: workers}), Data: data, Files: evaluate.Files{Store: scores}}
	o.evaluator = evaluate.New(evaluate.Options{Data: data, Store: scores, Runner: o.runner, Workers: workers, Search: c.Name, Metric: c.Search.Metric,
		OnlyKept: stored})
	return o, nil
}
