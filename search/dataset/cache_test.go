package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestCacheDamaged reads entries that are not what was put there.
func TestCacheDamaged(t *testing.T) {
	dir := t.TempDir()
	c, err := OpenCache(dir)
	must(t, err)
	put := func(key string) string {
		must(t, c.Put(key, []byte("value of "+key)))
		return c.(folderCache).path(key)
	}
	for name, damage := range map[string]func(path string) error{
		"a byte":            func(path string) error { return flip(path, 70) },
		"a byte of the sum": func(path string) error { return flip(path, 7) },
		"cut":               func(path string) error { return os.Truncate(path, 70) },
		"empty":             func(path string) error { return os.Truncate(path, 0) },
		"of an old version": func(path string) error { return os.WriteFile(path, []byte("{}"), 0o644) },
		"of another key":    func(path string) error { return os.Rename(put("another"), path) },
		"huge":              func(path string) error { return os.Truncate(path, 1<<40) },
		"a folder":          func(path string) error { return cmpErrors(os.Remove(path), os.Mkdir(path, 0o755)) },
	} {
		path := put(name)
		if value, ok := c.Get(name); !ok || string(value) != "value of "+name {
			t.Fatalf("%s: got %q, %v before the damage", name, value, ok)
		}
		must(t, damage(path))
		if value, ok := c.Get(name); ok {
			t.Errorf("%s: got %q", name, value)
		}
	}
	if err := c.Put("large", make([]byte, mostBytes)); err == nil {
		t.Error("a value was put that would not be read")
	}
}

func flip(path string, at int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[at] ^= 1
	return os.WriteFile(path, b, 0o644)
}

// TestCacheIsBounded fills a cache, and leaves alone what is not the cache's.
func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	c, err := OpenCache(dir)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o644))
	must(t, os.Mkdir(filepath.Join(dir, strings.Repeat("a", 64)), 0o755))
	for i := range mostEntries {
		name := fmt.Sprintf("%064x", i)
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
		must(t, os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Unix(int64(i), 0)))
	}
	must(t, c.Put("newest", []byte("value")))
	if _, ok := c.Get("newest"); !ok {
		t.Error("the newest entry is gone")
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	if len(files) != mostEntries/2+2 {
		t.Errorf("the folder has %d files, want %d entries and two others", len(files), mostEntries/2)
	}
	for name, want := range map[string]bool{"notes.txt": true, strings.Repeat("a", 64): true,
		fmt.Sprintf("%064x", 0): false, fmt.Sprintf("%064x", mostEntries-1): true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fixed is a cache that answers every key with one value.
type fixed string

func (f fixed) Get(string) ([]byte, bool) { return []byte(f), true }
func (fixed) Put(string, []byte) error    { return nil }

// TestPoisonedFacts opens data with a cache whose facts cannot be true: they are computed.
func TestPoisonedFacts(t *testing.T) {
	setClock(t, time.Minute)
	folder := tiny(t)
	honest, err := openTiny(t, folder, Environment{})
	must(t, err)
	sum := strings.Repeat("ab", 32)
	for _, value := range []string{
		``, `null`, `[]`, `{}`, `{"sha256":"` + sum + `"`,
		`{"sha256":"` + sum + `","standardisation":{"mean":0,"deviation":0}}`,
		`{"sha256":"` + sum + `","standardisation":{"mean":0,"deviation":-1}}`,
		`{"sha256":"` + sum + `","standardisation":{"mean":0,"deviation":1e999}}`,
		`{"sha256":"` + sum + `"}`,
		`{"sha256":"` + sum[:62] + `","standardisation":{"mean":0,"deviation":1}}`,
		`{"sha256":"` + sum[:62] + `xy","standardisation":{"mean":0,"deviation":1}}`,
		`{"sha256":"","standardisation":{"mean":0,"deviation":1}}`,
	} {
		d, err := openTiny(t, folder, Environment{Cache: fixed(value)})
		must(t, err)
		if d.Fingerprint() != honest.Fingerprint() || d.Preprocessing()["image"] != honest.Preprocessing()["image"] {
			t.Errorf("%s was believed", value)
		}
	}
	for _, f := range []facts{
		{sum, Standardisation{math.NaN(), 1}}, {sum, Standardisation{math.Inf(-1), 1}}, {sum, Standardisation{0, math.NaN()}},
		{sum, Standardisation{0, math.Inf(1)}}, {sum, Standardisation{0, 0}}, {sum[1:], Standardisation{0, 1}},
	} {
		if f.check() == nil {
			t.Errorf("%v passes", f)
		}
	}
	if err := (facts{sum, Standardisation{-3, 1e-300}}).check(); err != nil {
		t.Error(err)
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
			inner, err := OpenCache(t.TempDir())
			must(t, err)
			cache := &counting{Cache: inner}
			setClock(t, c.clock)
			path := t.TempDir() + "/x.npy"
			writeArray(t, path, "<f4", []int{2, 3}, ramp(6)...)
			if !hasChangeTimes(t, path) {
				c.cached = c.clock-c.modified >= resolution
			}
			if c.modified != 0 {
				must(t, os.Chtimes(path, time.Time{}, time.Now().Add(c.modified)))
			}
			for range 2 {
				if _, err := opened(t, path).scan(t.Context(), 2, Environment{Cache: cache}); err != nil {
					t.Fatal(err)
				}
			}
			if (cache.puts == 1) != c.cached || (cache.hits == 1) != c.cached {
				t.Errorf("%d put, %d found", cache.puts, cache.hits)
			}
		})
	}
}

// Facts are those of the content, whatever is done to a file between two openings.
func TestFactsAreNeverStale(t *testing.T) {
	inner, err := OpenCache(t.TempDir())
	must(t, err)
	path := t.TempDir() + "/x.npy"
	writeArray(t, path, "<f4", []int{2, 3}, 0)
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
				file := fmt.Appendf([]byte("\x93NUMPY\x01\x00\x3c\x00"), "%-59s\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}")
				file = append(file, byte(value), byte(value*16), byte(value*32), 0)
				err := os.WriteFile(target, file, 0o644)
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
		scan := func(e Environment) string {
			a, err := openArray(path)
			if err != nil {
				t.Fatal(err)
			}
			defer a.file.Close()
			found, err := a.scan(context.Background(), a.header.Rows(), e)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(found)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if cached, computed := scan(Environment{Cache: inner}), scan(Environment{}); cached != computed {
			t.Fatalf("the cache says %s, the file %s", cached, computed)
		}
	})
}
