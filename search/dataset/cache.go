package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"mixmas/search/filecache"
)

// Cache stores small computed facts (digests, training statistics) across runs. A key contains the path, size, times and
// inode of the file that the fact was computed from, so entries never become invalid. Several goroutines and processes may use
// a cache at once.
type Cache interface {
	// Get returns the value of a key, or false if there is none, it cannot be read or it is damaged.
	Get(key string) ([]byte, bool)
	// Put stores a value.
	Put(key string, value []byte) error
}

// folderCache is a cache with one file per entry.
type folderCache struct{ folder string }

// OpenCache opens a cache in a folder, and creates the folder if it is missing. An entry is one small file, named by the
// SHA-256 of its key and written atomically: a line with the SHA-256 of key and value, then the value. If there are more than
// a thousand entries, or more than 256 MiB, the oldest are removed until at most half of both is left.
func OpenCache(dir string) (Cache, error) {
	if dir == "" {
		return nil, errors.New("cache: the name of the folder is empty")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return folderCache{dir}, nil
}

func (c folderCache) path(key string) string {
	digest := sha256.Sum256([]byte(key))
	return filepath.Join(c.folder, hex.EncodeToString(digest[:]))
}

// An entry may hold the statistics of a table with several hundred thousand features, about 40 bytes each.
const (
	mostEntries  = 1000
	mostBytes    = 32 << 20  // of an entry
	mostTogether = 256 << 20 // of all entries
)

func (c folderCache) Get(key string) ([]byte, bool) {
	return filecache.ReadSealed(c.path(key), key, mostBytes)
}

func (c folderCache) Put(key string, value []byte) error {
	if most := mostBytes - filecache.SealBytes; len(value) > most {
		return fmt.Errorf("cache: the value has %d bytes, want at most %d", len(value), most)
	}
	if err := filecache.WriteSealed(c.path(key), key, value); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	c.bound()
	return nil
}

// bound removes the oldest entries if there are too many, or too many bytes. Files that cannot be removed stay.
func (c folderCache) bound() {
	files, err := os.ReadDir(c.folder)
	if err != nil {
		return
	}
	var entries []fs.FileInfo
	together := int64(0)
	for _, f := range files {
		name := f.Name()
		if _, err := hex.DecodeString(name[:min(2*sha256.Size, len(name))]); err != nil || len(name) < 2*sha256.Size {
			continue // not ours
		}
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() {
			entries, together = append(entries, info), together+info.Size()
		}
	}
	if len(entries) <= mostEntries && together <= mostTogether {
		return
	}
	slices.SortFunc(entries, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for left := len(entries); left > mostEntries/2 || together > mostTogether/2; left-- {
		oldest := entries[len(entries)-left]
		together -= oldest.Size()
		_ = os.Remove(filepath.Join(c.folder, oldest.Name()))
	}
}
