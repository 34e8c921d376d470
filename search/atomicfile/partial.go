package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"time"

	"mixmas/search/filelock"
)

// abandonedAfter is the age at which a partial file passes for abandoned where no lock tells.
const abandonedAfter = time.Hour

// Create creates a partial file for writing: prefix and a random word are its name. It belongs to its writer, who holds a
// lock on it until [Rename] or Close: until then [RemoveAbandoned] leaves it.
func Create(prefix string, mode fs.FileMode) (*os.File, error) {
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

// Rename gives a file of Create the name path, in the place of what has that name, and closes it.
func Rename(f *os.File, path string) error {
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
		return false, ignoreMissing(err)
	}
	abandoned := time.Since(info.ModTime()) > abandonedAfter
	if runtime.GOOS != "windows" {
		f, err := os.Open(path)
		if err != nil {
			return false, ignoreMissing(err)
		}
		defer f.Close() // and with it the lock, which keeps Create from taking the file for its own
		if locked, err := filelock.Try(f); err == nil {
			abandoned = locked
		}
	}
	if !abandoned {
		return false, nil
	}
	err = os.Remove(path)
	return err == nil, ignoreMissing(err)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
