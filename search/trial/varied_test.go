package trial

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/augment"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/task"
)

// everything is a recipe that augments every kind that may be mixed, mixes and drops.
func everything() Recipe {
	return Recipe{Augment: map[string][]augment.Choice{
		"picture": {{Augmentation: "shift"}, {Augmentation: "flip"}, {Augmentation: "crop"}, {Augmentation: "cutout"}},
		"series":  {{Augmentation: "shift"}, {Augmentation: "noise"}, {Augmentation: "time_mask"}, {Augmentation: "frequency_mask"}},
		"table":   {{Augmentation: "noise"}},
	}, Mixup: 0.4, DropModality: 0.3}
}

// variedJob is a training of a fused model of all kinds but texts, or of all if texts is set.
func variedJob(t testing.TB, l *Local, recipe Recipe, texts bool) Job {
	t.Helper()
	spec := On(l.Data, nil, nil)
	spec.Numerics, spec.Seed, spec.Recipe = l.Device.Numerics(), 1, recipe
	spec.Recipe.Recipe = nn.Recipe{Optimiser: "adam", LearningRate: 0.01, Batch: 16, Epochs: 4}
	network := choice(t, `{"architecture": "mlp_mixer", "options": {"width": 8, "depth": 1, "token_width": 5, "channel_width": 8, "dropout": 0.1}}`)
	spec.Model = mixer.Specification{Classes: 3, Fusion: mixer.Fuse("concat"), Network: &network, Prediction: mixer.MeanPrediction}
	for i, m := range kinds {
		if m.Kind != mixer.Text || texts {
			spec.Model.Modalities = append(spec.Model.Modalities, kindsModality(t, i))
		}
	}
	job := Job{Name: "full/varied", Label: "varied", Specification: spec}
	job.Settle()
	return job
}

func TestVariedTrainings(t *testing.T) {
	texts := Recipe{Augment: map[string][]augment.Choice{"words": {{Augmentation: "token_dropout"}}}, DropModality: 0.5}
	for name, recipe := range map[string]Recipe{"all but texts": everything(), "texts": texts} {
		t.Run(name, func(t *testing.T) {
			l, files, _ := kindsRunner()
			job := variedJob(t, l, recipe, name == "texts")
			want := run(t, l, job)
			t.Run("any number of workers", func(t *testing.T) {
				for _, workers := range []int{1, 3} {
					other := &Local{Device: cpu.New(cpu.Options{Workers: workers}), Data: l.Data, Files: files}
					if got := run(t, other, job); !bytes.Equal(got.Weights, want.Weights) || !bytes.Equal(got.Outputs, want.Outputs) {
						t.Errorf("%d workers train other bits", workers)
					}
				}
			})
			t.Run("resumed", func(t *testing.T) {
				part := job
				part.Until = 2
				r := run(t, l, part)
				rest := job
				rest.Resume = &Origin{File: files.put(r.Checkpoint)}
				if got := run(t, l, rest); !bytes.Equal(got.Weights, want.Weights) || !bytes.Equal(got.Outputs, want.Outputs) {
					t.Error("a resumed training has other bits")
				}
			})
			t.Run("travels", func(t *testing.T) {
				text, err := json.Marshal(job)
				if err != nil {
					t.Fatal(err)
				}
				var received Job
				if err := json.Unmarshal(text, &received); err != nil {
					t.Fatal(err)
				}
				key, _, _ := job.Specification.Key()
				if again, _, err := received.Specification.Key(); err != nil || again != key {
					t.Errorf("the key is %s, was %s (%v)", again, key, err)
				}
				if got := run(t, l, received); !bytes.Equal(got.Weights, want.Weights) {
					t.Error("a job that was sent elsewhere has other bits")
				}
			})
		})
	}
}

// What a recipe does not vary is not in the key; what varies is, and draws no other initial weights.
func TestKeysOfVariedTrainings(t *testing.T) {
	l, _, _ := kindsRunner()
	still := variedJob(t, l, Recipe{}, false)
	key, canonical, err := still.Specification.Key()
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"augment", "mixup", "drop_modality", "optional"} {
		if strings.Contains(string(canonical), field) {
			t.Errorf("%s is in the specification: %s", field, canonical)
		}
	}
	seed, err := still.Specification.seed()
	if err != nil {
		t.Fatal(err)
	}
	all, keys := everything(), map[string]string{key: "no change"}
	for name, recipe := range map[string]Recipe{
		"augment": {Augment: all.Augment}, "mixup": {Mixup: 0.2}, "more mixup": {Mixup: 0.4}, "drop": {DropModality: 0.1},
		"fewer": {Augment: map[string][]augment.Choice{"table": {{Augmentation: "noise"}}}},
	} {
		job := variedJob(t, l, recipe, false)
		again, _, err := job.Specification.Key()
		if err != nil || keys[again] != "" {
			t.Errorf("%s has the key of %s (%v)", name, keys[again], err)
		}
		keys[again] = name
		if other, err := job.Specification.seed(); err != nil || (other != seed) != (name == "drop") { // its model has masks
			t.Errorf("%s: the seed is %d, of the still training %d (%v)", name, other, seed, err)
		}
	}
	one := func(recipe Recipe, frozen bool) string {
		job := variedJob(t, l, recipe, false)
		job.Specification.Model = mixer.Specification{Classes: 3, Modalities: []mixer.Modality{kindsModality(t, 3)}}
		job.Specification.Recipe.Augment, job.Specification.Recipe.DropModality = recipe.Augment, recipe.DropModality
		job.Specification.Frozen = frozen
		job.Settle()
		key, _, err := job.Specification.Key()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	pictures := map[string][]augment.Choice{"picture": all.Augment["picture"]}
	if one(Recipe{}, false) != one(Recipe{Augment: pictures, DropModality: 0.5}, false) {
		t.Error("the recipe of a modality's model depends on other modalities")
	}
	if one(Recipe{}, true) != one(Recipe{Augment: all.Augment}, true) {
		t.Error("the recipe of a model with frozen encoders augments")
	}
}

// TestVariedSamples compares samples in several epochs with what the words say.
func TestVariedSamples(t *testing.T) {
	l, _, _ := kindsRunner()
	newSamples := func(recipe Recipe) (*varied, nn.Model) {
		t.Helper()
		job := variedJob(t, l, recipe, false)
		m := built(t, job)
		samples, err := dataset.Select(l.Data, dataset.Train, nil, Inputs(m))
		if err != nil {
			t.Fatal(err)
		}
		var train nn.Samples = samples
		if job.learns() {
			if train, _, err = l.targets(job, samples); err != nil {
				t.Fatal(err)
			}
		}
		v, err := newVaried(train, job.Specification, m, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		return v, m
	}
	read := func(v *varied, m nn.Model, epoch, row, input int) []float32 {
		t.Helper()
		x := slices.Repeat([]float32{canary}, 65)
		size := dimensions.Product(m.Inputs()[input].Shape)
		var err error
		if epoch < 0 {
			err = v.Read(row, input, x[:size])
		} else {
			err = v.ReadIn(epoch, row, input, x[:size])
		}
		if err != nil || x[size] != canary {
			t.Fatal(err)
		}
		return x[:size]
	}
	label := func(v *varied, epoch, row int) []float32 {
		t.Helper()
		x := make([]float32, 3)
		if err := v.LabelIn(epoch, row, x); err != nil {
			t.Fatal(err)
		}
		return x
	}
	t.Run("drop", func(t *testing.T) {
		v, m := newSamples(Recipe{DropModality: 0.5})
		names := Inputs(m)
		if want := []string{"picture", "picture.mask", "series", "series.mask", "table", "table.mask"}; !slices.Equal(names, want) {
			t.Fatalf("inputs %v, want %v", names, want)
		}
		dropped, lacking := [3]int{}, 0
		for epoch := range 20 {
			for row := range v.Len() {
				has, had := false, false
				for i := 0; i < len(names); i += 2 {
					before, mask := read(v, m, -1, row, i+1), read(v, m, epoch, row, i+1)
					real := slices.Contains(before, 1)
					x := read(v, m, epoch, row, i)
					if real && !slices.Contains(mask, 1) {
						dropped[i/2]++
						if slices.ContainsFunc(x, func(y float32) bool { return y != 0 }) {
							t.Fatalf("epoch %d, row %d: %s has values without a mask", epoch, row, names[i])
						}
					} else if !slices.Equal(x, read(v, m, -1, row, i)) || !slices.Equal(mask, before) {
						t.Fatalf("epoch %d, row %d: %s is there, but another one", epoch, row, names[i])
					}
					has, had = has || slices.Contains(mask, 1), had || real
				}
				if !has && had {
					lacking++
				}
			}
		}
		if lacking > 0 {
			t.Errorf("%d rows have no modality left", lacking)
		}
		for i, n := range dropped { // of 1000, of which about a quarter lack the picture and a seventh the series
			if n < 250 || n > 480 {
				t.Errorf("%s was dropped %d times of 1000", names[2*i], n)
			}
		}
	})
	t.Run("mixup", func(t *testing.T) {
		v, m := newSamples(Recipe{Mixup: 0.5})
		for row := range v.Len() {
			partner, share := v.partner(3, row)
			x, a, b := read(v, m, 3, row, 4), read(v, m, -1, row, 4), read(v, m, -1, partner, 4)
			for i := range x {
				if want := share*a[i] + (1-share)*b[i]; math.Abs(float64(x[i]-want)) > 1e-5 {
					t.Fatalf("row %d: %v, want %v of %v and the rest of %v", row, x, share, a, b)
				}
			}
			y, want := label(v, 3, row), make([]float32, 3)
			want[row%3] += share
			want[partner%3] += 1 - share
			if math.Abs(float64(y[0]-want[0])) > 1e-6 || math.Abs(float64(y[1]-want[1])) > 1e-6 || math.Abs(float64(y[0]+y[1]+y[2]-1)) > 1e-6 {
				t.Fatalf("row %d: label %v, want %v", row, y, want)
			}
			mask, first, second := read(v, m, 3, row, 3), read(v, m, -1, row, 3), read(v, m, -1, partner, 3)
			for i := range mask {
				if mask[i] != max(first[i], second[i]) {
					t.Fatalf("row %d: mask %v of %v and %v", row, mask, first, second)
				}
			}
		}
	})
	t.Run("augment", func(t *testing.T) {
		v, m := newSamples(Recipe{Augment: map[string][]augment.Choice{"series": {{Augmentation: "noise"}}}})
		if v.Varies(0) || !v.Varies(2) || v.Varies(3) || v.VariesLabel() {
			t.Error("what is not augmented varies")
		}
		for row := range v.Len() {
			still, x, again, later := read(v, m, -1, row, 2), read(v, m, 0, row, 2), read(v, m, 0, row, 2), read(v, m, 1, row, 2)
			steps := everyKind{}.steps(1, row)
			if !slices.Equal(x, again) || slices.Equal(x, later) != (steps == 0) || slices.Equal(x, still) != (steps == 0) {
				t.Fatalf("row %d: %v, in the same epoch %v, in the next %v, without noise %v", row, x, again, later, still)
			}
		}
	})
	t.Run("allocates nothing", func(t *testing.T) {
		v, m := newSamples(everything())
		v.Samples = ones{v.Samples}
		x, y, inputs := make([]float32, 64), make([]float32, 3), m.Inputs()
		if n := testing.AllocsPerRun(20, func() {
			for i, in := range inputs {
				if err := v.ReadIn(1, 6, i, x[:dimensions.Product(in.Shape)]); err != nil {
					t.Fatal(err)
				}
			}
			if err := v.LabelIn(1, 6, y); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("a row makes %v allocations", n)
		}
	})
}

// ones are samples of ones.
type ones struct{ nn.Samples }

func (ones) Read(_, _ int, dst []float32) error {
	nn.Ones(dst)
	return nil
}

func (ones) Label(_ int, dst []float32) error {
	nn.Ones(dst)
	return nil
}

// Behind frozen encoders modalities are dropped too: the model sees what it would see of rows that lack them.
func TestFrozenTrialsDropModalities(t *testing.T) {
	l, files, _ := kindsRunner()
	job := frozenJob(t, l, files)
	plain := run(t, l, job)
	job.Specification.Recipe.DropModality = 0.5
	job.Settle()
	dropped := run(t, l, job)
	if bytes.Equal(plain.Weights, dropped.Weights) {
		t.Error("dropping modalities changes nothing")
	}
	job.Specification.Recipe = Recipe{Recipe: job.Specification.Recipe.Recipe, Mixup: 0.4}
	job.Settle()
	if mixed := run(t, l, job); bytes.Equal(plain.Weights, mixed.Weights) {
		t.Error("mixup changes nothing")
	}
}

func TestContradictoryVariedJobs(t *testing.T) {
	l, _, _ := kindsRunner()
	for says, change := range map[string]func(j *Job){
		"mixup of -1":                                 func(j *Job) { j.Specification.Recipe.Mixup = -1 },
		"mixup of 2":                                  func(j *Job) { j.Specification.Recipe.Mixup = 2 },
		"modalities dropped with probability 1":       func(j *Job) { j.Specification.Recipe.DropModality = 1 },
		"modality table: the recipe drops modalities": func(j *Job) { j.Specification.Recipe.DropModality = 0.5 },
		"modality words: mixup mixes numbers":         func(j *Job) { j.Specification.Recipe.Mixup = 0.5 },
		"augments modality sound":                     func(j *Job) { j.Specification.Recipe.Augment = map[string][]augment.Choice{"sound": nil} },
		"modality table: flip does not change samples of k": func(j *Job) {
			j.Specification.Recipe.Augment = map[string][]augment.Choice{"table": {{Augmentation: "flip"}}}
		},
	} {
		job := variedJob(t, l, Recipe{}, true)
		change(&job)
		if _, err := l.Run(t.Context(), job, &steps{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

// places is a data set of rows of 8 steps: which of two shapes a row has is its class, and where it is does not matter. Training rows
// have it at two places, the others anywhere.
type places struct {
	datasettest.Numbers
}

func (places) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "series", Kind: mixer.Sequence, Shape: []int{16, 1}}}
}
func (places) Task() task.Task         { return task.Task{Classes: []string{"up", "down"}} }
func (places) Len(s dataset.Split) int { return [...]int{60, 200, 0}[s] }

func (places) Read(s dataset.Split, _, row int, dst []float32) error {
	rng := rand.New(rand.NewPCG(uint64(s), uint64(row)))
	clear(dst)
	at := 6 + row/2%2
	if s != dataset.Train {
		at = 3 + rng.IntN(8)
	}
	shape := []float32{1, 2, 3}
	if row%2 == 1 {
		shape = []float32{3, 2, 1}
	}
	copy(dst[at:], shape)
	for i := range dst {
		dst[i] += 0.3 * float32(rng.NormFloat64())
	}
	return nil
}

func (places) Label(_ dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % 2)
	return nil
}

// A model that sees what matters at two places only learns to find it elsewhere if its series are shifted.
func TestShiftsHelp(t *testing.T) {
	l := &Local{Device: cpu.New(cpu.Options{Workers: 1}), Data: places{}}
	accuracy := func(list ...augment.Choice) float64 {
		spec := On(l.Data, nil, nil)
		spec.Numerics, spec.Seed = l.Device.Numerics(), 1
		spec.Recipe = Recipe{Recipe: nn.Recipe{Optimiser: "adam", LearningRate: 0.01, Batch: 20, Epochs: 60}, Augment: map[string][]augment.Choice{"series": list}}
		spec.Model = mixer.Specification{Classes: 2, Modalities: []mixer.Modality{{Name: "series", Kind: mixer.Sequence, Shape: []int{16, 1},
			Encoder: choice(t, `{"architecture": "mlp_mixer", "options": {"width": 8, "depth": 1, "patch": 1, "token_width": 16, "channel_width": 16}}`)}}}
		job := Job{Name: "test/places", Label: "places", Specification: spec}
		job.Settle()
		return run(t, l, job).Score.Metrics["accuracy"]
	}
	without, with := accuracy(), accuracy(augment.Choice{Augmentation: "shift", Options: &augment.ShiftOptions{By: 0.25}})
	if with < without+0.1 {
		t.Errorf("accuracy %v with shifts, %v without", with, without)
	}
	t.Logf("accuracy %v with shifts, %v without", with, without)
}
