package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		"a folder":          func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) },
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

// Few large entries are bounded too.
func TestCacheIsBoundedInBytes(t *testing.T) {
	dir := t.TempDir()
	c, err := OpenCache(dir)
	must(t, err)
	for i := range 9 { // holes
		name := filepath.Join(dir, fmt.Sprintf("%064x", i))
		must(t, os.WriteFile(name, nil, 0o644))
		must(t, os.Truncate(name, mostBytes))
		must(t, os.Chtimes(name, time.Time{}, time.Unix(int64(i), 0)))
	}
	must(t, c.Put("newest", []byte("value")))
	if _, ok := c.Get("newest"); !ok {
		t.Error("the newest entry is gone")
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	if len(files) != 4 || files[0].Name() == fmt.Sprintf("%064x", 0) { // the newest has a few bytes beside three of the large ones
		t.Errorf("the folder has %d files, want 4, without the oldest", len(files))
	}
}

// The statistics of a table of very many features are kept like those of others: its file is not read anew for each command.
func TestCacheKeepsStatisticsOfManyFeatures(t *testing.T) {
	const features = 100_000
	s := Standardisation{Per: PerFeature}
	for i := range features {
		s.Mean, s.Deviation = append(s.Mean, -1e-7/float64(i+3)), append(s.Deviation, 1e-7/float64(i+7))
	}
	value, err := json.Marshal(Facts{strings.Repeat("0", 64), s})
	must(t, err)
	c, err := OpenCache(t.TempDir())
	must(t, err)
	must(t, c.Put("key", value))
	var found Facts
	if value, ok := c.Get("key"); !ok || json.Unmarshal(value, &found) != nil || !found.Standardisation.Equal(s) {
		t.Error("the statistics are not found again")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
