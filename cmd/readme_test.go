package cmd

import (
	"bytes"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mixmas/search/config"
)

// readme is the first page, and reference the one about data.
const readme, reference = "../README.md", docs + "/data.md"

var (
	codeBlock = regexp.MustCompile("(?ms)^ *```[a-z]+\n.*?^ *```$")
	yamlBlock = regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```$")
	textBlock = regexp.MustCompile("(?ms)^```\n(.*?)^```$")
	inline    = regexp.MustCompile("`([^`\n]+)`")
)

// The configurations on the pages are read without an error.
func TestPagesAreConfigurations(t *testing.T) {
	for page, want := range map[string]int{readme: 2, reference: 3} {
		blocks := yamlBlock.FindAllStringSubmatch(read(t, page), -1)
		if len(blocks) < want {
			t.Errorf("%s has %d configurations, want %d", page, len(blocks), want)
		}
		for _, block := range blocks {
			text := strings.ReplaceAll("\n"+block[2], "\n"+block[1], "\n")
			if _, err := config.Parse(page, []byte(text)); err != nil {
				t.Errorf("%v\nin\n%s", err, text)
			}
		}
	}
}

// So are the forms that labels and splits can have, wherever a page shows one.
func TestPagesShowFormsOfOptions(t *testing.T) {
	for page, want := range map[string]int{readme: 7, reference: 7} {
		text := read(t, page)
		if page == reference {
			_, text, _ = strings.Cut(text, "\n## Labels\n")
			text, _, _ = strings.Cut(text, "\n## Predictions\n")
		} else {
			text = yamlBlock.FindString(text)
			_, text, _ = strings.Cut(text, "  labels:")
		}
		forms := regexp.MustCompile(`\{[^{}]+\}`).FindAllString(text, -1)
		if len(forms) < want {
			t.Errorf("%s shows %d forms, want %d: %q", page, len(forms), want, forms)
		}
		for _, form := range forms {
			labels, split := "species", form
			if strings.Contains(form, "columns:") || strings.Contains(form, "separator:") || strings.Contains(form, "{path:") {
				labels, split = form, "{}"
			}
			plan := "data: {format: records, path: a.csv, modalities: [{name: a, kind: table, columns: all}], labels: " + labels + ", split: " + split + "}\n"
			if _, err := config.Parse(page, []byte(plan)); err != nil {
				t.Errorf("%s: %v", form, err)
			}
		}
	}
}

// Every command that a page shows is one, with the flags that it has, and every target of make exists.
func TestPagesShowCommands(t *testing.T) {
	var makefiles string
	for _, name := range []string{"../Makefile", "../kernels/kernels.mk", "../kernels/bench/bench.mk", "../testdata/peer/peer.mk"} {
		makefiles += read(t, name)
	}
	shown := 0
	for _, page := range []string{readme, reference, docs + "/columns.md", docs + "/defaults.md"} {
		text := codeBlock.ReplaceAllString(read(t, page), "")
		var lines []string
		for _, block := range textBlock.FindAllStringSubmatch(text, -1) {
			lines = append(lines, strings.Split(block[1], "\n")...)
		}
		for _, span := range inline.FindAllStringSubmatch(textBlock.ReplaceAllString(text, ""), -1) {
			lines = append(lines, span[1])
		}
		for _, line := range lines {
			line, _, _ = strings.Cut(strings.TrimPrefix(line, "$ "), "   #")
			line, _, _ = strings.Cut(line, " | ")
			words := splitWords(line)
			switch {
			case len(words) < 2:
			case words[0] == "make":
				shown++
				if !strings.Contains(makefiles, "\n"+words[1]+":") {
					t.Errorf("%s: %s: there is no such target", page, line)
				}
			case words[0] == "mixmas" || words[0] == "bin/mixmas":
				shown++
				if problem := notACommand(words); problem != "" {
					t.Errorf("%s: %s: %s", page, line, problem)
				}
			}
		}
	}
	if shown < 40 {
		t.Errorf("the pages show %d commands, want 40", shown)
	}
}

// splitWords splits a command line at its spaces outside quotes.
func splitWords(line string) (words []string) {
	for _, w := range regexp.MustCompile(`(?:[^\s'"]|'[^']*'|"[^"]*")+`).FindAllString(line, -1) {
		words = append(words, strings.NewReplacer(`'`, "", `"`, "").Replace(w))
	}
	return words
}

// notACommand says what is wrong with the words of a command line.
func notACommand(words []string) string {
	app := newApp(strings.NewReader(""), io.Discard, io.Discard)
	command, rest := descend(app, words)
	switch {
	case command == nil:
		return "there is no such command"
	case len(command.Subcommands) > 0:
		return "it needs a further word"
	}
	for _, word := range rest {
		if name, isFlag := strings.CutPrefix(word, "--"); isFlag {
			if name, _, _ = strings.Cut(name, "="); name != "help" && findFlag(command.Flags, name) == nil {
				return "it has no flag --" + name
			}
		}
	}
	if _, err := arrange(app, words); err != nil {
		return err.Error()
	}
	return ""
}

// The transcript of the first five minutes shows what the program says today. Nothing is trained: of the run, the columns, the
// candidates and the files are compared.
func TestTranscript(t *testing.T) {
	const stale = ": make readme-run mends it"
	text := read(t, readme)
	text = text[strings.Index(text, "<!-- transcript -->"):strings.Index(text, "<!-- end of the transcript -->")]
	step := func(command string) string {
		t.Helper()
		_, out, found := strings.Cut(text, "\n$ "+command+"\n")
		if !found {
			t.Fatalf("the transcript in README.md has no command %s%s", command, stale)
		}
		out, _, _ = strings.Cut(strings.TrimSuffix(out, "```\n"), "\n$ ")
		return strings.TrimSpace(out) + "\n"
	}
	folder := t.TempDir()
	if output, err := exec.Command("go", "run", docs+"/pets", folder).CombinedOutput(); err != nil {
		t.Fatalf("go run ./docs/pets: %v\n%s", err, output)
	}
	page := text
	t.Chdir(folder)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(folder, "cache"))
	says := func(arguments ...string) string {
		t.Helper()
		var out, messages bytes.Buffer
		if code := run(t.Context(), append([]string{"mixmas"}, arguments...), strings.NewReader(""), &out, &messages); code != exitOK {
			t.Fatalf("mixmas %s: exit code %d, %s", strings.Join(arguments, " "), code, &messages)
		}
		return out.String()
	}
	same := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("the transcript in README.md has another %s%s. It says\n%snot\n%s", what, stale, got, want)
		}
	}

	same("table", strings.Join(slices.Collect(strings.Lines(read(t, "pets.csv")))[:5], ""), step("head -n 5 pets.csv"))
	columns, next, _ := strings.Cut(says("init", "pets.csv", "--label", "species"), "\nplan.yaml is written")
	searched := step("mixmas run pets.csv --label species")
	same("list of columns", searched[:min(len(columns), len(searched))], columns)
	same("proposal", step("mixmas init pets.csv --label species"), "plan.yaml is written"+next)
	same("configuration", step("cat plan.yaml"), read(t, "plan.yaml"))
	// Pictures may differ in a bit on other processors.
	fingerprint := regexp.MustCompile(`[0-9a-f]{64}`)
	info := strings.Join(slices.Collect(strings.Lines(says("data", "info", "plan.yaml")))[:18], "")
	same("description of the data", fingerprint.ReplaceAllString(step("mixmas data info plan.yaml --html page.html | head -n 18"), "F"),
		fingerprint.ReplaceAllString(strings.TrimSpace(info)+"\n", "F"))

	plan, err := config.Parse("complete.yaml", []byte(says("config", "check", "--explain", "plan.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"fusion": nil, "network": nil}
	for name, stage := range plan.Search.Encoders {
		for _, c := range stage {
			want["encoder/"+name] = append(want["encoder/"+name], c.Name)
		}
	}
	for _, c := range plan.Search.Fusions {
		want["fusion"] = append(want["fusion"], c.Name)
	}
	for _, c := range plan.Search.Networks {
		want["network"] = append(want["network"], c.Name)
	}
	got, stage := map[string][]string{}, ""
	for line := range strings.Lines(searched) {
		words := strings.Fields(line)
		switch row := regexp.MustCompile(`^  [ *] +\d+  (\w+) `).FindStringSubmatch(line); {
		case row != nil:
			got[stage] = append(got[stage], row[1])
		case len(words) == 1 || strings.HasSuffix(line, " runs each\n"):
			stage = strings.TrimSuffix(words[0], ",")
		}
	}
	for _, list := range []map[string][]string{got, want} {
		for _, names := range maps.All(list) {
			slices.Sort(names)
		}
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the transcript in README.md has other candidates%s. It has\n%v\nnot\n%v", stale, got, want)
	}
	for _, line := range []string{"configuration  mixmas-out/complete.yaml\n", "row,file,label,p(cat),p(dog),p(guinea pig),p(rabbit)\n0,pictures/321.png,"} {
		if !strings.Contains(page, line) {
			t.Errorf("the transcript in README.md lacks %q%s", line, stale)
		}
	}
}

// README's table and the page of the defaults name every field that the settings give.
func TestPagesNameTheSettings(t *testing.T) {
	c, err := config.Parse("c.yaml", []byte("data: {format: builtin}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{readme, docs + "/defaults.md"} {
		text := read(t, page)
		for _, s := range c.Settled() {
			part := s.Field[:strings.LastIndex(s.Field, ".")] // a table may name search.repeats once, and class weights without their training
			name := s.Field[strings.LastIndex(s.Field, ".")+1:]
			if !strings.Contains(text, "`"+s.Field+"`") && !strings.Contains(text, "`"+part+"`") && !strings.Contains(text, "`"+name) {
				t.Errorf("%s does not name %s", page, s.Field)
			}
		}
	}
}
