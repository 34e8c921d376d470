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
