package ui

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// large makes a store with so many scores of so many epochs, all in one transaction, and so many runs. It returns its path and the last run.
func large(t testing.TB, scores, epochs, of int) (path, id string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "scores.db")
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	keys := map[string]string{}
	db, err := bbolt.Open(path, 0o644, &bbolt.Options{NoSync: true})
	fail(err)
	fail(db.Update(func(tx *bbolt.Tx) error {
		for i := range scores {
			sc := store.Score{Name: fmt.Sprintf("encoder/image/mlp_mixer-%d", i), Search: "digits", Status: store.Finished, Metrics: map[string]float64{"accuracy": 0.5, "f1_macro": 0.4, "loss": 1.5},
				Parameters: 12345, FLOPs: 123456, Seconds: 1.25, Machine: "a machine, 2 cores, linux/amd64", Numerics: "cpu/amd64/avx2", Finished: storyStart}
			for range epochs {
				sc.Curve = append(sc.Curve, store.Epoch{TrainLoss: 1.23456789, ValidationLoss: 1.23456789, LearningRate: 0.001, Seconds: 0.123})
			}
			sc.Specification = fmt.Appendf(nil, `{"data":"%064x","model":{"classes":10,"encoders":[1,2,3]},"seed":%d}`, 0, i) // canonical
			sc.Key = fmt.Sprintf("%x", sha256.Sum256(sc.Specification))
			if i < 4 {
				keys["encoder/image/"+[]string{"mlp_mixer", "gmlp", "ramlp", "hyper_mixer"}[i]] = sc.Key
			}
			record, err := json.Marshal(sc)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(record)
			record = fmt.Appendf(record[:len(record)-1], `,"checksum":"%x"}`, sum)
			if err := tx.Bucket([]byte("scores")).Put([]byte(sc.Key), record); err != nil {
				return err
			}
		}
		return nil
	}))
	fail(db.Close())
	for i := range of {
		r, err := runs.Start(t.Context(), s, runs.Run{Name: fmt.Sprintf("digits %d", i), Kind: runs.KindSearch, Configuration: "seed: 1\n", Data: runs.Data{Name: "digits"}})
		fail(err)
		id = r.Run().ID
		if i == of-1 {
			say(t, s, id, story(keys)...)
		}
		fail(r.Finish(t.Context(), document(keys), nil))
	}
	return path, id
}

// Pages list runs, whatever the number of scores in the store: none reads them all.
func TestManyScores(t *testing.T) {
	path, id := large(t, 10_000, 1, 3)
	s, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	h := pages(t, s).handler()
	has(t, h, "/", id, "1 to 3 of 3")
	has(t, h, "/runs/"+id, "0.8700 to 0.9300")
	has(t, h, "/scores?from=9950", "9,901 to 10,000 of 10,000")
}

// A page that needs all scores does not make its reader wait for them: it says that they are being read, and has them a little later.
func TestScoresWhileTheyAreRead(t *testing.T) {
	path, _ := large(t, 100, 1, 1)
	s, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	server := pages(t, s)
	slow := &reading{done: make(chan struct{})}
	server.reading, server.patience = slow, 0
	w := ask(server.handler(), "GET", "/scores?metric=loss")
	if w.Code != http.StatusOK || w.Header().Get("Refresh") == "" || !strings.Contains(w.Body.String(), "being read") {
		t.Fatalf("%d, %q: %s", w.Code, w.Header(), w.Body)
	}
	server.reading, server.patience = nil, time.Minute
	has(t, server.handler(), "/scores?metric=loss", "1 to 100 of 100", "1.5000")
	has(t, server.handler(), "/scores?metric=accuracy", "0.5000")
}

// The list and the events of a run that is watched for long, or has many candidates, stay bounded.
func TestLongRun(t *testing.T) {
	c := new(course)
	for i := range 2_000 {
		name := fmt.Sprintf("candidate %d", i)
		c.apply(runs.Event{Kind: runs.Trial, Trial: i + 1, Name: name, Steps: 1000})
		c.apply(runs.Event{Kind: runs.Step, Trial: i + 1, Step: 1, Loss: 2})
		if i%500 == 0 {
			for step := range 3000 {
				c.apply(runs.Event{Kind: runs.Step, Trial: i + 1, Step: step, Steps: 3000, Loss: report.Number(1 / float64(step+1))})
			}
		}
		if i%2 == 0 {
			c.apply(runs.Event{Kind: runs.Done, Trial: i + 1, Name: name, Candidate: name, Stage: fmt.Sprintf("stage %d", i%700), Metric: "accuracy", Score: 0.5})
		}
	}
	s := pages(t, temporary(t))
	size := 0
	for _, text := range s.parts(t.Context(), runs.Run{State: runs.Running}, c).render() {
		size += len(text)
	}
	if size > 4<<20 {
		t.Errorf("the parts have %d bytes", size)
	}
	for _, t2 := range c.running {
		if len(t2.x) > mostPoints {
			t.Fatalf("a curve has %d points", len(t2.x))
		}
	}
}

// BenchmarkFirstView is the time from the start of the server until the list is there: 10⁵ scores and 50 runs.
func BenchmarkFirstView(b *testing.B) {
	path, id := large(b, 100_000, 20, 50)
	for _, page := range []struct{ name, target string }{{"list", "/"}, {"run", "/runs/" + id}, {"scores", "/scores"}} {
		b.Run(page.name, func(b *testing.B) {
			for b.Loop() {
				s, err := store.Open(b.Context(), path, store.Options{ReadOnly: true})
				if err != nil {
					b.Fatal(err)
				}
				server := pages(b, s)
				server.patience = readerPatience
				if w := ask(server.handler(), "GET", page.target); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
		b.Run(page.name+"Again", func(b *testing.B) {
			s, err := store.Open(b.Context(), path, store.Options{ReadOnly: true})
			if err != nil {
				b.Fatal(err)
			}
			h := pages(b, s).handler()
			for b.Loop() {
				if w := ask(h, "GET", page.target); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// BenchmarkWatch is what a change of a run that is watched costs: the parts are made once for all watchers.
func BenchmarkWatch(b *testing.B) {
	v := tell(b)
	s := pages(b, v.store)
	run, err := runs.Get(b.Context(), v.store, v.running)
	if err != nil {
		b.Fatal(err)
	}
	f := newFeed()
	b.ReportAllocs()
	for b.Loop() {
		var parts runParts
		if err := s.courses.of(b.Context(), s.store, run, func(c *course) { parts = s.parts(b.Context(), run, c) }); err != nil {
			b.Fatal(err)
		}
		f.publish(parts.render())
	}
}
