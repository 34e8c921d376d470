//go:build linux || darwin

package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// The kernel may map a whole folio of 2 MiB for one byte that is read. Pages are therefore counted by regions of that
// size and all given back when too many have been touched; they stay in the kernel's cache. Without it, a training over
// 3 GB of data would count 3 GB as resident.
const (
	region        = 2 << 20
	residentLimit = 64 // regions: 128 MiB a file
)

// mapping is a read-only memory map of a file.
type mapping struct {
	data     []byte
	touched  []atomic.Bool // by region, since pages were last given back
	resident atomic.Int64  // how many of touched are set
}

// openMapping maps a file.
func openMapping(path string) (*mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the map outlives the descriptor
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	m := &mapping{}
	if info.Size() == 0 {
		return m, nil
	}
	if int64(int(info.Size())) != info.Size() {
		return nil, fmt.Errorf("%s: %d bytes are too many to map on this machine", path, info.Size())
	}
	if m.data, err = unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("%s: memory map: %w", path, err)
	}
	m.touched = make([]atomic.Bool, (len(m.data)-1)/region+1)
	return m, nil
}

// ReadAt copies bytes from the map, as io.ReaderAt says.
func (m *mapping) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset > int64(len(m.data)) {
		return 0, errors.New("the file is closed or shorter than it was")
	}
	n := copy(p, m.data[offset:])
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	if n > 0 {
		for i := offset / region; i <= (offset+int64(n)-1)/region; i++ {
			if !m.touched[i].Load() && m.touched[i].CompareAndSwap(false, true) && m.resident.Add(1) > residentLimit {
				m.release()
			}
		}
	}
	return n, nil
}

// release gives the pages back. Reads that run beside it fault theirs in again, at most one region a reader uncounted.
func (m *mapping) release() {
	m.resident.Store(0)
	for i := range m.touched {
		m.touched[i].Store(false)
	}
	_ = unix.Madvise(m.data, unix.MADV_DONTNEED) // advice: a refusal costs memory, nothing else
}

// Close removes the map.
func (m *mapping) Close() error {
	data := m.data
	m.data = nil
	if data == nil {
		return nil
	}
	return unix.Munmap(data)
}
