package watch

import (
	"fmt"
	"os"
	"time"
)

// identity says which file an open one is and when it was last changed, as far as the system tells. Two files, or one
// before and after a change, share an identity only where that change fell within the resolution of the stamps.
type identity struct {
	size     int64
	modified time.Time // anyone may set it
	changed  time.Time // the system alone sets it, to its clock; zero where it has none
	volume   uint64
	index    uint64 // of the file on its volume: the inode
}

// resolution is that of the coarsest stamps in use (FAT's).
const resolution = 2 * time.Second

// now is the clock that stamps are compared with. Tests set it.
var now = time.Now

// identify finds the identity of an open file.
func identify(f *os.File) (identity, error) {
	info, err := f.Stat()
	if err != nil {
		return identity{}, err
	}
	i := identity{size: info.Size(), modified: info.ModTime()}
	if err := i.locate(f); err != nil {
		return identity{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return i, nil
}

// equal compares identities.
func (i identity) equal(j identity) bool {
	return i.sameContent(j) && i.changed.Equal(j.changed) && i.volume == j.volume && i.index == j.index
}

// sameContent compares what changes with the content alone, not with the file's name, links or permissions.
func (i identity) sameContent(j identity) bool {
	return i.size == j.size && i.modified.Equal(j.modified)
}

// String is what keys are made of.
func (i identity) String() string {
	changed := "none"
	if !i.changed.IsZero() {
		changed = stamp(i.changed)
	}
	return fmt.Sprintf("%d bytes\nmodified %s\nchanged %s\nfile %d of volume %d", i.size, stamp(i.modified), changed, i.index, i.volume)
}

func stamp(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// old reports whether every stamp is old enough that a change from now on must show in it. A stamp in the future is not.
func (i identity) old(now time.Time) bool {
	return now.Sub(i.modified) >= resolution && (i.changed.IsZero() || now.Sub(i.changed) >= resolution)
}

// telling reports whether a change from now on must show in the stamp that the system sets; where it sets none, in the
// time of modification.
func (i identity) telling(now time.Time) bool {
	if i.changed.IsZero() {
		return now.Sub(i.modified) >= resolution
	}
	return now.Sub(i.changed) >= resolution
}
