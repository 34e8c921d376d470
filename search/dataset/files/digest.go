package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mixmas/search/escape"
	"mixmas/search/identity"
	"mixmas/search/regular"
)

// now is the clock that time stamps are compared with. Tests set it.
var now = time.Now

var errWritten = errors.New("the file was written to while it was in use: run again")

// watched are the files on disk that were used, with what they were then.
type watched struct {
	lock  sync.Mutex
	files map[string]*used
	lists []*usedList
}

// used is a file that was opened.
type used struct {
	identity identity.Identity
	telling  bool   // whether a change since then shows in the identity
	digest   string // "" until it is known
}

// usedList is a list of files whose digest was computed.
type usedList struct {
	folder  *Folder
	names   []string
	marks   []identity.Mark
	telling bool
	digest  string
}

// file notes that an open file is used. It returns an error if the file was written to since it was used first.
func (w *watched) file(path string, f *os.File) (identity.Identity, error) {
	began := now()
	i, err := identity.Of(f)
	if err != nil {
		return i, err
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	if u := w.files[path]; u != nil {
		if !i.SameContent(u.identity) {
			return i, fmt.Errorf("%s: %w", escape.Terminal(path), errWritten)
		}
		return i, nil
	}
	if w.files == nil {
		w.files = map[string]*used{}
	}
	w.files[path] = &used{identity: i, telling: i.Telling(began)}
	return i, nil
}

// Digest returns the SHA-256 of a file's bytes in hexadecimal: as they are on disk, for gzip too; of an archive's entry, as they
// are in it before compression. It is cached.
func (r *Root) Digest(ctx context.Context, path string) (string, error) {
	p, err := r.file(ctx, path)
	if err != nil {
		return "", err
	}
	if p.archive != nil {
		return r.cached(p.archive.key, "entry "+p.entry.name, p.archive.identity, func() (string, error) {
			raw, err := p.archive.open(r.options, p.entry)
			if err != nil {
				return "", err
			}
			defer raw.Close()
			return digest(ctx, p.shown(), raw)
		})
	}
	return r.digestOnDisk(ctx, p.path)
}

func (r *Root) digestOnDisk(ctx context.Context, path string) (string, error) {
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	before, err := r.watched.file(path, f)
	if err != nil {
		return "", err
	}
	key, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	began := now()
	sum, err := r.cached(key, "", before, func() (string, error) {
		sum, err := digest(ctx, escape.Terminal(path), f)
		if after, failed := identity.Of(f); err == nil && (failed != nil || !after.Equal(before)) {
			err = fmt.Errorf("%s: %w", escape.Terminal(path), errors.Join(failed, errWritten))
		}
		return sum, err
	})
	if err != nil {
		return "", err
	}
	r.watched.lock.Lock()
	defer r.watched.lock.Unlock()
	u := r.watched.files[path]
	if u.digest != "" && u.digest != sum {
		return "", fmt.Errorf("%s: %w", escape.Terminal(path), errWritten)
	}
	*u = used{before, before.Telling(began), sum}
	return sum, nil
}

// digest is the SHA-256 of what a reader returns.
func digest(ctx context.Context, name string, from io.Reader) (string, error) {
	hash := sha256.New()
	if _, err := io.CopyBuffer(hash, interruptible{ctx, from}, make([]byte, 1<<18)); err != nil {
		return "", fmt.Errorf("%s: %w", name, explain(err))
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// cached returns a digest of the file with this key, or a part of it: from the cache, unless the options say to verify, or
// computed. Digests of a file that was changed a moment ago, or in the future, are not cached: another change might leave the
// same time stamps.
func (r *Root) cached(key, part string, i identity.Identity, compute func() (string, error)) (string, error) {
	return r.cachedAs(fmt.Sprintf("files digest 1\n%s\n%s\n%s", key, i, part), i.Old(now()), compute)
}

func (r *Root) cachedAs(key string, old bool, compute func() (string, error)) (string, error) {
	c := r.options.Cache
	if c != nil && !r.options.Verify {
		if value, ok := c.Get(key); ok && len(value) == hex.EncodedLen(sha256.Size) {
			return string(value), nil
		}
	}
	sum, err := compute()
	if err == nil && c != nil && old {
		_ = c.Put(key, []byte(sum)) // a cache that cannot be written only costs time
	}
	return sum, err
}

// Digest returns one SHA-256 in hexadecimal for the content of many files, in order: of the SHA-256 of each, as [Root.Digest] has
// it. The same files in a folder and in an archive have the same digest. It is cached. names must not be changed afterwards.
func (f *Folder) Digest(ctx context.Context, names []string) (string, error) {
	if f.archive != nil {
		list := sha256.New()
		for _, name := range names {
			fmt.Fprintf(list, "%d %s\n", len(name), name)
		}
		part := fmt.Sprintf("entries %x of %d %s", list.Sum(nil), len(f.inside), f.inside)
		return f.root.cached(f.archive.key, part, f.archive.identity, func() (string, error) {
			return f.digestContent(ctx, names, nil)
		})
	}
	u := &usedList{folder: f, names: names, marks: make([]identity.Mark, len(names))}
	if err := u.compute(ctx); err != nil {
		return "", err
	}
	w := &f.root.watched
	w.lock.Lock()
	defer w.lock.Unlock()
	w.lists = append(w.lists, u)
	return u.digest, nil
}

// compute finds the marks and the digest of the files on disk.
func (u *usedList) compute(ctx context.Context) error {
	f, began := u.folder, now()
	folder, err := filepath.Abs(f.path)
	if err != nil {
		return err
	}
	var lock sync.Mutex // of the two below
	old := true
	u.telling = true
	list, err := digestAll(ctx, len(u.names), func() (digester, func()) {
		at := &position{folder: f}
		return func(row int, sum *[sha256.Size]byte) error {
			name := u.names[row]
			i, err := at.identify(ctx, name)
			if err != nil {
				return err
			}
			u.marks[row] = i.Mark()
			*sum = sha256.Sum256(fmt.Appendf(nil, "%d %s\n%s", len(name), name, i))
			if !i.Telling(began) || !i.Old(began) {
				lock.Lock()
				defer lock.Unlock()
				u.telling, old = u.telling && i.Telling(began), old && i.Old(began)
			}
			return nil
		}, at.close
	})
	if err != nil {
		return err
	}
	u.digest, err = f.root.cachedAs(fmt.Sprintf("files digest 1\n%s\n%s of %d files", folder, list, len(u.names)), old, func() (string, error) {
		return f.digestContent(ctx, u.names, u.marks)
	})
	return err
}

// position finds the identities of the files of a folder on disk. It keeps the folder of the last file open, since the next
// one is probably in it: a system call per file remains.
type position struct {
	folder *Folder
	below  string
	open   *os.File
}

func (p *position) close() {
	if p.open != nil {
		p.open.Close()
	}
}

// identify finds the identity of a file. That of one in an archive is empty, since archives are watched themselves.
func (p *position) identify(ctx context.Context, name string) (identity.Identity, error) {
	if short, err := safe(name); err == nil && local(short) == nil {
		below, base := path.Split(short)
		if p.open == nil || p.below != below {
			p.close()
			p.below = below
			if p.open, err = p.folder.disk.Open(filepath.FromSlash(path.Clean(below))); err != nil {
				p.open = nil
			}
		}
		if p.open != nil {
			if i, err := identity.In(p.open, base); err == nil {
				return i, nil
			}
		}
	}
	raw, _, err := p.folder.raw(ctx, name) // a link, an archive or an error
	if err != nil {
		return identity.Identity{}, err
	}
	defer raw.Close()
	if file, ok := raw.(*os.File); ok {
		return identity.Of(file)
	}
	return identity.Identity{}, nil
}

// digestContent is the digest of the content of files. If marks is not nil, the files must still have them.
func (f *Folder) digestContent(ctx context.Context, names []string, marks []identity.Mark) (string, error) {
	return digestAll(ctx, len(names), func() (digester, func()) {
		buffer := make([]byte, 1<<16)
		return func(row int, sum *[sha256.Size]byte) error {
			var mark *identity.Mark
			if marks != nil {
				mark = &marks[row]
			}
			return f.digestOne(ctx, names[row], mark, buffer, sum)
		}, func() {}
	})
}

// digestOne finds the digest of a file. If mark is not nil, the file must still have it.
func (f *Folder) digestOne(ctx context.Context, name string, mark *identity.Mark, buffer []byte, sum *[sha256.Size]byte) error {
	raw, _, err := f.raw(ctx, name)
	if err != nil {
		return err
	}
	defer raw.Close()
	hash := sha256.New()
	if _, err := io.CopyBuffer(hash, interruptible{ctx, raw}, buffer); err != nil {
		return fmt.Errorf("%s: %w", f.shown(name), explain(err))
	}
	hash.Sum(sum[:0])
	if file, ok := raw.(*os.File); ok && mark != nil {
		if i, err := identity.Of(file); err != nil || i.Mark() != *mark {
			return fmt.Errorf("%s: %w", f.shown(name), errors.Join(err, errWritten))
		}
	}
	return nil
}

// digester finds the digest of a row.
type digester func(row int, sum *[sha256.Size]byte) error

// digestAll is the digest of the digests of all rows, which are found in parallel: worker returns a function for one of the workers,
// and one that ends it.
func digestAll(ctx context.Context, rows int, worker func() (digester, func())) (string, error) {
	const block = 1024
	workers := runtime.GOMAXPROCS(0)
	digesters := make([]digester, workers)
	for w := range digesters {
		var end func()
		digesters[w], end = worker()
		defer end()
	}
	whole := sha256.New()
	var sums [block][sha256.Size]byte
	for first := 0; first < rows; first += block {
		n := min(block, rows-first)
		group, ctx := errgroup.WithContext(ctx)
		for w, one := range digesters {
			group.Go(func() error {
				for i := w * n / workers; i < (w+1)*n/workers; i++ {
					if err := ctx.Err(); err != nil {
						return err
					}
					if err := one(first+i, &sums[i]); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return "", err
		}
		for i := range n {
			whole.Write(sums[i][:])
		}
	}
	return hex.EncodeToString(whole.Sum(nil)), nil
}
