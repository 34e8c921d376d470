package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
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

// create makes an empty store at the path, whole or not at all: it is made under another name first. Where another
// process creates it meanwhile, that one stays.
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
	return s.syncFolder(filepath.Dir(s.path))
}

// withDB opens the file, when no other process is in the way, calls f, and closes the file again. What goes wrong inside bbolt with a damaged file (it panics,
// or reads past the end of the mapped file) becomes ErrDamaged.
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
			return fmt.Errorf("store %s: its file system has no locks, which a store needs: put it on another (%w)", s.path, err)
		case err != nil:
			return fmt.Errorf("store %s: %w", s.path, err)
		}
		wait.over()
		return cmp.Or(f(db), db.Close())
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

// update calls f with the bucket of scores, and keeps what f wrote to it unless f fails. Then it calls after, while no
// other process can use the store; after may be nil.
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

// checkVersion finds out whether the bbolt file is a store that this program understands.
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
		return fmt.Errorf("store %s: %w: it has format version %d, this program reads up to %d; use a newer mixmas or another file",
			s.path, ErrNewer, version, formatVersion)
	}
	return nil
}

// inspect reads the head of the file before bbolt maps it: bbolt would crash on a truncated file and write to an empty
// one.
func (s *Store) inspect() error {
	info, err := os.Stat(s.path)
	switch {
	case err != nil:
		return fmt.Errorf("store: %w", err)
	case info.IsDir():
		return fmt.Errorf("store %s: %w: it is a folder", s.path, ErrForeign)
	case !info.Mode().IsRegular():
		return fmt.Errorf("store %s: %w: it is no regular file", s.path, ErrForeign)
	case info.Size() == 0:
		return fmt.Errorf("store %s: %w: it is empty; remove it or name another file", s.path, ErrForeign)
	}
	file, err := s.options.OpenFile(s.path, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer file.Close()
	// A meta page may be in the middle of being written by another process, though not both at once.
	for range 3 {
		if length, ok := boltLength(file); ok {
			if info, err = file.Stat(); err != nil {
				return fmt.Errorf("store: %w", err)
			}
			if info.Size() < length {
				return fmt.Errorf("store %s: %w: it is truncated, %d of at least %d bytes are left", s.path, ErrDamaged, info.Size(), length)
			}
			return nil
		}
	}
	return fmt.Errorf("store %s: %w: it is no bbolt file, or the head of it is damaged", s.path, ErrForeign)
}

// boltLength is the number of bytes that the newest valid meta page of a bbolt file says are in use.
func boltLength(file io.ReaderAt) (length int64, ok bool) {
	newest := uint64(0)
	// The second meta page is at the page size, a power of two from 1 KiB on.
	for position := int64(0); position <= 64<<10; position = max(2*position, 1<<10) {
		var page [80]byte
		if n, _ := file.ReadAt(page[:], position); n < len(page) {
			break
		}
		// After a header of 16 bytes: magic, version, page size, flags (4 bytes each), root page and sequence, freelist
		// page, pages in use, transaction, FNV-1a of all that (8 bytes each), in the byte order of the machine.
		meta, order := page[16:], binary.NativeEndian
		sum := fnv.New64a()
		sum.Write(meta[:56])
		if order.Uint32(meta) != 0xED0CDAED || order.Uint32(meta[4:]) != 2 || order.Uint64(meta[56:]) != sum.Sum64() {
			continue
		}
		if transaction := order.Uint64(meta[48:]); !ok || transaction > newest {
			newest, ok = transaction, true
			length = int64(order.Uint64(meta[40:])) * int64(order.Uint32(meta[8:]))
		}
	}
	return length, ok
}
