package search_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn/cpu"
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/dataset"
	_ "mixmas/search/dataset/formats" // those of the plans
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/model"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/task"
)

// tiny is a data set of two modalities, a 4×4 map and a table of 3, with three classes that both tell a little about.
type tiny struct{ nan bool }

func (tiny) Warnings() []string { return nil }
func (tiny) Name() string       { return "tiny" }
func (tiny) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "picture", Kind: mixer.Map, Shape: []int{1, 4, 4}}, {Name: "numbers", Kind: mixer.Table, Shape: []int{3}}}
}
func (tiny) Task() task.Task                 { return task.Task{Classes: []string{"a", "b", "c"}} }
func (tiny) Len(s dataset.Split) int         { return [...]int{60, 30, 20}[s] }
func (tiny) Fingerprint() string             { return strings.Repeat("ab", 32) }
func (tiny) Close() error                    { return nil }
func (tiny) Unchanged(context.Context) error { return nil }

func (tiny) Preprocessing() map[string]dataset.Standardisation {
	return map[string]dataset.Standardisation{"picture": dataset.Uniform(0, 1), "numbers": dataset.Uniform(2, 3)}
}
func (d tiny) Read(s dataset.Split, modality, row int, dst []float32) error {
	rng := rand.New(rand.NewPCG(uint64(s)<<32|uint64(row), uint64(modality)))
	for i := range dst {
		dst[i] = float32(rng.NormFloat64())
		if i%3 == row%3 {
			dst[i] += 1.5
		}
	}
	if d.nan && modality == 1 {
		dst[0] = float32(math.NaN())
	}
	return nil
}
func (tiny) Mask(dataset.Split, int, int, []float32) error { return errors.New("no mask") }
func (tiny) Label(_ dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % 3)
	return nil
}

const plan = `
name: tiny
data: {format: builtin}
sample: {size: 40, distance: 0.2}
search:
  encoders:
    picture:
      defaults: {width: 8, depth: 1, patch: 2, token_width: 4, channel_width: 8}
      candidates: [mlp_mixer, monarch_mixer]
    numbers:
      defaults: {width: 8, hidden: 8, layers: 1}
      candidates: [simple_mlp]
  fusions: [concat, mean]
  networks:
    defaults: {depth: 1, token_width: 4, channel_width: 8}
    candidates: [hyper_mixer, mlp_mixer]
  training: {batch: 16, epochs: 2, learning_rate: 0.01}
train:
  training: {batch: 16, epochs: 3, dropout: 0.1}
`

// fixture is a plan with a store, run as often as a test wants.
type fixture struct {
	t       testing.TB
	plan    string
	data    dataset.Dataset
	store   *store.Store
	kernels *simd.Set
	workers int
	watch   search.Observer
	// wrap, where present, goes around the device.
	wrap func(device.Device) device.Device
	// options, where present, changes those of the search.
	options func(*search.Options)
}

func newFixture(t testing.TB) *fixture {
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "scores.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{t: t, plan: plan, data: tiny{}, store: st, workers: 2}
}

func (f *fixture) search() (*search.Search, error) {
	c, err := config.Parse("plan.yaml", []byte(f.plan))
	if err != nil {
		f.t.Fatal(err)
	}
	d := f.device()
	if f.wrap != nil {
		d = f.wrap(d)
	}
	o := search.Options{Device: d, Store: f.store, Workers: f.workers, Observer: f.watch}
	if f.options != nil {
		f.options(&o)
	}
	return search.New(c, f.data, o)
}

func (f *fixture) device() device.Device {
	return cpu.New(cpu.Options{Workers: f.workers, Kernels: f.kernels})
}

func (f *fixture) run() *search.Result {
	f.t.Helper()
	_, r := f.searched()
	return r
}

// searched is a search that has run, and its result.
func (f *fixture) searched() (*search.Search, *search.Result) {
	f.t.Helper()
	s, err := f.search()
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := s.Run(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return s, r
}

// change replaces a part of the plan, which must be there.
func (f *fixture) change(old, new string) {
	f.t.Helper()
	if !strings.Contains(f.plan, old) {
		f.t.Fatalf("the plan has no %q", old)
	}
	f.plan = strings.Replace(f.plan, old, new, 1)
}

// scores are the metrics and digests of all trials by name and key, exactly as stored.
func (f *fixture) scores() map[string]string {
	f.t.Helper()
	list, err := f.store.List(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	out := map[string]string{}
	for _, sc := range list {
		text, err := json.Marshal(sc.Metrics)
		if err != nil {
			f.t.Fatal(err)
		}
		out[sc.Name+" "+sc.Key] = fmt.Sprintf("%s %s weights %s outputs %s", sc.Status, text, sc.Weights, sc.Outputs)
	}
	return out
}

func TestSearchAgainTrainsNothing(t *testing.T) {
	f := newFixture(t)
	first := f.run()
	// 2 + 1 encoders, 2 fusion functions, 2 networks of which one has run.
	if first.Trainings != 6 {
		t.Errorf("the first search trained %d times, want 6", first.Trainings)
	}
	kept := f.scores()
	second := f.run()
	if second.Trainings != 0 {
		t.Errorf("the second search trained %d times", second.Trainings)
	}
	for i, stage := range second.Stages {
		for j, o := range stage.Outcomes() {
			if want := first.Stages[i].Outcomes()[j]; !o.Cached || o.Score.Key != want.Score.Key {
				t.Errorf("%s: rank %d is %s (cached %t), was %s", stage.Name, j+1, o.Job.Name, o.Cached, want.Job.Name)
			}
		}
	}
	if diff := cmp.Diff(kept, f.scores()); diff != "" {
		t.Errorf("the second search changed the store:\n%s", diff)
	}
}

func TestScoresAreTheSameAtAnyNumberOfWorkers(t *testing.T) {
	one, two := newFixture(t), newFixture(t)
	one.workers = 1
	one.run()
	two.run()
	if diff := cmp.Diff(one.scores(), two.scores()); diff != "" {
		t.Errorf("one worker against two:\n%s", diff)
	}
}

// A new candidate costs its own trial, and those of later stages only if it wins.
func TestNewCandidateTrainsWhatItChanges(t *testing.T) {
	f := newFixture(t)
	before := f.run()
	f.change("[mlp_mixer, monarch_mixer]", "[mlp_mixer, monarch_mixer, {name: mlp_mixer, label: wide, channel_width: 9}]")
	after := f.run()
	want := 1
	if after.Stages[0].Winner.Label != before.Stages[0].Winner.Label {
		want += 3
	}
	if after.Trainings != want {
		t.Errorf("trained %d times, want %d", after.Trainings, want)
	}
	f.change("[concat, mean]", "[concat, mean, max]")
	if again := f.run(); again.Trainings != 1 && again.Stages[2].Winner.Label != "max" {
		t.Errorf("a new fusion function that did not win trained %d times", again.Trainings)
	}
}

// Another metric ranks finished trials again; only stages whose inputs change by it train.
func TestNewMetricRanksWithoutTraining(t *testing.T) {
	for _, name := range []string{"f1_macro", "auroc_macro", "loss", "recall_weighted"} {
		f := newFixture(t)
		before := f.run()
		f.change("search:\n", "search:\n  metric: "+name+"\n")
		after := f.run()
		sameEncoders := before.Stages[0].Winner.First().Score.Key == after.Stages[0].Winner.First().Score.Key &&
			before.Stages[1].Winner.First().Score.Key == after.Stages[1].Winner.First().Score.Key
		sameFusion := before.Stages[2].Winner.First().Score.Key == after.Stages[2].Winner.First().Score.Key
		want := 0 // other encoders change the fusion stages, another function only the second network
		switch {
		case !sameEncoders:
			want = 3
		case !sameFusion:
			want = 1
		}
		if after.Trainings != want {
			t.Errorf("%s: trained %d times, want %d (same encoders %t, same fusion %t)", name, after.Trainings, want, sameEncoders, sameFusion)
		}
		for _, stage := range after.Stages {
			for i := 1; i < len(stage.Outcomes()); i++ {
				a, b := stage.Outcomes()[i-1].Score.Metrics[name], stage.Outcomes()[i].Score.Metrics[name]
				if name == "loss" && a > b || name != "loss" && a < b {
					t.Errorf("%s: %s ranks %v before %v", name, stage.Name, a, b)
				}
			}
		}
	}
}

var registerConstant = sync.OnceFunc(func() {
	metric.Register(metric.Metric{Name: "constant", Doc: "One half.", Kinds: task.Kinds(), Value: func(*metric.Evaluation) (float64, bool) { return 0.5, true }})
})

// A metric that did not exist when the trials ran is computed from the outputs that they left.
func TestMetricOfLaterDaysNeedsNoTraining(t *testing.T) {
	f := newFixture(t)
	f.run()
	registerConstant()
	f.change("search:\n", "search:\n  metric: constant\n")
	s, err := f.search()
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range slices.Concat(r.Stages[0].Outcomes(), r.Stages[1].Outcomes()) {
		if !o.Cached || o.Score.Metrics["constant"] != 0.5 {
			t.Errorf("%s: cached %t, metrics %v", o.Job.Name, o.Cached, o.Score.Metrics)
		}
	}
}

func TestAnotherSeedIsAnotherSearch(t *testing.T) {
	f := newFixture(t)
	first := f.run()
	f.plan = "seed: 7\n" + f.plan
	second := f.run()
	if second.Trainings != first.Trainings {
		t.Errorf("trained %d times, want %d", second.Trainings, first.Trainings)
	}
	if slices.Equal(first.Space.Sample.Rows, second.Space.Sample.Rows) {
		t.Error("another seed drew the same sample")
	}
}

func TestPrunedWeightsAreTrainedAgain(t *testing.T) {
	f := newFixture(t)
	f.run()
	kept := f.scores()
	if _, _, err := f.store.Prune(t.Context(), func(store.Score) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if r := f.run(); r.Trainings != 0 {
		t.Errorf("a finished search without weights trained %d times", r.Trainings)
	}
	f.change("[concat, mean]", "[concat, mean, max]")
	r := f.run()
	// max itself, and the two encoders that it starts from; then a second network if it won.
	if want := 3; r.Trainings < want || r.Trainings > want+1 {
		t.Errorf("trained %d times, want %d or %d", r.Trainings, want, want+1)
	}
	now := f.scores()
	for name, score := range kept {
		if now[name] != score {
			t.Errorf("%s was %s, is %s", name, score, now[name])
		}
	}
	if _, err := f.store.Weights(r.Stages[1].Winner.First().Score); err != nil {
		t.Errorf("weights trained again are not kept: %v", err)
	}
}

// pictures is the tiny data set with its first modality alone, so that no other stage ends before its trials do.
type pictures struct{ tiny }

func (pictures) Modalities() []dataset.Modality { return tiny{}.Modalities()[:1] }

// onePicture leaves the pictures alone.
func (f *fixture) onePicture() {
	f.t.Helper()
	f.data = pictures{}
	f.change(`
    numbers:
      defaults: {width: 8, hidden: 8, layers: 1}
      candidates: [simple_mlp]`, "")
}

func TestFailedTrialsAreRecordedAndNotRetried(t *testing.T) {
	f := newFixture(t)
	f.onePicture()
	f.change("learning_rate: 0.01", "learning_rate: 1.0e+30, optimiser: sgd")
	trained := &counter{}
	f.watch = trained
	if _, err := f.searchError(); err == nil || trained.started != 2 ||
		!strings.Contains(err.Error(), "every candidate failed") || !strings.Contains(err.Error(), "the training diverged") {
		t.Fatalf("trained %d times, with error %v", trained.started, err)
	}
	if _, err := f.searchError(); err == nil || trained.started != 2 {
		t.Errorf("failed trials were trained %d times again (error %v)", trained.started-2, err)
	}
	f.change("search:\n", "search:\n  retry_failed: true\n")
	if _, err := f.searchError(); err == nil || trained.started != 4 {
		t.Errorf("retry_failed trained %d times (error %v)", trained.started-2, err)
	}
}

func (f *fixture) searchError() (*search.Result, error) {
	s, err := f.search()
	if err != nil {
		return nil, err
	}
	return s.Run(f.t.Context())
}

// counter counts trainings, and cancels after a number of steps where it has a cancel function.
type counter struct {
	sync.Mutex
	started, steps, limit int
	cancel                context.CancelFunc
}

func (c *counter) Estimated(search.Estimated)             {}
func (c *counter) StageStarted(strategy.StageStarted)     {}
func (c *counter) StageDone(strategy.StageDone)           {}
func (c *counter) TrainingStarted(search.TrainingStarted) {}
func (c *counter) TrainingDone(search.TrainingDone)       {}
func (c *counter) Notice(string)                          {}
func (c *counter) TrialEncoded(evaluate.TrialEncoded)     {}
func (c *counter) TrialDone(evaluate.TrialDone)           {}
func (c *counter) TrialStarted(evaluate.TrialStarted) {
	c.Lock()
	defer c.Unlock()
	c.started++
}
func (c *counter) TrialStep(evaluate.TrialStep) {
	c.Lock()
	defer c.Unlock()
	if c.steps++; c.cancel != nil && c.steps == c.limit {
		c.cancel()
	}
}

// crowded is a device that has memory for a number of sessions at once, and none at all for states of more elements than
// most.
type crowded struct {
	device.Device
	room chan struct{}
	most int
}

type crowdedSession struct {
	device.Session
	room chan struct{}
}

func (d crowded) Open(state int) (device.Session, error) {
	if state > d.most {
		return nil, fmt.Errorf("open session of %d elements: %w", state, device.ErrOutOfMemory)
	}
	select {
	case d.room <- struct{}{}:
	default:
		return nil, fmt.Errorf("open session beside others: %w", device.ErrOutOfMemory)
	}
	s, err := d.Device.Open(state)
	return &crowdedSession{s, d.room}, err
}

func (s *crowdedSession) Close() error {
	<-s.room
	return s.Session.Close()
}

func TestOutOfMemoryIsTriedAgainAlone(t *testing.T) {
	f := newFixture(t)
	want := newFixture(t)
	want.run()
	f.workers = 3
	f.wrap = func(d device.Device) device.Device { return crowded{d, make(chan struct{}, 1), math.MaxInt} }
	f.run()
	if diff := cmp.Diff(want.scores(), f.scores()); diff != "" {
		t.Errorf("scores with memory for one session at a time (-want +got):\n%s", diff)
	}
}

func TestOutOfMemoryIsNoScore(t *testing.T) {
	f := newFixture(t)
	f.change("[mlp_mixer, monarch_mixer]", "[mlp_mixer, {name: mlp_mixer, label: wide, channel_width: 20000}]")
	f.wrap = func(d device.Device) device.Device { return crowded{d, make(chan struct{}, 9), 100000} }
	last := f.run().Stages[0].Outcomes()[1]
	if last.Job.Label != "wide" || last.Score.Status != store.Failed || !strings.Contains(last.Score.Reason, device.ErrOutOfMemory.Error()) {
		t.Errorf("last of the stage is %s: %s %q, want wide, out of memory", last.Job.Label, last.Score.Status, last.Score.Reason)
	}
	for name := range f.scores() {
		if strings.HasPrefix(name, "encoder/picture/wide ") {
			t.Errorf("%s has a score", name)
		}
	}
	f.wrap = nil
	if o := f.run().Stages[0].Outcomes(); o[0].Score.Status != store.Finished || o[1].Score.Status != store.Finished {
		t.Errorf("with enough memory the stage ends with %s and %s", o[0].Score.Status, o[1].Score.Status)
	}
}

// A batch larger than the sample is the sample.
func TestBatchBeyondMemory(t *testing.T) {
	f := newFixture(t)
	f.change("batch: 16", "batch: 1000000000000000")
	f.run()
}

// Whatever runs out of memory is tried again alone: weights that are trained again, the full training, the test.
func TestEverythingIsTriedAgainAlone(t *testing.T) {
	prune := func(f *fixture) {
		t.Helper()
		if _, _, err := f.store.Prune(t.Context(), func(store.Score) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	// all ends a search that was pruned and widened, trains in full, prunes, and trains the full model again.
	all := func(f *fixture) {
		t.Helper()
		for range 2 {
			if _, err := f.train(t.Context(), t.TempDir()); err != nil {
				t.Fatal(err)
			}
			prune(f)
		}
	}
	start := func() *fixture {
		f := newFixture(t)
		f.run()
		prune(f)
		f.change("[concat, mean]", "[concat, mean, max]")
		return f
	}
	want := start()
	all(want)
	for full := int64(1); ; full++ {
		f := start()
		var opened atomic.Int64
		f.wrap = func(d device.Device) device.Device {
			return faulty{d, func(call string) error {
				if call == "open" && opened.Add(1) == full {
					return device.ErrOutOfMemory
				}
				return nil
			}}
		}
		all(f)
		if opened.Load() < full { // there was memory for all
			// max and the encoders that it starts from, the full training, the test, the full model again
			if full <= 6 {
				t.Errorf("only %d sessions were opened", full-1)
			}
			return
		}
		if diff := cmp.Diff(want.scores(), f.scores()); diff != "" {
			t.Errorf("scores when session %d runs out of memory (-want +got):\n%s", full, diff)
		}
	}
}

// A full training that runs out of memory in any epoch keeps its checkpoint and says so; with more memory it goes on.
func TestFullTrainingOutOfMemoryGoesOn(t *testing.T) {
	undisturbed, err := newFixture(t).train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.run()
	folder := t.TempDir()
	steps := 0
	f.wrap = func(d device.Device) device.Device {
		return faulty{d, func(call string) error {
			if call == "run" {
				steps++
			}
			if steps > 8 {
				return fmt.Errorf("%s: %w", call, device.ErrOutOfMemory)
			}
			return nil
		}}
	}
	_, err = f.train(t.Context(), folder)
	if !errors.Is(err, device.ErrOutOfMemory) || !strings.Contains(err.Error(), "train.training.batch") || strings.Contains(err.Error(), "learning rate") {
		t.Errorf("without memory the full training ends with %v", err)
	}
	if kept, err := filepath.Glob(filepath.Join(folder, "checkpoint-*")); err != nil || len(kept) != 1 {
		t.Fatalf("the folder holds the checkpoints %v (%v), want one", kept, err)
	}
	f.wrap = nil
	counted := &counter{}
	f.watch = counted
	trained, err := f.train(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if trained.Score.Weights != undisturbed.Score.Weights || !maps.Equal(trained.Test, undisturbed.Test) {
		t.Errorf("weights %s and test %v, undisturbed %s and %v", trained.Score.Weights, trained.Test, undisturbed.Score.Weights, undisturbed.Test)
	}
	if counted.steps >= 12 {
		t.Errorf("the training took %d steps: it began anew", counted.steps)
	}
}

// faulty is a device on which calls fail: fail is asked before each, by several trials at once.
type faulty struct {
	device.Device
	fail func(call string) error
}

func (d faulty) Open(state int) (device.Session, error) {
	if err := d.fail("open"); err != nil {
		return nil, err
	}
	s, err := d.Device.Open(state)
	return faultySession{s, d.fail}, err
}

type faultySession struct {
	device.Session
	fail func(call string) error
}

func (s faultySession) Load(p *device.Program) (device.Runner, error) {
	if err := s.fail("load"); err != nil {
		return nil, err
	}
	r, err := s.Session.Load(p)
	return faultyRunner{r, s.fail}, err
}

type faultyRunner struct {
	device.Runner
	fail func(call string) error
}

func (r faultyRunner) Run(step device.Step) error {
	if err := r.fail("run"); err != nil {
		return err
	}
	return r.Runner.Run(step)
}

func (r faultyRunner) Read(b device.Buffer, dst []float32) error {
	if err := r.fail("read"); err != nil {
		return err
	}
	return r.Runner.Read(b, dst)
}

// A device that fails ends the search, and no trial has a score of it: once it works again all ends as if it always had.
func TestFailingDeviceIsNoScore(t *testing.T) {
	want := newFixture(t)
	want.run()
	for _, call := range []string{"open", "load", "run", "read"} {
		f := newFixture(t)
		for limit := int64(0); limit < 3; limit++ { // it breaks at the first call, then later
			var calls atomic.Int64
			f.wrap = func(d device.Device) device.Device {
				return faulty{d, func(at string) error {
					if at == call && calls.Add(1) > limit {
						return fmt.Errorf("%s: %w", at, device.ErrDevice)
					}
					return nil
				}}
			}
			if _, err := f.searchError(); !errors.Is(err, device.ErrDevice) {
				t.Errorf("%s fails: the search ends with %v", call, err)
			}
		}
		for name, score := range f.scores() {
			if strings.HasPrefix(score, string(store.Failed)) {
				t.Errorf("%s fails: %s is %s", call, name, score)
			}
		}
		f.wrap = nil
		f.run()
		if diff := cmp.Diff(want.scores(), f.scores()); diff != "" {
			t.Errorf("after a device that failed at %s (-want +got):\n%s", call, diff)
		}
	}
}

// A program that the device does not take is the trial's own fault, and stays.
func TestRefusedProgramIsAScore(t *testing.T) {
	f := newFixture(t)
	f.workers = 1
	f.onePicture()
	loads := 0
	f.wrap = func(d device.Device) device.Device {
		return faulty{d, func(call string) error {
			if call == "load" {
				if loads++; loads == 1 {
					return errors.New("operation 0: too large")
				}
			}
			return nil
		}}
	}
	first := f.run()
	last := first.Stages[0].Outcomes()[1].Score
	if last.Status != store.Failed || last.Reason != "operation 0: too large" {
		t.Errorf("the last encoder %s: %s", last.Status, last.Reason)
	}
	if again := f.run(); again.Trainings != 0 {
		t.Errorf("the search again trained %d times", again.Trainings)
	}
}

// Interrupted after any step, a search goes on and ends with the same scores.
func TestInterruptedSearchGoesOn(t *testing.T) {
	want := newFixture(t)
	want.run()
	f := newFixture(t)
	for limit := 1; ; limit += 7 {
		ctx, cancel := context.WithCancel(t.Context())
		f.watch = &counter{limit: limit, cancel: cancel}
		s, err := f.search()
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Run(ctx)
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want.scores(), f.scores()); diff != "" {
		t.Errorf("undisturbed against interrupted:\n%s", diff)
	}
}

// endless has more rows than anybody waits for.
type endless struct {
	tiny
	read func(row int)
}

func (endless) Len(dataset.Split) int { return 1 << 40 }

func (d endless) Label(s dataset.Split, row int, dst []float32) error {
	d.read(row)
	return d.tiny.Label(s, row, dst)
}

// The sample stage hears an interruption.
func TestInterruptedSample(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.data = endless{read: func(row int) {
		if row == 1000 {
			cancel()
		}
	}}
	s, err := f.search()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
}

func TestScoresOfOtherNumerics(t *testing.T) {
	f := newFixture(t)
	f.kernels = simd.Portable()
	first := f.run()
	other := *simd.Portable()
	other.Bits = "other"
	f.kernels = &other
	f.change("search:\n", "search:\n  reuse: any-numerics\n")
	r := f.run()
	if r.Trainings != 0 {
		t.Errorf("trained %d times although scores of other numerics were there", r.Trainings)
	}
	for _, stage := range r.Stages {
		for _, o := range stage.Outcomes() {
			if !o.Foreign {
				t.Errorf("%s is not marked as of other numerics", o.Job.Name)
			}
		}
	}
	f.change("reuse: any-numerics", "reuse: exact")
	if r := f.run(); r.Trainings != first.Trainings {
		t.Errorf("exact reuse trained %d times, want %d", r.Trainings, first.Trainings)
	}
}

func TestPlansThatDoNotFitTheData(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"modality":     {"numbers:", "sounds:", "plan.yaml:10: search.encoders.sounds: data set tiny has no such modality; it has picture, numbers"},
		"refused":      {"search:\n", "search:\n  metric: hamming_accuracy\n", "hamming_accuracy"},
		"sizes":        {"[mlp_mixer, monarch_mixer]", "[mlp_mixer, {name: mlp_mixer, label: wide, channel_width: 60000000000}]", "plan.yaml:9: search.encoders.picture: wide: modality picture: mlp_mixer: parameter encoder.blocks.0.channel_mix.fc1.weight: shape 60000000000×8 has more than 68719476736 elements"},
		"patch":        {"patch: 2", "patch: 3", "plan.yaml:8: search.encoders.picture: mlp_mixer"},
		"architecture": {"[simple_mlp]", "[simple_mlp, mlp_mixer]", "search.encoders.numbers: mlp_mixer takes"},
		"network":      {"[hyper_mixer, mlp_mixer]", "[{name: hyper_mixer, heads: 3}, mlp_mixer]", "plan.yaml:16: search.networks: hyper_mixer with concat"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.change(c.old, c.new)
			if _, err := f.search(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

// Which encoders win decides how wide the fused tokens are: every width is tried before anything is trained.
func TestNetworkMustFitEveryWinner(t *testing.T) {
	f := newFixture(t)
	f.change("[mlp_mixer, monarch_mixer]", "[mlp_mixer, {name: monarch_mixer, width: 10}]")
	f.change("[hyper_mixer, mlp_mixer]", "[{name: hyper_mixer, heads: 4}, mlp_mixer]")
	want := "plan.yaml:16: search.networks: hyper_mixer with concat of monarch_mixer, simple_mlp"
	if _, err := f.search(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %q", err, want)
	}
}

// touched are data whose files somebody writes to after a number of trainings.
type touched struct {
	tiny
	left *atomic.Int32
}

func (d touched) Unchanged(context.Context) error {
	if d.left.Add(-1) < 0 {
		return errors.New("numbers.npy: the file was written to")
	}
	return nil
}

func TestChangedDataMakeNoScore(t *testing.T) {
	f := newFixture(t)
	left := new(atomic.Int32)
	left.Store(2)
	f.data = touched{left: left}
	if _, err := f.searchError(); err == nil || !strings.Contains(err.Error(), "numbers.npy: the file was written to") {
		t.Errorf("got error %v", err)
	}
	if n := len(f.scores()); n != 2 {
		t.Errorf("%d scores were kept, want those of the 2 trainings before", n)
	}
}

// pruner calls prune when the first fused model begins to train.
type pruner struct {
	counter
	prune func()
	once  sync.Once
}

func (p *pruner) TrialStarted(e evaluate.TrialStarted) {
	if strings.HasPrefix(e.Name, "fusion/") {
		p.once.Do(p.prune)
	}
}

// What other commands remove from the store under a running search is trained again, and the search comes to its end.
func TestRemovedWhileATrialWaits(t *testing.T) {
	want := newFixture(t)
	want.run()
	for name, remove := range map[string]func(*fixture) error{
		"weights": func(f *fixture) error {
			_, _, err := f.store.Prune(t.Context(), func(store.Score) bool { return false })
			return err
		},
		"scores": func(f *fixture) error {
			for nameAndKey := range f.scores() {
				if err := f.store.Remove(t.Context(), strings.Fields(nameAndKey)[1]); err != nil {
					return err
				}
			}
			return nil
		},
		"files": func(f *fixture) error { return os.RemoveAll(f.store.Path() + ".files") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.workers = 1
			f.watch = &pruner{prune: func() {
				if err := remove(f); err != nil {
					t.Error(err)
				}
			}}
			f.run()
			if name == "scores" {
				f.run() // those that were removed are kept again
			}
			if diff := cmp.Diff(want.scores(), f.scores()); diff != "" {
				t.Errorf("scores after %s were removed (-want +got):\n%s", name, diff)
			}
		})
	}
}

// train runs a search and the full training of its winner.
func (f *fixture) train(ctx context.Context, folder string) (*search.Trained, error) {
	f.t.Helper()
	s, r := f.searched()
	c, err := config.Parse("plan.yaml", []byte(f.plan))
	if err != nil {
		f.t.Fatal(err)
	}
	return s.Train(ctx, "tiny", r.FullModel(), c.Train, folder)
}

func TestFullTrainingLeavesAModelThatPredicts(t *testing.T) {
	f := newFixture(t)
	folder := t.TempDir()
	trained, err := f.train(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(trained.Path)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.Predict(t.Context(), f.device(), f.data, dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for row := range tiny.Len(tiny{}, dataset.Test) {
		p := m.Probabilities(logits[3*row:][:3])
		if sum := p[0] + p[1] + p[2]; math.Abs(float64(sum)-1) > 1e-5 {
			t.Errorf("row %d: probabilities %v add up to %v", row, p, sum)
		}
		if m.Labels(logits[3*row:][:3])[0] == m.Classes[row%3] {
			right++
		}
	}
	if got, want := float64(right)/20, trained.Test["accuracy"]; got != want {
		t.Errorf("the model file's accuracy on the test split is %v, that of the training was %v", got, want)
	}
	if m.Metrics["test"]["accuracy"] != trained.Test["accuracy"] || m.Parameters() != trained.Score.Parameters {
		t.Errorf("the description says %v and %d parameters", m.Metrics, m.Parameters())
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v (%v), want the model and its description", entries, err)
	}
	again, err := f.train(t.Context(), t.TempDir())
	if err != nil || !again.Cached || !maps.Equal(again.Test, trained.Test) {
		t.Errorf("trained in full again: cached %t, test %v (%v)", again.Cached, again.Test, err)
	}
}

// A full training stops when the validation loss has not improved for a while, lowers its learning rate on the way, and
// keeps the weights of its best epoch.
func TestFullTrainingStopsEarlyAndKeepsTheBest(t *testing.T) {
	f := newFixture(t)
	f.change("training: {batch: 16, epochs: 3, dropout: 0.1}",
		"training: {batch: 16, epochs: 60, learning_rate: 0.03, dropout: 0}\n  plateau: {factor: 0.5, patience: 1}\n  early_stopping: 4")
	trained, err := f.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	curve := trained.Score.Curve
	best := 0
	for i, e := range curve {
		if e.ValidationLoss < curve[best].ValidationLoss {
			best = i
		}
	}
	if len(curve) == 60 || len(curve)-1-best != 4 {
		t.Fatalf("trained %d epochs, the best was %d: want to stop 4 epochs after the best", len(curve), best+1)
	}
	if got, want := trained.Score.Metrics["loss"], curve[best].ValidationLoss; got != want {
		t.Errorf("the kept weights have validation loss %v, the best epoch had %v", got, want)
	}
	if first, last := curve[0].LearningRate, curve[len(curve)-1].LearningRate; first != 0.03 || last >= first {
		t.Errorf("the learning rate went from %v to %v", first, last)
	}
}

// untested is the tiny data set without a test split.
type untested struct{ tiny }

func (d untested) Len(s dataset.Split) int {
	if s == dataset.Test {
		return 0
	}
	return d.tiny.Len(s)
}

func TestDataWithoutTestSplit(t *testing.T) {
	f := newFixture(t)
	f.data = untested{}
	trained, err := f.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if trained.Test != nil {
		t.Errorf("without a test split the test metrics are %v", trained.Test)
	}
	m, err := model.Open(trained.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Predict(t.Context(), f.device(), f.data, dataset.Test); err == nil || !strings.Contains(err.Error(), "has no test split") {
		t.Errorf("predicting a split that is not there: %v", err)
	}
}

// Data that cannot be read end the search, and are not held against the trial.
func TestDamagedDataAreNoFailedTrial(t *testing.T) {
	f := newFixture(t)
	f.data = failing{}
	if _, err := f.searchError(); err == nil || !strings.Contains(err.Error(), "damaged row") {
		t.Fatalf("damaged data end the search with %v", err)
	}
	if list, err := f.store.List(f.t.Context()); err != nil || slices.ContainsFunc(list, func(sc store.Score) bool { return sc.Status == store.Failed }) {
		t.Errorf("damaged data were recorded as failed trials (%v)", err)
	}
}

// failing is the tiny data set with a damaged row.
type failing struct{ tiny }

func (d failing) Read(s dataset.Split, modality, row int, dst []float32) error {
	if row%8 == 7 {
		return errors.New("damaged row")
	}
	return d.tiny.Read(s, modality, row, dst)
}

// Cancelled in any epoch, the full training goes on from its checkpoint and ends with the same weights.
func TestInterruptedFullTrainingGoesOn(t *testing.T) {
	want, f := newFixture(t), newFixture(t)
	undisturbed, err := want.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f.run()
	folder := t.TempDir()
	for limit := 1; ; limit += 5 {
		ctx, cancel := context.WithCancel(t.Context())
		f.watch = &counter{limit: limit, cancel: cancel}
		trained, err := f.train(ctx, folder)
		cancel()
		if errors.Is(err, context.Canceled) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if trained.Score.Weights != undisturbed.Score.Weights || !maps.Equal(trained.Test, undisturbed.Test) {
			t.Errorf("weights %s and test %v, undisturbed %s and %v", trained.Score.Weights, trained.Test, undisturbed.Score.Weights, undisturbed.Test)
		}
		if len(trained.Score.Curve) != 3 {
			t.Errorf("the curve has %d epochs, want 3", len(trained.Score.Curve))
		}
		return
	}
}

// Short trainings that are too short are called so before the first, in either of the settings; lookups say nothing.
func TestFewUpdatesAreNoticed(t *testing.T) {
	warning := regexp.MustCompile(`^warning: a short training makes (\d+) updates, .* search\.updates: 300 would raise its epochs from (\d+) to (\d+)$`)
	for _, test := range []struct {
		training string
		want     []string // updates, epochs, epochs that would do
	}{
		{"updates: 0\n  training: {batch: 16, epochs: 2, learning_rate: 0.01}", []string{"6", "2", "120"}}, // 40 rows
		{"updates: 7\n  training: {batch: 16, epochs: 2, learning_rate: 0.01}", []string{"9", "3", "120"}},
		{"updates: 300\n  training: {batch: 40, learning_rate: 0.01}", nil},
	} {
		f := newFixture(t)
		f.plan = strings.Replace(plan, "training: {batch: 16, epochs: 2, learning_rate: 0.01}", test.training, 1)
		heard := &notices{}
		f.watch = heard
		s, err := f.search()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.LookUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, text := range heard.list {
			if found := warning.FindStringSubmatch(text); found != nil && i == 0 && heard.trials == 0 {
				got = found[1:]
			} else {
				t.Errorf("%s: noticed %q", test.training, text)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.training, got, test.want)
		}
	}
}

// notices hears what is noticed, and counts the trials before it.
type notices struct {
	counter
	list   []string
	trials int
}

func (n *notices) Notice(text string) {
	n.Lock()
	defer n.Unlock()
	n.list, n.trials = append(n.list, text), n.started
}
