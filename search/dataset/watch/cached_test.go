package watch_test

import (
	"os"
	"testing"
	"time"

	"mixmas/search/dataset"
	"mixmas/search/dataset/avmnist"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/dataset/watch"
)

func openAVMNIST(t testing.TB, folder string, e dataset.Environment) (dataset.Dataset, error) {
	t.Helper()
	d, err := avmnist.Open(t.Context(), avmnist.Options{Path: folder, Validation: 2}, e)
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

func TestFingerprint(t *testing.T) {
	watch.SetClock(t)
	inner, err := dataset.OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cache := &datasettest.CountingCache{Cache: inner}
	folder := datasettest.AVMNIST(t)
	open := func(e dataset.Environment) string {
		t.Helper()
		d, err := openAVMNIST(t, folder, e)
		if err != nil {
			t.Fatal(err)
		}
		return d.Fingerprint()
	}
	first := open(dataset.Environment{Cache: cache})
	if len(first) != 64 || cache.Puts != 6 || cache.Hits != 0 {
		t.Fatalf("fingerprint %s, %d written, %d found", first, cache.Puts, cache.Hits)
	}
	if again := open(dataset.Environment{Cache: cache}); again != first || cache.Hits != 6 || cache.Puts != 6 {
		t.Errorf("the second time %s, %d written, %d found", again, cache.Puts, cache.Hits)
	}
	if plain := open(dataset.Environment{}); plain != first {
		t.Errorf("without a cache %s", plain)
	}

	// Content changes behind an unchanged size and time: the change time tells.
	path := folder + "/audio/test_data.npy"
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	datasettest.WriteArray(t, path, "|u1", []int{3, 3, 2}, 5)
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	changed := open(dataset.Environment{Cache: cache})
	if watch.HasChangeTimes(t, path) == (changed == first) {
		t.Errorf("after a change that kept size and time: %s, before %s", changed, first)
	}
	if changed := open(dataset.Environment{Cache: cache, Verify: true}); changed == first {
		t.Error("verification did not see the change")
	}
	if corrected := open(dataset.Environment{Cache: cache}); corrected == first {
		t.Errorf("verification did not correct the cache: %s", corrected)
	}

	// Another file of the same content in its place is read again, and has the same fingerprint.
	before := cache.Hits
	datasettest.WriteArray(t, path+".new", "|u1", []int{3, 3, 2}, 5)
	if err := os.Chtimes(path+".new", info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if again := open(dataset.Environment{Cache: cache}); again == first || watch.HasChangeTimes(t, path) && cache.Hits != before+5 {
		t.Errorf("with a copy in the place of a file: %s, %d of 6 files were not read", again, cache.Hits-before)
	}

	// A new time makes the entry useless.
	datasettest.WriteArray(t, path, "|u1", []int{3, 3, 2}, 6)
	later := info.ModTime().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if newer := open(dataset.Environment{Cache: cache}); newer == changed {
		t.Error("a file with a new time was not read again")
	}
}
