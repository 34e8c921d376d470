package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// state identifies the content of a bbolt file: a transaction changes the meta page, anything else the file's size or time.
type state struct {
	meta
	file fs.FileInfo
}

func (a *state) is(b state) bool {
	return a != nil && a.meta == b.meta && a.file.Size() == b.file.Size() && a.file.ModTime().Equal(b.file.ModTime()) &&
		os.SameFile(a.file, b.file)
}

// readState reads the state of an open file. Another process may be writing a meta page at the same time, but not both. It
// extends the file before it writes the new length to a meta page, so the length is read after the meta pages.
func (s *Store) readState(file interface {
	io.ReaderAt
	Stat() (fs.FileInfo, error)
}) (now state, err error) {
	for range 3 {
		var ok bool
		if now.meta, ok = readMeta(file); !ok {
			continue
		}
		if now.file, err = file.Stat(); err == nil {
			err = now.checkLength(now.file.Size())
		}
		return now, s.explain(err)
	}
	return now, s.explain(fmt.Errorf("%w: it is not a bbolt file, or its header is damaged", ErrForeign))
}

// inspect checks the file before bbolt opens it. bbolt would write to an empty file, crash on a truncated one, and trust the
// list of free pages. Nothing is locked yet, so the result for that list counts only if no transaction ended while it was
// read.
func (s *Store) inspect() error {
	info, err := os.Stat(s.path)
	switch {
	case err != nil:
		return fmt.Errorf("store: %w", err)
	case info.IsDir():
		return fmt.Errorf("store %s: %w: it is a folder", s.path, ErrForeign)
	case !info.Mode().IsRegular():
		return fmt.Errorf("store %s: %w: it is not a regular file", s.path, ErrForeign)
	case info.Size() == 0:
		return fmt.Errorf("store %s: %w: it is empty; remove it or name another file", s.path, ErrForeign)
	}
	file, err := s.options.OpenFile(s.path, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer file.Close()
	now, err := s.readState(file)
	for err == nil && !s.examined.Load().is(now) {
		read := now.meta
		wrong := checkFreelist(file, read)
		if now, err = s.readState(file); err == nil && (wrong == nil || now.meta == read) {
			return s.explain(wrong)
		}
	}
	return err
}

// examine checks the pages of the open and locked file, once for each state of it.
func (s *Store) examine(file *os.File) error {
	s.walk.Lock()
	defer s.walk.Unlock()
	now, err := s.readState(file)
	if err != nil || s.examined.Load().is(now) {
		return err
	}
	if err := checkPages(file, now.meta); err != nil {
		return s.explain(err)
	}
	s.examined.Store(&now)
	return nil
}

// trust marks the current state of the open and locked file as checked.
func (s *Store) trust(file *os.File) error {
	now, err := s.readState(file)
	if err == nil {
		s.examined.Store(&now)
	}
	return err
}

// explain adds the file to an error, and a remedy if the error is damage.
func (s *Store) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("store %s: %w; replace it with a copy, import an export into a new store, or start with another file", s.path, err)
	}
	return fmt.Errorf("store %s: %w", s.path, err)
}
