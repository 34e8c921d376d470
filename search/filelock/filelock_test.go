package filelock

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestMain runs the test binary as a process that holds a lock until it is killed, where a test started it as one.
func TestMain(m *testing.M) {
	path := os.Getenv("MIXMAS_TEST_LOCK")
	if path == "" {
		m.Run()
		return
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	if locked, err := Try(f); !locked {
		panic(err)
	}
	os.Stdout.WriteString("locked\n")
	time.Sleep(time.Hour)
	f.Close()
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func wantTry(t *testing.T, f *os.File, want bool, when string) {
	t.Helper()
	locked, err := Try(f)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system has no locks: ", err)
	}
	if locked != want || err != nil {
		t.Errorf("%s: locked %t (%v), want %t", when, locked, err, want)
	}
}

func TestOneFileHoldsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	first, second := open(t, path), open(t, path)
	wantTry(t, first, true, "nobody has it")
	wantTry(t, second, false, "the first has it")
	first.Close()
	wantTry(t, second, true, "the first is closed")
	if _, err := Try(first); err == nil {
		t.Error("a closed file was locked")
	}
}

// Those who share a lock keep out whoever wants it alone, but not each other; a file that is open for reading suffices.
func TestShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	alone := open(t, path)
	wantTry(t, alone, true, "nobody has it")
	var readers []*os.File
	for range 2 {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		readers = append(readers, f)
	}
	for _, f := range readers {
		if locked, err := TryShared(f); locked || err != nil {
			t.Errorf("shared while another has it alone: %t, %v", locked, err)
		}
	}
	alone.Close()
	for _, f := range readers {
		if locked, err := TryShared(f); !locked || err != nil {
			t.Errorf("not shared: %t, %v", locked, err)
		}
	}
	wantTry(t, open(t, path), false, "two share it")
}

func TestNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	first := open(t, path)
	if !Named(first) {
		t.Error("a file just made has no name")
	}
	if err := os.Remove(path); err != nil {
		t.Skip("this system removes no open file: ", err)
	}
	if Named(first) {
		t.Error("a removed file has a name")
	}
	if second := open(t, path); Named(first) || !Named(second) {
		t.Errorf("of two files of one name the first has it: %t, the second: %t", Named(first), Named(second))
	}
}

// However its holder ends, a lock ends with it.
func TestLockDiesWithItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	f := open(t, path)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.Command(binary)
	holder.Env = append(os.Environ(), "MIXMAS_TEST_LOCK="+path)
	output, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the holder says %q (%v)", line, err)
	}
	wantTry(t, f, false, "another process has it")
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := holder.Wait(); holder.ProcessState.ExitCode() == 0 {
		t.Fatalf("the holder ended by itself: %v", err)
	}
	wantTry(t, f, true, "that process was killed")
}
