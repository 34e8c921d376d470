package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

const (
	firstRun  = "20260101-000000-aaaa"
	secondRun = "20260102-000000-bbbb"
)

// putRuns stores two runs: one with two files and events, and one with neither.
func putRuns(t testing.TB, s *Store) {
	t.Helper()
	for id, files := range map[string]map[string][]byte{
		firstRun: {"document.json": []byte(`{"stages":[]}`), "notes.txt": {}}, secondRun: nil,
	} {
		lease, err := s.LeaseRun(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.PutRun(t.Context(), id, json.RawMessage(`{"name":"<a> & \u001b"}`), files); err != nil {
			t.Fatal(err)
		}
		lease.Release()
	}
	path, err := s.RunEvents(firstRun)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{\"kind\":\"stage\"}\n{\"ki"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func runIDs(list []RunRecord) (ids []string) {
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestRuns(t *testing.T) {
	s := temporaryStore(t)
	if list, err := s.Runs(t.Context()); len(list) != 0 || err != nil {
		t.Errorf("a new store has the runs %v, %v", list, err)
	}
	if _, err := s.Run(t.Context(), firstRun); !errors.Is(err, ErrUnrecorded) {
		t.Errorf("a run that is not there: %v", err)
	}
	if err := s.RemoveRun(t.Context(), firstRun); !errors.Is(err, ErrUnrecorded) {
		t.Errorf("removing it: %v", err)
	}
	putRuns(t, s)
	list, err := s.Runs(t.Context())
	if ids := runIDs(list); !slices.Equal(ids, []string{firstRun, secondRun}) || err != nil {
		t.Fatalf("runs %v, %v", ids, err)
	}
	if err := s.PutRun(t.Context(), firstRun, nil, map[string][]byte{"document.json": []byte("new"), "more": []byte("more")}); err != nil {
		t.Fatal(err)
	}
	r, err := s.Run(t.Context(), firstRun)
	if err != nil || string(r.Content) != `{"name":"<a> & \u001b"}` {
		t.Fatalf("content %s, %v", r.Content, err)
	}
	for name, want := range map[string]string{"document.json": "new", "notes.txt": "", "more": "more"} {
		if content, err := s.RunFile(r, name); string(content) != want || err != nil {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
	if _, err := s.RunFile(r, "other"); !errors.Is(err, ErrUnrecorded) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := os.Stat(s.runFile(firstRun, digest([]byte(`{"stages":[]}`)))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file that was replaced is still there: %v", err)
	}
	if err := s.RemoveRun(t.Context(), firstRun); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.runFolder(firstRun)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a removed run is still there: %v", err)
	}
}

// A run lives as long as its lease; whoever asks does not disturb it, and others who ask at the same time.
func TestRunLease(t *testing.T) {
	s := temporaryStore(t)
	lease, err := s.LeaseRun(firstRun)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LeaseRun(firstRun); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the ID was taken twice: %v", err)
	}
	if err := s.PutRun(t.Context(), firstRun, json.RawMessage(`{}`), nil); err != nil {
		t.Fatal(err)
	}
	readOnly, err := Open(t.Context(), s.Path(), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if !s.RunHeld(firstRun) || !readOnly.RunHeld(firstRun) || s.RunHeld(secondRun) || s.RunHeld("../x") {
		t.Error("the one run that lives was not told from others")
	}
	if err := s.RemoveRun(t.Context(), firstRun); !errors.Is(err, ErrRunning) {
		t.Errorf("a run that lives was removed: %v", err)
	}
	lease.Release()
	asked := make(chan bool)
	for range 4 {
		go func() {
			held := false
			for range 50 {
				held = held || s.RunHeld(firstRun)
			}
			asked <- held
		}()
	}
	for range 4 {
		if <-asked {
			t.Error("one who asks was taken for the process of the run")
		}
	}
	for name, err := range map[string]error{
		"lease": func() error { _, err := readOnly.LeaseRun(secondRun); return err }(),
		"put":   readOnly.PutRun(t.Context(), firstRun, json.RawMessage(`{}`), nil), "remove": readOnly.RemoveRun(t.Context(), firstRun),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s in a store opened read-only: %v", name, err)
		}
	}
}

// Nothing that a record or an archive says becomes a path outside the run's folder.
func TestRunNames(t *testing.T) {
	s := temporaryStore(t)
	for _, id := range []string{"", "..", ".", "a/b", `a\b`, "A", "a\x00", "é", "con:", strings.Repeat("a", 65)} {
		if err := s.PutRun(t.Context(), id, json.RawMessage(`{}`), nil); err == nil {
			t.Errorf("the ID %q was taken", id)
		}
		if _, err := s.LeaseRun(id); err == nil {
			t.Errorf("the ID %q was leased", id)
		}
		if _, err := s.RunEvents(id); err == nil {
			t.Errorf("the ID %q has events", id)
		}
	}
	for _, name := range []string{"", "..", ".x", "a/b", `a\b`, "A", eventsFile, runRecordName, strings.Repeat("a", 65)} {
		if err := s.PutRun(t.Context(), firstRun, json.RawMessage(`{}`), map[string][]byte{name: {}}); err == nil {
			t.Errorf("the file %q was taken", name)
		}
	}
	for _, content := range []string{"", "[]", "null", "{"} {
		if err := s.PutRun(t.Context(), firstRun, json.RawMessage(content), nil); err == nil {
			t.Errorf("the content %q was taken", content)
		}
	}
	if _, err := s.RunFile(RunRecord{ID: firstRun, Files: map[string]Digest{"a": "../../scores.db"}}, "a"); err == nil {
		t.Error("a digest that is a path was followed")
	}
}

// damageRun changes bytes of a record in the file.
func damageRun(t *testing.T, s *Store, id string) {
	t.Helper()
	err := s.update(t.Context(), func(scores *bbolt.Bucket) error {
		record := bytes.Clone(runsOf(scores).Get([]byte(id)))
		return runsOf(scores).Put([]byte(id), bytes.Replace(record, []byte("<a>"), []byte("<b>"), 1))
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedRuns(t *testing.T) {
	s := temporaryStore(t)
	putRuns(t, s)
	damageRun(t, s, firstRun)
	list, err := s.Runs(t.Context())
	if ids := runIDs(list); !slices.Equal(ids, []string{secondRun}) || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), firstRun) {
		t.Errorf("runs %v, %v", ids, err)
	}
	if _, _, wrong := verify(t, s); len(wrong) != 1 || !strings.Contains(wrong[0], "checksum does not match") {
		t.Errorf("verify found %q", wrong)
	}
	if _, _, err := s.Prune(t.Context(), func(Score) bool { return true }); !errors.Is(err, ErrDamaged) {
		t.Errorf("pruning with a damaged record: %v", err)
	}
	if err := s.PutRun(t.Context(), firstRun, json.RawMessage(`{}`), nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged record was replaced: %v", err)
	}
	if err := s.RemoveRun(t.Context(), firstRun); err != nil {
		t.Errorf("a damaged record cannot be removed: %v", err)
	}
	if _, _, wrong := verify(t, s); wrong != nil {
		t.Errorf("then verify found %q", wrong)
	}
}

func TestVerifyRuns(t *testing.T) {
	s := temporaryStore(t)
	putRuns(t, s)
	read, err := s.Verify(t.Context(), func(err error) { t.Error(err) })
	if read != (Verified{Runs: 2, Files: 2}) || err != nil {
		t.Errorf("read %+v, %v", read, err)
	}
	r, err := s.Run(t.Context(), firstRun)
	if err != nil {
		t.Fatal(err)
	}
	document := s.runFile(firstRun, r.Files["document.json"])
	for _, c := range []struct {
		change func() error
		want   error
	}{
		{func() error { return os.WriteFile(document, []byte("other"), 0o644) }, ErrDamaged},
		{func() error { return os.Remove(document) }, ErrPruned},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		if _, _, wrong := verify(t, s); len(wrong) != 1 || !strings.Contains(wrong[0], "run "+firstRun+": its document.json") {
			t.Errorf("verify found %q", wrong)
		}
		if _, err := s.RunFile(r, "document.json"); !errors.Is(err, c.want) {
			t.Errorf("reading it: %v, want %v", err, c.want)
		}
	}
}

// Pruning removes what killed processes left of runs, and nothing of a run that is recorded or lives. That of older versions, which
// sweep only the files of scores, removes nothing.
func TestPruneRuns(t *testing.T) {
	s := temporaryStore(t)
	putRuns(t, s)
	other := string(digest([]byte("other")))
	left := []string{
		filepath.Join(s.runFolder(firstRun), other),                 // the record was not written
		filepath.Join(s.runFolder("20250101-000000-dead"), other),   // nor this one
		filepath.Join(s.runFolder("20250101-000000-dead"), "lease"), // it was killed
		filepath.Join(s.runFolder("20250101-000000-dead"), eventsFile),
	}
	kept := []string{filepath.Join(s.runFolder(firstRun), "mine.txt"), filepath.Join(s.folder(), runsFolder, "README")}
	for _, path := range append(slices.Clone(left), kept...) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lease, err := s.LeaseRun("20260103-000000-cccc") // which has no record yet
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	kept = append(kept, filepath.Join(s.runFolder("20260103-000000-cccc"), "lease"))
	if files, _, err := s.sweep(t.Context(), nil); files != 0 || err != nil {
		t.Errorf("an older version would remove %d files, %v", files, err)
	}
	files, bytes, err := s.Prune(t.Context(), func(Score) bool { return false })
	if files != len(left) || bytes != int64(len(left)) || err != nil {
		t.Errorf("%d files of %d bytes were removed, %v", files, bytes, err)
	}
	for _, path := range left {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if _, err := os.Stat(s.runFolder("20250101-000000-dead")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a run without a record is still there: %v", err)
	}
	for _, path := range kept {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if _, _, wrong := verify(t, s); wrong != nil {
		t.Errorf("verify found %q", wrong)
	}
}

func TestExportImportRuns(t *testing.T) {
	from, to := filled(t), temporaryStore(t)
	before := export(t, from)
	putRuns(t, from)
	archive := export(t, from)
	if !bytes.Equal(archive, export(t, from)) {
		t.Error("the same store gives other bytes")
	}
	// Older versions read the same entries up to the end of the scores.
	const head = 2 * 512
	end := len(before) - 2*512
	if !bytes.Equal(before[head:end], archive[head:end]) {
		t.Error("the scores of an archive with runs have other bytes")
	}
	want := Imported{Added: 3, RunsAdded: 2}
	if got, err := to.Import(t.Context(), bytes.NewReader(archive)); got != want || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if again := export(t, to); !bytes.Equal(again, archive) {
		t.Error("what was imported gives another archive")
	}
	want = Imported{Known: 3, RunsKnown: 2}
	if got, err := to.Import(t.Context(), bytes.NewReader(archive)); got != want || err != nil {
		t.Errorf("again: %+v, %v", got, err)
	}
	path, _ := to.RunEvents(firstRun)
	if events, err := os.ReadFile(path); !strings.HasPrefix(string(events), `{"kind":"stage"}`) || err != nil {
		t.Errorf("events %q, %v", events, err)
	}
	if _, _, wrong := verify(t, to); wrong != nil {
		t.Errorf("verify found %q", wrong)
	}
	for cut := end; cut < len(archive)-2*512; cut += 256 {
		if _, err := temporaryStore(t).Import(t.Context(), bytes.NewReader(archive[:cut])); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d of %d bytes: %v", cut, len(archive), err)
		}
	}
}

// FuzzRunRecord: what decodeRun accepts, encodeRun would write.
func FuzzRunRecord(f *testing.F) {
	record, err := encodeRun(RunRecord{ID: firstRun, Content: json.RawMessage(`{"name":"a"}`), Files: map[string]Digest{"a.json": digest(nil)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(firstRun, record)
	f.Add(firstRun, record[:len(record)-10])
	f.Fuzz(func(t *testing.T, id string, record []byte) {
		r, err := decodeRun(id, record)
		if err != nil {
			return
		}
		if _, err := encodeRun(r); err != nil || r.ID != id {
			t.Error(fmt.Errorf("%q: %w", record, err))
		}
	})
}

// A run that was running when it was exported is brought up to date by a later archive, and never set back by an earlier one.
func TestImportGoesFurther(t *testing.T) {
	a, b := temporaryStore(t), temporaryStore(t)
	lease, err := a.LeaseRun(firstRun)
	if err != nil {
		t.Fatal(err)
	}
	events, err := a.RunEvents(firstRun)
	if err != nil {
		t.Fatal(err)
	}
	var archives [3]bytes.Buffer
	for i, text := range []string{"", "one\n", "one\ntwo\n"} {
		var files map[string][]byte
		if i == 2 {
			files = map[string][]byte{"document.json": []byte("{}")}
		}
		if err := os.WriteFile(events, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := a.PutRun(t.Context(), firstRun, json.RawMessage(fmt.Sprintf(`{"at":%d}`, i)), files); err != nil {
			t.Fatal(err)
		}
		if err := a.Export(t.Context(), &archives[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		into           *Store
		archive, added int
		at             string
	}{{b, 0, 1, `{"at":0}`}, {b, 0, 0, `{"at":0}`}, {b, 1, 1, `{"at":1}`}, {b, 0, 0, `{"at":1}`}, {b, 2, 1, `{"at":2}`}, {b, 1, 0, `{"at":2}`},
		{b, 2, 0, `{"at":2}`}, {a, 1, 0, `{"at":2}`}} {
		done, err := step.into.Import(t.Context(), bytes.NewReader(archives[step.archive].Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		r, err := step.into.Run(t.Context(), firstRun)
		if err != nil || done.RunsAdded != step.added || string(r.Content) != step.at {
			t.Errorf("archive %d: %d added, the run is %s (%v), want %d and %s", step.archive, done.RunsAdded, r.Content, err, step.added, step.at)
		}
	}
	r, err := b.Run(t.Context(), firstRun)
	if err != nil {
		t.Fatal(err)
	}
	if content, err := b.RunFile(r, "document.json"); err != nil || string(content) != "{}" {
		t.Errorf("document %q (%v)", content, err)
	}
	// While the process of the run lives in a store, nothing replaces its record.
	if err := os.WriteFile(events, []byte("one\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, held := range []bool{true, false} {
		done, err := a.Import(t.Context(), bytes.NewReader(archives[2].Bytes()))
		if err != nil || (done.RunsAdded == 0) != held {
			t.Errorf("held %t: %d added (%v)", held, done.RunsAdded, err)
		}
		lease.Release()
	}
}
