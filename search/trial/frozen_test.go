package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/store"
	"mixmas/search/task"
)

// everyKind is a data set with a modality of every kind, some of which rows lack: 50 training and 20 validation rows of three
// classes. It has the methods that a training calls, and counts the samples that are read.
type everyKind struct {
	dataset.Dataset
	reads *atomic.Int64
}

var kinds = []dataset.Modality{
	{Name: "picture", Kind: mixer.Map, Shape: []int{1, 8, 8}, Masked: true},
	{Name: "series", Kind: mixer.Sequence, Shape: []int{6, 2}, Masked: true},
	{Name: "words", Kind: mixer.Text, Shape: []int{5}, Vocabulary: 9, Masked: true},
	{Name: "table", Kind: mixer.Table, Shape: []int{3}},
}

func (everyKind) Name() string                    { return "every kind" }
func (everyKind) Modalities() []dataset.Modality  { return kinds }
func (everyKind) Task() task.Task                 { return task.Task{Classes: []string{"a", "b", "c"}} }
func (everyKind) Len(s dataset.Split) int         { return [...]int{50, 20, 0}[s] }
func (everyKind) Fingerprint() string             { return strings.Repeat("cd", 32) }
func (everyKind) Unchanged(context.Context) error { return nil }

func (everyKind) Label(_ dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % 3)
	return nil
}

// steps is the number of real steps of a sample.
func (everyKind) steps(modality, row int) int {
	n := kinds[modality].Steps()
	if n == 1 {
		return min(row%4, 1) // every fourth row lacks the picture
	}
	return row % (n + 1)
}

func (d everyKind) Mask(_ dataset.Split, modality, row int, dst []float32) error {
	clear(dst)
	nn.Ones(dst[:d.steps(modality, row)])
	return nil
}

func (d everyKind) Read(s dataset.Split, modality, row int, dst []float32) error {
	if d.reads != nil {
		d.reads.Add(1)
	}
	m := kinds[modality]
	rng := rand.New(rand.NewPCG(uint64(s)<<32|uint64(row), uint64(modality)))
	real := len(dst)
	if m.Masked {
		real = d.steps(modality, row) * len(dst) / m.Steps()
	}
	clear(dst)
	for i := range real {
		if m.Kind == mixer.Text {
			dst[i] = float32(1 + rng.IntN(8))
		} else {
			dst[i] = float32(rng.NormFloat64()) + float32(row%3)
		}
	}
	return nil
}

// memory is a source of files, by digest.
type memory struct {
	sync.Mutex
	files map[store.Digest][]byte
}

func (m *memory) put(file []byte) store.Digest {
	m.Lock()
	defer m.Unlock()
	if m.files == nil {
		m.files = map[store.Digest][]byte{}
	}
	digest := store.Digest(fmt.Sprint(len(m.files)))
	m.files[digest] = file
	return digest
}

func (m *memory) get(o Origin) ([]byte, error) {
	m.Lock()
	defer m.Unlock()
	if file, ok := m.files[o.File]; ok {
		return file, nil
	}
	return nil, store.ErrPruned
}

func (m *memory) Weights(o Origin) ([]byte, error)    { return m.get(o) }
func (m *memory) Checkpoint(o Origin) ([]byte, error) { return m.get(o) }
func (m *memory) Outputs(o Origin) ([]byte, error)    { return m.get(o) }
func (m *memory) Temporary() (*os.File, error)        { return os.CreateTemp("", "tokens-*") }

func kindsRunner() (*Local, *memory, *atomic.Int64) {
	files, reads := &memory{}, &atomic.Int64{}
	return &Local{Device: cpu.New(cpu.Options{Workers: 2}), Data: everyKind{reads: reads}, Files: files}, files, reads
}

func choice(t testing.TB, text string) mixer.Choice {
	t.Helper()
	var c mixer.Choice
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// The encoders of the modalities; those of different widths need an alignment.
var kindsEncoders = []string{
	`{"architecture": "ramlp", "options": {"depths": [1], "dims": [6], "mlp_ratio": [1], "expansion": [1], "region": [2], "group": [2]}}`,
	`{"architecture": "hyper_mixer", "options": {"width": 8, "depth": 1, "token_width": 6, "channel_width": 8, "heads": 2, "dropout": 0.2}}`,
	`{"architecture": "mlp_mixer", "options": {"width": 8, "depth": 1, "token_width": 5, "channel_width": 8}}`,
	`{"architecture": "simple_mlp", "options": {"width": 5, "hidden": 5, "layers": 1}}`,
}

func kindsModality(t testing.TB, i int) mixer.Modality {
	m := kinds[i]
	return mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary, Masked: m.Masked, Encoder: choice(t, kindsEncoders[i])}
}

// frozenJob trains the encoders with the runner, and returns a job whose encoders are frozen at their weights.
func frozenJob(t testing.TB, l *Local, files *memory) Job {
	t.Helper()
	spec := On(l.Data, nil, nil)
	spec.Numerics, spec.Seed = l.Device.Numerics(), 1
	spec.Recipe = Recipe{Recipe: nn.Recipe{Optimiser: "adam", LearningRate: 0.01, Batch: 16, Epochs: 3}}
	network := choice(t, `{"architecture": "mlp_mixer", "options": {"width": 8, "depth": 1, "token_width": 5, "channel_width": 8, "dropout": 0.1}}`)
	job := Job{Name: "fusion/concat", Label: "concat", Specification: spec}
	job.Specification.Model = mixer.Specification{Classes: 3, Fusion: mixer.Fuse("concat"), Network: &network, Prediction: mixer.MeanPrediction}
	job.Specification.Frozen = true
	for i, m := range kinds {
		encoder := Job{Name: "encoder/" + m.Name, Label: "encoder", Specification: spec}
		encoder.Specification.Model = mixer.Specification{Classes: 3, Modalities: []mixer.Modality{kindsModality(t, i)}}
		r := run(t, l, encoder)
		key, _, err := encoder.Specification.Key()
		if err != nil {
			t.Fatal(err)
		}
		job.Specification.Model.Modalities = append(job.Specification.Model.Modalities, kindsModality(t, i))
		job.From(m.Name, Origin{Key: key, Name: encoder.Name, File: files.put(r.Weights)})
	}
	return job
}

func run(t testing.TB, l *Local, job Job) Result {
	t.Helper()
	r, err := l.Run(t.Context(), job, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Score.Status == store.Failed {
		t.Fatalf("%s: %s", job.Name, r.Score.Reason)
	}
	return r
}

// parsed are the tensors of a file.
func parsed(t testing.TB, file []byte) nn.Weights {
	t.Helper()
	w, _, err := safetensors.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A trial with frozen encoders leaves an ordinary fused model: its encoders are those that it started from, the rest has
// learned, and its outputs are those of the whole model.
func TestFrozenTrialsAreFusedModels(t *testing.T) {
	l, files, _ := kindsRunner()
	job := frozenJob(t, l, files)
	job.Train = slices.Collect(func(yield func(int) bool) {
		for row := 0; row < 40 && yield(row); row++ {
		}
	})
	job.Unused = []int{49, 44}
	unused := Identify(job.Unused, 0)
	job.Specification.Sample, job.Specification.Unused = Identify(job.Train, 0), &unused
	for _, function := range []string{"concat", "mean", "max", "sum"} {
		job.Specification.Model.Fusion = mixer.Fuse(function)
		r := run(t, l, job)
		whole, err := mixer.Build(job.Specification.Model)
		if err != nil {
			t.Fatal(err)
		}
		weights := parsed(t, r.Weights)
		if err := whole.Parameters().Fit(weights.Shapes()); err != nil || r.Score.Parameters != whole.Parameters().Count() {
			t.Fatalf("%s: the weights are not those of the model with %d parameters, of which the score has %d: %v", function, whole.Parameters().Count(), r.Score.Parameters, err)
		}
		first := whole.Parameters().Initialise(7)
		for modality, origin := range job.Start {
			file, _ := files.Weights(origin)
			for name, tensor := range mixer.WarmStart(modality, parsed(t, file)) {
				if same := slices.Equal(weights[name].Data, tensor.Data); same != strings.HasPrefix(name, "encoders.") {
					t.Errorf("%s: %s is as it was: %t", function, name, same)
				}
				delete(first, name)
			}
		}
		if _, aligned := weights["align.table.weight"]; !aligned {
			t.Errorf("%s: nothing was aligned", function)
		}
		scoring, err := Scoring(l.Data, job, Inputs(whole))
		if err != nil {
			t.Fatal(err)
		}
		want, err := l.Predict(t.Context(), whole, job.Specification.Recipe.Batch, weights, scoring)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeOutputs(r.Outputs)
		if err != nil || len(got) != 22*3 {
			t.Fatalf("%s: %d outputs (%v)", function, len(got), err)
		}
		for i := range want {
			if math.Abs(float64(want[i]-got[i])) > 1e-5*max(1, math.Abs(float64(want[i]))) {
				t.Fatalf("%s: output %d is %v, that of the whole model %v", function, i, got[i], want[i])
			}
		}
		if metrics, err := Measure(t.Context(), l.Data, scoring, got); err != nil || !maps.Equal(metrics, r.Score.Metrics) {
			t.Errorf("%s: the outputs have the metrics %v (%v), the score %v", function, metrics, err, r.Score.Metrics)
		}
		losses := r.Score.Curve
		if losses[0].TrainLoss <= losses[len(losses)-1].TrainLoss {
			t.Errorf("%s: the loss went from %v to %v", function, losses[0].TrainLoss, losses[len(losses)-1].TrainLoss)
		}
	}
}

// What is not trained begins as in a warm trial: the random numbers are the same.
func TestFrozenTrialsBeginAsWarmOnes(t *testing.T) {
	l, files, _ := kindsRunner()
	job := frozenJob(t, l, files)
	job.Specification.Recipe.LearningRate = 1e-30
	frozen := parsed(t, run(t, l, job).Weights)
	cold, _, _ := job.Specification.Key()
	job.Specification.Frozen = false
	warm := parsed(t, run(t, l, job).Weights)
	if key, text, _ := job.Specification.Key(); key == cold || bytes.Contains(text, []byte("frozen")) {
		t.Errorf("a warm trial has the specification %s", text)
	}
	for name, tensor := range warm {
		if strings.Contains(name, "running") { // what a batch norm has seen
			continue
		}
		for i, x := range tensor.Data {
			if math.Abs(float64(x-frozen[name].Data[i])) > 1e-20 {
				t.Errorf("%s begins with %v, in a warm trial with %v", name, frozen[name].Data[i], x)
				break
			}
		}
	}
}

// The encoders run once for all candidates, at once or one after the other, in memory or in a file, and the bits are the same. They
// are forgotten when other trials follow.
func TestTokensAreShared(t *testing.T) {
	l, files, reads := kindsRunner()
	job := frozenJob(t, l, files)
	jobs := []Job{job, job, job}
	for i, function := range []string{"mean", "max", "sum"} {
		jobs[i].Specification.Model.Fusion = mixer.Fuse(function)
	}
	before := reads.Load()
	var want []Result
	for i, job := range jobs {
		want = append(want, run(t, l, job))
		if n := reads.Load() - before; n != 4*70 {
			t.Errorf("%d samples were read by %d candidates, want 280 by the first", n, i+1)
		}
	}
	if l.tokens.used == 0 || len(l.tokens.made) != 2*4 {
		t.Errorf("%d bytes are kept in %d parts", l.tokens.used, len(l.tokens.made))
	}
	encoder := Job{Name: "encoder", Label: "encoder", Specification: job.Specification}
	encoder.Specification.Model, encoder.Specification.Start, encoder.Specification.Frozen = mixer.Specification{Classes: 3, Modalities: []mixer.Modality{kindsModality(t, 3)}}, nil, false
	run(t, l, encoder)
	if l.tokens.used != 0 || len(l.tokens.made) != 0 {
		t.Errorf("after another trial %d bytes are kept in %d parts", l.tokens.used, len(l.tokens.made))
	}
	for name, most := range map[string]int64{"memory": 0, "files": 1, "both": 9000} {
		l.tokens.most = most
		before := reads.Load()
		var group sync.WaitGroup
		for i, job := range jobs {
			group.Go(func() {
				got := run(t, l, job)
				if !bytes.Equal(got.Weights, want[i].Weights) || !bytes.Equal(got.Outputs, want[i].Outputs) {
					t.Errorf("%s: candidate %d differs", name, i)
				}
			})
		}
		group.Wait()
		if n := reads.Load() - before; most == 0 && n != 4*70 {
			t.Errorf("%s: %d samples were read, want 280", name, n)
		}
		for key, e := range l.tokens.made {
			if e.users != 0 || !e.inMemory {
				t.Errorf("%s: %s is kept for %d users", name, key, e.users)
			}
		}
		if most > 0 && l.tokens.used > most {
			t.Errorf("%s: %d bytes are in memory", name, l.tokens.used)
		}
		l.tokens.clear()
	}
}

// Encoding reports every batch of every encoder, or all rows of an encoder at once where another trial has made the tokens.
func TestEncodingIsReported(t *testing.T) {
	l, files, _ := kindsRunner()
	job := frozenJob(t, l, files)
	for i, calls := range []int{4 * (4 + 2), 4 * 2} { // batches of 16 of 50 and of 20 rows; then whole splits
		s := &steps{}
		if _, err := l.Run(t.Context(), job, s); err != nil {
			t.Fatal(err)
		}
		increasing := slices.IsSortedFunc(s.encoded, func(a, b [2]int) int { return a[0] - b[0] })
		if n := len(s.encoded); n != calls || !increasing || s.encoded[n-1] != [2]int{280, 280} {
			t.Errorf("trial %d: got %v, want %d reports up to all 280 rows", i, s.encoded, calls)
		}
	}
	job.Specification.Frozen = false
	s := &steps{}
	if _, err := l.Run(t.Context(), job, s); err != nil || s.encoded != nil {
		t.Errorf("without frozen encoders: %v (%v)", s.encoded, err)
	}
}

// Tokens that cannot be made are no reason for other trials to fail, and leave nothing.
func TestTokensThatCannotBeMade(t *testing.T) {
	var c tokenCache
	broken := errors.New("broken")
	if _, _, err := c.get(t.Context(), "key", 2, 3, nil, func(*tokens) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	making, waited := make(chan struct{}), make(chan error)
	go func() {
		_, _, err := c.get(t.Context(), "key", 2, 3, nil, func(*tokens) error {
			close(making)
			for {
				c.mutex.Lock()
				users := c.made["key"].users
				c.mutex.Unlock()
				if users == 2 {
					return broken
				}
				runtime.Gosched()
			}
		})
		waited <- err
	}()
	<-making
	made, release, err := c.get(t.Context(), "key", 2, 3, nil, func(k *tokens) error { return k.add(make([]float32, 6)) })
	if err != nil || len(made.rows) != 6 {
		t.Fatalf("the other trial got %v (%v)", made, err)
	}
	if err := <-waited; !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	release()
	if c.used != 24 {
		t.Errorf("%d bytes are in use", c.used)
	}
	c.clear()
	if c.used != 0 || len(c.made) != 0 {
		t.Errorf("%d bytes are left", c.used)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.made["key"] = &cachedTokens{ready: make(chan struct{})}
	if _, _, err := c.get(ctx, "key", 2, 3, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	c = tokenCache{left: func() int64 { return 100 }} // bytes, of which tokens may take a quarter
	for key, rows := range map[string]int{"in memory": 2, "in a file": 3} {
		made, release, err := c.get(t.Context(), key, rows, 3, (&memory{}).Temporary, func(k *tokens) error { return k.add(make([]float32, 3*rows)) })
		if err != nil || (made.file == nil) != (key == "in memory") || c.used > 24 {
			t.Errorf("%s: %+v (%v), %d bytes are in use", key, made, err, c.used)
		}
		row := make([]float32, 3)
		if n := testing.AllocsPerRun(10, func() { err = made.read(rows-1, row) }); n != 0 || err != nil {
			t.Errorf("%s: reading a row allocates %v times (%v)", key, n, err)
		}
		release()
	}
	full := func() (*os.File, error) { return nil, syscall.ENOSPC }
	c = tokenCache{most: 1}
	if _, _, err := c.get(t.Context(), "key", 1<<20, 3, full, nil); !errors.Is(err, nn.ErrSamples) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "a temporary file of 12 MiB beside the store (start: warm needs none)") {
		t.Errorf("got %v", err)
	}
}

// lost is a data set of which no sample can be read.
type lost struct{ everyKind }

var errLost = errors.New("the disk is gone")

func (lost) Read(dataset.Split, int, int, []float32) error { return errLost }

// Samples that cannot be read end a trial with frozen encoders with their error.
func TestEncodersThatCannotRead(t *testing.T) {
	l, files, _ := kindsRunner()
	job := frozenJob(t, l, files)
	broken := &Local{Device: l.Device, Data: lost{}, Files: files}
	if _, err := broken.Run(t.Context(), job, &steps{}); !errors.Is(err, errLost) {
		t.Errorf("got %v", err)
	}
}

// An encoder that does nothing can be frozen: its tokens are the samples.
func TestEncoderWithoutOperations(t *testing.T) {
	m, err := mixer.BuildEncoder(mixer.Modality{Name: "x", Kind: mixer.Table, Shape: []int{3}, Encoder: choice(t, `{"architecture": "linear"}`)})
	if err != nil {
		t.Fatal(err)
	}
	l := &Local{Device: cpu.New(cpu.Options{Workers: 1})}
	tokens, err := l.Predict(t.Context(), m, 1, nn.Weights{}, ones{blankRow{}})
	if err != nil || !slices.Equal(tokens, []float32{1, 1, 1}) {
		t.Errorf("got tokens %v (%v)", tokens, err)
	}
}

// A trial with frozen encoders resumes with the same bits, from a checkpoint without the encoders.
func TestFrozenTrialsResume(t *testing.T) {
	l, files, _ := kindsRunner()
	job := frozenJob(t, l, files)
	job.Specification.Recipe.Select = "accuracy"
	want := run(t, l, job)
	part := job
	part.Until = 2
	r := run(t, l, part)
	job.Resume = &Origin{File: files.put(r.Checkpoint)}
	s := &steps{}
	got, err := l.Run(t.Context(), job, s)
	if err != nil || s.done != 4 || !bytes.Equal(got.Weights, want.Weights) || !bytes.Equal(got.Outputs, want.Outputs) {
		t.Errorf("resumed: %d steps, want 4, and the same bits (%v, %v)", s.done, err, s.notices)
	}
	for name := range parsed(t, r.Checkpoint) {
		if strings.Contains(name, "encoders") {
			t.Errorf("the checkpoint has %s", name)
		}
	}
	job.Resume, job.Deadline = nil, time.Now()
	stopped := run(t, l, job)
	whole := built(t, job)
	if stopped.Best == nil || whole.Parameters().Fit(parsed(t, stopped.Best.Weights).Shapes()) != nil {
		t.Error("the best model of a training that was stopped is not whole")
	}
}

func TestContradictoryFrozenJobs(t *testing.T) {
	l, files, _ := kindsRunner()
	for says, change := range map[string]func(j *Job){
		"that of modality words starts from no training": func(j *Job) {
			j.Start, j.Specification.Start = maps.Clone(j.Start), maps.Clone(j.Specification.Start)
			delete(j.Start, "words")
			delete(j.Specification.Start, "words")
		},
		"the model has no such modality": func(j *Job) { j.From("smell", j.Start["words"]) },
		"not stored":                     func(j *Job) { o := j.Start["words"]; o.File = "?"; j.From("words", o) },
	} {
		job := frozenJob(t, l, files)
		change(&job)
		if _, err := l.Run(t.Context(), job, &steps{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got error %v, want one with %q", err, says)
		}
		if len(l.tokens.made) > 0 {
			t.Errorf("%s: tokens are kept", says)
		}
	}
	job := frozenJob(t, l, files)
	job.Specification.Model.Fusion, job.Specification.Model.Network = nil, nil
	job.Specification.Model.Modalities = job.Specification.Model.Modalities[:1]
	for _, m := range kinds[1:] {
		delete(job.Start, m.Name)
		delete(job.Specification.Start, m.Name)
	}
	r, err := l.Run(t.Context(), job, &steps{})
	if err != nil || r.Score.Status != store.Failed || !strings.Contains(r.Score.Reason, "only the encoders of a multimodal model") {
		t.Errorf("a classifier: %s %s (%v)", r.Score.Status, r.Score.Reason, err)
	}
}

// The pace of a trial is measured before the encoders that it starts from are trained.
func TestPaceOfFrozenTrials(t *testing.T) {
	l, files, _ := kindsRunner()
	job := frozenJob(t, l, files)
	l.Files = nil
	if seconds, err := l.Pace(t.Context(), job, 3, time.Second); err != nil || !(seconds > 0) {
		t.Errorf("a step takes %v seconds (%v)", seconds, err)
	}
}

// avmnist has the modalities of AV-MNIST without samples.
type avmnist struct{ dataset.Dataset }

func (avmnist) Name() string                                      { return "avmnist" }
func (avmnist) Len(dataset.Split) int                             { return 64 }
func (avmnist) Task() task.Task                                   { return task.Task{Classes: make([]string, 10)} }
func (avmnist) Fingerprint() string                               { return strings.Repeat("ef", 32) }
func (avmnist) Read(_ dataset.Split, _, _ int, d []float32) error { clear(d); return nil }
func (avmnist) Label(_ dataset.Split, _ int, d []float32) error   { clear(d); return nil }
func (avmnist) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "image", Kind: mixer.Map, Shape: []int{1, 28, 28}}, {Name: "audio", Kind: mixer.Map, Shape: []int{1, 112, 112}}}
}

// BenchmarkFusedStep is a step of a fusion candidate of AV-MNIST with the sizes of the paper, in a warm trial and in one with
// frozen encoders. No frozen step can take less time than its share of the warm step's operations: the fusion network is as wide as
// the encoders, and half as deep.
func BenchmarkFusedStep(b *testing.B) {
	mlp := func(patch, depth int) mixer.Choice {
		return choice(b, fmt.Sprintf(`{"architecture": "mlp_mixer", "options": {"width": 128, "depth": %d, "patch": %d, "token_width": 32, "channel_width": 3072}}`, depth, patch))
	}
	network := mlp(0, 2)
	for _, function := range []string{"concat", "mean"} {
		for _, frozen := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/frozen=%t", function, frozen), func(b *testing.B) {
				l := &Local{Device: cpu.New(cpu.Options{Workers: 1}), Data: avmnist{}}
				job := Job{Specification: On(l.Data, nil, nil)}
				job.Specification.Frozen = frozen
				job.Specification.Recipe = Recipe{Recipe: nn.Recipe{Optimiser: "adam", LearningRate: 0.001, Batch: 64, Epochs: 1}}
				job.Specification.Model = mixer.Specification{Classes: 10, Fusion: mixer.Fuse(function), Network: &network}
				for i, m := range l.Data.Modalities() {
					job.Specification.Model.Modalities = append(job.Specification.Model.Modalities, mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Encoder: mlp(14+42*i, 4)})
				}
				m, err := job.Specification.Build()
				if err != nil {
					b.Fatal(err)
				}
				step, err := nn.Program(m, job.Specification.Recipe.Recipe, nn.Training, 64)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := l.Pace(b.Context(), job, b.N, time.Hour); err != nil { // one step more, which warms up
					b.Fatal(err)
				}
				b.ReportMetric(float64(step.Cost().FLOPs)/1e9, "GFLOP/op")
			})
		}
	}
}
