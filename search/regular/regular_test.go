package regular

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != 7 {
		t.Errorf("opened %v, %v", info, err)
	}
	f.Close()
	if _, err := Open(folder); err == nil || !strings.Contains(err.Error(), folder+" is a folder, want a regular file") {
		t.Errorf("a folder: error %v", err)
	}
	if _, err := Open(path + ".no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
	if _, err := os.Stat(os.DevNull); err == nil {
		if _, err := Open(os.DevNull); err == nil || !strings.Contains(err.Error(), "is a device, want a regular file") {
			t.Errorf("%s: error %v", os.DevNull, err)
		}
	}
}

func TestKind(t *testing.T) {
	for mode, want := range map[fs.FileMode]string{
		fs.ModeDir: "folder", fs.ModeNamedPipe: "pipe", fs.ModeSocket: "socket",
		fs.ModeDevice: "device", fs.ModeDevice | fs.ModeCharDevice: "device", fs.ModeIrregular: "special file",
	} {
		if got := kind(mode | 0o644); got != want {
			t.Errorf("%v is a %s, want %s", mode, got, want)
		}
	}
}
