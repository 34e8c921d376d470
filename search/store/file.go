package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// formatVersion is raised when older programs would misread what newer ones write.
const formatVersion = 1

var (
	metaBucket   = []byte("mixmas")
	versionKey   = []byte("version")
	scoresBucket = []byte("scores")
)

// create creates an empty store at the path, completely or not at all: it is made under another name first. If another
// process creates it at the same time, that process's store stays.
func (s *Store) create() error {
	temporary := s.temporary()
	defer os.Remove(temporary)
	db, err := bbolt.Open(temporary, 0o644, &bbolt.Options{NoSync: s.noSync, NoGrowSync: s.noSync})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucket(scoresBucket); err != nil {
			return err
		}
		meta, err := tx.CreateBucket(metaBucket)
		if err != nil {
			return err
		}
		return meta.Put(versionKey, []byte(strconv.Itoa(formatVersion)))
	})
	if err = cmp.Or(err, db.Close()); err != nil {
		return err
	}
	s.step("store made")
	if err := os.Link(temporary, s.path); err != nil {
		if _, missing := os.Lstat(s.path); missing == nil {
			return nil
		}
		if err := os.Rename(temporary, s.path); err != nil { // a file system without links
			return err
		}
	}
	s.step("store linked")
	return s.writer().SyncFolder(filepath.Dir(s.path))
}

// withDB opens the file once no other process blocks it, calls f, and closes the file again. If bbolt panics on a damaged
// file, or reads past the end of the mapped file, the error is ErrDamaged.
func (s *Store) withDB(ctx context.Context, readOnly bool, f func(db *bbolt.DB) error) (err error) {
	if readOnly {
		s.mu.RLock()
		defer s.mu.RUnlock()
	} else {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	var file *os.File
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if file != nil {
				unlock(file)
				file.Close() // db.Close could wait for ever
			}
			err = fmt.Errorf("store %s: %w: %v", s.path, ErrDamaged, r)
		}
	}()
	for wait := s.newWait(ctx); ; {
		if err := s.inspect(); err != nil {
			return err
		}
		db, err := bbolt.Open(s.path, 0o644, &bbolt.Options{
			Timeout:    wait.attempt(),
			ReadOnly:   readOnly,
			NoSync:     s.noSync,
			NoGrowSync: s.noSync,
			OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
				var err error
				file, err = s.options.OpenFile(name, flag&^os.O_CREATE, perm)
				return file, err
			},
		})
		switch {
		case errors.Is(err, bolterrors.ErrTimeout):
			if err := wait.failed(); err != nil {
				return err
			}
			continue
		case errors.Is(err, errors.ErrUnsupported):
			return fmt.Errorf("store %s: its file system does not support locks, which a store needs: use another file system (%w)", s.path, err)
		case err != nil:
			return fmt.Errorf("store %s: %w", s.path, err)
		}
		wait.over()
		if err := s.examine(file); err != nil {
			db.Close()
			return err
		}
		if err = f(db); err == nil && !readOnly {
			err = s.trust(file) // the pages that this process wrote need no check
		}
		return cmp.Or(err, db.Close())
	}
}

// view calls f with the bucket of scores.
func (s *Store) view(ctx context.Context, f func(scores *bbolt.Bucket) error) error {
	return s.withDB(ctx, true, func(db *bbolt.DB) error {
		return db.View(func(tx *bbolt.Tx) error {
			if err := s.checkVersion(tx); err != nil {
				return err
			}
			return f(tx.Bucket(scoresBucket))
		})
	})
}

// update calls f with the bucket of scores, and commits its changes unless f fails. Then it calls after, if it is not nil,
// while no other process can use the store.
func (s *Store) update(ctx context.Context, f func(scores *bbolt.Bucket) error, after func() error) error {
	if s.options.ReadOnly {
		return fmt.Errorf("store %s: %w", s.path, ErrReadOnly)
	}
	return s.withDB(ctx, false, func(db *bbolt.DB) error {
		tx, err := db.Begin(true)
		if err != nil {
			return fmt.Errorf("store %s: %w", s.path, err)
		}
		defer tx.Rollback()
		if err := s.checkVersion(tx); err != nil {
			return err
		}
		if err := f(tx.Bucket(scoresBucket)); err != nil {
			return err
		}
		s.step("before commit")
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("store %s: %w", s.path, err)
		}
		s.step("after commit")
		if after == nil {
			return nil
		}
		return after()
	})
}

// checkVersion checks that the bbolt file is a store that this program understands.
func (s *Store) checkVersion(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil || tx.Bucket(scoresBucket) == nil {
		return fmt.Errorf("store %s: %w: it is a bbolt file of another program", s.path, ErrForeign)
	}
	version, err := strconv.Atoi(string(meta.Get(versionKey)))
	switch {
	case err != nil || version < 1:
		return fmt.Errorf("store %s: %w: it has format version %q", s.path, ErrForeign, meta.Get(versionKey))
	case version > formatVersion:
		return fmt.Errorf("store %s: %w: it has format version %d, but this program reads up to %d; use a newer mixmas or another file",
			s.path, ErrNewer, version, formatVersion)
	}
	return nil
}
