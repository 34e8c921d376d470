package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"mixmas/search"
	"mixmas/search/evaluate"
	"mixmas/search/strategy"
)

// clock is a time that tests set.
type clock struct {
	sync.Mutex
	t time.Time
}

func (c *clock) now() time.Time {
	c.Lock()
	defer c.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.Lock()
	defer c.Unlock()
	c.t = c.t.Add(d)
}

func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	c := &clock{t: time.Unix(0, 0)}
	p := newProgress(&out)
	p.now = c.now
	p.StageStarted(strategy.StageStarted{Stage: "encoder/image", Candidates: 2})
	p.TrialStarted(evaluate.TrialStarted{ID: 1, Name: "encoder/image/mlp_mixer", Steps: 100})
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 1, Loss: 2.5})
	c.advance(40 * time.Second)
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 40, Loss: 1.25})
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 41, Loss: 1.2})
	p.TrialStep(evaluate.TrialStep{ID: 7, Step: 1, Loss: 1})
	p.TrialDone(evaluate.TrialDone{ID: 1, Name: "encoder/image/mlp_mixer", Metric: "accuracy", Score: 0.51234, Seconds: 99.96})
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 42, Loss: 1})
	p.TrialDone(evaluate.TrialDone{ID: 0, Name: "encoder/image/hyper_mixer", Metric: "accuracy", Score: 0.5, Cached: true, Seconds: 10})
	p.TrialDone(evaluate.TrialDone{ID: 3, Name: "encoder/image/ramlp", Metric: "accuracy", Score: 0, Seconds: 10, Err: errors.New("loss is NaN\nafter step 3")})
	p.TrialDone(evaluate.TrialDone{ID: 4, Name: "encoder/image/monarch_mixer", Metric: "accuracy", Score: 0, Seconds: 10, Err: fmt.Errorf("waiting: %w", context.Canceled)})
	p.StageDone(strategy.StageDone{Stage: "encoder/image", Winner: "mlp\x1b[31m"})
	p.StageStarted(strategy.StageStarted{Stage: "encoder/audio", Candidates: 2, Repeats: 3, LeftOut: 1})
	p.StageDone(strategy.StageDone{Stage: "encoder/audio", Winner: "mlp_mixer", Standing: "ahead of all others (95%)", Tested: true})
	p.StageDone(strategy.StageDone{Stage: "fusion", Winner: "concat", Standing: "one run each: not tested"})
	p.Close()
	want := `encoder/image: 2 candidates
encoder/image/mlp_mixer: 40 of 100 steps, loss 1.2500, 1m0s left
encoder/image/mlp_mixer: accuracy 0.5123 after 100.0 s
encoder/image/hyper_mixer: accuracy 0.5000, cached
encoder/image/ramlp: failed: loss is NaN; after step 3
encoder/image: the winner is mlp\x1b[31m
encoder/audio: 2 candidates, 3 runs each; 1 left out
encoder/audio: the winner is mlp_mixer; ahead of all others (95%)
fusion: the winner is concat
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestProgressBars(t *testing.T) {
	var out bytes.Buffer
	c := &clock{t: time.Unix(0, 0)}
	refresh := make(chan any)
	p := newProgress(io.Discard)
	p.now = c.now
	p.withBars(mpb.New(mpb.WithOutput(&out), mpb.WithManualRefresh(refresh), mpb.WithWidth(120)))
	p.TrialStarted(evaluate.TrialStarted{ID: 1, Name: "encoder/image/mlp_mixer", Steps: 100})
	p.TrialStarted(evaluate.TrialStarted{ID: 2, Name: "encoder/audio/mlp_mixer", Steps: 100})
	c.advance(time.Second)
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 25, Loss: 1.25})
	refresh <- time.Now()
	p.TrialDone(evaluate.TrialDone{ID: 1, Name: "encoder/image/mlp_mixer", Metric: "accuracy", Score: 0.5, Seconds: 1})
	p.Close()
	for _, want := range []string{"encoder/image/mlp_mixer", "25 %", ", loss 1.2500", "encoder/image/mlp_mixer: accuracy 0.5000 after 1.0 s\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestProgressStepsAreCheap(t *testing.T) {
	p := newProgress(io.Discard)
	p.TrialStarted(evaluate.TrialStarted{ID: 1000, Name: "a", Steps: 100})
	if n := testing.AllocsPerRun(100, func() { p.TrialStep(evaluate.TrialStep{ID: 1000, Step: 1, Loss: 1}) }); n > 1 {
		t.Errorf("%v allocations a step", n)
	}
}

func TestProgressFromManyGoroutines(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.interval = 0
	var wg sync.WaitGroup
	for id := range 8 {
		wg.Go(func() {
			p.TrialStarted(evaluate.TrialStarted{ID: id, Name: "a", Steps: 50})
			for step := range 50 {
				p.TrialStep(evaluate.TrialStep{ID: id, Step: step + 1, Loss: 1})
			}
			p.TrialDone(evaluate.TrialDone{ID: id, Name: "a", Metric: "accuracy", Score: 1, Seconds: 1})
		})
	}
	wg.Wait()
	p.Close()
	if n := strings.Count(out.String(), "a: accuracy 1.0000 after 1.0 s\n"); n != 8 {
		t.Errorf("%d trials done", n)
	}
}

// The time that is left of a whole search follows from what its trainings were expected to take and what they took.
func TestTotalProgress(t *testing.T) {
	var out bytes.Buffer
	c := &clock{t: time.Unix(0, 0)}
	p := newProgress(&out)
	p.now = c.now
	p.Estimated(search.Estimated{Trainings: 4, Stored: 7, Workers: 2, Least: 150 * time.Second, Most: 290 * time.Second, Full: 20 * time.Minute,
		Seconds: map[string]float64{"a": 100, "b": 100, "c": 100, "d": 100}})
	p.TrialStarted(evaluate.TrialStarted{ID: 1, Name: "a", Steps: 100})
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 1, Loss: 2})
	p.TrialDone(evaluate.TrialDone{Name: "d", Metric: "accuracy", Score: 0.5, Cached: true})
	c.advance(40 * time.Second)
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 50, Loss: 1})
	c.advance(110 * time.Second)
	p.TrialDone(evaluate.TrialDone{ID: 1, Name: "a", Metric: "accuracy", Score: 0.25, Seconds: 150})
	p.TrialDone(evaluate.TrialDone{Name: "b", Metric: "accuracy", Untried: true, Err: errors.New("not tried")})
	p.TrainingStarted(search.TrainingStarted{Model: "m"})
	c.advance(time.Hour)
	p.TrialDone(evaluate.TrialDone{ID: 2, Name: "full/m", Metric: "accuracy", Score: 0.25, Seconds: 150})
	p.Close()
	want := `about 4 trainings, 3 to 5 minutes on 2 workers (of 11; 7 scores are stored), then a full training of at most 20 minutes
d: accuracy 0.5000, cached
total: 1 of 4 trainings, about 2m30s left
a: 50 of 100 steps, loss 1.0000, 40s left
total: 1 of 4 trainings, about 3m20s left
a: accuracy 0.2500 after 150.0 s
total: 2 of 4 trainings, about 5m0s left
b: not tried, because the budget would not suffice
full training of the winner
full/m: accuracy 0.2500 after 150.0 s
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

// Bars have one of the whole search, until the full training begins.
func TestTotalBar(t *testing.T) {
	p := newProgress(io.Discard)
	p.withBars(mpb.New(mpb.WithOutput(io.Discard)))
	p.Estimated(search.Estimated{Trainings: 2, Workers: 1, Seconds: map[string]float64{"a": 1, "b": 1}})
	p.TrialDone(evaluate.TrialDone{ID: 1, Name: "a"})
	if p.total.bar == nil || p.total.bar.Current() != 1 {
		t.Error("the bar does not count trainings")
	}
	bar := p.total.bar
	p.TrainingStarted(search.TrainingStarted{})
	p.Close()
	if p.total.bar != nil || !bar.Aborted() {
		t.Error("the bar stays")
	}
}

// Times are told in a unit that people use.
func TestSpanText(t *testing.T) {
	for _, test := range []struct {
		least, most time.Duration
		want        string
	}{
		{0, 100 * time.Millisecond, "1 second"}, {20 * time.Second, 31 * time.Second, "20 to 31 seconds"}, {50 * time.Second, 2 * time.Minute, "1 to 2 minutes"},
		{3 * time.Hour, 3 * time.Hour, "3 hours"}, {10 * time.Hour, 30 * 24 * time.Hour, "1 to 30 days"},
	} {
		if got := spanText(test.least, test.most); got != test.want {
			t.Errorf("%v to %v is %q, want %q", test.least, test.most, got, test.want)
		}
	}
}
