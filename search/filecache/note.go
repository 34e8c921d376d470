package filecache

import (
	"errors"
	"os"
	"time"
)

// mostNote is the most bytes of a note's file.
const mostNote = 256 << 20

// Note returns the note of a key: a small result that was found while an entry was made, or before. It returns false if there
// is none, or it is damaged.
func (c *Cache) Note(key string) ([]byte, bool) {
	if c == nil || c.folder == "" {
		return nil, false
	}
	path := c.path(nameOf(key), note)
	value, ok := ReadSealed(path, key, mostNote)
	if !ok {
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now)
	return value, true
}

// PutNote stores the note of a key, which lives as long as its entry. Without an entry, it lives as one of its own. An error
// costs only time: the note will be missing.
func (c *Cache) PutNote(key string, value []byte) error {
	if c == nil || c.folder == "" {
		return nil
	}
	size := int64(SealBytes + len(value))
	if size > mostNote || !c.makeRoom(size, "") {
		return errors.New("the cache of decoded data is too small for a note")
	}
	return WriteSealed(c.path(nameOf(key), note), key, value)
}
