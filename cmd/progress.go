package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"mixmas/search"
	"mixmas/search/escape"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/strategy"
)

// How often a training's progress is shown.
const (
	viewInterval = 100 * time.Millisecond
	lineInterval = 30 * time.Second
)

// progress shows the progress of a search. What has happened are plain lines. If lines may change in place, what is happening stands
// below them: the stages with their running trainings, and the total.
type progress struct {
	screen   *screen
	interval time.Duration // time between two updates of a training
	now      func() time.Time

	trials sync.Map // id → *trial
	total  total

	mutex  sync.Mutex
	stages []*stage // that are running

	stop, stopped chan struct{} // of what draws; nil for plain lines and after the end
}

var _ search.Observer = (*progress)(nil)

// unknown stands for the number of earlier steps until the first step is reported.
const unknown = -1

// trial is a running training.
type trial struct {
	id    int
	name  string
	start time.Time

	steps atomic.Int64  // 0 while frozen encoders run
	share atomic.Uint64 // bits of the share that is done
	first atomic.Int64  // steps done before this process started
	loss  atomic.Uint64 // bits of the last loss
	next  atomic.Int64  // time of the next update, in nanoseconds after start
}

// stage is a running stage.
type stage struct {
	name string
	all  int
	done map[string]bool // names of trials
	best float64
}

// newProgress returns a display on w.
func newProgress(w io.Writer) *progress {
	p := &progress{screen: screenOf(w), interval: lineInterval, now: time.Now}
	if p.screen.moves() {
		p.interval = viewInterval
		p.stop, p.stopped = make(chan struct{}), make(chan struct{})
		go p.redraw()
	}
	return p
}

// redraw draws the display until it is closed.
func (p *progress) redraw() {
	defer close(p.stopped)
	ticker := time.NewTicker(viewInterval)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.screen.draw(p.view)
		}
	}
}

// Close ends the display. What was happening disappears.
func (p *progress) Close() {
	if p.stop == nil {
		return
	}
	close(p.stop)
	<-p.stopped
	p.stop = nil
	p.screen.draw(func(int, int) []string { return nil })
}

// view returns the lines that change, for the size of the terminal.
func (p *progress) view(columns, rows int) []string {
	now := p.now()
	var running []*trial
	p.trials.Range(func(_, t any) bool {
		running = append(running, t.(*trial))
		return true
	})
	slices.SortFunc(running, func(a, b *trial) int { return cmp.Compare(a.id, b.id) })
	p.mutex.Lock()
	stages := len(p.stages)
	var list []row
	hidden := max(0, stages+len(running)+1-max(rows-2, 1)) // trainings that find no place
	if hidden > 0 {
		running = running[:max(len(running)-hidden, 0)]
	}
	of := func(name string) *stage {
		i := slices.IndexFunc(p.stages, func(s *stage) bool { return strings.HasPrefix(name, s.name+"/") })
		if i < 0 {
			return nil
		}
		return p.stages[i]
	}
	for _, s := range p.stages {
		list = append(list, s.row())
		for _, t := range running {
			if of(t.name) == s {
				list = append(list, t.row(s.name+"/", now))
			}
		}
	}
	for _, t := range running {
		if of(t.name) == nil {
			list = append(list, t.row("", now))
		}
	}
	p.mutex.Unlock()
	if hidden > 0 {
		list = append(list, row{name: fmt.Sprintf("%d more", hidden), below: true, done: math.NaN()})
	}
	if total, has := p.total.row(now); has {
		list = append(list, total)
	}
	return layOut(list, columns)
}

// row is the line of a stage.
func (s *stage) row() row {
	r := row{name: escape.Terminal(s.name), done: float64(len(s.done)) / float64(max(s.all, 1)), count: fmt.Sprintf("%d/%d", len(s.done), s.all)}
	if !math.IsNaN(s.best) {
		r.value = fmt.Sprintf("best %.4f", s.best)
	}
	return r
}

// row is the line of a training, of whose name the stage above it tells the beginning.
func (t *trial) row(stage string, now time.Time) row {
	share := math.Float64frombits(t.share.Load())
	r := row{name: escape.Terminal(strings.TrimPrefix(t.name, stage)), below: stage != "", done: share, count: percent(share)}
	if t.steps.Load() == 0 {
		r.value = "encoding"
	} else if loss := math.Float64frombits(t.loss.Load()); !math.IsNaN(loss) {
		r.value = fmt.Sprintf("loss %.4f", loss)
	}
	if left, known := t.left(share, now); known {
		r.left = shortTime(left)
	}
	return r
}

// left is the time that is left, by the pace of this process.
func (t *trial) left(share float64, now time.Time) (left time.Duration, known bool) {
	steps := float64(t.steps.Load())
	if steps == 0 {
		return 0, false
	}
	first := max(float64(t.first.Load()), 0)
	done := share*steps - first
	if done < 1 {
		return 0, false
	}
	return seconds(now.Sub(t.start).Seconds() / done * (1 - share) * steps), true
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
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.stages = append(p.stages, &stage{name: e.Stage, all: e.Candidates * max(e.Repeats, 1), done: map[string]bool{}, best: math.NaN()})
}

// stageHas notes the end of a trial of a stage.
func (p *progress) stageHas(e evaluate.TrialDone) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, s := range p.stages {
		if !strings.HasPrefix(e.Name, s.name+"/") {
			continue
		}
		s.done[e.Name] = true
		if e.Metric != "" && e.Err == nil && !e.Untried && !math.IsNaN(e.Score) && (math.IsNaN(s.best) || metric.Better(e.Metric, e.Score, s.best)) {
			s.best = e.Score
		}
		return
	}
}

// Estimated implements [search.Observer].
func (p *progress) Estimated(e search.Estimated) {
	p.line("%s", estimateText(e))
	p.total.start(e, p.now())
}

// TrainingStarted implements [search.Observer].
func (p *progress) TrainingStarted(e search.TrainingStarted) {
	p.total.train(e, p.now())
	if e.More > 0 {
		p.line("baselines and members of the ensemble: %s", english.Plural(e.More, "training", ""))
		return
	}
	p.line("full training of the winner")
}

// newTrial returns a training that starts now.
func (p *progress) newTrial(id int, name string, steps int) *trial {
	t := &trial{id: id, name: name, start: p.now()}
	t.steps.Store(int64(steps))
	t.first.Store(unknown)
	t.next.Store(int64(p.interval))
	t.loss.Store(math.Float64bits(math.NaN()))
	return t
}

// TrialEncoded implements [search.Observer].
func (p *progress) TrialEncoded(e evaluate.TrialEncoded) {
	value, running := p.trials.Load(e.ID)
	if !running {
		value, _ = p.trials.LoadOrStore(e.ID, p.newTrial(e.ID, e.Name, 0))
	}
	t := value.(*trial)
	t.share.Store(math.Float64bits(float64(e.Rows) / float64(max(e.All, 1))))
	if p.isDue(t) && !p.screen.moves() {
		p.line("%s: frozen encoders: %s of %s rows", e.Name, humanize.Comma(int64(e.Rows)), humanize.Comma(int64(e.All)))
	}
}

// TrialStarted implements [search.Observer].
func (p *progress) TrialStarted(e evaluate.TrialStarted) {
	p.trials.Store(e.ID, p.newTrial(e.ID, e.Name, e.Steps))
}

// isDue reports whether it is time for an update of a training. For each update it does so once.
func (p *progress) isDue(t *trial) bool {
	elapsed := p.now().Sub(t.start)
	next := t.next.Load()
	return int64(elapsed) >= next && t.next.CompareAndSwap(next, int64(elapsed+p.interval))
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
	if !p.isDue(t) {
		return
	}
	share := float64(e.Step) / float64(max(t.steps.Load(), 1))
	t.loss.Store(math.Float64bits(e.Loss))
	t.share.Store(math.Float64bits(share))
	p.total.step(t.name, share)
	if p.screen.moves() {
		return
	}
	left, _ := t.left(share, p.now())
	p.line("%s: %d of %d steps%s, %s left", t.name, e.Step, t.steps.Load(), lossText(e.Loss), left.Round(time.Second))
	p.totalLine()
}

// totalLine writes a line about the whole search now and then, if lines do not change in place.
func (p *progress) totalLine() {
	if p.screen.moves() {
		return
	}
	if now := p.now(); p.total.due(now, p.interval) {
		p.line("total: %s", p.total.text(now))
	}
}

// TrialDone implements [search.Observer].
func (p *progress) TrialDone(e evaluate.TrialDone) {
	p.trials.Delete(e.ID)
	p.stageHas(e)
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
	p.mutex.Lock()
	p.stages = slices.DeleteFunc(p.stages, func(s *stage) bool { return s.name == e.Stage })
	p.mutex.Unlock()
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
	_, _ = io.WriteString(p.screen, escape.Terminal(fmt.Sprintf(format, args...))+"\n")
}

// lossText returns the loss as text, or "" before the first loss.
func lossText(loss float64) string {
	if math.IsNaN(loss) {
		return ""
	}
	return fmt.Sprintf(", loss %.4f", loss)
}
