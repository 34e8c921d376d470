package cmd

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"mixmas/search/store"
)

// said is an output whose lines can be waited for.
type said struct {
	mutex sync.Mutex
	text  bytes.Buffer
	more  chan struct{}
}

func newSaid() *said { return &said{more: make(chan struct{}, 1)} }

func (s *said) Write(text []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.text.Write(text)
}

func (s *said) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// await returns what the pattern finds as soon as it is written.
func (s *said) await(t *testing.T, pattern string) string {
	t.Helper()
	late := time.After(time.Minute)
	for {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(s.String()); found != nil {
			return found[1]
		}
		select {
		case <-s.more:
		case <-late:
			t.Fatalf("%s is not in %s", pattern, s)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s, %v", url, response.Status, text, err)
	}
	return string(text)
}

// mixmas ui says where it is, and Ctrl-C ends it well. Another one on the same port says what to do.
func TestUI(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.db")
	if _, err := store.Open(t.Context(), path, store.Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, ended := newSaid(), make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"mixmas", "ui", "--store", path, "--addr", "127.0.0.1:0"}, nil, out, io.Discard)
	}()
	url := out.await(t, `^(http://127\.0\.0\.1:\d+) shows the runs of .*Ctrl-C`)
	if page := get(t, url); !strings.Contains(page, "There are no runs in this store yet") {
		t.Errorf("%s", page)
	}
	var errors bytes.Buffer
	if code := run(t.Context(), []string{"mixmas", "ui", "--store", path, "--addr", strings.TrimPrefix(url, "http://")}, nil, io.Discard, &errors); code != exitFailure || !strings.Contains(errors.String(), "another program listens on it: name another port") {
		t.Errorf("a busy port: %d %s", code, &errors)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// mixmas ui waits for a store that a search creates later.
func TestUIBeforeStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "later.db")
	ctx, stop := context.WithCancel(t.Context())
	out, ended := newSaid(), make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"mixmas", "ui", "--store", path, "--addr", "127.0.0.1:0"}, nil, out, io.Discard)
	}()
	url := out.await(t, `^(http://127\.0\.0\.1:\d+) waits for the store .*later.db, which a search creates`)
	if page := get(t, url); !strings.Contains(page, "There is no store") || !strings.Contains(page, "later.db") {
		t.Errorf("%s", page)
	}
	if _, err := store.Open(t.Context(), path, store.Options{}); err != nil {
		t.Fatal(err)
	}
	if page := get(t, url); !strings.Contains(page, "There are no runs in this store yet") {
		t.Errorf("%s", page)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// A search with --ui says where it is shown, uses another port if the usual one is in use, and computes what it does without.
func TestRunUI(t *testing.T) {
	if busy, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil {
		defer busy.Close()
	}
	folder := t.TempDir()
	plan := filepath.Join(folder, "plan.yaml")
	if err := os.WriteFile(plan, []byte(smallPlan), 0o644); err != nil {
		t.Fatal(err)
	}
	search := func(store string, flags ...string) (*said, *said, chan int) {
		out, errors, ended := newSaid(), newSaid(), make(chan int, 1)
		words := append([]string{"mixmas", "search", "--store", filepath.Join(folder, store), "--workers", "1", plan}, flags...)
		go func() { ended <- run(t.Context(), words, nil, out, errors) }()
		return out, errors, ended
	}
	out, errors, ended := search("a.db", "--ui")
	url := errors.await(t, `live page: (http://127\.0\.0\.1:\d+/runs/\S+)`)
	if strings.Contains(url, ":8080/") {
		t.Errorf("%s is in use", url)
	}
	if page := get(t, url); !strings.Contains(page, "small") || !strings.Contains(page, "data-live") {
		t.Errorf("%s", page)
	}
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, errors)
	}
	plain, _, ended := search("b.db")
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
	scores := regexp.MustCompile(`0\.\d{4}`)
	if a, b := scores.FindAllString(out.String(), -1), scores.FindAllString(plain.String(), -1); len(a) == 0 || strings.Join(a, " ") != strings.Join(b, " ") {
		t.Errorf("scores %v with the page, %v without", a, b)
	}
	if _, err := net.DialTimeout("tcp", strings.Split(url, "/")[2], time.Second); err == nil {
		t.Error("the page outlives the search")
	}
}
