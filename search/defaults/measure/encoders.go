package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/augment"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/plan"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/task"
	"mixmas/search/trial"
)

// scored is what the encoders of a modality score alone, one by one.
type scored struct {
	data, modality          string
	shape                   []int
	train, validation, test int
	sample, updates         int
	metric, second          string
	seeds                   int
	encoders                []tested
}

// tested is an encoder, or a variant of one, that was trained alone with some seeds.
type tested struct {
	name, variant string
	// tests and second are the metric and a second one on the test rows, by seed, and seconds the processor time of the trainings.
	tests, second, seconds []float64
	parameters             int
	failed                 string
}

// meanPrecision is the second metric of data with several labels per row, which is none of package metric.
const meanPrecision = "mean average precision"

// encoderOptions say what is measured of the encoders: with seeds from 1 on, of which modalities, and of which encoders other sizes and
// trainings too, by their names. No modalities or variants mean all. stored means that nothing is trained.
type encoderOptions struct {
	seeds                      int
	modalities, vary, variants []string
	stored                     bool
}

// scoreEncoders trains every encoder that takes a modality alone, with each of the seeds, and calls done with the results of each
// modality, also if only some of them are there when it ends with an error. Trainings are those of a search with architectures: all.
func scoreEncoders(ctx context.Context, path string, scores *store.Store, options encoderOptions, done func(scored) error) error {
	o, err := open(ctx, path, func(c *config.Config) {
		c.Use(config.Recommended)
		c.Search.Architectures = config.All
	}, scores, 1, options.stored)
	if err != nil {
		return err
	}
	defer o.data.Close()
	o.runner.Now = processorClock
	for _, m := range o.unsampled.Modalities {
		if len(options.modalities) > 0 && !slices.Contains(options.modalities, m.Name) {
			continue
		}
		found := scored{data: o.config.Name, modality: m.Name, shape: m.Shape, train: o.data.Len(dataset.Train), validation: o.data.Len(dataset.Validation),
			test: o.data.Len(dataset.Test), metric: o.config.Search.Metric, second: "auroc_macro", seeds: options.seeds}
		if o.data.Task().Kind == task.MultiLabel {
			found.second = meanPrecision
		}
		err := o.score(ctx, scores, m, options, &found)
		if len(found.encoders) > 0 {
			err = cmp.Or(err, done(found))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// score adds the encoders of a modality one by one.
func (o *opened) score(ctx context.Context, scores *store.Store, m strategy.Modality, options encoderOptions, found *scored) error {
	bySeed, err := o.encoderJobs(ctx, m, options)
	if err != nil {
		return err
	}
	s := bySeed[0][0].job.Specification
	found.sample, found.updates = s.Sample.Count, s.Recipe.Epochs*((s.Sample.Count+s.Recipe.Batch-1)/s.Recipe.Batch)
	for i := range bySeed[0] {
		var jobs []encoderJob
		for _, list := range bySeed {
			jobs = append(jobs, list[i])
		}
		t, err := o.test(ctx, scores, jobs, *found)
		if err != nil {
			return err
		}
		if len(t.seconds) > 0 {
			found.encoders = append(found.encoders, t)
			fmt.Fprintf(os.Stderr, "%s, %s: %s: %.4f, %.4f in %.1f s\n", found.data, m.Name, strings.TrimSpace(t.name+" "+t.variant),
				average(t.tests), average(t.second), average(t.seconds))
		}
	}
	return nil
}

// encoderJob is the training of an encoder, or of a variant of it.
type encoderJob struct {
	name, variant string
	job           trial.Job
}

// encoderJobs returns the jobs of a modality's encoders for each seed, in the same order.
func (o *opened) encoderJobs(ctx context.Context, m strategy.Modality, options encoderOptions) (bySeed [][]encoderJob, err error) {
	c := *o.config
	for seed := range options.seeds {
		c.Seed = uint64(seed + 1)
		space, err := plan.Sampled(ctx, o.unsampled, &c, o.runner.Device.Numerics())
		if err != nil {
			return nil, err
		}
		var list []encoderJob
		for _, candidate := range m.Encoders {
			job := space.Job("encoders/"+m.Name, candidate.Label, space.EncoderModel(m, candidate))
			list = append(list, encoderJob{candidate.Label, "", job})
		}
		for _, candidate := range m.Encoders {
			if !slices.Contains(options.vary, candidate.Label) {
				continue
			}
			job := space.Job("encoders/"+m.Name, candidate.Label, space.EncoderModel(m, candidate))
			for _, v := range o.variants(job, m, candidate, space) {
				if len(options.variants) == 0 || slices.Contains(options.variants, v.name) {
					list = append(list, encoderJob{candidate.Label, v.name, v.job})
				}
			}
		}
		bySeed = append(bySeed, list)
	}
	return bySeed, nil
}

// variants returns other sizes and patches of an encoder, and trainings on all rows, of pictures also with augmentation.
func (o *opened) variants(job trial.Job, m strategy.Modality, c strategy.Candidate, space *strategy.Space) []variant {
	sizes := encoderVariants(job, m, c, space)
	sizes = slices.DeleteFunc(sizes, func(v variant) bool {
		return !slices.Contains([]string{"half the width", "twice the width", "twice the depth", "next smaller patch", "next larger patch", "sinusoidal positions"}, v.name)
	})
	long := o.longer(job)
	return slices.Concat(sizes, []variant{{allRows, long}}, augmented(long, m))
}

// longer returns a job on all training rows, with three times the updates.
func (o *opened) longer(rule trial.Job) trial.Job {
	s := &rule.Specification
	steps := func(rows int) int { return (rows + s.Recipe.Batch - 1) / s.Recipe.Batch }
	rows := o.data.Len(dataset.Train)
	s.Recipe.Epochs = max(1, (3*s.Recipe.Epochs*steps(s.Sample.Count)+steps(rows)-1)/steps(rows))
	rule.Train, rule.Unused, s.Sample, s.Unused = nil, nil, trial.Identify(nil, rows), nil
	return rule
}

const allRows = "all rows and three times the updates"

// augmented returns a longer job with changed pictures.
func augmented(rule trial.Job, m strategy.Modality) (list []variant) {
	if m.Kind != mixer.Map {
		return nil
	}
	shift, cutout := augment.Choice{Augmentation: "shift", Options: &augment.ShiftOptions{By: 0.1}}, augment.Choice{Augmentation: "cutout", Options: &augment.CutoutOptions{Size: 0.3}}
	for _, a := range []struct {
		name   string
		change []augment.Choice
		mixup  float64
	}{
		{allRows + " and shift", []augment.Choice{shift}, 0},
		{allRows + " and flip", []augment.Choice{{Augmentation: "flip", Options: &augment.FlipOptions{Axes: "horizontal"}}}, 0},
		{allRows + " and cutout", []augment.Choice{cutout}, 0},
		{allRows + " and shift and cutout", []augment.Choice{shift, cutout}, 0},
		{allRows + " and mixup", nil, 0.2},
	} {
		job := rule
		r := &job.Specification.Recipe
		if r.Mixup = a.mixup; len(a.change) > 0 {
			r.Augment = map[string][]augment.Choice{m.Name: a.change}
		}
		list = append(list, variant{a.name, job})
	}
	return list
}

// test trains an encoder with each seed, unless that is stored, and measures it on the test rows.
func (o *opened) test(ctx context.Context, scores *store.Store, jobs []encoderJob, of scored) (t tested, err error) {
	t = tested{name: jobs[0].name, variant: jobs[0].variant}
	for _, j := range jobs {
		outcomes, err := o.evaluator.Score(ctx, j.job)
		if errors.Is(err, evaluate.ErrUntrained) {
			continue
		}
		if err != nil {
			return t, err
		}
		sc := outcomes[0].Score
		t.parameters, t.seconds = sc.Parameters, append(t.seconds, sc.Seconds)
		if sc.Status != store.Finished {
			t.failed = sc.Reason
			continue
		}
		logits, samples, err := evaluate.Predicted(ctx, o.runner, scores, sc, dataset.Test)
		if err != nil {
			return t, err
		}
		metrics, err := trial.Measure(ctx, o.data, samples, logits)
		if err != nil {
			return t, err
		}
		second := metrics[of.second]
		if of.second == meanPrecision {
			if second, err = meanAveragePrecision(logits, samples, len(o.data.Task().Classes)); err != nil {
				return t, err
			}
		}
		t.tests, t.second = append(t.tests, metrics[of.metric]), append(t.second, second)
	}
	return t, nil
}

// meanAveragePrecision is the mean over the classes that some row has of the average precision: the mean, over the rows of the class, of
// the share of them among the rows with at least that logit.
func meanAveragePrecision(logits []float32, samples *dataset.Samples, classes int) (float64, error) {
	rows := samples.Len()
	labels := make([]float32, rows*classes)
	for row := range rows {
		if err := samples.Label(row, labels[row*classes:(row+1)*classes]); err != nil {
			return 0, err
		}
	}
	return averagePrecisions(logits, labels, classes), nil
}

func averagePrecisions(logits, labels []float32, classes int) float64 {
	total, counted := 0.0, 0
	order := make([]int, len(labels)/classes)
	for c := range classes {
		for row := range order {
			order[row] = row
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch x, y := logits[a*classes+c], logits[b*classes+c]; {
			case x > y:
				return -1
			case x < y:
				return 1
			}
			return 0
		})
		hits, precision := 0, 0.0
		for i := 0; i < len(order); {
			end, more := i, 0 // of the rows with equal logits
			for ; end < len(order) && logits[order[end]*classes+c] == logits[order[i]*classes+c]; end++ {
				if labels[order[end]*classes+c] > 0 {
					more++
				}
			}
			hits += more
			precision += float64(more) * float64(hits) / float64(end)
			i = end
		}
		if hits > 0 {
			total, counted = total+precision/float64(hits), counted+1
		}
	}
	if counted == 0 {
		return math.NaN()
	}
	return total / float64(counted)
}
