package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"time"

	"mixmas/search/filelock"
)

// abandonedAfter is the age at which a partial file passes for abandoned where no lock tells.
const abandonedAfter = time.Hour

// create creates a partial file for writing: prefix and a random word are its name. It belongs to its writer, who holds a
// lock on it until rename or Close: until then [RemoveAbandoned] leaves it.
func create(prefix string, mode fs.FileMode) (*os.File, error) {
	for {
		f, err := os.OpenFile(prefix+rand.Text(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return nil, err
		}
		locked, err := filelock.Try(f)
		if err != nil || locked && filelock.Named(f) { // without locks its age protects it
			return f, nil
		}
		f.Close() // a RemoveAbandoned was faster than the lock
		_ = os.Remove(f.Name())
	}
}

// rename gives a file of create the name path, in the place of what has that name, and closes it.
func rename(f *os.File, path string) error {
	if runtime.GOOS != "windows" {
		return errors.Join(os.Rename(f.Name(), path), f.Close())
	}
	if err := f.Close(); err != nil { // Windows renames no open file
		return err
	}
	return os.Rename(f.Name(), path)
}

// RemoveAbandoned removes a partial file whose writer no longer lives, and leaves that of a living one. On Windows, where
// a writer closes the file before it renames it, and on file systems without locks, what was last written to an hour ago is
// abandoned.
func RemoveAbandoned(path string) (removed bool, err error) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false, ignore(err, fs.ErrNotExist)
	}
	abandoned := time.Since(info.ModTime()) > abandonedAfter
	if runtime.GOOS != "windows" {
		f, err := os.Open(path)
		if err != nil {
			return false, ignore(err, fs.ErrNotExist)
		}
		defer f.Close() // and with it the lock, which keeps create from taking the file for its own
		if locked, err := filelock.Try(f); err == nil {
			abandoned = locked
		}
	}
	if !abandoned {
		return false, nil
	}
	err = os.Remove(path)
	return err == nil, ignore(err, fs.ErrNotExist)
}

// ignore is err, unless it is one of those that are no fault.
func ignore(err error, innocent ...error) error {
	if slices.ContainsFunc(innocent, func(e error) bool { return errors.Is(err, e) }) {
		return nil
	}
	return err
}
