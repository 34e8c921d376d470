package cmd

import (
	"io"
	"os"

	"github.com/urfave/cli/v2"
)

// output is standard output. It remembers the first error, which run reports, and writes nothing after it. (On Unix a
// closed pipe, such as that of | head, never gets here: its signal ends the program, as usual.)
type output struct {
	w   io.Writer
	err error
}

// Write implements [io.Writer].
func (o *output) Write(text []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(text)
	o.err = err
	return n, err
}

// checkOverwrites returns an error if the file of a flag that is written is one of those that the command reads, or a folder.
func checkOverwrites(c *cli.Context, flag string, inputs ...string) error {
	to, err := os.Stat(c.String(flag))
	if err != nil {
		return nil // a new file
	}
	if to.IsDir() {
		return usagef("%s: --%s %s is a folder: name a file", commandName(c), flag, quote(c.String(flag)))
	}
	for _, input := range inputs {
		if from, err := os.Stat(input); err == nil && os.SameFile(from, to) {
			return usagef("%s: --%s %s would overwrite what is read: name another file", commandName(c), flag, quote(c.String(flag)))
		}
	}
	return nil
}
