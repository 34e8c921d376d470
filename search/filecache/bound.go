package filecache

import (
	"cmp"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mixmas/search/atomicfile"
	"mixmas/search/filelock"
)

// The kinds of files of an entry: endings of its name.
const (
	data    = ".data"
	entry   = ".entry"
	note    = ".note"
	lock    = ".lock"
	partial = ".partial-" // and a random word: a file that is being written
)

// files are what a folder holds of one name.
type files struct {
	name  string
	bytes int64
	used  time.Time
}

// list returns the entries of the folder, and the size of the files that are being written. Other files are not ours.
func (c *Cache) list() (entries []*files, writing int64) {
	found, err := os.ReadDir(c.folder)
	if err != nil {
		return nil, 0
	}
	by := map[string]*files{}
	for _, f := range found {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if strings.Contains(f.Name(), partial) {
			writing += info.Size()
			continue
		}
		kind := filepath.Ext(f.Name())
		name := strings.TrimSuffix(f.Name(), kind)
		if _, err := hex.DecodeString(name); err != nil || len(name) != 64 || kind != data && kind != entry && kind != note {
			continue
		}
		e := by[name]
		if e == nil {
			e = &files{name: name}
			by[name], entries = e, append(entries, e)
		}
		e.bytes += info.Size()
		if info.ModTime().After(e.used) {
			e.used = info.ModTime()
		}
	}
	return entries, writing
}

// makeRoom removes the entries that were not used for the longest time until so many bytes fit, and reports whether they do.
// The entry of the given name is about to be replaced.
func (c *Cache) makeRoom(size int64, name string) bool {
	entries, together := c.list()
	for _, e := range entries {
		if e.name != name {
			together += e.bytes
		}
	}
	slices.SortFunc(entries, func(a, b *files) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.name, b.name)) })
	for _, e := range entries {
		if size <= c.most-together {
			break
		}
		c.lock.Lock()
		used := c.used[e.name] > 0
		c.lock.Unlock()
		if !used && e.name != name && c.remove(e.name) {
			together -= e.bytes
		}
	}
	return size <= c.most-together
}

// remove removes an entry, and reports whether it is gone.
func (c *Cache) remove(name string) bool {
	_ = os.Remove(c.path(name, entry)) // first: without it the data do not count
	_ = os.Remove(c.path(name, note))
	_ = os.Remove(c.path(name, data))
	_, err := os.Lstat(c.path(name, data))
	return os.IsNotExist(err)
}

// clean removes the partial files and locks of processes that have ended.
func (c *Cache) clean() {
	files, err := os.ReadDir(c.folder)
	if err != nil {
		return
	}
	for _, f := range files {
		path := filepath.Join(c.folder, f.Name())
		switch {
		case strings.Contains(f.Name(), partial):
			_, _ = atomicfile.RemoveAbandoned(path)
		case filepath.Ext(f.Name()) == lock && len(f.Name()) == 64+len(lock):
			if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
				if locked, err := filelock.Try(f); err == nil && locked && filelock.Named(f) {
					removeLocked(f)
				}
				f.Close()
			}
		}
	}
}
