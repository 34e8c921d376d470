package ui

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// hostile is a name that would break a page, a script, an attribute or a terminal.
const hostile = `<script>alert("1")</script>'"></style>{{.}} javascript:alert(1) onload=x` + "\u202e\x1b[2J\n"

// ask sends a request to a handler. Headers are pairs of a name and a value; Host is one.
func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1:8080"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// temporary returns an empty store.
func temporary(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "scores.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts a run.
func start(t testing.TB, s *store.Store, name string) *runs.Recorder {
	t.Helper()
	r, err := runs.Start(t.Context(), s, runs.Run{Name: name, Kind: runs.KindSearch, Metric: "accuracy", Command: []string{"mixmas", "search"},
		Configuration: "name: " + "x" + "\nseed: 1\n", Data: runs.Data{Name: "digits", Fingerprint: "ab", Train: 10, Validation: 5, Test: 5}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// say appends events to the file of a run, as its process does.
func say(t testing.TB, s *store.Store, id string, events ...runs.Event) {
	t.Helper()
	path, err := s.RunEvents(id)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, e := range events {
		line, err := json.Marshal(e)
		if err == nil {
			_, err = file.Write(append(line, '\n'))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// storyStart is when the story of [story] began.
var storyStart = time.Date(2026, 11, 28, 7, 0, 0, 0, time.UTC)

// story returns the events of a search of two stages, of which the second is under way: two of its trainings run.
func story(keys map[string]string) (events []runs.Event) {
	now := storyStart
	add := func(e runs.Event) {
		now = now.Add(500 * time.Millisecond)
		e.Time = now
		events = append(events, e)
	}
	names := []string{"mlp_mixer", "gmlp", "ramlp", "hyper_mixer"}
	expected := map[string]float64{}
	for _, stage := range []string{"encoder/image", "fusion"} {
		for _, name := range names {
			expected[stage+"/"+name] = 20
		}
	}
	add(runs.Event{Kind: runs.Estimated, Trainings: 8, Workers: 2, Least: 60, Most: 100, Full: 40, More: 30, Expected: expected})
	id := 0
	for k, stage := range []string{"encoder/image", "fusion"} {
		add(runs.Event{Kind: runs.Stage, Stage: stage, Candidates: len(names), Repeats: 1, LeftOut: k})
		for i, candidate := range names {
			name := stage + "/" + candidate
			id++
			add(runs.Event{Kind: runs.Trial, Trial: id, Name: name, Steps: 600, Stage: stage, Candidate: candidate, Key: keys[name]})
			steps := 600
			if k == 1 && i > 1 {
				steps = 200 * (i - 1) // these still run
			}
			for step := 1; step <= steps; step += 15 {
				loss := 2.3*math.Exp(-float64(step)/float64(120+60*i)) + 0.2 + 0.05*math.Sin(float64(step*(i+3)))
				add(runs.Event{Kind: runs.Step, Trial: id, Name: name, Step: step, Steps: 600, Loss: report.Number(loss)})
			}
			done := runs.Event{Kind: runs.Done, Trial: id, Name: name, Stage: stage, Candidate: candidate, Key: keys[name], Repeat: 1, Metric: "accuracy",
				Score: report.Number(0.9 - 0.03*float64(i)), Seconds: 20}
			if i == 1 {
				done.Error, done.Score = "the loss is NaN after 200 steps "+hostile, report.Number(math.NaN())
			}
			if k == 0 || i < 2 {
				add(done)
			}
		}
		if k == 0 {
			add(runs.Event{Kind: runs.Decided, Stage: stage, Name: names[0], Text: "ahead of all others", Tested: true})
		}
	}
	add(runs.Event{Kind: runs.Notice, Text: "a notice " + hostile})
	return events
}

// put stores a finished score with a curve.
func put(t testing.TB, s *store.Store, i int, name string) store.Score {
	t.Helper()
	metric := 0.9
	sc := store.Score{Name: name, Search: "digits", Status: store.Finished, Metrics: map[string]float64{"accuracy": 0.5, "loss": 1.5}, Parameters: 1000 + i, FLOPs: 123456, Seconds: 1.25,
		Machine: "a machine", Numerics: "cpu/avx2", Finished: storyStart}
	for epoch := range 10 {
		sc.Curve = append(sc.Curve, store.Epoch{TrainLoss: 2 * math.Exp(-float64(epoch*(i+1))/10), ValidationLoss: 2.1 * math.Exp(-float64(epoch*(i+1))/12), ValidationMetric: &metric, LearningRate: 0.001, Seconds: 0.1})
	}
	var err error
	sc.Key, sc.Specification, err = store.Key(map[string]any{"name": name, "seed": i, "model": map[string]any{"depth": 2 + i, "widths": []int{16, 32}, "hostile": hostile}})
	if err == nil {
		sc, err = s.Put(t.Context(), sc, nil, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// document is the outcome of the story's first stage.
func document(keys map[string]string) *report.Document {
	low, high := 0.87, 0.93
	d := &report.Document{Name: "digits " + hostile, Dataset: report.Dataset{Name: "digits"}, Stages: []report.Stage{{Name: "encoder/image", Metric: "accuracy", Winner: "mlp_mixer",
		Verdict: "ahead of all others", Candidates: []report.Candidate{
			{Name: "mlp_mixer", Key: keys["encoder/image/mlp_mixer"], Score: 0.9, Low: &low, High: &high, Params: 12345, Seconds: 20, Standing: report.Ahead},
			{Name: "ramlp", Key: keys["encoder/image/ramlp"], Score: 0.84, Params: 2345, Seconds: 20, Cached: true, Standing: report.Behind},
			{Name: "gmlp", Score: report.Number(math.NaN()), Failed: "the loss is NaN " + hostile},
		}}},
		Searched: &report.Final{Name: "mlp_mixer " + hostile, Path: "out/model.safetensors", Params: 12345, Validation: &report.Scored{Score: 0.91, Low: 0.88, High: 0.94}, Test: &report.Scored{Score: 0.9, Low: 0.87, High: 0.93}},
		Answer:   &report.Answer{Model: "searched", Path: "out/model.safetensors", Reason: "it is the best " + hostile},
		LeftOut:  []string{"a baseline was left out " + hostile},
	}
	d.Baselines = []report.Baseline{{Kind: report.Majority, Final: report.Final{Name: "majority", Validation: &report.Scored{Score: 0.1, Low: 0.08, High: 0.12}}}}
	return d
}

// pages returns the pages of a store, with a quick refresh.
func pages(t testing.TB, s *store.Store) *server {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	server := newServer(ctx, s, Options{Refresh: 10 * time.Millisecond})
	server.patience = time.Minute
	return server
}
