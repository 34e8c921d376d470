package cmd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The man pages name every command and flag, and a formatter has nothing to say against them.
func TestManPages(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "man")
	if code, stdout, stderr := mixmas(t, manWord, folder); code != exitOK || stdout+stderr != "" {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	commands := leaves(newApp(nil, nil, nil).Commands)
	for name, command := range commands {
		path := filepath.Join(folder, "mixmas-"+strings.ReplaceAll(name, " ", "-")+".1")
		page, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, flag := range withHelp(command.Flags) {
			for _, spelling := range flag.Names() {
				if want := manEscape("-"+spelling) + `\fR`; !bytes.Contains(page, []byte(want)) {
					t.Errorf("%s lacks %s", path, want)
				}
			}
		}
		for i, line := range strings.Split(string(page), "\n") {
			if strings.Contains(line, "`") || strings.HasPrefix(line, "'") {
				t.Errorf("%s:%d: %s", path, i+1, line)
			}
		}
	}
	pages, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(pages) <= len(commands) {
		t.Fatalf("%d pages of %d commands (%v)", len(pages), len(commands), err)
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed: the pages were not formatted")
	}
	out, err := exec.CommandContext(t.Context(), groff, append([]string{"-man", "-Tutf8", "-ww", "-z"}, pages...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
	text, err := exec.CommandContext(t.Context(), groff, "-man", "-Tascii", "-P-cbou", filepath.Join(folder, "mixmas-scores-ls.1")).Output()
	for _, want := range []string{"mixmas scores ls [options] [NAME...]", "'encoder/*/ramlp'", "--sort BY", "(default: accuracy)", "mixmas-scores(1)"} {
		if err != nil || !bytes.Contains(text, []byte(want)) {
			t.Errorf("the page of scores ls does not say %q (%v):\n%s", want, err, text)
		}
	}
}

func TestManText(t *testing.T) {
	got := manText(".a 'b'\n'c\\d-e\n\nNames:\n  x  y\n  z\nend")
	want := "\\&.a \\(aqb\\(aq\n\\(aqc\\ed\\-e\n.PP\nNames:\n.PP\n.nf\n  x  y\n  z\n.fi\nend\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
