package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// Options says how a store is opened. The zero value is the default.
type Options struct {
	// ReadOnly opens a store that must exist, and refuses every write.
	ReadOnly bool
	// Timeout is how long a call waits for other processes. 0: as long as its context lasts, and 10 seconds where that never
	// ends.
	Timeout time.Duration
	// Waiting is called when a call has waited for other processes for three seconds, and not again until one gets through.
	// nil: nobody is told.
	Waiting func()
	// OpenFile opens the database file; nil means os.OpenFile. For tests that need a file to misbehave.
	OpenFile func(name string, flag int, perm os.FileMode) (*os.File, error)
}

// Store is a store of scores. It holds no open file, so there is nothing to close. Its methods may be called from
// several goroutines.
type Store struct {
	path    string
	options Options
	mu      sync.RWMutex // spares goroutines of one process the waiting for the file's lock

	walk     sync.Mutex // spares them to walk the same pages
	examined atomic.Pointer[state]

	announced     atomic.Bool // that calls wait, by Options.Waiting
	announceAfter time.Duration

	noSync bool              // tests do not wait for the disk
	step   func(name string) // tests kill the process between steps
}

// Open opens the store at path, or where a symbolic link there leads, and, unless ReadOnly, creates it and the folders above
// it where they are missing. A file that is no store, is damaged or newer than this program is an error and stays as it is:
// ErrForeign, ErrDamaged, ErrNewer.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	return open(ctx, &Store{path: path, options: o, step: func(string) {}})
}

func open(ctx context.Context, s *Store) (*Store, error) {
	s.announceAfter = announceAfter
	if s.options.OpenFile == nil {
		s.options.OpenFile = os.OpenFile
	}
	if s.path == "" {
		return nil, errors.New("store: no path")
	}
	var err error
	if s.path, err = Resolve(s.path); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	_, err = os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) && !s.options.ReadOnly {
		if err := os.MkdirAll(s.folder(), 0o755); err != nil {
			return nil, fmt.Errorf("store: cannot create %s: %w", s.path, err)
		}
		if err := s.create(); err != nil {
			return nil, fmt.Errorf("store: cannot create %s: %w", s.path, err)
		}
	}
	if err := s.view(ctx, func(*bbolt.Bucket) error { return nil }); err != nil {
		return nil, err
	}
	if !s.options.ReadOnly {
		if err := s.writable(); err != nil {
			return nil, fmt.Errorf("store: cannot write: %w", err)
		}
	}
	return s, nil
}

// writable finds out early whether trials could be stored.
func (s *Store) writable() error {
	file, err := s.options.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.MkdirAll(s.folder(), 0o755)
}

// Path is where the store is: no link to it, but the file.
func (s *Store) Path() string { return s.path }

// Get returns the score of the trial with the key, which has ended: finished or failed. ErrNotFound: there is none. That of a
// trial which has not ended is for [Store.GetPartial].
func (s *Store) Get(ctx context.Context, key string) (sc Score, err error) {
	err = s.view(ctx, func(scores *bbolt.Bucket) error {
		var known bool
		if sc, known, err = s.find(scores, key, false); err == nil && !known {
			err = fmt.Errorf("store %s: %w: %s", s.path, ErrNotFound, key)
		}
		return err
	})
	return sc, err
}

// find returns what lies under a key in one of the two buckets.
func (s *Store) find(bucket *bbolt.Bucket, key string, partial bool) (sc Score, known bool, err error) {
	record := bucket.Get([]byte(key))
	if record == nil {
		return Score{}, false, nil
	}
	sc, err = s.decode(key, record, partial)
	return sc, err == nil, err
}

// decode reads the record that lies under the key, in the bucket of partial scores or in the other.
func (s *Store) decode(key string, record []byte, partial bool) (Score, error) {
	sc, err := decode(key, record)
	if err == nil && (sc.Status == Partial) != partial {
		err = fmt.Errorf("is %s, but is stored among the wrong scores", sc.Status)
	}
	if err != nil {
		shown := key
		if !Digest(key).valid() {
			shown = strconv.Quote(key)
		}
		return Score{}, fmt.Errorf("store %s: %w: record %s: %w; \"mixmas scores rm\" removes it, and a search trains it again",
			s.path, ErrDamaged, shown, err)
	}
	return sc, nil
}

// Put is [Store.PutFiles] of a score with weights and outputs, either of which may be empty.
func (s *Store) Put(ctx context.Context, sc Score, weights, outputs []byte) (Score, error) {
	return s.PutFiles(ctx, sc, Files{Weights: weights, Outputs: outputs})
}

// Files are the contents of a score's files. Empty ones are none.
type Files struct {
	Weights, Outputs, Checkpoint []byte
	// EpochOutputs are by epoch, from 1.
	EpochOutputs map[int][]byte
}

// PutFiles stores a score with its files, and returns what is stored under the key afterwards. The digests are computed from
// the content. The first score of a key stays, unless it failed or is partial. A partial one is replaced by that of a trial
// which ended or got further; its checkpoint is removed. Outputs after epochs are added to the score that stays. When PutFiles
// returns without an error, all of it is on the disk. A metric that is not finite and a key or specification that do not belong
// together are errors.
func (s *Store) PutFiles(ctx context.Context, sc Score, f Files) (Score, error) {
	blobs := []blob{newBlob(f.Weights), newBlob(f.Outputs), newBlob(f.Checkpoint)}
	sc.Weights, sc.Outputs, sc.Checkpoint, sc.EpochOutputs = blobs[0].digest, blobs[1].digest, blobs[2].digest, nil
	for epoch, content := range f.EpochOutputs {
		if sc.EpochOutputs == nil {
			sc.EpochOutputs = map[int]Digest{}
		}
		b := newBlob(content)
		sc.EpochOutputs[epoch] = b.digest
		blobs = append(blobs, b)
	}
	stored, _, err := s.put(ctx, sc, blobs, true)
	if err != nil {
		return stored, err
	}
	lasting := slices.DeleteFunc(blobs[3:], func(b blob) bool { return !stored.names(b.digest) })
	return stored, s.stage(lasting) // those that were removed or damaged
}

// put records a score and the files that it names. overFailed says that an earlier score that failed gives way. added is
// false where an earlier score stays.
func (s *Store) put(ctx context.Context, sc Score, blobs []blob, overFailed bool) (stored Score, added bool, err error) {
	if _, err := encode(sc); err != nil {
		return Score{}, false, err
	}
	if s.options.ReadOnly {
		return Score{}, false, fmt.Errorf("store %s: %w", s.path, ErrReadOnly)
	}
	var earlier Score
	var known bool
	err = s.view(ctx, func(scores *bbolt.Bucket) (err error) {
		earlier, known, err = s.lookUp(scores, sc.Key)
		return err
	})
	if err != nil {
		return Score{}, false, err
	}
	// settle says what is to be stored, and with which files.
	settle := func() (files []blob, changed bool) {
		stored, added = sc, !known || s.replaces(sc, earlier, overFailed)
		if known {
			stored = merge(sc, earlier, added)
		}
		files = slices.DeleteFunc(slices.Clone(blobs), func(b blob) bool { return !stored.names(b.digest) })
		return files, added || len(stored.EpochOutputs) != len(earlier.EpochOutputs)
	}
	files, changed := settle()
	if !changed {
		return earlier, false, nil
	}
	if err := s.stage(files); err != nil {
		return Score{}, false, err
	}
	var dropped []Digest
	err = s.update(ctx, func(scores *bbolt.Bucket) error {
		if earlier, known, err = s.lookUp(scores, sc.Key); err != nil {
			return err
		}
		if files, changed = settle(); !changed {
			return nil
		}
		if err := s.writeBlobs(files); err != nil {
			return err
		}
		record, err := encode(stored)
		if err != nil {
			return err
		}
		if stored, err = decode(sc.Key, record); err != nil {
			return err
		}
		if err := s.write(scores, stored, record); err != nil {
			return err
		}
		if known && earlier.Status == Partial && added {
			if others, damaged := s.all(scores); damaged == nil {
				dropped = earlier.unnamed(others)
			}
		}
		return nil
	}, func() error { return s.removeBlobs(dropped) })
	if err != nil {
		return Score{}, false, err
	}
	return stored, added, nil
}

// stage writes files without keeping other processes from the store. One of those may prune them meanwhile, so they
// are written again under the lock where they are missing.
func (s *Store) stage(blobs []blob) error {
	if err := s.writeBlobs(blobs); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *Store) writeBlobs(blobs []blob) error {
	for _, b := range blobs {
		if err := s.writeBlob(b); err != nil {
			return err
		}
	}
	return nil
}

// Weights returns the trained weights of a score. ErrPruned: there are none, or they were pruned. ErrDamaged: the file
// does not hold what was written.
func (s *Store) Weights(sc Score) ([]byte, error) { return s.readBlob(sc.Weights, sc, "weights") }

// Outputs returns the validation outputs of a score, with the errors of [Store.Weights].
func (s *Store) Outputs(sc Score) ([]byte, error) { return s.readBlob(sc.Outputs, sc, "outputs") }

// PutWeights restores the weights of a score that the store had, after they were pruned or damaged and trained again, or the
// score was removed. Weights that are not its own, bit for bit, are refused with ErrDiffers: what was trained from the old
// ones would not follow.
func (s *Store) PutWeights(ctx context.Context, sc Score, weights []byte) error {
	b := newBlob(weights)
	if b.digest == "" || b.digest != sc.Weights {
		return fmt.Errorf("store %s: weights of %s (%s): SHA-256 %q %w, %q", s.path, abbreviate(sc.Key), sc.Name, b.digest, ErrDiffers, sc.Weights)
	}
	if s.options.ReadOnly {
		return fmt.Errorf("store %s: %w", s.path, ErrReadOnly)
	}
	if _, err := s.Weights(sc); errors.Is(err, ErrDamaged) {
		if err := os.Remove(s.blobPath(b.digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("store: %w", err)
		}
	}
	return s.restore(ctx, []blob{b})
}

// restore writes files of known scores where they are missing.
func (s *Store) restore(ctx context.Context, blobs []blob) error {
	if err := s.stage(blobs); err != nil {
		return err
	}
	return s.update(ctx, func(*bbolt.Bucket) error { return s.writeBlobs(blobs) }, nil)
}

// List returns the scores, sorted by name and then key. Records that are damaged do not keep it from returning the others:
// the error, ErrDamaged, has a line for each.
func (s *Store) List(ctx context.Context) ([]Score, error) {
	var list []Score
	err := s.view(ctx, func(scores *bbolt.Bucket) error {
		var damaged []error
		list, damaged = s.all(scores)
		return errors.Join(damaged...)
	})
	slices.SortFunc(list, func(a, b Score) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	return list, err
}

// all returns the scores, and an error for each record that is none.
func (s *Store) all(scores *bbolt.Bucket) (list []Score, damaged []error) {
	s.each(scores, "", func(sc Score, err error) {
		if err == nil {
			list = append(list, sc)
		} else {
			damaged = append(damaged, err)
		}
	})
	return list, damaged
}

// each calls f with the scores whose keys start with the prefix, those of trials that ended first, each sorted by key. Of a
// record that is damaged only the key is known.
func (s *Store) each(scores *bbolt.Bucket, prefix string, f func(sc Score, damaged error)) {
	for _, bucket := range []*bbolt.Bucket{scores, partials(scores)} {
		if bucket == nil {
			continue
		}
		cursor := bucket.Cursor()
		for key, record := cursor.Seek([]byte(prefix)); bytes.HasPrefix(key, []byte(prefix)) && key != nil; key, record = cursor.Next() {
			if bucket != scores && scores.Get(key) != nil { // the trial has ended since: an older version did not see this one
				continue
			}
			sc, err := s.decode(string(key), record, bucket != scores)
			if err != nil {
				sc = Score{Key: string(key), Name: "damaged"}
			}
			f(sc, err)
		}
	}
}

// Find returns the only score whose key starts with the prefix, as git finds commits. ErrNotFound: there is none;
// ErrAmbiguous: there are several, which the error lists; ErrDamaged: its record is damaged, and only its key is returned.
func (s *Store) Find(ctx context.Context, prefix string) (Score, error) {
	var found []Score
	var damaged error
	err := s.view(ctx, func(scores *bbolt.Bucket) error {
		if prefix == "" {
			return nil
		}
		s.each(scores, prefix, func(sc Score, err error) {
			damaged = cmp.Or(err, damaged)
			found = append(found, sc)
		})
		return nil
	})
	switch {
	case err != nil:
		return Score{}, err
	case len(found) == 0:
		return Score{}, fmt.Errorf("store %s: %w: no key starts with %q", s.path, ErrNotFound, prefix)
	case len(found) > 1:
		var names []string
		for _, sc := range found[:min(len(found), 10)] {
			names = append(names, fmt.Sprintf("%s (%s)", abbreviate(sc.Key), sc.Name))
		}
		return Score{}, fmt.Errorf("store %s: %w: %d keys start with %q: %s", s.path, ErrAmbiguous, len(found), prefix, strings.Join(names, ", "))
	case damaged != nil:
		return Score{Key: found[0].Key}, damaged
	}
	return found[0], nil
}

// Remove deletes the score with the key, damaged or not, and its files where no other score names them. While a record is
// damaged nobody knows what it names, and files are left to [Store.Prune]. ErrNotFound: there is none.
func (s *Store) Remove(ctx context.Context, key string) error {
	var unnamed []Digest
	return s.update(ctx, func(scores *bbolt.Bucket) error {
		sc, known, damaged := s.lookUp(scores, key)
		if damaged == nil && !known {
			return fmt.Errorf("store %s: %w: %s", s.path, ErrNotFound, key)
		}
		if err := errors.Join(remove(scores, key), remove(partials(scores), key)); err != nil {
			return fmt.Errorf("store %s: %w", s.path, err)
		}
		others, alsoDamaged := s.all(scores)
		if damaged == nil && alsoDamaged == nil {
			unnamed = sc.unnamed(others)
		}
		return nil
	}, func() error { return s.removeBlobs(unnamed) })
}

// removeBlobs removes files that no score names, while the store is locked.
func (s *Store) removeBlobs(unnamed []Digest) error {
	for _, d := range unnamed {
		if err := os.Remove(s.blobPath(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("store: %w", err)
		}
		s.step("file removed")
	}
	return nil
}

// Prune removes the weights and the checkpoint of every score that keep does not want, and the files that no score names, and
// returns how many files and bytes that were. Scores and outputs stay. keep must not use the store. While a record is damaged it removes
// nothing, as nobody knows what that names. It may be called again where ctx ended it.
func (s *Store) Prune(ctx context.Context, keep func(Score) bool) (files int, bytes int64, err error) {
	live := map[Digest]bool{}
	err = s.update(ctx, func(scores *bbolt.Bucket) error {
		all, damaged := s.all(scores)
		if err := dropEnded(scores); err != nil {
			return err
		}
		for _, sc := range all {
			kept := keep(sc)
			for _, p := range sc.parts() {
				live[p.digest] = live[p.digest] || p.lasting || kept
			}
		}
		return errors.Join(damaged...)
	}, func() error {
		files, bytes, err = s.sweep(ctx, live)
		if err != nil {
			return fmt.Errorf("store: pruning: %w", err)
		}
		return nil
	})
	return files, bytes, err
}
