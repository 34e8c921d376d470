package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"mixmas/search/filelock"
)

const (
	leasePrefix = "lease-"
	// leasePoll is the time between two checks of a lease that another process holds.
	leasePoll = 100 * time.Millisecond
)

// Lease is the exclusive right to work on a key. It ends with Release, or with the process that holds it, however that
// process ends.
type Lease struct{ file *os.File }

// TryLease takes the lease of a key without waiting. It returns nil if another holder has it, even in this process. On a
// system without locks every caller gets it: work is then done twice, with the same result.
func (s *Store) TryLease(key string) (*Lease, error) {
	path, err := s.leasePath(key)
	if err != nil {
		return nil, err
	}
	return takeLease(path)
}

// takeLease takes the lease whose file is at path, or returns nil if another holder has it.
func takeLease(path string) (*Lease, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if errors.Is(err, fs.ErrNotExist) { // the folder was removed
			if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		locked, err := filelock.Try(file)
		switch {
		case err != nil && !errors.Is(err, errors.ErrUnsupported):
			file.Close()
			return nil, fmt.Errorf("store: %w", err)
		case err == nil && !locked:
			file.Close()
			return nil, nil
		case filelock.Named(file):
			return &Lease{file}, nil
		}
		file.Close() // its last holder removed it before unlocking it: a lock on it excludes nobody
	}
}

// AwaitLease waits until the lease of a key is free, or the context ends.
func (s *Store) AwaitLease(ctx context.Context, key string) error {
	path, err := s.leasePath(key)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(leasePoll)
	defer ticker.Stop()
	for {
		if held, err := leaseHeld(path); err != nil || !held {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func leaseHeld(path string) (bool, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer file.Close()
	free, err := filelock.Try(file)
	return err == nil && !free, nil
}

// leaseShared is leaseHeld for a file that this process may only read. Several may ask at once: their locks are shared, so that none
// takes another for the holder.
func leaseShared(path string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer file.Close()
	free, err := filelock.TryShared(file)
	return err == nil && !free, nil
}

// Release ends the lease and removes its file while it still holds the lock: later, the file could be another holder's.
// Windows cannot remove an open file; there it stays until [Store.Prune].
func (l *Lease) Release() {
	if runtime.GOOS != "windows" {
		_ = os.Remove(l.file.Name())
	}
	_ = l.file.Close()
}

// removeLease removes the file of a lease that is free.
func removeLease(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if free, err := filelock.Try(file); err != nil || !free {
		return file.Close()
	}
	(&Lease{file}).Release()
	if runtime.GOOS == "windows" {
		_ = os.Remove(path) // fails if another holder has opened it
	}
	return nil
}

// leasePath returns the file that the holder of a key's lease locks.
func (s *Store) leasePath(key string) (string, error) {
	if s.options.ReadOnly {
		return "", fmt.Errorf("store %s: %w", s.path, ErrReadOnly)
	}
	if !Digest(key).valid() {
		return "", fmt.Errorf("store: lease: key %q is not a SHA-256 in hex", key)
	}
	return filepath.Join(s.folder(), leasePrefix+key), nil
}
