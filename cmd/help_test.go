package cmd

import (
	"io"
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
