package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

var someKey = strings.Repeat("0123456789abcdef", 4)

func lease(t *testing.T, s *Store, want bool) *Lease {
	t.Helper()
	l, err := s.TryLease(someKey)
	if err != nil || (l != nil) != want {
		t.Fatalf("the lease is %v (%v), wanted: %t", l, err, want)
	}
	return l
}

func leaseFiles(t *testing.T, s *Store) []string {
	t.Helper()
	files, err := filepath.Glob(s.Path() + ".files/lease-*")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestLease(t *testing.T) {
	s := temporaryStore(t)
	other, err := Open(t.Context(), s.Path(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	held := lease(t, s, true)
	lease(t, s, false)
	lease(t, other, false)
	if _, _, err := other.Prune(t.Context(), func(Score) bool { return true }); err != nil {
		t.Fatal(err)
	}
	lease(t, other, false) // pruning leaves it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := other.AwaitLease(ctx, someKey); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting in a context that has ended: %v", err)
	}
	awaited := make(chan error)
	go func() { awaited <- other.AwaitLease(t.Context(), someKey) }()
	held.Release()
	if err := <-awaited; err != nil {
		t.Error(err)
	}
	lease(t, other, true).Release()
	if err := os.RemoveAll(s.Path() + ".files"); err != nil {
		t.Fatal(err)
	}
	lease(t, other, true).Release()
	if files := leaseFiles(t, s); len(files) > 0 {
		t.Errorf("released leases left %v", files)
	}
	for _, key := range []string{"", "../" + someKey, someKey[1:]} {
		if _, err := s.TryLease(key); err == nil {
			t.Errorf("key %q has a lease", key)
		}
	}
	reader, err := Open(t.Context(), s.Path(), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = reader.TryLease(someKey)
	wantError(t, err, ErrReadOnly, s.Path())
}

// Whatever their order, of those who want a lease one at a time has it. Released ones are removed while others wait.
func TestOneHolderAtATime(t *testing.T) {
	s := temporaryStore(t)
	var holders atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for held := 0; held < 50; {
				l, err := s.TryLease(someKey)
				if err != nil {
					t.Error(err)
					return
				}
				if l == nil {
					continue
				}
				held++
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold it", n)
				}
				for range 20 { // lets the others try
					runtime.Gosched()
				}
				holders.Add(-1)
				l.Release()
			}
		})
	}
	all.Wait()
	if files := leaseFiles(t, s); len(files) > 0 {
		t.Errorf("released leases left %v", files)
	}
}

// A lease ends when its holder is killed, and what is left of it is pruned.
func TestLeaseOfAKilledProcess(t *testing.T) {
	s := temporaryStore(t)
	for range 2 {
		holder := process(t, "lease", s.Path(), 0)
		output, err := holder.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(output); lines.Scan() && lines.Text() != "leased"; {
		}
		lease(t, s, false)
		if err := holder.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, output)
		if err := holder.Wait(); holder.ProcessState.ExitCode() == 0 {
			t.Fatalf("the holder ended by itself: %v", err)
		}
		if files := leaseFiles(t, s); len(files) != 1 {
			t.Errorf("the killed process left %v, want one file", files)
		}
	}
	if err := s.AwaitLease(t.Context(), someKey); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Prune(t.Context(), func(Score) bool { return true }); err != nil {
		t.Error(err)
	}
	if files := leaseFiles(t, s); len(files) > 0 {
		t.Errorf("pruning left %v", files)
	}
	lease(t, s, true).Release()
}

// A store that another process holds is waited for as long as the context lasts, and that is said once.
func TestWaitForTheStore(t *testing.T) {
	s := temporaryStore(t)
	sc, weights, outputs := trial(1)
	told := make(chan struct{}, 99)
	s.options.Waiting = func() { told <- struct{}{} }
	s.announceAfter = 1
	hold := func() *bbolt.DB {
		other, err := bbolt.Open(s.Path(), 0o644, nil)
		if err != nil {
			t.Fatal(err)
		}
		return other
	}

	other := hold()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-told; cancel() }()
	_, err := s.Put(ctx, sc, weights, outputs)
	wantError(t, err, context.Canceled, ErrLocked.Error())
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), sc.Key); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}

	other = hold()
	go func() { <-told; other.Close() }()
	if _, err := s.Put(t.Context(), sc, weights, outputs); err != nil {
		t.Error(err)
	}
	if len(told) > 0 {
		t.Errorf("it was said %d times more", len(told))
	}
	if _, err := os.Stat(s.blobPath(digest(weights))); err != nil {
		t.Error(err)
	}
}

// Whoever waits for a store that another process holds stops when the context ends: no call is deaf to Ctrl-C.
func TestWaitsEndWithTheContext(t *testing.T) {
	s := filled(t)
	archive := export(t, s)
	other, err := bbolt.Open(s.Path(), 0o644, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var all sync.WaitGroup
	for name, call := range map[string]func(s *Store) error{
		"open":   func(s *Store) error { _, err := Open(ctx, s.Path(), Options{}); return err },
		"get":    func(s *Store) error { _, err := s.Get(ctx, someKey); return err },
		"list":   func(s *Store) error { _, err := s.List(ctx); return err },
		"find":   func(s *Store) error { _, err := s.Find(ctx, "0"); return err },
		"remove": func(s *Store) error { return s.Remove(ctx, someKey) },
		"prune":  func(s *Store) error { _, _, err := s.Prune(ctx, func(Score) bool { return true }); return err },
		"export": func(s *Store) error { return s.Export(ctx, io.Discard) },
		"import": func(s *Store) error { _, err := s.Import(ctx, bytes.NewReader(archive)); return err },
		"verify": func(s *Store) error { _, err := s.Verify(ctx, func(error) {}); return err },
	} {
		alone := &Store{path: s.path, options: s.options, noSync: true, step: s.step, announceAfter: announceAfter}
		all.Go(func() {
			if err := call(alone); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
	if a := s.newWait(ctx).attempt(); a > time.Millisecond {
		t.Errorf("in a context that has ended a call waits %v", a)
	}
}
