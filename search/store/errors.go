package store

import "errors"

// Errors of this package, to be tested for with errors.Is.
var (
	// ErrNotFound means that no score has the key.
	ErrNotFound = errors.New("no such score")
	// ErrAmbiguous means that several scores have keys with this beginning.
	ErrAmbiguous = errors.New("ambiguous key")
	// ErrPruned means that the score has no such file, or that it was removed to save space.
	ErrPruned = errors.New("not stored")
	// ErrDiffers means that weights are not those that the score was measured with.
	ErrDiffers = errors.New("differs from the recorded one")
	// ErrUnrecorded means that there is no such run, or no such file of a run.
	ErrUnrecorded = errors.New("not recorded")
	// ErrRunning means that the process of a run lives.
	ErrRunning = errors.New("is running")
	// ErrForeign means that the file is not a store. It is left untouched.
	ErrForeign = errors.New("not a store of scores")
	// ErrNewer means that a newer version of the program wrote the file.
	ErrNewer = errors.New("written by a newer version")
	// ErrDamaged means that a file of the store does not hold what was written.
	ErrDamaged = errors.New("damaged")
	// ErrLocked means that another process used the store for longer than the call may wait.
	ErrLocked = errors.New("in use by another process")
	// ErrReadOnly means that the store was opened with Options.ReadOnly.
	ErrReadOnly = errors.New("opened read-only")
)
