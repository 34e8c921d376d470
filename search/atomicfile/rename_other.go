//go:build !windows

package atomicfile

import "os"

// renameOver renames a file to path. Whoever has the old file open keeps it.
func renameOver(from, path string) error { return os.Rename(from, path) }
