package search

import (
	"context"
	"errors"

	"mixmas/nn/device"
	"mixmas/search/store"
)

// work is what one of the processes that share a store does for all of them.
type work struct {
	// key is that of the score that it makes.
	key string
	// do does it, with the device.
	do func() error
	// look reports whether another process has done it.
	look func() (found bool, err error)
	// waiting is said, once, if another process is waited for.
	waiting string
}

// once does work that no other process does at the same time, beside other trials where there is a free slot of the device,
// and again alone if the device's memory was too full for that. It returns the lease of the key, to be released when what the
// work made is stored, or nil where another process has done it.
func (s *Search) once(ctx context.Context, w work) (*store.Lease, error) {
	lease, err := s.onceWith(ctx, 1, w)
	if errors.Is(err, device.ErrOutOfMemory) && s.workers > 1 {
		lease, err = s.onceWith(ctx, s.workers, w)
	}
	return lease, err
}

// onceWith is once while it holds a number of slots. Who holds a slot never waits for a lease, so that processes cannot wait
// for each other, and who waits for a lease leaves the slots to others.
func (s *Search) onceWith(ctx context.Context, slots int64, w work) (*store.Lease, error) {
	for said := false; ; said = true {
		lease, busy, err := s.try(ctx, slots, w)
		if !busy {
			return lease, err
		}
		if !said {
			s.observer.Notice(w.waiting)
		}
		if err := s.store.AwaitLease(ctx, w.key); err != nil {
			return nil, err
		}
		if found, err := w.look(); found || err != nil {
			return nil, err
		}
	}
}

// try does the work while it holds a number of slots, unless another process has the lease: then it is busy.
func (s *Search) try(ctx context.Context, slots int64, w work) (lease *store.Lease, busy bool, err error) {
	if err := s.slots.Acquire(ctx, slots); err != nil {
		return nil, false, err
	}
	defer s.slots.Release(slots)
	lease, err = s.store.TryLease(w.key)
	if lease == nil || err != nil {
		return nil, err == nil, err
	}
	found, err := w.look() // while it waited for the slot, another process may have done it
	if err == nil && !found {
		err = w.do()
	}
	if found || err != nil {
		lease.Release()
		return nil, false, err
	}
	return lease, false, nil
}
