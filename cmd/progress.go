package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"mixmas/search"
	"mixmas/search/escape"
	"mixmas/search/evaluate"
	"mixmas/search/strategy"
)

// How often a training's progress is shown.
const (
	barInterval  = 100 * time.Millisecond
	lineInterval = 30 * time.Second
)

// progress shows the progress of a search: a bar for each running training if lines may change in place, otherwise plain
// lines.
type progress struct {
	out      io.Writer     // destination of lines; above the bars if there are any
	bars     *mpb.Progress // nil: plain lines
	interval time.Duration // time between two updates of a training
	now      func() time.Time

	trials sync.Map   // id → *trial
	lines  sync.Mutex // one line at a time
	total  total
}

var _ search.Observer = (*progress)(nil)

// unknown stands for the number of earlier steps until the first step is reported.
const unknown = -1

// trial is a running training.
type trial struct {
	name  string
	steps int
	start time.Time
	bar   *mpb.Bar

	first atomic.Int64  // steps done before this process started
	loss  atomic.Uint64 // bits of the last loss
	next  atomic.Int64  // time of the next update, in nanoseconds after start
}

// newProgress returns a display on w, with bars if lines may change in place.
func newProgress(w io.Writer) *progress {
	p := &progress{out: w, interval: lineInterval, now: time.Now}
	if movesLines(w) {
		p.withBars(mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh()))
	}
	return p
}

// withBars shows bars instead of plain lines.
func (p *progress) withBars(bars *mpb.Progress) {
	p.bars, p.out, p.interval = bars, bars, barInterval
}

// Close ends the display and removes the bars of trainings that are still running.
func (p *progress) Close() {
	if p.bars == nil {
		return
	}
	p.total.end()
	p.trials.Range(func(_, t any) bool {
		t.(*trial).bar.Abort(true)
		return true
	})
	p.bars.Wait()
}

// StageStarted implements [search.Observer].
func (p *progress) StageStarted(e strategy.StageStarted) {
	text := english.Plural(e.Candidates, "candidate", "")
	if e.Repeats > 1 {
		text += fmt.Sprintf(", %d runs each", e.Repeats)
	}
	if e.LeftOut > 0 {
		text += fmt.Sprintf("; %d left out", e.LeftOut)
	}
	p.line("%s: %s", e.Stage, text)
}

// Estimated implements [search.Observer].
func (p *progress) Estimated(e search.Estimated) {
	p.line("%s", estimateText(e))
	p.total.start(e, p.now())
	if p.bars != nil {
		p.total.show(p.bars.AddBar(int64(e.Trainings), mpb.BarRemoveOnComplete(), mpb.BarPriority(math.MaxInt32),
			mpb.PrependDecorators(decor.Name("total", decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.total.text(p.now()) }))))
	}
}

// TrainingStarted implements [search.Observer].
func (p *progress) TrainingStarted(e search.TrainingStarted) {
	p.total.end()
	if e.More > 0 {
		p.line("baselines and members of the ensemble: %s", english.Plural(e.More, "training", ""))
		return
	}
	p.line("full training of the winner")
}

// TrialEncoded implements [search.Observer].
func (p *progress) TrialEncoded(evaluate.TrialEncoded) {}

// TrialStarted implements [search.Observer].
func (p *progress) TrialStarted(e evaluate.TrialStarted) {
	t := &trial{name: e.Name, steps: e.Steps, start: p.now()}
	t.first.Store(unknown)
	t.next.Store(int64(p.interval))
	t.loss.Store(math.Float64bits(math.NaN()))
	if p.bars != nil {
		t.bar = p.bars.AddBar(int64(e.Steps), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(escape.Terminal(e.Name), decor.WCSyncSpaceR)),
			mpb.AppendDecorators(
				decor.Percentage(decor.WC{W: 5}),
				decor.Any(func(decor.Statistics) string { return lossText(math.Float64frombits(t.loss.Load())) }, decor.WC{W: 13}),
				decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 9}),
			),
		)
	}
	p.trials.Store(e.ID, t)
}

// TrialStep implements [search.Observer]. It is called after every step of every training, so most calls only check the
// clock.
func (p *progress) TrialStep(e evaluate.TrialStep) {
	value, running := p.trials.Load(e.ID)
	if !running {
		return
	}
	t := value.(*trial)
	t.first.CompareAndSwap(unknown, int64(e.Step)-1) // above 0 if the training resumes from a checkpoint
	elapsed := p.now().Sub(t.start)
	next := t.next.Load()
	if int64(elapsed) < next || !t.next.CompareAndSwap(next, int64(elapsed+p.interval)) {
		return
	}
	t.loss.Store(math.Float64bits(e.Loss))
	p.total.step(t.name, float64(e.Step)/float64(max(t.steps, 1)))
	if t.bar != nil {
		t.bar.SetCurrent(int64(e.Step))
		return
	}
	first := t.first.Load()
	left := time.Duration(float64(elapsed) / float64(max(int64(e.Step)-first, 1)) * float64(t.steps-e.Step))
	p.line("%s: %d of %d steps%s, %s left", t.name, e.Step, t.steps, lossText(e.Loss), left.Round(time.Second))
	p.totalLine()
}

// totalLine writes a line about the whole search now and then, if lines do not change in place.
func (p *progress) totalLine() {
	if p.bars != nil {
		return
	}
	if now := p.now(); p.total.due(now, p.interval) {
		p.line("total: %s", p.total.text(now))
	}
}

// TrialDone implements [search.Observer].
func (p *progress) TrialDone(e evaluate.TrialDone) {
	if value, running := p.trials.LoadAndDelete(e.ID); running {
		if t := value.(*trial); t.bar != nil {
			t.bar.Abort(true)
		}
	}
	p.total.done(e.Name, !e.Cached && !e.Untried)
	switch {
	case e.Untried:
		p.line("%s: not tried, because the budget would not suffice", e.Name)
	case errors.Is(e.Err, context.Canceled): // the command reports an interruption once, at its end
	case e.Err != nil:
		p.line("%s: failed: %s", e.Name, oneLine(e.Err))
	case e.Cached:
		p.line("%s: %s %.4f, cached", e.Name, e.Metric, e.Score)
	default:
		p.line("%s: %s %.4f after %.1f s", e.Name, e.Metric, e.Score, e.Seconds)
	}
	p.totalLine()
}

// StageDone implements [search.Observer].
func (p *progress) StageDone(e strategy.StageDone) {
	if e.Tested {
		p.line("%s: the winner is %s; %s", e.Stage, e.Winner, e.Standing)
		return
	}
	p.line("%s: the winner is %s", e.Stage, e.Winner)
}

// TrainingDone implements [search.Observer]. The line of the trial has said it.
func (p *progress) TrainingDone(search.TrainingDone) {}

// Notice implements [search.Observer].
func (p *progress) Notice(text string) { p.line("%s", text) }

// line writes one line. A write error is ignored: there is nowhere to report it.
func (p *progress) line(format string, args ...any) {
	p.lines.Lock()
	defer p.lines.Unlock()
	_, _ = fmt.Fprintln(p.out, escape.Terminal(fmt.Sprintf(format, args...)))
}

// lossText returns the loss as text, or "" before the first loss.
func lossText(loss float64) string {
	if math.IsNaN(loss) {
		return ""
	}
	return fmt.Sprintf(", loss %.4f", loss)
}
