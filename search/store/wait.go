package store

import (
	"context"
	"fmt"
	"time"
)

const (
	// defaultTimeout is how long a call waits whose context never ends.
	defaultTimeout = 10 * time.Second
	// attempt is how long a call waits before it looks at its context.
	attempt = 500 * time.Millisecond
	// boltPause is the time between two looks of bbolt at the lock: by so much it may end early.
	boltPause = 50 * time.Millisecond
	// announceAfter is how long a call waits before it says so.
	announceAfter = 3 * time.Second
)

// wait is one call's waiting for other processes to close the database.
type wait struct {
	store   *Store
	ctx     context.Context
	started time.Time
	limit   time.Duration // 0: none
}

func (s *Store) newWait(ctx context.Context) *wait {
	w := &wait{store: s, ctx: ctx, started: time.Now(), limit: s.options.Timeout}
	if w.limit == 0 && ctx.Done() == nil {
		w.limit = defaultTimeout
	}
	return w
}

// attempt is how long the next attempt may wait. Where the context has ended it is a look: many calls wait one after another.
func (w *wait) attempt() time.Duration {
	const look = 1 // bbolt reads 0 as no limit
	switch {
	case w.ctx.Err() != nil:
		return look
	case w.limit == 0:
		return attempt
	}
	return max(min(attempt, w.limit-time.Since(w.started)), look)
}

// failed is called after an attempt that waited in vain, and returns an error where it was the last one.
func (w *wait) failed() error {
	waited := time.Since(w.started)
	switch {
	case w.ctx.Err() != nil:
		return fmt.Errorf("store %s: %w: %w", w.store.path, ErrLocked, w.ctx.Err())
	case w.limit > 0 && waited >= w.limit-boltPause:
		return fmt.Errorf("store %s: %w: waited %v", w.store.path, ErrLocked, w.limit)
	case waited >= w.store.announceAfter && w.store.options.Waiting != nil && w.store.announced.CompareAndSwap(false, true):
		w.store.options.Waiting()
	}
	return nil
}

// over is called when the database is open: the next time that calls wait is announced again.
func (w *wait) over() { w.store.announced.Store(false) }
