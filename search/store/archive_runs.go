package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// mostEvents is the largest size in bytes of a run's events in an archive.
const mostEvents = 1 << 30

// exportRuns writes runs, with the end of their part; nothing if there are none.
func (s *Store) exportRuns(ctx context.Context, archive *tar.Writer, runs []RunRecord) error {
	if len(runs) == 0 {
		return nil
	}
	for _, r := range runs {
		if err := ctx.Err(); err != nil {
			return err
		}
		record, err := encodeRun(r)
		if err != nil {
			return err
		}
		folder := runsFolder + "/" + r.ID + "/"
		if err := writeEntry(archive, folder+runRecordName, record); err != nil {
			return err
		}
		events, err := os.ReadFile(filepath.Join(s.runFolder(r.ID), eventsFile)) // of a running one, those until now
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("run %s: %w", r.ID, err)
		}
		if len(events) > 0 && len(events) <= mostEvents {
			if err := writeEntry(archive, folder+eventsFile, events); err != nil {
				return err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(r.Files)) {
			content, err := s.RunFile(r, name)
			if errors.Is(err, ErrPruned) {
				continue
			}
			if err != nil {
				return err
			}
			if err := writeEntry(archive, folder+name, content); err != nil {
				return err
			}
		}
	}
	return writeEntry(archive, archiveRunsEnd, nil)
}

// readRuns calls keep with each run of an archive after its scores.
func readRuns(archive *tar.Reader, count int, keep func(r RunRecord, files map[string][]byte, events []byte) error) error {
	read := 0
	entry, err := nextEntry(archive)
	for err == nil && entry != archiveRunsEnd {
		var r RunRecord
		var files map[string][]byte
		var events []byte
		if r, files, events, entry, err = readRun(archive, entry); err != nil {
			break
		}
		if err := keep(r, files, events); err != nil {
			return err
		}
		read++
	}
	if err == nil && read != count {
		err = fmt.Errorf("it has %d of %d runs", read, count)
	}
	if err != nil {
		return fmt.Errorf("%w archive: %w", ErrDamaged, err)
	}
	return nil
}

// readRun reads the entries of one run, beginning with entry, and returns the name of the entry after them.
func readRun(archive *tar.Reader, entry string) (r RunRecord, files map[string][]byte, events []byte, next string, err error) {
	fail := func(err error) (RunRecord, map[string][]byte, []byte, string, error) {
		return RunRecord{}, nil, nil, "", fmt.Errorf("%.200q: %w", entry, err)
	}
	id, ok := strings.CutSuffix(strings.TrimPrefix(entry, runsFolder+"/"), "/"+runRecordName)
	if !ok || !strings.HasPrefix(entry, runsFolder+"/") {
		return fail(errors.New("want runs/ID/run.json here"))
	}
	record, err := io.ReadAll(io.LimitReader(archive, longestRecord+1))
	if err != nil {
		return fail(err)
	}
	if r, err = decodeRun(id, record); err != nil {
		return fail(err)
	}
	files = map[string][]byte{}
	for {
		if entry, err = nextEntry(archive); err != nil {
			return fail(err)
		}
		name, ours := strings.CutPrefix(entry, runsFolder+"/"+id+"/")
		want, named := r.Files[name]
		if !ours || name == runRecordName || !named && name != eventsFile {
			return r, files, events, entry, nil
		}
		content, err := io.ReadAll(io.LimitReader(archive, mostEvents+1))
		switch {
		case err != nil:
			return fail(err)
		case len(content) > mostEvents:
			return fail(fmt.Errorf("it has more than %d bytes", mostEvents))
		case name == eventsFile:
			events = content
		case digest(content) != want:
			return fail(fmt.Errorf("SHA-256 %q %w, %q", digest(content), ErrDiffers, want))
		default:
			files[name] = content
		}
	}
}

// importRun stores a run of an archive, unless it is stored already and the archive knows no more of it.
func (s *Store) importRun(ctx context.Context, r RunRecord, files map[string][]byte, events []byte) (added bool, err error) {
	if s.options.ReadOnly {
		return false, fmt.Errorf("store %s: %w", s.path, ErrReadOnly)
	}
	further := false
	switch stored, err := s.Run(ctx, r.ID); {
	case err == nil:
		if further, err = s.wentFurther(stored, events); !further {
			return false, err
		}
	case !errors.Is(err, ErrUnrecorded):
		return false, err
	}
	record, err := encodeRun(r)
	if err != nil {
		return false, err
	}
	for name, content := range files {
		if err := s.writeFile(s.runFile(r.ID, r.Files[name]), blob{r.Files[name], content}); err != nil {
			return false, err
		}
	}
	err = s.update(ctx, func(scores *bbolt.Bucket) error {
		bucket, err := scores.Tx().CreateBucketIfNotExists(runsBucket)
		if err != nil {
			return fmt.Errorf("store %s: %w", s.path, err)
		}
		if bucket.Get([]byte(r.ID)) != nil && !further { // another process imported it meanwhile
			return nil
		}
		if len(events) > 0 {
			if err := os.MkdirAll(s.runFolder(r.ID), 0o755); err != nil {
				return fmt.Errorf("store: %w", err)
			}
			err := s.writer().Replace(filepath.Join(s.runFolder(r.ID), eventsFile), func(w io.Writer) error {
				_, err := w.Write(events)
				return err
			})
			if err != nil {
				return fmt.Errorf("store: %w", err)
			}
		}
		added = true
		return bucket.Put([]byte(r.ID), record)
	}, nil)
	return added && err == nil, err
}

// wentFurther reports whether a run went on from where it is stored to where it has these events, as one that was running when it was
// exported before. One whose process lives, or which has its files but no events, is stored as it is.
func (s *Store) wentFurther(stored RunRecord, events []byte) (bool, error) {
	if s.RunHeld(stored.ID) {
		return false, nil
	}
	earlier, err := os.ReadFile(filepath.Join(s.runFolder(stored.ID), eventsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("run %s: %w", stored.ID, err)
	}
	if len(earlier) == 0 && len(stored.Files) > 0 {
		return false, nil
	}
	return len(events) > len(earlier) && bytes.HasPrefix(events, earlier), nil
}
