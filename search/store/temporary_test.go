package store

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Temporary files can be written and read, each is a file of its own, and where open files can be removed they have no name.
func TestTemporary(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "scores.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		f, err := s.Temporary()
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(f.Name())
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 3)
		if _, err := f.ReadAt(got, 0); err != nil || string(got) != text {
			t.Errorf("read %q (%v), want %q", got, err, text)
		}
	}
	if left, err := os.ReadDir(s.folder()); runtime.GOOS != "windows" && (err != nil || len(left) > 0) {
		t.Errorf("%v are left (%v)", left, err)
	}
}
