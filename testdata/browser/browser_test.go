// Package browser tests what people see in a browser: it builds the program, runs it, and opens its pages in Chromium. It is a module of
// its own, because nothing else needs a browser: make test-browser runs it.
package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var (
	program  string // path of the built program
	browser  context.Context
	report   = flag.String("report", "", "write screenshots of this report's `file`, named by its folder, instead of the built-in search's")
	pictures = flag.String("pictures", "", "write screenshots of the built-in search's report to this `folder`, and test nothing else")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := setUp(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func setUp(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "mixmas-browser-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	program = filepath.Join(folder, "mixmas")
	build := exec.Command("go", "build", "-o", program, "./cmd/mixmas")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building the program: %w\n%s", err, out)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.WindowSize(1280, 900), chromedp.Flag("disable-dev-shm-usage", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox does not work for root
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	var cancel context.CancelFunc
	browser, cancel = chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(browser, chromedp.Navigate("about:blank")); err != nil {
		return 0, fmt.Errorf("starting Chromium: %w", err)
	}
	return m.Run(), nil
}

// mixmas runs the program in a folder and returns what it prints.
func mixmas(t *testing.T, folder string, arguments ...string) (stdout, stderr string) {
	t.Helper()
	c := exec.Command(program, arguments...)
	c.Dir = folder
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(folder, "cache"))
	var out, errors bytes.Buffer
	c.Stdout, c.Stderr = &out, &errors
	if err := c.Run(); err != nil {
		t.Fatalf("mixmas %s: %v\n%s", strings.Join(arguments, " "), err, &errors)
	}
	return out.String(), errors.String()
}

// tab is an open page.
type tab struct {
	*testing.T
	ctx      context.Context
	mu       sync.Mutex
	requests []string // but for that of the page itself
	messages []string // on the console
	dialogs  []string
}

// open opens a page in a tab of its own.
func open(t *testing.T, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(stop)
	p := &tab{T: t, ctx: ctx}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(event any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if e.Request.URL != url && !strings.HasPrefix(e.Request.URL, "data:") {
				p.requests = append(p.requests, e.Request.URL)
			}
		case *page.EventJavascriptDialogOpening:
			p.dialogs = append(p.dialogs, e.Message)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for m, err := range chromedp.Console(ctx) {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.messages = append(p.messages, fmt.Sprint(m.Type, ": ", m.Text))
			p.mu.Unlock()
		}
	}()
	p.do(chromedp.Navigate(url))
	return p
}

// openFile opens a file.
func openFile(t *testing.T, path string) *tab {
	t.Helper()
	absolute, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, "file://"+absolute)
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.Fatal(err)
	}
}

// evaluate returns the value of an expression.
func evaluate[V any](p *tab, expression string) V {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[V](expression))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// dark shows the page as for people who want it dark.
func (p *tab) dark() {
	p.Helper()
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}); err != nil {
		p.Fatal(err)
	}
}

// quiet fails if the page has asked the network for something, opened a dialog, or written to the console.
func (p *tab) quiet() {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) > 0 {
		p.Errorf("the page asks for %q", p.requests)
	}
	if len(p.dialogs) > 0 {
		p.Errorf("the page opens the dialogs %q", p.dialogs)
	}
	if len(p.messages) > 0 {
		p.Errorf("the console has %q", p.messages)
	}
}

// wide fails if the page is wider than its window.
func (p *tab) fits(width int) {
	p.Helper()
	p.do(chromedp.EmulateViewport(int64(width), 800))
	if w := evaluate[int](p, `document.documentElement.scrollWidth`); w > width {
		p.Errorf("the page is %d pixels wide in a window of %d; too wide are %s", w, width, evaluate[string](p, fmt.Sprintf(
			`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > %d+1 && !e.closest(".wide, .plot, pre")).slice(0, 5).map(e => e.outerHTML.slice(0, 100)).join("\n")`, width)))
	}
}

// contrast fails if a text has too little contrast with its background.
func (p *tab) contrast() {
	p.Helper()
	faint := evaluate[string](p, `(() => {
		const lum = c => { const v = c.map(x => { x /= 255; return x <= .04045 ? x/12.92 : ((x+.055)/1.055)**2.4 }); return .2126*v[0] + .7152*v[1] + .0722*v[2] };
		const rgb = s => s.match(/[\d.]+/g).map(Number);
		const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c } return [255,255,255] };
		return [...document.querySelectorAll("p, td, th, li, dt, dd, summary, h1, h2, h3, h4, figcaption, a, b, span, small, code, label, button, input, select, time")]
			.filter(e => e.checkVisibility() && (e.innerText || e.placeholder || e.value) && !e.closest(".hidden, .skip")).filter(e => {
				const a = lum(rgb(getComputedStyle(e).color).slice(0, 3)), b = lum(ground(e).slice(0, 3));
				return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5;
			}).map(e => e.outerHTML.slice(0, 120)).slice(0, 5).join("\n");
	})()`)
	if faint != "" {
		p.Errorf("too little contrast: %s", faint)
	}
}

// readable fails if, in the window of a phone, words must be scrolled sideways or figures have small texts. Tables of numbers may be wide.
func (p *tab) readable() {
	p.Helper()
	p.fits(400)
	if text := evaluate[string](p, `[...document.querySelectorAll(".wide")].filter(e => e.checkVisibility() && !e.closest(".numbers, figcaption") && e.scrollWidth > e.clientWidth + 1)
		.map(e => e.getAttribute("aria-label") + ": " + e.scrollWidth + " in " + e.clientWidth).join("\n")`); text != "" {
		p.Errorf("tables are scrolled sideways: %s", text)
	}
	if text := evaluate[string](p, `[...document.querySelectorAll("svg")].filter(e => e.checkVisibility() && e.querySelector("text")).map(e => {
		const scale = e.getBoundingClientRect().width / e.viewBox.baseVal.width;
		return [e.getAttribute("aria-label"), Math.min(...[...e.querySelectorAll("text")].map(t => parseFloat(getComputedStyle(t).fontSize) * scale))];
	}).filter(([, size]) => size < 8.5).map(([name, size]) => name + ": " + size).join("\n")`); text != "" {
		p.Errorf("texts of figures are too small: %s", text)
	}
}

// results are those of searches that several tests look at.
var results = map[string]func() (string, error){
	"digits": sync.OnceValues(func() (string, error) {
		return search("plan.yaml", plan, "run", "plan.yaml", "--store", "s.db", "--out", "out")
	}),
}

const plan = `name: small
settings: recommended
data: {format: builtin, train: 300, validation: 100, test: 100}
sample: {size: 150, distance: 0.2}
search:
  encoders:
    image:
      defaults: {width: 8, depth: 1, token_width: 4, channel_width: 8, patch: 7}
      candidates: [mlp_mixer, monarch_mixer]
    audio:
      defaults: {width: 8, depth: 1, token_width: 4, channel_width: 8, patch: 7}
      candidates: [hyper_mixer, mlp_mixer]
  fusions: [concat, mean]
  networks:
    defaults: {depth: 1, token_width: 4, channel_width: 8}
    candidates: [hyper_mixer, mlp_mixer]
  training: {batch: 32, epochs: 3}
train:
  training: {batch: 32, epochs: 3, dropout: 0.1}
`

// search runs the program on a file, in a folder that it returns.
func search(name, content string, arguments ...string) (string, error) {
	folder := filepath.Join(filepath.Dir(program), strings.TrimSuffix(name, filepath.Ext(name)))
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
		return "", err
	}
	c := exec.Command(program, arguments...)
	c.Dir = folder
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(folder, "cache"))
	out, err := os.Create(filepath.Join(folder, "stdout"))
	if err != nil {
		return "", err
	}
	defer out.Close()
	errors, err := os.Create(filepath.Join(folder, "stderr"))
	if err != nil {
		return "", err
	}
	defer errors.Close()
	c.Stdout, c.Stderr = out, errors
	if err := c.Run(); err != nil {
		text, _ := os.ReadFile(errors.Name())
		return "", fmt.Errorf("mixmas %s: %w\n%s", strings.Join(arguments, " "), err, text)
	}
	return folder, nil
}

// found returns the folder of a search.
func found(t *testing.T, name string) string {
	t.Helper()
	folder, err := results[name]()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}
