// Package filecache keeps files that can be made again: a folder of them, bounded in bytes and shared by processes. An entry is
// never the only copy of anything, so the folder may be emptied at any time.
//
// An entry is named by the SHA-256 of its key: NAME.data is its content, NAME.entry says how long that is and when it was last
// used (by its modification time), NAME.note is a note, NAME.lock the lock of the process that makes it. Contents are written
// atomically. A killed process leaves only partial files, which the next [Open] removes.
//
// Above the bound, the entries that were not used for the longest time are removed, but none that this process has open. If
// another process has the entry open, it goes on reading it: on Unix a removed file lives until it is closed, and Windows does
// not remove an open file. Contents that do not fit, or a folder that cannot be written, cost nothing but time: a temporary
// file takes the place of the entry. It has no name on Unix, and is removed by Close on Windows.
package filecache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"mixmas/search/atomicfile"
	"mixmas/search/filelock"
	"mixmas/search/regular"
)

// DefaultBytes is the default bound of a cache: 20 GiB.
const DefaultBytes = 20 << 30

// Cache is a folder of files. Its methods may be called from several goroutines. A nil cache makes only temporary files.
type Cache struct {
	folder string // empty if there is none, or it cannot be written
	most   int64  // bytes of all entries

	lock sync.Mutex
	used map[string]int // by name: how many files are open here
}

// Open opens a cache that holds at most the given number of bytes in a folder, which it creates, and removes what killed
// processes left there. Without a folder, with 0 bytes, or if the folder cannot be created, all files are temporary.
func Open(folder string, most int64) (*Cache, error) {
	if most < 0 {
		return nil, fmt.Errorf("the cache of decoded data holds at most %d bytes: want at least 0", most)
	}
	c := &Cache{folder: folder, most: most, used: map[string]int{}}
	if most == 0 || folder == "" || os.MkdirAll(folder, 0o755) != nil {
		c.folder = ""
		return c, nil
	}
	c.clean()
	c.makeRoom(0, "") // the bound may have been larger
	return c, nil
}

// File is an open file of a cache, or a temporary one.
type File struct {
	*os.File
	// SHA256 is the digest that the content had when it was made; empty for a temporary file.
	SHA256 string
	// Cached is false for a temporary file.
	Cached bool

	close func() error
}

// Close closes the file, and removes it if it is temporary.
func (f *File) Close() error { return f.close() }

// File returns the entry of a key. If it is missing, damaged or truncated, it is made of what write writes: exactly size bytes,
// which the key must determine. Of several processes that need it at once, one makes it, and the others wait. write is called
// again, for a temporary file, if the entry cannot be written.
func (c *Cache) File(ctx context.Context, key string, size int64, write func(io.Writer) error) (*File, error) {
	if c == nil {
		return temporary(ctx, "", size, write)
	}
	if c.Keeps(size) {
		f, err := c.entry(ctx, key, size, write)
		if failed := new(unwritable); !errors.As(err, &failed) {
			return f, err
		}
	}
	return temporary(ctx, c.folder, size, write)
}

// Keeps reports whether the cache may keep a file of so many bytes. If not, [Cache.File] makes a temporary one, and its key does
// not matter.
func (c *Cache) Keeps(size int64) bool { return c != nil && c.folder != "" && size <= c.most }

// unwritable means that the cache cannot hold an entry, and a temporary file has to.
type unwritable struct{ cause error }

func (u *unwritable) Error() string { return u.cause.Error() }
func (u *unwritable) Unwrap() error { return u.cause }

// entry is [Cache.File] without temporary files.
func (c *Cache) entry(ctx context.Context, key string, size int64, write func(io.Writer) error) (*File, error) {
	if f := c.find(key, size); f != nil {
		return f, nil
	}
	unlock, err := c.lockKey(ctx, key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if f := c.find(key, size); f != nil { // made while this process waited
		return f, nil
	}
	name := nameOf(key)
	if !c.makeRoom(size+descriptionBytes, name) {
		return nil, &unwritable{errors.New("the cache is too small")}
	}
	to := &sink{ctx: ctx, left: size, hash: sha256.New()}
	var failed error // of write, not of the file
	err = atomicfile.Replace(c.path(name, data), func(w io.Writer) error {
		to.w = w
		if failed = to.take(write); failed != nil {
			return failed
		}
		return to.err
	})
	if failed != nil {
		return nil, failed
	}
	if err == nil {
		err = c.describe(name, description{Bytes: size, SHA256: hex.EncodeToString(to.hash.Sum(nil))})
	}
	if err != nil {
		return nil, &unwritable{err}
	}
	if f := c.find(key, size); f != nil {
		return f, nil
	}
	return nil, &unwritable{errors.New("the entry was removed")}
}

// description is the content of NAME.entry.
type description struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// descriptionBytes is more than a description takes.
const descriptionBytes = 128

func (c *Cache) describe(name string, d description) error {
	return atomicfile.Replace(c.path(name, entry), func(w io.Writer) error { return json.NewEncoder(w).Encode(d) })
}

// find opens an entry that is complete, and notes that it was used. Otherwise it returns nil.
func (c *Cache) find(key string, size int64) *File {
	name := nameOf(key)
	about, err := readSmall(c.path(name, entry), 1<<12)
	var d description
	if err != nil || json.Unmarshal(about, &d) != nil || d.Bytes != size {
		return nil
	}
	c.use(name, 1)
	f, err := regular.Open(c.path(name, data))
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && info.Size() == size {
			now := time.Now()
			_ = os.Chtimes(c.path(name, entry), now, now) // only the order of removal depends on it
			return &File{File: f, SHA256: d.SHA256, Cached: true, close: sync.OnceValue(func() error {
				c.use(name, -1)
				return f.Close()
			})}
		}
		f.Close()
	}
	c.use(name, -1)
	return nil
}

// Remove removes the entry of a key, which turned out to be damaged.
func (c *Cache) Remove(key string) {
	if c != nil && c.folder != "" {
		c.remove(nameOf(key))
	}
}

// use counts the open files of an entry.
func (c *Cache) use(name string, change int) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.used[name] += change; c.used[name] == 0 {
		delete(c.used, name)
	}
}

// sink takes exactly left bytes, until ctx ends. It keeps the first error of w apart from those of the caller.
type sink struct {
	ctx  context.Context
	w    io.Writer
	hash hash.Hash
	left int64
	err  error // of w
}

// errSink tells write to stop; take hides it.
var errSink = errors.New("the file cannot be written")

func (s *sink) Write(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if int64(len(b)) > s.left {
		return 0, fmt.Errorf("%d bytes more than expected", int64(len(b))-s.left)
	}
	n, err := s.w.Write(b)
	s.left -= int64(n)
	if s.hash != nil {
		s.hash.Write(b[:n])
	}
	if err != nil {
		s.err = err
		return n, errSink
	}
	return n, nil
}

// take calls write, and returns its error unless the file is to blame.
func (s *sink) take(write func(io.Writer) error) error {
	err := write(s)
	if s.err != nil {
		return nil
	}
	if err == nil && s.left > 0 {
		err = fmt.Errorf("%d bytes fewer than expected", s.left)
	}
	return err
}

// temporary makes a file that ends with the process: in the cache's folder if it can be written, because folders for temporary
// files may lie in memory.
func temporary(ctx context.Context, folder string, size int64, write func(io.Writer) error) (*File, error) {
	if folder != "" {
		f, err := temporaryIn(ctx, folder, size, write)
		if failed := new(unwritable); !errors.As(err, &failed) {
			return f, err
		}
	}
	f, err := temporaryIn(ctx, "", size, write)
	if failed := new(unwritable); errors.As(err, &failed) {
		err = fmt.Errorf("temporary file of %d bytes for decoded data: %w", size, failed.cause)
	}
	return f, err
}

func temporaryIn(ctx context.Context, folder string, size int64, write func(io.Writer) error) (*File, error) {
	f, err := os.CreateTemp(folder, "mixmas"+partial+"*")
	if err != nil {
		return nil, &unwritable{err}
	}
	_, _ = filelock.Try(f)              // keeps clean from removing it
	named := os.Remove(f.Name()) != nil // Windows does not remove an open file
	file := &File{File: f, close: sync.OnceValue(func() error {
		err := f.Close()
		if named {
			err = errors.Join(err, os.Remove(f.Name()))
		}
		return err
	})}
	to := &sink{ctx: ctx, w: f, left: size}
	err = to.take(write)
	if err == nil && to.err != nil {
		err = &unwritable{to.err}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// lockPoll is the time between two attempts to get a lock that another process holds.
const lockPoll = 50 * time.Millisecond

// lockKey gets the right to make an entry; it waits while another process has it. On a file system without locks everybody has
// it: then the last of several equal results stays.
func (c *Cache) lockKey(ctx context.Context, key string) (unlock func(), err error) {
	path := c.path(nameOf(key), lock)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, &unwritable{err}
		}
		locked, err := filelock.Try(f)
		if err != nil || locked && filelock.Named(f) {
			return func() { removeLocked(f) }, nil
		}
		f.Close()
		if locked { // the file of a holder that has just removed it
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// removeLocked removes and closes a file that is locked. Unix removes it while it is locked, so nobody gets a lock on a file
// without a name; Windows does not remove it while others have it open.
func removeLocked(f *os.File) {
	if runtime.GOOS != "windows" {
		_ = os.Remove(f.Name())
	}
	f.Close()
	if runtime.GOOS == "windows" {
		_ = os.Remove(f.Name())
	}
}

func nameOf(key string) string {
	digest := sha256.Sum256([]byte(key))
	return hex.EncodeToString(digest[:])
}

func (c *Cache) path(name, kind string) string { return filepath.Join(c.folder, name+kind) }

// readSmall reads a regular file of at most the given number of bytes.
func readSmall(path string, most int64) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return text, err
}
