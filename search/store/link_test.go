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
		linked, err := Open(path, Options{})
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
	linked, err := Open(absolute, Options{})
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
		_, err := Open(path, Options{ReadOnly: readOnly})
		wantError(t, err, os.ErrNotExist, path+" is a link to ")
		wantError(t, err, os.ErrNotExist, "whose folder cannot be used")
	}
	if err := os.Mkdir(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, Options{ReadOnly: true})
	wantError(t, err, os.ErrNotExist, "scores.db")
	s, err := Open(path, Options{})
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
	if _, err := Open(loop, Options{}); err == nil {
		t.Error("a link to itself was opened")
	}
}
