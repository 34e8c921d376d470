package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// trial makes the i-th of a series of distinct scores.
func trial(i int) (sc Score, weights, outputs []byte) {
	key, specification, err := Key(map[string]any{"trial": i, "name": "<&\u2028>"})
	if err != nil {
		panic(err)
	}
	sc = Score{
		Key: key, Name: fmt.Sprintf("encoder/image/%d", i), Specification: specification, Status: Finished,
		Metrics:    map[string]float64{"accuracy": 1 / float64(i+3), "loss": math.Pi * float64(i)},
		Curve:      []Epoch{{TrainLoss: 2.3, LearningRate: 0.001, Seconds: 0.25}, {TrainLoss: 1.1, ValidationLoss: 1.2, LearningRate: 0.001, Seconds: 0.5}},
		Parameters: 29355, FLOPs: 1<<53 + 1, Seconds: 12.5, Machine: "a processor, linux/amd64", Numerics: "cpu/portable",
		Finished: time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC),
	}
	return sc, bytes.Repeat([]byte{byte(i), 1}, 50+i), fmt.Appendf(nil, "outputs of %d", i)
}

func failedTrial(i int) Score {
	sc, _, _ := trial(i)
	sc.Status, sc.Reason, sc.Metrics = Failed, "loss is NaN in epoch 2", nil
	return sc
}

// temporaryStore does not wait for the disk.
func temporaryStore(t testing.TB) *Store {
	t.Helper()
	s, err := open(t.Context(), &Store{path: filepath.Join(t.TempDir(), "scores.db"), noSync: true, step: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *Store, i int) Score {
	t.Helper()
	sc, err := putTrial(s, i)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// putTrial stores the i-th trial as it is.
func putTrial(s *Store, i int) (Score, error) {
	sc, weights, outputs := trial(i)
	return s.Put(context.Background(), sc, weights, outputs)
}

func wantError(t testing.TB, err, is error, says string) {
	t.Helper()
	if !errors.Is(err, is) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %q, want one line that is %q and says %q", err, is, says)
	}
}

func TestPutGet(t *testing.T) {
	s := temporaryStore(t)
	sc, weights, outputs := trial(7)
	stored, err := s.Put(t.Context(), sc, weights, outputs)
	if err != nil {
		t.Fatal(err)
	}
	want := sc
	want.Weights, want.Outputs = digest(weights), digest(outputs)
	got, err := s.Get(t.Context(), sc.Key)
	if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(stored, want) {
		t.Errorf("got %+v, %v\nput returned %+v\nwant %+v", got, err, stored, want)
	}
	if w, err := s.Weights(got); err != nil || !bytes.Equal(w, weights) {
		t.Errorf("weights %v, %v", w, err)
	}
	if o, err := s.Outputs(got); err != nil || !bytes.Equal(o, outputs) {
		t.Errorf("outputs %q, %v", o, err)
	}
	_, err = s.Get(t.Context(), strings.Repeat("0", 64))
	wantError(t, err, ErrNotFound, strings.Repeat("0", 64))
}

// The place of the files is part of the format.
func TestLayout(t *testing.T) {
	s := temporaryStore(t)
	sc := put(t, s, 1)
	if _, err := os.Stat(s.Path() + ".files/" + string(sc.Weights[:2]) + "/" + string(sc.Weights)); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(s.Path() + ".files/temporary-*")
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestMetricsKeepEveryBit(t *testing.T) {
	s := temporaryStore(t)
	i := 0
	rapid.Check(t, func(t *rapid.T) {
		i++
		sc, _, _ := trial(i)
		sc.Metrics = rapid.MapOf(rapid.StringMatching("[a-z]{1,5}"), rapid.Float64()).Draw(t, "metrics")
		sc.Seconds = rapid.Float64Range(0, 1e9).Draw(t, "seconds")
		stored, err := s.Put(t.Context(), sc, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(t.Context(), sc.Key)
		if err != nil || len(got.Metrics) != len(sc.Metrics) || !reflect.DeepEqual(got, stored) {
			t.Fatalf("got %+v, %v, want %+v", got, err, stored)
		}
		for name, v := range sc.Metrics {
			if math.Float64bits(got.Metrics[name]) != math.Float64bits(v) {
				t.Errorf("%s: got %v, want %v", name, got.Metrics[name], v)
			}
		}
		if math.Float64bits(got.Seconds) != math.Float64bits(sc.Seconds) {
			t.Errorf("seconds: got %v, want %v", got.Seconds, sc.Seconds)
		}
	})
}

func TestFirstScoreStays(t *testing.T) {
	s := temporaryStore(t)
	first := put(t, s, 1)
	second, weights, outputs := trial(1)
	second.Seconds = 99
	stored, err := s.Put(t.Context(), second, append(weights, 0), outputs)
	if err != nil || !reflect.DeepEqual(stored, first) {
		t.Errorf("put returned %+v, %v, want the first %+v", stored, err, first)
	}
	if stored, err = s.Put(t.Context(), failedTrial(1), nil, nil); err != nil || stored.Status != Finished {
		t.Errorf("a failure replaced a finished score: %+v, %v", stored, err)
	}
	if got, err := s.Get(t.Context(), first.Key); err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFailureIsReplaced(t *testing.T) {
	s := temporaryStore(t)
	failed := failedTrial(1)
	failed.Curve[1].TrainLoss = math.NaN()
	failed.Reason = "broken \xff text"
	stored, err := s.Put(t.Context(), failed, nil, nil)
	if err != nil || stored.Status != Failed || stored.Reason != "broken \uFFFD text" || len(stored.Curve) != 1 {
		t.Errorf("put returned %+v, %v; the curve must end before NaN", stored, err)
	}
	_, err = s.Weights(stored)
	wantError(t, err, ErrPruned, "left none")
	if stored = put(t, s, 1); stored.Status != Finished {
		t.Errorf("put returned %+v", stored)
	}
}

func TestPutRefuses(t *testing.T) {
	s := temporaryStore(t)
	for name, c := range map[string]struct {
		spoil func(sc *Score)
		want  string
	}{
		"NaN":           {func(sc *Score) { sc.Metrics["f1_macro"] = math.NaN() }, "metric f1_macro is NaN: omit undefined metrics"},
		"infinity":      {func(sc *Score) { sc.Metrics["loss"] = math.Inf(1) }, "metric loss is +Inf"},
		"curve":         {func(sc *Score) { sc.Curve[1].ValidationLoss = math.NaN() }, "epoch 2 of the curve"},
		"seconds":       {func(sc *Score) { sc.Seconds = math.NaN() }, "a time of NaN seconds is impossible"},
		"long":          {func(sc *Score) { sc.Seconds = 1e300 }, "a time of 1e+300 seconds is impossible"},
		"range":         {func(sc *Score) { sc.Metrics["accuracy"] = 1e300 }, "metric accuracy is 1e+300, want 0 to 1"},
		"negative loss": {func(sc *Score) { sc.Metrics["loss"] = -1 }, "metric loss is -1, want 0 or more"},
		"learning rate": {func(sc *Score) { sc.Curve[0].LearningRate = -1 }, "epoch 1 of the curve has a learning rate of -1"},
		"parameters":    {func(sc *Score) { sc.Parameters = -1 }, "-1 parameters"},
		"digest":        {func(sc *Score) { sc.Key = strings.ToUpper(sc.Key) }, "key is not"},
		"key":           {func(sc *Score) { sc.Key = strings.Repeat("0", 64) }, "key is not the SHA-256 of the specification"},
		"no key":        {func(sc *Score) { sc.Key = "" }, "key is not"},
		"specification": {func(sc *Score) { sc.Specification = []byte(`{"b":1, "a":2}`) }, "not canonical JSON"},
		"no JSON":       {func(sc *Score) { sc.Specification = nil }, "specification is not JSON"},
		"name":          {func(sc *Score) { sc.Name = "" }, "has no name"},
		"status":        {func(sc *Score) { sc.Status = "" }, `status "": want `},
		"spelling":      {func(sc *Score) { sc.Status = "fInished" }, `status "fInished": want `},
	} {
		sc, weights, outputs := trial(1)
		c.spoil(&sc)
		if _, err := s.Put(t.Context(), sc, weights, outputs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	if list, err := s.List(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("refused scores are stored: %v, %v", list, err)
	}
}

func TestDamagedFile(t *testing.T) {
	s := temporaryStore(t)
	sc := put(t, s, 1)
	_, weights, _ := trial(1)
	for name, content := range map[string][]byte{"cut": weights[:5], "changed": bytes.Repeat([]byte{9}, len(weights)), "empty": {}} {
		if err := os.WriteFile(s.blobPath(sc.Weights), content, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := s.Weights(sc)
		wantError(t, err, ErrDamaged, s.blobPath(sc.Weights))
		if err := s.Export(t.Context(), &bytes.Buffer{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: exported: %v", name, err)
		}
		if err := s.PutWeights(t.Context(), sc, weights); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Weights(sc); err != nil || !bytes.Equal(got, weights) {
			t.Errorf("%s: restored weights: %v, %v", name, got, err)
		}
	}
	_, err := s.Weights(Score{Key: sc.Key, Weights: "../../secret"})
	if err == nil || !strings.Contains(err.Error(), "is not a SHA-256") {
		t.Errorf("a digest that is a path: %v", err)
	}
}

func TestPruneAndRestore(t *testing.T) {
	s := temporaryStore(t)
	kept, pruned := put(t, s, 1), put(t, s, 2)
	strangers := []string{"temporary-KILLED", "ab/" + strings.Repeat("ab", 32), "note.txt", "temporary/x"}
	for _, name := range strangers {
		path := filepath.Join(s.folder(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("123"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, weights, _ := trial(2)
	files, size, err := s.Prune(t.Context(), func(sc Score) bool { return sc.Key == kept.Key })
	if err != nil || files != 3 || size != int64(len(weights)+6) {
		t.Errorf("pruned %d files, %d bytes, %v; want the weights of trial 2, a killed writer's file and one without a score", files, size, err)
	}
	for i, name := range strangers {
		if _, err := os.Stat(filepath.Join(s.folder(), name)); (err == nil) != (i > 1) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = s.Weights(pruned)
	wantError(t, err, ErrPruned, "weights of "+pruned.Key[:12]+" (encoder/image/2)")
	for _, read := range []func() ([]byte, error){
		func() ([]byte, error) { return s.Weights(kept) },
		func() ([]byte, error) { return s.Outputs(kept) },
		func() ([]byte, error) { return s.Outputs(pruned) },
	} {
		if _, err := read(); err != nil {
			t.Error(err)
		}
	}
	wantError(t, s.PutWeights(t.Context(), pruned, []byte("other")), ErrDiffers, "differs from the recorded one")
	if err := s.PutWeights(t.Context(), pruned, weights); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Weights(pruned); err != nil || !bytes.Equal(got, weights) {
		t.Errorf("restored %v, %v", got, err)
	}
	if err := s.Remove(t.Context(), pruned.Key); err != nil {
		t.Fatal(err)
	}
	if err := s.PutWeights(t.Context(), pruned, weights); err != nil {
		t.Error("of a score that was removed: ", err)
	}
}

// Two scores may have the same outputs; removing one leaves the other whole.
func TestRemoveKeepsSharedFiles(t *testing.T) {
	s := temporaryStore(t)
	a, weights, outputs := trial(1)
	b, _, _ := trial(2)
	for _, sc := range []Score{a, b} {
		if _, err := s.Put(t.Context(), sc, append(weights, sc.Key[0]), outputs); err != nil {
			t.Fatal(err)
		}
	}
	first, err := s.Get(t.Context(), a.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), a.Key); err != nil {
		t.Fatal(err)
	}
	_, err = s.Weights(first)
	wantError(t, err, ErrPruned, "was removed")
	second, err := s.Get(t.Context(), b.Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Outputs(second); err != nil {
		t.Error(err)
	}
	wantError(t, s.Remove(t.Context(), a.Key), ErrNotFound, a.Key)
}

func TestListAndFind(t *testing.T) {
	s := temporaryStore(t)
	var want []Score
	for i := range 20 {
		sc, _, _ := trial(i)
		sc.Name = fmt.Sprintf("fusion/%d", i%10)
		if _, err := s.Put(t.Context(), sc, nil, nil); err != nil {
			t.Fatal(err)
		}
		want = append(want, sc)
	}
	slices.SortFunc(want, func(a, b Score) int { return strings.Compare(a.Name+a.Key, b.Name+b.Key) })
	if got, err := s.List(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, sc := range want {
		for n := 1; n <= len(sc.Key); n++ {
			prefix := sc.Key[:n]
			alike := 0
			for _, other := range want {
				if strings.HasPrefix(other.Key, prefix) {
					alike++
				}
			}
			found, err := s.Find(t.Context(), prefix)
			switch {
			case alike > 1:
				wantError(t, err, ErrAmbiguous, sc.Key[:12]+" ("+sc.Name+")")
			case err != nil || found.Key != sc.Key:
				t.Errorf("%s: found %v, %v", prefix, found.Key, err)
			}
		}
	}
	for _, prefix := range []string{"", "x", want[0].Key + "0"} {
		_, err := s.Find(t.Context(), prefix)
		wantError(t, err, ErrNotFound, fmt.Sprintf("%q", prefix))
	}
}

// Between calls the file is not locked, so that other programs can use it.
func TestNotHeldBetweenCalls(t *testing.T) {
	s := temporaryStore(t)
	s.options.Timeout = 60 * time.Millisecond
	sc := put(t, s, 1)
	other, err := bbolt.Open(s.Path(), 0o644, &bbolt.Options{Timeout: 60 * time.Millisecond})
	if err != nil {
		t.Fatal("the store holds its file: ", err)
	}
	_, err = s.Get(t.Context(), sc.Key)
	wantError(t, err, ErrLocked, "waited 60ms")
	_, err = putTrial(s, 2)
	wantError(t, err, ErrLocked, s.Path())
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), sc.Key); err != nil {
		t.Error(err)
	}
}

func TestReadOnly(t *testing.T) {
	s := temporaryStore(t)
	sc := put(t, s, 1)
	_, weights, _ := trial(1)
	reader, err := Open(t.Context(), s.Path(), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := reader.Get(t.Context(), sc.Key); err != nil || !reflect.DeepEqual(got, sc) {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = putTrial(reader, 2)
	wantError(t, err, ErrReadOnly, s.Path())
	wantError(t, reader.PutWeights(t.Context(), sc, weights), ErrReadOnly, s.Path())
	wantError(t, reader.Remove(t.Context(), sc.Key), ErrReadOnly, s.Path())
	_, _, err = reader.Prune(t.Context(), func(Score) bool { return false })
	wantError(t, err, ErrReadOnly, s.Path())
	missing := filepath.Join(t.TempDir(), "scores.db")
	_, err = Open(t.Context(), missing, Options{ReadOnly: true})
	wantError(t, err, os.ErrNotExist, missing)
	if _, err := os.Stat(missing + ".files"); err == nil {
		t.Error("opening read-only created a folder")
	}
}
