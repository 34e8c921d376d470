package idx

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// squeeze compresses with gzip.
func squeeze(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

var small = []byte{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6}

func TestRead(t *testing.T) {
	for name, file := range map[string][]byte{"plain": small, "gzip": squeeze(small)} {
		a, err := Read(bytes.NewReader(file), 100)
		if err != nil {
			t.Fatal(name, err)
		}
		if a.Type != 8 || !slices.Equal(a.Shape, []int{2, 3}) || !bytes.Equal(a.Data, []byte{1, 2, 3, 4, 5, 6}) {
			t.Errorf("%s: got %+v", name, a)
		}
	}
	words, err := Read(bytes.NewReader([]byte{0, 0, 0x0b, 1, 0, 0, 0, 1, 0xff, 0xfe}), 100)
	if err != nil || words.Type != 0x0b || len(words.Data) != 2 {
		t.Errorf("int16: %+v, %v", words, err)
	}
}

func TestReadErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "truncated"},
		{"other file", []byte("hello"), "not an idx file"},
		{"type", []byte{0, 0, 7, 1, 0, 0, 0, 0}, "not an idx file"},
		{"cut in the header", small[:10], "truncated"},
		{"cut in the data", small[:15], "truncated"},
		{"cut in the compressed data", squeeze(small)[:30], "truncated"},
		{"too long", append(slices.Clone(small), 7), "longer than shape"},
		{"beyond the limit", []byte{0, 0, 8, 2, 0, 0, 0, 11, 0, 0, 0, 10}, "more than 100 bytes"},
		{"overflow", append([]byte{0, 0, 8, 5}, bytes.Repeat([]byte{255}, 20)...), "the shape is too large"},
		{"broken gzip", []byte{0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, "gzip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(c.file), 100)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestReadFileNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.gz")
	if err := os.WriteFile(path, small[:9], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(t.Context(), path, 100); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one with %q", err, path)
	}
}

func TestReadFileStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small")
	if err := os.WriteFile(path, small, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(t.Context(), path, 100); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ReadFile(ctx, path, 100); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := ReadFile(t.Context(), filepath.Dir(path), 100); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: error %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(small)
	f.Add(squeeze(small))
	f.Add([]byte{0, 0, 14, 255})
	f.Add([]byte{0, 0, 8, 2, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(bytes.NewReader(b), 1<<16)
		if err != nil {
			return
		}
		want := elementSize[a.Type]
		for _, n := range a.Shape {
			want *= n
		}
		if len(a.Data) != want {
			t.Fatalf("shape %v of type %#x has %d bytes", a.Shape, a.Type, len(a.Data))
		}
	})
}
