package study

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mixmas/search/choice"
	"mixmas/search/packed"
)

// The files of this project's own recordings name stages like this.
var layout = Layout{Skip: []string{"var"}, Shared: []Shared{{"network", "hyper1", "fusion", "concat"}}}

const folder = "../../testdata/choosing"

func open(t testing.TB, name string) *Recording {
	t.Helper()
	r, err := Open(t.Context(), filepath.Join(folder, name+".npz"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The rule is right as often as its reference (expected.json: 1,000 replays of another generator).
func TestRuleIsAsRightAsItsReference(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]Calibration
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"builtin", "har"} {
		r := open(t, name)
		for _, repeats := range []int{2, 3, 5} {
			want := expected[fmt.Sprintf("%s, %d repeats", name, repeats)]
			const replays = 100
			got, err := r.Calibrate(t.Context(), layout, repeats, replays, 1)
			if err != nil {
				t.Fatal(err)
			}
			compare := func(stage string, got, want Shares, tolerance float64) {
				for _, x := range []struct {
					what      string
					got, want float64
				}{{"coverage", got.Coverage, want.Coverage}, {"best among ties", got.BestAmongTies, want.BestAmongTies}, {"decided", got.Decided, want.Decided}} {
					if math.Abs(x.got-x.want) > tolerance {
						t.Errorf("%s, %d repeats, %s: %s is %.4f, want %.4f", name, repeats, stage, x.what, x.got, x.want)
					}
				}
			}
			compare("all stages", got.Shares, want.Shares, 0.02)
			if len(got.Stages) != len(want.Stages) {
				t.Fatalf("stages %v, want %v", got.Stages, want.Stages)
			}
			for i, s := range got.Stages {
				if s.Stage != want.Stages[i].Stage {
					t.Errorf("stage %d is %s, want %s", i, s.Stage, want.Stages[i].Stage)
				}
				compare(s.Stage, s.Shares, want.Stages[i].Shares, 0.06) // of 100 replays
			}
		}
	}
}

// The intervals of single means hold the truth too, with repeats.
func TestIntervalsOfMeans(t *testing.T) {
	r := open(t, "har")
	stages, err := r.Stages(layout)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stages {
		p := newReplay(r, s, 3, 1)
		held, all := 0, 0
		for i := range uint64(100) {
			standing, err := choice.Compare(p.draw(rand.New(rand.NewPCG(1, i))))
			if err != nil {
				t.Fatal(err)
			}
			for c, truth := range p.truth {
				all++
				if standing.Low[c] <= truth && truth <= standing.High[c] {
					held++
				}
			}
		}
		if coverage := float64(held) / float64(all); coverage < 0.92 {
			t.Errorf("stage %s: %.3f of the intervals hold the truth, want 0.95", s.Name, coverage)
		}
	}
}

// Replays do not depend on the number of cores, and differ by seed.
func TestReplaysDependOnTheSeedAlone(t *testing.T) {
	r := open(t, "har")
	first, err := r.Calibrate(t.Context(), layout, 2, 20, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	again, err := r.Calibrate(t.Context(), layout, 2, 20, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := r.Calibrate(t.Context(), layout, 2, 20, 2)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.Stages, again.Stages) || slices.Equal(first.Stages, other.Stages) {
		t.Errorf("%v, again %v, with another seed %v", first.Stages, again.Stages, other.Stages)
	}
}

// records are some trainings of two stages.
func records() (list []Record, validation, test []uint16) {
	rng := rand.New(rand.NewPCG(1, 0))
	classes := func(n int) (list []uint16) {
		for range n {
			list = append(list, uint16(rng.IntN(3)))
		}
		return list
	}
	validation, test = classes(70), classes(30)
	for _, stage := range []string{"first/é", "second"} {
		for _, candidate := range []string{"b", "a", "c"} {
			for repeat := range 2 {
				r := Record{Details: Details{Description: Description{stage, candidate, repeat, 1, 10}, Recipe: "a \"recipe\""}, Test: classes(30)}
				for range 1 + rng.IntN(3) {
					r.Validation = append(r.Validation, classes(70))
				}
				list = append(list, r)
			}
		}
	}
	return list, validation, test
}

// npz are the bytes of a file, after a change of its arrays.
func npz(t testing.TB, change func(arrays map[string][]byte)) []byte {
	t.Helper()
	list, validation, test := records()
	var file bytes.Buffer
	if err := Write(&file, list, validation, test); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	arrays := map[string][]byte{}
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if arrays[f.Name], err = io.ReadAll(content); err != nil {
			t.Fatal(err)
		}
	}
	change(arrays)
	var changed bytes.Buffer
	w := zip.NewWriter(&changed)
	for name, content := range arrays {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return changed.Bytes()
}

func TestWriteAndRead(t *testing.T) {
	list, validation, test := records()
	for _, shift := range []uint16{0, 254} { // classes of one byte, and of two
		for i := range list {
			for _, rows := range append(slices.Clone(list[i].Validation), list[i].Test) {
				for row := range rows {
					rows[row] += shift
				}
			}
		}
		for _, labels := range [][]uint16{validation, test} {
			for row := range labels {
				labels[row] += shift
			}
		}
		var file bytes.Buffer
		if err := Write(&file, list, validation, test); err != nil {
			t.Fatal(err)
		}
		r, err := Read(t.Context(), "file", bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if r.Validation != 70 || r.Test != 30 || len(r.Runs) != len(list) {
			t.Fatalf("%d and %d rows, %d runs", r.Validation, r.Test, len(r.Runs))
		}
		for i, run := range r.Runs {
			want := list[i]
			if run.Description != want.Description || len(run.Right) != len(want.Validation) {
				t.Fatalf("run %d is %+v with %d epochs, want %+v with %d", i, run.Description, len(run.Right), want.Description, len(want.Validation))
			}
			for epoch, right := range run.Right {
				for row := range validation {
					if right.Has(row) != (want.Validation[epoch][row] == validation[row]) {
						t.Fatalf("run %d, epoch %d, row %d is right: %t", i, epoch, row, right.Has(row))
					}
				}
			}
			for row := range test {
				if run.Test.Has(row) != (want.Test[row] == test[row]) {
					t.Fatalf("run %d, test row %d is right: %t", i, row, run.Test.Has(row))
				}
			}
		}
	}
}

func TestReadErrors(t *testing.T) {
	cut := func(name string, n int) func(map[string][]byte) {
		return func(arrays map[string][]byte) { arrays[name] = arrays[name][:len(arrays[name])-n] }
	}
	replace := func(name, old, with string) func(map[string][]byte) {
		return func(arrays map[string][]byte) {
			arrays[name] = []byte(strings.Replace(string(arrays[name]), old, with, 1))
		}
	}
	first := len("\x93NUMPY") + 2 + 2 + 118 // of the elements
	for _, c := range []struct {
		name   string
		change func(map[string][]byte)
		want   string
	}{
		{"labels", func(a map[string][]byte) { delete(a, "test_labels.npy") }, "test_labels"},
		{"runs", func(a map[string][]byte) { delete(a, "runs.npy") }, "runs"},
		{"truncated", cut("test_predictions.npy", 3), "test_predictions: shape 12×30 of |u1 needs 360 bytes, it has 357"},
		{"text", cut("runs.npy", 4), "runs: shape"},
		{"numbers", replace("runs.npy", "'<U", "'<f"), "runs"},
		{"JSON", replace("runs.npy", "[\x00\x00\x00{", "[\x00\x00\x00["), "runs: invalid character"},
		{"column-major", replace("test_predictions.npy", "False", "True "), "test_predictions: it is in column-major order"},
		{"rows", replace("validation_predictions.npy", "(12, 3, 70)", "(12, 7, 30)"), "validation_predictions: its shape is 12×7×30, but validation_labels has 70 rows"},
		{"number of runs", replace("test_predictions.npy", "(12, 30)", "(30, 12)"), "test_predictions: its shape is 30×12, but there are 12 runs"},
		{"axes", replace("test_predictions.npy", "(12, 30), ", "(12, 3, 10),"), "want 2 axes"},
		{"no epoch", func(a map[string][]byte) {
			copy(a["validation_predictions.npy"][first:], bytes.Repeat([]byte{255}, 210))
		}, "validation_predictions: run 0 has no epoch"},
		{"a gap", func(a map[string][]byte) {
			copy(a["validation_predictions.npy"][first:], bytes.Repeat([]byte{255}, 70))
			copy(a["validation_predictions.npy"][first+70:], bytes.Repeat([]byte{1}, 70))
		}, "run 0: epoch 2 has predictions, but an earlier one has none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := npz(t, c.change)
			_, err := Read(t.Context(), "some.npz", bytes.NewReader(file), int64(len(file)))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "some.npz") {
				t.Errorf("error %v, want one with %q and the file", err, c.want)
			}
		})
	}
	if _, err := Read(t.Context(), "some.npz", strings.NewReader("hello"), 5); err == nil {
		t.Error("no error for a file that is no archive")
	}
}

func TestParseDescriptions(t *testing.T) {
	got, err := parseDescriptions([]byte(`[{"stage": "a NaN\"", "candidate": "x\\", "repeat": 1, "draw": 2, "flops": Infinity, "val_loss": [NaN, -Infinity, -1.5]}]`))
	if err != nil {
		t.Fatal(err)
	}
	if d := got[0]; d.Stage != "a NaN\"" || d.Candidate != `x\` || d.Repeat != 1 || d.Draw != 2 || !math.IsNaN(d.FLOPs) {
		t.Errorf("got %+v", d)
	}
	for text, want := range map[string]string{
		`[]`:               "there are no runs",
		`{}`:               "cannot unmarshal",
		`[{"stage": "a"}]`: "run 0: want stage, candidate, repeat and draw",
		`[{"stage": "", "candidate": "b", "repeat": 0, "draw": 0}]`:    "want names",
		`[{"stage": "a", "candidate": "b", "repeat": -1, "draw": 0}]`:  "repeat -1",
		`[{"stage": "a", "candidate": "b", "repeat": 0.5, "draw": 0}]`: "0.5",
	} {
		if _, err := parseDescriptions([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
}

// made makes a recording of candidates with the given keys.
func made(stages map[string]map[string][]Key, order ...string) *Recording {
	r := &Recording{Validation: 10, Test: 10}
	for _, stage := range order {
		for candidate, keys := range stages[stage] {
			for _, key := range keys {
				r.Runs = append(r.Runs, Run{Description{stage, candidate, key.Repeat, key.Draw, 1}, []packed.Bits{packed.NewBits(10)}, packed.NewBits(10)})
			}
		}
	}
	return r
}

func TestStages(t *testing.T) {
	keys := []Key{{0, 0}, {1, 0}, {0, 1}}
	r := made(map[string]map[string][]Key{
		"z":   {"b": keys, "a": keys[1:]},
		"y":   {"c": keys},
		"var": {"v": keys, "w": keys},
		"x":   {"d": keys},
	}, "z", "var", "y", "x")
	stages, err := r.Stages(Layout{Skip: []string{"var"}, Shared: []Shared{{"y", "e", "x", "d"}, {"none", "e", "x", "d"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || stages[0].Name != "z" || stages[1].Name != "y" || !slices.Equal(stages[1].Candidates, []string{"c", "e"}) ||
		!slices.Equal(stages[0].Candidates, []string{"a", "b"}) || !slices.Equal(stages[0].Keys, []Key{{0, 1}, {1, 0}}) {
		t.Errorf("got %+v", stages)
	}
	for _, c := range []struct {
		name string
		r    *Recording
		want string
	}{
		{"one candidate", made(map[string]map[string][]Key{"x": {"d": keys}}, "x"), "no stage has two candidates"},
		{"nothing shared", made(map[string]map[string][]Key{"x": {"d": keys[:1], "e": keys[1:]}}, "x"), "stage x: no repeat of any draw has a run of all candidates"},
		{"twice", made(map[string]map[string][]Key{"x": {"d": {keys[0], keys[0]}}}, "x"), "recorded twice"},
	} {
		if _, err := c.r.Stages(Layout{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := r.Calibrate(t.Context(), Layout{}, 4, 1, 1); err == nil || !strings.Contains(err.Error(), "stage z: 4 repeats are wanted, but 2 runs") {
		t.Errorf("too few repeats: %v", err)
	}
}

func FuzzParseDescriptions(f *testing.F) {
	f.Add([]byte(`[{"stage": "a", "candidate": "b", "repeat": 0, "draw": 0, "flops": 1e9, "val_loss": [NaN]}]`))
	f.Add([]byte(`[{"stage": "a\"NaN", "candidate": "\\", "repeat": 99999999999999999999, "draw": -1}]`))
	f.Add([]byte(`"NaN`))
	f.Add([]byte(`[NaN, -Infinity, "\`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parseDescriptions(text)
		if err == nil && len(list) == 0 {
			t.Fatal("no runs and no error")
		}
	})
}

// Whatever the arrays hold, reading them ends with a recording or an error.
func FuzzRead(f *testing.F) {
	names := []string{descriptions, validationPredictions, testPredictions, validationLabels, testLabels}
	npz(f, func(a map[string][]byte) {
		f.Add(a["runs.npy"], a["validation_predictions.npy"], a["test_predictions.npy"], a["validation_labels.npy"], a["test_labels.npy"])
	})
	f.Fuzz(func(t *testing.T, a, b, c, d, e []byte) {
		arrays := [][]byte{a, b, c, d, e}
		r, err := read(t.Context(), func(name string) (io.ReadCloser, int64, error) {
			array := arrays[slices.Index(names, name)]
			return io.NopCloser(bytes.NewReader(array)), int64(len(array)), nil
		})
		if err != nil {
			return
		}
		if _, err := r.Calibrate(t.Context(), Layout{}, 2, 1, 1); err != nil {
			return
		}
	})
}

// BenchmarkCalibrate replays four stages 1,000 times with 3 repeats.
func BenchmarkCalibrate(b *testing.B) {
	r := open(b, "builtin")
	for b.Loop() {
		if _, err := r.Calibrate(b.Context(), layout, 3, 1000, 1); err != nil {
			b.Fatal(err)
		}
	}
}
