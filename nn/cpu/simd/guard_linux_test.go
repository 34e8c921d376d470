package simd

import (
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns n elements between two pages that can be neither read nor written: at the end of the second page, or at
// the beginning of the first. What remains of the pages holds canaries that are checked when the test ends.
func guarded(t *testing.T, n int, atEnd bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := max(1, (4*n+page-1)/page) * page
	memory, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	for _, guard := range [][]byte{memory[:page], memory[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	all := unsafe.Slice((*float32)(unsafe.Pointer(&memory[page])), size/4)
	poison(all)
	inner, rest := all[:n:n], all[n:]
	if atEnd {
		inner, rest = all[len(all)-n:], all[:len(all)-n]
	}
	t.Cleanup(func() {
		checkCanaries(t, rest)
		if err := syscall.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
	return inner
}
