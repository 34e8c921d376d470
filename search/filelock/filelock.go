// Package filelock locks open files against other processes. A lock ends with its file: when that is closed, or when the
// process that holds it ends, in whatever way.
package filelock

import (
	"fmt"
	"os"
)

// Try locks an open file without waiting, and reports false where the lock is held through another open file, be it of this
// process or another. An error is one of the file system: some have no locks.
func Try(f *os.File) (locked bool, err error) {
	connection, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	failed := connection.Control(func(descriptor uintptr) { locked, err = try(descriptor) })
	if failed != nil {
		err = failed
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return locked, nil
}

// Named reports whether an open file still has its name. Who locks a file that others remove must look, once it has the lock:
// that on a removed file keeps nobody out.
func Named(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(opened, there)
}
