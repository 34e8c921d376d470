package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/identity"
)

// opened is a file that is open until the test ends.
func opened(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// facts finds the digest of a file.
func facts(ctx context.Context, f *File, e dataset.Environment) (dataset.Facts, error) {
	return f.Facts("test", dataset.Request{}, e, func() (dataset.Facts, error) {
		info, err := f.Stat()
		if err != nil {
			return dataset.Facts{}, err
		}
		digest, err := f.Pass(ctx, 3, info.Size(), func([]byte) error { return nil })
		return dataset.Facts{SHA256: digest, Standardisation: dataset.Standardisation{Per: dataset.None}}, err
	})
}

func write(t testing.TB, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// setClock sets the clock that stamps are compared with to some time from now, and stops it until the test ends.
func setClock(t *testing.T, later time.Duration) {
	stopped := time.Now().Add(later)
	now = func() time.Time { return stopped }
	t.Cleanup(func() { now = time.Now })
}

// hasChangeTimes reports whether the system keeps change times for the file at path.
func hasChangeTimes(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	i, err := identity.Of(f)
	if err != nil {
		t.Fatal(err)
	}
	return i.HasChangeTime()
}

// A file that is written to in place is noticed; one that is replaced by another, or renamed, stays what it was.
func TestFileThatChanges(t *testing.T) {
	const written = "x.bin: the file was written to while it was in use: run again"
	for _, c := range []struct {
		name   string
		change func(t *testing.T, path string)
		want   string
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"another file in its place", func(t *testing.T, path string) {
			write(t, path+".new", "others")
			must(t, os.Rename(path+".new", path))
		}, ""},
		{"another name", func(t *testing.T, path string) { must(t, os.Rename(path, path+".old")) }, ""},
		{"removed", func(t *testing.T, path string) { must(t, os.Remove(path)) }, ""},
		{"permissions", func(t *testing.T, path string) { must(t, os.Chmod(path, 0o400)) }, ""},
		{"a second name", func(t *testing.T, path string) { must(t, os.Link(path, path+".link")) }, ""},
		{"the time", func(t *testing.T, path string) { must(t, os.Chtimes(path, time.Time{}, time.Unix(1, 0))) }, written},
		{"longer", func(t *testing.T, path string) { appendTo(t, path, "x") }, written},
		{"content", func(t *testing.T, path string) { write(t, path, "others") }, written},
		{"content, and the time set back", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			write(t, path, "others")
			must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, written},
	} {
		t.Run(c.name, func(t *testing.T) {
			setClock(t, time.Minute)
			path := t.TempDir() + "/x.bin"
			write(t, path, "values")
			f := opened(t, path)
			want, err := facts(t.Context(), f, dataset.Environment{})
			must(t, err)
			c.change(t, path)
			for range 2 {
				err := f.Unchanged(t.Context())
				if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && !strings.Contains(got, c.want) {
					t.Errorf("got error %v, want %q", err, c.want)
				}
			}
			if c.want == "" {
				if got, err := f.Pass(t.Context(), 0, 6, func([]byte) error { return nil }); err != nil || got != want.SHA256 {
					t.Errorf("another pass finds %v, %v, want %v", got, err, want)
				}
			}
		})
	}
}

// A file that is written to between its opening and its scan is refused, since its labels may have been read.
func TestFileThatChangesWhileItIsOpened(t *testing.T) {
	setClock(t, time.Minute)
	path := t.TempDir() + "/x.bin"
	write(t, path, "values")
	if !hasChangeTimes(t, path) {
		t.Skip("the file system keeps no change times: size and time of modification are all there is to tell")
	}
	info, err := os.Stat(path)
	must(t, err)
	f := opened(t, path)
	write(t, path, "others")
	must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	if found, err := facts(t.Context(), f, dataset.Environment{}); err == nil || !strings.Contains(err.Error(), "written to while it was in use") {
		t.Errorf("scan: %v, error %v", found, err)
	}
}

// Where stamps are too coarse or too young to tell, the content is read again until they are not.
func TestFileThatChangesBehindItsStamps(t *testing.T) {
	setClock(t, 0)
	path := t.TempDir() + "/x.bin"
	write(t, path, "values")
	f := opened(t, path)
	_, err := facts(t.Context(), f, dataset.Environment{})
	must(t, err)
	must(t, f.Unchanged(t.Context()))
	if f.telling {
		t.Error("a file that was made just now has stamps that tell")
	}
	write(t, path, "others")
	f.identity, err = identity.Of(f.File) // as if it had been changed within one tick of the stamps
	must(t, err)
	if err := f.Unchanged(t.Context()); err == nil {
		t.Error("the change was not noticed")
	}
	write(t, path, "values")
	f.identity, err = identity.Of(f.File)
	must(t, err)
	setClock(t, time.Minute)
	must(t, f.Unchanged(t.Context()))
	if !f.telling {
		t.Error("a minute later the stamps do not tell")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, f.Unchanged(cancelled)) // nothing is read
	f.telling = false
	if err := f.Unchanged(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: error %v", err)
	}
}

// TestYoungFilesAreNotCached: another change may leave the stamps as they are.
func TestYoungFilesAreNotCached(t *testing.T) {
	for _, c := range []struct {
		name     string
		clock    time.Duration // from now
		modified time.Duration // from now
		cached   bool
	}{
		{"just now", 0, 0, false},
		{"just now, the time set back", 0, -time.Hour, false},
		{"half a second ago", time.Second / 2, 0, false},
		{"half a minute ago", 30 * time.Second, 0, true},
		{"long ago", time.Minute, -time.Hour, true},
		{"the time set to the future", time.Minute, time.Hour, false},
		{"the clock set back", -time.Hour, -2 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner, err := dataset.OpenCache(t.TempDir())
			must(t, err)
			cache := &datasettest.CountingCache{Cache: inner}
			setClock(t, c.clock)
			path := t.TempDir() + "/x.bin"
			write(t, path, "values")
			if !hasChangeTimes(t, path) {
				c.cached = c.clock-c.modified >= identity.Resolution
			}
			if c.modified != 0 {
				must(t, os.Chtimes(path, time.Time{}, time.Now().Add(c.modified)))
			}
			for range 2 {
				if _, err := facts(t.Context(), opened(t, path), dataset.Environment{Cache: cache}); err != nil {
					t.Fatal(err)
				}
			}
			if (cache.Puts == 1) != c.cached || (cache.Hits == 1) != c.cached {
				t.Errorf("%d put, %d found", cache.Puts, cache.Hits)
			}
		})
	}
}

// Facts are those of the content, whatever is done to a file between two openings.
func TestFactsAreNeverStale(t *testing.T) {
	inner, err := dataset.OpenCache(t.TempDir())
	must(t, err)
	path := t.TempDir() + "/x.bin"
	write(t, path, "values")
	if !hasChangeTimes(t, path) {
		t.Skip("the file system keeps no change times: size and time of modification are all there is to tell")
	}
	setClock(t, time.Minute)
	rapid.Check(t, func(t *rapid.T) {
		kept := time.Unix(rapid.Int64Range(1, 3).Draw(t, "second"), 0)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			if rapid.Bool().Draw(t, "written") {
				value := rapid.Float64Range(0, 3).Draw(t, "value")
				target := path
				replaced := rapid.Bool().Draw(t, "replaced")
				if replaced {
					target += ".new"
				}
				err := os.WriteFile(target, []byte{1, 2, 3, byte(value), byte(value * 16), byte(value * 32)}, 0o644)
				if err == nil {
					err = os.Chtimes(target, kept, kept)
				}
				if err == nil && replaced {
					err = os.Rename(target, path)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		scan := func(e dataset.Environment) string {
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			found, err := facts(context.Background(), f, e)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(found)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if cached, computed := scan(dataset.Environment{Cache: inner}), scan(dataset.Environment{}); cached != computed {
			t.Fatalf("the cache says %s, the file %s", cached, computed)
		}
	})
}
