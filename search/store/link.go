package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Resolve follows symbolic links at path, so that a store's files are next to the store and not next to a link to it. The
// last link may point to a file that does not exist yet, but its folder must exist: a disk may not be mounted.
func Resolve(path string) (string, error) {
	path = filepath.Clean(path)
	for next, links := path, 0; ; links++ {
		info, err := os.Lstat(next)
		if errors.Is(err, fs.ErrNotExist) && next != path {
			if _, err := os.Stat(filepath.Dir(next)); err != nil {
				return "", fmt.Errorf("%s is a link to %s, whose folder cannot be used: %w", path, next, err)
			}
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return next, nil // any error appears when it is used
		}
		if links == 40 {
			return "", fmt.Errorf("%s is a link to a file that does not exist", path)
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			// ".." is relative to the folder itself, not to a link to it.
			folder, err := filepath.EvalSymlinks(filepath.Dir(next))
			if err != nil {
				return "", err
			}
			target = filepath.Join(folder, target)
		}
		next = target
	}
}

// Holds reports whether a path is the store's file or one of its files, through any links.
func (s *Store) Holds(path string) bool {
	same := func(a, b string) bool {
		x, err := os.Stat(a)
		if err != nil {
			return false
		}
		y, err := os.Stat(b)
		return err == nil && os.SameFile(x, y)
	}
	if same(path, s.path) {
		return true
	}
	path, err := Resolve(path)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if folder, linked := filepath.EvalSymlinks(filepath.Dir(path)); linked == nil {
		path = filepath.Join(folder, filepath.Base(path))
	}
	for parent := filepath.Dir(path); err == nil && parent != path; path, parent = parent, filepath.Dir(parent) {
		if same(path, s.folder()) {
			return true
		}
	}
	return false
}
