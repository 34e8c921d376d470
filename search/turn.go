package search

import (
	"context"
	"errors"

	"mixmas/nn/device"
	"mixmas/search/store"
)

// once does work that no other process does at the same time, beside other trials where there is a free slot of the device,
// and again alone if the device's memory was too full for that. The lease of the key that it returns lasts until what the
// work made is stored and the lease released. It is nil where look reports that another process has done the work by then.
// waiting is said once, if there is another process to be waited for.
func (s *Search) once(ctx context.Context, key, waiting string, look func() (found bool, err error), work func() error) (*store.Lease, error) {
	lease, err := s.onceWith(ctx, 1, key, waiting, look, work)
	if errors.Is(err, device.ErrOutOfMemory) && s.workers > 1 {
		lease, err = s.onceWith(ctx, s.workers, key, waiting, look, work)
	}
	return lease, err
}

// onceWith is once while it holds a number of slots. Who holds a slot never waits for a lease, so that processes cannot wait
// for each other, and who waits for a lease leaves the slots to others.
func (s *Search) onceWith(ctx context.Context, slots int64, key, waiting string, look func() (bool, error), work func() error) (*store.Lease, error) {
	for said := false; ; said = true {
		lease, busy, err := s.try(ctx, slots, key, look, work)
		if !busy {
			return lease, err
		}
		if !said {
			s.observer.Notice(waiting)
		}
		if err := s.store.AwaitLease(ctx, key); err != nil {
			return nil, err
		}
		if found, err := look(); found || err != nil {
			return nil, err
		}
	}
}

// try does the work while it holds a number of slots, unless another process has the lease of the key.
func (s *Search) try(ctx context.Context, slots int64, key string, look func() (bool, error), work func() error) (lease *store.Lease, busy bool, err error) {
	if err := s.slots.Acquire(ctx, slots); err != nil {
		return nil, false, err
	}
	defer s.slots.Release(slots)
	lease, err = s.store.TryLease(key)
	if lease == nil || err != nil {
		return nil, err == nil, err
	}
	found, err := look()
	if err == nil && !found {
		err = work()
	}
	if found || err != nil {
		lease.Release()
		return nil, false, err
	}
	return lease, false, nil
}
