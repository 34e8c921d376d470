package store

import "errors"

// What errors of this package can be tested for with errors.Is.
var (
	// ErrNotFound: no score has the key.
	ErrNotFound = errors.New("no such score")
	// ErrAmbiguous: several scores have keys with this beginning.
	ErrAmbiguous = errors.New("ambiguous key")
	// ErrPruned: the score has no such file, or it was removed to save space.
	ErrPruned = errors.New("not stored")
	// ErrDiffers: weights are not those that the score was measured with.
	ErrDiffers = errors.New("differs from the recorded one")
	// ErrForeign: the file is not a store, and is left untouched.
	ErrForeign = errors.New("not a store of scores")
	// ErrNewer: a newer version of the program wrote it.
	ErrNewer = errors.New("written by a newer version")
	// ErrDamaged: a file of the store does not hold what was written.
	ErrDamaged = errors.New("damaged")
	// ErrLocked: another process kept the store for longer than the call may wait.
	ErrLocked = errors.New("in use by another process")
	// ErrReadOnly: the store was opened with Options.ReadOnly.
	ErrReadOnly = errors.New("opened read-only")
)
