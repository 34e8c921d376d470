// Package atomicfile writes files completely or not at all. When a call returns, the content of the file and its name are on
// the disk, and survive a loss of power.
package atomicfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// partial and a random word end the names of files that are not complete yet.
const partial = ".partial-"

// Write replaces the file at path with what write writes, once all of it is on the disk. Until then, and after an error, the
// old file stays. The new file gets its permissions. A symbolic link stays a link. Anything that is not a regular file, such
// as a pipe, is written to directly. Several processes may write to one path at once: the last file stays. Partial files that
// killed writers of the path left are removed.
func Write(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeInto(path, write)
	}
	return Replace(path, write)
}

// Replace is like Write, but the new file replaces whatever is at path, even a symbolic link or a pipe.
func Replace(path string, write func(io.Writer) error) error {
	if err := (Writer{}).Replace(path, write); err != nil {
		return err
	}
	_ = removeAbandoned(path) // a file that cannot be removed is not an error here
	return nil
}

// Writer replaces files. The zero value is what [Replace] uses.
type Writer struct {
	// Prefix and a random word are the path of the partial file, in the same folder as the file or in another one on the same
	// file system; "" means the path of the file with a suffix. A caller that sets it removes what killed writers left, with
	// [RemoveAbandoned].
	Prefix string
	// NoSync does not wait for the disk.
	NoSync bool
	// Step, if not nil, is called after each step with its name. Tests use it to kill the process in between.
	Step func(name string)
}

// Replace is like [Replace], but does not remove the partial files of killed writers.
func (w Writer) Replace(path string, write func(io.Writer) error) (err error) {
	mode := fs.FileMode(0o644)
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		mode = info.Mode()
	}
	prefix := cmp.Or(w.Prefix, path+partial)
	f, err := create(prefix, mode.Perm())
	if err != nil {
		return about(path, prefix, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			_ = os.Remove(f.Name())
			err = about(path, f.Name(), err)
		}
	}()
	w.did("file created")
	if err := write(f); err != nil {
		return err
	}
	if !w.NoSync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	w.did("file synced")
	if err := rename(f, path); err != nil {
		return err
	}
	w.did("file renamed")
	return w.SyncFolder(filepath.Dir(path))
}

func (w Writer) did(step string) {
	if w.Step != nil {
		w.Step(step)
	}
}

// SyncFolder makes the names in a folder durable. It does nothing on Windows, which has no such call and needs none, on file
// systems without it, and for a folder that must not be opened.
func (w Writer) SyncFolder(path string) error {
	if w.NoSync || runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return ignore(err, fs.ErrPermission)
	}
	err = errors.Join(ignore(folder.Sync(), errors.ErrUnsupported, syscall.EINVAL), folder.Close())
	w.did("folder synced")
	return err
}

// about makes an error name the file at path, not the partial file, which users do not know. partial is the beginning of its
// path.
func about(path, partial string, err error) error {
	if failed := new(fs.PathError); errors.As(err, &failed) && strings.HasPrefix(failed.Path, partial) {
		return &fs.PathError{Op: failed.Op, Path: path, Err: failed.Err}
	}
	if failed := new(os.LinkError); errors.As(err, &failed) && strings.HasPrefix(failed.Old, partial) {
		return &fs.PathError{Op: "replace", Path: path, Err: failed.Err}
	}
	return fmt.Errorf("%s: %w", path, err)
}

func writeInto(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// Remove removes the file at path, which need not exist, and the partial files that killed writers left.
func Remove(path string) error {
	return errors.Join(ignore(os.Remove(path), fs.ErrNotExist), removeAbandoned(path))
}

// removeAbandoned removes the partial files of a path that killed writers left.
func removeAbandoned(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	err = ignore(err, fs.ErrNotExist)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), filepath.Base(path)+partial) {
			_, e := RemoveAbandoned(filepath.Join(filepath.Dir(path), entry.Name()))
			err = errors.Join(err, e)
		}
	}
	return err
}
