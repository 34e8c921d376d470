package strategy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn/mixer"
	"mixmas/search/choice"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/store"
	"mixmas/search/task"
	"mixmas/search/trial"
)

// labelled is a data set of two classes, which alternate, in groups of rows if it has groups.
type labelled struct {
	dataset.Dataset
	rows, groups int
}

func (labelled) Task() task.Task         { return task.Task{Classes: []string{"a", "b"}} }
func (l labelled) Len(dataset.Split) int { return l.rows }
func (labelled) Label(_ dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % 2)
	return nil
}

func (l labelled) Groups(_ dataset.Split, rows []int) (list []uint64) {
	if l.groups == 0 {
		return nil
	}
	for i := range l.rows {
		if rows == nil || i < len(rows) {
			list = append(list, uint64(i%l.groups))
		}
	}
	return list
}

// models is an evaluator whose trainings predict as they are told: right says whether a candidate predicts a row right in a
// repeat, counted from 1. The repeats in broken fail.
type models struct {
	data   labelled
	right  func(label string, repeat, row int) bool
	broken map[string]bool // "label repeat"
	gone   bool            // the outputs are
	jobs   []trial.Job
}

func (m *models) logits(job trial.Job) (list []float32) {
	for row := range job.Specification.ScoringRows() {
		class := row % 2
		if !m.right(job.Label, job.Specification.Repeat+1, row) {
			class = 1 - class
		}
		list = append(list, float32(1-class), float32(class))
	}
	return list
}

func (m *models) Score(ctx context.Context, jobs ...trial.Job) (list []*evaluate.Outcome, err error) {
	for _, job := range jobs {
		m.jobs = append(m.jobs, job)
		sc := store.Score{Key: job.Name, Weights: store.Digest("weights of " + job.Name), Name: job.Name, Status: store.Finished, Parameters: 10, Seconds: 1}
		if m.broken[fmt.Sprint(job.Label, " ", job.Specification.Repeat+1)] {
			sc.Status, sc.Reason, sc.Weights = store.Failed, "the training diverged", ""
		} else {
			rows, err := trial.Scoring(m.data, job, nil)
			if err != nil {
				return nil, err
			}
			if sc.Metrics, err = trial.Measure(ctx, m.data, rows, m.logits(job)); err != nil {
				return nil, err
			}
		}
		list = append(list, &evaluate.Outcome{Job: job, Score: sc})
	}
	return list, nil
}

func (m *models) Outputs(_ context.Context, o *evaluate.Outcome) ([]float32, error) {
	if m.gone {
		return nil, evaluate.ErrUntrained
	}
	return m.logits(o.Job), nil
}

// better is a candidate that predicts the share of the rows right, in each repeat others.
func better(shares map[string]float64) func(string, int, int) bool {
	return func(label string, repeat, row int) bool {
		seed := uint64(0)
		for _, c := range label {
			seed = seed*31 + uint64(c)
		}
		return rand.New(rand.NewPCG(seed+uint64(repeat)<<32, uint64(row))).Float64() < shares[label]
	}
}

// decide decides between encoders of a table, each with an MLP of so many hidden units, in so many repeats.
func decide(t *testing.T, s *Space, e *models, hidden map[string]int, repeats int) (*Stage, error) {
	t.Helper()
	m := Modality{Modality: dataset.Modality{Name: "numbers", Kind: mixer.Table, Shape: []int{4}}}
	s.Data, s.Specification.Validation = e.data, trial.Rows{Count: e.data.rows}
	var jobs []trial.Job
	labels := []string{}
	for label := range hidden {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	for _, label := range labels {
		c := Candidate{Label: label, Choice: mixer.Choice{Architecture: "simple_mlp", Options: &mixer.SimpleMLPOptions{Width: 8, Hidden: hidden[label], Layers: 1}}}
		jobs = append(jobs, s.Job("encoder/numbers", label, s.EncoderModel(m, c)))
	}
	stage, winner, err := s.Decide(t.Context(), e, &listener{}, "encoder/numbers", Repeated(jobs, repeats))
	if err == nil && jobs[winner].Label != stage.Winner.Label {
		t.Errorf("the winner is %s, its index that of %s", stage.Winner.Label, jobs[winner].Label)
	}
	return stage, err
}

var threeSizes = map[string]int{"small": 4, "middle": 16, "large": 64}

// A candidate far ahead is called so; of equal ones it is said how many cannot be told apart. One run each decides nothing.
func TestStandings(t *testing.T) {
	shares := map[string]float64{"small": 0.6, "middle": 0.6, "large": 0.9}
	for _, name := range []string{"accuracy", "f1_macro", "loss"} {
		e := &models{data: labelled{rows: 400}, right: better(shares)}
		stage, err := decide(t, &Space{Metric: name}, e, threeSizes, 3)
		if err != nil {
			t.Fatal(err)
		}
		if stage.Winner.Label != "large" || stage.Tied() != 1 || !stage.Standing.Tested || stage.Standing.Text(name) != "ahead of all others (95%)" {
			t.Errorf("%s: %s wins, %d tie: %s", name, stage.Winner.Label, stage.Tied(), stage.Standing.Text(name))
		}
		for i, c := range stage.Candidates {
			sum := 0.0
			for _, o := range c.Repeats {
				sum += o.Score.Metrics[name] / 3
			}
			if len(c.Repeats) != 3 || math.Abs(c.Score-sum) > 1e-12 || !(c.Low < c.Score && c.Score < c.High) {
				t.Errorf("%s: %s has %d repeats with the mean %v, shown %v [%v, %v]", name, c.Label, len(c.Repeats), sum, c.Score, c.Low, c.High)
			}
			if i > 0 && metric.Better(name, c.Score, stage.Candidates[i-1].Score) {
				t.Errorf("%s: %s is ranked below a worse one", name, c.Label)
			}
		}
	}
	e := &models{data: labelled{rows: 400}, right: better(map[string]float64{"small": 0.7, "middle": 0.7, "large": 0.7})}
	stage, err := decide(t, &Space{Metric: "accuracy"}, e, threeSizes, 3)
	if err != nil {
		t.Fatal(err)
	}
	if text := stage.Standing.Text("accuracy"); stage.Tied() != 3 || !strings.HasPrefix(text, "not decided: 3 of 3 cannot be told apart") {
		t.Errorf("%d tie: %s", stage.Tied(), text)
	}
	if stage, err = decide(t, &Space{Metric: "accuracy"}, e, threeSizes, 1); err != nil {
		t.Fatal(err)
	}
	if stage.Standing.Tested || !strings.HasPrefix(stage.Standing.Text("accuracy"), "one run each") {
		t.Errorf("one run each: %s", stage.Standing.Text("accuracy"))
	}
	for _, c := range stage.Candidates {
		if low, high := choice.Wilson(c.Score, 400); c.Low != low || c.High != high {
			t.Errorf("%s: %v [%v, %v], want Wilson's [%v, %v]", c.Label, c.Score, c.Low, c.High, low, high)
		}
	}
}

// A metric other than accuracy has an interval after one run too.
func TestIntervalsOfAnyMetric(t *testing.T) {
	for _, name := range []string{"f1_macro", "auroc_macro", "loss", "balanced_accuracy"} {
		e := &models{data: labelled{rows: 300}, right: better(map[string]float64{"small": 0.8})}
		stage, err := decide(t, &Space{Metric: name}, e, map[string]int{"small": 4}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if c := stage.Winner; !(c.Low < c.Score && c.Score < c.High) || c.High-c.Low > 0.2 || stage.Reason != "the only candidate" {
			t.Errorf("%s: %v [%v, %v], %s", name, c.Score, c.Low, c.High, stage.Reason)
		}
	}
}

// Rows of few groups make wide intervals, for accuracy too.
func TestIntervalsResampleGroups(t *testing.T) {
	width := func(groups int) float64 {
		right := func(_ string, _, row int) bool { return groups == 0 && row%5 > 1 || groups > 0 && row%groups%5 > 1 } // by group
		stage, err := decide(t, &Space{Metric: "accuracy"}, &models{data: labelled{rows: 1000, groups: groups}, right: right}, map[string]int{"small": 4}, 1)
		if err != nil {
			t.Fatal(err)
		}
		return stage.Winner.High - stage.Winner.Low
	}
	if rows, groups := width(0), width(20); groups < 3*rows {
		t.Errorf("the interval is %.3f wide with 1000 rows, %.3f with 20 groups of rows that are right or wrong together", rows, groups)
	}
}

// Without outputs nothing is tested, and nothing is lost but the intervals. What would choose by them is an error.
func TestMissingOutputs(t *testing.T) {
	e := &models{data: labelled{rows: 100}, right: better(map[string]float64{"small": 0.5, "middle": 0.6, "large": 0.9}), gone: true}
	if _, err := decide(t, &Space{Metric: "accuracy", CheapestClose: true}, e, threeSizes, 2); !errors.Is(err, evaluate.ErrUntrained) {
		t.Errorf("a choice that depends on outputs is made without: %v", err)
	}
	for _, s := range []*Space{{Metric: "accuracy"}, {Metric: "f1_macro"}} {
		stage, err := decide(t, s, e, threeSizes, 2)
		if err != nil {
			t.Fatal(err)
		}
		if stage.Winner.Label != "large" || stage.Standing.Tested || !math.IsNaN(stage.Winner.Low) || !strings.HasPrefix(stage.Standing.Text(s.Metric), "not tested") {
			t.Errorf("%s wins, %v: %s", stage.Winner.Label, stage.Winner.Low, stage.Standing.Text(s.Metric))
		}
	}
}

// The cheapest of close candidates wins, and none that is worse by a point or a standard error. What saves less than a hundredth
// wins nothing.
func TestCheapestClose(t *testing.T) {
	exactly := func(shares map[string]int) func(string, int, int) bool { // of 1000 rows, others for each candidate
		return func(label string, repeat, row int) bool {
			return (row*map[string]int{"small": 7, "middle": 11, "large": 13}[label]+repeat)%1000 < shares[label]
		}
	}
	for _, test := range []struct {
		shares map[string]int
		hidden map[string]int
		want   string
		reason string
	}{
		{map[string]int{"small": 895, "middle": 870, "large": 900}, threeSizes, "small", "of the operations of large, which has the best score, and is within one standard error and one point of it"},
		{map[string]int{"small": 870, "middle": 880, "large": 900}, threeSizes, "large", "the best mean accuracy of 3 candidates"},
		{map[string]int{"small": 899, "large": 900}, map[string]int{"small": 999, "large": 1000}, "large", "the best mean accuracy of 2 candidates"},
	} {
		e := &models{data: labelled{rows: 1000}, right: exactly(test.shares)}
		stage, err := decide(t, &Space{Metric: "accuracy", CheapestClose: true}, e, test.hidden, 3)
		if err != nil {
			t.Fatal(err)
		}
		if stage.Winner.Label != test.want || !strings.Contains(stage.Reason, test.reason) {
			t.Errorf("%v: %s wins: %s", test.shares, stage.Winner.Label, stage.Reason)
		}
		if stage.Candidates[0].Label != "large" || stage.Candidates[stage.Standing.Chosen] != stage.Winner {
			t.Errorf("%v: the best is %s, the bound is about %s", test.shares, stage.Candidates[0].Label, stage.Candidates[stage.Standing.Chosen].Label)
		}
	}
}

// A candidate counts with the repeats that finished, and fails if none did.
func TestFailedRepeats(t *testing.T) {
	e := &models{data: labelled{rows: 400}, right: better(map[string]float64{"small": 0.5, "middle": 0.6, "large": 0.9}),
		broken: map[string]bool{"large 1": true, "small 1": true, "small 2": true, "small 3": true}}
	stage, err := decide(t, &Space{Metric: "accuracy"}, e, threeSizes, 3)
	if err != nil {
		t.Fatal(err)
	}
	best, last := stage.Candidates[0], stage.Candidates[2]
	if best.Label != "large" || len(best.Counted("accuracy")) != 2 || best.Score < 0.85 || best.Score > 0.95 || stage.Tied() != 1 {
		t.Errorf("%s wins with %v of %d repeats", best.Label, best.Score, len(best.Counted("accuracy")))
	}
	if last.Label != "small" || !math.IsNaN(last.Score) || !math.IsNaN(last.Low) || last.Tie {
		t.Errorf("the last is %s with %v", last.Label, last.Score)
	}
	for r, want := range map[int]string{1: "(repeat 2)", 2: "(repeat 2)", 3: "(repeat 3)", 4: "(repeat 3)"} {
		if from := best.Origin(r); !strings.HasSuffix(from.Name, want) {
			t.Errorf("repeat %d of what follows starts from %s", r, from.Name)
		}
	}
	e.broken["large 2"], e.broken["large 3"] = true, true
	for r := range 3 {
		e.broken[fmt.Sprint("middle ", r+1)] = true
	}
	if _, err := decide(t, &Space{Metric: "accuracy"}, e, threeSizes, 3); err == nil || !strings.Contains(err.Error(), "every candidate failed; the first: large: the training diverged") || !strings.HasSuffix(err.Error(), "(lower search.training.learning_rate)") {
		t.Errorf("got error %v", err)
	}
}

// Repeat r of the fusion stages starts from repeat r of the encoders that won, or the last there is; repeat 1 is the search
// without repeats.
func TestRepeatsStartFromRepeats(t *testing.T) {
	run := func(repeats Repeats) (names map[string]string) {
		s := space([]int{2, 2}, 2, 2)
		s.Warm, s.Frozen, s.Repeats = true, true, repeats
		e := &scorer{values: map[string]float64{}}
		for r := range 4 {
			for _, name := range []string{"encoder/m0/m0e1", "encoder/m1/m1e0", "fusion/f1"} {
				e.values[(trial.Job{Name: name}).Repeated(r+1).Name] = 1
			}
		}
		if _, err := (&stages{}).Search(t.Context(), s, e, &listener{}); err != nil {
			t.Fatal(err)
		}
		names = map[string]string{}
		for _, job := range e.jobs {
			if want := (trial.Job{Name: strings.Join(strings.Split(job.Stage(), "/"), "/") + "/" + job.Label}).Repeated(job.Specification.Repeat + 1).Name; job.Name != want {
				t.Errorf("a job is called %q, want %q", job.Name, want)
			}
			names[job.Name] = job.Start["m0"].Name + job.Start["m1"].Name
			if job.Start != nil && !job.Specification.Frozen {
				t.Errorf("%s is not frozen", job.Name)
			}
		}
		return names
	}
	names := run(Repeats{Encoder: 3, Fusion: 2, Network: 4})
	if len(names) != 3*4+2*2+2*4 {
		t.Errorf("%d jobs: %v", len(names), names)
	}
	for name, want := range map[string]string{
		"fusion/f0": "encoder/m0/m0e1encoder/m1/m1e0", "fusion/f1 (repeat 2)": "encoder/m0/m0e1 (repeat 2)encoder/m1/m1e0 (repeat 2)",
		"network/n1 (repeat 3)": "encoder/m0/m0e1 (repeat 3)encoder/m1/m1e0 (repeat 3)",
		"network/n1 (repeat 4)": "encoder/m0/m0e1 (repeat 3)encoder/m1/m1e0 (repeat 3)",
	} {
		if names[name] != want {
			t.Errorf("%s starts from %q, want %q", name, names[name], want)
		}
	}
	for name, from := range run(Repeats{}) {
		if names[name] != from {
			t.Errorf("without repeats %s starts from %q, with them from %q", name, from, names[name])
		}
	}
}

// If there is nothing to choose, a stage is repeated only for the stages that start from it.
func TestNothingToChoose(t *testing.T) {
	for _, test := range []struct {
		repeats Repeats
		want    []int // encoders of m0 and m1, fusion, network
	}{
		{Repeats{3, 1, 1}, []int{3, 1, 1, 1}}, {Repeats{3, 1, 2}, []int{3, 2, 1, 2}}, {Repeats{3, 3, 1}, []int{3, 3, 1, 1}}, {Repeats{2, 2, 3}, []int{2, 2, 2, 3}},
	} {
		s := space([]int{2, 1}, 1, 2)
		s.Repeats = test.repeats
		r, err := (&stages{}).Search(t.Context(), s, &scorer{}, &listener{})
		if err != nil {
			t.Fatal(err)
		}
		for i, stage := range r.Stages {
			if n := len(stage.Winner.Repeats); n != test.want[i] {
				t.Errorf("%+v: stage %s has %d repeats, want %d", test.repeats, stage.Name, n, test.want[i])
			}
		}
	}
}

// The best epoch counts for models of all modalities alone.
func TestScoreAtBest(t *testing.T) {
	for _, name := range Names() {
		s := space([]int{2, 2}, 2, 2)
		s.ScoreAtBest = true
		e := &scorer{}
		chosen, err := New(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chosen.Search(t.Context(), s, e, &listener{}); err != nil {
			t.Fatal(err)
		}
		for _, job := range e.jobs {
			if fused := len(job.Specification.Model.Modalities) > 1; fused != (job.Specification.Recipe.Select == "accuracy") {
				t.Errorf("%s: %s is scored at the best epoch by %q", name, job.Name, job.Specification.Recipe.Select)
			}
		}
	}
}

// most leaves out models with more than some of the parts that it names.
func most(n int, parts ...string) func(context.Context, mixer.Specification) (string, error) {
	return func(_ context.Context, model mixer.Specification) (string, error) {
		names := []string{}
		for _, m := range model.Modalities {
			names = append(names, m.Encoder.Architecture)
		}
		if model.Network != nil {
			names = append(names, model.Network.Architecture)
		}
		found := 0
		for _, name := range names {
			if slices.Contains(parts, name) {
				found++
			}
		}
		if found > n {
			return fmt.Sprintf("has %d large parts, more than %d", found, n), nil
		}
		return "", nil
	}
}

// Constraints leave candidates out before they are trained; encoders that are too large together are replaced by those that lose
// least; the function is chosen with a network that fits.
func TestConstraints(t *testing.T) {
	values := map[string]float64{"encoder/m0/m0e0": 0.9, "encoder/m0/m0e1": 0.5, "encoder/m1/m1e0": 0.8, "encoder/m1/m1e1": 0.7, "network/n0": 0.9, "network/n1": 0.5, "network/n2": 0.1}
	search := func(leave func(context.Context, mixer.Specification) (string, error)) (*Result, *scorer, *listener, error) {
		s := space([]int{2, 2}, 2, 3)
		s.LeaveOut = leave
		e, said := &scorer{values: values}, &listener{}
		r, err := (&stages{}).Search(t.Context(), s, e, said)
		return r, e, said, err
	}
	parts := func(r *Result) string {
		return r.Choices.Encoders["m0"].Label + " " + r.Choices.Encoders["m1"].Label + " " + r.Choices.Network.Label
	}
	r, _, said, err := search(most(1, "m0e0", "m1e0"))
	if err != nil {
		t.Fatal(err)
	}
	if parts(r) != "m0e0 m1e1 n0" || r.Stages[1].Winner.Label != "m1e1" ||
		r.Stages[1].Reason != "the best that fits: with m1e0 the whole model has 2 large parts, more than 1" {
		t.Errorf("chose %s: %s", parts(r), r.Stages[1].Reason)
	}
	if !slices.Contains(said.lines, "encoder/m1 m1e1: "+r.Stages[1].Reason) {
		t.Errorf("nobody heard of it: %q", said.lines)
	}
	r, e, _, err := search(most(0, "m0e0", "n0"))
	if err != nil {
		t.Fatal(err)
	}
	if parts(r) != "m0e1 m1e0 n1" || !cmp.Equal(r.Stages[0].Left, []LeftOut{{"m0e0", "has 1 large parts, more than 0"}}) || len(r.Stages[3].Left) != 1 {
		t.Errorf("chose %s, left out %v and %v", parts(r), r.Stages[0].Left, r.Stages[3].Left)
	}
	for _, job := range e.jobs {
		if job.Label == "m0e0" || job.Label == "n0" {
			t.Errorf("%s was trained", job.Name)
		}
	}
	if _, _, _, err := search(most(0, "n0", "n1", "n2")); err == nil || err.Error() != "stage fusion: every candidate is left out; the smallest: f0 has 1 large parts, more than 0" {
		t.Errorf("got error %v", err)
	}
}

// Random draws as many combinations as may be tried, if there are enough, and lists the others.
func TestRandomUnderConstraints(t *testing.T) {
	s := space([]int{4, 4}, 3, 4)
	s.LeaveOut = most(0, "m0e0", "m0e1", "n0")
	e := &scorer{}
	r, err := (&Random{20}).Search(t.Context(), s, e, &listener{})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.jobs) != 20 || len(r.Stages[0].Candidates) != 20 || len(r.Stages[0].Left) < 5 {
		t.Errorf("trained %d, left out %d", len(e.jobs), len(r.Stages[0].Left))
	}
}
