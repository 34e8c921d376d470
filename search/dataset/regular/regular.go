// Package regular opens files of data, which are read from any place and more than once.
package regular

import (
	"fmt"
	"io/fs"
	"os"
)

// Open opens the regular file at path, or that a symbolic link there leads to. Anything else is an error that says what it
// is: a pipe would be waited for, and a device may never end.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path) // before it is opened: to open a pipe waits for its writer
	if err != nil {
		return nil, err
	}
	if err := check(path, info); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = check(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func check(path string, info fs.FileInfo) error {
	if mode := info.Mode(); !mode.IsRegular() {
		return fmt.Errorf("%s is a %s, want a regular file", path, kind(mode))
	}
	return nil
}

// kind is what a file is that is not regular.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
