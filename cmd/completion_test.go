package cmd

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// completions asks as the scripts do.
func completions(t testing.TB, words ...string) (files string, list []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), append([]string{"mixmas", completeWord}, words...), strings.NewReader(""), &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
		t.Fatalf("%q: exit code %d, %s", words, code, &stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
	for _, line := range lines[1:] {
		word, _, _ := strings.Cut(line, "\t")
		list = append(list, word)
	}
	return lines[0], list
}

func TestCompletions(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("scores.tar", scoresArchive(t), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := mixmas(t, "scores", "import", "scores.tar", "--store", "some.db"); code != exitOK {
		t.Fatal(stderr)
	}
	for _, test := range []struct {
		line  string // a space at the end: the word at the cursor is empty
		files string
		want  string // all words, or with "..." at the end some of them
	}{
		{"sc", "none", "scores"},
		{"scores ", "none", "ls show verify export import rm prune ..."},
		{"help ", "none", "run scores help ..."},
		{"help scores v", "none", "verify"},
		{"help nonsense ", "none", ""},
		{"help run ", "none", ""},
		{"nonsense ", "none", ""},
		{"run ", "files", ""},
		{"run plan.yaml ", "none", ""},
		{"run --st", "none", "--store"},
		{"run --store a --st", "none", ""},
		{"init --label a --lab", "none", "--label"},
		{"run -- --st", "files", ""},
		{"run --store ", "files", ""},
		{"run --store=so", "files", ""},
		{"run --out ", "folders", ""},
		{"run --profile ", "folders", ""},
		{"run --budget ", "none", ""},
		{"run --json ", "files", ""},
		{"search --device ", "none", "auto cpu cuda"},
		{"predict --split t", "none", "train test"},
		{"predict --format=", "none", "--format=csv --format=jsonl"},
		{"bench --numerics ", "none", "auto fp32 ..."},
		{"bench avmnist/image/mlp", "none", "avmnist/image/mlp_mixer"},
		{"scores ls --sort ", "none", "name metric ..."},
		{"scores ls --metric acc", "none", "accuracy"},
		{"scores ls --store some.db ", "none", "encoder/image/mlp_mixer encoder/image/ramlp fusion/concat"},
		{"scores ls --store=some.db f", "none", "fusion/concat"},
		{"scores ls --store none.db ", "none", ""},
		{"scores ls --store some.db --stage e", "none", "encoder/image"},
		{"runs show --store some.db ", "none", "last"},
		{"scores ls --store . ", "none", ""},
		{"train --preset ", "none", "m2mixer-avmnist ..."},
		{"init a.csv --column a", "none", ""},
		{"init a.csv --column a=gr", "none", "a=group"},
		{"--v", "none", "--version"},
		{"run --nonsense=", "none", ""},
	} {
		words := strings.Fields(test.line)
		if strings.HasSuffix(test.line, " ") {
			words = append(words, "")
		}
		files, got := completions(t, words...)
		want := strings.Fields(test.want)
		some := len(want) > 0 && want[len(want)-1] == "..."
		missing := slices.ContainsFunc(want, func(word string) bool { return word != "..." && !slices.Contains(got, word) })
		if files != test.files || missing || !some && len(got) != len(want) {
			t.Errorf("%q: got %s and %q, want %s and %q", test.line, files, got, test.files, test.want)
		}
	}
	if _, keys := completions(t, "scores", "rm", "--store", "some.db", `""`); len(keys) != 3 || len(keys[0]) != 12 {
		t.Errorf("keys: %q", keys)
	}
	if entries, err := os.ReadDir("."); err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == "none.db" }) {
		t.Errorf("completion leaves %v (%v)", entries, err)
	}
}

// Every command and every flag of the table is offered, however it is called, and every name of a value or an argument means something:
// files, words, or nothing that is known.
func TestCompletionFollowsTheTable(t *testing.T) {
	unknowable := strings.Fields("NAME N TIME TEXT TITLE SECONDS SIZE DB HEX COLUMN NAME=VALUE COMMAND SUBCOMMAND HOST:PORT TOKEN MIB ROWS MEGAPIXELS REQUESTS")
	known := func(where, name string) {
		if _, has := namedValues[name]; !has && !slices.Contains(unknowable, name) {
			t.Errorf("%s: completion.go does not know what a %s is", where, name)
		}
	}
	for name, command := range leaves(newApp(nil, nil, nil).Commands) {
		path := strings.Fields(name)
		for i := range path {
			if _, list := completions(t, path[:i+1]...); !slices.Contains(list, path[i]) {
				t.Errorf("%s is not offered", strings.Join(path[:i+1], " "))
			}
		}
		_, offered := completions(t, append(path, "--")...)
		for _, flag := range command.Flags {
			double := "--" + flag.Names()[0]
			if !slices.Contains(offered, double) {
				t.Errorf("%s: %s is not offered", name, double)
			}
			_, special := flagValues[flag.Names()[0]]
			if takesValue(flag) && !special && len(listedValues(usageOf(flag), valueName(flag))) == 0 {
				known(name+" "+double, valueName(flag))
			}
		}
		names, _ := argumentNames(command.ArgsUsage)
		for _, argument := range names {
			for _, one := range strings.Split(argument, "|") {
				known(name, one)
			}
		}
	}
}

func TestListedValues(t *testing.T) {
	for usage, want := range map[string]string{
		"`DEVICE` to compute on: auto, cpu, cuda, or cuda:N for GPU number N": "auto cpu cuda",
		"sort `BY` name, metric (best first), params, seconds or finished":    "name metric params seconds finished",
		"output `FORMAT`: csv or jsonl":                                       "csv jsonl",
		"within about `TIME`, such as 10m or 1h30m: what takes longer is not": "",
		"write profiles into `DIR`: operations.txt, cpu.pprof, trace.out":     "",
		"`N` cores": "",
	} {
		flag := &cli.StringFlag{Name: "flag", Usage: usage}
		if got := strings.Join(listedValues(usageOf(flag), valueName(flag)), " "); got != want {
			t.Errorf("%s: got %q, want %q", usage, got, want)
		}
	}
}

// FuzzCompletions completes any words, without a store to look into.
func FuzzCompletions(f *testing.F) {
	f.Add("run --store= a")
	f.Add("help scores ls ")
	f.Add("init --column a= --label")
	f.Add("scores -- -")
	app := newApp(nil, nil, nil)
	f.Fuzz(func(t *testing.T, line string) {
		var out bytes.Buffer
		words := strings.Split(line, " ")
		if err := writeCompletions(t.Context(), &out, app, words); err != nil {
			t.Fatal(err)
		}
		for i, text := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
			if i == 0 && text != "none" && text != "files" && text != "folders" || i > 0 && !strings.HasPrefix(text, words[len(words)-1]) && words[len(words)-1] != `""` {
				t.Fatalf("%q: line %d is %q", line, i, text)
			}
		}
	})
}

// The scripts complete command lines in their shells.
func TestCompletionInShells(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the shells of Unix are tested on Unix")
	}
	folder := t.TempDir()
	t.Chdir(folder)
	program := filepath.Join(folder, "bin", "mixmas")
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary runs the program under this name (see TestMain), and lists what it was asked to complete.
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"plan one.yaml", "plan two.yaml", "plan:three.yaml", "data/a.csv", "da:ta/a.csv"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("scores.tar", scoresArchive(t), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := mixmas(t, "scores", "import", "scores.tar", "--store", "it's.db"); code != exitOK {
		t.Fatal(stderr)
	}
	for _, shell := range []struct {
		name string
		// ask is a program of the shell that prints what it completes of the line $LINE, one word per line.
		ask string
		// lines and what they must and must not be completed to.
		lines map[string]string
	}{
		{"bash", `eval "$(mixmas completion bash)"
			COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
			COMP_LINE=$LINE COMP_POINT=${#LINE}
			COMP_WORDS=() COMP_CWORD=-1
			word="" rest=$LINE quoted=""
			while [[ -n $rest ]]; do # as bash splits it
				c=${rest:0:1} rest=${rest:1}
				case $quoted$c in
				[\"\']) quoted=$c word+=$c ;;
				\"\" | \'\') quoted="" word+=$c ;;
				\\) word+=$c${rest:0:1} rest=${rest:1} ;;
				[=:]) [[ -n $word ]] && COMP_WORDS+=("$word"); COMP_WORDS+=("$c") word="" ;;
				" ") [[ -n $word ]] && COMP_WORDS+=("$word"); word="" ;;
				*) word+=$c ;;
				esac
			done
			[[ -n $word || $LINE == *" " ]] && COMP_WORDS+=("$word")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			_mixmas
			printf '%s\n' "${COMPREPLY[@]}"`, map[string]string{
			"mixmas sc": "scores", "mixmas scores ls --so": "--sort", "mixmas scores ls --sort=f": "finished", "mixmas scores ls --sort p": "params",
			"mixmas init a --column age=ca": "category", "mixmas run ": "plan\\ one.yaml",
			`mixmas scores ls --store "it's.db" fus`: "fusion/concat", `mixmas scores ls --store it\'s.db "fus`: "fusion/concat",
			`mixmas scores ls --store ~/it\'s.db --stage="enc`: "encoder/image", `mixmas init a.csv --column "my age"=ca`: "category\n",
			`mixmas init a.csv --column "my age=ca`: "my age=category\n", `mixmas init a.csv --column 'a:b=ca`: "a:b=category\n",
			`mixmas init a.csv --column a\:b=ca`: "category\n", "mixmas run plan:": "three.yaml\n", "mixmas run --store=plan:": "three.yaml\n", "mixmas run --out da:": "ta/\n",
			`mixmas scores ls --store it\'s.db "--so`: "--sort\n",
		}},
		{"zsh", `compdef() { } # what follows stands for zsh's own functions, which take a second to load
			eval "$(mixmas completion zsh)"
			compadd() { # prints the words instead of offering them; zsh's functions pass most of them by the name of an array
				local -a words; local array=""
				while (( $# )); do
					case $1 in
					-a) array=1 ;;
					--) shift; break ;;
					-[OADEMFWJVXxdPSpsiIRrqo]) shift ;;
					-*) ;;
					*) break ;;
					esac
					shift
				done
				if [[ -n $array ]]; then for name in $@; do print -l -- ${(P)name}; done; else print -l -- $@; fi
			}
			_files() { print -l -- plan*(N) }
			_describe() { local name=${@[-1]}; print -l -- ${${(P)name}%%:*} }
			compset() { true }
			words=(${(z)LINE}); [[ $LINE == *" " ]] && words+=("")
			CURRENT=${#words}; PREFIX=${words[-1]}
			[[ $PREFIX == [\"\']* && $PREFIX != *[\"\'] ]] && PREFIX=${PREFIX[2,-1]} # a quote that is open is not in it
			_mixmas`, map[string]string{
			"mixmas sc": "scores", "mixmas scores ls --so": "--sort", "mixmas scores ls --sort=f": "--sort=finished", "mixmas run ": "plan one.yaml",
			`mixmas scores ls --store "it's.db" fus`: "fusion/concat", `mixmas scores ls --store ~/it\'s.db "fus`: "fusion/concat",
			`mixmas init a.csv --column "my age=ca`: "my age=category\n", `mixmas init a.csv --column my\ age=ca`: "my age=category\n",
		}},
		{"fish", `mixmas completion fish | source
			complete -C "$LINE"`, map[string]string{
			"mixmas sc": "scores", "mixmas scores ls --so": "--sort", "mixmas scores ls --sort=f": "--sort=finished", "mixmas scores ls --sort p": "params",
			"mixmas run ": "plan one.yaml", "mixmas run --store=pl": "--store=plan", "mixmas run --out ": "data/",
			`mixmas scores ls --store "it's.db" fus`: "fusion/concat", `mixmas scores ls --store ~/it\'s.db "fus`: "fusion/concat",
			`mixmas init a.csv --column "my age=ca`: "my age=category\n", `mixmas init a.csv --column my\ age=ca`: "my age=category\n",
		}},
	} {
		t.Run(shell.name, func(t *testing.T) {
			path, err := exec.LookPath(shell.name)
			if err != nil {
				t.Skipf("%s is not installed", shell.name)
			}
			for line, want := range shell.lines {
				c := exec.CommandContext(t.Context(), path, "-c", shell.ask)
				c.Env = append(os.Environ(), "LINE="+line, "HOME="+folder)
				var stdout, stderr bytes.Buffer
				c.Stdout, c.Stderr = &stdout, &stderr
				if err := c.Run(); err != nil || !strings.Contains(stdout.String(), want) || stderr.Len() > 0 {
					t.Errorf("%q: got %q, want %q (%v)\n%s", line, stdout.String(), want, err, &stderr)
				}
			}
		})
	}
}
