package main

import (
	"context"
	"runtime"
	"strings"

	"mixmas/nn/cpu"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/defaults"
	"mixmas/search/evaluate"
	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// tested returns the scores of the trained encoders of a document on the test rows. The store at path has their weights.
func tested(ctx context.Context, configuration, folder, path string, d report.Document, metric string) (encoders []encoder, err error) {
	scores, err := store.Open(ctx, path, store.Options{})
	if err != nil {
		return nil, err
	}
	c, err := config.Parse("configuration", []byte(configuration))
	if err != nil {
		return nil, err
	}
	format, err := dataset.Lookup(c.Data.Format)
	if err != nil {
		return nil, err
	}
	data, err := format.Open(ctx, c.Data.Options, dataset.Environment{Folder: folder})
	if err != nil {
		return nil, err
	}
	defer data.Close()
	if _, err := defaults.Fill(c, data); err != nil {
		return nil, err
	}
	runner := trial.Local{Device: cpu.New(cpu.Options{Workers: runtime.NumCPU()}), Data: data}
	for _, stage := range d.Stages {
		modality, is := strings.CutPrefix(stage.Name, "encoder/")
		if !is {
			continue
		}
		for _, candidate := range stage.Candidates {
			keys := []string{candidate.Key}
			for _, r := range candidate.Repeats {
				if r.Key != candidate.Key {
					keys = append(keys, r.Key)
				}
			}
			for _, key := range keys {
				sc, err := scores.Get(ctx, key)
				if err != nil {
					return nil, err
				}
				if sc.Status != store.Finished {
					continue
				}
				logits, samples, err := evaluate.Predicted(ctx, &runner, scores, sc, dataset.Test)
				if err != nil {
					return nil, err
				}
				metrics, err := trial.Measure(ctx, data, samples, logits)
				if err != nil {
					return nil, err
				}
				if test, defined := metrics[metric]; defined {
					encoders = append(encoders, encoder{modality, candidate.Name, test})
				}
			}
		}
	}
	return encoders, nil
}
