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

// Options configure a store. The zero value is the default.
type Options struct {
	// ReadOnly opens a store that must exist, and refuses every write.
	ReadOnly bool
	// Timeout is how long a call waits for other processes. 0 means as long as its context lasts, or 10 seconds if the
	// context never ends.
	Timeout time.Duration
	// Waiting, if not nil, is called when a call has waited for other processes for three seconds, and not again until a call
	// succeeds.
	Waiting func()
	// OpenFile opens the database file; nil means os.OpenFile. Tests use it to make a file misbehave.
	OpenFile func(name string, flag int, perm os.FileMode) (*os.File, error)
}

// Store is a store of scores. It holds no open file, so there is nothing to close. Its methods may be called from
// several goroutines.
type Store struct {
	path    string
	options Options
	mu      sync.RWMutex // goroutines of one process wait here, not for the file's lock

	walk     sync.Mutex // so that only one of them checks the same pages
	examined atomic.Pointer[state]

	announced     atomic.Bool // Options.Waiting has been called
	announceAfter time.Duration

	noSync bool              // tests do not wait for the disk
	step   func(name string) // tests kill the process between steps
}

// Open opens the store at path, following symbolic links. Unless ReadOnly is set, it creates a missing store and its folder.
// A file that is not a store, is damaged, or is newer than this program is an error and is not changed: ErrForeign,
// ErrDamaged, ErrNewer.
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

// writable reports early whether trials can be stored.
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

// Path returns the path of the store's file, with links resolved.
func (s *Store) Path() string { return s.path }

// Get returns the score of the ended trial with the key: finished or failed. The error is ErrNotFound if there is none. For a
// trial that has not ended, see [Store.GetPartial].
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

// Scores returns those of some keys that are stored, of ended and of partial trials, by key. Damaged ones are left out.
func (s *Store) Scores(ctx context.Context, keys []string) (found map[string]Score, err error) {
	found = map[string]Score{}
	err = s.view(ctx, func(scores *bbolt.Bucket) error {
		for _, key := range keys {
			if sc, known, err := s.lookUp(scores, key); known && err == nil {
				found[key] = sc
			}
		}
		return ctx.Err()
	})
	return found, err
}

// find returns the record with a key from either bucket.
func (s *Store) find(bucket *bbolt.Bucket, key string, partial bool) (sc Score, known bool, err error) {
	record := bucket.Get([]byte(key))
	if record == nil {
		return Score{}, false, nil
	}
	sc, err = s.decode(key, record, partial)
	return sc, err == nil, err
}

// decode decodes the record with the key, from the bucket of partial scores or from the other one.
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

// Put is [Store.PutFiles] for a score with weights and outputs, either of which may be empty.
func (s *Store) Put(ctx context.Context, sc Score, weights, outputs []byte) (Score, error) {
	return s.PutFiles(ctx, sc, Files{Weights: weights, Outputs: outputs})
}

// Files are the contents of a score's files; nil or empty means that there is no such file.
type Files struct {
	Weights, Outputs, Checkpoint []byte
	// EpochOutputs are the validation outputs by epoch, counted from 1.
	EpochOutputs map[int][]byte
}

// PutFiles stores a score with its files, and returns the score that is stored under the key afterwards. It computes the
// digests from the contents. The first score of a key stays, unless it failed or is partial. A partial score is replaced by
// that of a trial which ended or got further, and its checkpoint is removed. Outputs after epochs are added to the score that
// stays. When PutFiles returns without an error, everything is on the disk. It returns an error if a metric is not finite, or
// if the key is not that of the specification.
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
	return stored, s.stage(lasting) // restores those that were removed or damaged
}

// put stores a score and its files. overFailed means that an earlier failed score is replaced. added is false if an earlier
// score stays.
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
	// settle determines which score is stored, and with which files.
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

// stage writes files without locking the store. Another process may prune them in the meantime, so missing ones are written
// again under the lock.
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

// Weights returns the trained weights of a score. The error is ErrPruned if there are none or they were pruned, and
// ErrDamaged if the file does not hold what was written.
func (s *Store) Weights(sc Score) ([]byte, error) { return s.readBlob(sc.Weights, sc, "weights") }

// Outputs returns the validation outputs of a score, with the errors of [Store.Weights].
func (s *Store) Outputs(sc Score) ([]byte, error) { return s.readBlob(sc.Outputs, sc, "outputs") }

// PutWeights restores the weights of a score after they were pruned or damaged and then trained again, or after the score was
// removed. It refuses weights that are not identical to the score's own with ErrDiffers: other scores were trained from
// those.
func (s *Store) PutWeights(ctx context.Context, sc Score, weights []byte) error {
	return s.putAgain(ctx, sc, "weights", sc.Weights, weights)
}

// PutOutputs is [Store.PutWeights] for the validation outputs of a score.
func (s *Store) PutOutputs(ctx context.Context, sc Score, outputs []byte) error {
	return s.putAgain(ctx, sc, "outputs", sc.Outputs, outputs)
}

// putAgain restores a file of a score, which has the digest.
func (s *Store) putAgain(ctx context.Context, sc Score, what string, want Digest, content []byte) error {
	b := newBlob(content)
	if b.digest == "" || b.digest != want {
		return fmt.Errorf("store %s: %s of %s (%s): SHA-256 %q %w, %q", s.path, what, abbreviate(sc.Key), sc.Name, b.digest, ErrDiffers, want)
	}
	if s.options.ReadOnly {
		return fmt.Errorf("store %s: %w", s.path, ErrReadOnly)
	}
	if _, err := s.readBlob(want, sc, what); errors.Is(err, ErrDamaged) {
		if err := os.Remove(s.blobPath(b.digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("store: %w", err)
		}
	}
	return s.restore(ctx, []blob{b})
}

// restore writes missing files of stored scores.
func (s *Store) restore(ctx context.Context, blobs []blob) error {
	if err := s.stage(blobs); err != nil {
		return err
	}
	return s.update(ctx, func(*bbolt.Bucket) error { return s.writeBlobs(blobs) }, nil)
}

// List returns the scores, sorted by name and then key. If records are damaged it still returns the others, with the error
// ErrDamaged, which has one line per damaged record.
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

// all returns the scores, and an error for each damaged record.
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

// each calls f with the scores whose keys start with the prefix: first those of ended trials, then partial ones, each sorted
// by key. For a damaged record only the key is set.
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

// Find returns the only score whose key starts with the prefix, as git finds commits. The error is ErrNotFound if there is
// none, ErrAmbiguous if there are several, which it lists, and ErrDamaged if the record is damaged; then only the key is
// returned.
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

// Remove deletes the score with the key, damaged or not, and those of its files that no other score names. While any record
// is damaged its files are unknown, and files are left for [Store.Prune]. The error is ErrNotFound if there is no such score.
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

// removeBlobs removes files that no score names. The store must be locked.
func (s *Store) removeBlobs(unnamed []Digest) error {
	for _, d := range unnamed {
		if err := os.Remove(s.blobPath(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("store: %w", err)
		}
		s.step("file removed")
	}
	return nil
}

// Prune removes the weights and the checkpoint of every score for which keep returns false, and the files that no score and no run
// names. It returns the number of files removed and their bytes. Scores, outputs and runs stay. keep must not use the store. While
// a record is damaged, Prune removes nothing, because the record's files are unknown. If ctx ends it, it may be called again.
func (s *Store) Prune(ctx context.Context, keep func(Score) bool) (files int, bytes int64, err error) {
	live := map[Digest]bool{}
	var runs []RunRecord
	err = s.update(ctx, func(scores *bbolt.Bucket) error {
		all, damaged := s.all(scores)
		of, wrong := s.allRuns(scores)
		runs, damaged = of, append(damaged, wrong...)
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
		if err == nil {
			var more int
			var size int64
			more, size, err = s.sweepRuns(ctx, runs)
			files, bytes = files+more, bytes+size
		}
		if err != nil {
			return fmt.Errorf("store: pruning: %w", err)
		}
		return nil
	})
	return files, bytes, err
}
