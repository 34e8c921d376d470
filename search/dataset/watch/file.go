// Package watch opens the files of data sets, and notices if they are written to while they are in use.
package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mixmas/search/dataset"
	"mixmas/search/identity"
	"mixmas/search/regular"
)

// now is the clock that time stamps are compared with. Tests set it.
var now = time.Now

// File is an open file.
type File struct {
	*os.File
	name        string // in errors
	first, size int64  // the section that counts

	lock     sync.Mutex        // of the fields below
	identity identity.Identity // when the content was last known
	telling  bool              // whether a change since then shows in the identity
	digest   string            // SHA-256 of the content; empty until it is known
}

// Open opens a regular file.
func Open(path string) (*File, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	watched, err := Of(f, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return watched, nil
}

// Of watches an open regular file from which nothing has been read yet. Errors call it by the given name.
func Of(f *os.File, name string) (*File, error) {
	opened, err := identity.Of(f)
	if err != nil {
		return nil, err
	}
	return &File{File: f, name: name, size: opened.Size(), identity: opened}, nil
}

// Path is the path with which the file was opened, or the name that it was given.
func (f *File) Path() string { return f.name }

// Section narrows the content that counts, in facts and passes, to size bytes from the given one on: a file in an archive, with
// a name of its own.
func (f *File) Section(name string, first, size int64) { f.name, f.first, f.size = name, first, size }

// Facts returns facts about the content: from the cache, unless the environment says to verify, or from a pass. The key names
// the reader and its version. Facts of a file that was changed a moment ago, or in the future, are not cached: another change
// might leave the same time stamps.
func (f *File) Facts(key string, r dataset.Request, e dataset.Environment, pass func() (dataset.Facts, error)) (dataset.Facts, error) {
	f.lock.Lock() // one pass at a time: they are bound by the disk
	defer f.lock.Unlock()
	path, err := filepath.Abs(f.Name())
	if err != nil {
		return dataset.Facts{}, err
	}
	began := now()
	if f.first != 0 || f.size != f.identity.Size() {
		key += fmt.Sprintf(" of %d bytes from %d", f.size, f.first)
	}
	key = fmt.Sprintf("%s\n%s\n%s\n%s", key, path, f.identity, r.Key())
	found, cached := lookUp(e, key, r)
	if !cached {
		if found, err = pass(); err != nil {
			return dataset.Facts{}, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if current, err := identity.Of(f.File); err != nil {
		return dataset.Facts{}, err
	} else if !current.Equal(f.identity) { // labels may have been read before the change
		return dataset.Facts{}, f.written()
	}
	f.digest, f.telling = found.SHA256, cached || f.identity.Telling(began)
	if !cached && e.Cache != nil && f.identity.Old(began) {
		if value, err := json.Marshal(found); err == nil {
			_ = e.Cache.Put(key, value) // a cache that cannot be written only costs time
		}
	}
	return found, nil
}

// lookUp finds facts in the cache. It ignores an entry that cannot be true.
func lookUp(e dataset.Environment, key string, r dataset.Request) (found dataset.Facts, ok bool) {
	if e.Cache == nil || e.Verify {
		return dataset.Facts{}, false
	}
	value, ok := e.Cache.Get(key)
	if !ok || json.Unmarshal(value, &found) != nil || found.Check(r) != nil {
		return dataset.Facts{}, false
	}
	return found, true
}

// Unchanged returns an error if the content may have changed since its facts were found. A different size or modification time
// is enough. If only the change time differs, the file was renamed, linked, removed or given other permissions, or it was
// written to and its modification time set back; and time stamps that are too recent prove nothing. Then the digest decides.
func (f *File) Unchanged(ctx context.Context) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	asked := now()
	current, err := identity.Of(f.File)
	if err != nil {
		return err
	}
	if f.telling && current.Equal(f.identity) {
		return nil
	}
	if !current.SameContent(f.identity) {
		return f.written()
	}
	digest, err := f.Digest(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if digest != f.digest {
		return f.written()
	}
	f.identity, f.telling = current, current.Telling(asked)
	return nil
}

func (f *File) written() error {
	return fmt.Errorf("%s: the file was written to while it was in use: run again", f.name)
}

// Digest returns the SHA-256 of the section.
func (f *File) Digest(ctx context.Context) (string, error) {
	return f.Pass(ctx, 0, f.size, func([]byte) error { return nil })
}

// Piece is the number of bytes that a pass hands over at a time. The last piece may be shorter.
const Piece = 1 << 18

// Pass reads the first size bytes of the section and returns their SHA-256. One goroutine reads, one hashes, and one calls use with the bytes
// after the first head, a [Piece] at a time. It reads the file that was opened, even if another one is at the path by now.
func (f *File) Pass(ctx context.Context, head, size int64, use func(piece []byte) error) (digest string, err error) {
	r := io.NewSectionReader(f.File, f.first, size)
	hash := sha256.New()
	if _, err := io.CopyN(hash, r, head); err != nil {
		return "", err
	}
	const buffers = 4
	free, read, hashed := make(chan []byte, buffers), make(chan []byte, buffers), make(chan []byte, buffers)
	for range buffers {
		free <- make([]byte, min(size-head, Piece))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(read)
		for left := size - head; left > 0; {
			if err := ctx.Err(); err != nil { // a select with several ready cases takes any of them
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case raw := <-free:
				raw = raw[:min(left, Piece)]
				if _, err := io.ReadFull(r, raw); err != nil {
					return err
				}
				left -= int64(len(raw))
				read <- raw
			}
		}
		return nil
	})
	group.Go(func() error {
		defer close(hashed)
		for raw := range read {
			hash.Write(raw)
			hashed <- raw
		}
		return nil
	})
	group.Go(func() error {
		for raw := range hashed {
			if err := use(raw); err != nil {
				return err
			}
			free <- raw
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
