//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package filelock

import "syscall"

func try(descriptor uintptr) (bool, error) {
	for {
		switch err := syscall.Flock(int(descriptor), syscall.LOCK_EX|syscall.LOCK_NB); err {
		case nil:
			return true, nil
		case syscall.EWOULDBLOCK:
			return false, nil
		case syscall.EINTR:
		default:
			return false, err
		}
	}
}
