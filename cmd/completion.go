package cmd

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mixmas/nn/benchmarks"
	"mixmas/nn/mixer"
	"mixmas/search/escape"
	"mixmas/search/metric"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// shells are the shells that command lines are completed in, with what loads the script now and in every later shell.
var shells = []struct{ name, file, install string }{
	{"bash", "mixmas.bash", `In ~/.bashrc:  eval "$(mixmas completion bash)"`},
	{"zsh", "mixmas.zsh", `In ~/.zshrc, after compinit:  source <(mixmas completion zsh)`},
	{"fish", "mixmas.fish", `Once:  mixmas completion fish > ~/.config/fish/completions/mixmas.fish`},
	{"powershell", "mixmas.ps1", `In $PROFILE:  mixmas completion powershell | Out-String | Invoke-Expression`},
}

// Scripts ask the program for what may stand at the cursor, so they need not change when commands do.
//
//go:embed completion
var completionScripts embed.FS

// completionCommand prints the scripts that complete command lines.
func completionCommand() *cli.Command {
	c := &cli.Command{Name: "completion", Usage: "print a script that completes command lines in a shell"}
	for _, shell := range shells {
		c.Subcommands = append(c.Subcommands, &cli.Command{
			Name: shell.name, Usage: "the script for " + shell.name, Description: shell.install,
			Action: func(c *cli.Context) error {
				if err := arguments(c, 0, 0, ""); err != nil {
					return err
				}
				script, err := completionScripts.ReadFile("completion/" + shell.file)
				if err == nil {
					_, err = c.App.Writer.Write(script)
				}
				return err
			},
		})
	}
	return c
}

// completeWord is the word after the program's name with which the scripts ask: mixmas __complete WORD... . The last word is the
// one at the cursor, and may be empty or unfinished.
const completeWord = "__complete"

// writeCompletions answers a script. The first line says which files may stand at the cursor: none, files or folders. Each other line
// is a word, with a tab and its description if it has one.
func writeCompletions(ctx context.Context, w io.Writer, app *cli.App, words []string) error {
	last := words[len(words)-1]
	if last == `""` { // some versions of PowerShell drop an empty word that is not quoted, others keep the quotes
		last = ""
	}
	c := &completion{ctx: ctx, files: "none", current: last, given: map[string]string{}}
	c.complete(app, words[:len(words)-1])
	var b strings.Builder
	fmt.Fprintln(&b, c.files)
	for _, word := range c.words {
		if strings.ContainsAny(word.text, "\n\r\t") || !strings.HasPrefix(word.text, c.current) {
			continue
		}
		b.WriteString(word.text)
		if word.doc != "" {
			b.WriteString("\t" + escape.Terminal(word.doc))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// completion finds what may stand for the current word of a command line.
type completion struct {
	ctx     context.Context
	current string
	given   map[string]string // values of flags before it
	files   string
	words   []completed
}

type completed struct{ text, doc string }

func (c *completion) add(text, doc string) { c.words = append(c.words, completed{text, doc}) }

// complete completes a word after some others.
func (c *completion) complete(app *cli.App, before []string) {
	if len(before) > 0 && before[0] == helpName && !strings.HasPrefix(c.current, "-") {
		switch topic, rest := descend(app, before); { // its words after the first name a command
		case len(rest) > 0:
		case topic == nil:
			c.commands(app.Commands)
		default:
			c.commands(topic.Subcommands)
		}
		return
	}
	command, commands := &cli.Command{}, app.Commands
	flags := []cli.Flag{cli.HelpFlag, cli.VersionFlag}
	var pending cli.Flag // whose value comes next
	arguments, onlyArguments := 0, false
	for _, word := range before {
		spelling, value, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch {
		case pending != nil:
			c.given[pending.Names()[0]], pending = word, nil
		case onlyArguments:
			arguments++
		case word == "--":
			onlyArguments = true
		case looksLikeFlag(word):
			flag := findFlag(flags, spelling)
			if flag == nil {
				continue
			}
			c.given[flag.Names()[0]] = value
			if takesValue(flag) && !hasValue {
				pending = flag
			}
		case len(commands) > 0:
			i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(word) })
			if i < 0 {
				return
			}
			command, commands = commands[i], commands[i].Subcommands
			flags = withHelp(command.Flags)
		default:
			arguments++
		}
	}
	switch {
	case pending != nil:
		c.value(pending)
	case !onlyArguments && strings.HasPrefix(c.current, "-") && c.current != "-" && strings.Contains(c.current, "="):
		c.attached(flags)
	case !onlyArguments && strings.HasPrefix(c.current, "-"):
		c.flags(flags)
	case len(commands) > 0:
		c.commands(commands)
	default:
		c.argument(command, arguments)
	}
}

func (c *completion) commands(list []*cli.Command) {
	for _, command := range list {
		if !command.Hidden {
			c.add(command.Name, command.Usage)
		}
	}
}

// flags completes names of flags. One that was given already is offered again only if it may be repeated.
func (c *completion) flags(list []cli.Flag) {
	for _, flag := range list {
		name := flag.Names()[0]
		_, given := c.given[name]
		if _, repeated := flag.(*cli.StringSliceFlag); given && !repeated {
			continue
		}
		c.add("--"+name, usageOf(flag))
	}
}

// usageOf is the description of a flag in one line, without the marks around the name of its value.
func usageOf(flag cli.Flag) string {
	if d, is := flag.(cli.DocGenerationFlag); is {
		return strings.ReplaceAll(d.GetUsage(), "`", "")
	}
	return ""
}

// attached completes a value that is written behind its flag: --sort=nam.
func (c *completion) attached(flags []cli.Flag) {
	head, _, _ := strings.Cut(c.current, "=")
	flag := findFlag(flags, strings.TrimLeft(head, "-"))
	if flag == nil || !takesValue(flag) {
		return
	}
	whole := c.current
	c.current = strings.TrimPrefix(whole, head+"=")
	c.value(flag)
	c.current = whole
	for i := range c.words {
		c.words[i].text = head + "=" + c.words[i].text
	}
}

// value completes the value of a flag: by its own name, by the values that its usage lists, or by what its usage calls the value.
func (c *completion) value(flag cli.Flag) {
	if known, has := flagValues[flag.Names()[0]]; has {
		known(c)
	} else if listed := listedValues(usageOf(flag), valueName(flag)); len(listed) > 0 {
		for _, value := range listed {
			c.add(value, "")
		}
	} else if known, has := namedValues[valueName(flag)]; has && valueName(flag) != "NAME" { // which may be that of anything
		known(c)
	}
}

var backquoted = regexp.MustCompile("`([^`]+)`")

// valueName is what the usage of a flag calls its value, such as FILE.
func valueName(flag cli.Flag) string {
	if d, is := flag.(cli.DocGenerationFlag); is {
		if found := backquoted.FindStringSubmatch(d.GetUsage()); found != nil {
			return found[1]
		}
	}
	return ""
}

var (
	remark    = regexp.MustCompile(` \([^)]*\)`)
	separator = regexp.MustCompile(`,? or |, `)
	plainWord = regexp.MustCompile(`^[a-z0-9][a-z0-9_:-]*$`)
)

// listedValues are the values that a usage lists behind a colon or the name of the value, such as auto and cpu in "`DEVICE` to compute
// on: auto, cpu, or cuda:N for GPU number N".
func listedValues(usage, name string) []string {
	_, behind, _ := strings.Cut(usage, name)
	for _, text := range []string{afterColon(behind), behind} {
		var values []string
		for _, item := range separator.Split(strings.TrimSpace(remark.ReplaceAllString(text, "")), -1) {
			if plainWord.MatchString(item) {
				values = append(values, item)
			}
		}
		if len(values) > 1 {
			return values
		}
	}
	return nil
}

func afterColon(text string) string {
	_, after, _ := strings.Cut(text, ": ")
	return after
}

// argument completes the argument with a number of a command, by what its ArgsUsage calls it.
func (c *completion) argument(command *cli.Command, number int) {
	names, repeated := argumentNames(command.ArgsUsage)
	switch {
	case len(names) == 0 || number >= len(names) && !repeated:
		return
	case number >= len(names):
		number = len(names) - 1
	}
	for _, name := range strings.Split(names[number], "|") {
		if known, has := namedValues[name]; has {
			known(c)
		}
	}
}

// argumentNames splits a text such as "[CONFIG|DATA] --to FILE KEY..." into the names of arguments, without flags; repeated means that
// the last one may be given several times.
func argumentNames(usage string) (names []string, repeated bool) {
	words := strings.Fields(usage)
	for i := 0; i < len(words); i++ {
		word := words[i]
		if strings.HasPrefix(strings.TrimLeft(word, "["), "-") {
			if !strings.HasSuffix(word, "]") {
				i++ // its value
			}
			continue
		}
		word = strings.Trim(word, "[]")
		repeated = strings.HasSuffix(word, "...")
		names = append(names, strings.TrimSuffix(word, "..."))
	}
	return names, repeated
}

// flagValues complete the values of flags by their names, and namedValues values by what usages call them. What is in neither, and
// not listed in the usage, is not completed: numbers, times, titles.
var (
	flagValues = map[string]func(*completion){
		"metric": func(c *completion) {
			for _, name := range metric.AllNames() {
				c.add(name, "")
			}
		},
		"preset": func(c *completion) {
			for _, p := range mixer.Presets() {
				c.add(p.Name, p.Doc)
			}
		},
		"search": func(c *completion) {
			c.scores(func(s store.Score) completed { return completed{text: s.Search} })
		},
		"stage": func(c *completion) {
			c.scores(func(s store.Score) completed { return completed{text: path.Dir(s.Name)} })
		},
		"column": (*completion).kinds,
	}
	namedValues = map[string]func(*completion){
		"FILE": (*completion).anyFile, "CONFIG": (*completion).anyFile, "DATA": (*completion).anyFile, "DOCUMENT": (*completion).anyFile,
		"MODEL": (*completion).anyFile, "CONFIGURATION": (*completion).anyFile,
		"DIR": func(c *completion) {
			if c.files == "none" {
				c.files = "folders"
			}
		},
		"KEY": func(c *completion) {
			c.scores(func(s store.Score) completed { return completed{fmt.Sprintf("%.12s", s.Key), s.Name} })
		},
		"NAME": func(c *completion) { c.scores(func(s store.Score) completed { return completed{text: s.Name} }) },
		"RUN":  (*completion).runs,
		"CASE": func(c *completion) {
			for _, k := range benchmarks.All() {
				c.add(k.Name, "")
			}
		},
	}
)

func (c *completion) anyFile() { c.files = "files" }

// kinds completes COLUMN=KIND once the column is there.
func (c *completion) kinds() {
	column, _, named := strings.Cut(c.current, "=")
	if !named {
		return
	}
	for _, flag := range dataFlags() {
		if flag.Names()[0] == "column" {
			_, listed, _ := strings.Cut(usageOf(flag), "Kinds: ")
			for _, kind := range strings.Split(listed, ", ") {
				c.add(column+"="+kind, "")
			}
		}
	}
}

// Bounds of what a store is asked: the user waits at the prompt.
const (
	mostStoreBytes   = 256 << 20
	completionWait   = 300 * time.Millisecond
	mostOfferedWords = 1000
)

// withStore calls use with the store that the command line names. One that is missing, large, damaged or in use offers nothing.
func (c *completion) withStore(use func(ctx context.Context, s *store.Store)) {
	named := cmp.Or(c.given["store"], defaultStore)
	if rest, home := strings.CutPrefix(named, "~/"); home { // the shell has not put the folder in its place yet
		if folder, err := os.UserHomeDir(); err == nil {
			named = filepath.Join(folder, rest)
		}
	}
	path, err := store.Resolve(named)
	if err != nil {
		return
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > mostStoreBytes {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, completionWait)
	defer cancel()
	if s, err := store.Open(ctx, path, store.Options{ReadOnly: true, Timeout: completionWait}); err == nil {
		use(ctx, s)
	}
}

// scores completes words of the scores in the store, each once.
func (c *completion) scores(of func(store.Score) completed) {
	c.withStore(func(ctx context.Context, s *store.Store) {
		list, _ := s.List(ctx)
		seen := map[string]bool{}
		for _, score := range list {
			word := of(score)
			if word.text == "" || seen[word.text] || !strings.HasPrefix(word.text, c.current) || len(seen) == mostOfferedWords {
				continue
			}
			seen[word.text] = true
			c.words = append(c.words, word)
		}
	})
}

// runs completes the runs in the store, the newest first.
func (c *completion) runs() {
	c.add("last", "the newest run")
	c.withStore(func(ctx context.Context, s *store.Store) {
		list, _ := runs.List(ctx, s)
		for _, r := range list[:min(len(list), mostOfferedWords)] {
			c.add(r.ID, r.Name)
		}
	})
}
