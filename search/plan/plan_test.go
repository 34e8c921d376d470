package plan_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mixmas/search/config"
	"mixmas/search/dataset"
	_ "mixmas/search/dataset/formats"
	"mixmas/search/plan"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// open opens the built-in data of a configuration, with its space.
func open(t *testing.T, text string) (*config.Config, *strategy.Space) {
	t.Helper()
	c, err := config.Parse("plan.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	format, err := dataset.Lookup(c.Data.Format)
	if err != nil {
		t.Fatal(err)
	}
	data, err := format.Open(t.Context(), c.Data.Options, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = data.Close() })
	space, err := plan.Space(c, data)
	if err != nil {
		t.Fatal(err)
	}
	return c, space
}

func sampled(t *testing.T, text string) *strategy.Space {
	t.Helper()
	c, space := open(t, text)
	s, err := plan.Sampled(context.Background(), space, c, "any")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const digits = `data: {format: builtin, train: %d, validation: 60, test: 20}
sample: {distance: 0.5, %s}
search:
  encoders: {image: {candidates: [mlp_mixer]}, audio: {candidates: [mlp_mixer]}}
  networks: {candidates: [mlp_mixer]}
  %s
`

// Training rows that the sample leaves out score candidates too: as many as validation rows do, or fewer if fewer are left.
func TestUnused(t *testing.T) {
	for _, test := range []struct {
		train          int
		sample, search string
		validation     int // rows that score
		want           int
	}{
		{200, "size: 100", "score_on_unused: true", 60, 60},
		{200, "size: 170", "score_on_unused: true", 60, 30},
		{200, "size: 200", "score_on_unused: true", 60, 0},
		{200, "size: 100", "score_on_unused: false", 60, 0},
		{200, "error: 0.2, validation: formula", "score_on_unused: true", 14, 14},
	} {
		text := fmt.Sprintf(digits, test.train, test.sample, test.search)
		s := sampled(t, text)
		job := s.Job("fusion", "concat", s.EncoderModel(s.Modalities[0], s.Modalities[0].Encoders[0]))
		if n := job.Specification.Validation.Count; n != test.validation {
			t.Errorf("%s%d validation rows score, want %d", text, n, test.validation)
		}
		if !slices.Equal(job.Unused, s.Unused) || len(s.Unused) != test.want {
			t.Errorf("%s%d unused rows, %d of them in the job, want %d", text, len(s.Unused), len(job.Unused), test.want)
		}
		if test.want == 0 {
			if s.Unused != nil || job.Specification.Unused != nil {
				t.Errorf("%sunused rows without rows: %v, %v", text, s.Unused, job.Specification.Unused)
			}
			continue
		}
		if want := trial.Identify(s.Unused, 0); job.Specification.Unused == nil || *job.Specification.Unused != want {
			t.Errorf("%sthe specification says %v, want %v", text, job.Specification.Unused, want)
		}
		for _, row := range s.Unused {
			if row < 0 || row >= test.train || slices.Contains(s.Sample.Rows, row) {
				t.Errorf("%srow %d scores", text, row)
			}
		}
		if again := sampled(t, text); !slices.Equal(again.Unused, s.Unused) {
			t.Errorf("%sdrawn again, the rows are %v, not %v", text, again.Unused, s.Unused)
		}
		if other := sampled(t, "seed: 2\n"+text); slices.Equal(other.Unused, s.Unused) {
			t.Errorf("%sanother seed draws the same rows", text)
		}
	}
}

// What scores a candidate does not change what it learns from: the sample is the same with unused rows and without.
func TestUnusedLeavesTheSample(t *testing.T) {
	with, without := sampled(t, fmt.Sprintf(digits, 200, "size: 100", "score_on_unused: true")), sampled(t, fmt.Sprintf(digits, 200, "size: 100", "score_on_unused: false"))
	if !slices.Equal(with.Sample.Rows, without.Sample.Rows) || with.Specification.Sample != without.Specification.Sample {
		t.Error("the samples differ")
	}
}

// Short trainings get the epochs that make enough updates, unless they have more.
func TestUpdates(t *testing.T) {
	_, space := open(t, fmt.Sprintf(digits, 1000, "size: 1000", "")) // the same for all: only the trainings differ
	for search, want := range map[string]int{
		"updates: 300":                                20, // 1,000 rows, 64 of them per update
		"updates: 0":                                  10,
		"updates: 160":                                11,
		"updates: 300\n  training: {epochs: 30}":      30,
		"updates: 300\n  training: {batch: 1000}":     300,
		"updates: 300\n  training: {batch: 1000000}":  300,
		"updates: 300\n  training: {batch: 1}":        10,
		"training: {epochs: 7}":                       7,
		"updates: 300\n  training: {epochs: 1}":       20,
		"updates: 301\n  training: {batch: 10}":       10,
		"updates: 3010\n  training: {batch: 10}":      31,
		"updates: 1000000\n  training: {batch: 1000}": 1000000,
	} {
		c, err := config.Parse("plan.yaml", fmt.Appendf(nil, digits, 1000, "size: 1000", search))
		if err != nil {
			t.Fatal(err)
		}
		before := c.Search.Training
		s, err := plan.Sampled(t.Context(), space, c, "any")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Specification.Recipe.Epochs; got != want {
			t.Errorf("%s: %d epochs, want %d", search, got, want)
		}
		if !reflect.DeepEqual(c.Search.Training, before) {
			t.Errorf("%s: the configuration's own training has become %+v", search, c.Search.Training)
		}
	}
}

// The space says how candidates start, repeat, are scored and chosen.
func TestChoices(t *testing.T) {
	for search, want := range map[string]string{
		"start: warm":    "true false false {1 1 1} false",
		"start: scratch": "false false false {1 1 1} false",
		"start: frozen":  "true true false {1 1 1} false",
		"score_at: best\n  repeats: {encoder: 3, network: 2}\n  choose: cheapest_close": "true false true {3 1 2} true",
	} {
		_, s := open(t, fmt.Sprintf(digits, 100, "size: 50", search))
		if got := fmt.Sprint(s.Warm, s.Frozen, s.ScoreAtBest, s.Repeats, s.CheapestClose); got != want {
			t.Errorf("%s: got %s, want %s", strings.ReplaceAll(search, "\n", ";"), got, want)
		}
	}
}
