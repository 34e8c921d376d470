package ui

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mixmas/search/escape"
	"mixmas/search/filelock"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// told is a store with a finished, a failed and a running run, whose names are hostile.
type told struct {
	store                     *store.Store
	finished, failed, running string
	keys                      map[string]string
	recorder                  *runs.Recorder // of the running one
}

func tell(t testing.TB) told {
	t.Helper()
	s := temporary(t)
	v := told{store: s, keys: map[string]string{}}
	for i, name := range []string{"mlp_mixer", "ramlp", "hyper_mixer"} {
		v.keys["encoder/image/"+name] = put(t, s, i, "encoder/image/"+name+hostile).Key
	}
	for _, r := range []struct {
		id     *string
		failed error
	}{{&v.finished, nil}, {&v.failed, errors.New("the data changed " + hostile)}} {
		recorder := start(t, s, "digits "+hostile)
		*r.id = recorder.Run().ID
		say(t, s, *r.id, story(v.keys)...)
		if err := recorder.Finish(t.Context(), document(v.keys), r.failed); err != nil {
			t.Fatal(err)
		}
	}
	v.recorder = start(t, s, "pets "+hostile)
	v.running = v.recorder.Run().ID
	say(t, s, v.running, story(v.keys)...)
	t.Cleanup(func() { _ = v.recorder.Finish(t.Context(), nil, nil) })
	return v
}

func (v told) targets() []string {
	return []string{"/", "/scores", "/scores?q=" + url.QueryEscape("<script>"), "/?q=" + url.QueryEscape(hostile), "/?state=failed", "/runs/" + v.finished, "/runs/" + v.failed, "/runs/" + v.running,
		"/compare?run=" + v.finished + "&run=" + v.running, "/trials/" + v.keys["encoder/image/mlp_mixer"],
		"/trials?key=" + v.keys["encoder/image/mlp_mixer"] + "&key=" + v.keys["encoder/image/ramlp"]}
}

var (
	tags   = regexp.MustCompile(`<[a-zA-Z/][^>]*>`)
	quoted = regexp.MustCompile(`"[^"]*"`)
)

// Whatever runs, candidates, errors and fields are called, pages show it as text. The store stays as it is.
func TestHostileNames(t *testing.T) {
	v := tell(t)
	before, err := os.ReadFile(v.store.Path())
	if err != nil {
		t.Fatal(err)
	}
	readOnly, err := store.Open(t.Context(), v.store.Path(), store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	h := pages(t, readOnly).handler()
	for _, target := range v.targets() {
		w := ask(h, "GET", target)
		body := w.Body.String()
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", target, w.Code, body)
			continue
		}
		if !strings.Contains(body, "&lt;script&gt;alert(") {
			t.Errorf("%s does not show the name", target)
		}
		body = strings.Replace(body, "<script>"+string(live)+"</script>", "", 1)
		for _, bad := range []string{"<script", "<style", "\x1b", "\u202e"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q", target, bad)
			}
		}
		for _, tag := range tags.FindAllString(body, -1) {
			if strings.Contains(quoted.ReplaceAllString(tag, ""), "onload") || strings.Contains(tag, `href="javascript`) {
				t.Errorf("%s has %s", target, tag)
			}
		}
	}
	after, err := os.ReadFile(v.store.Path())
	if err != nil || string(after) != string(before) {
		t.Errorf("looking at the store changed it: %v", err)
	}
}

// Ids are unique, every label and link has a name, and every table is reached by the keyboard.
func TestAccessible(t *testing.T) {
	v := tell(t)
	h := pages(t, v.store).handler()
	for _, target := range v.targets() {
		body := ask(h, "GET", target).Body.String()
		seen := map[string]bool{}
		for _, id := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			if seen[id[1]] {
				t.Errorf("%s: the id %s is there twice", target, id[1])
			}
			seen[id[1]] = true
		}
		for _, to := range regexp.MustCompile(`aria-labelledby="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			if !seen[to[1]] {
				t.Errorf("%s: there is no id %s", target, to[1])
			}
		}
		for _, tag := range regexp.MustCompile(`<(div class="wide|input type="checkbox|svg)[^>]*>`).FindAllString(body, -1) {
			if !strings.Contains(tag, "aria-") {
				t.Errorf("%s: %s has no name", target, tag)
			}
		}
		for _, want := range []string{`<html lang="en">`, `name="viewport"`, `<main id="content"`, "<h1>"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s", target, want)
			}
		}
	}
}

func has(t *testing.T, h http.Handler, target string, wanted ...string) {
	t.Helper()
	body := ask(h, "GET", target).Body.String()
	for _, want := range wanted {
		if !strings.Contains(body, want) {
			t.Errorf("%s lacks %q:\n%s", target, want, body)
		}
	}
}

func lacks(t *testing.T, h http.Handler, target string, unwanted ...string) {
	t.Helper()
	body := ask(h, "GET", target).Body.String()
	for _, text := range unwanted {
		if strings.Contains(body, text) {
			t.Errorf("%s has %q", target, text)
		}
	}
}

func TestPages(t *testing.T) {
	v := tell(t)
	h := pages(t, v.store).handler()
	has(t, h, "/", v.finished, v.failed, v.running, `data-live="/events"`, `class="state running"`, "1 to 3 of 3", "6 of 8 trainings of the search; now fusion")
	has(t, h, "/?state=failed", v.failed, "1 to 1 of 1 that fit", `data-live="/events?state=failed"`)
	lacks(t, h, "/?state=failed", v.finished, v.running)
	has(t, h, "/?q=PETS", v.running)
	lacks(t, h, "/?q=PETS", v.finished)
	has(t, h, "/?q=nothing+like+it", "No run fits")
	has(t, h, "/?from=99999999999999999999&q=", v.finished)
	has(t, h, "/?from=-5", v.finished)
	has(t, h, "/runs/"+v.running, "data-live", "fusion/ramlp", "fusion/hyper_mixer", "2 of 4 candidates", "Training loss by step", "6 of 8 trainings", "of full trainings", "ahead of all others")
	has(t, h, "/runs/"+v.finished, "0.8700 to 0.9300", "Use out/model.safetensors", "12,345", "baseline majority", "0.9100 [0.880, 0.940]", "Scores of encoder/image")
	lacks(t, h, "/runs/"+v.finished, "data-live", "Training now")
	has(t, h, "/runs/"+v.finished+"/configuration", "seed: 1")
	has(t, h, "/runs/"+v.finished+"/report", "mixmas report</title>", "How to reproduce it")
	has(t, h, "/runs/"+v.running+"/report", "mixmas report</title>")
	has(t, h, "/trials/"+v.keys["encoder/image/mlp_mixer"][:12], "Validation loss by epoch", "model.depth", "cpu/avx2")
	has(t, h, "/trials?key="+v.keys["encoder/image/mlp_mixer"]+"&key="+v.keys["encoder/image/ramlp"], "What differs", "model.depth", `class="differs">2</td>`, `class="differs">3</td>`)
	has(t, h, "/scores", v.keys["encoder/image/mlp_mixer"], "0.5000", "1 to 3 of 3", "1,002")
	has(t, h, "/scores?q=ramlp&metric=loss&sort=newest", v.keys["encoder/image/ramlp"], "1.5000", "1 to 1 of 1 that fit")
	lacks(t, h, "/scores?q=ramlp", v.keys["encoder/image/mlp_mixer"])
	has(t, h, "/scores?q=nothing+like+it", "No score fits")
	has(t, h, "/compare?run="+v.finished+"&run="+v.failed, `<li>A: <a href="/runs/`+v.finished, `data-head="B"`, "B: encoder/image/mlp_mixer", "winner of encoder/image", "mlp_mixer (accuracy 0.9000)", "Validation loss by epoch", "What differs")
	for target, want := range map[string]int{
		"/runs/none": 404, "/runs/none/events": 404, "/runs/none/configuration": 404, "/runs/none/report": 404, "/runs/..%2f..%2fetc": 404, "/trials/none": 404, "/trials": 400, "/scores?metric=none": 400, "/scores?sort=none": 400, "/compare": 400, "/none": 404,
		"/trials?key=1&key=2&key=3&key=4&key=5&key=6&key=7": 400, "/compare?run=" + v.finished: 400, "/compare?run=" + v.finished + "&run=" + v.finished: 400, "/compare?run=a&run=b": 404,
		"/trials/" + strings.Repeat("a", 1000): 400,
	} {
		if w := ask(h, "GET", target); w.Code != want || !strings.Contains(w.Body.String(), "<h1>") {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
}

// An empty store says what to do, and one of a version without runs opens.
func TestEmptyStore(t *testing.T) {
	s := temporary(t)
	has(t, pages(t, s).handler(), "/", "There are no runs in this store yet", html.EscapeString(escape.Shell("mixmas", "run", "--store", s.Path())))
}

// Before there is a store, the page says which one it waits for, and it shows the first run as soon as there is one. An error is shown as
// one, and may pass.
func TestWaitForStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "<b>later.db")
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	h := newWaiting(ctx, path, func(ctx context.Context) (*store.Store, error) {
		return store.Open(ctx, path, store.Options{ReadOnly: true})
	}, Options{}).handler()
	for target, want := range map[string]int{"/": http.StatusOK, "/runs/x": http.StatusNotFound} {
		w := ask(h, "GET", target)
		if w.Code != want || w.Header().Get("Refresh") == "" || !strings.Contains(w.Body.String(), "There is no store <code>"+html.EscapeString(path)) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has no policy", target)
		}
	}
	has(t, h, "/", html.EscapeString(escape.Shell("mixmas", "run", "--store", path)))
	if w := ask(h, "GET", stylePath); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "--ink") {
		t.Errorf("the style sheet: %d", w.Code)
	}
	if w := ask(h, "POST", "/"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	if w := ask(h, "GET", "/", "Origin", "http://evil.example"); w.Code != http.StatusForbidden {
		t.Errorf("another site: %d", w.Code)
	}
	if err := os.WriteFile(path, []byte("no store"), 0o644); err != nil {
		t.Fatal(err)
	}
	if w := ask(h, "GET", "/"); w.Code != http.StatusInternalServerError || w.Header().Get("Refresh") == "" {
		t.Errorf("what is no store: %d %s", w.Code, w.Body)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	has(t, h, "/", "There are no runs in this store yet")
	r := start(t, s, "first")
	t.Cleanup(func() { _ = r.Finish(context.Background(), nil, nil) })
	has(t, h, "/", r.Run().ID, `data-live="/events"`, "Compare the selected runs")
	if w := ask(h, "GET", "/"); w.Header().Get("Refresh") != "" {
		t.Error("a live page loads itself again")
	}
}

// While another process writes to the store, a page waits, and then says what is the matter.
func TestStoreInUse(t *testing.T) {
	v := tell(t)
	s, err := store.Open(t.Context(), v.store.Path(), store.Options{ReadOnly: true, Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	h := pages(t, s).handler()
	file, err := os.OpenFile(v.store.Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if locked, err := filelock.Try(file); err != nil || !locked {
		t.Fatal(locked, err)
	}
	for _, target := range v.targets() {
		if w := ask(h, "GET", target); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "Another process uses the store") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	file.Close()
	has(t, h, "/", v.finished)
}

// A damaged store is an error on every page; when it is mended, the pages come back.
func TestDamagedStore(t *testing.T) {
	v := tell(t)
	h := pages(t, v.store).handler()
	good, err := os.ReadFile(v.store.Path())
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func() error{
		"truncated": func() error { return os.WriteFile(v.store.Path(), good[:len(good)/2], 0o644) },
		"garbage":   func() error { return os.WriteFile(v.store.Path(), []byte(strings.Repeat("garbage", 10000)), 0o644) },
		"missing":   func() error { return os.Remove(v.store.Path()) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		for _, target := range v.targets() {
			if w := ask(h, "GET", target); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `class="message bad"`) {
				t.Errorf("%s: %s: %d", name, target, w.Code)
			}
		}
		if err := os.WriteFile(v.store.Path(), good, 0o644); err != nil {
			t.Fatal(err)
		}
		has(t, h, "/", v.finished)
	}
}

// Events that are damaged or missing cost the page no more than what they say.
func TestDamagedEvents(t *testing.T) {
	v := tell(t)
	path, err := v.store.RunEvents(v.finished)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", "garbage\n{\"kind\":\"done\"}\n{\"kind\":\"decided\",\"stage\":\"x\"}\n", `{"kind":"step","trial":1,"step":-5,"steps":-7}` + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		has(t, pages(t, v.store).handler(), "/runs/"+v.finished, "0.8700 to 0.9300")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	has(t, pages(t, v.store).handler(), "/runs/"+v.finished, "0.8700 to 0.9300", "Nothing has happened yet")
}
