// Package files opens the files that a data set names: in folders, in archives (.zip, .tar, .tar.gz and .tgz, each of them a
// folder), compressed with gzip.
//
// What a person writes into a configuration may lie anywhere: [Root.Open], [Root.Folder] and [Root.Glob]. Names that come from
// data, such as the cells of a table and the entries of an archive, never lead out of a [Folder].
//
// Files are untrusted. What is unpacked is counted and bounded, memory grows with the bytes that exist and not with what a header
// declares, and anything that is not a regular file is refused. Errors name the file and say what to do; those of missing
// files wrap [fs.ErrNotExist].
package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"mixmas/search/escape"
	"mixmas/search/regular"
)

// Options are the limits of a [Root] and what it works with. The zero value is ready to use.
type Options struct {
	// Bytes is how much one compressed file, one entry of an archive or one tar.gz may unpack to; 0 means 32 GiB. Beyond 1 GiB
	// nothing may unpack to more than 250 times its compressed size.
	Bytes int64
	// Temporary is the folder for unpacked tar.gz files; "" means the system's.
	Temporary string
	// Cache stores digests; nil for none.
	Cache Cache
	// Verify computes digests again, ignoring the cache.
	Verify bool
}

// Cache stores digests across runs. A key contains the path and the identity (size, times, inode) of the file, so entries never
// become invalid. A dataset.Cache is one.
type Cache interface {
	Get(key string) ([]byte, bool)
	Put(key string, value []byte) error
}

// Kind is what a path leads to.
type Kind int

// The kinds of paths.
const (
	File      Kind = iota + 1 // a regular file, on disk or in an archive
	Directory                 // a folder on disk or in an archive, or an archive
)

// Root opens paths that a person names. Relative ones start at its folder. Archives that a path passes through stay open until
// Close. Several goroutines may use a Root at once.
type Root struct {
	folder   string
	options  Options
	archives archives
	watched  watched
	lock     sync.Mutex
	folders  []*os.Root
}

// New returns a root for relative paths. "" is the working folder.
func New(folder string, o Options) *Root { return &Root{folder: folder, options: o} }

// Open opens a file. A gzip-compressed file is decompressed, whatever its name is. An archive with a single file is that file.
func (r *Root) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	p, err := r.file(ctx, path)
	if err != nil {
		return nil, err
	}
	raw, size, err := r.raw(p)
	if err != nil {
		return nil, err
	}
	return r.content(ctx, p.shown(), raw, size)
}

// file resolves the path of a file.
func (r *Root) file(ctx context.Context, path string) (place, error) {
	p, err := r.resolve(ctx, path)
	if err != nil || p.kind == File {
		return p, err
	}
	if p.archive == nil || p.inside != "" {
		return p, fmt.Errorf("%s is a folder, want a file", p.shown())
	}
	names, err := p.archive.list("")
	if err != nil {
		return p, err
	}
	if len(names) == 1 {
		return r.file(ctx, path+"/"+names[0])
	}
	example := ""
	if len(names) > 0 {
		example = ", such as " + p.shown() + "/" + escape.Terminal(names[0])
	}
	return p, fmt.Errorf("%s is an archive of %d files: name the one to read%s", p.shown(), len(names), example)
}

// raw opens the bytes of a file.
func (r *Root) raw(p place) (io.ReadCloser, int64, error) {
	if p.archive != nil {
		raw, err := p.archive.open(r.options, p.entry)
		return raw, p.entry.size, err
	}
	f, err := regular.Open(p.path)
	if err != nil {
		return nil, 0, err
	}
	i, err := r.watched.file(p.path, f)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, i.Size(), nil
}

// Folder opens a folder or an archive, for names that come from data. It is valid until the root is closed. "" is the root's
// folder.
func (r *Root) Folder(ctx context.Context, path string) (*Folder, error) {
	p, err := r.resolve(ctx, path)
	if err != nil {
		return nil, err
	}
	if p.kind == File {
		return nil, fmt.Errorf("%s is a file, want a folder or an archive (.zip, .tar, .tar.gz or .tgz)", p.shown())
	}
	f := &Folder{root: r, path: p.path, archive: p.archive, inside: p.inside}
	if f.archive == nil {
		if f.disk, err = os.OpenRoot(p.path); err != nil {
			return nil, err
		}
		r.lock.Lock()
		defer r.lock.Unlock()
		r.folders = append(r.folders, f.disk)
	}
	return f, nil
}

// Kind says what a path leads to, or returns an error.
func (r *Root) Kind(ctx context.Context, path string) (Kind, error) {
	p, err := r.resolve(ctx, path)
	return p.kind, err
}

// Close closes all archives and folders, and removes what was unpacked.
func (r *Root) Close() error {
	r.lock.Lock()
	defer r.lock.Unlock()
	var errs []error
	for _, f := range r.folders {
		errs = append(errs, f.Close())
	}
	r.folders = nil
	return errors.Join(append(errs, r.archives.close())...)
}

// place is where a path leads to.
type place struct {
	kind    Kind
	path    string   // on disk
	archive *archive // at path; nil if the place is on disk
	inside  string   // the name in the archive; "" is the archive itself
	entry   entry    // of a file in an archive
}

// shown is the path in messages.
func (p place) shown() string {
	shown := filepath.ToSlash(p.path)
	if p.inside != "" {
		shown += "/" + p.inside
	}
	return escape.Terminal(shown)
}

// resolve finds where a path leads to.
func (r *Root) resolve(ctx context.Context, path string) (place, error) {
	full := filepath.Clean(path)
	if !filepath.IsAbs(path) {
		full = cmp.Or(filepath.Join(r.folder, path), ".")
	}
	info, err := os.Stat(full)
	switch {
	case err == nil && info.IsDir():
		return place{kind: Directory, path: full}, nil
	case err == nil && !isArchive(full):
		if isOtherArchive(full) {
			return place{}, otherArchive(full)
		}
		return place{kind: File, path: full}, regular.Check(escape.Terminal(full), info)
	case err == nil:
		return r.resolveIn(ctx, full, "")
	}
	slashes := filepath.ToSlash(full)
	for i := range len(slashes) {
		if i == 0 || slashes[i] != '/' {
			continue
		}
		prefix := slashes[:i]
		if !isArchive(prefix) && !isOtherArchive(prefix) {
			continue
		}
		if info, err := os.Stat(prefix); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if isOtherArchive(prefix) {
			return place{}, otherArchive(prefix)
		}
		return r.resolveIn(ctx, filepath.FromSlash(prefix), slashes[i+1:])
	}
	return place{}, notOnDisk(full, err)
}

func otherArchive(path string) error {
	return fmt.Errorf("%s: archives of this kind are not read: unpack it, or pack it as .zip or .tar.gz", escape.Terminal(path))
}

// resolveIn finds what has a name in the archive at path.
func (r *Root) resolveIn(ctx context.Context, path, inside string) (place, error) {
	key, err := filepath.Abs(path)
	if err != nil {
		return place{}, err
	}
	a, err := r.archive(ctx, key, path, func() (*os.File, error) { return regular.Open(path) })
	if err != nil {
		return place{}, err
	}
	p := place{path: path, archive: a, inside: inside}
	p.kind, p.entry, err = a.lookUp(inside)
	return p, err
}

// lookUp finds a file or a folder in the archive.
func (a *archive) lookUp(name string) (Kind, entry, error) {
	if name == "" {
		return Directory, entry{}, nil
	}
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		prefix := name[:i]
		e, found, err := a.find(prefix)
		if err != nil {
			return 0, entry{}, err
		}
		if found && (isArchive(prefix) || isOtherArchive(prefix)) {
			return 0, entry{}, fmt.Errorf("%s/%s is an archive in an archive: unpack %s first", a.shown(), escape.Terminal(prefix), a.shown())
		}
		if found && i == len(name) {
			return File, e, nil
		}
	}
	if len(a.below(name)) > 0 {
		return Directory, entry{}, nil
	}
	return 0, entry{}, a.missing(name)
}

// Folder is a folder on disk, an archive or a folder in one. Names are separated by slashes and relative to it. Several
// goroutines may use a Folder at once.
type Folder struct {
	root    *Root
	path    string   // on disk
	disk    *os.Root // nil for archives
	archive *archive // nil for folders on disk
	inside  string   // the folder in the archive; "" is the archive itself
}

// String is the path of the folder, for messages.
func (f *Folder) String() string {
	return place{path: f.path, inside: f.inside}.shown()
}

// Open opens a file of the folder. A gzip-compressed file is decompressed. A name may pass through an archive in the folder. Names
// that lead out of the folder are refused: with "..", absolute, with a drive letter or backslashes, or through a link.
func (f *Folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	raw, size, err := f.raw(ctx, name)
	if err != nil {
		return nil, err
	}
	return f.root.content(ctx, f.shown(name), raw, size)
}

// shown is a file of the folder, for messages.
func (f *Folder) shown(name string) string {
	if s := f.String(); s != "." {
		return s + "/" + shorten(name)
	}
	return shorten(name)
}

// what is the folder and a name that people or cells gave, for messages.
func (f *Folder) what(name string) string {
	if s := f.String(); s != "." {
		return s + ": " + shorten(name)
	}
	return shorten(name)
}

// raw opens the bytes of a file.
func (f *Folder) raw(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	short, err := safe(name)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", f.what(name), err)
	}
	if f.disk != nil {
		return f.rawOnDisk(ctx, short)
	}
	if f.inside != "" {
		short = f.inside + "/" + short
	}
	return f.root.rawIn(f.archive, short)
}

// rawIn opens the bytes of a file in an archive.
func (r *Root) rawIn(a *archive, name string) (io.ReadCloser, int64, error) {
	kind, e, err := a.lookUp(name)
	if err == nil && kind != File {
		err = fmt.Errorf("%s/%s is a folder, want a file", a.shown(), shorten(name))
	}
	if err != nil {
		return nil, 0, err
	}
	raw, err := a.open(r.options, e)
	return raw, e.size, err
}

// Read reads a file of at most so many bytes, like Open.
func (f *Folder) Read(ctx context.Context, name string, most int64) ([]byte, error) {
	file, err := f.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("%s is larger than %s", f.shown(name), bytesText(most))
	}
	return content, err
}

// List returns the sorted names of all data files in the folder and below. Hidden files and folders, __MACOSX, Thumbs.db and
// desktop.ini are skipped. A link that leads out of the folder or to a folder, and an entry of an archive that Open would
// refuse, are errors.
func (f *Folder) List(ctx context.Context) ([]string, error) {
	if f.disk != nil {
		return f.listDisk(ctx)
	}
	return f.archive.list(f.inside)
}

// list returns the sorted names of the files in a folder of the archive, relative to it.
func (a *archive) list(folder string) ([]string, error) {
	if folder != "" {
		folder += "/"
	}
	entries := a.below(strings.TrimSuffix(folder, "/"))
	names := make([]string, 0, len(entries))
	for i, e := range entries {
		name := e.name[len(folder):]
		if Hidden(name) || i > 0 && entries[i-1].name == e.name {
			continue
		}
		if err := a.check(e); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
