package filelock

import "golang.org/x/sys/windows"

func try(descriptor uintptr) (bool, error) {
	const all = ^uint32(0)
	err := windows.LockFileEx(windows.Handle(descriptor), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, all, all, &windows.Overlapped{})
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, err
}
