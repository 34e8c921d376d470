package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/nn/registry"
)

const helpName = "help"

// helpCommand prints the help of a command, as --help behind it does.
func helpCommand() *cli.Command {
	return &cli.Command{
		Name: helpName, Usage: "describe a command", ArgsUsage: "[COMMAND [SUBCOMMAND]]",
		Action: func(c *cli.Context) error {
			words := append([]string{c.App.Name}, c.Args().Slice()...)
			topic, rest := descend(c.App, words)
			switch {
			case len(words) == 1:
				return cli.ShowAppHelp(c)
			case topic != nil && topic.Name == helpName: // of which the library prints the help of the program
				cli.HelpPrinter(c.App.Writer, cli.CommandHelpTemplate, topic)
				return nil
			case len(rest) == 0:
				return c.App.RunContext(c.Context, append(words, "--help"))
			case topic == nil:
				return unknownName(c.App.Name, c.App.Commands, rest[0])
			}
			return unknownName(strings.Join(words[:len(words)-len(rest)], " "), topic.Subcommands, rest[0])
		},
	}
}

// unknownName is the error for a word that is none of the commands that follow a name.
func unknownName(name string, known []*cli.Command, word string) error {
	if len(known) == 0 {
		return usagef("unknown command %q: %s has no commands (see %s --help)", word, name, name)
	}
	var names []string
	for _, k := range known {
		names = append(names, k.Name)
	}
	return usagef("unknown command %q: want one of %s%s (see %s --help)", word, strings.Join(names, ", "), registry.Suggestion(word, names), name)
}

// unknownFlag is the error for a flag that a command does not have.
func unknownFlag(name string, flags []cli.Flag, spelling string) error {
	var names []string
	for _, flag := range withHelp(flags) {
		names = append(names, flag.Names()...)
	}
	suggestion := ""
	if nearest := registry.Nearest(spelling, names); nearest != "" {
		suggestion = fmt.Sprintf(" (did you mean --%s?)", nearest)
	}
	return usagef("unknown flag --%s%s (see %s --help)", spelling, suggestion, name)
}

// withHelp returns flags with --help, which every command has.
func withHelp(flags []cli.Flag) []cli.Flag { return append(slices.Clone(flags), cli.HelpFlag) }
