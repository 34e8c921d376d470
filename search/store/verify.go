package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"go.etcd.io/bbolt"
)

// Verified is what [Store.Verify] read.
type Verified struct{ Scores, Runs, Files int }

// Verify reads the whole store: its pages, the record of every score and of every run, and every file that the records name. It calls
// wrong for each fault, and returns the numbers of what it read. Pruned weights and checkpoints are not faults,
// nor are missing files of partial scores and outputs after epochs, which older versions prune because they do not know them.
// Other missing outputs are faults. It returns an error if it could not continue.
func (s *Store) Verify(ctx context.Context, wrong func(error)) (v Verified, err error) {
	s.examined.Store(nil) // check the pages again
	var list []Score
	var runs []RunRecord
	var damaged []error
	err = s.view(ctx, func(scores *bbolt.Bucket) (err error) {
		list, damaged = s.all(scores)
		of, wrong := s.allRuns(scores)
		runs, damaged = of, append(damaged, wrong...)
		lost, err := s.lostMeta()
		if lost {
			damaged = append(damaged, fmt.Errorf("store %s: %w: one of its two meta pages: the score that was stored last may be "+
				"lost; storing another score repairs the page", s.path, ErrDamaged))
		}
		return err
	})
	if errors.Is(err, ErrDamaged) {
		wrong(err)
		return v, nil
	}
	for _, err := range damaged {
		wrong(err)
	}
	if err != nil {
		return v, err
	}
	v.Scores, v.Runs = len(list), len(runs)
	type use struct {
		owner Score
		what  string
		must  bool // must exist
	}
	named := map[Digest]use{}
	for _, sc := range list {
		for _, p := range sc.parts() {
			if u := (use{sc, p.name, p.name == "outputs" && sc.Status != Partial}); !named[p.digest].must {
				named[p.digest] = u
			}
		}
	}
	for _, d := range slices.Sorted(maps.Keys(named)) {
		u := named[d]
		sum, err := s.sum(ctx, s.blobPath(d))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if !u.must {
				continue
			}
			if _, err := s.Get(ctx, u.owner.Key); err == nil { // the score was not removed in the meantime
				wrong(fmt.Errorf("%s: %s is missing", fileOf(u.owner, u.what), s.blobPath(d)))
			}
			continue
		case ctx.Err() != nil:
			return v, ctx.Err()
		case err != nil:
			wrong(fmt.Errorf("%s: %w", fileOf(u.owner, u.what), err))
		case sum != d:
			wrong(fmt.Errorf("%s: %w", fileOf(u.owner, u.what), s.damagedBlob(d)))
		}
		v.Files++
	}
	for _, r := range runs {
		if err := s.verifyRun(ctx, r, &v, wrong); err != nil {
			return v, err
		}
	}
	return v, nil
}

// verifyRun reads the files of a run.
func (s *Store) verifyRun(ctx context.Context, r RunRecord, v *Verified, wrong func(error)) error {
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		path := s.runFile(r.ID, r.Files[name])
		sum, err := s.sum(ctx, path)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && sum != r.Files[name] {
			err = damagedFile(path)
		}
		if err != nil {
			if now, gone := s.Run(ctx, r.ID); gone != nil || now.Files[name] != r.Files[name] {
				continue // it was removed or replaced in the meantime
			}
			wrong(fmt.Errorf("run %s: its %s: %w", r.ID, name, err))
		}
		v.Files++
	}
	return nil
}

// lostMeta reports whether one of the two meta pages of the locked file is damaged. bbolt then uses the other, which may be
// that of the previous transaction.
func (s *Store) lostMeta() (bool, error) {
	file, err := s.options.OpenFile(s.path, os.O_RDONLY, 0)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer file.Close()
	newest, _ := readMeta(file)
	_, first := metaAt(file, 0)
	_, second := metaAt(file, int64(newest.pageSize))
	return !first || !second, nil
}

// sum returns the SHA-256 of a file's content.
func (s *Store) sum(ctx context.Context, path string) (Digest, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		switch _, err := io.CopyN(h, file, 1<<20); err {
		case nil:
		case io.EOF:
			return Digest(hex.EncodeToString(h.Sum(nil))), nil
		default:
			return "", err
		}
	}
}
