package browser

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// said is what a program has printed so far.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(text)
}

// await waits until the program has printed what the pattern finds, and returns it.
func (s *said) await(t *testing.T, pattern string) string {
	t.Helper()
	for range 600 {
		s.mu.Lock()
		found := regexp.MustCompile(pattern).FindStringSubmatch(s.text.String())
		s.mu.Unlock()
		if found != nil {
			return found[1]
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s is not in %s", pattern, s.text.String())
	return ""
}

// start starts the program in a folder, and stops it after the test.
func start(t *testing.T, folder string, arguments ...string) *said {
	t.Helper()
	c := exec.Command(program, arguments...)
	c.Dir = folder
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(folder, "cache"))
	out := &said{}
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return out
}

// own checks that a page has asked only its own server, and that nothing is on the console.
func (p *tab) own(url string) {
	p.Helper()
	p.mu.Lock()
	var others []string
	for _, request := range p.requests {
		if !strings.HasPrefix(request, url) {
			others = append(others, request)
		}
	}
	p.requests = others
	p.mu.Unlock()
	p.quiet()
}

// await waits until an expression is true, also on a machine that does other things.
func (p *tab) await(expression string) {
	p.Helper()
	for range 8 { // of 30 s; loading another page ends the first
		_, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("document.body !== null && "+expression))
		if err == nil {
			return
		}
		p.Log(err)
	}
	p.Fatalf("%s is not true: %s", expression, evaluate[string](p, `document.body.innerText`))
}

// A search that is watched while it runs: its page changes by itself, keeps what is selected, and shows the end.
func TestLivePage(t *testing.T) {
	folder := t.TempDir()
	slow := strings.ReplaceAll(plan, "epochs: 3", "epochs: 80")
	if err := os.WriteFile(filepath.Join(folder, "plan.yaml"), []byte(slow), 0o644); err != nil {
		t.Fatal(err)
	}
	out := start(t, folder, "run", "plan.yaml", "--ui", "--workers", "1", "--store", "s.db", "--out", "out")
	url := out.await(t, `live page: (http://\S+)`)
	server := regexp.MustCompile(`^http://[^/]+`).FindString(url)
	p := open(t, url)
	p.await(`document.querySelectorAll("#running .card").length > 0 && document.getElementById("connection").textContent === "live"`)
	p.await(`document.querySelectorAll("#stages input").length > 0`)
	evaluate[bool](p, `(document.querySelector("#stages input").click(), document.querySelector("#stages input").focus(), true)`)
	log := evaluate[int](p, `document.querySelectorAll("#log li").length`)
	p.await(`document.querySelectorAll("#log li").length > ` + strconv.Itoa(log+1))
	if !evaluate[bool](p, `document.querySelector("#stages input:checked") !== null && document.activeElement.matches("#stages input")`) {
		t.Error("a change of the page has lost what was selected or has the focus")
	}
	p.await(`document.querySelectorAll("#curves svg .line").length > 0`)
	p.await(`document.querySelector("#status .state").textContent === "finished" && document.querySelectorAll("#result tbody tr").length > 0`)
	if got := evaluate[string](p, `document.getElementById("connection").textContent`); got != "ended" {
		t.Errorf("the page says that it is %s", got)
	}
	p.own(server)

	// Later, of the store.
	ui := start(t, folder, "ui", "--store", "s.db", "--addr", "127.0.0.1:0")
	server = ui.await(t, `(http://\S+) shows the runs`)
	id := regexp.MustCompile(`/runs/.*`).FindString(url)
	key := evaluate[string](p, `document.querySelector("#stages input").value`)
	for _, path := range []string{"/", id, id + "/report", "/trials/" + key} {
		p := open(t, server+path)
		p.contrast()
		p.dark()
		p.contrast()
		p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(e => e.open = true); undefined`))
		p.readable()
		p.own(server)
		if evaluate[int](p, `document.querySelectorAll("h1").length`) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
	// Two runs beside each other.
	mixmas(t, folder, "search", "plan.yaml", "--workers", "1", "--store", "s.db", "--seed", "2")
	ids := evaluate[string](open(t, server+"/"), `[...document.querySelectorAll("#runs input")].map(e => "run=" + e.value).join("&")`)
	p = open(t, server+"/compare?"+ids)
	p.readable()
	if n := evaluate[int](p, `document.querySelectorAll("td.differs").length`); n < 2 {
		t.Errorf("%d values differ", n)
	}
	list := open(t, server+"/")
	list.await(`document.getElementById("connection").textContent === "live"`)
	var reached []string
	for range 14 {
		list.do(chromedp.KeyEvent(kb.Tab))
		reached = append(reached, evaluate[string](list, `document.activeElement.tagName + "#" + document.activeElement.id`))
	}
	for _, want := range []string{"INPUT#q", "SELECT#state", "INPUT#pick-", "A#run-", "DIV#runs-table", "BUTTON#compare"} {
		if !strings.Contains(strings.Join(reached, " "), want) {
			t.Errorf("the keyboard does not reach %s: %s", want, reached)
		}
	}
	list.own(server)
}

// With a token, the page asks for it, and opens what was asked for.
func TestLoginPage(t *testing.T) {
	folder := found(t, "digits")
	const token = "a-token-for-the-browser"
	ui := start(t, folder, "ui", "--store", "s.db", "--addr", "127.0.0.1:0", "--token", token)
	server := ui.await(t, `(http://\S+) shows the runs`)
	p := open(t, server+"/?state=finished")
	p.fits(400)
	p.await(`document.activeElement.id === "token"`)
	evaluate[bool](p, `(document.getElementById("token").value = "wrong", document.querySelector("form").submit(), true)`)
	p.await(`document.body.innerText.includes("This is not the token")`)
	evaluate[bool](p, `(document.getElementById("token").value = "`+token+`", document.querySelector("form").submit(), true)`)
	p.await(`location.search === "?state=finished" && document.querySelectorAll("#runs tbody tr").length > 0`)
	p.await(`document.getElementById("connection").textContent === "live"`)
}

// The pages are there before the store is: they show the first run without a touch.
func TestPageBeforeStore(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "plan.yaml"), []byte(plan), 0o644); err != nil {
		t.Fatal(err)
	}
	server := start(t, folder, "ui", "--store", "s.db", "--addr", "127.0.0.1:0").await(t, `(http://\S+) waits for the store`)
	p := open(t, server+"/")
	p.await(`document.body.innerText.includes("There is no store")`)
	p.contrast()
	p.readable()
	mixmas(t, folder, "search", "plan.yaml", "--store", "s.db")
	p.await(`document.querySelectorAll("#runs tbody tr").length === 1 && document.getElementById("connection").textContent === "live"`)
	p.own(server)
}

// The page about data in windows of any width, light and dark.
func TestDataPage(t *testing.T) {
	folder := found(t, "digits")
	mixmas(t, folder, "data", "info", "plan.yaml", "--html", "data.html")
	p := openFile(t, filepath.Join(folder, "data.html"))
	p.contrast()
	p.dark()
	p.contrast()
	for _, width := range []int{320, 768, 1280} {
		p.fits(width)
	}
	p.readable()
	p.quiet()
}
