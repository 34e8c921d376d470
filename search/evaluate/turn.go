package evaluate

import (
	"context"
	"errors"

	"mixmas/nn/device"
	"mixmas/search/store"
)

// Work is what one of the processes that share a store does for all of them.
type Work struct {
	// Key is that of the score that it makes.
	Key string
	// Do does it, with the device.
	Do func() error
	// Look reports whether another process has done it.
	Look func() (found bool, err error)
	// Waiting is said, once, if another process is waited for.
	Waiting string
}

// Once does work that no other process does at the same time, beside other trials where there is a free slot of the device,
// and again alone if there it runs out of memory. It returns the lease of the key, to be released when what the
// work made is stored, or nil where another process has done it.
func (e *Evaluator) Once(ctx context.Context, w Work) (*store.Lease, error) {
	lease, err := e.onceWith(ctx, 1, w)
	if errors.Is(err, device.ErrOutOfMemory) && e.workers > 1 {
		lease, err = e.onceWith(ctx, e.workers, w)
	}
	return lease, err
}

// onceWith is Once while it holds a number of slots. A trial that holds a slot never waits for a lease, so
// processes cannot deadlock, and one that waits for a lease leaves the slots to others.
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

// try does the work while it holds a number of slots, unless another process has the lease: then it is busy.
func (e *Evaluator) try(ctx context.Context, slots int64, w Work) (lease *store.Lease, busy bool, err error) {
	if err := e.slots.Acquire(ctx, slots); err != nil {
		return nil, false, err
	}
	defer e.slots.Release(slots)
	lease, err = e.options.Store.TryLease(w.Key)
	if lease == nil || err != nil {
		return nil, err == nil, err
	}
	found, err := w.Look() // while it waited for the slot, another process may have done it
	if err == nil && !found {
		err = w.Do()
	}
	if found || err != nil {
		lease.Release()
		return nil, false, err
	}
	return lease, false, nil
}
