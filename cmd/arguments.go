package cmd

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// arrange checks the words of a command line and moves its flags in front of its arguments, because the parser stops at the
// first argument. Everything after "--" is an argument. An empty word usually comes from an unset shell variable, so neither
// arguments nor the values of flags may be empty, and a flag without its value must not swallow the next flag or argument. If
// help is asked for, nothing else matters.
func arrange(app *cli.App, words []string) ([]string, error) {
	command, rest := descend(app, words)
	if command == nil || len(command.Subcommands) > 0 { // no command, or an unknown one: there is nothing to move
		if slices.Contains(rest, "") {
			return nil, usagef("an argument is empty: is a shell variable unset?")
		}
		return words, nil
	}
	path := words[:len(words)-len(rest)]
	name := strings.Join(path[1:], " ")
	flags, arguments := []string{}, []string{}
	given := map[string]bool{}
	for len(rest) > 0 {
		word := rest[0]
		rest = rest[1:]
		if word == "--" {
			arguments = append(arguments, rest...)
			break
		}
		if word == "" || word == "-" || word[0] != '-' {
			arguments = append(arguments, word)
			continue
		}
		spelling, value, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		flag := findFlag(command.Flags, spelling)
		if flag == nil && slices.Contains(cli.HelpFlag.Names(), spelling) { // otherwise the rest would be taken for topics
			return slices.Concat(path, []string{"--help"}), nil
		}
		if flag == nil {
			flags = append(flags, word) // the parser reports it as unknown
			continue
		}
		if _, list := flag.(*cli.StringSliceFlag); given[flag.Names()[0]] && !list {
			return nil, usagef("%s: --%s is given twice", name, flag.Names()[0])
		}
		given[flag.Names()[0]] = true
		if !hasValue && takesValue(flag) {
			switch {
			case len(rest) == 0:
				return nil, usagef("%s: --%s needs a value (see mixmas %s --help)", name, spelling, name)
			case looksLikeFlag(rest[0]):
				return nil, usagef("%s: --%s needs a value; if %s is the value, write --%s=%s", name, spelling, rest[0], spelling, quote(rest[0]))
			}
			value, hasValue, rest = rest[0], true, rest[1:]
		}
		if hasValue {
			if err := checkValue(name, spelling, flag, value); err != nil {
				return nil, err
			}
			word = "--" + spelling + "=" + value
		}
		flags = append(flags, word)
	}
	if slices.Contains(arguments, "") {
		return nil, usagef("%s: an argument is empty: is a shell variable unset?", name)
	}
	return slices.Concat(path, flags, []string{"--"}, arguments), nil
}

// descend returns the command that the first words name, and the words after its name.
func descend(app *cli.App, words []string) (command *cli.Command, rest []string) {
	if len(words) == 0 {
		return nil, nil
	}
	known := app.Commands
	for rest = words[1:]; len(rest) > 0; rest = rest[1:] {
		i := slices.IndexFunc(known, func(c *cli.Command) bool { return c.HasName(rest[0]) })
		if i < 0 {
			break
		}
		command, known = known[i], known[i].Subcommands
	}
	return command, rest
}

// findFlag returns the flag with the given name, or nil if there is none.
func findFlag(flags []cli.Flag, name string) cli.Flag {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil
	}
	return flags[i]
}

func takesValue(flag cli.Flag) bool {
	d, ok := flag.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// looksLikeFlag distinguishes flags from values: a lone dash is a standard stream, and -5 is a number.
func looksLikeFlag(word string) bool {
	return len(word) > 1 && word[0] == '-' && !strings.ContainsAny(word[1:2], ".0123456789")
}

// checkValue checks a flag's value against the flag's type. Numbers are decimal: 010 is refused, as it could mean 8 or 10.
func checkValue(command, spelling string, flag cli.Flag, value string) error {
	if value == "" {
		return usagef("%s: the value of --%s is empty: is a shell variable unset?", command, spelling)
	}
	var err error
	var want string
	switch flag.(type) {
	case *cli.BoolFlag:
		_, err = strconv.ParseBool(value)
		want = "true or false"
	case *cli.IntFlag:
		_, err = strconv.Atoi(value)
		want = "a whole number"
	case *cli.Uint64Flag:
		_, err = strconv.ParseUint(value, 10, 64)
		want = "a whole number, 0 or more"
	case *cli.Float64Flag:
		_, err = strconv.ParseFloat(value, 64)
		want = "a number"
	case *cli.DurationFlag:
		_, err = time.ParseDuration(value)
		want = "a duration such as 720h or 1h30m"
	}
	switch flag.(type) {
	case *cli.IntFlag, *cli.Uint64Flag:
		if digits := strings.TrimLeft(value, "+-"); err == nil && len(digits) > 1 && digits[0] == '0' {
			return usagef("%s: --%s %s: want a whole number without leading zeros", command, spelling, value)
		}
	}
	if errors.Is(err, strconv.ErrRange) {
		return usagef("%s: --%s %s: the number is out of range", command, spelling, value)
	}
	if err != nil {
		return usagef("%s: --%s %s: want %s", command, spelling, quote(value), want)
	}
	return nil
}
