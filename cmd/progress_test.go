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

// onScreen is a display on a terminal that a test draws itself.
func onScreen(c *console) *progress {
	p := newProgress(io.Discard)
	p.screen, p.interval = &screen{w: c, size: c.size}, viewInterval
	return p
}

// On a terminal one view has the stages, their trainings and the total; messages stay above it.
func TestProgressView(t *testing.T) {
	terminal := &console{t: t, columns: 100}
	c := &clock{t: time.Unix(0, 0)}
	p := onScreen(terminal)
	p.now = c.now
	shows := func(want string) {
		t.Helper()
		p.screen.draw(p.view)
		if got := "\n" + strings.Join(terminal.lines, "\n") + "\n"; got != want {
			t.Errorf("the terminal shows%swant%s", got, want)
		}
	}
	p.Estimated(search.Estimated{Candidates: 7, Trainings: 4, Workers: 2, Least: 20 * time.Second, Most: 40 * time.Second, Full: time.Minute, More: 30 * time.Second,
		Seconds: map[string]float64{"encoder/image/a": 10, "encoder/image/b\x1b[1m": 10, "encoder/audio/a": 10, "fusion/concat": 10}})
	p.StageStarted(strategy.StageStarted{Stage: "encoder/image", Candidates: 2, Repeats: 3})
	p.StageStarted(strategy.StageStarted{Stage: "encoder/audio", Candidates: 1})
	p.TrialStarted(evaluate.TrialStarted{ID: 1, Name: "encoder/image/a", Steps: 100})
	p.TrialStarted(evaluate.TrialStarted{ID: 2, Name: "encoder/audio/a", Steps: 100})
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 1, Loss: 2})
	c.advance(2 * time.Second)
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 25, Loss: 1.25})
	shows(`
about 4 trainings for 7 candidates, 20 to 40 seconds on 2 workers, then a full training of at most 60 seconds, then baselines and members of an ensemble, at most 30 seconds
encoder/image: 2 candidates, 3 runs each
encoder/audio: 1 candidate
encoder/image  [                                      ]  0/6
  a            [=========>                            ]  25%  loss 1.2500     6s
encoder/audio  [                                      ]  0/1
  a            [                                      ]   0%
total          [=>                                    ]  0/4               1m49s
`)
	p.TrialDone(evaluate.TrialDone{ID: 1, Name: "encoder/image/a", Metric: "accuracy", Score: 0.5, Seconds: 8})
	p.TrialDone(evaluate.TrialDone{ID: 2, Name: "encoder/audio/a", Metric: "accuracy", Score: 0.25, Cached: true})
	p.StageDone(strategy.StageDone{Stage: "encoder/audio", Winner: "a"})
	p.TrialStarted(evaluate.TrialStarted{ID: 3, Name: "encoder/image/b\x1b[1m", Steps: 100})
	p.TrialEncoded(evaluate.TrialEncoded{ID: 4, Name: "fusion/concat", Rows: 70, All: 280})
	terminal.lines = nil
	p.screen.drawn = nil
	terminal.columns = 60
	shows(`
encoder/image  [==>              ]  1/6  best 0.5000
  b\x1b[1m     [                 ]   0%
fusion/concat  [===>             ]  25%  encoding
total          [=====>           ]  2/4               1m34s
`)
	p.TrainingStarted(search.TrainingStarted{Model: "plan"})
	p.TrialDone(evaluate.TrialDone{ID: 3, Err: context.Canceled, Name: "encoder/image/b\x1b[1m"})
	p.TrialDone(evaluate.TrialDone{ID: 4, Err: context.Canceled, Name: "fusion/concat"})
	p.StageDone(strategy.StageDone{Stage: "encoder/image", Winner: "a"})
	p.TrialStarted(evaluate.TrialStarted{ID: 5, Name: "full/plan", Steps: 100})
	p.TrialStep(evaluate.TrialStep{ID: 5, Step: 1, Loss: 2})
	c.advance(20 * time.Second)
	p.TrialStep(evaluate.TrialStep{ID: 5, Step: 50, Loss: 1})
	terminal.lines, p.screen.drawn = nil, nil
	shows(`
full/plan  [===========>           ]  50%  loss 1.0000  20s
total      [===========>           ]  0/1               50s
`)
	p.total.deadline = c.now().Add(30 * time.Second)
	p.TrialDone(evaluate.TrialDone{ID: 5, Name: "full/plan", Metric: "accuracy", Score: 0.5, Seconds: 40})
	p.TrainingStarted(search.TrainingStarted{More: 3})
	for i := range 60 {
		p.TrialStarted(evaluate.TrialStarted{ID: 10 + i, Name: fmt.Sprint("linear/", i), Steps: 100})
	}
	p.screen.draw(p.view)
	if n := len(p.screen.drawn); n != 23 || !strings.HasPrefix(p.screen.drawn[21], "  39 more") || !strings.HasSuffix(p.screen.drawn[22], "0/3  30s") {
		t.Errorf("60 trainings on 24 rows: %q", p.screen.drawn)
	}
	for i := range 3 {
		p.TrialDone(evaluate.TrialDone{ID: 10 + i, Name: fmt.Sprint("linear/", i), Metric: "accuracy", Score: 0.5, Seconds: 40})
	}
	if r, has := p.total.row(c.now()); !has || r.count != "3/3" || r.left != "0s" {
		t.Errorf("at the end: %+v", r)
	}
}

// A display on a terminal draws by itself, and leaves nothing but its messages.
func TestProgressDraws(t *testing.T) {
	drawn := make(chan struct{}, 100)
	terminal := &console{t: t, columns: 100}
	p := newProgress(&screen{w: terminal, size: func() (int, int) {
		select {
		case drawn <- struct{}{}:
		default:
		}
		return 100, 24
	}})
	p.TrialStarted(evaluate.TrialStarted{ID: 1, Name: "encoder/image/mlp_mixer", Steps: 100})
	<-drawn
	p.TrialDone(evaluate.TrialDone{ID: 1, Name: "encoder/image/mlp_mixer", Metric: "accuracy", Score: 0.5, Seconds: 1})
	p.TrialStarted(evaluate.TrialStarted{ID: 2, Name: "encoder/image/ramlp", Steps: 100})
	p.Close()
	p.Close()
	if got := strings.Join(terminal.lines, "\n"); got != "encoder/image/mlp_mixer: accuracy 0.5000 after 1.0 s" || terminal.at != "" {
		t.Errorf("the terminal shows %q", got)
	}
}

// Frozen encoders have their progress in lines, too.
func TestEncodingLines(t *testing.T) {
	var out bytes.Buffer
	c := &clock{t: time.Unix(0, 0)}
	p := newProgress(&out)
	p.now = c.now
	for i := range 5 {
		p.TrialEncoded(evaluate.TrialEncoded{ID: 1, Name: "fusion/concat", Rows: 1000 * (i + 1), All: 5000})
		c.advance(12 * time.Second)
	}
	p.TrialStarted(evaluate.TrialStarted{ID: 1, Name: "fusion/concat", Steps: 10})
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 1, Loss: 2})
	c.advance(30 * time.Second)
	p.TrialStep(evaluate.TrialStep{ID: 1, Step: 5, Loss: 1})
	want := "fusion/concat: frozen encoders: 4,000 of 5,000 rows\nfusion/concat: 5 of 10 steps, loss 1.0000, 30s left\n"
	if out.String() != want {
		t.Errorf("got %s, want %s", &out, want)
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
	p.Estimated(search.Estimated{Candidates: 7, Trainings: 4, Stored: 7, Workers: 2, Least: 150 * time.Second, Most: 290 * time.Second, Full: 20 * time.Minute,
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
	want := `about 4 trainings for 7 candidates, 3 to 5 minutes on 2 workers (of 11; 7 scores are stored), then a full training of at most 20 minutes
d: accuracy 0.5000, cached
total: 1 of 4 trainings, about 2m30s left, then at most 20m0s
a: 50 of 100 steps, loss 1.0000, 40s left
total: 1 of 4 trainings, about 3m20s left, then at most 20m0s
a: accuracy 0.2500 after 150.0 s
total: 2 of 4 trainings, about 5m0s left, then at most 20m0s
b: not tried, because the budget would not suffice
full training of the winner
full/m: accuracy 0.2500 after 150.0 s
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}
