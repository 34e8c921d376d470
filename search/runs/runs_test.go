package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mixmas/search/report"
	"mixmas/search/store"
)

func temporaryStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "scores.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start records the start of a run.
func start(t testing.TB, s *store.Store, r Run) *Recorder {
	t.Helper()
	rec, err := Start(t.Context(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.lease.Release() })
	return rec
}

// kill ends a recording as the end of its process does.
func (r *Recorder) kill() {
	r.events.flush()
	r.lease.Release()
}

func get(t testing.TB, s *store.Store, id string) Run {
	t.Helper()
	r, err := Get(t.Context(), s, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStates(t *testing.T) {
	s := temporaryStore(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	ends := map[State]func(*Recorder) error{
		Running:     func(r *Recorder) error { return nil },
		Finished:    func(r *Recorder) error { return r.Finish(t.Context(), &report.Document{Trainings: 3}, nil) },
		Failed:      func(r *Recorder) error { return r.Finish(t.Context(), nil, errors.New("a \x1b[31m reason")) },
		Interrupted: func(r *Recorder) error { return r.Finish(cancelled, nil, context.Canceled) },
	}
	for want, end := range ends {
		rec := start(t, s, Run{Name: string(want), Kind: KindRun, Command: []string{"mixmas", "run"}, Configuration: "seed: 1\n"})
		if r := get(t, s, rec.Run().ID); r.State != Running || !r.Ended.IsZero() || r.Machine == "" || r.Started.IsZero() {
			t.Errorf("after the start: %+v", r)
		}
		if err := end(rec); err != nil {
			t.Fatal(err)
		}
		r := get(t, s, rec.Run().ID)
		if r.State != want || r.Ended.IsZero() != (want == Running) || (want == Failed) != (r.Error == "a \x1b[31m reason") {
			t.Errorf("%+v, want it %s", r, want)
		}
		events, err := Events(t.Context(), s, r)
		if ended := len(events) == 1 && events[0].Kind == End && events[0].State == want; err != nil || ended != (want != Running) {
			t.Errorf("%s: events %+v, %v", want, events, err)
		}
		if err := Remove(t.Context(), s, r.ID); errors.Is(err, ErrRunning) != (want == Running) || (want != Running && err != nil) {
			t.Errorf("%s: removing it: %v", want, err)
		}
	}
}

// A run whose process has gone reads as interrupted at its last event.
func TestKilled(t *testing.T) {
	s := temporaryStore(t)
	rec := start(t, s, Run{Name: "digits"})
	rec.events.add(Event{Kind: Stage, Stage: "s"})
	rec.kill()
	path, _ := s.RunEvents(rec.Run().ID)
	last := time.Now().Add(time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, last, last); err != nil {
		t.Fatal(err)
	}
	r := get(t, s, rec.Run().ID)
	if r.State != Interrupted || !r.Ended.Equal(last) {
		t.Errorf("%s, ended %v, want it interrupted at %v", r.State, r.Ended, last)
	}
	if err := Remove(t.Context(), s, r.ID); err != nil {
		t.Error(err)
	}
}

// Several runs start in one second, in one process or in several.
func TestManyRunsAtOnce(t *testing.T) {
	s := temporaryStore(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	done := make(chan error)
	const n = 8
	for range n {
		go func() {
			rec, err := Start(t.Context(), s, Run{Name: "a", Started: at})
			if err == nil {
				err = rec.Finish(t.Context(), nil, nil)
			}
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	list, err := List(t.Context(), s)
	if len(list) != n || err != nil {
		t.Fatalf("%d runs, %v", len(list), err)
	}
	for i, r := range list {
		if !strings.HasPrefix(r.ID, "20260102-030405-") || i > 0 && r.ID >= list[i-1].ID {
			t.Errorf("run %d is %s", i, r.ID)
		}
	}
}

func TestFind(t *testing.T) {
	s := temporaryStore(t)
	if _, err := Find(t.Context(), s, "last"); !errors.Is(err, ErrNotFound) {
		t.Errorf("in an empty store: %v", err)
	}
	var ids []string
	for i, name := range []string{"digits", "pets", "digits", "20"} {
		rec := start(t, s, Run{Name: name, Started: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)})
		if err := rec.Finish(t.Context(), nil, nil); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, rec.Run().ID)
	}
	for text, want := range map[string]string{
		ids[0]: ids[0], "20260102": ids[1], "pets": ids[1], "last": ids[3], ids[2][:16]: ids[2],
	} {
		if r, err := Find(t.Context(), s, text); r.ID != want || err != nil {
			t.Errorf("%s is %s, %v, want %s", text, r.ID, err, want)
		}
	}
	for text, want := range map[string]error{"digits": ErrAmbiguous, "2026": ErrAmbiguous, "20": ErrAmbiguous, "": ErrNotFound, "dig": ErrNotFound, "\x1b[31m": ErrNotFound} {
		if r, err := Find(t.Context(), s, text); !errors.Is(err, want) {
			t.Errorf("%q is %s, %v, want %v", text, r.ID, err, want)
		}
	}
}

// A store that may only be read is read.
func TestReadOnly(t *testing.T) {
	s := temporaryStore(t)
	rec := start(t, s, Run{Name: "digits"})
	readOnly, err := store.Open(t.Context(), s.Path(), store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	list, err := List(t.Context(), readOnly)
	if len(list) != 1 || err != nil || list[0].State != Running {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, partial, err := Document(t.Context(), readOnly, list[0]); !partial || err != nil {
		t.Errorf("partial %t, %v", partial, err)
	}
	if _, err := Start(t.Context(), readOnly, Run{}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("started in a store opened read-only: %v", err)
	}
	rec.kill()
	if r := get(t, readOnly, list[0].ID); r.State != Interrupted {
		t.Errorf("%s, want it interrupted", r.State)
	}
}

func TestAttachments(t *testing.T) {
	s := temporaryStore(t)
	rec := start(t, s, Run{Name: "digits"})
	if err := rec.Attach(t.Context(), "assessment.json", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := rec.Attach(t.Context(), "assessment.json", []byte("2")); err != nil {
		t.Fatal(err)
	}
	if err := rec.Attach(t.Context(), "../x", []byte("2")); err == nil {
		t.Error("a path was taken for a name")
	}
	if err := rec.Finish(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	r := get(t, s, rec.Run().ID)
	if content, err := Attachment(t.Context(), s, r, "assessment.json"); string(content) != "2" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
	if _, err := Attachment(t.Context(), s, r, "other.json"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an attachment that is not there: %v", err)
	}
}

// The document of a finished run is what the command printed.
func TestDocumentIsKept(t *testing.T) {
	s := temporaryStore(t)
	low, high := 0.25, 0.75
	d := report.Document{Name: "digits", Plain: true, Files: []report.File{{Name: "store", Path: "a b"}}, Trainings: 7, Machine: "m", Filled: []string{"search.updates"},
		Stages: []report.Stage{{Name: "s", Metric: "accuracy", Winner: "b", Candidates: []report.Candidate{
			{Name: "b", Score: 0.5, Low: &low, High: &high, Metrics: map[string]report.Number{"loss": report.Number(math.NaN())}},
			{Name: "<script>", Score: report.Number(math.NaN()), Failed: "\x1b[31m", Metrics: map[string]report.Number{}}}}}}
	rec := start(t, s, Run{Name: "digits", Metric: "accuracy"})
	if err := rec.Finish(t.Context(), &d, nil); err != nil {
		t.Fatal(err)
	}
	r := get(t, s, rec.Run().ID)
	got, partial, err := Document(t.Context(), s, r)
	equal := cmp.Comparer(func(a, b report.Number) bool {
		return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b))
	})
	if diff := cmp.Diff(d, got, equal); diff != "" || partial || err != nil {
		t.Errorf("partial %t, %v\n%s", partial, err, diff)
	}
	if r.Trainings != 7 || r.Score == nil || *r.Score != 0.5 {
		t.Errorf("%+v, want 7 trainings and a score of 0.5", r)
	}
}

// What a run ends with is the score of its answer, or the nearest to it.
func TestOutcome(t *testing.T) {
	final := func(score float64) *report.Final {
		return &report.Final{Validation: &report.Scored{Score: report.Number(score)}}
	}
	stages := []report.Stage{{Winner: "a", Candidates: []report.Candidate{{Name: "b", Key: "kb", Score: 1}, {Name: "a", Score: 0.3}}}}
	model := &report.Model{Metrics: map[string]report.Number{"accuracy": 0.2, "loss": report.Number(math.NaN())}}
	for name, c := range map[string]struct {
		d      report.Document
		metric string
		want   float64
	}{
		"answer":         {report.Document{Searched: final(0.1), Ensemble: final(0.4), Answer: &report.Answer{Model: "ensemble"}}, "accuracy", 0.4},
		"unknown answer": {report.Document{Searched: final(0.1), Answer: &report.Answer{Model: "other"}}, "accuracy", 0.1},
		"no such answer": {report.Document{Model: model, Answer: &report.Answer{Model: "cheapest"}}, "accuracy", 0.2},
		"searched":       {report.Document{Searched: final(0.1), Model: model, Stages: stages}, "accuracy", 0.1},
		"model":          {report.Document{Model: model, Stages: stages}, "accuracy", 0.2},
		"stage":          {report.Document{Stages: stages}, "accuracy", 0.3},
		"other winner":   {report.Document{Stages: stages, Winner: "kb"}, "accuracy", 1},
		"ensemble alone": {report.Document{Ensemble: final(0.6)}, "accuracy", 0.6},
		"undefined":      {report.Document{Model: model}, "loss", math.NaN()},
		"nothing":        {report.Document{}, "accuracy", math.NaN()},
	} {
		got := outcome(&c.d, c.metric)
		if (got == nil) != math.IsNaN(c.want) || got != nil && *got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A recorder that could not start records nothing.
func TestNilRecorder(t *testing.T) {
	var rec *Recorder
	if rec.Observe(nil) != nil || rec.Attach(t.Context(), "a", nil) != nil || rec.Finish(t.Context(), nil, nil) != nil || rec.Run().ID != "" {
		t.Error("it did something")
	}
}

// BenchmarkList lists 1000 runs, half of whose processes were killed, with configurations of a usual length.
func BenchmarkList(b *testing.B) {
	s := temporaryStore(b)
	for i := range 1000 {
		r := Run{Name: "digits", State: []State{Finished, Running}[i%2], Started: time.Unix(int64(i), 0), Configuration: strings.Repeat("a: line\n", 700)}
		content, err := json.Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.PutRun(b.Context(), fmt.Sprintf("%015d", i), content, nil); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if list, err := List(b.Context(), s); len(list) != 1000 || err != nil {
			b.Fatal(len(list), err)
		}
	}
}

// A run that ends between the reading of its record and the look at its lease has ended well: it was not interrupted.
func TestEndsWhileItIsRead(t *testing.T) {
	s := temporaryStore(t)
	rec := start(t, s, Run{Name: "digits"})
	record, err := s.Run(t.Context(), rec.Run().ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Finish(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if r, err := decode(t.Context(), s, record); err != nil || r.State != Finished {
		t.Errorf("%s (%v), want finished", r.State, err)
	}
}
