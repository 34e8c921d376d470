package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"mixmas/search/align"
	"mixmas/search/dataset"
	"mixmas/search/store"
)

// full takes nothing, as a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// scoresStore is a store with the scores of two data sets, over three days.
func scoresStore(t *testing.T) (path string, keys map[string]string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "scores.db")
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys = map[string]string{}
	for i, c := range []struct {
		name, data     string
		accuracy, loss float64
	}{
		{"encoder/audio/ramlp", "aa11", 0.5, 1.5}, {"encoder/image/ramlp", "aa11", 0.75, 1.25}, {"encoder/image/mlp_mixer", "aa22", 0.25, 0.5},
		{"fusion/concat", "aa11", 0, 0}, {"network/mlp_mixer", "aa11", 0.8, 2}, {"full/digits", "aa11", 0.9, 0.1}, {"test/digits", "aa11", 0.85, 0.2},
	} {
		sc := store.Score{Name: c.name, Status: store.Finished, Parameters: 100 - i, Seconds: float64(i % 3),
			Metrics:  map[string]float64{"accuracy": c.accuracy, "loss": c.loss},
			Finished: time.Date(2026, 5, 1+i/3, 12, i, 0, 0, time.UTC)}
		if c.name == "fusion/concat" {
			sc.Status, sc.Metrics = store.Failed, nil
		}
		if i > 3 { // the others are of an earlier version
			sc.Search = "digits"
		}
		if sc.Key, sc.Specification, err = store.Key(map[string]any{"trial": i, "data": c.data}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(t.Context(), sc, []byte("weights"), []byte("outputs")); err != nil {
			t.Fatal(err)
		}
		keys[c.name] = sc.Key
	}
	return path, keys
}

// mixmas runs the program.
func mixmas(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, wrong bytes.Buffer
	code = run(t.Context(), append([]string{"mixmas"}, args...), strings.NewReader(""), &out, &wrong)
	return code, out.String(), wrong.String()
}

func TestScoresListSelects(t *testing.T) {
	path, _ := scoresStore(t)
	const audio, image, mixer, fusion, network, train, test = "encoder/audio/ramlp", "encoder/image/ramlp", "encoder/image/mlp_mixer",
		"fusion/concat", "network/mlp_mixer", "full/digits", "test/digits"
	for _, c := range []struct {
		args string
		want []string
	}{
		{"", []string{audio, mixer, image, train, fusion, network, test}},
		{"encoder", []string{audio, mixer, image}},
		{"encoder/", []string{audio, mixer, image}},
		{"encoder/image full", []string{mixer, image, train}},
		{"encoder/*/ramlp", []string{audio, image}},
		{"*/digits", []string{train, test}},
		{"enc", nil},
		{"encoder/image/ramlp/more", nil},
		{"--search digits", []string{train, network, test}},
		{"--search digit", nil},
		{"--data aa11 encoder", []string{audio, image}},
		{"--data AA2", []string{mixer}},
		{"--sort metric", []string{train, test, network, image, audio, mixer, fusion}},
		{"--sort metric --metric loss", []string{train, test, mixer, image, audio, network, fusion}},
		{"--sort accuracy --limit 2", []string{train, test}},
		{"--sort loss", []string{train, test, mixer, image, audio, network, fusion}},
		{"--stage encoder/image", []string{mixer, image}},
		{"--stage encoder --sort accuracy", []string{image, audio, mixer}},
		{"--sort finished", []string{audio, image, mixer, fusion, network, train, test}},
		{"--sort params", []string{test, train, network, fusion, mixer, image, audio}},
		{"--sort seconds encoder", []string{audio, image, mixer}},
		{"--since 2026-05-02 --until 2026-05-02", []string{train, fusion, network}},
		{"--until 2026-05-01T12:01", []string{audio, image}},
		{"--since 2026-05-03T12:06:00Z", []string{test}},
		{"--since 36500d", []string{audio, mixer, image, train, fusion, network, test}},
		{"--since 1h", nil},
	} {
		code, stdout, stderr := mixmas(t, append([]string{"scores", "ls", "--store", path}, strings.Fields(c.args)...)...)
		var got []string
		for _, line := range strings.Split(strings.TrimSpace(stdout), "\n")[1:] {
			got = append(got, strings.Fields(line)[1])
		}
		if code != exitOK || !slices.Equal(got, c.want) {
			t.Errorf("%q: code %d, got %v, want %v; %s", c.args, code, got, c.want, stderr)
		}
	}
	for _, args := range []string{"--since never", "--data plan.yaml", "--data aa1g", "--until -3h", "--since 1e9d", "encoder/[", "--sort acuracy", "--metric none", "--stage [", "--limit 0",
		"--json --csv"} {
		if code, _, stderr := mixmas(t, append([]string{"scores", "ls", "--store", path}, strings.Fields(args)...)...); code != exitUsage {
			t.Errorf("%q: code %d, %s", args, code, stderr)
		}
	}
	if code, stdout, _ := mixmas(t, "scores", "ls", "--store", path, "--json", "none"); code != exitOK || stdout != "[]\n" {
		t.Errorf("no scores as JSON: code %d, %q", code, stdout)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-05-01": "2026-05-01T00:00:00Z", "2026-05-01 10:20": "2026-05-01T10:20:00Z", "2026-05-01 10:20:30": "2026-05-01T10:20:30Z",
		"2026-05-01T10:20:30+02:00": "2026-05-01T08:20:30Z", "36h": "2026-05-04T19:08:09Z", "7d": "2026-04-29T07:08:09Z", "0d": "2026-05-06T07:08:09Z",
	} {
		if got, err := parseTime(text, now, false); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: got %v, %v, want %s", text, got, err, want)
		}
	}
	if got, err := parseTime("2026-05-01", now, true); err != nil || got.Format(time.RFC3339) != "2026-05-01T23:59:59Z" {
		t.Errorf("end of a day: %v, %v", got, err)
	}
}

// One damaged record costs its score: the others are listed, and it can be removed.
func TestScoresWithADamagedRecord(t *testing.T) {
	path, keys := scoresStore(t)
	key := keys["fusion/concat"]
	db, err := bbolt.Open(path, 0o644, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("scores")).Put([]byte(key), []byte("{}")) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for command, lines := range map[string]int{"ls": 7, "verify": 1, "show fusion/concat": 0, "show " + key[:8]: 0, "export -": 0, "prune": 0} {
		code, stdout, stderr := mixmas(t, append(append([]string{"scores"}, strings.Fields(command)...), "--store", path)...)
		if code != exitFailure || strings.Count(stdout, "\n") != lines || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: code %d, %s%s", command, code, stdout, stderr)
		}
		if !strings.Contains(stdout+stderr, key) && command != "show fusion/concat" {
			t.Errorf("%s does not name the record: %s%s", command, stdout, stderr)
		}
	}
	code, stdout, stderr := mixmas(t, "scores", "rm", key[:8], "--store", path)
	if want := fmt.Sprintf("%.12s (damaged) removed\n", key); code != exitOK || stdout != want {
		t.Errorf("rm: code %d, %s%s, want %s", code, stdout, stderr, want)
	}
	if code, stdout, stderr := mixmas(t, "scores", "verify", "--store", path); code != exitOK || stdout != "6 scores, 2 files: no faults\n" {
		t.Errorf("verify: code %d, %s%s", code, stdout, stderr)
	}
}

// A command whose output is lost did not succeed, but it did all that it could.
func TestScoresOnAFullDisk(t *testing.T) {
	path, keys := scoresStore(t)
	var archive bytes.Buffer
	s, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Export(t.Context(), &archive); err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join("..", "testdata", "configs", "builtin.yaml")
	for _, command := range []string{"ls", "ls --json", "show full", "verify", "verify " + plan, "export -", "import -", "prune",
		"rm " + keys["full/digits"] + " " + keys["test/digits"]} {
		var stderr bytes.Buffer
		args := append(append([]string{"mixmas", "scores"}, strings.Fields(command)...), "--store", path)
		code := run(t.Context(), args, bytes.NewReader(archive.Bytes()), full{}, &stderr)
		if code != exitFailure || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%s: code %d, %s", command, code, stderr.String())
		}
	}
	if list, err := s.List(t.Context()); err != nil || len(list) != 5 {
		t.Errorf("%d scores are left, %v; want 5", len(list), err)
	}
}

// Columns line up behind names of wide characters.
func TestWideNamesLineUp(t *testing.T) {
	path, _ := scoresStore(t)
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sc := store.Score{Name: "encoder/画像/ラベル", Status: store.Finished, Metrics: map[string]float64{"accuracy": 0.5}}
	if sc.Key, sc.Specification, err = store.Key("wide"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), sc, nil, nil); err != nil {
		t.Fatal(err)
	}
	_, list, _ := mixmas(t, "scores", "ls", "encoder", "--store", path)
	var info bytes.Buffer
	d := description{Classes: []string{"健康", "ill"}, Rows: map[string]int{}, Counts: map[string][]int{}}
	for _, split := range dataset.Splits {
		d.Counts[split.String()] = []int{0, 0}
	}
	if err := d.writeText(&info); err != nil {
		t.Fatal(err)
	}
	_, classes, _ := strings.Cut(info.String(), "\n\n")
	for _, table := range []struct{ text, column string }{{list, "0."}, {classes, "0"}} {
		places := map[int]bool{}
		for _, line := range strings.Split(table.text, "\n")[1:] {
			if before, _, found := strings.Cut(line, "  "+table.column); found {
				places[align.Width(before)] = true
			}
		}
		if len(places) != 1 {
			t.Errorf("the columns start at the cells %v:\n%s", places, table.text)
		}
	}
}

// A training that was stopped is shown with its epoch, ranks behind those that ended, and keeps its checkpoint.
func TestPartialScores(t *testing.T) {
	path, keys := scoresStore(t)
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sc := store.Score{Name: "encoder/image/wide", Status: store.Partial, Metrics: map[string]float64{"accuracy": 0.99},
		Curve: make([]store.Epoch, 3)}
	if sc.Key, sc.Specification, err = store.Key("wide"); err != nil {
		t.Fatal(err)
	}
	files := store.Files{Outputs: []byte("outputs"), Checkpoint: []byte("checkpoint")}
	if sc, err = s.PutFiles(t.Context(), sc, files); err != nil {
		t.Fatal(err)
	}
	_, stdout, _ := mixmas(t, "scores", "ls", "encoder", "--sort", "metric", "--store", path)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "encoder/image/wide") || !strings.Contains(last, " 0.9900 (epoch 3) ") {
		t.Errorf("ls prints\n%s", stdout)
	}
	if _, stdout, _ := mixmas(t, "scores", "show", sc.Key[:12], "--store", path); !strings.Contains(stdout, `"status": "partial"`) {
		t.Errorf("show prints\n%s", stdout)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "1 file, 7 B removed\n"}, // the weights, which all others share
		{[]string{"--checkpoints"}, "1 file, 10 B removed\n"},
	} {
		if _, stdout, _ := mixmas(t, append([]string{"scores", "prune", "--store", path}, c.args...)...); stdout != c.want {
			t.Errorf("prune %v prints %q, want %q", c.args, stdout, c.want)
		}
	}
	if _, stdout, _ := mixmas(t, "scores", "verify", "--store", path); !strings.Contains(stdout, "8 scores, 1 file: no faults") {
		t.Errorf("verify prints %q", stdout)
	}
	if code, _, stderr := mixmas(t, "scores", "rm", sc.Key, "--store", path); code != 0 || len(keys) != 7 {
		t.Errorf("rm: %d, %s", code, stderr)
	}
}
