package search_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mixmas/search"
	"mixmas/search/report"
)

// repeated lets the candidates of the fixture run several times.
func (f *fixture) repeated(encoder, fusion, network string) {
	f.change("search:\n", "search:\n  repeats: {encoder: "+encoder+", fusion: "+fusion+", network: "+network+"}\n")
}

// Repeats add trainings beside those of the search without them, which keep their keys; stored ones are not trained again.
func TestRepeats(t *testing.T) {
	f := newFixture(t)
	once := f.run()
	before := f.scores()
	f.repeated("3", "2", "2")
	f.watch = nil
	s, r := f.searched()
	// 2 more for each of 2 encoders, 1 for the only one of its modality, then 2 × 2 functions and 1 × 2 networks, which may start
	// from other encoders or functions.
	if r.Trainings < 2*2+1+2+1 || r.Trainings > 2*2+1+4+2 {
		t.Errorf("trained %d times", r.Trainings)
	}
	after := f.scores()
	for name, score := range before {
		if after[name] != score {
			t.Errorf("%s is now %s, was %s", name, after[name], score)
		}
	}
	for i, stage := range r.Stages {
		for _, c := range stage.Candidates {
			if want := []int{3, 2, 2, 2}[i]; len(c.Repeats) != want {
				t.Errorf("%s/%s has %d repeats, want %d", stage.Name, c.Label, len(c.Repeats), want)
			}
			for k, o := range c.Repeats {
				if o.Job.Specification.Repeat != k || o.Job.Stage() != stage.Name {
					t.Errorf("%s is repeat %d of %s", o.Job.Name, o.Job.Specification.Repeat, o.Job.Stage())
				}
				if stage.Name == "fusion" || stage.Name == "network" {
					if from := r.Stages[0].Winner.Repeats[k].Score.Key; o.Job.Specification.Start["picture"] != from {
						t.Errorf("%s starts from %.12s, want %.12s", o.Job.Name, o.Job.Specification.Start["picture"], from)
					}
				}
			}
		}
	}
	if keys := once.Stages[0].Outcomes(); after[keys[0].Job.Name+" "+keys[0].Score.Key] == "" {
		t.Errorf("repeat 1 has another key than a single run")
	}
	d := s.Document(r, nil, 1).Saved()
	for i, stage := range d.Stages {
		for _, c := range stage.Candidates {
			if len(c.Repeats) != []int{3, 2, 2, 2}[i] || c.Key != c.Repeats[0].Key || c.Low == nil || *c.Low > float64(c.Score) || *c.High < float64(c.Score) || c.Standing == "" || c.Interval != 0 {
				t.Errorf("%s: the document has %+v", stage.Name, c)
			}
		}
		if stage.Verdict == "" {
			t.Errorf("%s has no verdict", stage.Name)
		}
	}
	if again := f.run(); again.Trainings != 0 {
		t.Errorf("the search again trained %d times", again.Trainings)
	}
}

// A document of the paper's settings has no field that those of earlier versions do not have, but its text has intervals.
func TestPlainDocuments(t *testing.T) {
	for _, name := range []string{"accuracy", "f1_macro"} {
		f := newFixture(t)
		f.change("search:\n", "search:\n  metric: "+name+"\n")
		s, r := f.searched()
		d := s.Document(r, nil, 1)
		saved, err := json.Marshal(d.Saved())
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"low", "high", "standing", "repeats", "verdict", "score_at", "reason", "left_out"} {
			if bytes.Contains(saved, []byte(`"`+field+`":`)) {
				t.Errorf("%s: the document has %q", name, field)
			}
		}
		var text strings.Builder
		if err := report.WriteText(&text, d, report.TextOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{name + ", 95% interval", "note    encoder/picture, fusion, network: one run each: another initialisation may change this order; not tested"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%s: the text lacks %q:\n%s", name, want, text.String())
			}
		}
		if d.Stages[0].Candidates[0].Low == nil {
			t.Errorf("Saved changed the document")
		}
	}
}

// Estimates count repeats, each with a name and time of its own.
func TestEstimateOfRepeats(t *testing.T) {
	f := newFixture(t)
	f.timed(search.Options{})
	f.repeated("3", "2", "1")
	told := &guesses{}
	f.watch = told
	_, r := f.searched()
	took := time.Duration(0)
	for _, stage := range r.Stages {
		for _, o := range stage.Outcomes() {
			if !o.Cached {
				took += time.Duration(o.Score.Seconds * float64(time.Second))
			}
		}
	}
	if e := told.list[0]; e.Trainings != 2*3+2+2*2+1 || len(e.Seconds) != e.Trainings || e.Least > took || e.Most < took ||
		e.Seconds["fusion/mean (repeat 2)"] != e.Seconds["fusion/mean"] {
		t.Errorf("it takes %v, told was %+v", took, e)
	}
}

// Under a budget every candidate runs once before any runs twice, and what remains counts.
func TestBudgetOfRepeats(t *testing.T) {
	cut := 0
	for _, budget := range []time.Duration{tick, 60 * tick} {
		f := newFixture(t)
		f.timed(search.Options{Budget: budget})
		f.repeated("3", "2", "1")
		s, r := f.searched()
		for i, stage := range r.Stages {
			fewest, most := 9, 0
			for _, c := range stage.Candidates {
				n := len(c.Counted("accuracy"))
				fewest, most = min(fewest, n), max(most, n)
			}
			if most > fewest+1 || len(stage.Untried) > 0 && most > 1 {
				t.Errorf("%v: stage %s has %d to %d repeats, and %d candidates without", budget, stage.Name, fewest, most, len(stage.Untried))
			}
			if most < []int{3, 2, 2, 1}[i] {
				cut++
			}
			for k, c := range s.Document(r, nil, 1).Stages[i].Candidates {
				if len(c.Repeats) != len(stage.Candidates[k].Counted("accuracy")) {
					t.Errorf("%v: the document has %d repeats of %s", budget, len(c.Repeats), c.Name)
				}
			}
		}
	}
	if cut == 0 {
		t.Error("no budget was too small")
	}
}

// Scores at the best epoch are those of the epoch with the best value of the metric, whatever the metric, of fused models alone.
func TestScoreAtBest(t *testing.T) {
	for _, name := range []string{"accuracy", "loss"} {
		f := newFixture(t)
		f.change("search:\n", "search:\n  score_at: best\n  metric: "+name+"\n")
		f.change("epochs: 2", "epochs: 6")
		s, r := f.searched()
		for i, stage := range r.Stages {
			for _, o := range stage.Outcomes() {
				select_, curve := o.Job.Specification.Recipe.Select, o.Score.Curve
				if fused := i >= 2; fused != (select_ == name) {
					t.Errorf("%s: %s selects by %q", name, o.Job.Name, select_)
				} else if !fused {
					continue
				}
				best := *curve[0].ValidationMetric
				for _, e := range curve {
					if name == "loss" {
						best = min(best, *e.ValidationMetric)
					} else {
						best = max(best, *e.ValidationMetric)
					}
				}
				if got := o.Score.Metrics[name]; got != best {
					t.Errorf("%s: %s is scored %v, the best epoch has %v", name, o.Job.Name, got, best)
				}
			}
		}
		d := s.Document(r, nil, 1)
		var text strings.Builder
		if err := report.WriteText(&text, d, report.TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if d.ScoreAt != "best" || strings.Count(text.String(), "optimistic") != 1 {
			t.Errorf("%s: scored at %q:\n%s", name, d.ScoreAt, text.String())
		}
	}
}

// A search that was finished is looked up with its repeats, and says the same of them.
func TestLookUpOfRepeats(t *testing.T) {
	f := newFixture(t)
	f.repeated("2", "1", "1")
	f.change("search:\n", "search:\n  choose: cheapest_close\n")
	s, r := f.searched()
	found, err := s.LookUp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verdicts := func(r *search.Result) (list []string) {
		for _, stage := range r.Stages {
			list = append(list, stage.Winner.Label, stage.Reason, stage.Standing.Text(stage.Metric))
		}
		return list
	}
	if diff := cmp.Diff(verdicts(r), verdicts(found)); diff != "" {
		t.Errorf("looked up (-want +got):\n%s", diff)
	}
}
