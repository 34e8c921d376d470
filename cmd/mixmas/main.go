// Command mixmas searches for the MLP-based architecture that suits a multimodal data set best.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"mixmas/search/config"
	"mixmas/search/escape"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells report a process that Ctrl-C ended
)

func main() { os.Exit(execute()) }

// execute runs the program on the process's own arguments and streams. The first Ctrl-C or SIGTERM asks it to stop; the
// second one kills it.
func execute() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
}

// run runs the program and returns its exit code. What is wrong goes to stderr, one line an error.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	app := newApp(stdin, stdout, stderr)
	err := app.RunContext(ctx, flagsFirst(app, args))
	if err == nil {
		return exitOK
	}
	for _, e := range flatten(err) {
		fmt.Fprintf(stderr, "mixmas: %s\n", oneLine(e))
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, new(usageError)) || errors.As(err, new(*config.Error)):
		return exitUsage
	}
	return exitFailure
}

// newApp is the program with its commands, bound to streams.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:            "mixmas",
		Usage:           "search for the best MLP-based architecture for multimodal data",
		Version:         version(),
		UsageText:       "mixmas COMMAND [options] [arguments]",
		HideHelpCommand: true,
		// A comma in a note is a comma.
		DisableSliceFlagSeparator: true,

		Reader: stdin, Writer: stdout, ErrWriter: stderr,
		ExitErrHandler: func(*cli.Context, error) {}, // run reports errors
		Commands: []*cli.Command{
			runCommand(), searchCommand(), trainCommand(), predictCommand(), reportCommand(),
			scoresCommand(), dataCommand(), configCommand(), devicesCommand(), benchCommand(),
		},
	}
	app.Action = unknownCommand(app.Commands)
	app.OnUsageError = onUsageError
	prepare(app.Commands)
	return app
}

// prepare makes commands report wrong usage as this program does.
func prepare(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = onUsageError
		if len(c.Subcommands) > 0 {
			c.HideHelpCommand = true
			c.Action = unknownCommand(c.Subcommands)
			prepare(c.Subcommands)
		}
	}
}

// unknownCommand is what happens where no command of a list is named: help without arguments, an error otherwise.
func unknownCommand(known []*cli.Command) cli.ActionFunc {
	return func(c *cli.Context) error {
		if !c.Args().Present() {
			return cli.ShowSubcommandHelp(c)
		}
		var names []string
		for _, k := range known {
			names = append(names, k.Name)
		}
		return usagef("unknown command %q: known are %s", c.Args().First(), strings.Join(names, ", "))
	}
}

// usageError is an error of the command line.
type usageError struct{ error }

// usagef formats a usageError.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// onUsageError turns an error of the flag parser into ours.
func onUsageError(c *cli.Context, err error, _ bool) error {
	text := strings.NewReplacer("flag provided but not defined: -", "unknown flag --", "for flag -", "for flag --").Replace(err.Error())
	return usagef("%s (see %s --help)", text, strings.TrimSpace(c.App.Name+" "+commandName(c)))
}

// commandName is the running command with those above it, such as "config check".
func commandName(c *cli.Context) string {
	return strings.TrimSpace(strings.TrimPrefix(c.Command.HelpName, c.App.Name))
}

// arguments checks the number of arguments; most < 0 sets no limit. what names them.
func arguments(c *cli.Context, least, most int, what string) error {
	switch n := c.Args().Len(); {
	case n < least:
		return usagef("%s: %s is missing", commandName(c), what)
	case most >= 0 && n > most:
		return usagef("%s: unexpected argument %q", commandName(c), c.Args().Get(most))
	}
	return nil
}

// flagsFirst moves flags in front of the arguments of the command that args name, since the parser stops at the first
// argument. What follows "--" stays as it is.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	commands, flags := app.Commands, []cli.Flag{}
	i := 1
	for i < len(args) {
		c := find(commands, args[i])
		if c == nil {
			break
		}
		commands, flags = c.Subcommands, c.Flags
		i++
	}
	takesValue := map[string]bool{}
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		for _, name := range f.Names() {
			takesValue[name] = ok && d.TakesValue()
		}
	}
	var front, back []string
	for rest := args[i:]; len(rest) > 0; rest = rest[1:] {
		word := rest[0]
		if word == "--" {
			back = append(back, rest...)
			break
		}
		if word == "-" || !strings.HasPrefix(word, "-") {
			back = append(back, word)
			continue
		}
		front = append(front, word)
		name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if takesValue[name] && !hasValue && len(rest) > 1 {
			front = append(front, rest[1])
			rest = rest[1:]
		}
	}
	return append(append(append([]string{}, args[:i]...), front...), back...)
}

// find finds a command by name.
func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || strings.Count(err.Error(), "\n") == 0 {
		return []error{err}
	}
	var list []error
	for _, e := range joined.Unwrap() {
		list = append(list, flatten(e)...)
	}
	return list
}

// oneLine is an error's text for a terminal, without line breaks.
func oneLine(err error) string {
	if err == context.Canceled {
		return "interrupted"
	}
	return escape.Terminal(strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}

// version is that of the module, or the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	if text == "" || text == "(devel)" {
		text = "development"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				text += " " + s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	return text + " " + info.GoVersion
}
