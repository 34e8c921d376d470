package filelock

import "golang.org/x/sys/windows"

func try(descriptor uintptr, shared bool) (bool, error) {
	const all = ^uint32(0)
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(descriptor), how, 0, all, all, &windows.Overlapped{})
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, err
}
