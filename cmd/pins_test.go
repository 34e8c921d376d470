package cmd_test

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The program of commit 35e114f wrote what lies in testdata/pins. These tests run the program from outside, so that they
// hold whatever becomes of its inside: the same configuration and data give the same keys, specifications, trained bits and
// documents, and its files stay readable. Differences are no reason to write the files anew: kept scores would be lost, or
// pass for what this program would compute. Where a new kernel set needs values of its own, MIXMAS_PIN=1 writes them.
//
// Each folder of values belongs to the numerics of its name, since they are part of the keys.
const pins = "testdata/pins"

// world is a folder in which the program runs, away from the user's files.
type world struct {
	t      *testing.T
	folder string
}

func newWorld(t *testing.T) world {
	t.Helper()
	return world{t, t.TempDir()}
}

func (w world) path(name ...string) string {
	return filepath.Join(append([]string{w.folder}, name...)...)
}

// run runs the program in the folder, and returns what it prints and what it says.
func (w world) run(arguments ...string) (stdout []byte, stderr string) {
	w.t.Helper()
	c := exec.Command("mixmas", arguments...)
	var out, err bytes.Buffer
	c.Dir, c.Stdout, c.Stderr = w.folder, &out, &err
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "XDG_CACHE_HOME="+w.path("cache"))
	if e := c.Run(); e != nil {
		w.t.Fatalf("mixmas %s: %v\n%s", strings.Join(arguments, " "), e, &err)
	}
	return out.Bytes(), err.String()
}

func (w world) write(name string, content []byte) {
	w.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(w.path(name)), 0o755), os.WriteFile(w.path(name), content, 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

func (w world) read(name string) []byte {
	w.t.Helper()
	content, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return content
}

// copy copies a file or folder of the pins into the folder.
func (w world) copy(from, to string) {
	w.t.Helper()
	root := filepath.Join(pins, from)
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		w.write(filepath.Join(to, relative), content)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// scores are the records of a store, in the order of their export, without what differs from run to run.
func (w world) scores(store string) []map[string]any {
	w.t.Helper()
	stdout, _ := w.run("scores", "export", "-", "--store", store)
	var list []map[string]any
	for archive := tar.NewReader(bytes.NewReader(stdout)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if strings.HasSuffix(header.Name, "/score.json") {
			content, err := io.ReadAll(archive)
			if err != nil {
				w.t.Fatal(err)
			}
			list = append(list, mask(parse(w.t, content)).(map[string]any))
		}
	}
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// mask removes the values of what differs from run to run and from machine to machine, and the warnings about the data, which
// documents did not have.
func mask(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = mask(v[i])
		}
	case map[string]any:
		for name := range v {
			switch name {
			case "warnings":
				delete(v, name)
			case "seconds", "machine", "peak_memory", "path", "command", "finished", "checksum":
				if v[name] != "" {
					v[name] = "masked"
				}
			default:
				v[name] = mask(v[name])
			}
		}
	}
	return v
}

// numerics is the name of the device's numerics, as kept scores say it.
func numerics(t *testing.T, scores []map[string]any) string {
	t.Helper()
	if len(scores) == 0 {
		t.Fatal("the store is empty")
	}
	return scores[0]["numerics"].(string)
}

// pinned compares values with those in a file of the folder of the given numerics.
func pinned(t *testing.T, numerics, file string, got []byte) {
	t.Helper()
	path := filepath.Join(pins, strings.ReplaceAll(numerics, "/", "-"), file)
	want, err := os.ReadFile(path)
	switch {
	case os.Getenv("MIXMAS_PIN") != "":
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, got, 0o644)); err != nil {
			t.Fatal(err)
		}
	case errors.Is(err, os.ErrNotExist) && runtime.GOARCH != "amd64":
		t.Skipf("the program of commit 35e114f was run on amd64 only: its keys hold numerics, of which %s is none it ran with", numerics)
	case err != nil:
		t.Errorf("nothing is pinned for the numerics %s: %v", numerics, err)
	default:
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("%s is not as it was:\n%s", path, diff)
		}
	}
}

// writeNPY writes an array whose elements a formula gives: no generator's sequence and no rounding is part of the pins.
func (w world) writeNPY(name, kind string, shape []int, element func(row, i int) float32) {
	w.t.Helper()
	size := 1
	for _, n := range shape[1:] {
		size *= n
	}
	axes := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), ", "), "[]")
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s,), }", kind, axes)
	header += strings.Repeat(" ", (64-(10+len(header)+1)%64)%64) + "\n"
	file := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	file = append(file, header...)
	for row := range shape[0] {
		for i := range size {
			if x := element(row, i); kind == "|u1" {
				file = append(file, byte(x))
			} else {
				file, _ = binary.Append(file, binary.LittleEndian, x)
			}
		}
	}
	w.write(name, file)
}

// hash mixes its arguments to a number below 1024.
func hash(numbers ...int) int {
	h := uint32(2166136261)
	for _, n := range numbers {
		h = (h ^ uint32(n)) * 16777619
		h ^= h >> 15
	}
	return int(h>>7) & 1023
}

// arrays are two splits of three modalities and two kinds of labels, about which every modality tells a little.
func (w world) arrays() {
	for split, rows := range map[string]int{"train": 96, "test": 28} {
		seed := len(split)
		class := func(row int) int { return hash(seed, row, 1) % 3 }
		noisy := func(modality int) func(row, i int) float32 {
			return func(row, i int) float32 {
				x := float32(hash(seed, row, modality, i)-512) / 256
				if i%3 == class(row) {
					x += 1.5
				}
				return x
			}
		}
		w.writeNPY("image-"+split+".npy", "<f4", []int{rows, 256}, noisy(2))
		w.writeNPY("vitals-"+split+".npy", "<f4", []int{rows, 6, 4}, noisy(3))
		w.writeNPY("patient-"+split+".npy", "<f4", []int{rows, 5}, noisy(4))
		w.writeNPY("classes-"+split+".npy", "|u1", []int{rows}, func(row, _ int) float32 { return float32(class(row)) })
		w.writeNPY("labels-"+split+".npy", "|u1", []int{rows, 4}, func(row, i int) float32 {
			if i < 3 && i != class(row) {
				return float32(hash(seed, row, 5, i) % 2)
			}
			return float32(hash(seed, row, 6, i) % 4 / 3)
		})
	}
}

// TestSearchesArePinned runs a search with its full training, and compares the document, the scores (keys, specifications,
// metrics, curves, SHA-256 of trained weights and outputs) and the predictions. Those of npy data say standardise: modality, as
// was done to all data then.
func TestSearchesArePinned(t *testing.T) {
	for _, name := range []string{"builtin", "kinds", "labels", "one"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.arrays()
			w.copy(name+".yaml", name+".yaml")
			plan, split := name+".yaml", "test"
			if name == "one" {
				split = "validation"
			}
			document, _ := w.run("run", plan, "--json", "--workers", "2", "--store", "scores.db", "--out", "out")
			predictions, _ := w.run("predict", "--model", "out/model.safetensors", "--data", plan, "--split", split)
			w.pin(name, document, predictions)
		})
	}
}

// pin compares a document, the scores in scores.db and predictions with those of a name.
func (w world) pin(name string, document, predictions []byte) {
	w.t.Helper()
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", " ")
	if err := e.Encode(mask(parse(w.t, document))); err != nil {
		w.t.Fatal(err)
	}
	scores := w.scores("scores.db")
	fmt.Fprintln(&text)
	for _, score := range scores {
		if err := json.NewEncoder(&text).Encode(score); err != nil { // a line each
			w.t.Fatal(err)
		}
	}
	fmt.Fprintf(&text, "\n%s", predictions)
	pinned(w.t, numerics(w.t, scores), name+".txt", text.Bytes())
}

// keptFolder holds files that the program of commit 35e114f wrote for kept.yaml: scores.db with its files after a search with
// each of two kernel sets, and for each set an archive after the full training, the folder of a full training that was killed
// half-way, and a model.
const keptFolder = "kept"

// TestKeptFiles reads what an earlier program left.
func TestKeptFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.copy("kept.yaml", "kept.yaml")
	if os.Getenv("MIXMAS_PIN") != "" {
		t.Skip("files of an earlier program cannot be written by this one")
	}
	w.copy(keptFolder, "")
	w.run("search", "kept.yaml", "--json", "--store", "probe.db") // says the numerics
	own := numerics(t, w.scores("probe.db"))
	set := strings.ReplaceAll(own, "/", "-")
	if _, err := os.Stat(w.path(set)); err != nil {
		if runtime.GOARCH == "amd64" {
			t.Fatalf("no files are kept for the numerics %s", own)
		}
		t.Skipf("commit 35e114f was run on amd64 only, not with the numerics %s", own)
	}

	t.Run("store", func(t *testing.T) {
		w := world{t, w.folder}
		want, _ := w.run("search", "kept.yaml", "--json", "--store", "probe.db")
		got, _ := w.run("search", "kept.yaml", "--json", "--store", "scores.db")
		if diff := cmp.Diff(mask(parse(t, want)), mask(parse(t, got))); diff != "" {
			t.Errorf("searched here, with kept scores:\n%s", diff)
		}
		if n := parse(t, got).(map[string]any)["trainings"]; n != json.Number("0") {
			t.Errorf("%v trainings with kept scores, want 0", n)
		}
		verified, _ := w.run("scores", "verify", "--store", "scores.db")
		if !strings.Contains(string(verified), "8 scores") {
			t.Errorf("scores verify says %q", verified)
		}
		list, _ := w.run("scores", "ls", "--json", "--store", "scores.db")
		if scores := parse(t, list).([]any); len(scores) != 8 {
			t.Errorf("scores ls lists %d scores, want 8", len(scores))
		}
		shown, _ := w.run("scores", "show", "fusion/concat", "--store", "probe.db")
		key := parse(t, shown).(map[string]any)["key"].(string)
		kept, _ := w.run("scores", "show", key, "--store", "scores.db")
		if diff := cmp.Diff(mask(parse(t, shown)), mask(parse(t, kept))); diff != "" {
			t.Errorf("a score of this program, a kept one:\n%s", diff)
		}
	})

	t.Run("archive", func(t *testing.T) {
		w := world{t, w.folder}
		w.run("scores", "import", set+"/scores.tar", "--store", "imported.db")
		got, _ := w.run("run", "kept.yaml", "--json", "--store", "imported.db", "--out", "out")
		if n := parse(t, got).(map[string]any)["trainings"]; n != json.Number("0") {
			t.Errorf("%v trainings with imported scores, want 0", n)
		}
	})

	t.Run("checkpoint", func(t *testing.T) {
		w := world{t, w.folder}
		w.run("scores", "import", set+"/scores.tar", "--store", "finished.db")
		document, stderr := w.run("run", "kept.yaml", "--json", "--store", "scores.db", "--out", set+"/interrupted")
		if n := parse(t, document).(map[string]any)["trainings"]; n != json.Number("1") {
			t.Errorf("%v trainings with the checkpoint, want 1", n)
		}
		if strings.Contains(stderr, "checkpoint") {
			t.Errorf("the checkpoint was not used:\n%s", stderr)
		}
		left, err := filepath.Glob(w.path(set, "interrupted", "checkpoint*"))
		if err != nil || len(left) > 0 {
			t.Errorf("the training left %v (%v)", left, err)
		}
		full := func(store string) map[string]any {
			for _, score := range w.scores(store) {
				if score["name"] == "full/pinned-kept" {
					return score
				}
			}
			t.Fatalf("no score of the full training in %s", store)
			return nil
		}
		if diff := cmp.Diff(full("finished.db"), full("scores.db")); diff != "" {
			t.Errorf("a training in one go, and one that went on from the kept checkpoint:\n%s", diff)
		}
	})

	t.Run("model", func(t *testing.T) {
		w := world{t, w.folder}
		got, _ := w.run("predict", "--model", set+"/model/model.safetensors", "--data", "kept.yaml")
		if diff := cmp.Diff(string(w.read(set+"/predictions.csv")), string(got)); diff != "" {
			t.Errorf("predictions with the kept model:\n%s", diff)
		}
		if _, ok := parse(t, w.read(set+"/model/model.json")).(map[string]any)["model"]; !ok {
			t.Error("model.json says no model")
		}
	})
}
