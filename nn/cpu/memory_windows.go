package cpu

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"

	"mixmas/nn/device"
)

// mapped returns n zeroed elements outside Go's heap, on their own pages, and a function that frees them. Windows never
// promises more memory than it has: all committed memory can be touched.
func mapped(n int) (memory []float32, free func(), err error) {
	address, err := windows.VirtualAlloc(0, 4*uintptr(n), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, nil, fmt.Errorf("%s needed: %w: %w", size(4*int64(n)), err, device.ErrOutOfMemory)
	}
	pages := *(*unsafe.Pointer)(unsafe.Pointer(&address)) // not memory of Go, which could move
	return unsafe.Slice((*float32)(pages), n), func() { _ = windows.VirtualFree(address, 0, windows.MEM_RELEASE) }, nil
}
