package store

import (
	"context"
	"fmt"
	"time"
)

const (
	// defaultTimeout limits the wait of a call whose context never ends.
	defaultTimeout = 10 * time.Second
	// attempt is how long a call waits before it checks its context.
	attempt = 500 * time.Millisecond
	// boltPause is the time between bbolt's checks of the lock; an attempt may end this much early.
	boltPause = 50 * time.Millisecond
	// announceAfter is how long a call waits before it calls Options.Waiting.
	announceAfter = 3 * time.Second
)

// wait is the wait of one call until other processes have closed the database.
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

// attempt returns how long the next attempt may wait. If the context has ended it only checks the lock, because many calls
// may be waiting one after another.
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

// failed is called after an unsuccessful attempt, and returns an error if it was the last one.
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

// over is called when the database is open, so that the next wait is announced again.
func (w *wait) over() { w.store.announced.Store(false) }
