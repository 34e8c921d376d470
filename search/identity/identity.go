// Package identity tells files apart, and a file before and after a change, without reading them.
package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"time"
)

// Identity says which file is open and when it was last changed, as far as the system knows. Two files, or one file before and
// after a change, have the same identity only if the change fell within the resolution of the time stamps.
type Identity struct {
	size     int64
	modified time.Time // anyone may set it
	changed  time.Time // only the system sets it, from its clock; zero if it has none
	volume   uint64
	index    uint64 // of the file on its volume: the inode
}

// Resolution is that of the coarsest time stamps in use (FAT's).
const Resolution = 2 * time.Second

// Of returns the identity of an open file.
func Of(f *os.File) (Identity, error) {
	info, err := f.Stat()
	if err != nil {
		return Identity{}, err
	}
	i := Identity{size: info.Size(), modified: info.ModTime()}
	if err := i.locate(f); err != nil {
		return Identity{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return i, nil
}

// Size is the number of bytes of the file.
func (i Identity) Size() int64 { return i.size }

// Equal reports whether two identities are of one file without a change between them.
func (i Identity) Equal(j Identity) bool {
	return i.SameContent(j) && i.changed.Equal(j.changed) && i.volume == j.volume && i.index == j.index
}

// SameContent compares only what changes with the content, not with the file's name, links or permissions.
func (i Identity) SameContent(j Identity) bool {
	return i.size == j.size && i.modified.Equal(j.modified)
}

// Mark is an identity in 8 bytes, for many files: of two different identities, it is the same with a probability of 2^-32.
type Mark struct{ content, file uint32 }

// Mark returns the mark of an identity.
func (i Identity) Mark() Mark {
	sum := func(values ...uint64) uint32 {
		var bytes []byte
		for _, v := range values {
			bytes = binary.LittleEndian.AppendUint64(bytes, v)
		}
		digest := sha256.Sum256(bytes)
		return binary.LittleEndian.Uint32(digest[:])
	}
	return Mark{
		sum(uint64(i.size), uint64(i.modified.Unix()), uint64(i.modified.Nanosecond())),
		sum(uint64(i.changed.Unix()), uint64(i.changed.Nanosecond()), i.index, i.volume),
	}
}

// SameContent is like that of [Identity].
func (m Mark) SameContent(n Mark) bool { return m.content == n.content }

// HasChangeTime reports whether the system keeps change times for the file.
func (i Identity) HasChangeTime() bool { return !i.changed.IsZero() }

// String is the form in keys of the cache.
func (i Identity) String() string {
	changed := "none"
	if !i.changed.IsZero() {
		changed = stamp(i.changed)
	}
	return fmt.Sprintf("%d bytes\nmodified %s\nchanged %s\nfile %d of volume %d", i.size, stamp(i.modified), changed, i.index, i.volume)
}

func stamp(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// Old reports whether every time stamp is so old that a change from now on must show in it. A time in the future is not.
func (i Identity) Old(now time.Time) bool {
	return now.Sub(i.modified) >= Resolution && (i.changed.IsZero() || now.Sub(i.changed) >= Resolution)
}

// Telling reports whether a change from now on must show in the change time or, if the system has none, in the modification
// time.
func (i Identity) Telling(now time.Time) bool {
	if i.changed.IsZero() {
		return now.Sub(i.modified) >= Resolution
	}
	return now.Sub(i.changed) >= Resolution
}
