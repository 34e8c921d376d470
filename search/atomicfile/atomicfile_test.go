package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// content is a file's, and the names beside it are checked to be only those that are wanted.
func content(t *testing.T, path string, names int) string {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != names {
		t.Errorf("the folder holds %v, want %d names (%v)", entries, names, err)
	}
	return string(got)
}

func TestFailureLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := Write(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got error %v", err)
	}
	if got := content(t, path, 1); got != "old" {
		t.Errorf("the file holds %q", got)
	}
}

func TestPermissionsStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, text("new")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestWritersAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 20 {
				if err := Write(path, text("whole")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if got := content(t, path, 1); got != "whole" {
		t.Errorf("the file holds %q", got)
	}
}

func TestLinkStaysALink(t *testing.T) {
	folder := t.TempDir()
	path, link := filepath.Join(folder, "a"), filepath.Join(folder, "link")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", link); err != nil {
		t.Skip(err)
	}
	if err := Write(link, text("new")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path, 2); got != "new" {
		t.Errorf("the target holds %q", got)
	}
}

func TestDeviceStaysADevice(t *testing.T) {
	if err := Write(os.DevNull, text("nothing")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s is a file now (%v)", os.DevNull, err)
	}
}

func TestRemoveTakesWhatIsLeftOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a[")
	for _, name := range []string{"a[", "a[.partial-1", "b"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := content(t, filepath.Join(filepath.Dir(path), "b"), 1); got != "b" {
		t.Errorf("the other file holds %q", got)
	}
}
