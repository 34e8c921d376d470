package evaluate

import (
	"context"
	"errors"

	"mixmas/nn/device"
	"mixmas/search/store"
)

// Work is work that one of the processes that share a store does for all of them.
type Work struct {
	// Key is the key of the resulting score.
	Key string
	// Do does the work, on the device.
	Do func() error
	// Look reports whether another process has done the work.
	Look func() (found bool, err error)
	// Waiting is the notice that is shown once if another process is doing the work.
	Waiting string
}

// Once does work that no other process is doing. It waits for a free slot of the device and runs beside other trials; if it
// runs out of memory, it runs again alone. It returns the lease of the key, to be released when the result is stored, or nil
// if another process has done the work.
func (e *Evaluator) Once(ctx context.Context, w Work) (*store.Lease, error) {
	lease, err := e.onceWith(ctx, 1, w)
	if errors.Is(err, device.ErrOutOfMemory) && e.workers > 1 {
		lease, err = e.onceWith(ctx, e.workers, w)
	}
	return lease, err
}

// onceWith is Once with a number of slots. A trial that holds a slot never waits for a lease, so processes cannot deadlock,
// and a trial that waits for a lease leaves the slots to others.
func (e *Evaluator) onceWith(ctx context.Context, slots int64, w Work) (*store.Lease, error) {
	for said := false; ; said = true {
		lease, busy, err := e.try(ctx, slots, w)
		if !busy {
			return lease, err
		}
		if !said {
			e.options.Observer.Notice(w.Waiting)
		}
		if err := e.options.Store.AwaitLease(ctx, w.Key); err != nil {
			return nil, err
		}
		if found, err := w.Look(); found || err != nil {
			return nil, err
		}
	}
}

// try does the work while it holds a number of slots. If another process has the lease, it returns busy.
func (e *Evaluator) try(ctx context.Context, slots int64, w Work) (lease *store.Lease, busy bool, err error) {
	if err := e.slots.Acquire(ctx, slots); err != nil {
		return nil, false, err
	}
	defer e.slots.Release(slots)
	lease, err = e.options.Store.TryLease(w.Key)
	if lease == nil || err != nil {
		return nil, err == nil, err
	}
	found, err := w.Look() // another process may have done it during the wait for the slot
	if err == nil && !found {
		err = w.Do()
	}
	if found || err != nil {
		lease.Release()
		return nil, false, err
	}
	return lease, false, nil
}
