package watch

import (
	"fmt"
	"os"
	"time"
)

// identity says which file is open and when it was last changed, as far as the system knows. Two files, or one file before and
// after a change, have the same identity only if the change fell within the resolution of the time stamps.
type identity struct {
	size     int64
	modified time.Time // anyone may set it
	changed  time.Time // only the system sets it, from its clock; zero if it has none
	volume   uint64
	index    uint64 // of the file on its volume: the inode
}

// resolution is that of the coarsest time stamps in use (FAT's).
const resolution = 2 * time.Second

// now is the clock that time stamps are compared with. Tests set it.
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

func (i identity) equal(j identity) bool {
	return i.sameContent(j) && i.changed.Equal(j.changed) && i.volume == j.volume && i.index == j.index
}

// sameContent compares only what changes with the content, not with the file's name, links or permissions.
func (i identity) sameContent(j identity) bool {
	return i.size == j.size && i.modified.Equal(j.modified)
}

// String is the form in keys of the cache.
func (i identity) String() string {
	changed := "none"
	if !i.changed.IsZero() {
		changed = stamp(i.changed)
	}
	return fmt.Sprintf("%d bytes\nmodified %s\nchanged %s\nfile %d of volume %d", i.size, stamp(i.modified), changed, i.index, i.volume)
}

func stamp(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// old reports whether every time stamp is so old that a change from now on must show in it. A time in the future is not.
func (i identity) old(now time.Time) bool {
	return now.Sub(i.modified) >= resolution && (i.changed.IsZero() || now.Sub(i.changed) >= resolution)
}

// telling reports whether a change from now on must show in the change time or, if the system has none, in the modification
// time.
func (i identity) telling(now time.Time) bool {
	if i.changed.IsZero() {
		return now.Sub(i.modified) >= resolution
	}
	return now.Sub(i.changed) >= resolution
}
