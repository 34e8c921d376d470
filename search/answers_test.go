package search_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/model"
	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/task"
)

// answering is a fixture whose plan wants baselines and an ensemble.
func answering(t testing.TB) *fixture {
	f := newFixture(t)
	f.change("search:\n", "search:\n  baselines: true\n  score_at: best\n  repeats: {encoder: 2, fusion: 1, network: 1}\n")
	f.change("train:\n", "train:\n  select: metric\n  ensemble: {size: 4, full: true}\n")
	f.options = func(o *search.Options) { o.Train = true }
	return f
}

// said compares what answers say.
var said = cmpopts.IgnoreUnexported(search.Answers{})

// answers runs a search, the full training of its winner, and what follows.
func (f *fixture) answers(ctx context.Context, folder string) (*search.Trained, *search.Answers, error) {
	f.t.Helper()
	s, err := f.search()
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := s.Run(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, err := config.Parse("plan.yaml", []byte(f.plan))
	if err != nil {
		f.t.Fatal(err)
	}
	t, err := s.Train(ctx, "tiny", r.FullModel(), c.Train, folder)
	if err != nil {
		return nil, nil, err
	}
	a, err := s.Answers(ctx, r, t)
	return t, a, err
}

// accuracy is that of a model file on the test split.
func (f *fixture) accuracy(path string) float64 {
	f.t.Helper()
	m, err := model.Open(path)
	if err != nil {
		f.t.Fatal(err)
	}
	logits, err := m.Predict(f.t.Context(), f.device(), f.data, dataset.Test)
	if err != nil {
		f.t.Fatal(err)
	}
	right, rows := 0, f.data.Len(dataset.Test)
	label := make([]float32, 1)
	for row := range rows {
		if err := f.data.Label(dataset.Test, row, label); err != nil {
			f.t.Fatal(err)
		}
		if m.Labels(logits[3*row:][:3])[0] == m.Classes[int(label[0])] {
			right++
		}
	}
	return float64(right) / float64(rows)
}

// A run ends with models whose files predict what is said of them, and with the one that is best on rows that it was not chosen on.
// The same run again trains nothing and says the same.
func TestAnswers(t *testing.T) {
	f := answering(t)
	folder := t.TempDir()
	trained, a, err := f.answers(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, b := range a.Baselines {
		kinds = append(kinds, b.Kind)
		v := b.Validation
		if v == nil || b.Test == nil || !(v.Low <= v.Score && v.Score <= v.High && v.Low < v.High) {
			t.Errorf("%s: validation %v, test %v", b.Name, v, b.Test)
		}
		if b.Beats != (b.Validation.Score >= a.Searched.Validation.Score) {
			t.Errorf("%s: beats %t with %v against %v", b.Name, b.Beats, b.Validation.Score, a.Searched.Validation.Score)
		}
	}
	want := []string{report.Majority, report.SingleModality, report.LateFusionWinners, report.LateFusionAll, report.Linear, report.Linear,
		report.Default, report.DefaultFull, report.LinearLateFusion}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("baselines (-want +got):\n%s", diff)
	}
	if got := float64(a.Searched.Test.Score); got != trained.Test["accuracy"] || a.Searched.Path != trained.Path {
		t.Errorf("the searched model has %v on test in %s, want %v in %s", got, a.Searched.Path, trained.Test["accuracy"], trained.Path)
	}
	finals := map[string]*report.Final{"searched": a.Searched, "ensemble": a.Ensemble, "cheapest": a.Cheapest}
	for name, final := range finals {
		if final == nil {
			t.Fatalf("there is no %s", name)
		}
		if got := f.accuracy(final.Path); math.Abs(got-float64(final.Test.Score)) > 1e-9 {
			t.Errorf("%s: %s has accuracy %v on test, but %v was said", name, final.Path, got, final.Test.Score)
		}
	}
	for name, final := range finals {
		if ahead := float64(final.Validation.Score - finals[a.Answer.Model].Validation.Score); name != "cheapest" && ahead > final.Validation.Error() {
			t.Errorf("the answer is %s, but %s is better", a.Answer.Model, name)
		}
	}
	answer := finals[a.Answer.Model]
	if a.Answer.Path != answer.Path || a.Cheapest.FLOPs > answer.FLOPs || a.Cheapest.Validation.Score < answer.Validation.Score-0.0101 {
		t.Errorf("the answer is %v, the cheapest within a point %v", a.Answer, a.Cheapest)
	}
	sum := 0.0
	for _, m := range a.Ensemble.Members {
		sum += m.Weight
		if _, err := f.store.Get(t.Context(), m.Key); err != nil {
			t.Errorf("member %s: %v", m.Name, err)
		}
	}
	if len(a.Ensemble.Members) > 1 && math.Abs(sum-1) > 1e-9 {
		t.Errorf("the members' weights add up to %v", sum)
	}
	if checkpoints, _ := filepath.Glob(filepath.Join(folder, "checkpoint*")); len(checkpoints) > 0 || len(a.LeftOut) > 0 {
		t.Errorf("it leaves %v, and left out %v", checkpoints, a.LeftOut)
	}
	kept, steps := f.scores(), &counter{}
	f.watch = steps
	_, again, err := f.answers(t.Context(), folder)
	if err != nil || steps.steps > 0 {
		t.Errorf("again it trained %d steps (%v)", steps.steps, err)
	}
	if diff := cmp.Diff(a, again, said); diff != "" {
		t.Errorf("again it said otherwise:\n%s", diff)
	}
	if diff := cmp.Diff(kept, f.scores()); diff != "" {
		t.Errorf("again it changed the store:\n%s", diff)
	}
}

// With the settings of the paper there is nothing but the searched model, and what an earlier run left of other answers goes.
func TestNoAnswersWithThePaper(t *testing.T) {
	f := answering(t)
	folder := t.TempDir()
	if _, a, err := f.answers(t.Context(), folder); a == nil || err != nil {
		t.Fatal(a, err)
	}
	f.change("  baselines: true\n", "")
	f.change("  ensemble: {size: 4, full: true}\n", "")
	_, a, err := f.answers(t.Context(), folder)
	if a != nil || err != nil {
		t.Errorf("answers %v (%v)", a, err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v (%v), want the model and its description", entries, err)
	}
	var d report.Document
	a.Describe(&d)
	if diff := cmp.Diff(report.Document{}, d); diff != "" {
		t.Errorf("a document gets\n%s", diff)
	}
}

// After a search alone it is compared as it was trained on the sample, nothing is written, and the test split is not touched.
func TestAnswersOfASearchAlone(t *testing.T) {
	f := answering(t)
	f.options = nil
	s, r := f.searched()
	a, err := s.Answers(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.Answer != nil || a.Ensemble != nil || a.Cheapest != nil || len(a.Baselines) != 8 {
		t.Errorf("answer %v, ensemble %v, %d baselines", a.Answer, a.Ensemble, len(a.Baselines))
	}
	for name := range f.scores() {
		if strings.HasPrefix(name, "test/") {
			t.Errorf("the store has %s", name)
		}
	}
	for _, b := range a.Baselines {
		if b.Test != nil {
			t.Errorf("%s has the test score %v", b.Name, b.Test.Score)
		}
	}
}

// stopping stops after a number of steps of the trainings after the winner's.
type stopping struct {
	counter
	stop  context.CancelFunc
	more  atomic.Bool
	after atomic.Int64
}

func (s *stopping) TrainingStarted(e search.TrainingStarted) { s.more.Store(e.More > 0) }
func (s *stopping) TrialStep(e evaluate.TrialStep) {
	if s.more.Load() && s.after.Add(-1) == 0 {
		s.stop()
	}
	s.counter.TrialStep(e)
}

// An interrupted run goes on with the same answers, wherever it was interrupted.
func TestInterruptedAnswersGoOn(t *testing.T) {
	want := answering(t)
	folder := t.TempDir()
	_, wanted, err := want.answers(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int64{1, 9, 30} {
		f := answering(t)
		other := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		s := &stopping{stop: cancel}
		s.after.Store(after)
		f.watch = s
		if _, _, err := f.answers(ctx, other); !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d steps: %v", after, err)
		}
		f.watch = nil
		_, a, err := f.answers(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		paths := []*string{&a.Searched.Path, &a.Ensemble.Path, &a.Cheapest.Path, &a.Answer.Path}
		if a.Answer.Single != nil {
			paths = append(paths, &a.Answer.Single.Path)
		}
		for _, p := range paths {
			*p = strings.Replace(*p, other, folder, 1)
		}
		if diff := cmp.Diff(wanted, a, said); diff != "" {
			t.Errorf("interrupted after %d steps (-want +got):\n%s", after, diff)
		}
		if diff := cmp.Diff(want.scores(), f.scores()); diff != "" {
			t.Errorf("interrupted after %d steps (-want +got):\n%s", after, diff)
		}
		cancel()
	}
}

// A budget bounds the trainings after the winner's too: some are left out or stopped, which is said, and the run ends with answers.
// With more time the same command makes up for it.
func TestBudgetOfAnswers(t *testing.T) {
	whole := answering(t)
	_, want, err := whole.answers(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := answering(t)
	folder := t.TempDir()
	ticks := f.timed(search.Options{Budget: 150 * tick, Train: true})
	_, a, err := f.answers(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.LeftOut) == 0 || a.Answer == nil || a.Ensemble == nil {
		t.Errorf("left out %v, answer %v", a.LeftOut, a.Answer)
	}
	if n := ticks.Load(); n > 165 {
		t.Errorf("it took %d ticks, want about 150", n)
	}
	f.wrap, f.workers = nil, 2
	f.options = func(o *search.Options) { o.Train = true }
	_, again, err := f.answers(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.LeftOut) > 0 || again.Ensemble.Test.Score != want.Ensemble.Test.Score {
		t.Errorf("with more time: left out %v, the ensemble has %v on test, want %v", again.LeftOut, again.Ensemble.Test.Score, want.Ensemble.Test.Score)
	}
}

// Weights that were pruned are trained again where they are needed.
func TestAnswersOfPrunedWeights(t *testing.T) {
	f := answering(t)
	folder := t.TempDir()
	_, want, err := f.answers(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.store.Prune(t.Context(), func(store.Score) bool { return false }); err != nil {
		t.Fatal(err)
	}
	f.workers = 1
	_, a, err := f.answers(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, a, said); diff != "" {
		t.Errorf("after pruning (-want +got):\n%s", diff)
	}
}

// The searched architecture may be distilled from the ensemble; its file is a model like the others.
func TestDistilledAnswer(t *testing.T) {
	f := answering(t)
	f.change("  select: metric\n", "  select: metric\n  distill: ensemble\n")
	folder := t.TempDir()
	trained, a, err := f.answers(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if a.Distilled == nil || a.Distilled.Params != a.Searched.Params || a.Distilled.Path == trained.Path {
		t.Fatalf("distilled: %v, searched: %v", a.Distilled, a.Searched)
	}
	if got := f.accuracy(a.Distilled.Path); math.Abs(got-float64(a.Distilled.Test.Score)) > 1e-9 {
		t.Errorf("its file has accuracy %v on test, but %v was said", got, a.Distilled.Test.Score)
	}
}

// One modality, and data without a test split, have answers too.
func TestAnswersOfLess(t *testing.T) {
	f := answering(t)
	f.onePicture()
	if _, a, err := f.answers(t.Context(), t.TempDir()); err != nil || a.Answer == nil {
		t.Errorf("one modality: %v (%v)", a, err)
	} else if slices.ContainsFunc(a.Baselines, func(b report.Baseline) bool { return b.Kind == report.LateFusionWinners }) {
		t.Error("one modality: a late fusion of one encoder")
	}
	f = answering(t)
	f.data = untested{}
	_, a, err := f.answers(t.Context(), t.TempDir())
	if err != nil || a.Answer == nil || a.Searched.Test != nil || a.Ensemble.Test != nil {
		t.Errorf("no test split: %v (%v)", a, err)
	}
}

// An ensemble of what a search left in the store is made by itself, also when there was no full training.
func TestCombine(t *testing.T) {
	f := answering(t)
	f.options = nil
	s, r := f.searched()
	path := filepath.Join(t.TempDir(), "ensemble.safetensors")
	steps := &counter{}
	f.watch = steps
	answers, err := s.Combine(t.Context(), r, 3, path)
	if err != nil {
		t.Fatal(err)
	}
	final := answers.Ensemble
	if steps.steps > 0 || final.Path != path {
		t.Errorf("it trained %d steps, and is in %s", steps.steps, final.Path)
	}
	if got := f.accuracy(path); math.Abs(got-float64(final.Test.Score)) > 1e-9 {
		t.Errorf("the file has accuracy %v on test, but %v was said", got, final.Test.Score)
	}
}

// After a run, the ensemble that is made by itself is that of the run.
func TestCombineAfterRun(t *testing.T) {
	f := answering(t)
	_, answers, err := f.answers(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f.options = nil
	s, r := f.searched()
	alone, err := s.Combine(t.Context(), r, 4, filepath.Join(t.TempDir(), "ensemble.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	final := alone.Ensemble
	if final.Name != answers.Ensemble.Name {
		t.Errorf("it is %q, the run's %q", final.Name, answers.Ensemble.Name)
	}
	if diff := cmp.Diff(answers.Ensemble.Members, final.Members); diff != "" {
		t.Errorf("members (-run +alone):\n%s", diff)
	}
}

// A file in the place of another answer that is no model of this search is not replaced.
func TestOccupiedByAnotherAnswer(t *testing.T) {
	f := answering(t)
	folder := t.TempDir()
	path := filepath.Join(folder, "ensemble.safetensors")
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.answers(t.Context(), folder); !errors.Is(err, search.ErrOccupied) {
		t.Errorf("got error %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
		t.Errorf("the file holds %q (%v)", text, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "model.safetensors")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a model was written: %v", err)
	}
}

// labelled is the tiny data set with several labels per row, of which few rows have each.
type labelled struct{ tiny }

func (labelled) Task() task.Task {
	return task.Task{Kind: task.MultiLabel, Classes: []string{"a", "b", "c"}}
}
func (labelled) Fingerprint() string { return strings.Repeat("cd", 32) }
func (labelled) Label(_ dataset.Split, row int, dst []float32) error {
	clear(dst)
	if row%2 == 0 {
		dst[row%3] = 1
	}
	if row%7 == 0 {
		dst[(row+1)%3] = 1
	}
	return nil
}

// Several labels have answers whose files hold the thresholds that were fitted on validation rows.
func TestAnswersOfSeveralLabels(t *testing.T) {
	f := answering(t)
	f.data = labelled{}
	f.change("search:\n", "search:\n  metric: f1_macro\n")
	f.change("  select: metric\n", "  select: metric\n  thresholds: fitted\n")
	trained, a, err := f.answers(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if trained.Thresholds == nil {
		t.Error("no thresholds help, though most labels are far below 0.5")
	}
	for _, final := range []*report.Final{a.Searched, a.Ensemble, a.Cheapest} {
		m, err := model.Open(final.Path)
		if err != nil {
			t.Fatal(err)
		}
		logits, err := m.Predict(t.Context(), f.device(), f.data, dataset.Test)
		if err != nil {
			t.Fatal(err)
		}
		got, err := metric.Evaluate(t.Context(), metric.Outputs{Logits: logits, Rows: 20, Classes: 3, Kind: task.MultiLabel, Thresholds: m.Thresholds,
			Label: func(row int, dst []float32) error { return f.data.Label(dataset.Test, row, dst) }})
		if err != nil || math.Abs(got["f1_macro"]-float64(final.Test.Score)) > 1e-9 {
			t.Errorf("%s: F1 %v of %s, but %v was said (%v)", final.Name, got["f1_macro"], final.Path, final.Test.Score, err)
		}
		without, err := metric.Evaluate(t.Context(), metric.Outputs{Logits: logits, Rows: 20, Classes: 3, Kind: task.MultiLabel,
			Label: func(row int, dst []float32) error { return f.data.Label(dataset.Test, row, dst) }})
		if err != nil {
			t.Fatal(err)
		}
		near := cmpopts.EquateApprox(0, 1e-6)
		if diff := cmp.Diff(without, m.Metrics["test"], near); diff != "" {
			t.Errorf("%s: metrics without thresholds against those of the file:\n%s", final.Name, diff)
		}
		if m.Thresholds == nil {
			if m.MetricsWithThresholds != nil || final.Test.MetricsWithoutThresholds != nil {
				t.Errorf("%s has metrics with thresholds, but none of these: %v", final.Name, m.MetricsWithThresholds)
			}
			continue
		}
		if diff := cmp.Diff(got, m.MetricsWithThresholds["test"], near); diff != "" {
			t.Errorf("%s: metrics with thresholds against those of the file:\n%s", final.Name, diff)
		}
		if diff := cmp.Diff(report.Metrics(without), final.Test.MetricsWithoutThresholds, near); diff != "" {
			t.Errorf("%s: metrics without thresholds against those of the document:\n%s", final.Name, diff)
		}
		if len(m.MetricsWithThresholds["validation"]) != len(m.Metrics["validation"]) || m.Metrics["validation"]["f1_macro"] == m.MetricsWithThresholds["validation"]["f1_macro"] {
			t.Errorf("%s: F1 on validation %v without thresholds and %v with them", final.Name, m.Metrics["validation"], m.MetricsWithThresholds["validation"])
		}
		if diff := cmp.Diff(m.Thresholds, final.Thresholds); diff != "" {
			t.Errorf("%s: thresholds of the file against those that were said:\n%s", final.Name, diff)
		}
	}
	fused := false // what the answers are compared with has thresholds too
	for _, b := range a.Baselines {
		if b.Thresholds != nil {
			fused = fused || len(b.Members) > 1
			if b.Test.Metrics["f1_macro"] != b.Test.Score || b.Test.MetricsWithoutThresholds == nil {
				t.Errorf("%s: %+v", b.Name, b.Test)
			}
		}
	}
	if !fused {
		t.Error("no late fusion has thresholds")
	}
	s, err := f.search()
	if err != nil {
		t.Fatal(err)
	}
	d := s.Document(nil, trained, 1)
	a.Describe(&d)
	if d.Searched.Validation.Score == 0 {
		t.Error("the searched model has F1 0")
	}
	m, err := model.Open(trained.Path)
	if err != nil {
		t.Fatal(err)
	}
	for split, metrics := range map[string]map[string]report.Number{"validation": d.Model.Metrics, "test": d.Test.Metrics} {
		if diff := cmp.Diff(report.Metrics(m.Metrics[split]), metrics); diff != "" {
			t.Errorf("metrics of the %s split: file against document:\n%s", split, diff)
		}
	}
	for split, metrics := range map[string]map[string]report.Number{"validation": d.Model.MetricsWithThresholds, "test": d.Test.MetricsWithThresholds} {
		if diff := cmp.Diff(report.Metrics(m.MetricsWithThresholds[split]), metrics); diff != "" {
			t.Errorf("metrics with thresholds of the %s split: file against document:\n%s", split, diff)
		}
	}
	if diff := cmp.Diff(m.Thresholds, d.Model.Thresholds); diff != "" {
		t.Errorf("thresholds of the file against those of the document:\n%s", diff)
	}
}
