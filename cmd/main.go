// Package cmd implements the program mixmas, with one file per command. To add your own encoders, data formats, metrics or
// samplers, write a main package that imports them and calls [Main].
package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"mixmas/nn/cpu/simd"
	"mixmas/search/config"
	"mixmas/search/escape"
)

// Exit codes. A program that a signal ended exits with signalled plus the signal's number, as shells do: 130 after Ctrl-C,
// 143 after SIGTERM.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	signalled   = 128
)

// Main runs the program with the process's own arguments and streams, and exits with its exit code. The first Ctrl-C or
// SIGTERM asks it to stop; the second one kills it.
func Main() { os.Exit(execute()) }

func execute() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	messages := newScreen(os.Stderr)
	go func() {
		received := <-signals
		signal.Stop(signals)
		cancel(signalError{received})
		sayHeard(messages, time.After(time.Second))
	}()
	return run(ctx, os.Args, os.Stdin, os.Stdout, messages)
}

// run runs the program and returns its exit code. Errors go to stderr, one line each.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{w: stdout}
	app := newApp(input{ctx, stdin}, out, stderr)
	err := runLine(ctx, app, args)
	if out.err != nil && !errors.Is(err, out.err) { // so commands need not check what they print
		err = errors.Join(err, out.err)
	}
	if err == nil {
		return exitOK
	}
	for _, line := range messages(err) {
		fmt.Fprintf(stderr, "mixmas: %s\n", line)
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return signalled + signalNumber(ctx)
	case errors.As(err, new(usageError)) || errors.As(err, new(*config.Error)):
		return exitUsage
	}
	return exitFailure
}

// runLine runs a command line, or answers a question that only scripts ask.
func runLine(ctx context.Context, app *cli.App, args []string) error {
	switch {
	case len(args) > 2 && args[1] == completeWord:
		return writeCompletions(ctx, app.Writer, app, args[2:])
	case len(args) == 3 && args[1] == manWord:
		return writeManPages(app, args[2])
	}
	words, err := arrange(app, args)
	if err != nil {
		return err
	}
	if len(words) > 2 && words[1] == helpName && words[2] == "--help" {
		words[2] = helpName
	}
	return app.RunContext(ctx, words)
}

// newApp returns the program with its commands, bound to streams.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:      "mixmas",
		Usage:     "search for the best MLP-based architecture for multimodal data",
		Version:   version(),
		UsageText: "mixmas COMMAND [options] [arguments]",
		Description: "mixmas COMMAND --help describes a command. Exit codes: 0 success, 1 failure, 2 wrong usage or configuration,\n" +
			"130 after Ctrl-C, 143 after SIGTERM. Run an interrupted command again to resume it from the stored scores.",
		HideHelpCommand: true,
		Flags:           []cli.Flag{cli.HelpFlag}, // which the library leaves out because there is a command of this name
		// A comma in a note is a comma.
		DisableSliceFlagSeparator: true,

		Reader: stdin, Writer: stdout, ErrWriter: stderr,
		ExitErrHandler: func(*cli.Context, error) {}, // run reports errors
		Commands: []*cli.Command{
			initCommand(), runCommand(), searchCommand(), trainCommand(), ensembleCommand(), predictCommand(), serveCommand(), exportCommand(), reportCommand(),
			scoresCommand(), runsCommand(), uiCommand(), studyCommand(), dataCommand(), configCommand(), devicesCommand(), benchCommand(), reproduceCommand(),
			completionCommand(), helpCommand(),
		},
	}
	app.Before = func(*cli.Context) error {
		if err := simd.Check(); err != nil {
			return usageError{err}
		}
		return nil
	}
	app.Action = unknownCommand(app.Commands)
	app.OnUsageError = onUsageError
	prepare(app.Name, app.Commands)
	return app
}

// prepare gives commands this program's usage lines and usage errors. parent is the text that is typed before their names.
func prepare(parent string, commands []*cli.Command) {
	for _, c := range commands {
		name := parent + " " + c.Name
		c.UsageText = strings.TrimSpace(name + " [options] " + c.ArgsUsage)
		for _, flag := range c.Flags {
			if b, is := flag.(*cli.BoolFlag); is {
				b.DisableDefaultText = true
			}
		}
		c.OnUsageError = onUsageError
		c.HideHelpCommand = true // otherwise a plan could not be named help or h
		if len(c.Subcommands) > 0 {
			c.UsageText = name + " COMMAND [options] [arguments]"
			c.Action = unknownCommand(c.Subcommands)
			prepare(name, c.Subcommands)
		}
	}
}

// unknownCommand is the action of a command list if no command is named: help without arguments, otherwise an error.
func unknownCommand(known []*cli.Command) cli.ActionFunc {
	return func(c *cli.Context) error {
		if !c.Args().Present() {
			return cli.ShowSubcommandHelp(c)
		}
		return unknownName(strings.TrimSpace(c.App.Name+" "+commandName(c)), known, c.Args().First())
	}
}

// usageError is an error of the command line.
type usageError struct{ error }

// usagef formats a usageError.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// onUsageError rewords an error of the flag parser. The error can only be an unknown flag, because arrange has checked the
// rest.
func onUsageError(c *cli.Context, err error, _ bool) error {
	spelling := strings.TrimPrefix(err.Error(), "flag provided but not defined: -")
	return unknownFlag(strings.TrimSpace(c.App.Name+" "+commandName(c)), c.Command.Flags, spelling)
}

// commandName returns the name of the running command with its parents, such as "config check".
func commandName(c *cli.Context) string {
	return strings.TrimSpace(strings.TrimPrefix(c.Command.HelpName, c.App.Name))
}

// arguments checks the number of arguments; most < 0 means no limit. what names the arguments in errors.
func arguments(c *cli.Context, least, most int, what string) error {
	switch n := c.Args().Len(); {
	case n < least:
		return usagef("%s: %s is missing", commandName(c), what)
	case most >= 0 && n > most:
		return usagef("%s: unexpected argument %q", commandName(c), c.Args().Get(most))
	}
	return nil
}

// messages returns the lines to print for an error, without repeats.
func messages(err error) []string {
	var lines []string
	for _, e := range flatten(err) {
		if line := oneLine(e); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// flatten returns the single errors of joined errors.
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

// oneLine returns an error's text for a terminal, without line breaks.
func oneLine(err error) string {
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
		if stopped := new(interruptedError); errors.As(err, stopped) {
			text = stopped.Error()
		}
	}
	return escape.Terminal(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}

// stamp is the version that make dist sets: -ldflags "-X mixmas/cmd.stamp=VERSION".
var stamp string

// version returns the version with that of Go.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(stamp, "unknown")
	}
	return stampedVersion() + " " + info.GoVersion
}

// stampedVersion returns the version that the program was stamped with, the module's, or the commit that it was built from.
func stampedVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || stamp != "" {
		return cmp.Or(stamp, "unknown")
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
	return text
}
