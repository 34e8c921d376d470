package browser

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The report of a search opens without a word on the console, asks for nothing, and draws every plot.
func TestReport(t *testing.T) {
	folder := found(t, "digits")
	path := filepath.Join(folder, "out", "report.html")
	if text, err := os.ReadFile(filepath.Join(folder, "stderr")); err != nil || !strings.Contains(string(text), "report: "+filepath.Join("out", "report.html")) {
		t.Errorf("the program does not say where the report is: %v\n%s", err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 1<<20 {
		t.Errorf("the report: %v, %v", info, err)
	}
	p := openFile(t, path)
	var titles []string
	decode(t, evaluate[string](p, `JSON.stringify([...document.querySelectorAll("h2")].map(e => e.textContent))`), &titles)
	want := "What was found|The final models|What each modality is worth|The chosen architecture|The data|How it was found|Score against cost|When what was trained|What was not tried, and what to bear in mind|How to reproduce it"
	if got := strings.Join(titles, "|"); got != want {
		t.Errorf("the sections are %s, want %s", got, want)
	}
	if n := evaluate[int](p, `document.querySelectorAll("figure svg").length`); n < 20 {
		t.Errorf("%d plots are there, want 20 or more", n)
	}
	if text := evaluate[string](p, `[...document.querySelectorAll("svg")].filter(e => e.checkVisibility() && (e.getBoundingClientRect().width < 100 || e.querySelectorAll("path, rect").length == 0)).map(e => e.outerHTML.slice(0, 200)).join("\n")`); text != "" {
		t.Errorf("not drawn: %s", text)
	}
	if n := evaluate[int](p, `[...document.images].filter(e => !e.complete || e.naturalWidth == 0).length`); n > 0 || evaluate[int](p, `document.images.length`) == 0 {
		t.Errorf("%d pictures are broken, of %d", n, evaluate[int](p, `document.images.length`))
	}
	if text := evaluate[string](p, `[...document.querySelectorAll("figure")].filter(e => !e.querySelector("table") && !e.parentElement.querySelector("table")).map(e => e.textContent.slice(0, 80)).join("\n")`); text != "" {
		t.Errorf("plots without a table: %s", text)
	}
	p.quiet()
}

// What a screen reader reads: the language, one first heading, headings that skip no level, names of plots, pictures and regions, and
// heads of all columns.
func TestReportIsAccessible(t *testing.T) {
	p := openFile(t, filepath.Join(found(t, "digits"), "out", "report.html"))
	for what, expression := range map[string]string{
		"a language":                `document.documentElement.lang == "en" ? 0 : 1`,
		"one first heading":         `document.querySelectorAll("h1").length - 1`,
		"headings in order":         `[...document.querySelectorAll("h1, h2, h3, h4")].map(e => +e.tagName[1]).filter((l, i, all) => i > 0 && l > all[i-1] + 1).length`,
		"names of plots":            `[...document.querySelectorAll("svg")].filter(e => e.getAttribute("role") != "img" || !e.getAttribute("aria-label")).length`,
		"names of pictures":         `[...document.images].filter(e => !e.alt).length`,
		"names of what is scrolled": `[...document.querySelectorAll("[tabindex]")].filter(e => !e.getAttribute("aria-label") || !e.getAttribute("role")).length`,
		"captions of tables":        `[...document.querySelectorAll("table")].filter(e => !e.caption).length`,
		"heads of columns":          `[...document.querySelectorAll("thead th")].filter(e => e.scope != "col").length`,
		"heads of rows":             `[...document.querySelectorAll("tbody tr")].filter(e => !e.querySelector("th[scope=row]")).length`,
		"unique IDs":                `document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size`,
		"links that lead somewhere": `[...document.querySelectorAll("a")].filter(e => !document.querySelector(e.getAttribute("href"))).length`,
	} {
		if n := evaluate[int](p, expression); n != 0 {
			t.Errorf("%s: %d are not", what, n)
		}
	}
	p.contrast()
	p.dark()
	p.contrast()
}

// Tab reaches every link, fold and scrolled region, and Enter opens a fold.
func TestReportByKeyboard(t *testing.T) {
	p := openFile(t, filepath.Join(found(t, "digits"), "out", "report.html"))
	const reachable = `[...document.querySelectorAll("a[href], summary, [tabindex='0']")].filter(e => e.checkVisibility())`
	n := evaluate[int](p, reachable+".length")
	p.do(chromedp.Evaluate[chromedp.Void](`window.seen = new Set(); document.addEventListener("focusin", e => window.seen.add(e.target)); undefined`))
	for range n + 1 {
		p.do(chromedp.KeyEvent(kb.Tab))
	}
	if text := evaluate[string](p, reachable+`.filter(e => !window.seen.has(e)).map(e => e.outerHTML.slice(0, 100)).join("\n")`); text != "" {
		t.Errorf("of %d controls, Tab does not reach %s", n, text)
	}
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("details:not([open]) > summary").focus(); undefined`))
	before := evaluate[int](p, `document.querySelectorAll("details[open]").length`)
	p.do(chromedp.KeyEvent(kb.Enter))
	if after := evaluate[int](p, `document.querySelectorAll("details[open]").length`); after != before+1 {
		t.Errorf("Enter does not open a fold: %d were open, %d are", before, after)
	}
	if evaluate[string](p, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
		t.Error("one cannot see where the keyboard is")
	}
}

// The page is dark where people want that, fits any window, and prints.
func TestReportAnywhere(t *testing.T) {
	p := openFile(t, filepath.Join(found(t, "digits"), "out", "report.html"))
	light := evaluate[string](p, `getComputedStyle(document.body).backgroundColor + getComputedStyle(document.querySelector("svg text")).fill`)
	p.dark()
	dark := evaluate[string](p, `getComputedStyle(document.body).backgroundColor + getComputedStyle(document.querySelector("svg text")).fill`)
	if light == dark || !strings.HasPrefix(dark, "rgb(14, 16, 19)") {
		t.Errorf("light %s, dark %s", light, dark)
	}
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(e => e.open = true); undefined`))
	for _, width := range []int{320, 400, 768, 1280, 2560} {
		p.fits(width)
	}
	p.readable()
	pdf, err := chromedp.Run(p.ctx, chromedp.PrintToPDF())
	if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 20_000 {
		t.Errorf("the printed page has %d bytes: %v", len(pdf), err)
	}
	p.quiet()
}

// A class, column or text is shown as it is, whatever it would mean to a browser, Markdown, a terminal or a spreadsheet.
func TestHostileData(t *testing.T) {
	classes := []string{`<script>alert(1)</script>`, `=HYPERLINK("http://x.invalid")`, `[link](javascript:alert(2)) **b** | c`, `</title><img src=x onerror=alert(3)>`,
		`@SUM(1+1)*cmd|' /C calc'!A0`, `"><svg/onload=alert(4)> {{.}} ${7*7}`}
	words := []string{"alpha", "gamma", "kappa", "omega", "sigma", "theta"}
	label := `kind "'><b onclick=alert(5)>`
	var table bytes.Buffer
	rows := csv.NewWriter(&table)
	_ = rows.Write([]string{`text <img src=http://evil.invalid/1.png onerror=alert(6)>`, `=1+1`, label})
	for i := range 240 {
		k := i % len(classes)
		_ = rows.Write([]string{words[k] + " <img src='http://evil.invalid/2.png' onerror='alert(7)'> \x1b]0;title\x07 \u202e=2+2 " + words[(k+i%2)%len(words)] + " " + strconv.Itoa(i*7919%1000) + " times", []string{"0.5", "1.5", "-2", "3"}[i%4], classes[k]})
	}
	rows.Flush()
	folder, err := search("hostile.csv", table.String(), "run", "hostile.csv", "--label", label, "--store", "s.db", "--out", "out", "--epochs", "2", "--budget", "8s")
	if err != nil {
		t.Fatal(err)
	}
	p := openFile(t, filepath.Join(folder, "out", "report.html"))
	text := evaluate[string](p, `document.body.textContent`)
	for _, name := range append(classes, "=1+1", `\x1b]0;title\x07`, `\u202e=2+2`) {
		if !strings.Contains(text, name) {
			t.Errorf("the page does not show %s", name)
		}
	}
	if n := evaluate[int](p, `document.querySelectorAll("script, iframe, object, embed, form, b[onclick], svg[onload], img:not([src^='data:image/'])").length`); n > 0 {
		t.Errorf("%d elements came from the data", n)
	}
	if text := evaluate[string](p, `[...document.querySelectorAll("*")].flatMap(e => [...e.attributes].filter(a => a.name.startsWith("on") || a.name == "style" || /javascript:|evil/.test(a.value) && a.name != "aria-label" && a.name != "alt").map(a => a.name + "=" + a.value)).join("\n")`); text != "" {
		t.Errorf("attributes: %s", text)
	}
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(e => e.open = true); undefined`))
	p.fits(400)
	p.quiet()

	control := regexp.MustCompile("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e\u2066-\u2069]")
	for _, name := range []string{"stdout", "stderr"} {
		printed, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || control.Match(printed) {
			t.Errorf("%s: %v: %q", name, err, control.Find(printed))
		}
	}
	mixmas(t, folder, "report", "--store", "s.db", "--figures", "figures")
	files, err := filepath.Glob(filepath.Join(folder, "figures", "*.csv"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files of numbers: %v", len(files), err)
	}
	number := regexp.MustCompile(`^[+-]?[0-9.]+(e[+-]?[0-9]+)?$`)
	seen := false
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cells, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, row := range cells {
			for _, cell := range row {
				seen = seen || strings.HasPrefix(cell, "'=HYPERLINK")
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") && !number.MatchString(cell) || control.MatchString(cell) {
					t.Errorf("%s has the cell %q", file, cell)
				}
			}
		}
		drawing := openFile(t, strings.TrimSuffix(file, ".csv")+".svg")
		if n := evaluate[int](drawing, `document.querySelectorAll("script, img, image, foreignObject, a, use").length`); n > 0 || evaluate[string](drawing, `document.documentElement.tagName`) != "svg" {
			t.Errorf("%s: %d elements came from the data", file, n)
		}
		drawing.quiet()
	}
	if !seen {
		t.Error("no file of numbers has the class that looks like a formula")
	}
	document, _ := mixmas(t, folder, "run", "hostile.csv", "--label", label, "--store", "s.db", "--out", "out", "--epochs", "2", "--json", "--no-report", "--force")
	if err := os.WriteFile(filepath.Join(folder, "document.json"), []byte(document), 0o644); err != nil {
		t.Fatal(err)
	}
	markdown, _ := mixmas(t, folder, "report", "document.json")
	markdown = regexp.MustCompile("`[^`]*`").ReplaceAllString(markdown, "") // code is shown as it is
	if strings.Contains(markdown, "<img") || strings.Contains(markdown, "<b ") || strings.Contains(markdown, "<script") || control.MatchString(markdown) {
		t.Errorf("the Markdown page has HTML:\n%s", markdown)
	}
}
