package cmd

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mixmas/search/escape"
	"mixmas/search/evaluate"
	"mixmas/search/model"
	"mixmas/search/runs"
	"mixmas/search/store"
	"mixmas/search/strategy"
	trials "mixmas/search/trial"
)

// TestNamesAreShownAsText passes a name that a terminal, a table and a spreadsheet act on through what commands print.
func TestNamesAreShownAsText(t *testing.T) {
	const evil = "=1+2\x1b[31m\ta\nb\u202e\u009b1m"
	const shown = `=1+2\x1b[31m\ta\nb\u202e\u009b1m`
	path := filepath.Join(t.TempDir(), "scores.db")
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sc := store.Score{Name: "fusion/" + evil, Status: store.Finished, Metrics: map[string]float64{"accuracy": 0.5},
		Numerics: "cpu/" + evil, Finished: time.Unix(0, 0)}
	if sc.Key, sc.Specification, err = store.Key("any"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), sc, nil, nil); err != nil {
		t.Fatal(err)
	}
	recorder, err := runs.Start(t.Context(), s, runs.Run{Name: evil, Kind: evil, Command: []string{evil}, Configuration: "name: \"=a\\x1b\"\n" + evil, Metric: evil,
		Data: runs.Data{Name: evil, Format: evil, Fingerprint: evil}, Numerics: evil, Version: evil, Machine: evil, Out: evil})
	if err != nil {
		t.Fatal(err)
	}
	observer := recorder.Observe(newProgress(io.Discard))
	observer.StageStarted(strategy.StageStarted{Stage: evil, Candidates: 1})
	job := trials.Job{Name: evil + "/" + evil, Label: evil}
	observer.TrialStarted(evaluate.TrialStarted{ID: 1, Name: evil, Steps: 2, Job: job})
	observer.TrialDone(evaluate.TrialDone{ID: 2, Name: evil, Job: job, Metric: evil, Score: 0.5, Err: errors.New(evil)})
	observer.StageDone(strategy.StageDone{Stage: evil, Winner: evil, Reason: evil, Standing: evil})
	if err := recorder.Finish(t.Context(), nil, errors.New(evil)); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) func(*bytes.Buffer) {
		return func(out *bytes.Buffer) {
			run(context.Background(), append([]string{"mixmas"}, args...), strings.NewReader(""), out, out)
		}
	}
	row := slices.Values([]prediction{{Prediction: model.Prediction{Labels: []string{evil}, Probabilities: map[string]float32{evil: 0.5}}, ordered: []float32{0.5}, carried: []string{evil}}})
	for _, test := range []struct {
		name    string
		print   func(*bytes.Buffer)
		want    string
		encoded bool // JSON, whose escapes are its own
	}{
		{"scores ls", command("scores", "ls", "--store", path), "fusion/" + shown, false},
		{"scores ls --json", command("scores", "ls", "--store", path, "--json"), `u009b1m`, true},
		{"scores ls --csv", command("scores", "ls", "--store", path, "--csv"), "fusion/" + shown, false},
		{"runs ls", command("runs", "ls", "--store", path), "  " + shown + "  ", false},
		{"runs ls --csv", command("runs", "ls", "--store", path, "--csv"), ",'" + shown + ",", false},
		{"runs ls --json", command("runs", "ls", "--store", path, "--json"), `u009b1m`, true},
		{"runs show", command("runs", "show", "last", "--store", path), "failed: =1+2\\x1b[31m a b\\u202e\\u009b1m", false},
		{"runs show --json", command("runs", "show", "last", "--store", path, "--json"), `u009b1m`, true},
		{"runs show --configuration", command("runs", "show", "last", "--store", path, "--configuration"), `b\u202e`, false},
		{"runs show of none", command("runs", "show", evil+"x", "--store", path), "not recorded", false},
		{"runs compare", command("runs", "compare", "last", "last", "--store", path), "fingerprint  =1+2\\x1b[31m a b\\u202e", false},
		{"runs compare --json", command("runs", "compare", "last", "last", "--store", path, "--json"), `u009b1m`, true},
		{"an error", command("config", "check", "none"+evil), shown[:10], false},
		{"progress", func(out *bytes.Buffer) {
			p := newProgress(out)
			p.StageStarted(strategy.StageStarted{Stage: evil, Candidates: 1})
			p.TrialDone(evaluate.TrialDone{Name: evil, Metric: "accuracy", Score: 0.5, Cached: true, Seconds: 1})
			p.TrialDone(evaluate.TrialDone{Name: "a", Metric: "accuracy", Seconds: 1, Err: errors.New("\x1b[2J")})
			p.StageDone(strategy.StageDone{Stage: "fusion", Winner: evil})
			p.Close()
		}, shown + ": accuracy 0.5000", false},
		{"predict", func(out *bytes.Buffer) {
			if err := writeCSV(out, row, []string{evil}, []string{evil}); err != nil {
				t.Error(err)
			}
		}, "'" + shown, false},
		{"predict as JSON", func(out *bytes.Buffer) {
			if err := writeJSONLines(out, row, []string{evil}, []string{evil}); err != nil {
				t.Error(err)
			}
		}, `u009b1m`, true},
		{"runs rm", command("runs", "rm", evil, "--store", path), shown + " removed", false},
		{"scores rm", command("scores", "rm", sc.Key, "--store", path), "fusion/" + shown, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			test.print(&out)
			if !strings.Contains(out.String(), test.want) {
				t.Errorf("no %s in %q", test.want, out.String())
			}
			for _, line := range strings.Split(out.String(), "\n") {
				if escape.Terminal(line) != line {
					t.Errorf("a terminal would act on %q", line)
				}
			}
			if test.encoded && !strings.Contains(decoded(t, out.Bytes()), evil) {
				t.Errorf("the name is not in the values of %s", out.String())
			}
		})
	}
}

// decoded is all words of a JSON text.
func decoded(t *testing.T, text []byte) string {
	t.Helper()
	var words []string
	d := json.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return strings.Join(words, "\n")
		}
		if word, ok := token.(string); ok {
			words = append(words, word)
		}
	}
}

// TestNumbersStayNumbersInCSV predicts classes that are called by numbers, and one by a formula.
func TestNumbersStayNumbersInCSV(t *testing.T) {
	var out bytes.Buffer
	rows := []prediction{{Prediction: model.Prediction{Row: 0, Labels: []string{"-1"}}, ordered: []float32{0.5, 0.25, 1e-9}}, {Prediction: model.Prediction{Row: 1, Labels: []string{"=A1", "-1"}}, ordered: []float32{1, 0, 0}}}
	if err := writeCSV(&out, slices.Values(rows), []string{"-1", "=A1", "+x"}, nil); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"row,label,p(-1),p(=A1),p(+x)", "0,-1,0.5,0.25,1e-09", "1,'=A1|-1,1,0,0"} {
		if line := strings.Join(got[i], ","); line != want {
			t.Errorf("line %d: got %s, want %s", i, line, want)
		}
	}
}
