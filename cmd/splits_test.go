package cmd

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"mixmas/search/dataset/datasettest"
)

// sorted writes 4 classes of 250 rows each, sorted by class, and a plan whose last rows are for validation.
func sorted(t *testing.T, validation int, more string) (plan string) {
	t.Helper()
	folder := t.TempDir()
	var labels []float64
	for row := range 1000 {
		labels = append(labels, float64(row/250))
	}
	datasettest.WriteArray(t, folder+"/x.npy", "<f4", []int{1000, 3}, datasettest.Ramp(3000)...)
	datasettest.WriteArray(t, folder+"/y.npy", "<i8", []int{1000}, labels...)
	plan = folder + "/plan.yaml"
	text := fmt.Sprintf(`
data:
  format: npy
  modalities: [{name: x, kind: table, train: x.npy%s}]
  labels: {train: y.npy%s}
  validation: %d
sample: {size: 100, distance: 0.3}
search:
  training: {epochs: 1}
  encoders: {x: {candidates: [{name: simple_mlp, hidden: 4, width: 4, layers: 1}]}}
  networks: {candidates: [{name: mlp_mixer, width: 4, depth: 1, token_width: 4, channel_width: 4}]}
`, more, strings.ReplaceAll(more, "x.npy", "y.npy"), validation)
	if err := os.WriteFile(plan, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return plan
}

// command runs a command line.
func command(words ...string) (code int, stdout, stderr string) {
	var out, failures bytes.Buffer
	code = run(context.Background(), append([]string{"mixmas"}, words...), strings.NewReader(""), &out, &failures)
	return code, out.String(), failures.String()
}

// Rows that are sorted by class are said to be before the first training, by every command that looks at the data, and nothing
// is trained if a class has no training rows.
func TestSortedRows(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	const warning = `validation scores may mislead: "3" is 14.3% of the training rows and 100.0% of the validation rows`
	plan := sorted(t, 125, "")
	store := filepath.Join(t.TempDir(), "scores.db")
	code, stdout, stderr := command("search", plan, "--json", "--store", store)
	at, first := strings.Index(stderr, "warning: training and validation rows have different classes, so "+warning), strings.Index(stderr, ": 1 candidate")
	if code != exitOK || at < 0 || first < at || strings.Count(stderr, "warning: training") != 1 {
		t.Errorf("search: exit code %d, %s", code, stderr)
	}
	var document struct{ Dataset struct{ Warnings []string } }
	if err := json.Unmarshal([]byte(stdout), &document); err != nil || len(document.Dataset.Warnings) != 1 || !strings.Contains(document.Dataset.Warnings[0], warning) {
		t.Errorf("the document has %q (%v)", document, err)
	}
	if code, stdout, _ := command("data", "info", plan); code != exitOK || !strings.Contains(stdout, "warning: training and validation rows have different classes") {
		t.Errorf("data info: exit code %d, %s", code, stdout)
	}
	plan = sorted(t, 250, "")
	if code, _, stderr := command("search", plan, "--store", store); code != exitFailure || !strings.Contains(stderr, "y.npy: row 750: label 3 is out of range, want 0 to 2: these are the labels of the training rows; if the rows are sorted by class, shuffle them") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	text, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(plan, bytes.Replace(text, []byte("  validation:"), []byte("  classes: [a, b, c, d]\n  validation:"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"search", "run", "train"} {
		code, _, stderr := command(words, plan, "--store", store+words)
		if want := `these classes have validation rows but no training rows: "d" (250)`; code != exitFailure || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %q", words, code, stderr, want)
		}
		if _, err := os.Stat(store + words); err == nil {
			t.Errorf("%s opened a store", words)
		}
	}
	if code, stdout, _ := command("data", "info", plan, "--json"); code != exitOK || !strings.Contains(stdout, "no training rows") {
		t.Errorf("data info: exit code %d, %s", code, stdout)
	}
	plan = sorted(t, 125, ", test: x.npy")
	if _, _, stderr := command("search", plan, "--store", store); !strings.Contains(stderr, "the train and test rows share samples of x (") ||
		!strings.Contains(stderr, "875 of 1000 test rows (the first is row 0) are identical to train rows in every modality") {
		t.Errorf("the training file as test file: %s", stderr)
	}
}

// What was unpacked is kept in the user's cache folder, as far as --cache-size allows.
func TestCacheSize(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the folder of the cache is named by a variable only on Linux")
	}
	caches := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", caches)
	plan := sorted(t, 125, "")
	folder := filepath.Dir(plan)
	for _, name := range []string{"x.npy", "y.npy"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		w.Write(content)
		w.Close()
		if err := os.WriteFile(filepath.Join(folder, name), packed.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept := func() int {
		files, _ := filepath.Glob(filepath.Join(caches, "mixmas", "decoded", "*.data"))
		return len(files)
	}
	for _, c := range []struct {
		size string
		want int
	}{{"0", 0}, {"1KB", 0}, {"10kB", 1}, {"1GiB", 2}} {
		if code, _, stderr := command("data", "info", plan, "--cache-size", c.size); code != exitOK || kept() != c.want {
			t.Errorf("--cache-size %s: %d files, want %d; exit code %d, %s", c.size, kept(), c.want, code, stderr)
		}
	}
	if code, _, stderr := command("data", "info", plan, "--cache-size", "much"); code != exitUsage || !strings.Contains(stderr, "--cache-size much: want a number of bytes, such as 500MB or 20GiB") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
