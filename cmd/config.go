package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"mixmas/search"
	"mixmas/search/align"
	"mixmas/search/atomicfile"
	"mixmas/search/config"
	"mixmas/search/escape"
)

// configCommand writes and checks configurations.
func configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "write, check and describe configurations",
		Subcommands: []*cli.Command{
			{
				Name: "init", Usage: "write a commented configuration to start from, to FILE or standard output", ArgsUsage: "[FILE]",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "force", Usage: "overwrite FILE"}},
				Action: configInit,
			},
			{
				Name: "check", Usage: "check configurations without opening their data; - is stdin", ArgsUsage: "FILE...",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "explain", Usage: "open the data, and print the configuration with what follows from them and from its settings"},
					cacheSizeFlag(),
				},
				Action: configCheck,
			},
			{Name: "schema", Usage: "print the JSON schema of configurations", Action: configSchema},
		},
	}
}

// standardInput is the name of - in messages.
const standardInput = "standard input"

// loadConfig reads the configuration that a command names, from standard input for "-"; "" means the built-in one.
func loadConfig(c *cli.Context, path string) (*config.Config, error) {
	switch path {
	case "":
		return config.Default(), nil
	case "-":
		return config.Read(standardInput, c.App.Reader)
	}
	if isData(c, path) {
		return nil, usagef("%s: %s is data, not a configuration: mixmas init %s --label COLUMN writes one", commandName(c), quote(path), quote(path))
	}
	return await(c.Context, func() (*config.Config, error) { return config.Load(path) })
}

func configInit(c *cli.Context) error {
	if err := arguments(c, 0, 1, "FILE"); err != nil {
		return err
	}
	path := c.Args().First()
	if path == "" || path == "-" {
		_, err := c.App.Writer.Write(config.Template())
		return err
	}
	return writeNew(path, config.Template(), c.Bool("force"))
}

// writeNew writes a file, which must not exist unless force is set.
func writeNew(path string, text []byte, force bool) error {
	if force {
		return atomicfile.Write(path, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists: use --force to overwrite it", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

func configCheck(c *cli.Context) error {
	if err := arguments(c, 1, -1, "FILE"); err != nil {
		return err
	}
	if c.Bool("explain") {
		return configExplain(c)
	}
	var errs []error
	for _, path := range c.Args().Slice() {
		plan, err := loadConfig(c, path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if path == "-" {
			path = standardInput
		}
		made := ""
		if n := plan.Listed(); n > 0 {
			made = fmt.Sprintf("; lists of values make %d candidates", n)
		}
		fmt.Fprintf(c.App.Writer, "%s: ok%s\n", escape.Terminal(path), made)
	}
	return errors.Join(errs...)
}

// configExplain prints a configuration with every value, those that follow from the data included.
func configExplain(c *cli.Context) error {
	if err := arguments(c, 1, 1, "FILE"); err != nil {
		return err
	}
	plan, data, filled, err := openComplete(c, c.Args().First())
	if err != nil {
		return err
	}
	defer data.Close()
	if err := search.CheckCandidates(plan, data); err != nil {
		return err
	}
	return saveComplete(c.App.Writer, plan, filled)
}

// saveComplete writes a configuration with every value, below a comment that names what follows from the data.
func saveComplete(w io.Writer, plan *config.Config, filled []string) error {
	var text bytes.Buffer
	text.WriteString("# The whole configuration, with every value.\n")
	if folder := plan.Folder(); folder != "" && folder != "." {
		fmt.Fprintf(&text, "# Relative paths start at %s: put a copy there.\n", escape.Terminal(folder))
	}
	if len(filled) > 0 {
		text.WriteString("# These follow from the data:\n")
		for _, field := range filled {
			fmt.Fprintf(&text, "#   %s\n", escape.Terminal(field))
		}
	}
	fmt.Fprintf(&text, "# The settings are %s. What they came to:\n", plan.Settings)
	var rows [][]string
	for _, s := range plan.Settled() {
		row := []string{"#   " + s.Field, s.Value}
		if s.Set {
			row = append(row, "as it was set")
		}
		rows = append(rows, row)
	}
	if err := align.Rows(&text, rows); err != nil {
		return err
	}
	if err := plan.Save(&text); err != nil {
		return err
	}
	_, err := w.Write(text.Bytes())
	return err
}

func configSchema(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	text, err := config.Schema()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s\n", text)
	return err
}
