//go:build unix

package config

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestLoadReadsPipes loads a named pipe, as <(...) of shells is one: it is no file with a folder of its own.
func TestLoadReadsPipes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(path, []byte(small), 0o600) }()
	c, err := Load(path)
	if err != nil || c.Folder() != "" || c.File() != path {
		t.Errorf("folder %q, file %q, %v", c.Folder(), c.File(), err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
