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
	"context"
	"errors"
	"io"
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
	folder  string
	options Options
}

// New returns a root for relative paths. "" is the working folder.
func New(folder string, o Options) *Root { return &Root{folder: folder, options: o} }

var errLater = errors.New("package files is not there yet")

// Open opens a file. A gzip-compressed file is decompressed, whatever its name is. An archive with a single file is that file.
func (r *Root) Open(ctx context.Context, path string) (io.ReadCloser, error) { return nil, errLater }

// Folder opens a folder or an archive, for names that come from data. It is valid until the root is closed. "" is the root's
// folder.
func (r *Root) Folder(ctx context.Context, path string) (*Folder, error) { return nil, errLater }

// Glob returns the sorted paths of the files that a pattern of [path.Match] matches, for Open. A pattern may pass through
// archives. The path of a file is itself. It is an error if there is none.
func (r *Root) Glob(ctx context.Context, pattern string) ([]string, error) { return nil, errLater }

// Kind says what a path leads to, or returns an error.
func (r *Root) Kind(ctx context.Context, path string) (Kind, error) { return 0, errLater }

// Digest returns the SHA-256 of a file's bytes in hexadecimal: as they are on disk, for gzip too; of an archive's entry, as they
// are in it before compression. It is cached.
func (r *Root) Digest(ctx context.Context, path string) (string, error) { return "", errLater }

// Unchanged returns an error that names a file if one may have been written to since it was first opened or digested. If only
// its change time differs (it was renamed, or got other permissions), its digest decides.
func (r *Root) Unchanged(ctx context.Context) error { return errLater }

// Close closes all archives and folders, and removes what was unpacked.
func (r *Root) Close() error { return nil }

// Folder is a folder on disk, an archive or a folder in one. Names are separated by slashes and relative to it. Several
// goroutines may use a Folder at once.
type Folder struct{}

// Open opens a file of the folder. A gzip-compressed file is decompressed. Names that lead out of the folder are refused: with
// "..", absolute, with a drive letter or backslashes, or through a link.
func (f *Folder) Open(ctx context.Context, name string) (io.ReadCloser, error) { return nil, errLater }

// Read reads a file of at most so many bytes, like Open.
func (f *Folder) Read(ctx context.Context, name string, most int64) ([]byte, error) {
	return nil, errLater
}

// List returns the sorted names of all data files in the folder and below. Hidden files and folders, __MACOSX, Thumbs.db and
// desktop.ini are skipped. A link that leads out of the folder or to a folder, and an entry of an archive that Open would
// refuse, are errors.
func (f *Folder) List(ctx context.Context) ([]string, error) { return nil, errLater }

// Digest returns one SHA-256 in hexadecimal for the content of many files, in order: of the SHA-256 of each, as [Root.Digest] has
// it. The same files in a folder and in an archive have the same digest. It is cached. Names must not be written to afterwards.
func (f *Folder) Digest(ctx context.Context, names []string) (string, error) { return "", errLater }
