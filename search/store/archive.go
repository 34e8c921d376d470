package store

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// An archive is a tar file. Its first entry is archiveHead. Each score then has the entry KEY/score.json and one entry for
// each of its stored files: KEY/weights, KEY/outputs, KEY/checkpoint, KEY/outputs-1 and so on. The last entry is the empty
// archiveEnd, without which the archive was truncated. Archives of format 1 have no partial scores and no outputs after
// epochs; Export writes that format if the store has none.
//
// If archiveHead says that there are runs, they follow after archiveEnd, where older versions of the program stop to read: of each
// runs/ID/run.json, runs/ID/events.jsonl if there are events, and runs/ID/NAME for each file that its record names. The last entry is
// then the empty archiveRunsEnd.
const (
	archiveHead   = "mixmas-scores.json"
	archiveEnd    = "end"
	archiveFormat = 2

	archiveRunsEnd = "runs-end"
)

// archiveVersion is the content of archiveHead.
type archiveVersion struct {
	Format int `json:"format"`
	// Runs is the number of runs.
	Runs int `json:"runs,omitempty"`
}

// Export writes all scores with their weights and outputs, and all runs with their files, as one archive, in the order of [Store.List]
// and [Store.Runs]. The same store gives the same bytes. Pruned files are omitted; a damaged file is an error. It stops when ctx ends.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	list, err := s.List(ctx)
	if err != nil {
		return err
	}
	runs, err := s.Runs(ctx)
	if err != nil {
		return err
	}
	version := archiveVersion{Format: 1, Runs: len(runs)}
	if slices.ContainsFunc(list, func(sc Score) bool { return sc.Status == Partial || len(sc.EpochOutputs) > 0 }) {
		version.Format = archiveFormat
	}
	head, err := json.Marshal(version)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(w)
	if err := writeEntry(archive, archiveHead, head); err != nil {
		return err
	}
	for _, sc := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		record, err := encode(sc)
		if err != nil {
			return err
		}
		if err := writeEntry(archive, sc.Key+"/score.json", record); err != nil {
			return err
		}
		for _, p := range sc.parts() {
			content, err := s.readBlob(p.digest, sc, p.name)
			if errors.Is(err, ErrPruned) {
				continue
			}
			if err != nil {
				return err
			}
			if err := writeEntry(archive, sc.Key+"/"+p.name, content); err != nil {
				return err
			}
		}
	}
	if err := writeEntry(archive, archiveEnd, nil); err != nil {
		return err
	}
	if err := s.exportRuns(ctx, archive, runs); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("store: export: %w", err)
	}
	return nil
}

func writeEntry(archive *tar.Writer, name string, content []byte) error {
	header := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0)}
	err := archive.WriteHeader(&header)
	if err == nil {
		_, err = archive.Write(content)
	}
	if err != nil {
		return fmt.Errorf("store: export: %s: %w", name, err)
	}
	return nil
}

// Imported is what [Store.Import] read: scores and runs that it added, and those that were already stored. A run counts as added too
// if it went on after it was stored, as one that was running then.
type Imported struct{ Added, Known, RunsAdded, RunsKnown int }

// Import adds the scores and the runs of an archive that [Store.Export] wrote, and checks their records and digests. It returns how
// many it added and how many were already stored. A stored score stays, but gets its pruned files back; a partial
// score is replaced as by [Store.PutFiles], and counts as added. A stored run stays as it is. Import stops at the first error, or when
// ctx ends; what was added before stays, and importing again continues from there.
func (s *Store) Import(ctx context.Context, r io.Reader) (done Imported, err error) {
	err = readArchive(r, func(sc Score, blobs []blob) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		stored, isNew, err := s.put(ctx, sc, blobs, false)
		if blobs = slices.DeleteFunc(blobs, func(b blob) bool { return !stored.names(b.digest) }); err == nil && !isNew && len(blobs) > 0 {
			err = s.restore(ctx, blobs)
		}
		switch {
		case err != nil:
			return err
		case isNew:
			done.Added++
		default:
			done.Known++
		}
		return nil
	}, func(r RunRecord, files map[string][]byte, events []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		isNew, err := s.importRun(ctx, r, files, events)
		switch {
		case err != nil:
			return err
		case isNew:
			done.RunsAdded++
		default:
			done.RunsKnown++
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("store: import: %w", err)
	}
	return done, err
}

// IsArchive reports whether r begins like an archive of [Store.Export], written by any version of the program.
func IsArchive(r io.Reader) bool {
	_, err := readHead(tar.NewReader(r))
	return err == nil || errors.Is(err, ErrNewer)
}

// readArchive calls keep with each score of an archive and its files, and then keepRun with each run, its files and its events, until
// the first error.
func readArchive(r io.Reader, keep func(sc Score, blobs []blob) error, keepRun func(r RunRecord, files map[string][]byte, events []byte) error) error {
	archive := tar.NewReader(r)
	version, err := readHead(archive)
	if err != nil {
		return err
	}
	entry, err := nextEntry(archive)
	for err == nil && entry != archiveEnd {
		var sc Score
		var blobs []blob
		if sc, blobs, entry, err = readScore(archive, entry); err != nil {
			break
		}
		if err := keep(sc, blobs); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("%w archive: %w", ErrDamaged, err)
	}
	if version.Runs == 0 {
		return nil
	}
	return readRuns(archive, version.Runs, keepRun)
}

// nextEntry returns the name of the archive's next entry. It refuses sparse entries, a few bytes of which unpack to any
// length.
func nextEntry(archive *tar.Reader) (string, error) {
	header, err := archive.Next()
	if errors.Is(err, io.EOF) {
		return "", errors.New("it is truncated")
	}
	if err != nil {
		return "", err
	}
	for name := range header.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse") {
			return "", fmt.Errorf("entry %q is sparse", header.Name)
		}
	}
	if header.Typeflag != tar.TypeReg {
		return "", fmt.Errorf("entry %q is not a regular file", header.Name)
	}
	return header.Name, nil
}

func readHead(archive *tar.Reader) (version archiveVersion, err error) {
	if name, err := nextEntry(archive); err != nil || name != archiveHead {
		return version, fmt.Errorf("%w: not an archive of scores", ErrForeign)
	}
	if err := json.NewDecoder(io.LimitReader(archive, 1<<10)).Decode(&version); err != nil || version.Format < 1 || version.Runs < 0 {
		return version, fmt.Errorf("%w: %s has no format", ErrForeign, archiveHead)
	}
	if version.Format > archiveFormat {
		return version, fmt.Errorf("%w: the archive has format %d, but this program reads up to %d", ErrNewer, version.Format, archiveFormat)
	}
	return version, nil
}

// readScore reads the entries of one score, beginning with entry, and returns the name of the entry after them.
func readScore(archive *tar.Reader, entry string) (sc Score, blobs []blob, next string, err error) {
	fail := func(err error) (Score, []blob, string, error) {
		return Score{}, nil, "", fmt.Errorf("%s: %w", entry, err)
	}
	key, ok := strings.CutSuffix(entry, "/score.json")
	if !ok {
		return fail(errors.New("want KEY/score.json here"))
	}
	record, err := io.ReadAll(io.LimitReader(archive, longestRecord+1))
	if err != nil {
		return fail(err)
	}
	if sc, err = decode(key, record); err != nil {
		return fail(err)
	}
	wanted := map[string]Digest{key + "/weights": "", key + "/outputs": ""} // these are optional
	for _, p := range sc.parts() {
		wanted[key+"/"+p.name] = p.digest
	}
	for {
		if entry, err = nextEntry(archive); err != nil {
			return Score{}, nil, "", err
		}
		want, ours := wanted[entry]
		if !ours {
			return sc, blobs, entry, nil
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return fail(err)
		}
		b := newBlob(content)
		if b.digest == "" || b.digest != want {
			return fail(fmt.Errorf("SHA-256 %q %w, %q", b.digest, ErrDiffers, want))
		}
		blobs = append(blobs, b)
	}
}
