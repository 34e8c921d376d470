package cmd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestArrange(t *testing.T) {
	for _, test := range []struct{ words, want string }{
		{"mixmas", "mixmas"},
		{"mixmas --version", "mixmas --version"},
		{"mixmas config init a.yaml --force", "mixmas config init --force -- a.yaml"},
		{"mixmas scores rm k1 --store s.db k2", "mixmas scores rm --store=s.db -- k1 k2"},
		{"mixmas scores rm k1 -store=s.db k2", "mixmas scores rm --store=s.db -- k1 k2"},
		{"mixmas scores rm k1 -- --store k2", "mixmas scores rm -- k1 --store k2"},
		{"mixmas scores import - --store s.db", "mixmas scores import --store=s.db -- -"},
		{"mixmas scores export --store - a.tar", "mixmas scores export --store=- -- a.tar"},
		{"mixmas scores rm --store=--odd k1", "mixmas scores rm --store=--odd -- k1"},
		{"mixmas report a --note b --note c", "mixmas report --note=b --note=c -- a"},
		{"mixmas run a --jsn b", "mixmas run --jsn -- a b"},
		{"mixmas run a --help", "mixmas run --help"},
		{"mixmas scores ls -h fusion --sort", "mixmas scores ls --help"},
		{"mixmas run -- --help", "mixmas run -- --help"},
		{"mixmas nonsense a --b c", "mixmas nonsense a --b c"},
		{"mixmas data build avmnist --snr -5 --from a", "mixmas data build avmnist --snr=-5 --from=a --"},
		{"mixmas data build avmnist --snr -.5", "mixmas data build avmnist --snr=-.5 --"},
	} {
		got, err := arrange(newApp(nil, nil, nil), strings.Fields(test.words))
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %q, %v", test.words, got, err)
		}
	}
	if got, err := arrange(newApp(nil, nil, nil), nil); len(got) != 0 || err != nil {
		t.Errorf("nothing: got %v, %v", got, err)
	}
}

// leaves are the commands of the tree that do something, with the words that name them.
func leaves(commands []*cli.Command, above ...string) map[string]*cli.Command {
	found := map[string]*cli.Command{}
	for _, c := range commands {
		path := slices.Concat(above, []string{c.Name})
		if len(c.Subcommands) == 0 {
			found[strings.Join(path, " ")] = c
		}
		for name, below := range leaves(c.Subcommands, path...) {
			found[name] = below
		}
	}
	return found
}

// TestEveryCommandRefusesWrongWords gives every command, with every flag, what a shell makes of a mistake. Nothing must
// run, and nothing be written.
func TestEveryCommandRefusesWrongWords(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	refused := func(want string, words ...string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), append([]string{"mixmas"}, words...), strings.NewReader(""), &stdout, &stderr)
		text := stderr.String()
		if code != exitUsage || stdout.Len() > 0 || strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "mixmas: ") || !strings.Contains(text, want) {
			t.Errorf("mixmas %q: exit code %d, %q on stdout, %q on stderr, want %q", words, code, stdout.String(), text, want)
		}
	}
	commands := leaves(newApp(nil, nil, nil).Commands)
	if len(commands) < 15 {
		t.Fatalf("the tree has only %d commands", len(commands))
	}
	refused("an argument is empty", "")
	refused("an argument is empty", "scores", "")
	refused("an argument is empty", "", "run")
	for name, command := range commands {
		path := strings.Fields(name)
		with := func(words ...string) []string { return slices.Concat(path, words) }
		refused(name+": an argument is empty", with("")...)
		refused(name+": an argument is empty", with("plan.yaml", "")...)
		refused(name+": an argument is empty", with("--", "")...)
		refused("unknown flag --no-such-flag", with("--no-such-flag")...)
		refused("unknown flag --no-such-flag", with("plan.yaml", "--no-such-flag=1")...)
		for _, flag := range command.Flags {
			for _, spelling := range flag.Names() {
				double := "--" + spelling
				refused(double+" is empty", with(double+"=")...)
				if !takesValue(flag) {
					refused("want true or false", with(double+"=perhaps")...)
					refused(double+" is given twice", with(double, double)...)
					continue
				}
				refused(double+" needs a value", with(double)...)
				refused(double+" needs a value", with("plan.yaml", "-"+spelling)...)
				refused(double+" needs a value", with(double, "--", "plan.yaml")...)
				refused("write "+double+"=--no-such-flag", with(double, "--no-such-flag")...)
				for _, other := range command.Flags {
					refused("write "+double+"=--"+other.Names()[0], with(double, "--"+other.Names()[0])...)
				}
				refused(double+" is empty", with(double, "")...)
				value := "1"
				switch flag.(type) {
				case *cli.StringSliceFlag:
					continue
				case *cli.IntFlag, *cli.Uint64Flag:
					for _, wrong := range []string{"x", "1.5", "1e9", "0x10", "1_000", "--1"} {
						refused(double+" "+wrong+": want a whole number", with(double+"="+wrong)...)
					}
					refused("the number is out of range", with(double, "99999999999999999999")...)
					refused("without leading zeros", with(double, "010")...)
				case *cli.Float64Flag:
					refused(double+" x: want a number", with(double, "x")...)
				case *cli.DurationFlag:
					refused(double+" 3: want a duration such as", with(double, "3")...)
					value = "1h"
				}
				refused(flag.Names()[0]+" is given twice", with(double, value, double, value)...)
			}
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) > 0 {
		t.Errorf("left behind %v, %v", files, err)
	}
}

// FuzzArrange looks for words that panic, or that mean something else once they are arranged.
func FuzzArrange(f *testing.F) {
	app := newApp(nil, nil, nil)
	f.Add("run plan.yaml --out x --json")
	f.Add("scores rm a -- --store b --")
	f.Add("data build avmnist --snr=-5 --from - -x=")
	f.Add("report --note=a --note -1 -- -")
	f.Add("config  check")
	f.Fuzz(func(t *testing.T, text string) {
		words, err := arrange(app, append([]string{"mixmas"}, strings.Split(text, " ")...))
		if err != nil {
			if !errors.As(err, new(usageError)) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		again, err := arrange(app, words)
		if err != nil || !slices.Equal(again, words) {
			t.Fatalf("%q became %q, %v", words, again, err)
		}
	})
}
