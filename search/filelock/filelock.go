// Package filelock locks open files against other processes. A lock ends when its file is closed or when the process that
// holds it ends, however it ends.
package filelock

import (
	"fmt"
	"os"
)

// Try locks an open file without waiting. It reports false if the lock is held through another open file, of this process or
// another. An error comes from the file system: some have no locks.
func Try(f *os.File) (locked bool, err error) { return lock(f, false) }

// TryShared is [Try] for a lock that others may share, but not hold alone. A file that is open for reading suffices.
func TryShared(f *os.File) (locked bool, err error) { return lock(f, true) }

func lock(f *os.File, shared bool) (locked bool, err error) {
	connection, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	failed := connection.Control(func(descriptor uintptr) { locked, err = try(descriptor, shared) })
	if failed != nil {
		err = failed
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return locked, nil
}

// Named reports whether an open file still has its name. Check it after locking a file that others may remove: a lock on a
// removed file keeps nobody out.
func Named(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(opened, there)
}
