package filecache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain runs the test binary as a process that makes an entry, where a test started it as one: it says how often it made it.
func TestMain(m *testing.M) {
	folder := os.Getenv("MIXMAS_TEST_FILECACHE")
	if folder == "" {
		m.Run()
		return
	}
	c, err := Open(folder, 1<<20)
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString("started\n")
	_, _ = io.ReadFull(os.Stdin, make([]byte, 1)) // all start together
	made := 0
	f, err := c.File(context.Background(), "shared", 9, func(w io.Writer) error {
		made++
		if os.Getenv("MIXMAS_TEST_FILECACHE_HANG") != "" {
			w.Write([]byte("con"))
			os.Stdout.WriteString("writing\n")
			time.Sleep(time.Hour)
		}
		time.Sleep(50 * time.Millisecond) // others come meanwhile
		_, err := w.Write([]byte("content 1"))
		return err
	})
	if err != nil {
		panic(err)
	}
	text, err := io.ReadAll(f)
	fmt.Printf("made %d: %s %v\n", made, text, err)
	f.Close()
}

// process starts the test binary as a process of TestMain.
func process(t *testing.T, folder string, env ...string) (c *exec.Cmd, in io.Writer, out *bufio.Reader) {
	t.Helper()
	c = exec.Command(os.Args[0])
	c.Env = append(append(os.Environ(), "MIXMAS_TEST_FILECACHE="+folder), env...)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	out = bufio.NewReader(pipe)
	wantLine(t, out, "started")
	return c, in, out
}

// wantLine reads a line of a process.
func wantLine(t *testing.T, out *bufio.Reader, want string) {
	t.Helper()
	if line, err := out.ReadString('\n'); err != nil || line != want+"\n" {
		t.Fatalf("the process said %q (%v), want %q", line, err, want)
	}
}

func open(t *testing.T, folder string, most int64) *Cache {
	t.Helper()
	c, err := Open(folder, most)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// content makes or finds an entry of a text, and reports whether it was made.
func content(t *testing.T, c *Cache, key, text string) (made int) {
	t.Helper()
	f, err := c.File(t.Context(), key, int64(len(text)), func(w io.Writer) error {
		made++
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20)); err != nil || string(got) != text {
		t.Errorf("the entry holds %q (%v), want %q", got, err, text)
	}
	return made
}

// names lists the folder's files by their kinds.
func names(t *testing.T, folder string) map[string]int {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, f := range files {
		kind := filepath.Ext(f.Name())
		if strings.Contains(f.Name(), partial) {
			kind = partial
		}
		kinds[kind]++
	}
	return kinds
}

func TestEntriesAreMadeOnce(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, 1<<20)
	if content(t, c, "a", "text") != 1 || content(t, c, "a", "text") != 0 || content(t, open(t, folder, 1<<20), "a", "text") != 0 {
		t.Error("an entry was made again")
	}
	if content(t, c, "b", "another") != 1 {
		t.Error("an entry was found under another key")
	}
	if got := names(t, folder); got[data] != 2 || got[entry] != 2 || len(got) != 2 && runtime.GOOS != "windows" {
		t.Errorf("the folder holds %v", got)
	}
}

// Entries that were changed behind the cache's back are made again.
func TestDamagedEntriesAreMadeAgain(t *testing.T) {
	for name, damage := range map[string]func(path func(kind string) string) error{
		"truncated":          func(path func(string) string) error { return os.Truncate(path(data), 2) },
		"longer":             func(path func(string) string) error { return os.WriteFile(path(data), []byte("longer text"), 0o644) },
		"gone":               func(path func(string) string) error { return os.Remove(path(data)) },
		"without entry":      func(path func(string) string) error { return os.Remove(path(entry)) },
		"with a bad entry":   func(path func(string) string) error { return os.WriteFile(path(entry), []byte("{"), 0o644) },
		"with a huge entry":  func(path func(string) string) error { return os.WriteFile(path(entry), make([]byte, 1<<13), 0o644) },
		"another size there": func(path func(string) string) error { return os.WriteFile(path(entry), []byte(`{"bytes": 3}`), 0o644) },
	} {
		c := open(t, t.TempDir(), 1<<20)
		content(t, c, "a", "text")
		if err := damage(func(kind string) string { return c.path(nameOf("a"), kind) }); err != nil {
			t.Fatal(err)
		}
		if content(t, c, "a", "text") != 1 || content(t, c, "a", "text") != 0 {
			t.Errorf("%s: it was not made again, once", name)
		}
	}
}

// Above the bound, what was not used for the longest time goes, but nothing that is open here.
func TestBound(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, 1000)
	text := strings.Repeat("x", 150)
	at := time.Now().Add(-time.Hour)
	for i, key := range []string{"a", "b", "c"} {
		content(t, c, key, text)
		stamp := at.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(c.path(nameOf(key), entry), stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
	f, err := c.File(t.Context(), "b", 150, nil) // it is in use
	if err != nil {
		t.Fatal(err)
	}
	stamp := at.Add(-time.Hour)
	if err := os.Chtimes(c.path(nameOf("b"), entry), stamp, stamp); err != nil {
		t.Fatal(err)
	}
	content(t, c, "a", text) // so c is the oldest
	content(t, c, "large", strings.Repeat("y", 350))
	for key, want := range map[string]int{"a": 0, "b": 0, "large": 0} {
		if made := content(t, c, key, map[bool]string{true: text, false: strings.Repeat("y", 350)}[key != "large"]); made != want {
			t.Errorf("%s was removed", key)
		}
	}
	f.Close()
	if content(t, c, "c", text) != 1 {
		t.Error("c was not removed")
	}
	entries, _ := c.list()
	together := int64(0)
	for _, e := range entries {
		together += e.bytes
	}
	if together > 1000 {
		t.Errorf("%d bytes, want at most 1000", together)
	}
	for range 2 {
		if content(t, c, "too large", strings.Repeat("z", 2000)) != 1 {
			t.Error("what does not fit was kept")
		}
	}
	if got := names(t, folder); got[partial] != 0 {
		t.Errorf("a temporary file stays: %v", got)
	}
}

// An entry that another process removes can still be read.
func TestRemovedEntryIsReadToItsEnd(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, 1<<20)
	content(t, c, "a", "text")
	f, err := c.File(t.Context(), "a", 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	open(t, folder, 1<<20).Remove("a")
	if got, err := io.ReadAll(f); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
}

// Without a folder, without room, or where nothing can be written, files are temporary and go when they are closed.
func TestTemporaryFiles(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary)
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	readOnly := t.TempDir()
	gone := open(t, readOnly, 1<<20)
	if err := os.RemoveAll(readOnly); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*Cache{"nil": nil, "no folder": open(t, "", 1<<20), "no room": open(t, t.TempDir(), 0), "a file in its place": open(t, filepath.Join(blocked, "cache"), 1<<20), "a folder that is gone": gone} {
		if content(t, c, "a", "text") != 1 && name != "a folder that is gone" || content(t, c, "a", "text") == 0 {
			t.Errorf("%s: the entry was kept", name)
		}
		if _, ok := c.Note("a"); ok || c.PutNote("a", []byte("x")) != nil && name != "a folder that is gone" {
			t.Errorf("%s: there is a note", name)
		}
	}
	if left := names(t, temporary); len(left) > 0 {
		t.Errorf("temporary files stay: %v", left)
	}
	if _, err := Open("", -1); err == nil {
		t.Error("a negative bound was accepted")
	}
}

// An error of the maker is returned, once, and leaves nothing; so does one that writes too much or too little.
func TestMakersThatFail(t *testing.T) {
	broken := errors.New("broken")
	folder := t.TempDir()
	for _, c := range []*Cache{open(t, folder, 1<<20), nil} {
		calls := 0
		for want, text := range map[string]string{"broken": "te", "1 bytes more than expected": "texts", "1 bytes fewer than expected": "tex"} {
			_, err := c.File(t.Context(), "a", 4, func(w io.Writer) error {
				calls++
				_, err := io.WriteString(w, text)
				if want == "broken" {
					err = broken
				}
				return err
			})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		}
		if calls != 3 {
			t.Errorf("%d calls, want 3", calls)
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := c.File(ctx, "a", 4, func(w io.Writer) error {
			cancel()
			_, err := io.WriteString(w, "text")
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	if got := names(t, folder); got[data]+got[entry]+got[partial] > 0 {
		t.Errorf("the folder holds %v", got)
	}
}

// If the file cannot be written, the maker is called again for a temporary one.
func TestDiskThatIsFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here: ", err)
	}
	defer full.Close()
	to := &sink{ctx: t.Context(), w: full, left: 4}
	if err := to.take(func(w io.Writer) error { _, err := io.WriteString(w, "text"); return err }); err != nil || to.err == nil {
		t.Errorf("the maker is to blame for %v, the file for %v", err, to.err)
	}
}

// Goroutines and processes that need an entry at once get the same one, and only one makes it.
func TestOneMakesIt(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, 1<<20)
	var made atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			f, err := c.File(t.Context(), "a", 4, func(w io.Writer) error {
				made.Add(1)
				_, err := io.WriteString(w, "text")
				return err
			})
			if err != nil {
				t.Error(err)
				return
			}
			f.Close()
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
	var outputs []*bufio.Reader
	for range 2 {
		p, in, out := process(t, folder)
		outputs = append(outputs, out)
		t.Cleanup(func() { _ = p.Wait() })
		if _, err := in.Write([]byte{'\n'}); err != nil {
			t.Fatal(err)
		}
	}
	said := map[string]int{}
	for _, out := range outputs {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		said[line]++
	}
	if said["made 1: content 1 <nil>\n"] != 1 || said["made 0: content 1 <nil>\n"] != 1 {
		t.Errorf("two processes said %v", said)
	}
}

// A process that is killed while it makes an entry leaves a partial file and a lock, which the next one removes.
func TestKilledProcess(t *testing.T) {
	folder := t.TempDir()
	p, in, out := process(t, folder, "MIXMAS_TEST_FILECACHE_HANG=1")
	if _, err := in.Write([]byte{'\n'}); err != nil {
		t.Fatal(err)
	}
	wantLine(t, out, "writing")
	if got := names(t, folder); got[partial] != 1 || got[lock] != 1 {
		t.Errorf("while it is made, the folder holds %v", got)
	}
	open(t, folder, 1<<20)
	if got := names(t, folder); got[partial] != 1 || got[lock] != 1 {
		t.Errorf("the files of a living process were removed: %v", got)
	}
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	if runtime.GOOS == "windows" {
		return // there, a partial file counts as abandoned after an hour
	}
	c := open(t, folder, 1<<20)
	if got := names(t, folder); len(got) != 0 {
		t.Errorf("the folder holds %v", got)
	}
	if content(t, c, "shared", "content 1") != 1 {
		t.Error("the entry was there")
	}
}

func TestNotes(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, 2000)
	if err := c.PutNote("a", []byte("of a\nin two lines")); err != nil {
		t.Fatal(err)
	}
	content(t, c, "a", "text")
	if got, ok := open(t, folder, 1000).Note("a"); !ok || string(got) != "of a\nin two lines" {
		t.Errorf("the note is %q, %t", got, ok)
	}
	if _, ok := c.Note("b"); ok {
		t.Error("there is a note of another key")
	}
	if err := os.WriteFile(c.path(nameOf("a"), note), []byte("0000\nanything"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Note("a"); ok {
		t.Error("a damaged note was read")
	}
	if err := c.PutNote("large", make([]byte, 3000)); err == nil {
		t.Error("a note larger than the bound was kept")
	}
	for i := range 20 {
		if err := c.PutNote(fmt.Sprint(i), make([]byte, 300)); err != nil {
			t.Fatal(err)
		}
	}
	entries, _ := c.list()
	together := int64(0)
	for _, e := range entries {
		together += e.bytes
	}
	if together > 2000 || len(entries) < 3 {
		t.Errorf("%d entries of %d bytes, want at most 2000", len(entries), together)
	}
}

// A smaller bound holds from the next Open on.
func TestSmallerBound(t *testing.T) {
	folder := t.TempDir()
	for i := range 5 {
		content(t, open(t, folder, 10000), fmt.Sprint(i), strings.Repeat("x", 500))
	}
	entries, _ := open(t, folder, 1300).list()
	if len(entries) != 2 {
		t.Errorf("%d entries, want 2", len(entries))
	}
}

// Files that are not the cache's are left alone, and not counted.
func TestOtherFilesStay(t *testing.T) {
	folder := t.TempDir()
	other := filepath.Join(folder, "mine.data")
	if err := os.WriteFile(other, make([]byte, 5000), 0o644); err != nil {
		t.Fatal(err)
	}
	c := open(t, folder, 1000)
	if content(t, c, "a", strings.Repeat("x", 500)) != 1 || content(t, c, "a", strings.Repeat("x", 500)) != 0 {
		t.Error("there is no room")
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}
