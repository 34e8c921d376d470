//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package store

import "os"

// unlock does nothing: on these systems, closing the file releases bbolt's lock.
func unlock(*os.File) {}
