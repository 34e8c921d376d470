package runs

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// putScore stores a score of a training that differs from others by its seed, and returns its key.
func putScore(t testing.TB, s *store.Store, seed uint64, sc store.Score) string {
	t.Helper()
	var spec trial.Specification
	spec.Seed, spec.Validation.Count = seed, 100
	var err error
	if sc.Key, sc.Specification, err = spec.Key(); err != nil {
		t.Fatal(err)
	}
	if sc.Name == "" {
		sc.Name = "n"
	}
	sc.Finished = time.Unix(1e9, 0)
	if _, err := s.Put(t.Context(), sc, nil, nil); err != nil {
		t.Fatal(err)
	}
	return sc.Key
}

func finished(accuracy float64) store.Score {
	return store.Score{Status: store.Finished, Metrics: map[string]float64{"accuracy": accuracy, "loss": 1 - accuracy}, Parameters: 1234, Seconds: 2}
}

// soFarOf is the document of a run with these events whose process was killed.
func soFarOf(t testing.TB, s *store.Store, r Run, events ...Event) report.Document {
	t.Helper()
	rec := start(t, s, r)
	for _, e := range events {
		rec.events.add(e)
	}
	rec.kill()
	d, partial, err := Document(t.Context(), s, get(t, s, rec.Run().ID))
	if err != nil || !partial {
		t.Fatalf("partial %t, %v", partial, err)
	}
	return d
}

// text is the document as it is shown.
func text(t testing.TB, d report.Document) string {
	t.Helper()
	var b strings.Builder
	if err := report.WriteText(&b, d, report.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func done(stage, candidate string, repeat int, key string, score float64) Event {
	return Event{Kind: Done, Trial: 1, Stage: stage, Candidate: candidate, Name: stage + "/" + candidate, Repeat: repeat, Key: key,
		Metric: "accuracy", Score: report.Number(score), Seconds: 2}
}

// What was finished when a search was killed is in its document: stages, ranked candidates with their repeats, the full training.
func TestDocumentSoFar(t *testing.T) {
	s := temporaryStore(t)
	a1, a2 := putScore(t, s, 1, finished(0.5)), putScore(t, s, 2, finished(0.7))
	b1 := putScore(t, s, 3, finished(0.8))
	f1 := putScore(t, s, 4, store.Score{Status: store.Failed, Reason: "the loss is NaN"})
	full := finished(0.9)
	full.Curve = []store.Epoch{{TrainLoss: 1}, {TrainLoss: 0.5}}
	last := putScore(t, s, 5, full)
	out := t.TempDir()
	if err := os.WriteFile(filepath.Join(out, modelFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	failed := done("one", "f", 1, f1, math.NaN())
	failed.Error = "the loss is NaN"
	again := done("one", "a", 2, a2, math.NaN()) // diverged, and was trained once more
	again.Error = "diverged"
	untried := Event{Kind: Done, Stage: "one", Candidate: "u", Repeat: 1, Untried: true, Score: report.Number(math.NaN())}
	cached := done("two", "a", 1, a1, 0.5)
	cached.Trial, cached.Cached = 0, true
	events := []Event{
		{Kind: Stage, Stage: "one", Candidates: 4, Repeats: 2}, done("one", "a", 1, a1, 0.5), again, done("one", "a", 2, a2, 0.7), failed, untried,
		done("one", "b", 1, b1, 0.8), {Kind: Decided, Stage: "one", Name: "a", Reason: "is cheaper", Text: "not decided", Tested: true},
		{Kind: Stage, Stage: "two", Candidates: 2, Repeats: 1}, cached,
		{Kind: Stage, Stage: "three", Candidates: 2, Repeats: 1},
		{Kind: Training, Name: "digits"}, done("full", "digits", 1, last, 0.9),
		{Kind: Training, More: 2}, done("full", "other", 1, a1, 0.5),
	}
	r := Run{Name: "digits", Metric: "accuracy", Out: out, Command: []string{"mixmas", "run", "a b"}, Data: Data{Name: "d", Train: 10, Validation: 5}}
	d := soFarOf(t, s, r, events...)
	if d.Command != "mixmas run 'a b'" || d.Dataset.Train != 10 || d.Trainings != 7 {
		t.Errorf("command %q, %d rows, %d trainings", d.Command, d.Dataset.Train, d.Trainings)
	}
	if len(d.Stages) != 2 || d.Stages[0].Name != "one" || d.Stages[1].Name != "two" {
		t.Fatalf("stages %+v", d.Stages)
	}
	one := d.Stages[0]
	if one.Winner != "a" || one.Reason != "is cheaper" || one.Verdict != "not decided" || !slices.Equal(one.Untried, []string{"u"}) {
		t.Errorf("%+v", one)
	}
	var names []string
	for _, c := range one.Candidates {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, []string{"b", "a", "f"}) {
		t.Fatalf("candidates %v", names)
	}
	if a := one.Candidates[1]; math.Abs(float64(a.Score)-0.6) > 1e-9 || len(a.Repeats) != 2 || a.Params != 1234 || math.Abs(float64(a.Metrics["loss"])-0.4) > 1e-9 ||
		a.Seconds != 2 || a.Cached || a.Failed != "" || a.Interval != 0 {
		t.Errorf("%+v", a)
	}
	if b := one.Candidates[0]; b.Interval == 0 || b.Key != b1 {
		t.Errorf("%+v", b)
	}
	if f := one.Candidates[2]; f.Failed != "the loss is NaN" || !math.IsNaN(float64(f.Score)) {
		t.Errorf("%+v", f)
	}
	if two := d.Stages[1]; two.Winner != "" || len(two.Candidates) != 1 || !two.Candidates[0].Cached {
		t.Errorf("%+v", two)
	}
	if m := d.Model; m == nil || m.Epochs != 2 || m.Params != 1234 || m.Metrics["accuracy"] != 0.9 || m.Path != filepath.Join(out, modelFile) {
		t.Errorf("%+v", m)
	}
	for _, want := range []string{"0.8000", "0.6000", "failed: the loss is NaN", "a is cheaper", "not tried, because the budget would not suffice: u"} {
		if shown := text(t, d); !strings.Contains(shown, want) {
			t.Errorf("%q is missing in\n%s", want, shown)
		}
	}
}

// A run that has only started has a document, with or without events.
func TestDocumentOfNothing(t *testing.T) {
	s := temporaryStore(t)
	d := soFarOf(t, s, Run{Name: "digits", Data: Data{Name: "d"}})
	if len(d.Stages) != 0 || d.Stages == nil || !strings.Contains(text(t, d), "0 trainings") {
		t.Errorf("%+v", d)
	}
	rec := start(t, s, Run{})
	path, _ := s.RunEvents(rec.Run().ID)
	if err := os.Remove(path); err != nil {
		t.Skip("this system removes no open file: ", err)
	}
	if _, partial, err := Document(t.Context(), s, rec.Run()); !partial || err != nil {
		t.Errorf("without the file of events: partial %t, %v", partial, err)
	}
}

// Whatever the events are, the document can be shown, printed as JSON and compared, and has every trial that ended in a stage.
func TestAnyEvents(t *testing.T) {
	s := temporaryStore(t)
	var keys []string
	for i := range 4 {
		keys = append(keys, putScore(t, s, uint64(i), finished(float64(i)/4)))
	}
	keys = append(keys, putScore(t, s, 4, store.Score{Status: store.Failed, Reason: "a \x1b[31m reason"}), "", "unknown", strings.Repeat("f", 64))
	word := rapid.SampledFrom([]string{"", "a", "b", "one", "two", "full/digits", "digits", "<script>", "\x1b[31m", "=1+1", "a | b", "\xff"})
	number := rapid.OneOf(rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64}), rapid.Float64Range(0, 1))
	event := rapid.Custom(func(t *rapid.T) Event {
		e := Event{Kind: rapid.SampledFrom([]string{Estimated, Stage, Trial, Step, Done, Done, Done, Decided, Training, Notice, End, "other"}).Draw(t, "kind"),
			Stage: word.Draw(t, "stage"), Trial: rapid.IntRange(-1, 3).Draw(t, "trial"), Name: word.Draw(t, "name"), Candidate: word.Draw(t, "candidate"),
			Key: rapid.SampledFrom(keys).Draw(t, "key"), Repeat: rapid.IntRange(-1, 3).Draw(t, "repeat"), Step: rapid.IntRange(-1, 10).Draw(t, "step"),
			Metric: rapid.SampledFrom([]string{"accuracy", "loss", "", "unknown", "auroc_macro"}).Draw(t, "metric"), Score: report.Number(number.Draw(t, "score")),
			Loss: report.Number(number.Draw(t, "loss")), Seconds: rapid.OneOf(rapid.Float64Range(-1, 10), rapid.Just(math.MaxFloat64)).Draw(t, "seconds"),
			Cached: rapid.Bool().Draw(t, "cached"), Untried: rapid.Bool().Draw(t, "untried"), Reason: word.Draw(t, "reason"), Text: word.Draw(t, "text"),
			Tested: rapid.Bool().Draw(t, "tested"), Error: word.Draw(t, "error"), More: float64(rapid.IntRange(0, 1).Draw(t, "more"))}
		return e
	})
	rapid.Check(t, func(rt *rapid.T) {
		var lines strings.Builder
		events := rapid.SliceOfN(event, 0, 30).Draw(rt, "events")
		for _, e := range events {
			line, err := json.Marshal(e)
			if err != nil {
				rt.Fatal(err)
			}
			lines.WriteString(string(line) + "\n")
		}
		var read []Event
		if err := readEvents(t.Context(), strings.NewReader(lines.String()), 0, func(e Event) { read = append(read, e) }); err != nil || len(read) != len(events) {
			rt.Fatalf("%d of %d events, %v", len(read), len(events), err)
		}
		run := Run{Name: "digits", Metric: rapid.SampledFrom([]string{"accuracy", "loss", "unknown"}).Draw(rt, "run's metric")}
		d, err := (history{run: run, events: read}).document(t.Context(), s)
		if err != nil {
			rt.Fatal(err)
		}
		var b strings.Builder
		if err := report.WriteText(&b, d, report.TextOptions{AllMetrics: true}); err != nil {
			rt.Fatal(err)
		}
		if err := report.WriteMarkdown(&b, report.Page{Documents: []report.Document{d, d}}); err != nil {
			rt.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\x00") {
			rt.Errorf("something reached the terminal: %q", b.String())
		}
		if _, err := json.Marshal(d.Saved()); err != nil {
			rt.Fatal(err)
		}
		if _, err := json.Marshal(compared([]Run{run, run}, []report.Document{d, {}})); err != nil {
			rt.Fatal(err)
		}
		outcome(&d, run.Metric)
		Unfinished(read)
		for i, e := range read {
			begun := slices.ContainsFunc(read[:i], func(b Event) bool { return b.Kind == Stage && b.Stage == e.Stage })
			if e.Kind != Done || e.Untried || !begun {
				continue
			}
			last := !slices.ContainsFunc(read[i+1:], func(l Event) bool {
				return l.Kind == Done && l.Stage == e.Stage && l.Candidate == e.Candidate && l.Repeat == e.Repeat
			})
			if last && !slices.ContainsFunc(d.Stages, func(s report.Stage) bool {
				return s.Name == e.Stage && slices.ContainsFunc(s.Candidates, func(c report.Candidate) bool {
					return c.Name == e.Candidate && slices.ContainsFunc(c.Repeats, func(r report.Repeat) bool { return r.Key == e.Key })
				})
			}) {
				rt.Errorf("the trial %+v is missing in %+v", e, d.Stages)
			}
		}
	})
}

func TestUnfinished(t *testing.T) {
	list := Unfinished([]Event{
		{Kind: Trial, Trial: 1, Name: "a", Steps: 9}, {Kind: Trial, Trial: 2, Name: "b", Steps: 9}, {Kind: Step, Trial: 2, Step: 3, Loss: 0.5},
		{Kind: Done, Trial: 1}, {Kind: Done, Trial: 0}, {Kind: Step, Trial: 1, Step: 9}, {Kind: Step, Trial: 5, Step: 9},
	})
	if len(list) != 1 || list[0].Name != "b" || list[0].Step != 3 || list[0].Loss != 0.5 || list[0].Steps != 9 {
		t.Errorf("%+v", list)
	}
}
