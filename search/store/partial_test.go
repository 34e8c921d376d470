package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// partialTrial makes what the i-th trial leaves that stops after so many epochs, with outputs after those that are asked for.
func partialTrial(i, epochs int, asked ...int) (Score, Files) {
	sc, _, _ := trial(i)
	sc.Status, sc.Curve = Partial, slices.Repeat(sc.Curve[:1], epochs)
	f := Files{Outputs: fmt.Appendf(nil, "outputs of %d after %d", i, epochs), Checkpoint: fmt.Appendf(nil, "checkpoint of %d after %d", i, epochs)}
	for _, epoch := range asked {
		if f.EpochOutputs == nil {
			f.EpochOutputs = map[int][]byte{}
		}
		f.EpochOutputs[epoch] = fmt.Appendf(nil, "outputs of %d after %d", i, epoch)
	}
	return sc, f
}

func putPartial(t testing.TB, s *Store, i, epochs int, asked ...int) Score {
	t.Helper()
	sc, f := partialTrial(i, epochs, asked...)
	stored, err := s.PutFiles(t.Context(), sc, f)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// files counts the files of a store.
func files(t testing.TB, s *Store) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.folder(), "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestPartialIsReadAsWritten(t *testing.T) {
	s := temporaryStore(t)
	stored := putPartial(t, s, 1, 3, 1, 3)
	got, err := s.GetPartial(t.Context(), stored.Key)
	if err != nil || !reflect.DeepEqual(got, stored) || got.Status != Partial || len(got.Curve) != 3 {
		t.Errorf("got %+v, %v, want %+v", got, err, stored)
	}
	for want, read := range map[string]func() ([]byte, error){
		"checkpoint of 1 after 3": func() ([]byte, error) { return s.Checkpoint(got) },
		"outputs of 1 after 3":    func() ([]byte, error) { return s.EpochOutputs(got, 3) },
		"outputs of 1 after 1":    func() ([]byte, error) { return s.EpochOutputs(got, 1) },
	} {
		if content, err := read(); err != nil || string(content) != want {
			t.Errorf("got %q, %v, want %q", content, err, want)
		}
	}
	_, err = s.EpochOutputs(got, 2)
	wantError(t, err, ErrPruned, "outputs-2 of "+got.Key[:12])
	_, err = s.Get(t.Context(), got.Key) // it is no end
	wantError(t, err, ErrNotFound, got.Key)
	if list, err := s.List(t.Context()); err != nil || !reflect.DeepEqual(list, []Score{got}) {
		t.Errorf("listed %+v, %v", list, err)
	}
	if found, err := s.Find(t.Context(), got.Key[:9]); err != nil || !reflect.DeepEqual(found, got) {
		t.Errorf("found %+v, %v", found, err)
	}
	if err := s.Remove(t.Context(), got.Key); err != nil || files(t, s) > 0 {
		t.Errorf("removed: %v, %d files are left", err, files(t, s))
	}
	_, err = s.GetPartial(t.Context(), got.Key)
	wantError(t, err, ErrNotFound, got.Key)
}

// What lies under a key after two scores of it were put, in that order.
func TestPartialIsReplaced(t *testing.T) {
	const key = 1
	full := func() (Score, Files) {
		sc, weights, outputs := trial(key)
		return sc, Files{Weights: weights, Outputs: outputs}
	}
	failed := func() (Score, Files) { return failedTrial(key), Files{} }
	after := func(epochs int, asked ...int) func() (Score, Files) {
		return func() (Score, Files) { return partialTrial(key, epochs, asked...) }
	}
	for name, c := range map[string]struct {
		first, second func() (Score, Files)
		status        Status
		epochs        int
		outputs       []int // after these epochs
		files         int
	}{
		"further":                     {after(2), after(3), Partial, 3, nil, 2},
		"less far":                    {after(3), after(2), Partial, 3, nil, 2},
		"as far":                      {after(2, 1), after(2, 1, 2), Partial, 2, []int{1, 2}, 3}, // 2: those of the last epoch
		"outputs of both":             {after(2, 1), after(4, 3), Partial, 4, []int{1, 3}, 4},
		"outputs of a shorter one":    {after(4, 3), after(2, 1), Partial, 4, []int{1, 3}, 4},
		"finished":                    {after(2, 1), full, Finished, 2, []int{1}, 3},
		"after a finished one":        {full, after(5), Finished, 2, nil, 2},
		"outputs of a finished one":   {full, after(2, 1), Finished, 2, []int{1}, 3},
		"outputs that it cannot have": {full, after(5, 1, 4), Finished, 2, []int{1}, 3},
		"failed":                      {after(3, 1, 3), failed, Failed, 2, []int{1}, 1},
		"tried again":                 {failed, after(1), Partial, 1, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := temporaryStore(t)
			var returned Score
			for _, put := range []func() (Score, Files){c.first, c.second} {
				sc, f := put()
				var err error
				if returned, err = s.PutFiles(t.Context(), sc, f); err != nil {
					t.Fatal(err)
				}
			}
			list, err := s.List(t.Context())
			if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], returned) {
				t.Fatalf("listed %+v, %v, but put returned %+v", list, err, returned)
			}
			got := list[0]
			if got.Status != c.status || len(got.Curve) != c.epochs || !slices.Equal(slices.Sorted(maps.Keys(got.EpochOutputs)), c.outputs) {
				t.Errorf("got %s after %d epochs with outputs %v, want %s after %d with %v", got.Status, len(got.Curve), got.EpochOutputs,
					c.status, c.epochs, c.outputs)
			}
			for _, p := range got.parts() {
				if _, err := s.readBlob(p.digest, got, p.name); err != nil {
					t.Error(err)
				}
			}
			if n := files(t, s); n != c.files {
				t.Errorf("%d files are kept, want %d", n, c.files)
			}
			_, err = s.Get(t.Context(), got.Key)
			if known := c.status != Partial; known != (err == nil) {
				t.Errorf("Get: %v", err)
			}
			_, err = s.GetPartial(t.Context(), got.Key)
			if known := c.status == Partial; known != (err == nil) {
				t.Errorf("GetPartial: %v", err)
			}
		})
	}
}

// Files that another score names stay when a partial one is replaced.
func TestReplacedPartialLeavesSharedFiles(t *testing.T) {
	s := temporaryStore(t)
	other, weights, _ := trial(2)
	sc, f := partialTrial(1, 1)
	if _, err := s.Put(t.Context(), other, weights, f.Outputs); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutFiles(t.Context(), sc, f); err != nil {
		t.Fatal(err)
	}
	put(t, s, 1)
	whole(t, s, "")
}

func TestPrunedCheckpoints(t *testing.T) {
	s := temporaryStore(t)
	kept, pruned := putPartial(t, s, 1, 2, 1), putPartial(t, s, 2, 2, 1)
	n, _, err := s.Prune(t.Context(), func(sc Score) bool { return sc.Key == kept.Key })
	if err != nil || n != 1 {
		t.Errorf("pruned %d files, %v, want 1", n, err)
	}
	if _, err := s.Checkpoint(kept); err != nil {
		t.Error(err)
	}
	_, err = s.Checkpoint(pruned)
	wantError(t, err, ErrPruned, "checkpoint of "+pruned.Key[:12])
	if _, err := s.EpochOutputs(pruned, 1); err != nil {
		t.Error(err)
	}
	if scores, n, wrong := verify(t, s); scores != 2 || n != 5 || len(wrong) > 0 {
		t.Errorf("verified %d scores, %d files: %q", scores, n, wrong)
	}
	// The training starts afresh and comes as far: what it goes on from is there again.
	sc, f := partialTrial(2, 2, 1)
	f.Checkpoint = []byte("another")
	again, err := s.PutFiles(t.Context(), sc, f)
	if err != nil {
		t.Fatal(err)
	}
	if content, err := s.Checkpoint(again); err != nil || string(content) != "another" {
		t.Errorf("got %q, %v", content, err)
	}
}

func TestPartialRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(sc *Score, f *Files)
		want  string
	}{
		"no checkpoint": {func(sc *Score, f *Files) { f.Checkpoint = nil }, "is partial, but lacks a checkpoint or an epoch"},
		"no epoch":      {func(sc *Score, f *Files) { sc.Curve = nil }, "is partial, but lacks a checkpoint or an epoch"},
		"finished":      {func(sc *Score, f *Files) { sc.Status = Finished }, "is finished, but has a checkpoint"},
		"failed":        {func(sc *Score, f *Files) { sc.Status = Failed }, "is failed, but has a checkpoint"},
		"epoch 0":       {func(sc *Score, f *Files) { f.EpochOutputs[0] = []byte("x") }, "after epoch 0 of 3"},
		"epoch 4":       {func(sc *Score, f *Files) { f.EpochOutputs[4] = []byte("x") }, "after epoch 4 of 3"},
		"no outputs":    {func(sc *Score, f *Files) { f.EpochOutputs[2] = nil }, `outputs "" after epoch 2 of 3`},
	} {
		s := temporaryStore(t)
		sc, f := partialTrial(1, 3, 1)
		c.spoil(&sc, &f)
		if _, err := s.PutFiles(t.Context(), sc, f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}

// A record in the wrong bucket is damaged: as it lies, older versions would see or miss it.
func TestPartialAmongOthers(t *testing.T) {
	s := temporaryStore(t)
	sc, f := partialTrial(1, 1)
	sc.Checkpoint = digest(f.Checkpoint)
	setRecord(t, s, sc.Key, record(t, sc))
	_, err := s.Get(t.Context(), sc.Key)
	wantError(t, err, ErrDamaged, "is partial, but is stored among the wrong scores")
	if err := s.Remove(t.Context(), sc.Key); err != nil {
		t.Fatal(err)
	}
	putPartial(t, s, 1, 1)
}

// What a version that knows no partial scores does beside them: it trains to the end, and prunes what it does not know.
func TestOlderVersionsBesidePartial(t *testing.T) {
	s := temporaryStore(t)
	stopped, ended := putPartial(t, s, 1, 2, 1), putPartial(t, s, 2, 2, 1)
	sc, weights, outputs := trial(2)
	sc.Weights, sc.Outputs = digest(weights), digest(outputs)
	if err := s.writeBlobs([]blob{newBlob(weights), newBlob(outputs)}); err != nil {
		t.Fatal(err)
	}
	setRecord(t, s, sc.Key, record(t, sc))
	if got, err := s.Get(t.Context(), ended.Key); err != nil || got.Status != Finished {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err := s.GetPartial(t.Context(), ended.Key)
	wantError(t, err, ErrNotFound, ended.Key)
	if list, err := s.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("listed %+v, %v", list, err)
	}
	if found, err := s.Find(t.Context(), ended.Key[:12]); err != nil || found.Status != Finished {
		t.Errorf("found %+v, %v", found, err)
	}
	for _, p := range stopped.parts() { // its prune
		if err := os.Remove(s.blobPath(p.digest)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, wrong := verify(t, s); len(wrong) > 0 {
		t.Errorf("wrong: %q", wrong)
	}
	for _, read := range []func() ([]byte, error){
		func() ([]byte, error) { return s.Checkpoint(stopped) },
		func() ([]byte, error) { return s.EpochOutputs(stopped, 1) },
		func() ([]byte, error) { return s.Outputs(stopped) },
	} {
		_, err := read()
		wantError(t, err, ErrPruned, "was removed")
	}
	if _, _, err := s.Prune(t.Context(), func(Score) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if n := files(t, s); n != 2 {
		t.Errorf("%d files are left, want weights and outputs of the finished trial", n)
	}
	err = s.view(t.Context(), func(scores *bbolt.Bucket) error {
		if partials(scores).Get([]byte(ended.Key)) != nil {
			t.Error("pruning left the partial score of a trial that has ended")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPartialIsExported(t *testing.T) {
	from := filled(t)
	if head := export(t, from)[512:]; !bytes.HasPrefix(head, []byte(`{"format":1}`)) {
		t.Errorf("an archive that older versions understand begins with %.40q", head)
	}
	stopped := putPartial(t, from, 7, 3, 1, 2)
	archive := export(t, from)
	if head := archive[512:]; !bytes.HasPrefix(head, []byte(`{"format":2}`)) {
		t.Errorf("an archive that they do not understand begins with %.40q", head)
	}
	to := temporaryStore(t)
	putPartial(t, to, 7, 2, 2)
	if got, err := to.Import(t.Context(), bytes.NewReader(archive)); got != (Imported{Added: 4, Known: 0}) || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	got, err := to.GetPartial(t.Context(), stopped.Key)
	if err != nil || !reflect.DeepEqual(got, stopped) {
		t.Errorf("got %+v, %v, want %+v", got, err, stopped)
	}
	for _, p := range got.parts() {
		if _, err := to.readBlob(p.digest, got, p.name); err != nil {
			t.Error(err)
		}
	}
	if !bytes.Equal(export(t, to), archive) {
		t.Error("what was imported is exported as something else")
	}
	put(t, to, 7)
	if got, err := to.Import(t.Context(), bytes.NewReader(archive)); got != (Imported{Added: 0, Known: 4}) || err != nil {
		t.Errorf("onto a finished score: %+v, %v", got, err)
	}
	if got, err := to.Get(t.Context(), stopped.Key); err != nil || got.Status != Finished {
		t.Errorf("got %+v, %v", got, err)
	}
}

// However scores of one trial come in, the one that got furthest stays, and every file that it names is there.
func TestFurthestStays(test *testing.T) {
	rapid.Check(test, func(t *rapid.T) {
		s := temporaryStore(test)
		want := Score{}
		for range rapid.IntRange(1, 6).Draw(t, "puts") {
			var sc Score
			var f Files
			switch rapid.SampledFrom([]Status{Finished, Partial, Partial, Partial}).Draw(t, "status") {
			case Finished:
				sc, f.Weights, f.Outputs = trial(1)
			default:
				epochs := rapid.IntRange(1, 4).Draw(t, "epochs")
				asked := rapid.SliceOfNDistinct(rapid.IntRange(1, epochs), 0, 2, rapid.ID).Draw(t, "asked")
				sc, f = partialTrial(1, epochs, asked...)
			}
			stored, err := s.PutFiles(t.Context(), sc, f)
			if err != nil {
				t.Fatal(err)
			}
			if want.Status != Finished && (sc.Status == Finished || len(sc.Curve) > len(want.Curve)) {
				want = sc
			}
			if stored.Status != want.Status || len(stored.Curve) != len(want.Curve) {
				t.Fatalf("stored is %s after %d epochs, want %s after %d", stored.Status, len(stored.Curve), want.Status, len(want.Curve))
			}
			for epoch := range f.EpochOutputs {
				if _, err := s.EpochOutputs(stored, epoch); err != nil && epoch <= len(stored.Curve) {
					t.Fatal(err)
				}
			}
			for _, p := range stored.parts() {
				if _, err := s.readBlob(p.digest, stored, p.name); err != nil {
					t.Fatal(err)
				}
			}
		}
		before := files(test, s)
		if _, _, err := s.Prune(t.Context(), func(Score) bool { return true }); err != nil || files(test, s) != before {
			t.Fatalf("%d files were not named by any score (%v)", before-files(test, s), err)
		}
	})
}

// A store without partial scores has no bucket for them: it is what older versions wrote, byte for byte.
func TestNoBucketWithoutPartial(t *testing.T) {
	s := temporaryStore(t)
	put(t, s, 1)
	if _, _, err := s.Prune(t.Context(), func(Score) bool { return false }); err != nil {
		t.Fatal(err)
	}
	err := s.view(t.Context(), func(scores *bbolt.Bucket) error {
		if partials(scores) != nil {
			t.Error("there is a bucket for partial scores")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetPartial(t.Context(), strings.Repeat("0", 64)); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
