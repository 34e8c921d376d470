//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package filelock

import "errors"

func try(uintptr) (bool, error) { return false, errors.ErrUnsupported }
