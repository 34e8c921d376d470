// Package atomicfile writes files whole or not at all. What is written is on the disk, its name too, when a call returns: it
// outlives a loss of power.
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
// old file stays. The new file gets its permissions. A symbolic link stays a link; what is not a regular file, such as a pipe,
// is written to directly. Several processes may write to one path at once: the last file stays. Remains of killed writers of
// the path are removed.
func Write(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeInto(path, write)
	}
	return Replace(path, write)
}

// Replace is like Write, but the new file replaces whatever is at path, even a symbolic link, and nothing is written through
// it.
func Replace(path string, write func(io.Writer) error) error {
	if err := (Writer{}).Replace(path, write); err != nil {
		return err
	}
	_ = removeAbandoned(path) // a file that cannot be removed is not an error here
	return nil
}

// Writer replaces files. The zero value is what [Replace] uses.
type Writer struct {
	// Prefix, with a random word after it, names the partial file, in the folder of the path or another on the same file system;
	// "" is the path with a suffix of its own. Its user removes what killed writers left over, with [RemoveAbandoned].
	Prefix string
	// NoSync does not wait for the disk.
	NoSync bool
	// Step is called after each step, with its name; nil: nobody is told. For tests that kill the process in between.
	Step func(name string)
}

// Replace is [Replace], but leaves what killed writers left over.
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

// SyncFolder makes the names in a folder durable. Windows has no such call and needs none, some file systems have none either,
// and a folder that must not be listed cannot be opened for it.
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

// about makes an error one of the file at path: of the partial file, whose name begins with the given one, nobody knows.
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

// Remove removes the file at path, which need not exist, and what killed writers of it left over.
func Remove(path string) error {
	return errors.Join(ignore(os.Remove(path), fs.ErrNotExist), removeAbandoned(path))
}

// removeAbandoned removes the partial files of a path that killed writers left over.
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
