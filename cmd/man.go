package cmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/search/atomicfile"
)

// manWord is the word after the program's name with which make man asks for the man pages: mixmas __man DIR.
const manWord = "__man"

// writeManPages writes a page for the program and one for each command into a folder: mixmas.1, mixmas-scores-ls.1, ....
func writeManPages(app *cli.App, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, p := range manPages(app) {
		err := atomicfile.Replace(filepath.Join(folder, p.name()+".1"), func(w io.Writer) error {
			_, err := io.WriteString(w, p.troff(app))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// manPage is the page of the program or a command.
type manPage struct {
	path               []string // from the name of the program on
	usage, description string
	synopsis           string
	flags              []cli.Flag
	commands           []*cli.Command
}

// name is the name of the page, such as mixmas-scores-ls.
func (p manPage) name() string { return strings.Join(p.path, "-") }

// manPages lists the pages of the program and its commands.
func manPages(app *cli.App) []manPage {
	list := []manPage{{path: []string{app.Name}, usage: app.Usage, description: app.Description, synopsis: app.UsageText,
		flags: []cli.Flag{cli.HelpFlag, cli.VersionFlag}, commands: app.Commands}}
	var add func(path []string, commands []*cli.Command)
	add = func(path []string, commands []*cli.Command) {
		for _, c := range commands {
			path := append(slices.Clone(path), c.Name)
			list = append(list, manPage{path, c.Usage, c.Description, c.UsageText, withHelp(c.Flags), c.Subcommands})
			add(path, c.Subcommands)
		}
	}
	add(list[0].path, app.Commands)
	return list
}

// troff is the source of the page.
func (p manPage) troff(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s %s\" \"User Commands\"\n", strings.ToUpper(manEscape(p.name())), app.Name, manEscape(stampedVersion()))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", manEscape(p.name()), manEscape(p.usage))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", manEscape(p.synopsis))
	if p.description != "" {
		b.WriteString(".SH DESCRIPTION\n" + manText(p.description))
	}
	if len(p.commands) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, c := range p.commands {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s; see\n.BR %s (1)\n", manEscape(c.Name), manLine(c.Usage), manEscape(p.name()+"-"+c.Name))
		}
	}
	b.WriteString(".SH OPTIONS\n")
	for _, flag := range p.flags {
		var names []string
		for _, name := range flag.Names() {
			dashes := "--"
			if len(name) == 1 {
				dashes = "-"
			}
			text := `\fB` + manEscape(dashes+name) + `\fR`
			if takesValue(flag) {
				text += ` \fI` + manEscape(valueName(flag)) + `\fR`
			}
			names = append(names, text)
		}
		fmt.Fprintf(&b, ".TP\n%s\n%s\n", strings.Join(names, ", "), manLine(usageOf(flag)+defaultOf(flag)))
	}
	if len(p.path) > 1 {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", manEscape(strings.Join(p.path[:len(p.path)-1], "-")))
	}
	return b.String()
}

// defaultOf says what a flag is if it is not given.
func defaultOf(flag cli.Flag) string {
	d, is := flag.(cli.DocGenerationFlag)
	if !is || !d.TakesValue() {
		return ""
	}
	text := d.GetDefaultText()
	if text == "" {
		text = d.GetValue()
	}
	if text == "" || text == "[]" || text == "0" || text == "0s" {
		return ""
	}
	return " (default: " + strings.Trim(text, `"`) + ")"
}

var manSpecial = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// manEscape returns text that troff prints as it is, but for a full stop at the start of a line: see manLine.
func manEscape(text string) string { return manSpecial.Replace(text) }

// manLine is manEscape for the start of a line, where a full stop or an apostrophe would begin a request.
func manLine(text string) string {
	text = manEscape(text)
	if strings.HasPrefix(text, ".") {
		return `\&` + text
	}
	return text
}

// manText sets a description: its lines are filled, those that begin with spaces stay as they are.
func manText(text string) string {
	var b strings.Builder
	literal := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if indented := strings.HasPrefix(line, "  "); indented != literal {
			b.WriteString(map[bool]string{true: ".PP\n.nf\n", false: ".fi\n"}[indented])
			literal = indented
		}
		if line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(manLine(line) + "\n")
	}
	if literal {
		b.WriteString(".fi\n")
	}
	return b.String()
}
