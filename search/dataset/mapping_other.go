//go:build !linux && !darwin

package dataset

import "golang.org/x/exp/mmap"

// mapping is a read-only memory map of a file.
type mapping = mmap.ReaderAt

// openMapping maps a file.
func openMapping(path string) (*mapping, error) { return mmap.Open(path) }
