package cpu

import (
	"runtime"
	"sync"

	"mixmas/nn/cpu/simd"
)

// blockSize is the number of elements that an elementwise operation handles at a time: three blocks fit into the L1 cache.
const blockSize = 1024

// tileSize is the number of elements of a worker's tile, which holds a part of a matrix product.
const tileSize = 1 << 18

// A worker is one core's share of the device: the right to compute and the scratch memory for it. Whoever holds the pointer
// holds both.
type worker struct {
	gemm     *simd.Workspace
	product  simd.Product
	epilogue epilogue
	// plain is a product without epilogue.
	plain     simd.Product
	depthwise simd.Depthwise
	blocks    [3][]float32
	tile      []float32
	// tasks feeds the worker's goroutine, which computes while another worker's run uses it as a helper.
	tasks chan task
}

// A part computes the units from ≤ i < to of an operation's output.
type part func(w *worker, from, to int)

type task struct {
	part     part
	from, to int
	done     chan<- struct{}
}

// pool holds the workers of a device. Each is free, held by a run, or helping a run.
type pool struct {
	workers []*worker
	free    chan *worker

	mu       sync.Mutex
	sessions int
	running  sync.WaitGroup
}

func newPool(workers int) *pool {
	p := &pool{free: make(chan *worker, workers)}
	for range workers {
		w := &worker{gemm: simd.NewWorkspace()}
		for i := range w.blocks {
			w.blocks[i] = aligned(blockSize)
		}
		w.product.Done = w.epilogue.finish
		p.workers = append(p.workers, w)
		p.free <- w
	}
	return p
}

// open registers a session; the first one starts the helpers' goroutines.
func (p *pool) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions++; p.sessions > 1 {
		return
	}
	for _, w := range p.workers {
		if w.tile == nil {
			w.tile = aligned(tileSize)
		}
		if len(p.workers) > 1 {
			w.tasks = make(chan task, 1)
			p.running.Add(1)
			go p.help(w)
		}
	}
}

// close unregisters a session; the last one ends the helpers' goroutines.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions--; p.sessions > 0 || len(p.workers) == 1 {
		return
	}
	for _, w := range p.workers {
		close(w.tasks)
	}
	p.running.Wait()
}

func (p *pool) help(w *worker) {
	defer p.running.Done()
	for {
		t, open := receive(w.tasks)
		if !open {
			return
		}
		t.part(w, t.from, t.to)
		p.free <- w
		t.done <- struct{}{}
	}
}

// receive polls for about 50 µs before it sleeps. This is the time that waking a goroutine on another core takes, and the
// time of an operation of a small model.
func receive[T any](c <-chan T) (value T, open bool) {
	const looks = 500
	for range looks {
		select {
		case value, open = <-c:
			return value, open
		default:
			runtime.Gosched()
		}
	}
	value, open = <-c
	return value, open
}

// split computes the units 0 ≤ i < n of an operation, with the help of workers that are free at this moment. Each computes
// at least grain units. This is the only place where an operation uses more than one core.
func (t *turn) split(n, grain int, f part) {
	most := min(n/max(grain, 1), len(t.helpers)+1)
	got := 0
	for got < most-1 {
		h := t.pool.try()
		if h == nil {
			break
		}
		t.helpers[got] = h
		got++
	}
	if got == 0 {
		f(t.self, 0, n)
		return
	}
	parts := got + 1
	for i, h := range t.helpers[:got] {
		h.tasks <- task{part: f, from: n * (i + 1) / parts, to: n * (i + 2) / parts, done: t.done}
	}
	f(t.self, 0, n/parts)
	for range got {
		receive(t.done)
	}
}

// try takes a free worker, or returns nil if there is none.
func (p *pool) try() *worker {
	select {
	case w := <-p.free:
		return w
	default:
		return nil
	}
}

// rowSlices cuts rows into pieces whose number and size do not depend on the number of workers.
type rowSlices struct{ rows, size, count int }

// maxSlices bounds the scratch memory for partial sums, and the number of workers that can share a sum.
const maxSlices = 32

// sliced cuts rows of width elements, over which sums sums are computed, into at most maxSlices slices. A slice is large
// enough that adding its sums to those of the others costs little in comparison.
func sliced(rows, width, sums int) rowSlices {
	const fewest, elementsASum = 8192, 4
	size := max(ceil(max(fewest, elementsASum*sums), width), ceil(rows, maxSlices))
	return rowSlices{rows: rows, size: size, count: ceil(rows, size)}
}

// bounds returns the rows of slice i.
func (s rowSlices) bounds(i int) (from, to int) { return i * s.size, min((i+1)*s.size, s.rows) }

// worthwhile is the least number of elements that is worth calling a helper: calling one that polls takes a microsecond.
// Tests lower it.
var worthwhile = 1 << 11

// grain returns the least number of units, each of the given number of elements, that a helper gets.
func grain(elements int) int {
	return ceil(worthwhile, max(elements, 1))
}

func ceil(a, b int) int { return (a + b - 1) / b }
