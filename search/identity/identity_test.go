package identity

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func of(t *testing.T, path string) Identity {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	i, err := Of(f)
	must(t, err)
	return i
}

// A file that is not opened has the same identity as when it is, and what is not a regular file has none.
func TestIn(t *testing.T) {
	path := t.TempDir()
	must(t, os.WriteFile(filepath.Join(path, "a"), []byte("content"), 0o644))
	must(t, os.Chtimes(filepath.Join(path, "a"), time.Unix(5, 6000), time.Unix(7, 8000)))
	must(t, os.Mkdir(filepath.Join(path, "b"), 0o755))
	folder, err := os.Open(path)
	must(t, err)
	defer folder.Close()
	i, err := In(folder, "a")
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("the system has no such call")
	}
	must(t, err)
	if opened := of(t, filepath.Join(path, "a")); !i.Equal(opened) || i.String() != opened.String() || i.Mark() != opened.Mark() || i.Size() != 7 ||
		!strings.HasPrefix(i.String(), "7 bytes\nmodified 7.000008000\nchanged ") {
		t.Errorf("%s, when it is open %s", i, opened)
	}
	if _, err := In(folder, "b"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := In(folder, "c"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	if os.Symlink("a", filepath.Join(path, "l")) == nil {
		if _, err := In(folder, "l"); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a link: %v", err)
		}
	}
}

func TestMark(t *testing.T) {
	at := time.Unix(100, 5)
	base := Identity{size: 1, modified: at, changed: at, volume: 2, index: 3}
	for what, i := range map[string]Identity{
		"size": {2, at, at, 2, 3}, "modified": {1, at.Add(1), at, 2, 3}, "changed": {1, at, at.Add(1), 2, 3}, "volume": {1, at, at, 3, 3}, "index": {1, at, at, 2, 4},
	} {
		if i.Mark() == base.Mark() || i.Equal(base) || i.Mark().SameContent(base.Mark()) != i.SameContent(base) {
			t.Errorf("%s: %v and %v", what, i.Mark(), base.Mark())
		}
	}
}
