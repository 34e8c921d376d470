package ui

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mixmas/search/listen"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// TestMain runs the test binary as a process with a run until it is killed, where a test started it as one.
func TestMain(m *testing.M) {
	path := os.Getenv("MIXMAS_TEST_RUN")
	if path == "" {
		goleak.VerifyTestMain(m)
		return
	}
	s, err := store.Open(context.Background(), path, store.Options{})
	if err == nil {
		var r *runs.Recorder
		if r, err = runs.Start(context.Background(), s, runs.Run{Name: "killed", Kind: runs.KindSearch}); err == nil {
			fmt.Println(r.Run().ID)
			_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends, at the latest
			fmt.Println(r.Run().ID)              // keeps its lease until here
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// watcher reads a stream.
type watcher struct {
	t      testing.TB
	lines  *bufio.Scanner
	parts  map[string]string // latest
	close  func()
	ended  bool
	status int
}

// watch opens a stream.
func watch(t testing.TB, url string) *watcher {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	w := &watcher{t: t, lines: bufio.NewScanner(response.Body), parts: map[string]string{}, status: response.StatusCode, close: func() {
		cancel()
		response.Body.Close()
	}}
	w.lines.Buffer(nil, 1<<20)
	t.Cleanup(w.close)
	return w
}

// next reads the next message; false if the stream has ended.
func (w *watcher) next() bool {
	event := ""
	for w.lines.Scan() {
		field, value, _ := strings.Cut(w.lines.Text(), ": ")
		switch field {
		case "event":
			event = value
		case "data":
			if event == "end" {
				w.ended = true
				return false
			}
			var parts map[string]string
			if err := json.Unmarshal([]byte(value), &parts); err != nil {
				w.t.Fatal(err)
			}
			for id, html := range parts {
				w.parts[id] = html
			}
			return true
		}
	}
	return false
}

// until reads messages until a part has a text.
func (w *watcher) until(id, text string) {
	w.t.Helper()
	for !strings.Contains(w.parts[id], text) {
		if !w.next() {
			w.t.Fatalf("the stream ended before %s had %q: %s", id, text, w.parts[id])
		}
	}
}

// serve serves the pages of a store.
func serve(t testing.TB, s *server) string {
	test := httptest.NewServer(s.handler())
	t.Cleanup(test.Close)
	return test.URL
}

// A watcher sees a run go on and end, as the page shows it that is loaded then.
func TestWatchRun(t *testing.T) {
	v := tell(t)
	s := pages(t, v.store)
	w := watch(t, serve(t, s)+"/runs/"+v.running+"/events")
	w.until("status", "6 of 8 trainings")
	w.until("running", "fusion/ramlp")
	now := time.Now().UTC()
	say(t, v.store, v.running,
		runs.Event{Time: now, Kind: runs.Done, Trial: 7, Name: "fusion/ramlp", Stage: "fusion", Candidate: "ramlp", Metric: "accuracy", Score: 0.95, Seconds: 20},
		runs.Event{Time: now, Kind: runs.Decided, Stage: "fusion", Name: "ramlp"},
		runs.Event{Time: now, Kind: runs.Training, Name: "pets"},
		runs.Event{Time: now, Kind: runs.Trial, Trial: 9, Name: "full/pets", Steps: 1000})
	w.until("stages", "0.9500")
	w.until("log", "the winner is ramlp")
	w.until("running", "full/pets")
	if err := v.recorder.Finish(t.Context(), document(v.keys), nil); err != nil {
		t.Fatal(err)
	}
	for w.next() {
	}
	if !w.ended {
		t.Error("the stream did not say that it ends")
	}
	w.until("status", "finished")
	w.until("result", "Use out/model.safetensors")
	page := ask(s.handler(), "GET", "/runs/"+v.running).Body.String()
	for _, id := range []string{"status", "result", "running", "stages", "curves", "log"} {
		if !strings.Contains(page, w.parts[id]) {
			t.Errorf("the page has another %s than\n%s", id, w.parts[id])
		}
	}
}

// A run whose process is killed while it is watched reads as interrupted.
func TestWatchKilledRun(t *testing.T) {
	scores := temporary(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "MIXMAS_TEST_RUN="+scores.Path())
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the run did not start")
	}
	id := lines.Text()
	w := watch(t, serve(t, pages(t, scores))+"/runs/"+id+"/events")
	w.until("status", "running")
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	w.until("status", "interrupted")
	for w.next() {
	}
	if !w.ended {
		t.Error("the stream did not say that it ends")
	}
}

// The list shows a run that starts, and one that ends. It says when the store cannot be read, and when it can be again.
func TestWatchList(t *testing.T) {
	scores := temporary(t)
	w := watch(t, serve(t, pages(t, scores))+"/events?q=pets")
	w.until("runs", "No run fits")
	r := start(t, scores, "pets")
	start(t, scores, "others")
	w.until("runs", "running")
	if strings.Contains(w.parts["runs"], "others") {
		t.Error("the list has what was not asked for")
	}
	if err := r.Finish(t.Context(), nil, errors.New("no memory")); err != nil {
		t.Fatal(err)
	}
	w.until("runs", "no memory")
	away := scores.Path() + ".away"
	if err := os.Rename(scores.Path(), away); err != nil {
		t.Fatal(err)
	}
	w.until("trouble", "message bad")
	if err := os.Rename(away, scores.Path()); err != nil {
		t.Fatal(err)
	}
	for w.parts["trouble"] != "" {
		w.next()
	}
}

// All watchers of a run share one reader, which ends when the last one has left. One more than allowed is refused.
func TestManyWatchers(t *testing.T) {
	v := tell(t)
	s := pages(t, v.store)
	const most = 20
	s.watchers = make(chan struct{}, most)
	url := serve(t, s) + "/runs/" + v.running + "/events"
	var all []*watcher
	for range most {
		all = append(all, watch(t, url))
	}
	late := watch(t, url)
	if late.status != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", late.status)
	}
	late.close()
	var group sync.WaitGroup
	for _, w := range all {
		group.Go(func() { w.until("status", "6 of 8 trainings") })
	}
	group.Wait()
	s.feeds.mutex.Lock()
	if n := len(s.feeds.open); n != 1 {
		t.Errorf("%d feeds", n)
	}
	s.feeds.mutex.Unlock()
	for _, w := range all {
		w.close()
	}
	for range most { // all have left
		s.watchers <- struct{}{}
	}
	s.feeds.mutex.Lock()
	defer s.feeds.mutex.Unlock()
	if n := len(s.feeds.open); n != 0 {
		t.Errorf("%d feeds are left", n)
	}
}

// A watcher that does not read holds up nobody, and gets the latest state when it does.
func TestSlowWatcher(t *testing.T) {
	f := newFeed()
	for i := range 1000 {
		f.publish(map[string]string{"a": fmt.Sprint(i), "b": "same"})
	}
	parts, now, _, next := f.since(1)
	if len(parts) != 1 || parts["a"] != "999" {
		t.Errorf("got %v", parts)
	}
	f.publish(map[string]string{"b": "same"})
	select {
	case <-next:
		t.Error("nothing has changed, but watchers were woken")
	default:
	}
	f.end()
	<-next
	if parts, _, ended, _ := f.since(now); len(parts) > 0 || !ended {
		t.Error(parts, ended)
	}
}

// Behind a server with limits on time, streams go on, and end when the server stops.
func TestServe(t *testing.T) {
	v := tell(t)
	ctx, stop := context.WithCancel(t.Context())
	urls, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, v.store, listen.Options{Addr: "127.0.0.1:0"}, Options{Refresh: 10 * time.Millisecond}, func(url string) { urls <- url })
	}()
	url := <-urls
	list, run := watch(t, url+"/events"), watch(t, url+"/runs/"+v.running+"/events")
	list.until("runs", "pets")
	run.until("status", "running")
	// The end of a run whose process ends with the server is still shown.
	if err := v.recorder.Finish(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	stop()
	for list.next() {
	}
	for run.next() {
	}
	run.until("status", "finished")
	if !run.ended {
		t.Error("the stream did not say that it ends")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Pages and streams at once, while runs begin and end.
func TestAtOnce(t *testing.T) {
	v := tell(t)
	s := pages(t, v.store)
	url := serve(t, s)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			w := watch(t, url+"/runs/"+v.running+"/events")
			w.until("status", "running")
			w.close()
			for _, target := range v.targets() {
				ask(s.handler(), "GET", target)
			}
		})
	}
	group.Go(func() {
		for range 20 {
			say(t, v.store, v.running, story(v.keys)[1:8]...)
		}
	})
	group.Wait()
}
