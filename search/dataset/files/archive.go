package files

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"mixmas/search/escape"
	"mixmas/search/identity"
)

// archive is an open archive. It never changes once it is open.
type archive struct {
	path      string // of the file on disk, for messages
	key       string // its absolute path
	identity  identity.Identity
	file      *os.File    // with the entries: the archive itself, or what a tar.gz was unpacked to; nil for a [Zip]
	content   io.ReaderAt // of the file
	temporary string      // the path of the unpacked file, if it could not be removed while it is open
	copied    bool        // file is a copy
	zip       bool
	size      int64   // of file
	entries   []entry // sorted by name; folders have none
}

// entry is a file in an archive. There may be millions.
type entry struct {
	name   string
	offset int64  // of the content; in zip files of the header before it
	packed int64  // bytes in the archive
	size   int64  // bytes of the content
	sum    uint32 // CRC-32, in zip files
	method uint16 // of compression, in zip files
	kind   entryKind
}

type entryKind uint8

const (
	usual entryKind = iota
	link
	special
	sparse
	encrypted
)

// What the entries of an archive may take in memory.
const (
	mostEntries = 1 << 23
	mostNames   = 1 << 28 // bytes of all names
)

// openArchive takes over an open archive.
func (r *Root) openArchive(ctx context.Context, path string, f *os.File) (_ *archive, err error) {
	a := &archive{path: path, file: f, zip: isZip(path)}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.identity, err = identity.Of(f); err != nil {
		return nil, err
	}
	a.size = a.identity.Size()
	if !a.zip {
		if err := r.unpack(ctx, a); err != nil {
			return nil, fmt.Errorf("%s: %w", a.shown(), explain(err))
		}
	}
	a.content = a.file
	return a, a.index(ctx)
}

// index reads the names of the entries.
func (a *archive) index(ctx context.Context) (err error) {
	read := readTar
	if a.zip {
		read = readZip
	}
	if a.entries, err = read(ctx, a.content, a.size); err != nil {
		return fmt.Errorf("%s: %w", a.shown(), explain(err))
	}
	slices.SortFunc(a.entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.offset, b.offset)) })
	return nil
}

// unpack replaces a compressed tar file by a temporary copy that is not compressed.
func (r *Root) unpack(ctx context.Context, a *archive) error {
	head := make([]byte, len(pointer))
	n, err := a.file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if err := CheckPointer(head[:n]); err != nil {
		return err
	}
	if !bytes.HasPrefix(head[:n], []byte{0x1f, 0x8b}) {
		return nil
	}
	z, err := gzip.NewReader(interruptible{ctx, io.NewSectionReader(a.file, 0, a.size)})
	if err != nil {
		return err
	}
	const name = "mixmas-*.tar"
	to, err := os.CreateTemp(r.options.Temporary, name)
	if err != nil && r.options.Temporary != "" {
		to, err = os.CreateTemp("", name)
	}
	if err != nil {
		return err
	}
	compressed := a.file
	defer compressed.Close()
	a.file, a.copied = to, true
	if os.Remove(to.Name()) != nil { // where an open file cannot be removed, Close does it
		a.temporary = to.Name()
	}
	if a.size, err = io.Copy(to, bound(z, r.options.bound(a.size))); err != nil {
		return fmt.Errorf("unpacking it to a temporary file in %s: %w", escape.Terminal(filepath.Dir(to.Name())), explain(err))
	}
	if after, err := identity.Of(compressed); err != nil || !after.Equal(a.identity) {
		return cmp.Or(err, errWritten)
	}
	return nil
}

func (a *archive) close() error {
	err := a.file.Close()
	if a.temporary != "" {
		err = errors.Join(err, os.Remove(a.temporary))
	}
	return err
}

// shown is the path in messages.
func (a *archive) shown() string { return place{path: a.path}.shown() }

// find finds an entry by its name.
func (a *archive) find(name string) (entry, bool, error) {
	i, found := slices.BinarySearchFunc(a.entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	if !found {
		return entry{}, false, nil
	}
	if i+1 < len(a.entries) && a.entries[i+1].name == name {
		return entry{}, true, fmt.Errorf("%s: several entries are named %s", a.shown(), shorten(name))
	}
	return a.entries[i], true, nil
}

// below are the entries in a folder of the archive and its folders; "" is the archive.
func (a *archive) below(folder string) []entry {
	if folder == "" {
		return a.entries
	}
	search := func(name string) int {
		i, _ := slices.BinarySearchFunc(a.entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
		return i
	}
	return a.entries[search(folder+"/"):search(folder+"0")] // 0 follows / in ASCII
}

// check returns an error that says why an entry cannot be read.
func (a *archive) check(e entry) error {
	_, err := safe(e.name)
	switch e.kind {
	case link:
		err = errors.New("it is a link, want a file: pack the archive without links")
	case special:
		err = errors.New("it is a device or another special file, want a regular one")
	case sparse:
		err = errors.New("it is a sparse file: pack the archive without --sparse")
	case encrypted:
		err = errors.New("it is encrypted: unpack the archive and pack it without a password")
	}
	if err == nil && a.zip && e.method != stored && e.method != deflated {
		err = fmt.Errorf("it is compressed with method %d: pack the archive with the usual one, deflate", e.method)
	}
	if err == nil && e.offset+e.packed > a.size {
		err = errors.New("the archive is truncated")
	}
	if err != nil {
		return fmt.Errorf("%s: entry %s: %w", a.shown(), shorten(e.name), err)
	}
	return nil
}

// open opens an entry's bytes before compression.
func (a *archive) open(o Options, e entry) (io.ReadCloser, error) {
	if err := a.check(e); err != nil {
		return nil, err
	}
	if !a.zip {
		return io.NopCloser(io.NewSectionReader(a.content, e.offset, e.size)), nil
	}
	raw, err := openZipEntry(a.content, a.size, o, e)
	if err != nil {
		return nil, fmt.Errorf("%s: entry %s: %w", a.shown(), shorten(e.name), err)
	}
	return raw, nil
}

// archives are the open archives of a root, by the path on disk.
type archives struct {
	lock sync.Mutex
	open map[string]*archive
}

// archive returns the archive with this key, and opens it if it is not open yet.
func (r *Root) archive(ctx context.Context, key, path string, open func() (*os.File, error)) (*archive, error) {
	r.archives.lock.Lock() // one at a time: unpacking is bound by the disk
	defer r.archives.lock.Unlock()
	if a := r.archives.open[key]; a != nil {
		return a, nil
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	a, err := r.openArchive(ctx, path, f)
	if err != nil {
		return nil, err
	}
	a.key = key
	if r.archives.open == nil {
		r.archives.open = map[string]*archive{}
	}
	r.archives.open[key] = a
	return a, nil
}

func (s *archives) close() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	var errs []error
	for _, a := range s.open {
		errs = append(errs, a.close())
	}
	s.open = nil
	return errors.Join(errs...)
}
