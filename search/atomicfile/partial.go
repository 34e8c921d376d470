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

// abandonedAfter is the age at which a partial file counts as abandoned if locks are unavailable.
const abandonedAfter = time.Hour

// create creates a partial file for writing; its path is prefix and a random word. The writer holds a lock on it until rename
// or Close, so [RemoveAbandoned] leaves it alone.
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
		f.Close() // RemoveAbandoned came before the lock
		_ = os.Remove(f.Name())
	}
}

// rename renames a file that create made to path, replacing the file there, and closes it.
func rename(f *os.File, path string) error {
	if runtime.GOOS != "windows" {
		return errors.Join(renameOver(f.Name(), path), f.Close())
	}
	if err := f.Close(); err != nil { // Windows does not rename open files
		return err
	}
	return renameOver(f.Name(), path)
}

// RemoveAbandoned removes a partial file if its writer has ended. On Windows, where a writer closes the file before it renames
// it, and on file systems without locks, a file counts as abandoned an hour after it was last written to.
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
		defer f.Close() // also releases the lock, which keeps create from using the file
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

// ignore returns err, or nil if it is one of the innocent errors.
func ignore(err error, innocent ...error) error {
	if slices.ContainsFunc(innocent, func(e error) bool { return errors.Is(err, e) }) {
		return nil
	}
	return err
}
