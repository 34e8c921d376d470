package cmd

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"mixmas/search/config"
	"mixmas/search/store"
)

var update = flag.Bool("update", false, "write golden files and the generated example configuration")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mixmas": Main, "moves": func() { fmt.Println(movesLines(os.Stderr)) }})
}

// TestScripts runs the program as people do. Each script finds an archive of three scores in $WORK/scores.tar.
func TestScripts(t *testing.T) {
	archive := scoresArchive(t)
	configs, err := filepath.Abs(filepath.Join("..", "testdata", "configs"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Values[serverKey{}] = new(*server)
			e.Setenv("CONFIGS", configs)
			e.Setenv("CHOOSING", filepath.Join(filepath.Dir(configs), "choosing"))
			e.Setenv("ESCAPE", "\x1b[31m")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector waits a second at every exit otherwise
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
			return os.WriteFile(filepath.Join(e.WorkDir, "scores.tar"), archive, 0o644)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "pets": pets, "serves": serves, "stops": stops, "request": request, "contains": contains},
	})
}

// exits runs the program and checks its exit code: exits CODE ARGUMENT... .
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE ARGUMENT...")
	}
	code := exitOK
	err := ts.Exec("mixmas", args[1:]...)
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if args[0] != strconv.Itoa(code) {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// scoresArchive is an export of three scores.
func scoresArchive(t *testing.T) []byte {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "scores.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, sc := range []store.Score{
		{Name: "encoder/image/mlp_mixer", Status: store.Finished, Metrics: map[string]float64{"accuracy": 0.5}, Parameters: 12345, Seconds: 1.25},
		{Name: "encoder/image/ramlp", Status: store.Failed, Reason: "the loss is NaN"},
		{Name: "fusion/concat", Status: store.Finished, Metrics: map[string]float64{"f1_macro": 0.25}},
	} {
		if sc.Key, sc.Specification, err = store.Key(map[string]int{"trial": i}); err != nil {
			t.Fatal(err)
		}
		sc.Numerics, sc.Finished = "cpu/amd64/avx2", time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
		if _, err := s.Put(t.Context(), sc, []byte("weights of "+sc.Name), nil); err != nil {
			t.Fatal(err)
		}
	}
	var archive bytes.Buffer
	if err := s.Export(t.Context(), &archive); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// TestBuiltinExampleIsTheTemplate keeps testdata/configs/builtin.yaml what config init writes.
func TestBuiltinExampleIsTheTemplate(t *testing.T) {
	path := filepath.Join("..", "testdata", "configs", "builtin.yaml")
	if *update {
		if err := os.WriteFile(path, config.Template(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	example, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(example), string(config.Template())); diff != "" {
		t.Errorf("%s is not the template (go test ./cmd -update writes it):\n%s", path, diff)
	}
}

func TestFlatten(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	for _, test := range []struct {
		err  error
		want []error
	}{
		{a, []error{a}},
		{errors.Join(a, errors.Join(b, a)), []error{a, b, a}},
	} {
		if got := flatten(test.err); !slices.Equal(got, test.want) {
			t.Errorf("%v: got %v", test.err, got)
		}
	}
	if got := oneLine(errors.New("a\nb")); got != "a; b" {
		t.Errorf("got %q", got)
	}
}
