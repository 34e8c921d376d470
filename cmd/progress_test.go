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
	p.StageStarted("encoder/image", 2)
	p.TrialStarted(1, "encoder/image/mlp_mixer", 100)
	p.TrialStep(1, 1, 2.5)
	c.advance(40 * time.Second)
	p.TrialStep(1, 40, 1.25)
	p.TrialStep(1, 41, 1.2)
	p.TrialStep(7, 1, 1)
	p.TrialDone(1, "encoder/image/mlp_mixer", 0.51234, "accuracy", false, 99.96, nil)
	p.TrialStep(1, 42, 1)
	p.TrialDone(0, "encoder/image/hyper_mixer", 0.5, "accuracy", true, 10, nil)
	p.TrialDone(3, "encoder/image/ramlp", 0, "accuracy", false, 10, errors.New("loss is NaN\nafter step 3"))
	p.TrialDone(4, "encoder/image/monarch_mixer", 0, "accuracy", false, 10, fmt.Errorf("waiting: %w", context.Canceled))
	p.StageDone("encoder/image", "mlp\x1b[31m")
	p.Close()
	want := `encoder/image: 2 candidates
encoder/image/mlp_mixer: 40 of 100 steps, loss 1.2500, 1m0s left
encoder/image/mlp_mixer: accuracy 0.5123 after 100.0 s
encoder/image/hyper_mixer: accuracy 0.5000, cached
encoder/image/ramlp: failed: loss is NaN; after step 3
encoder/image: the winner is mlp\x1b[31m
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
	p.TrialStarted(1, "encoder/image/mlp_mixer", 100)
	p.TrialStarted(2, "encoder/audio/mlp_mixer", 100)
	c.advance(time.Second)
	p.TrialStep(1, 25, 1.25)
	refresh <- time.Now()
	p.TrialDone(1, "encoder/image/mlp_mixer", 0.5, "accuracy", false, 1, nil)
	p.Close()
	for _, want := range []string{"encoder/image/mlp_mixer", "25 %", ", loss 1.2500", "encoder/image/mlp_mixer: accuracy 0.5000 after 1.0 s\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestProgressStepsAreCheap(t *testing.T) {
	p := newProgress(io.Discard)
	p.TrialStarted(1000, "a", 100)
	if n := testing.AllocsPerRun(100, func() { p.TrialStep(1000, 1, 1) }); n > 1 {
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
			p.TrialStarted(id, "a", 50)
			for step := range 50 {
				p.TrialStep(id, step+1, 1)
			}
			p.TrialDone(id, "a", 1, "accuracy", false, 1, nil)
		})
	}
	wg.Wait()
	p.Close()
	if n := strings.Count(out.String(), "a: accuracy 1.0000 after 1.0 s\n"); n != 8 {
		t.Errorf("%d trials done", n)
	}
}
