package filecache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"mixmas/search/atomicfile"
)

// A sealed file is a line with the SHA-256 of a key and a value, then the value: a damaged one, and one of another key, are
// noticed.

// ReadSealed returns the value in the sealed file of a key, of at most so many bytes with its seal, or false if there is none or it
// is damaged.
func ReadSealed(path, key string, most int64) ([]byte, bool) {
	text, err := readSmall(path, most)
	if err != nil {
		return nil, false
	}
	line, value, whole := bytes.Cut(text, []byte{'\n'})
	return value, whole && string(line) == seal(key, value)
}

// WriteSealed writes the sealed file of a key atomically.
func WriteSealed(path, key string, value []byte) error {
	return atomicfile.Replace(path, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n%s", seal(key, value), value)
		return err
	})
}

// SealBytes is the number of bytes before the value of a sealed file.
const SealBytes = 2*sha256.Size + 1

// seal is the first line.
func seal(key string, value []byte) string {
	digest := sha256.Sum256(slices.Concat([]byte(key), []byte{0}, value))
	return hex.EncodeToString(digest[:])
}
