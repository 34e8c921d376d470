// Package atomicfile writes files whole or not at all.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Write puts what write writes in the place of the file at path, when all of it is on the disk. Until then, and after an
// error, the old file stays. The new one has its permissions. A symbolic link stays one; what is no regular file, such as a
// pipe, is written to as it is. Several processes may write one path at once: the last one's file stays.
func Write(path string, write func(io.Writer) error) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		if mode = info.Mode(); !mode.IsRegular() {
			return writeInto(path, write)
		}
	}
	f, err := os.OpenFile(path+partial+rand.Text(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode.Perm())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("%s: %w", path, err)
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func writeInto(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// partial and a random word end the names of files that are not whole yet.
const partial = ".partial-"

// Remove removes the file at path, which need not exist, and what killed writers of it left over.
func Remove(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		name := entry.Name()
		if name != filepath.Base(path) && !strings.HasPrefix(name, filepath.Base(path)+partial) {
			continue
		}
		if e := os.Remove(filepath.Join(filepath.Dir(path), name)); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
