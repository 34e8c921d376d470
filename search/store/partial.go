package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"go.etcd.io/bbolt"
)

// Scores of trials that have not ended are in a separate bucket, which older versions of the program do not know: for them,
// these trials have no score. The score of a trial that has ended, which older versions may write, takes precedence over a
// partial one.
var partialBucket = []byte("partial")

// partials returns the bucket of partial scores, or nil if there has never been one.
func partials(scores *bbolt.Bucket) *bbolt.Bucket { return scores.Tx().Bucket(partialBucket) }

// lookUp returns the stored score with a key: that of an ended trial, otherwise a partial one.
func (s *Store) lookUp(scores *bbolt.Bucket, key string) (sc Score, known bool, err error) {
	if sc, known, err = s.find(scores, key, false); known || err != nil {
		return sc, known, err
	}
	if partial := partials(scores); partial != nil {
		return s.find(partial, key, true)
	}
	return Score{}, false, nil
}

// write puts a score into its bucket and removes it from the other.
func (s *Store) write(scores *bbolt.Bucket, sc Score, record []byte) error {
	if sc.Status != Partial {
		if err := scores.Put([]byte(sc.Key), record); err != nil {
			return err
		}
		return remove(partials(scores), sc.Key)
	}
	partial, err := scores.Tx().CreateBucketIfNotExists(partialBucket)
	if err == nil {
		err = partial.Put([]byte(sc.Key), record)
	}
	return errors.Join(err, remove(scores, sc.Key))
}

// dropEnded removes the partial scores of trials that have since ended in an older version of the program.
func dropEnded(scores *bbolt.Bucket) error {
	var ended []string
	if partial := partials(scores); partial != nil {
		cursor := partial.Cursor()
		for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
			if scores.Get(key) != nil {
				ended = append(ended, string(key))
			}
		}
	}
	for _, key := range ended {
		if err := remove(partials(scores), key); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a key from a bucket, if the bucket exists.
func remove(bucket *bbolt.Bucket, key string) error {
	if bucket == nil {
		return nil
	}
	return bucket.Delete([]byte(key))
}

// GetPartial returns the partial score with the key. The error is ErrNotFound if there is none, or if the trial has ended
// since.
func (s *Store) GetPartial(ctx context.Context, key string) (sc Score, err error) {
	err = s.view(ctx, func(scores *bbolt.Bucket) error {
		var known bool
		if sc, known, err = s.lookUp(scores, key); err == nil && (!known || sc.Status != Partial) {
			sc, err = Score{}, fmt.Errorf("store %s: %w: %s has no partial score", s.path, ErrNotFound, key)
		}
		return err
	})
	return sc, err
}

// Checkpoint returns the file from which a partial trial resumes, with the errors of [Store.Weights].
func (s *Store) Checkpoint(sc Score) ([]byte, error) {
	return s.readBlob(sc.Checkpoint, sc, "checkpoint")
}

// EpochOutputs returns the validation outputs after an epoch, with the errors of [Store.Weights].
func (s *Store) EpochOutputs(sc Score, epoch int) ([]byte, error) {
	return s.readBlob(sc.EpochOutputs[epoch], sc, epochOutputs(epoch))
}

func epochOutputs(epoch int) string { return fmt.Sprintf("outputs-%d", epoch) }

// replaces reports whether a score replaces an earlier one with its key. A partial score is replaced by that of an ended
// trial, of a training that got further, or of one that got equally far if the earlier checkpoint is gone. A failed score is
// replaced if the caller says so, a finished one never.
func (s *Store) replaces(sc, earlier Score, failed bool) bool {
	switch earlier.Status {
	case Failed:
		return failed
	case Partial:
		switch further := len(sc.Curve) - len(earlier.Curve); {
		case sc.Status != Partial || further > 0:
			return true
		case further == 0:
			_, err := os.Stat(s.blobPath(earlier.Checkpoint))
			return err != nil
		}
	}
	return false
}

// merge returns the score to store under a key that has an earlier score: one of the two, with the outputs after epochs that
// only the other one has.
func merge(sc, earlier Score, replaced bool) Score {
	kept, other := earlier, sc
	if replaced {
		kept, other = sc, earlier
	}
	if len(other.EpochOutputs) == 0 {
		return kept
	}
	outputs := map[int]Digest{}
	for epoch, d := range other.EpochOutputs {
		if epoch <= len(kept.Curve) {
			outputs[epoch] = d
		}
	}
	maps.Copy(outputs, kept.EpochOutputs)
	if len(outputs) > 0 {
		kept.EpochOutputs = outputs
	}
	return kept
}

// part is a file of a score.
type part struct {
	name   string
	digest Digest
	// lasting files are not pruned.
	lasting bool
}

// parts returns the files that a score names, whether or not they exist.
func (sc Score) parts() []part {
	list := []part{{"weights", sc.Weights, false}, {"outputs", sc.Outputs, true}, {"checkpoint", sc.Checkpoint, false}}
	for _, epoch := range slices.Sorted(maps.Keys(sc.EpochOutputs)) {
		list = append(list, part{epochOutputs(epoch), sc.EpochOutputs[epoch], true})
	}
	return slices.DeleteFunc(list, func(p part) bool { return p.digest == "" })
}

// names reports whether a score names the file with a digest.
func (sc Score) names(d Digest) bool {
	return slices.ContainsFunc(sc.parts(), func(p part) bool { return p.digest == d })
}

// unnamed returns the files of a score that none of the others names.
func (sc Score) unnamed(others []Score) []Digest {
	var list []Digest
	for _, p := range sc.parts() {
		if !slices.ContainsFunc(others, func(o Score) bool { return o.names(p.digest) }) {
			list = append(list, p.digest)
		}
	}
	return list
}

// checkParts returns an error if a score's files contradict its status or epochs.
func (sc Score) checkParts() error {
	for _, p := range sc.parts() {
		if !p.digest.valid() {
			return fmt.Errorf("digest %q of its %s is not a SHA-256 in hex", p.digest, p.name)
		}
	}
	switch {
	case sc.Status == Partial && (sc.Checkpoint == "" || len(sc.Curve) == 0):
		return errors.New("is partial, but lacks a checkpoint or an epoch")
	case sc.Status != Partial && sc.Checkpoint != "":
		return fmt.Errorf("is %s, but has a checkpoint", sc.Status)
	}
	for epoch, d := range sc.EpochOutputs {
		if epoch < 1 || epoch > len(sc.Curve) || d == "" {
			return fmt.Errorf("outputs %q after epoch %d of %d", d, epoch, len(sc.Curve))
		}
	}
	return nil
}
