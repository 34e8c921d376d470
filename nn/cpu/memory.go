package cpu

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"

	"github.com/dustin/go-humanize"

	"mixmas/nn/cpu/limits"
	"mixmas/nn/device"
)

// ledger lists the memory that all sessions of this process hold. The system does not count memory that they have not
// touched yet, which must not be promised twice.
var ledger = struct {
	sync.Mutex
	held map[*holding]struct{}
}{held: map[*holding]struct{}{}}

// holding is a piece of memory that a session holds: its mapped memory, of which the system counts what was touched, and
// the memory that Go's heap will need in addition.
type holding struct {
	memory []float32
	unmap  func()
	beside int64 // bytes
}

// allocate returns n zeroed elements that start on a cache line, and reserves the bytes beside. If the machine or a
// container has less left, the error is [device.ErrOutOfMemory]. This check is needed because mapping memory costs nothing,
// but the system kills a process that touches more than there is.
func (d *Device) allocate(n int, beside int64) (*holding, error) {
	ledger.Lock()
	defer ledger.Unlock()
	if err := reserve(d.system, n, beside); err != nil {
		return nil, err
	}
	h := &holding{unmap: func() {}, beside: beside}
	if n > 0 {
		var err error
		if h.memory, h.unmap, err = mapped(n); err != nil {
			return nil, err
		}
	}
	ledger.held[h] = struct{}{}
	return h, nil
}

// free gives the memory back. It may be called again, and for nil. After the last holding is freed, Go's heap is no longer
// limited.
func (h *holding) free() {
	ledger.Lock()
	defer ledger.Unlock()
	if _, held := ledger.held[h]; !held {
		return
	}
	delete(ledger.held, h)
	h.unmap()
	if len(ledger.held) == 0 {
		limitHeap(math.MaxInt64)
	}
}

// limitHeap tells Go's runtime how many bytes it may hold, unless GOMEMLIMIT is set.
func limitHeap(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bytes)
	}
}

// reserve returns an error if there is not enough memory left for n elements and the bytes beside. It limits Go's heap,
// which tends to grow to twice what it needs, to the memory that remains, unless GOMEMLIMIT is set.
func reserve(system fs.FS, n int, beside int64) error {
	const little = 1 << 20 // bytes: less is not worth checking
	bytes := 4 * int64(n)
	need := bytes + beside
	if need < little {
		return nil
	}
	limit, left, known := remaining(system)
	if !known {
		return nil
	}
	if need > left {
		debug.FreeOSMemory() // garbage of the last training
		limit, left, _ = remaining(system)
	}
	if need > left {
		return fmt.Errorf("%s needed, %s of the %s in %s left: %w",
			size(need), size(max(0, left)), size(limit.Bytes), limit.Name, device.ErrOutOfMemory)
	}
	for h := range ledger.held {
		beside += h.beside
	}
	limitHeap(heapSize() + left - need + beside)
	return nil
}

// remaining returns the tightest limit, and the memory that it leaves once everything that is promised has been touched.
func remaining(system fs.FS) (limit limits.Limit, left int64, known bool) {
	if limit, known = limits.Least(system); !known {
		return limit, 0, false
	}
	left = limit.Left
	for h := range ledger.held {
		left -= untouched(h.memory) + h.beside
	}
	return limit, left, true
}

// heapSize returns how many bytes Go's runtime holds, as it counts them for its limit.
func heapSize() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}

func size(bytes int64) string { return humanize.IBytes(uint64(bytes)) }
