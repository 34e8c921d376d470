package arrayfile

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/npy"
	"mixmas/search/filecache"
)

// types are those that arrays may have.
var types = []npy.Type{{Kind: 'b', Size: 1}, {Kind: 'i', Size: 1}, {Kind: 'u', Size: 1}, {Kind: 'i', Size: 2, BigEndian: true}, {Kind: 'u', Size: 2},
	{Kind: 'i', Size: 4}, {Kind: 'u', Size: 4, BigEndian: true}, {Kind: 'f', Size: 4}, {Kind: 'f', Size: 4, BigEndian: true}, {Kind: 'f', Size: 8}, {Kind: 'i', Size: 8}}

// encode is the content of an npy file with the given elements in row-major order.
func encode(t npy.Type, fortran bool, shape []int, values []float32) []byte {
	b, err := npy.AppendHeader(nil, npy.Header{Type: t, Fortran: fortran, Shape: shape})
	if err != nil {
		panic(err)
	}
	if fortran {
		values = columnMajor(shape, values)
	}
	return append(b, elements(t, values)...)
}

// elements are the bytes of values.
func elements(t npy.Type, values []float32) []byte {
	var out bytes.Buffer
	w, err := npy.NewWriter(&out, t, len(values))
	if err != nil {
		panic(err)
	}
	head := out.Len()
	if err := w.Append(values); err != nil {
		panic(err)
	}
	return out.Bytes()[head:]
}

// columnMajor is the naive reordering: element by element, by the numbers of its axes.
func columnMajor(shape []int, values []float32) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		at, stride, rest := 0, 1, i
		place := make([]int, len(shape))
		for axis := len(shape) - 1; axis >= 0; axis-- {
			place[axis], rest = rest%shape[axis], rest/shape[axis]
		}
		for axis, n := range shape {
			at, stride = at+place[axis]*stride, stride*n
		}
		out[at] = v
	}
	return out
}

// encodeIDX is the content of an IDX file.
func encodeIDX(kind byte, shape []int, raw []byte) []byte {
	b := []byte{0, 0, kind, byte(len(shape))}
	for _, n := range shape {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return append(b, raw...)
}

func compress(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// archive is the content of an npz file.
func archive(method uint16, entries map[string][]byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range entries {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			panic(err)
		}
		f.Write(content)
	}
	w.Close()
	return out.Bytes()
}

func write(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// rows reads all rows, one by one.
func rows(t testing.TB, c *Column) []float32 {
	t.Helper()
	size := dimensions.Product(c.Shape())
	all := make([]float32, c.Rows()*size)
	for row := range c.Rows() {
		if err := c.Read(row, nil, all[row*size:][:size]); err != nil {
			t.Fatal(err)
		}
	}
	many := make([]float32, len(all))
	if err := c.ReadRows(0, many); err != nil || !slices.Equal(many, all) {
		t.Fatalf("rows together read %v (%v), want %v", many, err, all)
	}
	return all
}

// ramp are whole numbers that fit every type with more than one bit.
func ramp(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i * 7 % 101)
	}
	return values
}

// An array reads the same wherever it is and in whatever order, and its digest is that of its npy or idx file.
func TestFilesOfOneArray(t *testing.T) {
	shape := []int{5, 2, 3}
	want := ramp(30)
	u1, f4 := npy.Uint8, npy.Type{Kind: 'f', Size: 4, BigEndian: true}
	plain, fortran := encode(u1, false, shape, want), encode(u1, true, shape, want)
	idxFile := encodeIDX(0x0D, shape, elements(f4, want))
	entries := map[string][]byte{"images.npy": plain, "labels.npy": encode(u1, false, []int{5}, ramp(5)), "__MACOSX/._images.npy": nil}
	digests := map[string]string{}
	for _, c := range []struct {
		file, path string
		content    []byte
		digest     string // of files that have the same one
	}{
		{"a.npy", "a.npy", plain, "npy"},
		{"a.npy.gz", "a.npy.gz", compress(plain), "npy"},
		{"stored.npz", "stored.npz/images", archive(zip.Store, entries), "npy"},
		{"deflated.npz", "deflated.npz/images", archive(zip.Deflate, entries), "npy"},
		{"full.npz", "full.npz/images.npy", archive(zip.Deflate, entries), "npy"},
		{"CAPITALS.NPZ", "CAPITALS.NPZ/images", archive(zip.Store, entries), "npy"},
		{"one.npz", "one.npz", archive(zip.Store, map[string][]byte{"x.npy": plain}), "npy"},
		{"fortran.npy", "fortran.npy", fortran, "fortran"},
		{"fortran.npz", "fortran.npz/x", archive(zip.Deflate, map[string][]byte{"x.npy": fortran}), "fortran"},
		{"stored-fortran.npz", "stored-fortran.npz", archive(zip.Store, map[string][]byte{"x.npy": fortran}), "fortran"},
		{"t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte", idxFile, "idx"},
		{"t10k-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz", compress(idxFile), "idx"},
		{"odd.name", "odd.name", compress(idxFile), "idx"},
	} {
		t.Run(c.file, func(t *testing.T) {
			folder, decoded := t.TempDir(), t.TempDir()
			write(t, filepath.Join(folder, c.file), c.content)
			path := filepath.Join(folder, filepath.FromSlash(c.path))
			cache, err := filecache.Open(decoded, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			for name, cache := range map[string]*filecache.Cache{"cached": cache, "cached again": cache, "temporary": nil} {
				a, err := Open(t.Context(), path, dataset.Environment{}, cache)
				if err != nil {
					t.Fatal(err)
				}
				if got := rows(t, a); !slices.Equal(got, want) || !slices.Equal(a.Shape(), shape[1:]) {
					t.Errorf("%s: shape %v reads %v, want %v", name, a.Shape(), got, want)
				}
				f, err := a.Facts(t.Context(), dataset.Request{Per: dataset.PerModality, Features: 2, Run: 3, Rows: dataset.Rows{Count: 5}}, dataset.Environment{})
				if err != nil {
					t.Fatal(err)
				}
				if digests[c.digest] == "" {
					digests[c.digest] = f.SHA256
				}
				if f.SHA256 != digests[c.digest] {
					t.Errorf("%s: digest %s, want %s", name, f.SHA256, digests[c.digest])
				}
				if err := errors.Join(a.Unchanged(t.Context()), a.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Fortran order is read as the naive reordering is, in every type and shape, also by pieces.
func TestFortranOrder(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(types).Draw(t, "type")
		shape := rapid.SliceOfN(rapid.IntRange(1, 6), 1, 5).Draw(t, "shape")
		want := ramp(dimensions.Product(shape))
		if kind.Kind == 'b' {
			for i := range want {
				want[i] = float32(int(want[i]) % 2)
			}
		}
		path := filepath.Join(folder, "a.npy")
		if err := os.WriteFile(path, encode(kind, true, shape, want), 0o644); err != nil {
			t.Fatal(err)
		}
		a, err := openArray(context.Background(), path, dataset.Environment{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &Column{array: a, shape: shape[1:]}
		defer c.Close()
		got := make([]float32, len(want))
		if err := c.ReadRows(0, got); err != nil || !slices.Equal(got, want) {
			t.Fatalf("reads %v (%v), want %v", got, err, want)
		}
		f, err := parsed(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var out bytes.Buffer // with so little memory that rows, or pieces of one, are put together one at a time
		most := rapid.IntRange(1, 8*len(want)).Draw(t, "memory")
		if err := f.reorder(&out, most); err != nil || !bytes.Equal(out.Bytes(), elements(kind, want)) {
			t.Fatalf("with %d bytes: %v (%v), want %v", most, out.Bytes(), err, elements(kind, want))
		}
	})
}

// parsed is an array as it is in a file.
func parsed(path string) (*array, error) {
	a, err := locate(context.Background(), path, dataset.Environment{}, nil)
	if err != nil {
		return nil, err
	}
	return a, a.readHeader()
}

// A transposed column reads, and has the statistics of, the array that was transposed before it was saved.
func TestTransposedRows(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(types[1:]).Draw(t, "type")
		n, high, wide := rapid.IntRange(1, 5).Draw(t, "rows"), rapid.IntRange(1, 7).Draw(t, "high"), rapid.IntRange(1, 7).Draw(t, "wide")
		values := ramp(n * high * wide)
		want := make([]float32, len(values))
		for row := range n {
			for i := range high {
				for j := range wide {
					want[(row*wide+j)*high+i] = values[(row*high+i)*wide+j]
				}
			}
		}
		open := func(name string, content []byte) *Column {
			path := filepath.Join(folder, name)
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			c, err := Open(context.Background(), path, dataset.Environment{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c := open("a.npy", encode(kind, rapid.Bool().Draw(t, "fortran"), []int{n, high, wide}, values))
		defer c.Close()
		saved := open("b.npy", encode(kind, false, []int{n, wide, high}, want))
		defer saved.Close()
		if err := c.Transpose(high, wide, wide, high); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(want))
		if err := c.ReadRows(0, got); err != nil || !slices.Equal(got, want) || !slices.Equal(c.Shape(), saved.Shape()) {
			t.Fatalf("reads %v (%v), want %v", got, err, want)
		}
		part := make([]float32, rapid.IntRange(0, high*wide).Draw(t, "first"))
		if err := c.Read(n-1, nil, part); err != nil || !slices.Equal(part, want[(n-1)*high*wide:][:len(part)]) {
			t.Fatalf("the first elements are %v (%v)", part, err)
		}
		r := dataset.Request{Per: dataset.PerFeature, Features: wide, Run: high, Rows: dataset.Rows{Count: n}}
		f, err := c.Facts(context.Background(), r, dataset.Environment{})
		g, err2 := saved.Facts(context.Background(), r, dataset.Environment{})
		if errors.Join(err, err2) != nil || !f.Standardisation.Equal(g.Standardisation) {
			t.Fatalf("statistics %v, want %v (%v %v)", f.Standardisation, g.Standardisation, err, err2)
		}
		plain := open("a.npy", encode(kind, false, []int{n, high, wide}, values))
		defer plain.Close()
		if h, err := plain.Facts(context.Background(), r, dataset.Environment{}); high > 1 && wide > 1 && (err != nil || h.SHA256 == f.SHA256) {
			t.Fatalf("the digest of transposed rows is that of others (%v)", err)
		}
	})
}

// zeros is a compressed stream of very many zeros after a beginning, in few bytes.
func zeros(start []byte, n int64) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(start)
	piece := make([]byte, 1<<20)
	for ; n > 0; n -= int64(len(piece)) {
		w.Write(piece[:min(n, int64(len(piece)))])
	}
	w.Close()
	return out.Bytes()
}

// Each of these files is refused with a reason, and none takes memory or disk by the size that it claims.
func TestBadFiles(t *testing.T) {
	good := encode(npy.Float32, false, []int{4, 3}, ramp(12))
	header := func(shape ...int) []byte {
		b, _ := npy.AppendHeader(nil, npy.Header{Type: npy.Float32, Shape: shape})
		return b
	}
	encrypted := archive(zip.Store, map[string][]byte{"x.npy": good})
	for at := range len(encrypted) - 4 {
		switch string(encrypted[at : at+4]) {
		case "PK\x03\x04":
			encrypted[at+6] |= 1
		case "PK\x01\x02":
			encrypted[at+8] |= 1
		}
	}
	damaged := archive(zip.Deflate, map[string][]byte{"x.npy": encode(npy.Float32, false, []int{400, 3}, ramp(1200))})
	damaged[150] ^= 255
	shifted := archive(zip.Store, map[string][]byte{"x.npy": good})
	copy(shifted[bytes.Index(shifted, []byte("PK\x01\x02"))+42:], []byte{200, 1, 0, 0}) // where its local header is said to be
	for _, c := range []struct {
		name, path string
		content    []byte
		want       string
	}{
		{"empty", "", nil, "not an npy file: the file is truncated"},
		{"neither", "", []byte("hello, this is a text"), "not an npy file"},
		{"a Git LFS pointer", "", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n"), "a pointer of Git LFS"},
		{"truncated", "", good[:len(good)-1], "the file is truncated: shape 4×3 of <f4 needs"},
		{"longer", "", append(slices.Clone(good), 0), "the file is longer than shape 4×3"},
		{"a huge shape", "", header(1<<40, 3), "the file is truncated"},
		{"a shape beyond counting", "", header(1<<60, 1), "the file is truncated"},
		{"a scalar", "", encode(npy.Float32, false, nil, ramp(1)), "scalar"},
		{"idx: truncated header", "", []byte{0, 0, 8, 3, 0, 0}, "idx header: the file is truncated"},
		{"idx: truncated", "", encodeIDX(8, []int{2, 3}, make([]byte, 5)), "the file is truncated: shape 2×3"},
		{"idx: longer", "", encodeIDX(8, []int{2, 3}, make([]byte, 7)), "longer"},
		{"idx: huge", "", append([]byte{0, 0, 8, 4}, bytes.Repeat([]byte{255}, 16)...), "the shape is too large"},
		{"idx: no axes", "", []byte{0, 0, 8, 0, 1}, "scalar"},
		{"gzip: truncated", "", compress(good)[:60], "truncated"},
		{"gzip: damaged sum", "", slices.Concat(compress(good)[:len(compress(good))-6], make([]byte, 6)), "checksum"},
		{"gzip: neither inside", "", compress([]byte("hello, this is a text")), "not an npy file"},
		{"gzip: a huge shape", "", compress(header(1 << 40)), "decompression bomb"},
		{"gzip: less than it claims", "", compress(append(header(1<<20), 1, 2, 3)), "the file is truncated: shape 1048576"},
		{"gzip: more than it claims", "", zeros(header(10), 1<<20), "the file is longer than shape 10 of"},
		{"npz: not one", "/x", good, "is not an npz archive"},
		{"npz: truncated", "", archive(zip.Store, map[string][]byte{"x.npy": good})[:150], "zip"},
		{"npz: empty", "", archive(zip.Store, nil), "the archive has no arrays"},
		{"npz: two", "", archive(zip.Store, map[string][]byte{"x.npy": good, "y.npy": good}), "the archive has 2 arrays: add /NAME to the path, with one of"},
		{"npz: another", "/z", archive(zip.Store, map[string][]byte{"x.npy": good}), `the archive has no array "z", only ["x"]`},
		{"npz: encrypted", "", encrypted, "encrypted"},
		{"npz: damaged", "", damaged, "a.npz"},
		{"npz: an entry elsewhere", "", shifted, "a.npz"},
		{"npz: truncated entry", "", archive(zip.Deflate, map[string][]byte{"x.npy": good[:len(good)-4]}), "the file is truncated: shape 4×3"},
		{"npz: a huge shape", "", archive(zip.Deflate, map[string][]byte{"x.npy": header(1 << 40)}), "the file is truncated: shape 1099511627776"},
		{"text", "", append(npyHeader(npy.Type{Kind: 'S', Size: 3}, 1), "cat"...), "the elements are text, want numbers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder, decoded := t.TempDir(), t.TempDir()
			path := write(t, filepath.Join(folder, "a.npz"), c.content)
			cache, err := filecache.Open(decoded, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			for _, cache := range []*filecache.Cache{nil, cache} {
				a, err := Open(t.Context(), path+c.path, dataset.Environment{}, cache)
				if err == nil {
					a.Close()
				}
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "a.npz") {
					t.Errorf("error %v, want one with %q", err, c.want)
				}
			}
			if left, err := os.ReadDir(decoded); err != nil || len(left) > 0 {
				t.Errorf("%v was left in the cache (%v)", left, err)
			}
		})
	}
}

func npyHeader(t npy.Type, shape ...int) []byte {
	b, err := npy.AppendHeader(nil, npy.Header{Type: t, Shape: shape})
	if err != nil {
		panic(err)
	}
	return b
}

// A file that was unpacked, and one that is read in place, may not change while they are in use.
func TestFilesThatChange(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "a.npz"), archive(zip.Store, map[string][]byte{"x.npy": encode(npy.Float32, false, []int{4, 3}, ramp(12))}))
	a, err := Open(t.Context(), path, dataset.Environment{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Facts(t.Context(), dataset.Request{}, dataset.Environment{}); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("more")); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := a.Unchanged(t.Context()); err == nil || !strings.Contains(err.Error(), "written to while it was in use") {
		t.Errorf("error %v", err)
	}
}

// An entry of the cache whose bytes changed is noticed by its digest, removed, and made again.
func TestDamagedEntry(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "a.gz"), compress(encode(npy.Float32, false, []int{4, 3}, ramp(12))))
	decoded := t.TempDir()
	cache, err := filecache.Open(decoded, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	facts := func(flip bool) error {
		a, err := Open(t.Context(), path, dataset.Environment{}, cache)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if flip {
			f, err := os.OpenFile(a.file.Name(), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte{1}, 170); err != nil {
				t.Fatal(err)
			}
			if a, err = Open(t.Context(), path, dataset.Environment{}, cache); err != nil {
				t.Fatal(err)
			}
			defer a.Close()
		}
		_, err = a.Facts(t.Context(), dataset.Request{}, dataset.Environment{})
		return err
	}
	if err := errors.Join(facts(false), facts(false)); err != nil {
		t.Fatal(err)
	}
	if err := facts(true); err == nil || !strings.Contains(err.Error(), "is damaged, and was removed: run again (its digest has changed)") {
		t.Errorf("error %v", err)
	}
	if err := facts(false); err != nil {
		t.Error(err)
	}
}

func TestText(t *testing.T) {
	folder := t.TempDir()
	s5 := append(npyHeader(npy.Type{Kind: 'S', Size: 5}, 3), "cat\x00\x00horse\x00\x00\x00\x00\x00"...)
	var u4 []byte
	for _, r := range "Tür\x00猫\x00\x00\x00" {
		u4 = binary.BigEndian.AppendUint32(u4, uint32(r))
	}
	bad := append(npyHeader(npy.Type{Kind: 'U', Size: 4}, 1), 0, 0, 0, 0x7f)
	for name, c := range map[string]struct {
		content []byte
		want    []string
	}{
		"bytes":   {s5, []string{"cat", "horse", ""}},
		"unicode": {append(npyHeader(npy.Type{Kind: 'U', Size: 16, BigEndian: true}, 2, 1), u4...), []string{"Tür", "猫"}},
		"gzip":    {compress(s5), []string{"cat", "horse", ""}},
	} {
		text, err := OpenText(t.Context(), write(t, filepath.Join(folder, name), c.content), dataset.Environment{}, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		var got []string
		err = text.Each(t.Context(), func(row int, s string) error { got = append(got, s); return nil })
		f, err2 := text.Digest(t.Context(), dataset.Environment{})
		if errors.Join(err, err2, text.Unchanged(t.Context()), text.Close()) != nil || !slices.Equal(got, c.want) || len(f.SHA256) != 64 {
			t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
		}
	}
	text, err := OpenText(t.Context(), write(t, filepath.Join(folder, "bad"), bad), dataset.Environment{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	if err := text.Each(t.Context(), func(int, string) error { return nil }); err == nil || !strings.Contains(err.Error(), "row 0: the text has the character 0x7f000000") {
		t.Errorf("error %v", err)
	}
	for want, content := range map[string][]byte{"numbers of type <f4": encode(npy.Float32, false, []int{2}, ramp(2)), "the rows have 2 texts each": append(npyHeader(npy.Type{Kind: 'S', Size: 1}, 1, 2), "ab"...)} {
		if _, err := OpenText(t.Context(), write(t, filepath.Join(folder, "other"), content), dataset.Environment{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// FuzzHeader reads any bytes as the beginning of a file.
func FuzzHeader(f *testing.F) {
	f.Add(encode(npy.Float32, true, []int{2, 3}, ramp(6)))
	f.Add(encodeIDX(8, []int{2, 3}, make([]byte, 6)))
	f.Add([]byte{0, 0, 14, 3, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\n"))
	f.Add(npyHeader(npy.Type{Kind: 'U', Size: 40}, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, offset, err := parseHeader(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		if offset < 4 || offset > int64(len(b)) || h.Bytes() < 0 || h.Bytes() > math.MaxInt64-offset || len(h.Shape) == 0 || h.Type.Size < 1 {
			t.Fatalf("header %+v at %d of %d bytes", h, offset, len(b))
		}
	})
}

// FuzzArchive finds an array in any bytes that may be an archive.
func FuzzArchive(f *testing.F) {
	good := encode(npy.Float32, false, []int{2, 3}, ramp(6))
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		f.Add(archive(method, map[string][]byte{"x.npy": good}), "x")
		f.Add(archive(method, map[string][]byte{"x.npy": good, "__MACOSX/._x": nil}), "")
	}
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		archive, err := files.OpenZip(t.Context(), "a.npz", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		names, err := archive.Names()
		if err != nil {
			return
		}
		if name, err = choose(names, name); err != nil {
			return
		}
		entry, err := archive.Entry(name)
		if err != nil {
			return
		}
		if entry.First < -1 || entry.First >= 0 && (entry.Size != entry.Packed || entry.First > int64(len(b))-entry.Size) {
			t.Fatalf("entry %+v of %d bytes", entry, len(b))
		}
		if content, err := entry.Open(); err == nil {
			_, _, _ = parseHeader(bufio.NewReader(content))
			content.Close()
		}
	})
}

// BenchmarkReorder reorders 64 MiB from Fortran order.
func BenchmarkReorder(b *testing.B) {
	for _, shape := range [][]int{{1 << 14, 1 << 10}, {1 << 20, 16}, {64, 512, 512}} {
		b.Run(fmt.Sprint(shape), func(b *testing.B) {
			path := write(b, filepath.Join(b.TempDir(), "a.npy"), slices.Concat(headerOf(shape), make([]byte, 4*dimensions.Product(shape))))
			a, err := parsed(path)
			if err != nil {
				b.Fatal(err)
			}
			defer a.Close()
			b.SetBytes(a.header.Bytes())
			for b.Loop() {
				if err := a.reorder(io.Discard, reorderBytes); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func headerOf(shape []int) []byte {
	b, err := npy.AppendHeader(nil, npy.Header{Type: npy.Float32, Fortran: true, Shape: shape})
	if err != nil {
		panic(err)
	}
	return b
}
