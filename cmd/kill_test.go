package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

var kills = flag.Int("kills", 20, "how often the kill test kills a search")

// smallPlan is a search of about fifty steps, over a few trials side by side, with a full training after it. Its models are
// as small as they get: it is run a hundred times, also by portable kernels under the race detector.
const smallPlan = `
name: small
data: {format: builtin, train: 300, validation: 100, test: 100}
sample: {size: 100, distance: 0.2}
search:
  encoders:
    image:
      defaults: {width: 8, depth: 1, token_width: 4, channel_width: 8, patch: 14}
      candidates: [mlp_mixer, monarch_mixer]
    audio:
      defaults: {width: 8, depth: 1, token_width: 4, channel_width: 8, patch: 28}
      candidates: [mlp_mixer, hyper_mixer]
  fusions: [concat, mean]
  networks:
    defaults: {depth: 1, token_width: 4, channel_width: 8}
    candidates: [hyper_mixer, mlp_mixer]
  training: {batch: 32, epochs: 2}
train:
  training: {batch: 32, epochs: 3, dropout: 0.1}
`

// program is a plan in a folder with a store, run as a real process.
type program struct {
	t                *testing.T
	plan, store, out string
	workers          string
}

func newProgram(t *testing.T, workers string) *program {
	folder := t.TempDir()
	p := &program{t: t, plan: filepath.Join(folder, "plan.yaml"), store: filepath.Join(folder, "scores.db"),
		out: filepath.Join(folder, "out"), workers: workers}
	if err := os.WriteFile(p.plan, []byte(smallPlan), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// command prepares "mixmas run".
func (p *program) command() (c *exec.Cmd, stdout, stderr *bytes.Buffer) {
	c = exec.Command("mixmas", "run", p.plan, "--store", p.store, "--out", p.out, "--workers", p.workers, "--json")
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // the race detector waits a second at exit otherwise
	c.Stdout, c.Stderr = stdout, stderr
	return c, stdout, stderr
}

// finish runs to the end and returns the document.
func (p *program) finish() report.Document {
	p.t.Helper()
	c, stdout, stderr := p.command()
	if err := c.Run(); err != nil {
		p.t.Fatalf("%v\n%s", err, stderr)
	}
	var d report.Document
	if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
		p.t.Fatal(err)
	}
	return d
}

// killedAfter starts a run, kills it after a while, and reports whether it was killed before its end.
func (p *program) killedAfter(d time.Duration) bool {
	p.t.Helper()
	c, _, stderr := p.command()
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	timer := time.AfterFunc(d, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	err := c.Wait()
	if err == nil {
		return false
	}
	if failed := new(exec.ExitError); !errors.As(err, &failed) || failed.ExitCode() != -1 {
		p.t.Fatalf("a run that was to be killed ended with %v\n%s", err, stderr)
	}
	return true
}

// scores are what a store holds of every trial but its times, exactly.
func (p *program) scores() map[string]string {
	p.t.Helper()
	s, err := store.Open(p.t.Context(), p.store, store.Options{ReadOnly: true})
	if err != nil {
		p.t.Fatal(err)
	}
	list, err := s.List(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	out := map[string]string{}
	for _, sc := range list {
		metrics, err := json.Marshal(sc.Metrics)
		if err != nil {
			p.t.Fatal(err)
		}
		if sc.Weights != "" {
			if _, err := s.Weights(sc); err != nil {
				p.t.Error(err)
			}
		}
		out[sc.Name+" "+sc.Key] = fmt.Sprintf("%s %s %s %s", sc.Status, metrics, sc.Weights, sc.Outputs)
	}
	return out
}

// TestKilledSearchGoesOn kills real processes at random points, of the search and of the full training, and compares
// what they end with with an undisturbed run: the same scores, weights and model file, bit for bit. The undisturbed run
// has one worker, the killed ones two.
func TestKilledSearchGoesOn(t *testing.T) {
	undisturbed := newProgram(t, "1")
	started := time.Now()
	undisturbed.finish()
	length := time.Since(started)
	want, model := undisturbed.scores(), undisturbed.model()

	rng := rand.New(rand.NewPCG(1, 2))
	for killed, searches := 0, 1; killed < *kills; searches++ {
		p := newProgram(t, "2")
		earlier := killed
		for killed < *kills && p.killedAfter(time.Duration(rng.Float64()*0.6*float64(length))) {
			killed++
		}
		p.checkRuns(p.finish(), killed-earlier)
		if diff := cmp.Diff(want, p.scores()); diff != "" {
			t.Fatalf("after %d kills, undisturbed against killed:\n%s", killed, diff)
		}
		if !bytes.Equal(p.model(), model) {
			t.Fatalf("after %d kills the model file is another one", killed)
		}
		t.Logf("search %d is the same after %d kills in all", searches, killed)
	}
}

func (p *program) model() []byte {
	p.t.Helper()
	file, err := os.ReadFile(filepath.Join(p.out, "model.safetensors"))
	if err != nil {
		p.t.Fatal(err)
	}
	return file
}

// checkRuns fails the test unless each killed run reads as interrupted with all that it had finished, and the last as finished with its
// document. A process that was killed before it began to search left no run.
func (p *program) checkRuns(last report.Document, killed int) {
	p.t.Helper()
	s, err := store.Open(p.t.Context(), p.store, store.Options{ReadOnly: true})
	if err != nil {
		p.t.Fatal(err)
	}
	list, err := runs.List(p.t.Context(), s)
	if err != nil || len(list) == 0 || len(list) > killed+2 {
		p.t.Fatalf("%d runs after %d kills, %v", len(list), killed, err)
	}
	for i, r := range list {
		d, partial, err := runs.Document(p.t.Context(), s, r)
		if err != nil {
			p.t.Fatal(err)
		}
		if r.State == runs.Finished && !partial {
			if i == 0 && d.Trainings != last.Trainings {
				p.t.Errorf("the document of run %s has %d trainings, want %d", r.ID, d.Trainings, last.Trainings)
			}
			continue
		}
		if i == 0 || r.State != runs.Interrupted || !partial {
			p.t.Errorf("run %d of %d, %s, is %s; partial %t", i, len(list), r.ID, r.State, partial)
		}
		events, err := runs.Events(p.t.Context(), s, r)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind != runs.Done || e.Stage == "full" {
				continue
			}
			if !slices.ContainsFunc(d.Stages, func(s report.Stage) bool {
				return s.Name == e.Stage && slices.ContainsFunc(s.Candidates, func(c report.Candidate) bool { return c.Key == e.Key && c.Score == e.Score && c.Params > 0 })
			}) {
				p.t.Errorf("%s was finished when run %s was killed, but is not in %+v", e.Name, r.ID, d.Stages)
			}
		}
	}
}
