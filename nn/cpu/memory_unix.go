//go:build unix

package cpu

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"mixmas/nn/device"
)

// mapped returns n zeroed elements outside Go's heap, on their own pages, and a function that frees them. Garbage
// collection would keep the memory of finished trials until the heap has doubled; pages that are never touched cost
// nothing.
func mapped(n int) (memory []float32, free func(), err error) {
	pages, err := unix.Mmap(-1, 0, 4*n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("%s needed: %w: %w", size(4*int64(n)), err, device.ErrOutOfMemory)
	}
	// A matrix with rows of 12 KiB covers more pages of 4 KiB than a CPU can look up at once. If pages of 2 MiB are
	// unavailable, the small ones have to do.
	const hugePages = 14 // Linux: MADV_HUGEPAGE
	if runtime.GOOS == "linux" {
		_ = unix.Madvise(pages, hugePages)
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&pages[0])), n), func() { _ = unix.Munmap(pages) }, nil
}
