package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// What is no store is refused in one clear line, by every method, and stays as it was.
func TestOpenRefuses(t *testing.T) {
	store := func(t *testing.T, path string) []byte {
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			s.noSync = true
			put(t, s, i)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	bolt := func(t *testing.T, path string, version string) {
		db, err := bbolt.Open(path, 0o644, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			if _, err := tx.CreateBucket(scoresBucket); err != nil || version == "" {
				return err
			}
			meta, err := tx.CreateBucket(metaBucket)
			if err != nil {
				return err
			}
			return meta.Put(versionKey, []byte(version))
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	write := func(t *testing.T, path string, content []byte) {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		is   error
		says string
	}{
		"text":               {func(t *testing.T, path string) { write(t, path, []byte("scores: none\n")) }, ErrForeign, "not a bbolt file"},
		"much text":          {func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte("scores: none\n"), 9999)) }, ErrForeign, "not a bbolt file"},
		"empty":              {func(t *testing.T, path string) { write(t, path, nil) }, ErrForeign, "it is empty"},
		"folder":             {func(t *testing.T, path string) { os.Mkdir(path, 0o755) }, ErrForeign, "it is a folder"},
		"another's bbolt":    {func(t *testing.T, path string) { bolt(t, path, "") }, ErrForeign, "another program"},
		"newer":              {func(t *testing.T, path string) { bolt(t, path, "2") }, ErrNewer, "format version 2, but this program reads up to 1"},
		"nonsense version":   {func(t *testing.T, path string) { bolt(t, path, "one") }, ErrForeign, `format version "one"`},
		"cut to a head":      {func(t *testing.T, path string) { write(t, path, store(t, path)[:100]) }, ErrDamaged, "truncated"},
		"cut to a page":      {func(t *testing.T, path string) { write(t, path, store(t, path)[:4096]) }, ErrDamaged, "truncated"},
		"cut to three pages": {func(t *testing.T, path string) { write(t, path, store(t, path)[:3*4096]) }, ErrDamaged, "truncated"},
		"cut in half":        {func(t *testing.T, path string) { c := store(t, path); write(t, path, c[:len(c)/2]) }, ErrDamaged, "truncated"},
		"no head":            {func(t *testing.T, path string) { c := store(t, path); clear(c[:9000]); write(t, path, c) }, ErrForeign, "not a bbolt file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "scores.db")
			c.make(t, path)
			os.RemoveAll(path + ".files")
			before, _ := os.ReadFile(path)
			for _, readOnly := range []bool{false, true} {
				_, err := Open(t.Context(), path, Options{ReadOnly: readOnly})
				wantError(t, err, c.is, c.says)
				wantError(t, err, c.is, path)
			}
			// A store that becomes so after it was opened.
			s := temporaryStore(t)
			s.path = path
			_, err := putTrial(s, 1)
			wantError(t, err, c.is, c.says)
			_, err = s.List(t.Context())
			wantError(t, err, c.is, c.says)
			wantError(t, s.Remove(t.Context(), "00"), c.is, c.says)
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
			if _, err := os.Stat(path + ".files"); err == nil {
				t.Error("a folder was made beside it")
			}
		})
	}
}

// Pages that were lost are errors and not crashes.
func TestLostPages(t *testing.T) {
	for page := 2; page < 12; page++ {
		s := temporaryStore(t)
		for i := range 40 {
			put(t, s, i)
		}
		content, err := os.ReadFile(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		if len(content) < (page+1)*4096 {
			break
		}
		clear(content[page*4096 : (page+1)*4096])
		if err := os.WriteFile(s.Path(), content, 0o644); err != nil {
			t.Fatal(err)
		}
		// The page may have been free: either an error or the right answer.
		if list, err := s.List(t.Context()); err == nil && len(list) != 40 || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("page %d: %d scores, %v, want 40 or ErrDamaged", page, len(list), err)
		}
		if _, err := putTrial(s, 50); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("page %d: put: %v", page, err)
		}
	}
}

// A file that is cut while it is mapped is an error too.
func TestTruncatedWhileOpen(t *testing.T) {
	s := temporaryStore(t)
	for i := range 40 {
		put(t, s, i)
	}
	err := s.view(t.Context(), func(scores *bbolt.Bucket) error {
		if err := os.Truncate(s.Path(), 4096); err != nil {
			t.Fatal(err)
		}
		_, damaged := s.all(scores)
		return errors.Join(damaged...)
	})
	wantError(t, err, ErrDamaged, s.Path())
}

func TestUnwritable(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), filepath.Join(file, "scores.db"), Options{}); err == nil {
		t.Error("a store was made inside a file")
	}
	if _, err := Open(t.Context(), "", Options{}); err == nil {
		t.Error("a store was made without a path")
	}
	// Permissions, which do not bind every user, come from OpenFile.
	s := temporaryStore(t)
	before, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	denied := Options{OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
		if flag&os.O_RDWR != 0 {
			return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrPermission}
		}
		return os.OpenFile(name, flag, perm)
	}}
	_, err = Open(t.Context(), s.Path(), denied)
	wantError(t, err, os.ErrPermission, "cannot write")
	s.options.OpenFile = denied.OpenFile
	_, err = putTrial(s, 1)
	wantError(t, err, os.ErrPermission, s.Path())
	// A file that opens and then takes nothing.
	s.options.OpenFile = func(name string, _ int, perm os.FileMode) (*os.File, error) {
		return os.OpenFile(name, os.O_RDONLY, perm)
	}
	if _, err = putTrial(s, 1); err == nil {
		t.Error("a score was written to a file that is open for reading")
	}
	if after, err := os.ReadFile(s.Path()); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed, %v", err)
	}
}

func TestOpenCreatesFolders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "scores.db")
	for range 2 {
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if list, err := s.List(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("got %v, %v", list, err)
		}
	}
}

// A record that is no score is damage, and named.
func TestDamagedRecord(t *testing.T) {
	s := temporaryStore(t)
	sc := put(t, s, 1)
	if err := s.update(t.Context(), func(scores *bbolt.Bucket) error { return scores.Put([]byte(sc.Key), []byte("{")) }, nil); err != nil {
		t.Fatal(err)
	}
	_, err := s.Get(t.Context(), sc.Key)
	wantError(t, err, ErrDamaged, fmt.Sprintf("record %s", sc.Key))
	_, err = s.List(t.Context())
	wantError(t, err, ErrDamaged, sc.Key)
	_, err = s.Find(t.Context(), sc.Key[:5])
	wantError(t, err, ErrDamaged, sc.Key)
}
