// Package regular opens files that must be regular, because they are read whole, at any offset or more than once.
package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrIrregular means that the path does not lead to a regular file.
var ErrIrregular = errors.New("want a regular file")

// Open opens the regular file at path, following symbolic links. For anything else it returns [ErrIrregular] and says what it
// is: opening a pipe could block, and a device may never end.
func Open(path string) (*os.File, error) {
	// Check before opening, because opening a pipe waits for its writer. Opening reports any other error.
	if info, err := os.Stat(path); err == nil {
		if err := Check(path, info); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = Check(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Check returns [ErrIrregular] and what the file at path is, unless its info is of a regular file.
func Check(path string, info fs.FileInfo) error {
	if mode := info.Mode(); !mode.IsRegular() {
		return fmt.Errorf("%s is a %s, %w", path, kind(mode), ErrIrregular)
	}
	return nil
}

// kind says what a file is that is not regular.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
