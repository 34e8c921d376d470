package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

// filled has finished scores with and without weights, and a failed one.
func filled(t testing.TB) *Store {
	s := temporaryStore(t)
	put(t, s, 1)
	pruned := put(t, s, 2)
	if _, err := s.Put(t.Context(), failedTrial(3), nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Prune(t.Context(), func(sc Score) bool { return sc.Key != pruned.Key }); err != nil {
		t.Fatal(err)
	}
	return s
}

func export(t testing.TB, s *Store) []byte {
	t.Helper()
	var archive bytes.Buffer
	if err := s.Export(t.Context(), &archive); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func TestExportImport(t *testing.T) {
	from, to := filled(t), temporaryStore(t)
	archive := export(t, from)
	if !bytes.Equal(archive, export(t, from)) {
		t.Error("the same store gave two archives")
	}
	own := put(t, to, 9)
	if got, err := to.Import(t.Context(), bytes.NewReader(archive)); got != (Imported{Added: 3, Known: 0}) || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	want, err := from.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := to.List(t.Context()); err != nil || !reflect.DeepEqual(got, append(want, own)) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	for _, sc := range want {
		for _, read := range []func(*Store, Score) ([]byte, error){(*Store).Weights, (*Store).Outputs} {
			wantContent, wantErr := read(from, sc)
			got, err := read(to, sc)
			if !bytes.Equal(got, wantContent) || errors.Is(err, ErrPruned) != errors.Is(wantErr, ErrPruned) {
				t.Errorf("%s: got %q, %v, want %q, %v", sc.Name, got, err, wantContent, wantErr)
			}
		}
	}
	if got, err := to.Import(t.Context(), bytes.NewReader(archive)); got != (Imported{Added: 0, Known: 3}) || err != nil {
		t.Errorf("again: %+v, %v", got, err)
	}
}

func TestImportBringsPrunedFilesBack(t *testing.T) {
	s := temporaryStore(t)
	sc := put(t, s, 1)
	want, err := s.Weights(sc)
	if err != nil {
		t.Fatal(err)
	}
	archive := export(t, s)
	damaged := bytes.Clone(want)
	damaged[0] ^= 1
	if err := os.WriteFile(s.blobPath(sc.Weights), damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Weights(sc); err != nil || !bytes.Equal(got, want) {
		t.Errorf("damaged weights after the import: %q, %v, want %q", got, err, want)
	}
	if _, _, err := s.Prune(t.Context(), func(Score) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Weights(sc); !errors.Is(err, ErrPruned) {
		t.Fatalf("pruned weights: %v", err)
	}
	if got, err := s.Import(t.Context(), bytes.NewReader(archive)); got != (Imported{Added: 0, Known: 1}) || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := s.Weights(sc); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestImportNeverOverwrites(t *testing.T) {
	from, to := filled(t), temporaryStore(t)
	own, err := to.Put(t.Context(), failedTrial(1), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := to.Import(t.Context(), bytes.NewReader(export(t, from))); got != (Imported{Added: 2, Known: 1}) || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := to.Get(t.Context(), own.Key); err != nil || !reflect.DeepEqual(got, own) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// However an archive is cut, importing says so, and what was imported is whole.
func TestImportCutArchive(t *testing.T) {
	archive := export(t, filled(t))
	end := len(archive) - 2*512 // tar's own end, which need not be there
	for cut := 0; cut < end; cut += 256 {
		s := temporaryStore(t)
		done, err := s.Import(t.Context(), bytes.NewReader(archive[:cut]))
		if err == nil {
			t.Errorf("cut to %d of %d bytes: imported without an error", cut, len(archive))
		}
		list, err := s.List(t.Context())
		if err != nil || len(list) != done.Added {
			t.Errorf("cut to %d: %d scores, added %d, %v", cut, len(list), done.Added, err)
		}
		whole(t, s, "trial 2 was pruned")
	}
}

// whole fails the test when a record names a file that is not there. Weights may be missing where pruned says why.
func whole(t testing.TB, s *Store, pruned string) {
	t.Helper()
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range list {
		if sc.Status == Partial {
			if _, err := s.Checkpoint(sc); err != nil {
				t.Error(err)
			}
		}
		if sc.Status != Finished {
			continue
		}
		for epoch := range sc.EpochOutputs {
			if _, err := s.EpochOutputs(sc, epoch); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Outputs(sc); err != nil {
			t.Error(err)
		}
		if _, err := s.Weights(sc); err != nil && !(pruned != "" && errors.Is(err, ErrPruned)) {
			t.Error(err)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	good, weights, _ := trial(1)
	good.Weights = digest(weights)
	record, err := encode(good)
	if err != nil {
		t.Fatal(err)
	}
	unsigned := withoutChecksum(record)
	other, _, _ := trial(2)
	type entry struct{ name, content string }
	head, end := entry{archiveHead, `{"format":1}`}, entry{archiveEnd, ""}
	for name, c := range map[string]struct {
		entries []entry
		is      error
		says    string
	}{
		"nothing":              {nil, ErrForeign, "not an archive of scores"},
		"another tar":          {[]entry{{"readme", "hello"}}, ErrForeign, "not an archive of scores"},
		"newer":                {[]entry{{archiveHead, `{"format":3}`}, end}, ErrNewer, "format 3"},
		"no format":            {[]entry{{archiveHead, `{}`}, end}, ErrForeign, "has no format"},
		"stray entry":          {[]entry{head, {"../../etc/passwd", "x"}, end}, ErrDamaged, "../../etc/passwd"},
		"weights first":        {[]entry{head, {good.Key + "/weights", "x"}, end}, ErrDamaged, "want KEY/score.json here"},
		"no JSON":              {[]entry{head, {good.Key + "/score.json", "{"}, end}, ErrDamaged, good.Key + "/score.json"},
		"under another key":    {[]entry{head, {other.Key + "/score.json", string(record)}, end}, ErrDamaged, "holds the score with key"},
		"other weights":        {[]entry{head, {good.Key + "/score.json", string(record)}, {good.Key + "/weights", "x"}, end}, ErrDiffers, good.Key + "/weights"},
		"changed":              {[]entry{head, {good.Key + "/score.json", string(bytes.Replace(unsigned, []byte(`"trial":1`), []byte(`"trial":2`), 1))}, end}, ErrDamaged, "key is not the SHA-256"},
		"a digest that climbs": {[]entry{head, {good.Key + "/score.json", string(bytes.Replace(unsigned, []byte(good.Weights), []byte("../../x"), 1))}, end}, ErrDamaged, "is not a SHA-256 in hex"},
		"an edited metric":     {[]entry{head, {good.Key + "/score.json", string(bytes.Replace(record, []byte(`"accuracy":0.25`), []byte(`"accuracy":0.99`), 1))}, end}, ErrDamaged, "its checksum does not match its content"},
		"endless record":       {[]entry{head, {good.Key + "/score.json", strings.Repeat(" ", longestRecord+1)}, end}, ErrDamaged, "more than a score can have"},
		"no end":               {[]entry{head, {good.Key + "/score.json", string(record)}}, ErrDamaged, "truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			var archive bytes.Buffer
			w := tar.NewWriter(&archive)
			for _, e := range c.entries {
				if err := writeEntry(w, e.name, []byte(e.content)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			s := temporaryStore(t)
			_, err := s.Import(t.Context(), &archive)
			wantError(t, err, c.is, c.says)
			if list, err := s.List(t.Context()); err != nil || len(list) > 0 {
				t.Errorf("imported %v, %v", list, err)
			}
		})
	}
	if _, err := temporaryStore(t).Import(t.Context(), bytes.NewReader([]byte("plain text"))); !errors.Is(err, ErrForeign) {
		t.Errorf("plain text: %v", err)
	}
}

// FuzzImport: no bytes crash the reader of archives, and what it accepts is whole.
func FuzzImport(f *testing.F) {
	archive := export(f, filled(f))
	f.Add(archive)
	f.Add(archive[:1700])
	partial := temporaryStore(f)
	putPartial(f, partial, 4, 2, 1)
	f.Add(export(f, partial))
	f.Add([]byte("plain text"))
	runs := temporaryStore(f)
	putRuns(f, runs)
	f.Add(export(f, runs))
	f.Fuzz(func(t *testing.T, archive []byte) {
		err := readArchive(bytes.NewReader(archive), func(sc Score, blobs []blob) error {
			if err := sc.check(); err != nil {
				t.Error(err)
			}
			for _, b := range blobs {
				if b.digest != digest(b.content) || !sc.names(b.digest) {
					t.Errorf("%s came with a file of SHA-256 %s", sc.Key, b.digest)
				}
			}
			return nil
		}, func(r RunRecord, files map[string][]byte, _ []byte) error {
			if err := r.check(); err != nil {
				t.Error(err)
			}
			for name, content := range files {
				if r.Files[name] != digest(content) {
					t.Errorf("run %s came with another %s", r.ID, name)
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) {
			t.Error(err)
		}
	})
}

// An export or import that is told to stop does so between two scores; the import goes on from there.
func TestArchiveStops(t *testing.T) {
	from := temporaryStore(t)
	for i := range 3 {
		put(t, from, i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var written bytes.Buffer
	stop := writer(func(b []byte) (int, error) { cancel(); return written.Write(b) })
	if err := from.Export(ctx, stop); !errors.Is(err, context.Canceled) {
		t.Errorf("export ended with %v", err)
	}
	whole := export(t, from)
	if written.Len() > len(whole)/2 {
		t.Errorf("%d of %d bytes were written after the export was to stop", written.Len(), len(whole))
	}
	to := temporaryStore(t)
	ctx, cancel = context.WithCancel(t.Context())
	to.step = func(string) { cancel() } // with the first score
	done, err := to.Import(ctx, bytes.NewReader(whole))
	if done.Added != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("import added %d, and ended with %v", done.Added, err)
	}
	to.step = func(string) {}
	if got, err := to.Import(t.Context(), bytes.NewReader(whole)); got != (Imported{Added: 2, Known: 1}) || err != nil {
		t.Errorf("importing again: %+v, %v", got, err)
	}
}

// writer is an [io.Writer].
type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
