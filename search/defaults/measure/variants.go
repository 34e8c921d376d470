package main

import (
	"math"
	"reflect"
	"slices"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// variant is a job that differs from the defaults in one thing.
type variant struct {
	name string
	job  trial.Job
}

// encoderVariants returns the neighbours of a candidate encoder: other sizes, and other short trainings.
func encoderVariants(rule trial.Job, m strategy.Modality, c strategy.Candidate, space *strategy.Space) (list []variant) {
	with := func(name string, change func(own reflect.Value) bool) {
		own := reflect.New(reflect.TypeOf(c.Choice.Options).Elem())
		own.Elem().Set(reflect.ValueOf(c.Choice.Options).Elem())
		if !change(own.Elem()) {
			return
		}
		changed := c
		changed.Choice.Options = own.Interface()
		job := rule
		job.Specification.Model = space.EncoderModel(m, changed)
		list = append(list, variant{name, job})
	}
	scale := func(name string, factor float64, options ...string) {
		with(name, func(own reflect.Value) bool { return scaled(own, factor, options...) })
	}
	scale("half the width", 0.5, "width", "channel_width", "dims")
	scale("twice the width", 2, "width", "channel_width", "dims")
	scale("half the depth", 0.5, "depth", "layers", "depths", "blocks")
	scale("twice the depth", 2, "depth", "layers", "depths", "blocks")
	scale("twice the hidden width over features", 2, "channel_width", "hidden", "mlp_ratio")
	scale("twice the hidden width over tokens", 2, "token_width")
	if m.Kind == mixer.Map {
		with("next smaller patch", func(own reflect.Value) bool { return nextPatch(own, m.Shape, -1) })
		with("next larger patch", func(own reflect.Value) bool { return nextPatch(own, m.Shape, 1) })
	}
	with("sinusoidal positions", func(own reflect.Value) bool {
		f, ok := options.ByName(own, "positions")
		if ok {
			f.Value.SetString("sinusoidal")
		}
		return ok
	})
	return append(list, trainings(rule)...)
}

// trainings returns other recipes for a job: the same updates with another batch, other learning rates, other updates.
func trainings(rule trial.Job) (list []variant) {
	with := func(name string, change func(job *trial.Job)) {
		job := rule
		change(&job)
		list = append(list, variant{name, job})
	}
	batch := func(factor float64) func(job *trial.Job) {
		return func(job *trial.Job) {
			r := &job.Specification.Recipe
			r.Batch = max(1, int(float64(r.Batch)*factor))
			r.Epochs = max(1, int(math.Round(float64(r.Epochs)*factor)))
		}
	}
	with("half the batch, as many updates", batch(0.5))
	with("twice the batch, as many updates", batch(2))
	with("learning rate 0.001", func(job *trial.Job) { job.Specification.Recipe.LearningRate = 0.001 })
	with("learning rate 0.01", func(job *trial.Job) { job.Specification.Recipe.LearningRate = 0.01 })
	with("a third of the updates", func(job *trial.Job) {
		job.Specification.Recipe.Epochs = max(1, job.Specification.Recipe.Epochs/3)
	})
	return list
}

// fullVariants returns other full trainings of the chosen model.
func fullVariants(rule trial.Job, metric string) (list []variant) {
	with := func(name string, change func(job *trial.Job)) {
		job := rule
		change(&job)
		list = append(list, variant{name, job})
	}
	with("the best epoch by the loss", func(job *trial.Job) { job.Specification.Recipe.Select = "" })
	with("the best epoch by the metric", func(job *trial.Job) { job.Specification.Recipe.Select = metric })
	dropout := func(p float64) func(job *trial.Job) {
		return func(job *trial.Job) { job.Specification.Model = withDropout(job.Specification.Model, p) }
	}
	with("no dropout", dropout(0))
	with("dropout 0.2", dropout(0.2))
	with("dropout 0.5", dropout(0.5))
	for _, decay := range []struct {
		name  string
		value float64
	}{{"no weight decay", 0}, {"weight decay 0.2", 0.2}} {
		with(decay.name, func(job *trial.Job) { job.Specification.Recipe.WeightDecay = decay.value })
	}
	with("learning rate 0.001", func(job *trial.Job) { job.Specification.Recipe.LearningRate = 0.001 })
	with("learning rate 0.01", func(job *trial.Job) { job.Specification.Recipe.LearningRate = 0.01 })
	patience := func(factor float64) func(job *trial.Job) {
		return func(job *trial.Job) {
			r := &job.Specification.Recipe
			plateau := *r.Plateau
			plateau.Patience = max(1, int(float64(plateau.Patience)*factor))
			r.Plateau, r.EarlyStopping = &plateau, max(2, int(float64(r.EarlyStopping)*factor))
		}
	}
	with("half the patience", patience(0.5))
	with("twice the patience", patience(2))
	with("learning rate reduced to a tenth", func(job *trial.Job) {
		plateau := *job.Specification.Recipe.Plateau
		plateau.Factor = 0.1
		job.Specification.Recipe.Plateau = &plateau
	})
	same, _, _ := rule.Specification.Key()
	return slices.DeleteFunc(list, func(v variant) bool { // those that are the rule
		key, _, _ := v.job.Specification.Key()
		return key == same
	})
}

// withDropout returns the model with another dropout wherever it has one.
func withDropout(m mixer.Specification, p float64) mixer.Specification {
	set := func(given any) any {
		own := reflect.New(reflect.TypeOf(given).Elem())
		own.Elem().Set(reflect.ValueOf(given).Elem())
		if f, ok := options.ByRecipe(own.Elem(), options.Dropout); ok {
			f.Value.SetFloat(p)
		}
		return own.Interface()
	}
	m.Modalities = slices.Clone(m.Modalities)
	for i := range m.Modalities {
		m.Modalities[i].Encoder.Options = set(m.Modalities[i].Encoder.Options)
	}
	if m.Network != nil {
		network := *m.Network
		network.Options = set(network.Options)
		m.Network = &network
	}
	return m
}

// scaled multiplies options, as far as there are such, and reports whether one changed.
func scaled(own reflect.Value, factor float64, names ...string) (changed bool) {
	times := func(n int64) int64 { return max(1, int64(math.Round(float64(n)*factor))) }
	for _, name := range names {
		f, ok := options.ByName(own, name)
		if !ok {
			continue
		}
		if f.Value.Kind() == reflect.Slice {
			list := reflect.MakeSlice(f.Value.Type(), f.Value.Len(), f.Value.Len())
			for i := range list.Len() {
				list.Index(i).SetInt(times(f.Value.Index(i).Int()))
				changed = changed || list.Index(i).Int() != f.Value.Index(i).Int()
			}
			f.Value.Set(list)
			continue
		}
		before := f.Value.Int()
		f.Value.SetInt(times(before))
		changed = changed || f.Value.Int() != before
	}
	return changed
}

// nextPatch moves the patch to the next divisor of both sides of a map.
func nextPatch(own reflect.Value, shape []int, direction int) bool {
	f, ok := options.ByName(own, "patch")
	if !ok {
		return false
	}
	for p := int(f.Value.Int()) + direction; p >= 1 && p < min(shape[1], shape[2]); p += direction {
		if shape[1]%p == 0 && shape[2]%p == 0 {
			f.Value.SetInt(int64(p))
			return true
		}
	}
	return false
}
