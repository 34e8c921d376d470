package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mixmas/search"
	"mixmas/search/evaluate"
	"mixmas/search/report"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// told counts what an observer is told.
type told struct {
	evaluate.Silent
	mu      sync.Mutex
	calls   int
	notices []string
}

func (o *told) count() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
}

func (o *told) StageStarted(strategy.StageStarted)     { o.count() }
func (o *told) StageDone(strategy.StageDone)           { o.count() }
func (o *told) Estimated(search.Estimated)             { o.count() }
func (o *told) TrainingStarted(search.TrainingStarted) { o.count() }
func (o *told) TrainingDone(search.TrainingDone)       { o.count() }
func (o *told) TrialStarted(evaluate.TrialStarted)     { o.count() }
func (o *told) TrialStep(evaluate.TrialStep)           { o.count() }
func (o *told) TrialDone(evaluate.TrialDone)           { o.count() }
func (o *told) Notice(text string) {
	o.count()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notices = append(o.notices, text)
}

// tell tells an observer of a small run.
func tell(o search.Observer, steps int) {
	job := trial.Job{Name: "encoder/image/mlp (repeat 2)", Label: "mlp"}
	job.Specification.Repeat = 1
	o.Estimated(search.Estimated{Candidates: 4, Trainings: 2, Stored: 1, Workers: 3, Least: time.Second, Most: 2 * time.Second, Full: 3 * time.Second, More: 4 * time.Second,
		Seconds: map[string]float64{"a": 1}})
	o.StageStarted(strategy.StageStarted{Stage: "encoder/image", Candidates: 2, Repeats: 3, LeftOut: 1})
	o.TrialStarted(evaluate.TrialStarted{ID: 7, Name: job.Name, Steps: steps, Job: job})
	for i := range steps {
		o.TrialStep(evaluate.TrialStep{ID: 7, Step: i + 1, Loss: math.NaN()})
	}
	o.TrialDone(evaluate.TrialDone{ID: 7, Name: job.Name, Job: job, Metric: "accuracy", Score: math.NaN(), Seconds: math.Inf(1), Err: errors.New("diverged")})
	o.TrialDone(evaluate.TrialDone{Name: job.Name, Job: job, Metric: "accuracy", Score: 0.5, Cached: true, Seconds: 2})
	o.StageDone(strategy.StageDone{Stage: "encoder/image", Winner: "mlp", Reason: "it is best", Standing: "ahead", Tested: true})
	o.TrainingStarted(search.TrainingStarted{Model: "digits"})
	o.TrainingStarted(search.TrainingStarted{More: 4})
	o.TrainingDone(search.TrainingDone{Model: "digits"})
	o.Notice("a \x1b[31m notice")
}

func kinds(list []Event) (kinds []string) {
	for _, e := range list {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestObserve(t *testing.T) {
	s := temporaryStore(t)
	rec := start(t, s, Run{})
	var next told
	tell(rec.Observe(&next), 1000)
	if err := rec.Finish(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if n := get(t, s, rec.Run().ID).Trainings; n != 1 {
		t.Errorf("%d trainings, want 1", n)
	}
	if next.calls != 1010 {
		t.Errorf("the next observer was told %d times, want 1010", next.calls)
	}
	list, err := Events(t.Context(), s, rec.Run())
	if err != nil {
		t.Fatal(err)
	}
	var steps []int
	list = slices.DeleteFunc(list, func(e Event) bool {
		if e.Kind == Step {
			steps = append(steps, e.Step)
		}
		return e.Kind == Step && len(steps) > 1
	})
	if n := len(steps); n < 2 || n > 20 || steps[0] != 1 || steps[n-1] != 1000 {
		t.Errorf("of 1000 steps %v are recorded, want the first, the last and few between them", steps)
	}
	if want := []string{Estimated, Stage, Trial, Step, Done, Done, Decided, Training, Training, Notice, End}; !slices.Equal(kinds(list), want) {
		t.Fatalf("events %v, want %v", kinds(list), want)
	}
	key := list[2].Key
	if len(key) != 64 {
		t.Errorf("key %q", key)
	}
	nan := report.Number(math.NaN())
	for i, want := range []Event{
		{Kind: Estimated, Candidates: 4, Trainings: 2, Stored: 1, Workers: 3, Least: 1, Most: 2, Full: 3, More: 4, Expected: map[string]float64{"a": 1}},
		{Kind: Stage, Stage: "encoder/image", Candidates: 2, Repeats: 3, LeftOut: 1},
		{Kind: Trial, Stage: "encoder/image", Trial: 7, Name: "encoder/image/mlp (repeat 2)", Candidate: "mlp", Key: key, Repeat: 2, Steps: 1000},
		{Kind: Step, Trial: 7, Name: "encoder/image/mlp (repeat 2)", Step: 1, Steps: 1000, Loss: nan},
		{Kind: Done, Stage: "encoder/image", Trial: 7, Name: "encoder/image/mlp (repeat 2)", Candidate: "mlp", Key: key, Repeat: 2, Metric: "accuracy", Score: nan, Error: "diverged"},
		{Kind: Done, Stage: "encoder/image", Name: "encoder/image/mlp (repeat 2)", Candidate: "mlp", Key: key, Repeat: 2, Metric: "accuracy", Score: 0.5, Seconds: 2, Cached: true},
		{Kind: Decided, Stage: "encoder/image", Name: "mlp", Reason: "it is best", Text: "ahead", Tested: true},
		{Kind: Training, Name: "digits"},
		{Kind: Training, More: 4},
		{Kind: Notice, Text: "a \x1b[31m notice"},
		{Kind: End, State: Finished},
	} {
		got := list[i]
		if got.Time.IsZero() || got.Offset == 0 {
			t.Errorf("event %d has the time %v and the offset %d", i, got.Time, got.Offset)
		}
		for _, n := range []*report.Number{&got.Loss, &got.Score, &want.Loss, &want.Score} {
			if math.IsNaN(float64(*n)) {
				*n = -1
			}
		}
		got.Time, got.Offset = time.Time{}, 0
		if got.Kind == End {
			got.Seconds = 0
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("event %d is\n%+v, want\n%+v", i, got, want)
		}
	}
}

// A step costs a look at the clock: most are not recorded, and allocate nothing.
func TestStepsAreCheap(t *testing.T) {
	s := temporaryStore(t)
	rec := start(t, s, Run{})
	o := rec.Observe(&told{})
	o.TrialStarted(evaluate.TrialStarted{ID: 1, Steps: 10})
	o.TrialStep(evaluate.TrialStep{ID: 1, Step: 1})
	o.(*observer).trainings.Range(func(_, value any) bool {
		value.(*training).next.Store(math.MaxInt64)
		return true
	})
	if n := testing.AllocsPerRun(100, func() { o.TrialStep(evaluate.TrialStep{ID: 1, Step: 2}) }); n > 1 { // the ID, if it were large
		t.Errorf("a step allocates %v times", n)
	}
}

// Steps are recorded often at first, then twice a second, and an hour into a training every few seconds.
func TestPaceOfSteps(t *testing.T) {
	run := &training{began: int64(time.Minute)}
	for _, c := range []struct{ taken, gap time.Duration }{
		{0, stepFirst}, {stepFirst / 2, stepFirst}, {100 * time.Millisecond, 100 * time.Millisecond}, {time.Second, stepEvery},
		{8 * time.Minute, stepEvery}, {time.Hour, 3600 * time.Millisecond},
	} {
		now := run.began + int64(c.taken)
		if gap := time.Duration(run.after(now) - now); gap != c.gap {
			t.Errorf("%v into a training, the next step is recorded after %v, want %v", c.taken, gap, c.gap)
		}
	}
}

func BenchmarkTrialStep(b *testing.B) {
	log := newEventLog(&full{room: math.MaxInt})
	o := &observer{Observer: &told{}, log: log, start: time.Now()}
	o.trainings.Store(1, &training{})
	for b.Loop() {
		o.TrialStep(evaluate.TrialStep{ID: 1, Step: 1})
	}
}

// stuck is a file that does not return from Write until it is released.
type stuck struct {
	release chan struct{}
	bytes.Buffer
}

func (f *stuck) Write(b []byte) (int, error) { <-f.release; return f.Buffer.Write(b) }
func (f *stuck) Close() error                { return nil }

// Whoever adds an event does not wait for the disk, and waiting steps do not fill the memory.
func TestSlowDisk(t *testing.T) {
	file := &stuck{release: make(chan struct{})}
	log := newEventLog(file)
	const n = 10 * mostPending
	for i := range n {
		log.add(Event{Kind: Step, Step: i + 1})
	}
	log.add(Event{Kind: Notice, Text: "important"})
	log.mu.Lock()
	waiting := len(log.pending)
	log.mu.Unlock()
	if waiting > mostPending+1 {
		t.Errorf("%d events wait", waiting)
	}
	close(file.release)
	if err := log.close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(file.String(), "important") {
		t.Error("an event that is not a step was dropped")
	}
}

// full is a disk that is full for a while: it takes so many bytes, and then half of a write.
type full struct {
	bytes.Buffer
	room int
}

func (f *full) Write(b []byte) (int, error) {
	if len(b) <= f.room {
		f.room -= len(b)
		return f.Buffer.Write(b)
	}
	n, _ := f.Buffer.Write(b[:f.room])
	f.room = 0
	return n, syscall.ENOSPC
}
func (f *full) Close() error { return nil }

// A full disk costs the events that did not fit, and one notice.
func TestFullDisk(t *testing.T) {
	s := temporaryStore(t)
	rec := start(t, s, Run{})
	disk := &full{room: 100}
	_ = rec.events.close()
	rec.events = newEventLog(disk)
	var next told
	o := rec.Observe(&next)
	for _, text := range []string{"first", "second", "third"} {
		o.Notice(text)
		rec.events.flush()
	}
	disk.room = math.MaxInt
	o.Notice("fourth")
	if err := rec.Finish(t.Context(), nil, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the end says %v", err)
	}
	if len(next.notices) != 5 || !strings.Contains(strings.Join(next.notices, "|"), "not recorded: ") {
		t.Errorf("notices %q, want those four and one", next.notices)
	}
	var texts []string
	if err := readEvents(t.Context(), bytes.NewReader(disk.Bytes()), 0, func(e Event) { texts = append(texts, e.Text) }); err != nil {
		t.Error(err)
	}
	if want := []string{"first", "fourth", ""}; !slices.Equal(texts, want) {
		t.Errorf("events %q, want %q", texts, want)
	}
	if r := get(t, s, rec.Run().ID); r.State != Finished {
		t.Errorf("the run is %s", r.State)
	}
}

// Lines that are torn, foreign or too long are skipped; an offset leads to the next event.
func TestTornEvents(t *testing.T) {
	whole := `{"kind":"notice","text":"1"}` + "\n"
	text := whole + "\n[1]\n{\"text\":\"no kind\"}\n{\"ki" + "\n" + strings.Repeat("x", longestEvent+5) + "\n" + whole + "\xff\x00\n" + whole + `{"kind":"notice"`
	var offsets []int64
	err := readEvents(t.Context(), strings.NewReader(text), 0, func(e Event) { offsets = append(offsets, e.Offset) })
	if len(offsets) != 3 || err != nil || offsets[2] != int64(strings.LastIndex(text, "\n")+1) {
		t.Fatalf("offsets %v of %d, %v", offsets, len(text), err)
	}
	for i, from := range offsets {
		n := 0
		if err := readEvents(t.Context(), strings.NewReader(text), from, func(Event) { n++ }); n != 2-i || err != nil {
			t.Errorf("%d events after %d, %v", n, from, err)
		}
	}
}

// FuzzEvents: no bytes crash the reader, and what it reads can be written.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"kind":"done","score":null,"expected":{"a":1e300}}` + "\n" + `{"kind":"step","loss":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := readEvents(t.Context(), bytes.NewReader(text), 0, func(e Event) {
			if _, err := json.Marshal(e); err != nil || e.Offset > int64(len(text)) {
				t.Error(e.Offset, err)
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}
