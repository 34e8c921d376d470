package identity

import (
	"errors"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// locate adds volume, file index and change time. File systems without change times (FAT) give none. Unlike elsewhere, programs
// may set the change time: a change whose writer also restores this time is not noticed.
func (i *Identity) locate(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var information windows.ByHandleFileInformation
	var basic struct { // FILE_BASIC_INFO
		Creation, LastAccess, LastWrite, Change int64 // 100 ns since 1601
		Attributes, _                           uint32
	}
	var failed error
	err = raw.Control(func(handle uintptr) {
		h := windows.Handle(handle)
		failed = windows.GetFileInformationByHandle(h, &information)
		if windows.GetFileInformationByHandleEx(h, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&basic)), uint32(unsafe.Sizeof(basic))) != nil {
			basic.Change = 0
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	i.volume = uint64(information.VolumeSerialNumber)
	i.index = uint64(information.FileIndexHigh)<<32 | uint64(information.FileIndexLow)
	if basic.Change > 0 {
		changed := windows.Filetime{LowDateTime: uint32(basic.Change), HighDateTime: uint32(basic.Change >> 32)}
		i.changed = time.Unix(0, changed.Nanoseconds())
	}
	return nil
}

// In returns the identity of a regular file in an open folder, without opening it. For anything else, and if the system cannot
// tell, it returns [errors.ErrUnsupported].
func In(*os.File, string) (Identity, error) { return Identity{}, errors.ErrUnsupported }
