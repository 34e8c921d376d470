package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// Records of runs are in a bucket that older versions of the program do not know, and the files of a run in a folder of its own,
// which their pruning leaves alone:
//
//	scores.db.files/runs/ID/events.jsonl   what happened, one line each (see package runs)
//	scores.db.files/runs/ID/abcdef...      files that the record names, by the SHA-256 of their content
//	scores.db.files/runs/ID/lease          locked by the process of the run
var runsBucket = []byte("runs")

const (
	runsFolder = "runs"
	eventsFile = "events.jsonl"
	// runRecordName is the name of the record in an archive.
	runRecordName = "run.json"
	runLease      = "lease"
)

// RunRecord is what is stored of a run. The store reads no more of it than the names of its files: see package runs.
type RunRecord struct {
	// ID consists of digits, small letters and hyphens. Records are in its order.
	ID string `json:"id"`
	// Content is a JSON object.
	Content json.RawMessage `json:"run"`
	// Files are the digests of the run's files by name.
	Files map[string]Digest `json:"files,omitempty"`
}

// runWord reports whether a text is safe as a part of a path on every system: an ID, or with dots the name of a file.
func runWord(text, more string) bool {
	return text != "" && len(text) <= 64 && text[0] != '.' && strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyz-"+more) == ""
}

func checkRunID(id string) error {
	if !runWord(id, "") {
		return fmt.Errorf("run %.80q: want an ID of digits, small letters and hyphens", id)
	}
	return nil
}

// check returns an error for a record that cannot be stored.
func (r RunRecord) check() error {
	if content := bytes.TrimSpace(r.Content); len(content) == 0 || content[0] != '{' {
		return fmt.Errorf("run %s: its content is not a JSON object", r.ID)
	}
	return r.checkNames()
}

// checkNames returns an error unless the ID and the files are safe as paths.
func (r RunRecord) checkNames() error {
	if err := checkRunID(r.ID); err != nil {
		return err
	}
	for name, d := range r.Files {
		if !runWord(name, "._") || name == eventsFile || name == runRecordName {
			return fmt.Errorf("run %s: a file cannot have the name %.80q", r.ID, name)
		}
		if !d.valid() {
			return fmt.Errorf("run %s: digest %.80q of its %s is not a SHA-256 in hex", r.ID, d, name)
		}
	}
	return nil
}

// encodeRun checks a record and returns its bytes, which end with a checksum like those of a score.
func encodeRun(r RunRecord) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	record, err := marshal(r)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.ID, err)
	}
	if len(record) > longestRecord {
		return nil, fmt.Errorf("run %s: its record has %d bytes, more than %d", r.ID, len(record), longestRecord)
	}
	return withSum(record), nil
}

// decodeRun decodes and checks a record that encodeRun wrote under the ID.
func decodeRun(id string, record []byte) (RunRecord, error) {
	if len(record) > longestRecord {
		return RunRecord{}, fmt.Errorf("%d bytes are more than a run can have", len(record))
	}
	var read struct {
		RunRecord
		Checksum string `json:"checksum"`
	}
	if err := json.Unmarshal(record, &read); err != nil {
		return RunRecord{}, err
	}
	if sum, has := recordSum(record); !has || read.Checksum != sum {
		return RunRecord{}, errors.New("its checksum does not match its content")
	}
	if read.ID != id {
		return RunRecord{}, fmt.Errorf("holds the run with the ID %.80q", read.ID)
	}
	return read.RunRecord, read.check()
}

// decodeRun decodes the record of a run in the store.
func (s *Store) decodeRun(id string, record []byte) (RunRecord, error) {
	r, err := decodeRun(id, record)
	if err != nil {
		shown := id
		if !runWord(id, "") {
			shown = fmt.Sprintf("%.80q", id)
		}
		return RunRecord{}, fmt.Errorf("store %s: %w: record of run %s: %w; \"mixmas runs rm\" removes it", s.path, ErrDamaged, shown, err)
	}
	return r, nil
}

// runsOf returns the bucket of runs, or nil if there has never been one.
func runsOf(scores *bbolt.Bucket) *bbolt.Bucket { return scores.Tx().Bucket(runsBucket) }

// PutRun stores the record of a run, and files of it by name; files that are stored already stay, except those of the same name. An
// empty content leaves the stored content as it is. When PutRun returns without an error, everything is on the disk.
func (s *Store) PutRun(ctx context.Context, id string, content json.RawMessage, files map[string][]byte) error {
	if s.options.ReadOnly {
		return fmt.Errorf("store %s: %w", s.path, ErrReadOnly)
	}
	added := map[string]Digest{}
	if err := checkRunID(id); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for name, file := range files {
		added[name] = digest(file)
		if err := s.writeFile(s.runFile(id, added[name]), blob{added[name], file}); err != nil {
			return err
		}
	}
	var dropped []Digest
	return s.update(ctx, func(scores *bbolt.Bucket) error {
		bucket, err := scores.Tx().CreateBucketIfNotExists(runsBucket)
		if err != nil {
			return fmt.Errorf("store %s: %w", s.path, err)
		}
		r := RunRecord{ID: id, Content: content, Files: added}
		if record := bucket.Get([]byte(id)); record != nil {
			earlier, err := s.decodeRun(id, record)
			if err != nil {
				return err
			}
			if len(content) == 0 {
				r.Content = earlier.Content
			}
			r.Files = maps.Clone(earlier.Files)
			if r.Files == nil {
				r.Files = map[string]Digest{}
			}
			maps.Copy(r.Files, added)
			for name, d := range earlier.Files {
				if r.Files[name] != d && !slices.Contains(slices.Collect(maps.Values(r.Files)), d) {
					dropped = append(dropped, d)
				}
			}
		}
		record, err := encodeRun(r)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		return bucket.Put([]byte(id), record)
	}, func() error {
		for _, d := range dropped {
			_ = os.Remove(s.runFile(id, d)) // pruning would remove it too
		}
		return nil
	})
}

// Run returns the record of a run. The error is ErrUnrecorded if there is none.
func (s *Store) Run(ctx context.Context, id string) (r RunRecord, err error) {
	err = s.view(ctx, func(scores *bbolt.Bucket) error {
		var record []byte
		if bucket := runsOf(scores); bucket != nil {
			record = bucket.Get([]byte(id))
		}
		if record == nil {
			return fmt.Errorf("store %s: run %.80q: %w", s.path, id, ErrUnrecorded)
		}
		r, err = s.decodeRun(id, record)
		return err
	})
	return r, err
}

// Runs returns the records of all runs, sorted by ID. If records are damaged it still returns the others, with the error
// ErrDamaged, which has one line per damaged record.
func (s *Store) Runs(ctx context.Context) (list []RunRecord, err error) {
	err = s.view(ctx, func(scores *bbolt.Bucket) error {
		var damaged []error
		list, damaged = s.allRuns(scores)
		return errors.Join(damaged...)
	})
	return list, err
}

// allRuns returns the records of runs, and an error for each damaged one.
func (s *Store) allRuns(scores *bbolt.Bucket) (list []RunRecord, damaged []error) {
	bucket := runsOf(scores)
	if bucket == nil {
		return nil, nil
	}
	cursor := bucket.Cursor()
	for id, record := cursor.First(); id != nil; id, record = cursor.Next() {
		if r, err := s.decodeRun(string(id), record); err != nil {
			damaged = append(damaged, err)
		} else {
			list = append(list, r)
		}
	}
	return list, damaged
}

// RunFile returns a file of a run. The error is ErrUnrecorded if the record names none, ErrPruned if it was removed, and ErrDamaged if
// it does not hold what was written.
func (s *Store) RunFile(r RunRecord, name string) ([]byte, error) {
	d, named := r.Files[name]
	if !named {
		return nil, fmt.Errorf("run %s: its %s: %w", r.ID, name, ErrUnrecorded)
	}
	if err := r.checkNames(); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(s.runFile(r.ID, d))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("run %s: its %s: %w: %s was removed", r.ID, name, ErrPruned, s.runFile(r.ID, d))
	case err != nil:
		return nil, fmt.Errorf("run %s: its %s: %w", r.ID, name, err)
	case digest(content) != d:
		return nil, fmt.Errorf("run %s: its %s: %w", r.ID, name, damagedFile(s.runFile(r.ID, d)))
	}
	return content, nil
}

// RemoveRun removes a run, damaged or not, with its files. It refuses one whose process lives with ErrRunning. The error is
// ErrUnrecorded if there is no such run.
func (s *Store) RemoveRun(ctx context.Context, id string) error {
	return s.update(ctx, func(scores *bbolt.Bucket) error {
		bucket := runsOf(scores)
		if bucket == nil || bucket.Get([]byte(id)) == nil {
			return fmt.Errorf("store %s: run %.80q: %w", s.path, id, ErrUnrecorded)
		}
		if runWord(id, "") && s.RunHeld(id) {
			return fmt.Errorf("run %s: %w", id, ErrRunning)
		}
		return bucket.Delete([]byte(id))
	}, func() error {
		if !runWord(id, "") {
			return nil
		}
		if err := os.RemoveAll(s.runFolder(id)); err != nil {
			return fmt.Errorf("store: the run is removed, but its files are not: %w", err)
		}
		return nil
	})
}

// LeaseRun makes the folder of a new run and takes the run's lease: whoever holds it is the process of the run. It returns
// fs.ErrExist if the ID is taken.
func (s *Store) LeaseRun(id string) (*Lease, error) {
	if s.options.ReadOnly {
		return nil, fmt.Errorf("store %s: %w", s.path, ErrReadOnly)
	}
	if err := checkRunID(id); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(s.runFolder(id)), 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := os.Mkdir(s.runFolder(id), 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	lease, err := takeLease(filepath.Join(s.runFolder(id), runLease))
	if err == nil && lease == nil {
		// Somebody who sweeps the runs looks whether it is held: try another ID.
		err = fmt.Errorf("store: run %s: another process has its lease: %w", id, fs.ErrExist)
	}
	return lease, err
}

// RunHeld reports whether the process of a run lives. Where that cannot be found out, as without the right to open the lease, it
// reports true: only the file of a process that has ended can be locked.
func (s *Store) RunHeld(id string) bool {
	if !runWord(id, "") {
		return false
	}
	held, err := leaseShared(filepath.Join(s.runFolder(id), runLease))
	return held || err != nil
}

// RunEvents returns the path of the file with the events of a run, which may not exist.
func (s *Store) RunEvents(id string) (string, error) {
	if err := checkRunID(id); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return filepath.Join(s.runFolder(id), eventsFile), nil
}

func (s *Store) runFolder(id string) string { return filepath.Join(s.folder(), runsFolder, id) }

func (s *Store) runFile(id string, d Digest) string { return filepath.Join(s.runFolder(id), string(d)) }

// sweepRuns removes files of runs that no record names, and the folders of runs that have no record and no living process: what is left
// of a process that was killed while it recorded. The store must be locked.
func (s *Store) sweepRuns(ctx context.Context, runs []RunRecord) (files int, bytes int64, err error) {
	folders, err := os.ReadDir(filepath.Join(s.folder(), runsFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	named := map[string]map[string]bool{}
	for _, r := range runs {
		named[r.ID] = map[string]bool{eventsFile: true, runLease: true}
		for _, d := range r.Files {
			named[r.ID][string(d)] = true
		}
	}
	for _, folder := range folders {
		id := folder.Name()
		if !folder.IsDir() || !runWord(id, "") || s.RunHeld(id) { // a living process may be about to name a file
			continue
		}
		if err := ctx.Err(); err != nil {
			return files, bytes, err
		}
		entries, err := os.ReadDir(s.runFolder(id))
		if err != nil {
			return files, bytes, err
		}
		for _, entry := range entries {
			known := entry.Name() == eventsFile || entry.Name() == runLease || Digest(entry.Name()).valid()
			if named[id][entry.Name()] || !known || !entry.Type().IsRegular() {
				continue
			}
			info, err := entry.Info()
			if err == nil {
				err = os.Remove(filepath.Join(s.runFolder(id), entry.Name()))
			}
			if err != nil {
				return files, bytes, err
			}
			files++
			bytes += info.Size()
		}
		if named[id] == nil {
			_ = os.Remove(s.runFolder(id)) // unless it holds what is not ours
		}
	}
	return files, bytes, err
}
