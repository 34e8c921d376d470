package cpu

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// untouched returns how many bytes of mapped memory have no page yet, or a page that is swapped out.
func untouched(memory []float32) int64 {
	if len(memory) == 0 {
		return 0
	}
	page := os.Getpagesize()
	var resident [1 << 14]byte // lowest bit of each: the page is in memory
	var missing int64
	for first, bytes := unsafe.Pointer(&memory[0]), 4*len(memory); bytes > 0; {
		some := min(bytes, len(resident)*page)
		_, _, failed := unix.Syscall(unix.SYS_MINCORE, uintptr(first), uintptr(some), uintptr(unsafe.Pointer(&resident[0])))
		if failed != 0 {
			return missing + int64(bytes) // the safe answer
		}
		for _, flags := range resident[:(some+page-1)/page] {
			if flags&1 == 0 {
				missing += int64(page)
			}
		}
		first, bytes = unsafe.Add(first, some), bytes-some
	}
	return missing
}
