package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/defaults"
	"mixmas/search/metric"
	"mixmas/search/plan"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Verified counts the scores that [Verify] checked.
type Verified struct {
	// Measured is the number of scores whose metrics were recomputed.
	Measured int
	// OtherRows is the number of scores on the same data but on validation rows, or training rows, that the plan does not draw.
	OtherRows int
	// OtherData is the number of scores on other data.
	OtherData int
}

// Verify recomputes the metrics of all finished scores on the data from their outputs, and calls wrong for each score that
// differs. The plan, filled in by the data where it leaves something open, determines which rows are drawn. Missing or
// damaged outputs are left to [store.Store.Verify]. It returns an error if it could not continue.
func Verify(ctx context.Context, c *config.Config, data dataset.Dataset, scores *store.Store, wrong func(error)) (v Verified, err error) {
	if _, err := defaults.Fill(c, data); err != nil {
		return v, err
	}
	_, drawn, unused, err := plan.Draw(ctx, c, data)
	if err != nil {
		return v, err
	}
	// scoring identifies the validation rows and the training rows that score a trial.
	type scoring struct{ validation, unused trial.Rows }
	rows := map[scoring]*dataset.Samples{}
	for _, validation := range [][]int{nil, drawn} {
		samples, err := dataset.Select(data, dataset.Validation, validation, nil)
		if err != nil {
			return v, err
		}
		id := scoring{validation: trial.Identify(validation, data.Len(dataset.Validation))}
		rows[id] = samples
		if unused != nil {
			id.unused = trial.Identify(unused, 0)
			rows[id] = samples.Then(dataset.Train, unused)
		}
	}
	test, err := dataset.Select(data, dataset.Test, nil, nil)
	if err != nil {
		return v, err
	}
	training, err := dataset.Select(data, dataset.Train, nil, nil)
	if err != nil {
		return v, err
	}
	list, err := scores.List(ctx)
	if err != nil && !errors.Is(err, store.ErrDamaged) {
		return v, err
	}
	for _, sc := range list {
		if err := ctx.Err(); err != nil {
			return v, err
		}
		var of struct {
			Test       string          `json:"test"`
			Teacher    json.RawMessage `json:"teacher"`
			Data       string          `json:"data"`
			Validation trial.Rows      `json:"validation"`
			Unused     trial.Rows      `json:"unused"`
		}
		if err := json.Unmarshal(sc.Specification, &of); err != nil || of.Data != data.Fingerprint() {
			v.OtherData++
			continue
		}
		samples := rows[scoring{of.Validation, of.Unused}]
		switch {
		case of.Test != "":
			samples = test
		case of.Teacher != nil: // its predictions are those of the training rows
			samples = training
		}
		if samples == nil {
			v.OtherRows++
			continue
		}
		if sc.Status != store.Finished {
			continue
		}
		file, err := scores.Outputs(sc)
		if errors.Is(err, store.ErrPruned) || errors.Is(err, store.ErrDamaged) {
			continue
		}
		if err != nil {
			return v, err
		}
		v.Measured++
		err = verify(ctx, data, samples, sc, file)
		if ctx.Err() != nil { // the score is not at fault
			return v, ctx.Err()
		}
		if err != nil {
			wrong(fmt.Errorf("store: score %.12s (%s): %w", sc.Key, sc.Name, err))
		}
	}
	return v, nil
}

// verify compares a score with its outputs on the samples.
func verify(ctx context.Context, data dataset.Dataset, samples *dataset.Samples, sc store.Score, outputs []byte) error {
	metrics, err := trial.MeasureFile(ctx, data, samples, outputs)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(sc.Metrics)) {
		recorded := sc.Metrics[name]
		measured, defined := metrics[name]
		switch {
		case defined && math.Abs(recorded-measured) > 1e-12*max(1, math.Abs(measured)):
			return fmt.Errorf("its record says %s %v, but its outputs give %v", name, recorded, measured)
		case !defined && slices.Contains(metric.Names(data.Task().Kind), name): // other metrics belong to another program
			return fmt.Errorf("its record says %s %v, but the metric is undefined for its outputs", name, recorded)
		}
	}
	return nil
}
