package cmd

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestHelp reads the help of every command: each flag says what its value is, and each command how it is used.
func TestHelp(t *testing.T) {
	var walk func(path []string, commands []*cli.Command)
	walk = func(path []string, commands []*cli.Command) {
		for _, c := range commands {
			path := append(path[:len(path):len(path)], c.Name)
			name := strings.Join(path, " ")
			code, help, stderr := mixmas(t, append(path, "--help")...)
			if len(c.Subcommands) == 0 {
				if _, more, _ := mixmas(t, append(path, "plan.yaml", "-h", "more")...); more != help {
					t.Errorf("%s plan.yaml -h more: %s", name, more)
				}
			}
			if code != exitOK || stderr != "" || !strings.Contains(help, "mixmas "+name+" - "+c.Usage+"\n") {
				t.Errorf("%s --help: exit code %d, %s%s", name, code, help, stderr)
			}
			usage := "mixmas " + name + " [options]"
			if len(c.Subcommands) > 0 {
				usage = "mixmas " + name + " COMMAND [options] [arguments]"
			}
			if !strings.Contains(help, "   "+strings.TrimSpace(usage+" "+c.ArgsUsage)+"\n") {
				t.Errorf("%s --help does not say %q:\n%s", name, usage, help)
			}
			for line := range strings.Lines(help) {
				flag, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
				if strings.HasPrefix(flag, "--") && strings.HasSuffix(flag, " value") || strings.Contains(line, "(default: false)") {
					t.Errorf("%s --help: a riddle: %s", name, line)
				}
			}
			if strings.Contains(c.ArgsUsage, "[CONFIG") && !strings.Contains(help, "- is standard input") {
				t.Errorf("%s --help does not say that - is standard input", name)
			}
			walk(path, c.Subcommands)
		}
	}
	walk(nil, newApp(strings.NewReader(""), io.Discard, io.Discard).Commands)
}

// help COMMAND prints what COMMAND --help prints, for commands at any depth.
func TestHelpOfCommands(t *testing.T) {
	for _, name := range []string{"", "run", "scores", "scores ls", "data build avmnist"} {
		path := strings.Fields(name)
		_, want, _ := mixmas(t, append(path, "--help")...)
		if !strings.Contains(want, "show help") {
			t.Errorf("%s --help: %s", name, want)
		}
		code, got, stderr := mixmas(t, append([]string{"help"}, path...)...)
		if code != exitOK || stderr != "" || got != want {
			t.Errorf("help %s: exit code %d, %s%s, want\n%s", name, code, got, stderr, want)
		}
	}
	if _, got, _ := mixmas(t, "help", "help"); !strings.Contains(got, "mixmas help [options] [COMMAND [SUBCOMMAND]]") {
		t.Errorf("help help: %s", got)
	}
}

// A mistyped word is answered with the one that was probably meant, and never with one that is far off.
func TestDidYouMean(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.csv", []byte("a,label\n1,x\n2,y\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{
		"rnu":                             `(did you mean run?) (see mixmas --help)`,
		"Run":                             `(did you mean run?) (see mixmas --help)`,
		"scores lss":                      `(did you mean ls?) (see mixmas scores --help)`,
		"help scroes":                     `(did you mean scores?) (see mixmas --help)`,
		"help scores sow":                 `(did you mean show?) (see mixmas scores --help)`,
		"help run it":                     `unknown command "it": mixmas run has no commands (see mixmas run --help)`,
		"completion fihs":                 `(did you mean fish?)`,
		"run --stroe a.db":                `unknown flag --stroe (did you mean --store?) (see mixmas run --help)`,
		"run --buget=1h":                  `unknown flag --buget (did you mean --budget?) (see mixmas run --help)`,
		"--hlep":                          `unknown flag --hlep (did you mean --help?) (see mixmas --help)`,
		"help --hepl":                     `unknown flag --hepl (did you mean --help?)`,
		"bench avmnist/image/mlp_mixr":    `(did you mean avmnist/image/mlp_mixer?)`,
		"bench --numerics fp23":           `(did you mean fp32?)`,
		"predict --split tset":            `(did you mean test?)`,
		"predict --format json":           `(did you mean jsonl?)`,
		"train --preset m2mixr-avmnist":   `(did you mean m2mixer-avmnist?)`,
		"init a.csv --column a=catgeory":  `(did you mean category?)`,
		"nonsense":                        `help (see mixmas --help)`,
		"run --nonsense":                  `unknown flag --nonsense (see mixmas run --help)`,
		"run --xt":                        `unknown flag --xt (see mixmas run --help)`,
		"scores remove":                   `prune (see mixmas scores --help)`,
		"bench nonsense":                  "\n",
		"train --preset nothing-like-it":  "\n",
		"init a.csv --column a=something": "\n",
	} {
		code, _, stderr := mixmas(t, strings.Fields(words)...)
		if code == exitOK || !strings.Contains(stderr, want) || !strings.Contains(want, "mean") && strings.Contains(stderr, "mean") {
			t.Errorf("%s: exit code %d, %s, want %s", words, code, stderr, want)
		}
	}
}
