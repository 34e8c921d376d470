//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package filelock

import "errors"

func try(uintptr, bool) (bool, error) { return false, errors.ErrUnsupported }
