package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mixmas/search/atomicfile"
)

// Cache keeps small computed facts (fingerprints, training statistics) across runs. A key contains path, size and
// modification time of what the fact was computed from, so that an entry never has to be withdrawn. A cache is safe for
// use from several goroutines and processes at once.
type Cache interface {
	// Get finds the value of a key; false when there is none or it cannot be read.
	Get(key string) ([]byte, bool)
	// Put keeps a value.
	Put(key string, value []byte) error
}

// folderCache keeps one file an entry.
type folderCache struct{ folder string }

// OpenCache opens a cache in a folder, which it makes where it is missing: one small file an entry, named by the
// SHA-256 of its key and put in place by renaming.
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

func (c folderCache) Get(key string) ([]byte, bool) {
	value, err := os.ReadFile(c.path(key))
	return value, err == nil
}

func (c folderCache) Put(key string, value []byte) error {
	err := atomicfile.Write(c.path(key), func(w io.Writer) error {
		_, err := w.Write(value)
		return err
	})
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}
