package filecache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"mixmas/search/atomicfile"
)

// mostNote is the largest note.
const mostNote = 256 << 20

// Note returns the note of a key: a small result that was found while an entry was made, or before. It returns false if there
// is none, or it is damaged.
func (c *Cache) Note(key string) ([]byte, bool) {
	if c == nil || c.folder == "" {
		return nil, false
	}
	path := c.path(nameOf(key), note)
	text, err := readSmall(path, mostNote)
	if err != nil {
		return nil, false
	}
	line, value, whole := bytes.Cut(text, []byte{'\n'})
	if !whole || string(line) != sum(key, value) {
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
	name, line := nameOf(key), sum(key, value)
	if len(value) > mostNote-len(line)-1 || !c.makeRoom(int64(len(line)+1+len(value)), "") {
		return errors.New("the cache of decoded data is too small for a note")
	}
	return atomicfile.Replace(c.path(name, note), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n%s", line, value)
		return err
	})
}

// sum is the first line of a note.
func sum(key string, value []byte) string {
	digest := sha256.Sum256(slices.Concat([]byte(key), []byte{0}, value))
	return hex.EncodeToString(digest[:])
}
