package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// link makes a symbolic link to target, which may be relative.
func link(t testing.TB, target, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Skip("this system makes no symbolic links: ", err)
	}
	return path
}

// A store is the same one through links, with its files: what one process writes, the other has.
func TestLinkToStore(t *testing.T) {
	direct := temporaryStore(t)
	folder := t.TempDir()
	first := put(t, direct, 1)
	absolute := link(t, direct.Path(), filepath.Join(folder, "a", "absolute.db"))
	relative := link(t, "../a/absolute.db", filepath.Join(folder, "b", "relative.db"))
	// A link in a folder that is itself a link: its ".." is that of the real folder.
	link(t, filepath.Join(folder, "b"), filepath.Join(folder, "deep", "down", "b"))
	for name, path := range map[string]string{"absolute": absolute, "relative": relative, "folder": filepath.Join(folder, "deep", "down", "b", "relative.db")} {
		linked, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		if linked.Path() != direct.Path() {
			t.Errorf("%s: opened %s, want %s", name, linked.Path(), direct.Path())
		}
		if weights, err := linked.Weights(first); err != nil || len(weights) == 0 {
			t.Errorf("%s: weights: %v", name, err)
		}
		if !bytes.Equal(export(t, linked), export(t, direct)) {
			t.Errorf("%s: exports differ", name)
		}
		if _, err := os.Stat(path + ".files"); err == nil {
			t.Errorf("%s: a folder was made beside the link", name)
		}
	}
	linked, err := Open(t.Context(), absolute, Options{})
	if err != nil {
		t.Fatal(err)
	}
	linked.noSync = true
	put(t, linked, 2)
	if got := list(t, direct.Path()); len(got) != 2 {
		t.Errorf("%d scores, want 2", len(got))
	}
	whole(t, direct, "")
}

// A link to a store that is not there yet makes it where the link leads, if that folder is there.
func TestLinkToNothing(t *testing.T) {
	folder := t.TempDir()
	target := filepath.Join(folder, "disk", "scores.db")
	path := link(t, "disk/scores.db", filepath.Join(folder, "scores.db"))
	for _, readOnly := range []bool{true, false} {
		_, err := Open(t.Context(), path, Options{ReadOnly: readOnly})
		wantError(t, err, os.ErrNotExist, path+" is a link to ")
		wantError(t, err, os.ErrNotExist, "whose folder cannot be used")
	}
	if err := os.Mkdir(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path, Options{ReadOnly: true})
	wantError(t, err, os.ErrNotExist, "scores.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, 1)
	whole(t, s, "")
	if got := list(t, target); len(got) != 1 {
		t.Errorf("the target has %d scores, want 1", len(got))
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is one no more: %v, %v", info, err)
	}
	loop := link(t, "loop.db", filepath.Join(folder, "loop.db"))
	if _, err := Open(t.Context(), loop, Options{}); err == nil {
		t.Error("a link to itself was opened")
	}
}

func TestHolds(t *testing.T) {
	s := temporaryStore(t)
	sc := put(t, s, 1)
	folder := t.TempDir()
	hard := filepath.Join(folder, "hard.db")
	if err := os.Link(s.Path(), hard); err != nil {
		t.Skip("this system makes no links: ", err)
	}
	for path, want := range map[string]bool{
		s.Path(): true, hard: true, link(t, s.Path(), filepath.Join(folder, "soft.db")): true,
		s.folder(): true, s.blobPath(sc.Weights): true, filepath.Join(s.folder(), "new.tar"): true, filepath.Join(s.folder(), "ab", "..", "new.tar"): true,
		filepath.Join(link(t, s.folder(), filepath.Join(folder, "files")), "new.tar"):        true,
		link(t, filepath.Join(s.folder(), "new.tar"), filepath.Join(folder, "dangling.tar")): true,
		filepath.Join(folder, "new.tar"): false, s.Path() + ".tar": false, s.Path() + ".files.tar": false, "new.tar": false, "/": false,
		filepath.Join(folder, "none", "new.tar"): false,
	} {
		if got := s.Holds(path); got != want {
			t.Errorf("%s: %t, want %t", path, got, want)
		}
	}
	t.Chdir(s.folder())
	if !s.Holds("new.tar") {
		t.Error("a file in the working folder, which is the store's, is not held")
	}
}
