package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// file is a file of an archive.
type file struct {
	path    string // with slashes, in the folder of the archive
	content []byte
	program bool
}

func (f file) mode() int64 {
	if f.program {
		return 0o755
	}
	return 0o644
}

// changed is the time of all files: the first that zip archives know.
var changed = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// archive packs files into a folder with a name, sorted by path: a zip archive for Windows, otherwise a tar archive with gzip. The same
// files give the same bytes.
func archive(name, goos string, files []file) (content []byte, extension string, err error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b file) int { return strings.Compare(a.path, b.path) })
	for i, f := range files[1:] {
		if f.path == files[i].path {
			return nil, "", fmt.Errorf("%s: %s is in the archive twice", name, f.path)
		}
	}
	var b bytes.Buffer
	if goos == "windows" {
		err = writeZip(&b, name, files)
		return b.Bytes(), ".zip", err
	}
	err = writeTar(&b, name, files)
	return b.Bytes(), ".tar.gz", err
}

func writeTar(w io.Writer, name string, files []file) error {
	compressed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(compressed)
	for _, f := range files {
		if err := t.WriteHeader(&tar.Header{Name: name + "/" + f.path, Mode: f.mode(), Size: int64(len(f.content)), ModTime: changed, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		if _, err := t.Write(f.content); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

func writeZip(w io.Writer, name string, files []file) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		to, err := z.CreateHeader(&zip.FileHeader{Name: name + "/" + f.path, Method: zip.Deflate, Modified: changed})
		if err != nil {
			return err
		}
		if _, err := to.Write(f.content); err != nil {
			return err
		}
	}
	return z.Close()
}
