//go:build unix

package files

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A pipe that nobody writes to is refused at once, not waited for.
func TestPipe(t *testing.T) {
	folder := folderOf(t, map[string]string{"a": ""})
	must(t, unix.Mkfifo(filepath.Join(folder, "pipe"), 0o600))
	r := newRoot(t, folder, Options{})
	f, err := r.Folder(t.Context(), "")
	must(t, err)
	const want = "pipe is a pipe, want a regular file"
	if _, err := r.Open(t.Context(), "pipe"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
	if _, err := f.Open(t.Context(), "pipe"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
	if _, err := f.List(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
	if _, err := f.Digest(t.Context(), []string{"pipe"}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
}
