package dataset

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset/npy"
	"mixmas/search/packed"
	"mixmas/search/regular"
)

// array is an npy file of samples along the first axis. Rows are read when they are asked for, each by itself: the pages of
// a memory map would cost more to fault in than a read costs, and would count as resident.
type array struct {
	path   string
	header npy.Header
	offset int64 // of the first element, in bytes
	file   *os.File

	lock     sync.Mutex // of what follows
	identity identity   // when the content was last known
	telling  bool       // a change since then would show in the identity
	digest   string     // SHA-256 of the content; empty until it is scanned
}

// unchanged is an error where the content may be another than that which was scanned. Size and time of modification say so
// by themselves. Where the change time alone is another, the file was renamed, linked, removed or given other permissions,
// or it was written to and its time set back; and stamps that are too young say nothing. Then the digest decides.
func (a *array) unchanged(ctx context.Context) error {
	a.lock.Lock()
	defer a.lock.Unlock()
	asked := now()
	current, err := identify(a.file)
	if err != nil {
		return err
	}
	if a.telling && current.equal(a.identity) {
		return nil
	}
	if !current.sameContent(a.identity) {
		return a.written()
	}
	found, err := a.pass(ctx, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", a.path, err)
	}
	if found.SHA256 != a.digest {
		return a.written()
	}
	a.identity, a.telling = current, current.telling(asked)
	return nil
}

func (a *array) written() error {
	return fmt.Errorf("%s: the file was written to while it was in use: run again", a.path)
}

// openArray opens an npy file and checks that it is row-major, has at least one axis and is as long as its header says.
func openArray(path string) (*array, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	opened, err := identify(f) // before anything is read
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	header, offset, err := readHeader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &array{path: path, header: header, offset: offset, file: f, identity: opened}, nil
}

func readHeader(f *os.File) (npy.Header, int64, error) {
	path := f.Name()
	header, offset, err := npy.ReadHeader(bufio.NewReader(f))
	if err != nil {
		return header, 0, fmt.Errorf("%s: %w", path, err)
	}
	if header.Fortran {
		return header, 0, fmt.Errorf("%s: the array is in Fortran order: save numpy.ascontiguousarray of it", path)
	}
	if len(header.Shape) == 0 {
		return header, 0, fmt.Errorf("%s: the array is a scalar, want samples along the first axis", path)
	}
	info, err := f.Stat()
	if err != nil {
		return header, 0, err
	}
	if want := offset + header.Bytes(); info.Size() < want {
		return header, 0, fmt.Errorf("%s: the file is truncated: shape %s of %s needs %d bytes, it has %d", path, dimensions.Text(header.Shape), header.Type, want, info.Size())
	} else if info.Size() > want {
		return header, 0, fmt.Errorf("%s: the file is longer than shape %s of %s says: %d bytes instead of %d", path, dimensions.Text(header.Shape), header.Type, info.Size(), want)
	}
	return header, offset, nil
}

// rowPiece is how many bytes of a row are read at once: a multiple of every element's size.
const rowPiece = 32 << 10

// rowBuffers hold pieces of rows on their way.
var rowBuffers = sync.Pool{New: func() any { return new([rowPiece]byte) }}

// read writes len(dst) elements, standardised, into dst: those of a row, or of several rows.
func (a *array) read(row int, s Standardisation, dst []float32) error {
	b := rowBuffers.Get().(*[rowPiece]byte)
	defer rowBuffers.Put(b)
	size := int64(a.header.Type.Size)
	offset := a.offset + int64(row)*int64(a.header.RowSize())*size
	for len(dst) > 0 {
		some := dst[:min(rowPiece/int(size), len(dst))]
		raw := b[:int64(len(some))*size]
		if _, err := a.file.ReadAt(raw, offset); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the file is closed or shorter than it was")
			}
			return fmt.Errorf("%s: row %d: %w", a.path, row, err)
		}
		a.header.Type.DecodeScaled(some, raw, s.Mean, 1/s.Deviation)
		dst, offset = dst[len(some):], offset+int64(len(raw))
	}
	return nil
}

// facts are what a pass over a file finds.
type facts struct {
	SHA256          string          `json:"sha256"` // of the whole file
	Standardisation Standardisation `json:"standardisation"`
}

// check refuses facts that no pass can have found.
func (f facts) check() error {
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("%q is no SHA-256", f.SHA256)
	}
	return f.Standardisation.Check()
}

// scan finds the facts of a file, with statistics over its first rows. It refuses values that are not finite float32
// numbers, anywhere in the file. The cache is asked first, unless the environment says to verify. Facts of a file that was
// changed a moment ago, or in the future, are not kept: another change might leave the same stamps.
func (a *array) scan(ctx context.Context, rows int, environment Environment) (facts, error) {
	path, err := filepath.Abs(a.path)
	if err != nil {
		return facts{}, err
	}
	began := now()
	key := fmt.Sprintf("npy facts 2\n%s\n%s\n%d rows", path, a.identity, rows)
	found, cached := lookUp(environment, key)
	if !cached {
		if found, err = a.pass(ctx, rows); err != nil {
			return facts{}, fmt.Errorf("%s: %w", a.path, err)
		}
	}
	if current, err := identify(a.file); err != nil {
		return facts{}, err
	} else if !current.equal(a.identity) { // labels may have been read before
		return facts{}, a.written()
	}
	a.digest, a.telling = found.SHA256, cached || a.identity.telling(began)
	if !cached && environment.Cache != nil && a.identity.old(began) {
		if value, err := json.Marshal(found); err == nil {
			_ = environment.Cache.Put(key, value) // a cache that cannot be written costs time, nothing else
		}
	}
	return found, nil
}

// lookUp finds facts in the cache. An entry that cannot be true counts for nothing.
func lookUp(environment Environment, key string) (found facts, ok bool) {
	if environment.Cache == nil || environment.Verify {
		return facts{}, false
	}
	value, ok := environment.Cache.Get(key)
	if !ok || json.Unmarshal(value, &found) != nil || found.check() != nil {
		return facts{}, false
	}
	return found, true
}

// pass reads the file from start to end: one goroutine reads, one hashes, one decodes and adds up. It reads what was opened:
// another file may lie at the path by now.
func (a *array) pass(ctx context.Context, rows int) (facts, error) {
	r := io.NewSectionReader(a.file, 0, a.offset+a.header.Bytes())
	digest := sha256.New()
	if _, err := io.CopyN(digest, r, a.offset); err != nil {
		return facts{}, err
	}
	const buffers = 4
	size, left := int64(a.header.Type.Size), a.header.Bytes()
	elements := min(left/size, 1<<16) // of a buffer
	free, read, hashed := make(chan []byte, buffers), make(chan []byte, buffers), make(chan []byte, buffers)
	for range buffers {
		free <- make([]byte, elements*size)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(read)
		for left > 0 {
			if err := ctx.Err(); err != nil { // a select takes what is ready, in any order
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case raw := <-free:
				raw = raw[:min(left, elements*size)]
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
			digest.Write(raw)
			hashed <- raw
		}
		return nil
	})
	s := statistics{rowSize: int64(a.header.RowSize()), counted: int64(rows) * int64(a.header.RowSize())}
	group.Go(func() error {
		values := make([]float64, elements)
		for raw := range hashed {
			some := values[:int64(len(raw))/size]
			a.header.Type.Decode(some, raw)
			if err := s.add(some); err != nil {
				return err
			}
			free <- raw
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return facts{}, err
	}
	return facts{hex.EncodeToString(digest.Sum(nil)), s.standardisation()}, nil
}

// statistics adds up the elements of an array, of which the first ones count.
type statistics struct {
	rowSize, counted     int64
	seen                 int64
	origin, sum, squares float64 // deviations from the first element keep large means exact
}

// add takes the next elements. It refuses one that is not a finite float32 number.
func (s *statistics) add(values []float64) error {
	if s.seen == 0 && len(values) > 0 {
		s.origin = values[0]
	}
	for i, v := range values {
		if !(math.Abs(v) <= math.MaxFloat32) { // false for NaN too
			return fmt.Errorf("row %d: the value %v is not a finite float32 number", (s.seen+int64(i))/s.rowSize, v)
		}
	}
	n := int64(len(values))
	origin, sum, squares := s.origin, s.sum, s.squares // in registers
	for _, v := range values[:max(0, min(n, s.counted-s.seen))] {
		d := v - origin
		sum += d
		squares += d * d
	}
	s.sum, s.squares = sum, squares
	s.seen += n
	return nil
}

func (s *statistics) standardisation() Standardisation {
	if s.counted == 0 {
		return Standardisation{Deviation: 1}
	}
	mean := s.sum / float64(s.counted)
	result := Standardisation{Mean: s.origin + mean, Deviation: 1}
	if variance := s.squares/float64(s.counted) - mean*mean; variance > 0 {
		result.Deviation = math.Sqrt(variance)
	}
	return result
}

// labelWidth is the number of elements a label: 1, or with many one a class. classes is their number, or 0 to take whatever
// comes.
func (a *array) labelWidth(classes int, many bool) (int, error) {
	shape := a.header.Shape
	fits := len(shape) == 1 || len(shape) == 2 && shape[1] == 1
	want := "N (the index of a class a row)"
	if many {
		fits = len(shape) == 2 && (classes == 0 || shape[1] == classes)
		want = "N×classes (0 or 1)"
		if classes > 0 {
			want = fmt.Sprintf("N×%d (0 or 1)", classes)
		}
	}
	if !fits {
		return 0, fmt.Errorf("%s: labels have shape %s, want %s", a.path, dimensions.Text(shape), want)
	}
	return a.header.RowSize(), nil
}

// labels reads all labels: one element a row, or with many, one 0/1 element a class.
func (a *array) labels(ctx context.Context, classes int, many bool) (packed.List, error) {
	width, err := a.labelWidth(classes, many)
	if err != nil {
		return packed.List{}, err
	}
	largest := classes - 1
	if many {
		largest = 1
	}
	list := packed.New(a.header.Rows()*width, uint32(largest))
	err = a.eachLabels(ctx, classes, many, a.header.Rows(), func(i int, values []float32) {
		for k, v := range values {
			list.Set(i+k, uint32(v))
		}
	})
	return list, err
}

// eachLabels reads and checks the label elements of the first rows, and hands them over some rows at a time: those from
// element i on.
func (a *array) eachLabels(ctx context.Context, classes int, many bool, rows int, use func(i int, values []float32)) error {
	width := a.header.RowSize()
	switch {
	case many:
		classes = 2
	case classes == 0:
		classes = maximumClasses
	}
	buffer := make([]float32, max(1, rowPiece/width)*width)
	for i := 0; i < rows*width; i += len(buffer) {
		if err := ctx.Err(); err != nil {
			return err
		}
		some := buffer[:min(len(buffer), rows*width-i)]
		if err := a.read(i/width, Standardisation{Deviation: 1}, some); err != nil {
			return err
		}
		for k, v := range some {
			if whole := uint32(v); float32(whole) != v || whole >= uint32(classes) { // in place: there are many
				return fmt.Errorf("%s: row %d: %w", a.path, (i+k)/width, badLabel(v, classes, many))
			}
		}
		use(i, some)
	}
	return nil
}

// maximumClasses bounds the number of classes that labels may imply.
const maximumClasses = 1 << 16

// badLabel says why a value is no label.
func badLabel(v float32, classes int, many bool) error {
	switch {
	case many:
		return fmt.Errorf("label %v is neither 0 nor 1", v)
	case v-v != 0: // infinite or no number
		return fmt.Errorf("label %v is no class: want a whole number", v)
	case v != float32(math.Trunc(float64(v))):
		return fmt.Errorf("label %v is not a whole number: these look like values to predict (regression), which is not supported;"+
			" labels are classes, 0 to K-1 (NumPy makes K of values y by numpy.digitize(y, numpy.quantile(y, numpy.arange(1, K) / K)))", v)
	}
	return fmt.Errorf("label %v is out of range, want 0 to %d", v, classes-1)
}

// sampleShape finds the shape of one sample of the kind from the shape of an array without its first axis.
func sampleShape(kind Kind, axes []int) ([]int, error) {
	size := 1
	for _, n := range axes {
		size *= n
	}
	if size == 0 {
		return nil, errors.New("samples have no elements")
	}
	switch {
	case kind == Map && len(axes) == 1:
		side := int(math.Round(math.Sqrt(float64(size))))
		if side*side != size {
			return nil, fmt.Errorf("%d elements are no square map: give the shape", size)
		}
		return []int{1, side, side}, nil
	case kind == Map && len(axes) == 2:
		return []int{1, axes[0], axes[1]}, nil
	case kind == Map && len(axes) == 3 && axes[2] == 1 && axes[0] != 1: // channel last
		return []int{1, axes[0], axes[1]}, nil
	case kind == Sequence && len(axes) == 1:
		return []int{size, 1}, nil
	case kind == Table:
		return []int{size}, nil
	case len(axes) == kind.dimensions():
		return append([]int(nil), axes...), nil
	}
	return nil, fmt.Errorf("samples of shape %s do not make a %s", dimensions.Text(axes), kind)
}
