package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// verify returns what is wrong with a store, one line each.
func verify(t testing.TB, s *Store) (scores, files int, wrong []string) {
	t.Helper()
	read, err := s.Verify(t.Context(), func(err error) { wrong = append(wrong, err.Error()) })
	if err != nil {
		t.Fatal(err)
	}
	return read.Scores, read.Files, wrong
}

func TestVerify(t *testing.T) {
	s := temporaryStore(t)
	var scores []Score
	for i := range 5 {
		scores = append(scores, put(t, s, i))
	}
	if _, err := s.Put(t.Context(), failedTrial(7), nil, nil); err != nil {
		t.Fatal(err)
	}
	if n, files, wrong := verify(t, s); n != 6 || files != 10 || wrong != nil {
		t.Errorf("%d scores, %d files, wrong: %q; want 6, 10 and nothing", n, files, wrong)
	}
	for _, change := range []func() error{
		func() error { return os.Remove(s.blobPath(scores[0].Weights)) }, // as pruning does
		func() error { return os.Remove(s.blobPath(scores[1].Outputs)) },
		func() error { return os.WriteFile(s.blobPath(scores[2].Weights), []byte("other"), 0o644) },
		func() error { return os.WriteFile(s.blobPath(scores[3].Outputs), nil, 0o644) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
	}
	setRecord(t, s, scores[4].Key, bytes.Replace(record(t, scores[4]), []byte("12.5"), []byte("12.4"), 1))
	n, files, wrong := verify(t, s)
	if n != 5 || files != 6 || len(wrong) != 4 {
		t.Errorf("%d scores, %d files, %d wrong; want 5, 6 and 4", n, files, len(wrong))
	}
	for _, want := range []string{scores[4].Key, "outputs of " + abbreviate(scores[1].Key), "weights of " + abbreviate(scores[2].Key), "outputs of " + abbreviate(scores[3].Key)} {
		if !strings.Contains(strings.Join(wrong, "\n"), want) {
			t.Errorf("nothing about %s in %q", want, wrong)
		}
	}
	// A damaged meta page takes the last transaction with it.
	b := openBolt(t, content(t, s))
	b.newestMeta()[70-pageHead]++
	if err := os.WriteFile(s.path, b.file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, wrong := verify(t, s); !strings.Contains(strings.Join(wrong, "\n"), "one of its two meta pages") {
		t.Errorf("a damaged meta page: %q", wrong)
	}
	put(t, s, 8)
	if _, _, wrong := verify(t, s); strings.Contains(strings.Join(wrong, "\n"), "meta pages") {
		t.Errorf("a mended meta page: %q", wrong)
	}
	// Damage of a file that was examined already.
	b = openBolt(t, content(t, s))
	b.page(b.root)[0]++
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path, b.file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(s.path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, _, wrong := verify(t, s); len(wrong) != 1 || !strings.Contains(wrong[0], "its header says page") {
		t.Errorf("a damaged page: %q", wrong)
	}
}

func TestVerifyIsInterrupted(t *testing.T) {
	s := temporaryStore(t)
	put(t, s, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Verify(ctx, func(err error) { t.Error(err) }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
