//go:build unix

package identity

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// locate adds device, inode and change time.
func (i *Identity) locate(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var stat unix.Stat_t
	var failed error
	err = raw.Control(func(descriptor uintptr) {
		for {
			if failed = unix.Fstat(int(descriptor), &stat); failed != unix.EINTR {
				return
			}
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	i.volume, i.index, i.changed = uint64(stat.Dev), stat.Ino, time.Unix(stat.Ctim.Unix())
	return nil
}

// In returns the identity of a regular file in an open folder, without opening it. For anything else, and if the system cannot
// tell, it returns [errors.ErrUnsupported].
func In(folder *os.File, base string) (Identity, error) {
	raw, err := folder.SyscallConn()
	if err != nil {
		return Identity{}, err
	}
	var stat unix.Stat_t
	var failed error
	err = raw.Control(func(descriptor uintptr) {
		for {
			if failed = unix.Fstatat(int(descriptor), base, &stat, unix.AT_SYMLINK_NOFOLLOW); failed != unix.EINTR {
				return
			}
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return Identity{}, err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return Identity{}, errors.ErrUnsupported
	}
	return Identity{size: stat.Size, modified: time.Unix(stat.Mtim.Unix()), changed: time.Unix(stat.Ctim.Unix()), volume: uint64(stat.Dev), index: stat.Ino}, nil
}
