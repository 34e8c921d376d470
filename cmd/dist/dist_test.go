package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var someFiles = []file{{path: "share/b", content: []byte("b")}, {path: "bin/mixmas", content: []byte("program"), program: true}, {path: "a", content: nil}}

// Archives have sorted files with fixed times and owners: in whatever order files come, the bytes are the same.
func TestArchives(t *testing.T) {
	for _, goos := range []string{"linux", "windows"} {
		first, extension, err := archive("mixmas-1", goos, someFiles)
		if err != nil {
			t.Fatal(err)
		}
		reversed := slices.Clone(someFiles)
		slices.Reverse(reversed)
		second, _, err := archive("mixmas-1", goos, reversed)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: the order of the files changes the archive (%v)", goos, err)
		}
		var names []string
		if goos == "windows" {
			z, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
			if err != nil || extension != ".zip" {
				t.Fatal(err, extension)
			}
			for _, f := range z.File {
				names = append(names, f.Name)
				if !f.Modified.Equal(changed) {
					t.Errorf("%s was changed %v", f.Name, f.Modified)
				}
			}
		} else {
			g, err := gzip.NewReader(bytes.NewReader(first))
			if err != nil || extension != ".tar.gz" {
				t.Fatal(err, extension)
			}
			for r := tar.NewReader(g); ; {
				h, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				names = append(names, h.Name)
				if executable := h.Mode == 0o755; !h.ModTime.Equal(changed) || h.Uid != 0 || h.Uname != "" || executable != strings.HasSuffix(h.Name, "bin/mixmas") {
					t.Errorf("%+v", h)
				}
			}
		}
		if want := []string{"mixmas-1/a", "mixmas-1/bin/mixmas", "mixmas-1/share/b"}; !slices.Equal(names, want) {
			t.Errorf("%s: %q, want %q", goos, names, want)
		}
	}
	if _, _, err := archive("mixmas-1", "linux", append(someFiles, someFiles[0])); err == nil || !strings.Contains(err.Error(), "share/b is in the archive twice") {
		t.Errorf("got %v", err)
	}
}

// Every module in the program has a licence, which the archive shows with that of Go.
func TestLicences(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	text, err := licences(t.Context(), runtime.GOOS, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nGo go1.", "\ngolang.org/x/sys v", "\ngithub.com/urfave/cli/v2 v", "\ngonum.org/v1/gonum v", "Copyright"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %q", want)
		}
	}
	empty := t.TempDir()
	if _, err := licencesOf([]module{{Path: "example.org/free", Dir: empty}}); err == nil || !strings.Contains(err.Error(), "example.org/free has no file with its licence") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(empty, "LICENCE.md"), []byte("\nAs you like.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := licencesOf([]module{{Path: "example.org/free", Version: "v1", Dir: empty}}); err != nil || !bytes.Contains(text, []byte("example.org/free v1: LICENCE.md\n\nAs you like.\n")) {
		t.Errorf("got %s (%v)", text, err)
	}
}

func TestVersions(t *testing.T) {
	for _, version := range []string{"", "a b", "../x", "-1", "1/2"} {
		if err := (distribution{version: version, to: t.TempDir()}).make(t.Context()); err == nil || !strings.Contains(err.Error(), "want letters, digits") {
			t.Errorf("%q: %v", version, err)
		}
	}
}
