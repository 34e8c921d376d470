package files

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// zipOf is a zip file of these files, in the order of their names.
func zipOf(files map[string]string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, name := range slices.Sorted(maps.Keys(files)) {
		f, _ := w.CreateHeader(&zip.FileHeader{Name: name, Method: uint16(i % 2 * 8)})
		_, _ = io.WriteString(f, files[name])
	}
	w.Close()
	return b.Bytes()
}

// tarOf is a tar file of these files.
func tarOf(files map[string]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))})
		_, _ = io.WriteString(w, files[name])
	}
	w.Close()
	return b.Bytes()
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content)
	w.Close()
	return b.Bytes()
}

// folderOf writes files to a new folder.
func folderOf(t testing.TB, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		path := filepath.Join(folder, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return folder
}

func newRoot(t testing.TB, folder string, o Options) *Root {
	r := New(folder, o)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func readAll(f io.ReadCloser, err error) (string, error) {
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(f)
	return string(content), errors.Join(err, f.Close())
}

// sample is a folder with a bit of everything.
func sample(t testing.TB) string {
	files := map[string]string{"train/a.png": "A", "train/b.png": "B", "views/fourier.csv": "x,y\n", "views/deep/c.npy": "C", "__MACOSX/._a.png": "",
		"train/.DS_Store": "", ".git/config": "", "train/Thumbs.db": "", "top.csv.gz": string(gzipped([]byte("unpacked")))}
	return folderOf(t, map[string]string{
		"plain.csv": "plain", "packed.csv.gz": string(gzipped([]byte("unpacked"))), "packed.bin": string(gzipped([]byte("unpacked"))),
		"unpacked.csv.gz": "plain", "ARCHIVE.ZIP": string(zipOf(files)), "a.tar": string(tarOf(files)), "a.tar.gz": string(gzipped(tarOf(files))),
		"a.TGZ": string(gzipped(tarOf(files))), "one.csv.zip": string(zipOf(map[string]string{"train.csv": "one", "__MACOSX/._train.csv": ""})),
		"folder/a.zip/x.csv": "x in a folder", "folder/a b.csv": "space", "folder/[1].csv": "bracket", "folder/1.csv": "one", "folder/.hidden.csv": "",
		"nested.zip": string(zipOf(map[string]string{"inner.zip": "PK", "inner.tar.gz": "", "x.csv": ""})), "x.7z": "7z", "x.tar.xz": "",
		"pointer.csv": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "pointer.zip": "version https://git-lfs.github.com/spec/v1\n",
		"pointer.tgz": "version https://git-lfs.github.com/spec/v1\n", "pointers.zip": string(zipOf(map[string]string{"a.png": "version https://git-lfs.github.com/spec/v1\n"})),
		"damaged.csv.gz": string(gzipped([]byte("unpacked"))[:20]), "followed.gz": string(gzipped([]byte("x"))) + strings.Repeat("more", 9), "no.zip": "not a zip", "no.tar": strings.Repeat("not a tar", 200),
		"empty.zip": "", "empty.csv": "",
	})
}

func TestOpen(t *testing.T) {
	folder := sample(t)
	r := newRoot(t, folder, Options{})
	for path, want := range map[string]string{
		"plain.csv": "plain", "packed.csv.gz": "unpacked", "packed.bin": "unpacked", "unpacked.csv.gz": "plain", "empty.csv": "",
		"./folder/../plain.csv": "plain", "folder/a.zip/x.csv": "x in a folder", "folder/a b.csv": "space",
		"ARCHIVE.ZIP/train/a.png": "A", "ARCHIVE.ZIP/views/deep/c.npy": "C", "ARCHIVE.ZIP/top.csv.gz": "unpacked", "ARCHIVE.ZIP//train/./b.png": "B",
		"a.tar/views/fourier.csv": "x,y\n", "a.tar/train/b.png": "B", "a.tar.gz/train/a.png": "A", "a.TGZ/views/deep/c.npy": "C", "a.tar.gz/top.csv.gz": "unpacked",
		"one.csv.zip": "one", "one.csv.zip/train.csv": "one",
	} {
		for _, path := range []string{path, filepath.Join(folder, path)} {
			if got, err := readAll(r.Open(t.Context(), path)); err != nil || got != want {
				t.Errorf("%s: read %q, %v, want %q", path, got, err, want)
			}
			if kind, err := r.Kind(t.Context(), path); err != nil || (kind == File) == strings.HasSuffix(path, ".zip") {
				t.Errorf("%s: kind %v, %v", path, kind, err)
			}
		}
	}
	for path, want := range map[string]string{
		"none.csv": "none.csv: file does not exist", "Plain.CSV": "file does not exist (did you mean plain.csv?)",
		"packed.csv": "(did you mean packed.csv.gz?)", "plain.csv.gz": "(did you mean plain.csv?)", "plian.csv": "(did you mean plain.csv?)",
		"foldr/x/y.csv": "foldr/x/y.csv: file does not exist: there is no folder " + folder + "/foldr (did you mean folder?)",
		"plain.csv/x":   "plain.csv/x: file does not exist: " + folder + "/plain.csv is a file and no folder",
		"folder":        "folder is a folder, want a file", "": "is a folder, want a file", "ARCHIVE.ZIP/train": "ARCHIVE.ZIP/train is a folder, want a file",
		"ARCHIVE.ZIP":             "ARCHIVE.ZIP is an archive of 5 files: name the one to read, such as " + folder + "/ARCHIVE.ZIP/top.csv.gz",
		"ARCHIVE.ZIP/none":        "ARCHIVE.ZIP/none: file does not exist",
		"ARCHIVE.ZIP/train/A.png": "ARCHIVE.ZIP/train/A.png: file does not exist (did you mean a.png?)",
		"a.tar.gz/trian/a.png":    "a.tar.gz/trian/a.png: file does not exist: the archive has no folder trian",
		"nested.zip/inner.zip/x":  "nested.zip/inner.zip is an archive in an archive: unpack " + folder + "/nested.zip first",
		"nested.zip/inner.tar.gz": "inner.tar.gz is an archive in an archive",
		"x.7z":                    "x.7z: archives of this kind are not read: unpack it, or pack it as .zip or .tar.gz", "x.tar.xz/y": "archives of this kind are not read",
		"pointer.csv": "pointer.csv: the file is not the data but a pointer of Git LFS: fetch the data with git lfs pull",
		"pointer.zip": "pointer of Git LFS", "pointer.tgz/a": "pointer of Git LFS", "pointers.zip": "pointers.zip/a.png: the file is not the data but a pointer of Git LFS",
		"damaged.csv.gz": "damaged.csv.gz: the file is truncated", "followed.gz": "followed.gz: the compressed file is damaged, or something follows it",
		"no.zip": "no.zip: it is not a zip archive, or a truncated or damaged one", "no.tar": "no.tar: it is not a tar archive", "empty.zip/x": "it is not a zip archive",
		os.DevNull: "is a device, want a regular file",
	} {
		_, err := readAll(r.Open(t.Context(), path))
		if err == nil || !strings.Contains(filepath.ToSlash(err.Error()), filepath.ToSlash(want)) {
			t.Errorf("%s: error %v, want %s", path, err, want)
		} else if (strings.Contains(want, "does not exist") || strings.Contains(want, "did you mean")) != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is or is not ErrNotExist", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	f, err := r.Open(ctx, "plain.csv")
	must(t, err)
	defer f.Close()
	cancel()
	f.Read(make([]byte, 5))
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("read after cancelling: %v", err)
	}
}

func TestGlob(t *testing.T) {
	r := newRoot(t, sample(t), Options{})
	for pattern, want := range map[string]string{
		"plain.csv": "plain.csv", "*.csv": "empty.csv plain.csv pointer.csv", "ARCHIVE.ZIP/train/*.png": "ARCHIVE.ZIP/train/a.png ARCHIVE.ZIP/train/b.png",
		"a.t*/*/[ab].png": "a.tar.gz/train/a.png a.tar.gz/train/b.png a.tar/train/a.png a.tar/train/b.png", "*.csv.zip": "one.csv.zip", "one.csv.zip": "one.csv.zip",
		"folder/[1].csv": "folder/[1].csv", "folder/[a1]*.csv": "folder/1.csv folder/a b.csv", "f*/.h*": "folder/.hidden.csv", "f*/a.zip/*": "folder/a.zip/x.csv",
	} {
		got, err := r.Glob(t.Context(), pattern)
		if text := strings.Join(got, " "); err != nil || text != want {
			t.Errorf("%s: %s, %v, want %s", pattern, text, err, want)
		}
		for _, path := range got {
			if kind, err := r.Kind(t.Context(), path); err != nil || kind == Directory && !isArchive(path) {
				t.Errorf("%s: %v, %v", path, kind, err)
			}
		}
	}
	for pattern, want := range map[string]string{
		"none*.csv": "no file matches none*.csv: file does not exist", "foldr/*.csv": "(did you mean folder?)", "folder": "is a folder, want files: for example folder/*.csv",
		"none.csv": "file does not exist", "folder/[": "the pattern is not valid", "*": "nothing",
	} {
		_, err := r.Glob(t.Context(), pattern)
		if pattern == "*" { // goes through damaged archives
			want = "not a"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", pattern, err, want)
		}
	}
	folder := folderOf(t, map[string]string{"x/1.csv": "", "x/2.csv": ""})
	got, err := newRoot(t, "", Options{}).Glob(t.Context(), folder+"/*/*.csv")
	if want := []string{filepath.ToSlash(folder) + "/x/1.csv", filepath.ToSlash(folder) + "/x/2.csv"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v, want %q", got, err, want)
	}
}

func TestFolder(t *testing.T) {
	content := map[string]string{"train/a.png": "A", "train/b/c.png": "C", "d.csv.gz": string(gzipped([]byte("D"))), "train/é.png": "E"}
	skipped := map[string]string{"__MACOSX/train/._a.png": "", ".git/x": "", "train/.DS_Store": "", "Thumbs.DB": "", "train/Desktop.ini": "", "train/.x/y": ""}
	all := maps.Clone(content)
	maps.Copy(all, skipped)
	outer := map[string]string{"other/x": ""}
	for name, c := range all {
		outer["set/"+name] = c
	}
	folder := folderOf(t, outer)
	for name, b := range map[string][]byte{"a.zip": zipOf(all), "a.tar": tarOf(all), "a.tgz": gzipped(tarOf(all)), "outer.zip": zipOf(outer)} {
		must(t, os.WriteFile(filepath.Join(folder, name), b, 0o644))
	}
	r := newRoot(t, folder, Options{})
	digests := map[string]bool{}
	for _, path := range []string{"set", "a.zip", "a.tar", "a.tgz", "outer.zip/set", filepath.Join(folder, "set")} {
		f, err := r.Folder(t.Context(), path)
		must(t, err)
		names, err := f.List(t.Context())
		if want := slices.Sorted(maps.Keys(content)); err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: lists %q, %v, want %q", path, names, err, want)
		}
		for name, want := range map[string]string{"train/a.png": "A", "./train/b//c.png": "C", "d.csv.gz": "D", "train/é.png": "E", "train/.DS_Store": ""} {
			if got, err := f.Read(t.Context(), name, 1); err != nil || string(got) != want {
				t.Errorf("%s: %s holds %q, %v, want %q", path, name, got, err, want)
			}
		}
		for name, want := range map[string]string{
			"": "the name of the file is empty", "../other/x": "has a part .., which leads out of the folder", "train/../../other/x": "..", "train/..": "..",
			"/etc/passwd": "is an absolute path", `C:\x`: "backslash", `..\x`: "backslash", "c:x": "drive letter", "a\x00": "control character", "a\n": `a\n: the name contains a control`,
			"\xff": "not UTF-8", "https://x.org/a.png": "is an address on the web", "train": "is a folder, want a", ".": "want a", "train/A.png": "(did you mean a.png?)",
			strings.Repeat("a.zip/", 1000): "...: the name has 6000 bytes, want at most 4096",
			"none.png":                     "file does not exist", "train/a.png/x": "file does not exist",
		} {
			_, err := f.Open(t.Context(), name)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: opening %.50q: error %v, want %s", path, name, err, want)
			}
		}
		if _, err := f.Read(t.Context(), "train/a.png", 0); err == nil || !strings.Contains(err.Error(), "train/a.png is larger than 0 B") {
			t.Errorf("%s: reading too much: error %v", path, err)
		}
		sum, err := f.Digest(t.Context(), names)
		must(t, err)
		digests[sum] = true
		if reversed, err := f.Digest(t.Context(), []string{names[1], names[0]}); err != nil || reversed == sum {
			t.Errorf("%s: digest %s of other files, %v", path, reversed, err)
		}
	}
	if len(digests) != 1 {
		t.Errorf("the same files have %d digests", len(digests))
	}
	whole := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(content)) {
		sum := sha256.Sum256([]byte(content[name]))
		whole.Write(sum[:])
	}
	if !digests[hex.EncodeToString(whole.Sum(nil))] {
		t.Error("the digest is not that of the files' digests")
	}
	// A name may pass through an archive.
	f, err := r.Folder(t.Context(), "")
	must(t, err)
	for _, name := range []string{"a.zip/train/a.png", "a.tgz/train/a.png", "outer.zip/set/train/a.png"} {
		if got, err := f.Read(t.Context(), name, 10); err != nil || string(got) != "A" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := f.Digest(t.Context(), []string{"a.zip/train/a.png", "other/x"}); err != nil {
		t.Error(err)
	}
	must(t, r.Unchanged(t.Context()))
	if _, err := r.Folder(t.Context(), "other/x"); err == nil || !strings.Contains(err.Error(), "is a file, want a folder or an archive") {
		t.Errorf("a file as a folder: %v", err)
	}
}

func TestLinks(t *testing.T) {
	folder := folderOf(t, map[string]string{"in/a.png": "A", "in/b/x.png": "X", "out.png": "O", "outside/y.png": ""})
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(folder, "in", name)); err != nil {
			t.Skip("the system allows no links: ", err)
		}
	}
	link("a.png", "good.png")
	link("../in/b/x.png", "back.png") // leads out, and in again
	r := newRoot(t, folder, Options{})
	in, err := r.Folder(t.Context(), "in")
	must(t, err)
	if got, err := readAll(in.Open(t.Context(), "good.png")); err != nil || got != "A" {
		t.Errorf("a link inside: %q, %v", got, err)
	}
	if _, err := in.Open(t.Context(), "back.png"); err == nil || !strings.Contains(err.Error(), "leads out of the folder") {
		t.Errorf("a link that leads out: %v", err)
	}
	must(t, os.Remove(filepath.Join(folder, "in", "back.png")))
	if names, err := in.List(t.Context()); err != nil || !slices.Equal(names, []string{"a.png", "b/x.png", "good.png"}) {
		t.Errorf("lists %q, %v", names, err)
	}
	for name, c := range map[string]struct{ to, read, want string }{
		"evil.png": {"../out.png", "evil.png", "leads out of the folder"}, "absolute.png": {filepath.Join(folder, "out.png"), "absolute.png", "leads out of the folder"},
		"evil": {"../outside", "evil/y.png", "leads out of the folder"}, "folder": {"b", "", "folder is a link to a folder, want the folder itself"},
		"broken": {"none", "broken", "file does not exist"}, "loop": {"loop", "loop", "loop"},
	} {
		link(c.to, name)
		if c.read != "" {
			if _, err := in.Open(t.Context(), c.read); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want %s", name, err, c.want)
			}
		}
		if _, err := in.List(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: listing: error %v, want %s", name, err, c.want)
		}
		must(t, os.Remove(filepath.Join(folder, "in", name)))
	}
	if got, err := readAll(in.Open(t.Context(), "b/x.png")); err != nil || got != "X" {
		t.Errorf("%q, %v", got, err)
	}
}

// written makes an archive and opens it as a folder.
func written(t testing.TB, name string, content []byte, o Options) (*Folder, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, content, 0o644))
	return newRoot(t, "", o).Folder(t.Context(), path)
}

func TestHostileArchives(t *testing.T) {
	type file struct {
		name, content string
		change        func(*zip.FileHeader)
	}
	zipped := func(files ...file) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, f := range files {
			h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
			if f.change != nil {
				f.change(h)
			}
			to, err := w.CreateHeader(h)
			must(t, err)
			_, _ = io.WriteString(to, f.content)
		}
		must(t, w.Close())
		return b.Bytes()
	}
	tarred := func(headers ...tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			must(t, w.WriteHeader(&h))
			_, _ = w.Write(make([]byte, h.Size))
		}
		must(t, w.Close())
		return b.Bytes()
	}
	bomb := strings.Repeat("\x00", 1<<20)
	method99 := zipped(file{"a", "x", nil})
	copy(method99[bytes.Index(method99, []byte(directorySignature))+10:], []byte{99, 0})
	locked := zipped(file{"a", "x", nil})
	locked[bytes.Index(locked, []byte(directorySignature))+8] |= 1
	checksum := zipped(file{"a", "xyz", func(h *zip.FileHeader) { h.Method = zip.Store }})
	checksum[bytes.Index(checksum, []byte("xyz"))] = 'X'
	longer := zipped(file{"a", strings.Repeat("xyz", 10), nil})
	longer[bytes.Index(longer, []byte(directorySignature))+24] = 29 // the size of the content
	shorter := zipped(file{"a", strings.Repeat("xyz", 10), nil})
	shorter[bytes.Index(shorter, []byte(directorySignature))+24] = 31
	overlap := zipped(file{"a", "x", nil}, file{"b", "y", nil})
	second := bytes.LastIndex(overlap, []byte(directorySignature))
	copy(overlap[second+42:], []byte{0, 0, 0, 0})
	huge := zipped(file{"a", "x", nil})
	copy(huge[bytes.Index(huge, []byte(directorySignature))+20:], []byte{0xfe, 0xff, 0xff, 0xff})
	for _, c := range []struct {
		what, name string
		content    []byte
		open       string // the entry; "": only the list
		want       string
	}{
		{"leads out", "a.zip", zipped(file{"../x", "", nil}), "", "a.zip: entry ../x: the name has a part .., which leads out of the folder"},
		{"leads out within", "a.zip", zipped(file{"x/../../y", "", nil}), "", "a.zip: entry x/../../y: the name has a part .."},
		{"absolute", "a.zip", zipped(file{"/etc/x", "", nil}), "", "a.zip: entry /etc/x: the name is an absolute path"},
		{"backslash", "a.zip", zipped(file{`x\y`, "", nil}), "", `a.zip: entry x\y: the name contains a backslash`},
		{"drive", "a.zip", zipped(file{"C:x", "", nil}), "", "a.zip: entry C:x: the name begins with a drive letter"},
		{"control", "a.zip", zipped(file{"x\x1b[1m", "", nil}), "", `a.zip: entry x\x1b[1m: the name contains a control character`},
		{"a link", "a.zip", zipped(file{"x", "/etc/passwd", func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }}), "x", "entry x: it is a link"},
		{"a device", "a.zip", zipped(file{"x", "", func(h *zip.FileHeader) { h.SetMode(fs.ModeDevice | 0o777) }}), "x", "entry x: it is a device"},
		{"twice", "a.zip", zipped(file{"x", "1", nil}, file{"./x", "2", nil}), "x", "a.zip: several entries are named x"},
		{"another method", "a.zip", method99, "a", "entry a: it is compressed with method 99"},
		{"encrypted", "a.zip", locked, "a", "entry a: it is encrypted"},
		{"checksum", "a.zip", checksum, "a", "a: the archive is damaged: the checksum of the entry is wrong"},
		{"longer", "a.zip", longer, "a", "a: the archive is damaged: the entry is longer than its directory says"},
		{"shorter", "a.zip", shorter, "a", "a: the archive is damaged: the entry is shorter than its directory says"},
		{"overlap", "a.zip", overlap, "", `a.zip: the entries "a" and "b" overlap: the archive is damaged or a decompression bomb`},
		{"declared size", "a.zip", huge, "", `a.zip: it is not a zip archive, or a truncated or damaged one: the content of entry "a" is not in the file`},
		{"bomb", "a.zip", zipped(file{"x", bomb, nil}), "x", "a.zip: entry x: it unpacks to more than 64 KiB"},
		{"bomb in gzip", "a.zip", zipped(file{"x", string(gzipped([]byte(bomb))), nil}), "x", "a.zip/x: it unpacks to more than 64 KiB"},
		{"tar bomb", "a.tgz", gzipped(tarred(tar.Header{Name: "x", Size: 1 << 20})), "", "a.tgz: unpacking it to a temporary file in"},
		{"leads out", "a.tar", tarred(tar.Header{Name: "../x"}), "", "a.tar: entry ../x: the name has a part .."},
		{"a symbolic link", "a.tar", tarred(tar.Header{Name: "x", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}), "x", "a.tar: entry x: it is a link"},
		{"a hard link", "a.tar", tarred(tar.Header{Name: "x", Linkname: "/etc/passwd", Typeflag: tar.TypeLink}), "x", "a.tar: entry x: it is a link"},
		{"a pipe", "a.tar", tarred(tar.Header{Name: "x", Typeflag: tar.TypeFifo}), "x", "a.tar: entry x: it is a device or another special file"},
		{"twice", "a.tar", tarred(tar.Header{Name: "x"}, tar.Header{Name: "x"}), "x", "a.tar: several entries are named x"},
		{"truncated", "a.tar", tarred(tar.Header{Name: "x", Size: 5000})[:2000], "", "a.tar: the file is truncated"},
	} {
		f, err := written(t, c.name, c.content, Options{Bytes: 64 << 10})
		if err == nil {
			_, err = f.List(t.Context())
		}
		if c.open != "" {
			// Listing does not fail because of what is only an error when it is read.
			if _, err = readAll(f.Open(t.Context(), c.open)); err == nil {
				t.Errorf("%s: %s was read", c.what, c.open)
			}
			if _, err := f.Digest(t.Context(), []string{c.open}); err == nil && c.what != "bomb in gzip" {
				t.Errorf("%s: has a digest", c.what)
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.what, err, c.want)
		}
	}
	sparse := tarred(tar.Header{Name: "x", Format: tar.FormatPAX, PAXRecords: map[string]string{"VENDOR.sparse": "1"}})
	sparse = bytes.ReplaceAll(sparse, []byte("VENDOR.sparse"), []byte("GNU.sparse.no")) // the library does not write it
	if f, err := written(t, "a.tar", sparse, Options{}); err != nil {
		t.Error(err)
	} else if _, err := f.Open(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "sparse") {
		t.Errorf("a sparse file: %v", err)
	}
}

// What compresses extremely well is a bomb, unless it is small; the limits are of bytes that were really unpacked.
func TestBound(t *testing.T) {
	for _, c := range []struct{ bytes, packed, want int64 }{{0, 10, 1 << 30}, {0, 1 << 30, 32 << 30}, {0, 1 << 24, 250 << 24}, {1000, 1 << 30, 1000}, {0, math.MaxInt64, 32 << 30}} {
		if got := (Options{Bytes: c.bytes}).bound(c.packed); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	folder := folderOf(t, map[string]string{"x.gz": string(gzipped(make([]byte, 100_001)))})
	for most, ok := range map[int64]bool{100_000: false, 100_001: true} {
		content, err := readAll(newRoot(t, folder, Options{Bytes: most}).Open(t.Context(), "x.gz"))
		if (err == nil) != ok || ok != (len(content) == 100_001) || !ok && len(content) != 100_000 {
			t.Errorf("at most %d bytes: %d, %v", most, len(content), err)
		}
	}
}

// Names of old Windows archives are in code page 437.
func TestOldNames(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "B\x84r.png", NonUTF8: true})
	must(t, err)
	_, _ = io.WriteString(f, "x")
	w.Close()
	folder, err := written(t, "a.zip", b.Bytes(), Options{})
	must(t, err)
	if names, err := folder.List(t.Context()); err != nil || !slices.Equal(names, []string{"Bär.png"}) {
		t.Errorf("lists %q, %v", names, err)
	}
	if len(fromPage) != 128 {
		t.Errorf("code page 437 has %d characters", len(fromPage))
	}
}

// What precedes and follows a zip file does not matter: a program that unpacks it, a comment.
func TestZipInAFile(t *testing.T) {
	content := zipOf(map[string]string{"a": "A", "b": "BB"})
	comment := slices.Clone(content)
	comment[len(comment)-2] = 5
	for what, content := range map[string][]byte{"preceded": append([]byte("#!/bin/sh\n"), content...), "commented": append(comment, "PK\x05\x06!"...)} {
		f, err := written(t, "a.zip", content, Options{})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got, err := f.Read(t.Context(), "b", 10); err != nil || string(got) != "BB" {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

// Unpacked copies disappear.
func TestTemporaryFilesAreRemoved(t *testing.T) {
	temporary := t.TempDir()
	folder := folderOf(t, map[string]string{"a.tgz": string(gzipped(tarOf(map[string]string{"x": "1"}))), "b.tgz": string(gzipped([]byte("no tar")))})
	r := New(folder, Options{Temporary: temporary})
	if got, err := readAll(r.Open(t.Context(), "a.tgz/x")); err != nil || got != "1" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.Open(t.Context(), "b.tgz/x"); err == nil {
		t.Error("opened")
	}
	must(t, os.Remove(filepath.Join(folder, "a.tgz"))) // the copy is used
	if got, err := readAll(r.Open(t.Context(), "a.tgz/x")); err == nil {
		t.Errorf("%q", got) // the path is looked up
	}
	must(t, r.Unchanged(t.Context()))
	must(t, r.Close())
	left, err := os.ReadDir(temporary)
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// memory is a cache.
type memory struct {
	lock   sync.Mutex
	values map[string][]byte
	hits   int
}

func (m *memory) Get(key string) ([]byte, bool) {
	m.lock.Lock()
	defer m.lock.Unlock()
	value, ok := m.values[key]
	if ok {
		m.hits++
	}
	return value, ok
}

func (m *memory) Put(key string, value []byte) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.values[key] = value
	return nil
}

func setClock(t *testing.T, later time.Duration) {
	stopped := time.Now().Add(later)
	now = func() time.Time { return stopped }
	t.Cleanup(func() { now = time.Now })
}

func TestDigest(t *testing.T) {
	packed := gzipped([]byte("content"))
	folder := folderOf(t, map[string]string{"a.csv.gz": string(packed), "a.zip": string(zipOf(map[string]string{"x": "entry", "y": "other"})), "p/1": "one", "p/2": "two"})
	sum := func(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }
	setClock(t, time.Minute)
	cache := &memory{values: map[string][]byte{}}
	check := func(o Options, hits int) {
		t.Helper()
		cache.hits = 0
		r := newRoot(t, folder, o)
		for path, want := range map[string]string{"a.csv.gz": sum(string(packed)), "a.zip/x": sum("entry")} {
			if got, err := r.Digest(t.Context(), path); err != nil || got != want {
				t.Errorf("%s: %s, %v, want %s", path, got, err, want)
			}
		}
		for path, names := range map[string][]string{"a.zip": {"x", "y"}, "p": {"1", "2"}} {
			f, err := r.Folder(t.Context(), path)
			must(t, err)
			if _, err := f.Digest(t.Context(), names); err != nil {
				t.Error(err)
			}
		}
		must(t, r.Unchanged(t.Context()))
		if cache.hits != hits {
			t.Errorf("%d digests were found, want %d", cache.hits, hits)
		}
	}
	check(Options{Cache: cache}, 0)
	check(Options{Cache: cache}, 4)
	check(Options{Cache: cache, Verify: true}, 0)
	if len(cache.values) != 4 {
		t.Errorf("%d digests were stored", len(cache.values))
	}
	setClock(t, 0) // too recent to be cached
	must(t, os.WriteFile(filepath.Join(folder, "p/1"), []byte("new"), 0o644))
	f, err := newRoot(t, folder, Options{Cache: cache}).Folder(t.Context(), "p")
	must(t, err)
	for range 2 {
		if _, err := f.Digest(t.Context(), []string{"1", "2"}); err != nil || len(cache.values) != 4 {
			t.Errorf("%d stored, %v", len(cache.values), err)
		}
	}
}

func TestUnchanged(t *testing.T) {
	for _, clock := range []time.Duration{0, time.Minute} { // stamps tell nothing, or all
		for _, c := range []struct {
			what    string
			change  func(t *testing.T, path string)
			written bool
		}{
			{"nothing", func(*testing.T, string) {}, false},
			{"permissions", func(t *testing.T, path string) { must(t, os.Chmod(path, 0o600)) }, false},
			{"content", func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("something else"), 0o644)) }, true},
			{"time", func(t *testing.T, path string) { must(t, os.Chtimes(path, time.Unix(5, 0), time.Unix(5, 0))) }, true},
			{"hidden", func(t *testing.T, path string) { // the same size and modification time
				info, err := os.Stat(path)
				must(t, err)
				must(t, os.WriteFile(path, []byte("onf"), 0o644))
				must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
			}, true},
			{"removed", func(t *testing.T, path string) { must(t, os.Remove(path)) }, true},
		} {
			for _, what := range []string{"file", "list"} {
				t.Run(fmt.Sprint(what, " ", c.what, " ", clock), func(t *testing.T) {
					setClock(t, clock)
					folder := folderOf(t, map[string]string{"p/1": "one", "p/2": "two"})
					r := newRoot(t, folder, Options{})
					if what == "file" {
						_, err := r.Digest(t.Context(), "p/1")
						must(t, err)
					} else {
						f, err := r.Folder(t.Context(), "p")
						must(t, err)
						_, err = f.Digest(t.Context(), []string{"1", "2"})
						must(t, err)
					}
					c.change(t, filepath.Join(folder, "p/1"))
					for range 2 {
						err := r.Unchanged(t.Context())
						if (err != nil) != c.written || err != nil && !strings.Contains(err.Error(), folder+"/p") && runtime.GOOS != "windows" {
							t.Fatalf("error %v", err)
						}
					}
				})
			}
		}
	}
	// A file that is opened again must be the same.
	folder := folderOf(t, map[string]string{"x": "one"})
	r := newRoot(t, folder, Options{})
	_, err := readAll(r.Open(t.Context(), "x"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "x"), []byte("longer"), 0o644))
	if _, err := r.Open(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "x: the file was written to while it was in use: run again") {
		t.Errorf("error %v", err)
	}
	must(t, os.WriteFile(filepath.Join(folder, "a.zip"), zipOf(map[string]string{"x": "1"}), 0o644))
	if r = newRoot(t, folder, Options{}); r.Unchanged(t.Context()) != nil {
		t.Error("nothing was opened")
	}
	_, err = r.Open(t.Context(), "a.zip")
	must(t, err)
	must(t, r.Unchanged(t.Context()))
	must(t, os.WriteFile(filepath.Join(folder, "a.zip"), zipOf(map[string]string{"x": "22"}), 0o644))
	if err := r.Unchanged(t.Context()); err == nil || !strings.Contains(err.Error(), "a.zip: the file was written to") {
		t.Errorf("error %v", err)
	}
}

// Random trees are listed and read the same in a folder and in every kind of archive.
func TestTreesAreListed(t *testing.T) {
	temporary := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		folder, err := os.MkdirTemp(temporary, "")
		if err != nil {
			t.Fatal(err)
		}
		word := rapid.StringMatching(`[a-cé.+0 -]{1,3}`).Filter(func(s string) bool {
			return strings.Trim(s, ".") == s && strings.TrimSpace(s) == s
		})
		files := map[string]string{}
		for range rapid.IntRange(1, 5).Draw(t, "files") {
			name := strings.Join(rapid.SliceOfN(word, 1, 3).Draw(t, "name"), "/")
			clash := false
			for other := range files {
				clash = clash || strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, other+"/")
			}
			if !clash {
				files[name] = rapid.StringMatching(`[ab\n]{0,20}`).Draw(t, "content")
			}
		}
		for name, content := range files {
			path := filepath.Join(folder, "disk", name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		for name, b := range map[string][]byte{"a.zip": zipOf(files), "a.tar": tarOf(files), "a.tar.gz": gzipped(tarOf(files))} {
			if err := os.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r := New(folder, Options{})
		defer r.Close()
		digests := map[string]bool{}
		for _, path := range []string{"disk", "a.zip", "a.tar", "a.tar.gz"} {
			f, err := r.Folder(context.Background(), path)
			if err != nil {
				t.Fatal(err)
			}
			names, err := f.List(context.Background())
			if want := slices.Sorted(maps.Keys(files)); err != nil || !slices.Equal(names, want) {
				t.Fatalf("%s: lists %q, %v, want %q", path, names, err, want)
			}
			for name, want := range files {
				if got, err := f.Read(context.Background(), name, 20); err != nil || string(got) != want {
					t.Fatalf("%s: %s holds %q, %v, want %q", path, name, got, err, want)
				}
				if got, err := readAll(r.Open(context.Background(), path+"/"+name)); err != nil || string(got) != want {
					t.Fatalf("%s/%s holds %q, %v, want %q", path, name, got, err, want)
				}
			}
			sum, err := f.Digest(context.Background(), names)
			if err != nil {
				t.Fatal(err)
			}
			digests[sum] = true
		}
		if len(digests) != 1 {
			t.Fatalf("%d digests", len(digests))
		}
	})
}

// The list of a large archive takes little memory.
func TestMemoryOfAList(t *testing.T) {
	const n = 5000
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("train/class_%03d/%08d.png", i%100, i)] = ""
	}
	for name, content := range map[string][]byte{"a.zip": zipOf(files), "a.tar": tarOf(files)} {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, content, 0o644))
		content = nil
		heap := func() uint64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := heap()
		f, err := newRoot(t, "", Options{}).Folder(t.Context(), path)
		must(t, err)
		names, err := f.List(t.Context())
		must(t, err)
		if perRow := float64(heap()-before)/n - 32; len(names) != n || perRow > 100 { // a name takes 32 bytes
			t.Errorf("%s: %d names, %.0f bytes each beside the name", name, len(names), perRow)
		}
	}
}

// More entries than the 16 bits of the usual directory count are listed.
func TestManyEntries(t *testing.T) {
	const n = 1<<16 + 5
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		_, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i)})
		must(t, err)
	}
	w.Close()
	f, err := written(t, "a.zip", b.Bytes(), Options{})
	must(t, err)
	if names, err := f.List(t.Context()); err != nil || len(names) != n {
		t.Errorf("%d names, %v", len(names), err)
	}
}

// Goroutines share a root and its folders.
func TestTogether(t *testing.T) {
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprint("x/", i)] = strings.Repeat(fmt.Sprint(i), 1000)
	}
	outer := maps.Clone(files)
	outer["a.zip"], outer["a.tgz"] = string(zipOf(files)), string(gzipped(tarOf(files)))
	r := newRoot(t, folderOf(t, outer), Options{})
	var group sync.WaitGroup
	for range 4 {
		for _, path := range []string{"", "a.zip", "a.tgz"} {
			group.Go(func() {
				f, err := r.Folder(t.Context(), path)
				if err != nil {
					t.Error(err)
					return
				}
				for name, want := range files {
					if got, err := f.Read(t.Context(), name, 1<<20); err != nil || string(got) != want {
						t.Errorf("%s: %s: %.20q, %v", path, name, got, err)
					}
				}
				if _, err := f.Digest(t.Context(), slices.Collect(maps.Keys(files))); err != nil {
					t.Error(err)
				}
				if err := r.Unchanged(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
}

// The working folder is the default.
func TestWorkingFolder(t *testing.T) {
	t.Chdir(folderOf(t, map[string]string{"a/x.csv": "x"}))
	r := newRoot(t, "", Options{})
	for _, path := range []string{"", ".", "./a/.."} {
		f, err := r.Folder(t.Context(), path)
		must(t, err)
		if names, err := f.List(t.Context()); err != nil || !slices.Equal(names, []string{"a/x.csv"}) {
			t.Errorf("%q, %v", names, err)
		}
	}
	if got, err := r.Glob(t.Context(), "*/*"); err != nil || !slices.Equal(got, []string{"a/x.csv"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// checkArchive lists and reads an archive in memory, and checks what must hold of any bytes.
func checkArchive(t *testing.T, content []byte, isZip bool) {
	t.Helper()
	file := bytes.NewReader(content)
	a := &archive{path: "x", zip: isZip, size: int64(len(content))}
	var err error
	if isZip {
		a.entries, err = readZip(context.Background(), file, a.size)
	} else {
		a.entries, err = readTar(context.Background(), file, a.size)
	}
	if err != nil {
		return
	}
	slices.SortFunc(a.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	standard := map[string]*zip.File{}
	if isZip {
		if r, err := zip.NewReader(file, a.size); err == nil {
			for _, f := range r.File {
				standard[f.Name] = f
			}
		}
	}
	names, err := a.list("")
	if err == nil && !slices.IsSorted(names) {
		t.Fatalf("%q: names %q", content, names)
	}
	const most = 1 << 16
	for _, e := range a.entries {
		if a.check(e) != nil {
			continue
		}
		if name, err := safe(e.name); err != nil || !filepath.IsLocal(filepath.FromSlash(name)) {
			t.Fatalf("%q: the name %q is not safe", content, e.name)
		}
		var raw io.ReadCloser
		if isZip {
			raw, err = openZipEntry(file, a.size, Options{Bytes: most}, e)
		} else {
			raw, err = io.NopCloser(io.NewSectionReader(file, e.offset, e.size)), nil
		}
		got, err := readAll(raw, err)
		if len(got) > max(most, len(content)) {
			t.Fatalf("%q: %d bytes of %q", content, len(got), e.name)
		}
		if f := standard[e.name]; err == nil && f != nil && f.CRC32 == e.sum && int64(f.UncompressedSize64) == e.size {
			if want, err := readAll(f.Open()); err == nil && want != got {
				t.Fatalf("%q: %q holds %q, archive/zip says %q", content, e.name, got, want)
			}
		}
	}
}

// archiveSeeds are small archives of both kinds.
func archiveSeeds() (zips, tars [][]byte) {
	files := map[string]string{"a": "A", "b/c.txt": strings.Repeat("xyz", 30), "d": ""}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: strings.Repeat("long/", 50), Format: tar.FormatGNU, Size: 3})
	_, _ = w.Write([]byte("abc"))
	_ = w.WriteHeader(&tar.Header{Name: "é", Format: tar.FormatPAX, PAXRecords: map[string]string{"A.b": "c"}})
	_ = w.WriteHeader(&tar.Header{Name: "l", Linkname: "a", Typeflag: tar.TypeSymlink})
	w.Close()
	return [][]byte{zipOf(files), zipOf(nil), zipOf(map[string]string{"../x": "1", "y/": ""})}, [][]byte{tarOf(files), tarOf(nil), b.Bytes()}
}

func FuzzZip(f *testing.F) {
	zips, _ := archiveSeeds()
	for _, z := range zips {
		f.Add(z)
	}
	f.Fuzz(func(t *testing.T, content []byte) { checkArchive(t, content, true) })
}

func FuzzTar(f *testing.F) {
	_, tars := archiveSeeds()
	for _, z := range tars {
		f.Add(z)
	}
	f.Fuzz(func(t *testing.T, content []byte) { checkArchive(t, content, false) })
}

func FuzzSafe(f *testing.F) {
	for _, seed := range []string{"a/b.png", "../a", "a/../b", "/a", `a\b`, "C:a", "./a", "a//b", "..", "a/..", "\xff", "con", "a:b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		short, err := safe(name)
		if err != nil {
			return
		}
		again, err := safe(short)
		for _, part := range strings.Split(short, "/") {
			if part == "" || part == ".." || part == "." {
				t.Fatalf("%q: %q", name, short)
			}
		}
		if err != nil || again != short || !filepath.IsLocal(short) || strings.ContainsAny(short, "\\\x00") {
			t.Fatalf("%q: %q, then %q, %v", name, short, again, err)
		}
	})
}

// Mutated archives are read or refused.
func TestMutatedArchives(t *testing.T) {
	zips, tars := archiveSeeds()
	random := uint64(1)
	below := func(n int) int {
		random = random*6364136223846793005 + 1442695040888963407
		return int(random>>33) % n
	}
	for i, seed := range slices.Concat(zips, tars) {
		for range 600 {
			content := slices.Clone(seed)
			for range 1 + below(4) {
				at := below(len(content))
				switch below(4) {
				case 0:
					content[at] ^= 1 << below(8)
				case 1:
					content[at] = [...]byte{0, 1, 0x7f, 0x80, 0xff, 'P', '0', '7'}[below(8)]
				case 2:
					content = content[:max(at, 1)]
				case 3:
					content = slices.Insert(content, at, content[:below(64)%len(content)]...)
				}
			}
			checkArchive(t, content, i < len(zips))
		}
	}
}

func BenchmarkManyFiles(b *testing.B) {
	files := map[string]string{}
	for i := range 5000 {
		files[fmt.Sprintf("%d/%d.png", i%10, i)] = "content"
	}
	folder := folderOf(b, files)
	r := newRoot(b, folder, Options{})
	f, err := r.Folder(b.Context(), "")
	must(b, err)
	names, err := f.List(b.Context())
	must(b, err)
	later := time.Now().Add(time.Minute)
	now = func() time.Time { return later }
	defer func() { now = time.Now }()
	_, err = f.Digest(b.Context(), names)
	must(b, err)
	for name, do := range map[string]func() error{
		"list": func() error { _, err := f.List(b.Context()); return err },
		"read": func() error {
			return forEach(names, func(name string) error { _, err := f.Read(b.Context(), name, 100); return err })
		},
		"digest":    func() error { _, err := f.digestContent(b.Context(), names, nil); return err },
		"unchanged": func() error { return r.Unchanged(b.Context()) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				must(b, do())
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(names)), "µs/file")
		})
	}
}

func forEach(names []string, do func(name string) error) error {
	for _, name := range names {
		if err := do(name); err != nil {
			return err
		}
	}
	return nil
}

// Where the folder for copies cannot be written, they go to the system's.
func TestTemporaryFolderThatIsMissing(t *testing.T) {
	folder := folderOf(t, map[string]string{"a.tgz": string(gzipped(tarOf(map[string]string{"x": "1"})))})
	r := newRoot(t, folder, Options{Temporary: filepath.Join(folder, "no", "such", "folder")})
	if got, err := readAll(r.Open(t.Context(), "a.tgz/x")); err != nil || got != "1" {
		t.Errorf("%q, %v", got, err)
	}
}
