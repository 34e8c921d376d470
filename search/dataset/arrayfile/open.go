// Package arrayfile reads files that hold one array, with one sample per row, as columns of a data set: NumPy's .npy, an array
// of an .npz archive, and IDX, the format of MNIST, each also compressed with gzip. What a file is follows from its content.
//
// Rows are read where they are in the file, if it has them in order. An array that is compressed, or in Fortran order, is
// unpacked once: into a [filecache.Cache], or into a temporary file.
package arrayfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/idx"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/watch"
	"mixmas/search/filecache"
)

// ErrText means that the elements of an array are text: [OpenText] reads it.
var ErrText = errors.New("the elements are text, want numbers")

// Open opens an array of numbers. A path FILE.npz/NAME leads to an array of an archive; without a name, the archive must have
// only one. What must be unpacked goes into the cache, which may be nil. A file that is shorter or longer than its header says
// is an error.
func Open(ctx context.Context, path string, e dataset.Environment, cache *filecache.Cache) (*Column, error) {
	a, err := openArray(ctx, path, e, cache)
	if err != nil {
		return nil, err
	}
	return a.numbers()
}

// numbers returns the column of an array of numbers.
func (a *array) numbers() (*Column, error) {
	if a.header.Type.Text() {
		return nil, errors.Join(fmt.Errorf("%s: %w (type %s)", a.Name(), ErrText, a.header.Type), a.Close())
	}
	return &Column{array: a, shape: a.header.Shape[1:]}, nil
}

// Of returns the column of an npy file that is in a cache, or temporary, under a name for errors. It takes over the file.
// damaged is called if its content turns out to have changed.
func Of(name string, file *filecache.File, damaged func()) (*Column, error) {
	a, err := of(name, file, damaged)
	if err == nil {
		if err = a.readHeader(); err == nil && (a.header.Fortran || a.header.Type.Text()) {
			err = fmt.Errorf("%s: the type or the order of the elements is unexpected", name)
		}
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}
	if err != nil {
		return nil, err
	}
	return &Column{array: a, shape: a.header.Shape[1:]}, nil
}

// array is an open array with its rows along the first axis, in row-major order.
type array struct {
	file     *watch.File
	first    int64 // byte of the file at which the npy or idx file starts
	size     int64 // of that file in bytes
	header   npy.Header
	offset   int64           // of the first element in the file, in bytes
	unpacked *filecache.File // nil if the file is the one that the user names
	damaged  func()
}

// of watches an unpacked file.
func of(name string, file *filecache.File, damaged func()) (*array, error) {
	info, err := file.Stat()
	if err == nil {
		var f *watch.File
		if f, err = watch.Of(file.File, name); err == nil {
			return &array{file: f, size: info.Size(), unpacked: file, damaged: damaged}, nil
		}
	}
	return nil, errors.Join(err, file.Close())
}

// openArray opens an array of numbers or text.
func openArray(ctx context.Context, path string, e dataset.Environment, cache *filecache.Cache) (*array, error) {
	a, err := locate(ctx, path, e, cache)
	if err != nil {
		return nil, err
	}
	return a.inRows(ctx, e, cache)
}

// inRows reads the header of an array, and brings its elements into row-major order. It takes over the array.
func (a *array) inRows(ctx context.Context, e dataset.Environment, cache *filecache.Cache) (*array, error) {
	err := a.readHeader()
	if err == nil && a.header.Fortran {
		a, err = a.rowMajor(ctx, e, cache)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// locate finds the npy or idx file that a path leads to, and unpacks it if it is compressed.
func locate(ctx context.Context, path string, e dataset.Environment, cache *filecache.Cache) (*array, error) {
	file, name := split(path)
	f, err := watch.Open(file)
	if err != nil {
		return nil, err
	}
	p := packed{f, path, e, cache}
	start := make([]byte, 4)
	n, err := f.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, f.Close())
	}
	switch start = start[:n]; {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")) || bytes.HasPrefix(start, []byte("PK\x05\x06")):
		return p.entry(ctx, name)
	case name != "":
		return nil, errors.Join(fmt.Errorf("%s is not an npz archive", file), f.Close())
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return p.gzip(ctx)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &array{file: f, size: info.Size()}, nil
}

// split splits FILE.npz/NAME. A path that leads to a file is one, whatever its name.
func split(path string) (file, name string) {
	if _, err := os.Lstat(path); err == nil {
		return path, ""
	}
	slashed := strings.ToLower(strings.ReplaceAll(path, `\`, "/"))
	if i := strings.LastIndex(slashed, ".npz/"); i >= 0 && len(slashed) == len(path) {
		return path[:i+len(".npz")], path[i+len(".npz/"):]
	}
	return path, ""
}

// packed is an archive or a compressed file.
type packed struct {
	file  *watch.File
	path  string // to the array
	e     dataset.Environment
	cache *filecache.Cache
}

// entry finds an array of an archive.
func (p packed) entry(ctx context.Context, name string) (*array, error) {
	a, err := p.find(ctx, name)
	if err != nil || a.unpacked != nil {
		err = errors.Join(err, p.file.Close())
	}
	if err != nil {
		if a != nil {
			_ = a.Close()
		}
		return nil, err
	}
	return a, nil
}

func (p packed) find(ctx context.Context, name string) (*array, error) {
	info, err := p.file.Stat()
	if err != nil {
		return nil, err
	}
	archive, err := files.OpenZip(ctx, p.file.Path(), p.file, info.Size())
	if err != nil {
		return nil, err
	}
	names, err := archive.Names()
	if err != nil {
		return nil, err
	}
	if name, err = choose(names, name); err != nil {
		return nil, fmt.Errorf("%s: %w", p.file.Path(), err)
	}
	entry, err := archive.Entry(name)
	if err != nil {
		return nil, err
	}
	if entry.First >= 0 {
		p.file.Section(p.path, entry.First, entry.Size)
		return &array{file: p.file, first: entry.First, size: entry.Size}, nil
	}
	return p.unpack(ctx, name, entry.Size, entry.Packed, entry.Open)
}

// mostListed is the number of arrays that an error lists.
const mostListed = 10

// choose finds an array in an archive by its name, with or without .npy; without a name, the only one.
func choose(names []string, name string) (string, error) {
	short := make([]string, len(names))
	for i, n := range names {
		short[i] = strings.TrimSuffix(n, ".npy")
		if name != "" && (n == name || short[i] == name) || name == "" && len(names) == 1 {
			return n, nil
		}
	}
	if len(short) > mostListed {
		short = append(short[:mostListed], "…")
	}
	switch list := fmt.Sprintf("%q", short); {
	case len(names) == 0:
		return "", errors.New("the archive has no arrays")
	case name != "":
		return "", fmt.Errorf("the archive has no array %q, only %s", name, list)
	default:
		return "", fmt.Errorf("the archive has %d arrays: add /NAME to the path, with one of %s", len(names), list)
	}
}

// gzip unpacks a compressed npy or idx file.
func (p packed) gzip(ctx context.Context) (*array, error) {
	a, err := func() (*array, error) {
		info, err := p.file.Stat()
		if err != nil {
			return nil, err
		}
		open := func() (io.ReadCloser, error) {
			return gzip.NewReader(bufio.NewReaderSize(io.NewSectionReader(p.file, 0, info.Size()), 1<<18))
		}
		return p.unpack(ctx, "", -1, info.Size(), open)
	}()
	if err = errors.Join(err, p.file.Close()); err != nil && a != nil {
		_ = a.Close()
	}
	return a, err
}

// unpack unpacks a file that is compressed. Its size is the given one, or that of the array in its header if size is -1.
func (p packed) unpack(ctx context.Context, entry string, size, compressed int64, open func() (io.ReadCloser, error)) (*array, error) {
	want, write, err := unpacking(p.path, size, compressed, open)
	if err != nil {
		return nil, err
	}
	return store(ctx, p.path, p.file, p.e, p.cache, "unpacked 1\n"+entry, want, write)
}

// unpacking prepares to unpack a file of so many bytes, or of those that the header of its array says if size is -1. It returns the
// number of bytes, and a function that writes them.
func unpacking(path string, size, compressed int64, open func() (io.ReadCloser, error)) (want int64, write func(io.Writer) error, err error) {
	fail := func(err error) error {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("the compressed file is truncated (%w)", err)
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	r, err := open()
	if err != nil {
		return 0, nil, fail(err)
	}
	header, offset, err := parseHeader(bufio.NewReader(r))
	_ = r.Close()
	if err != nil {
		return 0, nil, fail(err)
	}
	want = offset + header.Bytes()
	if size >= 0 {
		if err := checkLength(header, want, size); err != nil {
			return 0, nil, fail(err)
		}
	}
	if err := files.CheckUnpacked(compressed, want); err != nil {
		return 0, nil, fail(err)
	}
	return want, func(w io.Writer) error {
		r, err := open()
		if err != nil {
			return fail(err)
		}
		defer r.Close()
		if n, err := io.CopyBuffer(w, struct{ io.Reader }{io.LimitReader(r, want)}, make([]byte, 1<<18)); err != nil {
			return fail(err)
		} else if n < want {
			return fail(checkLength(header, want, n))
		}
		switch n, err := io.ReadFull(r, make([]byte, 1)); { // this also checks the sum at its end
		case n > 0:
			return fail(checkLength(header, want, want+1))
		case !errors.Is(err, io.EOF):
			return fail(err)
		}
		return nil
	}, nil
}

// store puts what write makes of a file into the cache. kind says how it is made.
func store(ctx context.Context, name string, f *watch.File, e dataset.Environment, cache *filecache.Cache, kind string, size int64, write func(io.Writer) error) (*array, error) {
	key := ""
	if cache.Keeps(size) {
		facts, err := f.Facts("content 1", dataset.Request{}, e, func() (dataset.Facts, error) {
			digest, err := f.Digest(ctx)
			return dataset.Facts{SHA256: digest, Standardisation: dataset.Standardisation{Per: dataset.None}}, err
		})
		if err != nil {
			return nil, err
		}
		key = kind + "\n" + facts.SHA256
	}
	file, err := cache.File(ctx, key, size, write)
	if err != nil {
		return nil, err
	}
	if err := f.Unchanged(ctx); key != "" && err != nil { // while it was unpacked
		cache.Remove(key)
		return nil, errors.Join(err, file.Close())
	}
	return of(name, file, func() { cache.Remove(key) })
}

// readHeader reads and checks the header of an array.
func (a *array) readHeader() error {
	var err error
	if a.header, a.offset, err = parseHeader(bufio.NewReader(io.NewSectionReader(a.file, a.first, a.size))); err != nil {
		return a.broken(err)
	}
	want := a.offset + a.header.Bytes()
	a.offset += a.first
	if err := checkLength(a.header, want, a.size); err != nil {
		return a.broken(err)
	}
	return nil
}

// broken explains an error of the content. A file of the cache was right when it was made.
func (a *array) broken(err error) error {
	if a.unpacked != nil && a.unpacked.Cached {
		a.damaged()
		err = fmt.Errorf("its entry in the cache of decoded data is damaged, and was removed: run again (%w)", err)
	}
	return fmt.Errorf("%s: %w", a.Name(), err)
}

// parseHeader reads the header of an npy or idx file, and returns the offset of the elements.
func parseHeader(r *bufio.Reader) (h npy.Header, offset int64, err error) {
	start, _ := r.Peek(64)
	if err := files.CheckPointer(start); err != nil {
		return h, 0, err
	}
	switch {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return h, 0, errors.New("an archive in an archive is not read: unpack it first")
	case len(start) >= 4 && start[0] == 0 && start[1] == 0:
		h, offset, err = parseIDX(r)
	default:
		h, offset, err = npy.ReadHeader(r)
	}
	switch {
	case err != nil:
	case len(h.Shape) == 0:
		err = errors.New("the array is a scalar, want samples along the first axis")
	case h.Bytes() > math.MaxInt64-offset:
		err = fmt.Errorf("the shape %s is too large", dimensions.Text(h.Shape))
	}
	return h, offset, err
}

// parseIDX reads the header of an idx file.
func parseIDX(r io.Reader) (npy.Header, int64, error) {
	h, offset, err := idx.ReadHeader(r)
	if err != nil {
		return npy.Header{}, 0, err
	}
	t := map[byte]npy.Type{0x08: {Kind: 'u', Size: 1}, 0x09: {Kind: 'i', Size: 1}, 0x0B: {Kind: 'i', Size: 2}, 0x0C: {Kind: 'i', Size: 4},
		0x0D: {Kind: 'f', Size: 4}, 0x0E: {Kind: 'f', Size: 8}}[h.Type]
	t.BigEndian = t.Size > 1
	return npy.Header{Type: t, Shape: slices.Clone(h.Shape)}, offset, nil
}

// checkLength returns an error if a file is not as long as its header says.
func checkLength(h npy.Header, want, size int64) error {
	if size < want {
		return fmt.Errorf("the file is truncated: shape %s of %s needs %d bytes, it has %d", dimensions.Text(h.Shape), h.Type, want, size)
	} else if size > want {
		return fmt.Errorf("the file is longer than shape %s of %s needs: %d bytes instead of %d", dimensions.Text(h.Shape), h.Type, size, want)
	}
	return nil
}

func (a *array) Name() string { return a.file.Path() }
func (a *array) Rows() int    { return a.header.Rows() }

// Unchanged implements [dataset.Column]. A file that only this process knows does not change.
func (a *array) Unchanged(ctx context.Context) error {
	if a.unpacked != nil && !a.unpacked.Cached {
		return nil
	}
	return a.file.Unchanged(ctx)
}

// Close implements [dataset.Column].
func (a *array) Close() error {
	if a.unpacked != nil {
		return a.unpacked.Close()
	}
	return a.file.Close()
}

// facts finds facts, and checks that a file in the cache is still what it was.
func (a *array) facts(key string, r dataset.Request, e dataset.Environment, pass func() (dataset.Facts, error)) (dataset.Facts, error) {
	if a.unpacked != nil && !a.unpacked.Cached {
		e.Cache = nil // nobody will ask for them again
	}
	found, err := a.file.Facts(key, r, e, pass)
	if err == nil && a.unpacked != nil && a.unpacked.Cached && found.SHA256 != a.unpacked.SHA256 {
		return found, a.broken(errors.New("its digest has changed"))
	}
	return found, err
}
