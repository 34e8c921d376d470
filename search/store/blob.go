package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"mixmas/search/atomicfile"
)

const temporaryPrefix = "temporary-"

// blob is the content of one file of the store.
type blob struct {
	digest  Digest
	content []byte
}

// newBlob returns the blob of a content; without content its digest is empty.
func newBlob(content []byte) blob {
	if len(content) == 0 {
		return blob{}
	}
	return blob{digest(content), content}
}

func (s *Store) folder() string { return s.path + ".files" }

func (s *Store) temporary() string { return filepath.Join(s.folder(), temporaryPrefix+rand.Text()) }

// Temporary creates a file for the process's own use, where there is room for large ones: the system's folder for temporary files
// may be in memory. It ends with the process; on Windows, where an open file has to have a name, one that a killed process left
// stays until [Store.Prune].
func (s *Store) Temporary() (*os.File, error) {
	if err := os.MkdirAll(s.folder(), 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	f, err := os.OpenFile(s.temporary(), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	_ = os.Remove(f.Name())
	return f, nil
}

func (s *Store) blobPath(d Digest) string { return filepath.Join(s.folder(), string(d[:2]), string(d)) }

// writeBlob writes a file under its name, completely or not at all. It keeps an existing undamaged file.
func (s *Store) writeBlob(b blob) error {
	if b.digest == "" {
		return nil
	}
	return s.writeFile(s.blobPath(b.digest), b)
}

// writeFile is writeBlob for the path of a file.
func (s *Store) writeFile(path string, b blob) error {
	if content, err := os.ReadFile(path); err == nil && digest(content) == b.digest {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	err := s.writer().Replace(path, func(w io.Writer) error {
		half := len(b.content) / 2
		_, err := w.Write(b.content[:half])
		s.step("file half written")
		if err == nil {
			_, err = w.Write(b.content[half:])
		}
		s.step("file written")
		return err
	})
	if err == nil {
		err = s.writer().SyncFolder(s.folder()) // the file's folder may be new in it
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// writer writes the store's files. Killed writers leave theirs in the folder itself, where [Store.Prune] finds them.
func (s *Store) writer() atomicfile.Writer {
	return atomicfile.Writer{Prefix: filepath.Join(s.folder(), temporaryPrefix), NoSync: s.noSync, Step: s.step}
}

// readBlob reads a file and verifies it. owner and what describe it in errors.
func (s *Store) readBlob(d Digest, owner Score, what string) ([]byte, error) {
	name := fileOf(owner, what)
	switch {
	case d == "":
		return nil, fmt.Errorf("%s: %w: the trial left none", name, ErrPruned)
	case !d.valid():
		return nil, fmt.Errorf("%s: digest %q is not a SHA-256 in hex", name, d)
	}
	content, err := os.ReadFile(s.blobPath(d))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w: %s was removed", name, ErrPruned, s.blobPath(d))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case digest(content) != d:
		return nil, fmt.Errorf("%s: %w", name, s.damagedBlob(d))
	}
	return content, nil
}

// fileOf returns the beginning of errors about a file of a score.
func fileOf(owner Score, what string) string {
	return fmt.Sprintf("store: %s of %s (%s)", what, abbreviate(owner.Key), owner.Name)
}

// damagedBlob returns the error of a file whose content does not match its name.
func (s *Store) damagedBlob(d Digest) error { return damagedFile(s.blobPath(d)) }

func damagedFile(path string) error {
	return fmt.Errorf("%w: the SHA-256 of %s does not match its name; remove the file", ErrDamaged, path)
}

// sweep removes the files that are not in live, and the remains of killed writers. The store must be locked.
func (s *Store) sweep(ctx context.Context, live map[Digest]bool) (files int, bytes int64, err error) {
	err = filepath.WalkDir(s.folder(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name := Digest(entry.Name())
		ours := name.valid() && path == s.blobPath(name)
		inFolder := filepath.Dir(path) == s.folder()
		info, err := entry.Info()
		removed := false
		switch {
		case err != nil:
		case inFolder && strings.HasPrefix(entry.Name(), leasePrefix):
			err = removeLease(path)
		case inFolder && strings.HasPrefix(entry.Name(), temporaryPrefix):
			removed, err = s.removeTemporary(path, info)
		case ours && !live[name]:
			err = os.Remove(path)
			removed = err == nil
		}
		if errors.Is(err, fs.ErrNotExist) { // a writer renamed its temporary file, or a lease ended
			return nil
		}
		if removed {
			files++
			bytes += info.Size()
			s.step("file removed")
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return files, bytes, err
}

// removeTemporary removes a temporary file unless a living process is writing it.
func (s *Store) removeTemporary(path string, info fs.FileInfo) (removed bool, err error) {
	if store, err := os.Stat(s.path); err == nil && os.SameFile(info, store) {
		// This is the name under which the store itself was created: we hold its lock.
		err := os.Remove(path)
		return err == nil, err
	}
	removed, err = atomicfile.RemoveAbandoned(path)
	if runtime.GOOS == "windows" && !removed { // a process has it open, see [Store.Temporary]
		err = nil
	}
	return removed, err
}
