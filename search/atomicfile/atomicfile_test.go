package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
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

// What a path names is on the disk before it is named so, and the name before Replace returns.
func TestFileAndFolderAreSynced(t *testing.T) {
	want := []string{"file created", "file synced", "file renamed", "folder synced"}
	if runtime.GOOS == "windows" {
		want = want[:3]
	}
	folder := t.TempDir()
	var steps []string
	w := Writer{Step: func(step string) { steps = append(steps, step) }, Prefix: filepath.Join(folder, "temporary-")}
	if err := w.Replace(filepath.Join(folder, "a"), text("whole")); err != nil || !slices.Equal(steps, want) {
		t.Errorf("the steps are %q (%v), want %q", steps, err, want)
	}
	if got := content(t, filepath.Join(folder, "a"), 1); got != "whole" {
		t.Errorf("the file holds %q", got)
	}
}

// A folder that may be written to but not listed takes files all the same.
func TestFolderThatMustNotBeListed(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o300); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(folder, 0o700) }()
	if err := Replace(filepath.Join(folder, "a"), text("whole")); err != nil {
		t.Error(err)
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

// Replace writes through no link: what it leads to stays as it was.
func TestReplaceTakesThePlaceOfALink(t *testing.T) {
	folder := t.TempDir()
	path, link := filepath.Join(folder, "a"), filepath.Join(folder, "link")
	if err := os.WriteFile(path, []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"a", "nowhere", os.DevNull} {
		if err := os.Symlink(target, link); err != nil {
			t.Skip(err)
		}
		if err := Replace(link, text("new")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode() != 0o644 {
			t.Errorf("in the place of a link to %s is %v (%v)", target, info.Mode(), err)
		}
		if got := content(t, link, 2); got != "new" {
			t.Errorf("the new file holds %q", got)
		}
		if got := content(t, path, 2); got != "another's" {
			t.Errorf("the link's target holds %q", got)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
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

// Who removes a file leaves what living writers of it are writing.
func TestRemoveLeavesLivingWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	err := Write(path, func(w io.Writer) error {
		return errors.Join(text("who")(w), Remove(path), Write(path, text("another")), text("le")(w))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, path, 1); got != "whole" {
		t.Errorf("the file holds %q", got)
	}
}

func TestWritersAndRemoversAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 40 {
				if err := Write(path, text("whole")); err != nil {
					t.Error(err)
				}
				if err := Remove(path); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) > 0 {
		t.Errorf("the folder holds %v (%v), want nothing", entries, err)
	}
}

// What a killed writer left over goes with the next file of the same path, and with no other.
func TestNextWriterTakesWhatIsLeftOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for _, name := range []string{path + partial + "1", path + partial + "2", path + "b" + partial + "3"} {
		if err := os.WriteFile(name, []byte("who"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-2*abandonedAfter)); err != nil { // old where no lock tells
			t.Fatal(err)
		}
	}
	if err := Write(path, text("whole")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path, 2); got != "whole" {
		t.Errorf("the file holds %q", got)
	}
}

func TestRemoveTakesWhatIsLeftOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a[")
	for _, name := range []string{"a[", "a[.partial-1", "b"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(filepath.Dir(path), name), time.Time{}, time.Now().Add(-2*abandonedAfter)); err != nil {
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

// Errors name the file that was asked for, not the partial one.
func TestErrorsNameTheFile(t *testing.T) {
	folder := t.TempDir()
	missing := filepath.Join(folder, "missing", "a")
	if err := os.Mkdir(filepath.Join(folder, "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	closed := func(w io.Writer) error {
		w.(io.Closer).Close()
		_, err := io.WriteString(w, "text")
		return err
	}
	for name, err := range map[string]error{
		"open " + missing + ": ":                            Replace(missing, text("")),
		"replace " + filepath.Join(folder, "b") + ": ":      Replace(filepath.Join(folder, "b"), text("")),
		"write " + filepath.Join(folder, "c") + ": ":        Replace(filepath.Join(folder, "c"), closed),
		filepath.Join(folder, "d") + ": the writer's error": Replace(filepath.Join(folder, "d"), func(io.Writer) error { return errors.New("the writer's error") }),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), partial) {
			t.Errorf("error %v, want one that begins with %q", err, name)
		}
	}
}
