package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"mixmas/search/atomicfile"
	"mixmas/search/regular"
)

// Cache keeps small computed facts (fingerprints, training statistics) across runs. A key contains path, size, times and
// inode of what the fact was computed from, so that an entry never has to be withdrawn. A cache is safe for use from
// several goroutines and processes at once.
type Cache interface {
	// Get finds the value of a key; false when there is none, or it cannot be read or is not what was put there.
	Get(key string) ([]byte, bool)
	// Put keeps a value.
	Put(key string, value []byte) error
}

// folderCache keeps one file an entry.
type folderCache struct{ folder string }

// OpenCache opens a cache in a folder, which it makes where it is missing: one small file an entry, named by the
// SHA-256 of its key and put in place by renaming. A file is a line with the SHA-256 of key and value, and the value. Of
// more than a thousand entries, or more than 256 MiB, the older half is removed.
func OpenCache(dir string) (Cache, error) {
	if dir == "" {
		return nil, errors.New("cache: the folder has no name")
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

// An entry may have the statistics of a table of some hundred thousand features, at about 40 bytes each.
const (
	mostEntries  = 1000
	mostBytes    = 32 << 20  // of an entry
	mostTogether = 256 << 20 // of all entries
)

// sum is the first line of an entry's file.
func sum(key string, value []byte) string {
	digest := sha256.Sum256(slices.Concat([]byte(key), []byte{0}, value))
	return hex.EncodeToString(digest[:])
}

func (c folderCache) Get(key string) ([]byte, bool) {
	f, err := regular.Open(c.path(key))
	if err != nil {
		return nil, false
	}
	defer f.Close()
	file, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil || len(file) > mostBytes {
		return nil, false
	}
	line, value, whole := bytes.Cut(file, []byte{'\n'})
	return value, whole && string(line) == sum(key, value)
}

func (c folderCache) Put(key string, value []byte) error {
	if most := mostBytes - len(sum(key, nil)) - 1; len(value) > most {
		return fmt.Errorf("cache: a value of %d bytes, want at most %d", len(value), most)
	}
	err := atomicfile.Write(c.path(key), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n%s", sum(key, value), value)
		return err
	})
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	c.bound()
	return nil
}

// bound removes the older half of the entries where there are too many, or too many bytes. What cannot be removed, stays.
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
