package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/dataset/inspect"
	"mixmas/search/dataset/tabular"
)

// initCommand proposes a configuration for data.
func initCommand() *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "look at data, say what every column is taken for, and write a configuration", ArgsUsage: "DATA",
		Description: "DATA is a table (CSV, TSV or JSON lines, each also .gz), a folder or an archive (.zip, .tar, .tar.gz) with a table, or with\n" +
			"pictures in folders that are classes. The configuration is commented: change what is wrong, and run it.",
		Flags: append(dataFlags(),
			&cli.StringFlag{Name: "to", Value: planFile, Usage: "write the configuration to `FILE`; - is standard output"},
			&cli.BoolFlag{Name: "force", Usage: "overwrite FILE"}),
		Action: initPlan,
	}
}

// planFile is the name of a proposed configuration.
const planFile = "plan.yaml"

// dataFlags say what is to be known of data without a configuration.
func dataFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "label", Usage: "predict the column `COLUMN` of DATA; several 0/1 columns: a,b,c"},
		&cli.StringFlag{Name: "separator", Usage: "a row has several labels in one cell of DATA, separated by `TEXT`, such as '|'"},
		&cli.StringSliceFlag{Name: "column", Usage: "take a column of DATA for what you say: `COLUMN=KIND`, such as age=category. Kinds: number, category, date, list, set, text, " +
			"picture, array, group, split, unused"},
	}
}

func initPlan(c *cli.Context) error {
	if err := arguments(c, 1, 1, "DATA"); err != nil {
		return err
	}
	if err := checkOverwrites(c, "to", c.Args().First()); err != nil {
		return err
	}
	p, err := lookAt(c, c.Args().First())
	if err != nil {
		return err
	}
	to := c.String("to")
	if to == "-" {
		return p.Write(c.App.Writer, "")
	}
	text, err := p.YAML(filepath.Dir(to))
	if err != nil {
		return err
	}
	if err := writeNew(to, []byte(text), c.Bool("force")); err != nil {
		return err
	}
	if err := p.Table(c.App.Writer); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "\n%s is written: change what is wrong, then\n  mixmas data info %s\n  mixmas run %s\n", quote(to), quote(to), quote(to))
	return err
}

// isData reports whether the argument of a command is data, and not a configuration: flags for data are given, or it is a folder or
// has the name of a table or an archive.
func isData(c *cli.Context, path string) bool {
	if path == "" || path == "-" || hasSuffix(path, ".yaml", ".yml") {
		return false
	}
	if c.IsSet("label") || c.IsSet("separator") || c.IsSet("column") || tabular.IsTable(path) || hasSuffix(path, ".zip", ".tar", ".tar.gz", ".tgz") {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func hasSuffix(path string, suffixes ...string) bool {
	for _, s := range suffixes {
		if strings.HasSuffix(strings.ToLower(path), s) {
			return true
		}
	}
	return false
}

// checkDataFlags refuses flags for data beside a configuration.
func checkDataFlags(c *cli.Context) error {
	for _, flag := range []string{"label", "separator", "column"} {
		if c.IsSet(flag) {
			if c.Args().Len() == 0 {
				return usagef("%s: --%s is for DATA: name a table, a folder or an archive", commandName(c), flag)
			}
			return usagef("%s: --%s is for DATA (a table, a folder or an archive): a configuration says it itself", commandName(c), flag)
		}
	}
	return nil
}

// lookAt looks at data with the command's flags.
func lookAt(c *cli.Context, data string) (*inspect.Proposal, error) {
	r := inspect.Request{Labels: c.StringSlice("label"), Separator: c.String("separator"), Kinds: map[string]string{}}
	for _, text := range c.StringSlice("column") {
		at := strings.LastIndexByte(text, '=')
		if at < 1 {
			return nil, usagef("--column %s: want COLUMN=KIND, such as age=category", quote(text))
		}
		if kind, twice := r.Kinds[text[:at]]; twice && kind != text[at+1:] {
			return nil, usagef("--column %s is given twice", quote(text[:at]))
		}
		r.Kinds[text[:at]] = text[at+1:]
	}
	p, err := inspect.Look(c.Context, data, r)
	if errors.As(err, new(*inspect.RequestError)) {
		return nil, usageError{err}
	}
	return p, err
}

// propose is the configuration for data. With a folder for the model, its relative paths start there, and text is what
// keepPlan writes.
func propose(c *cli.Context, data, out string) (plan *config.Config, text string, err error) {
	p, err := lookAt(c, data)
	if err != nil {
		return nil, "", err
	}
	if text, err = p.YAML(out); err != nil {
		return nil, "", err
	}
	if out == "" {
		plan, err = config.Read("proposal for "+data, strings.NewReader(text))
	} else {
		plan, err = config.Parse(filepath.Join(out, planFile), []byte(text))
	}
	if err != nil {
		return nil, "", err
	}
	return plan, text, p.Table(c.App.ErrWriter)
}

// keepPlan writes a proposed configuration to the folder of the model. A different one that is there already is replaced with force
// only.
func keepPlan(out, text string, force bool) error {
	path := filepath.Join(out, planFile)
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	} else if err == nil && !force {
		return usagef("--out %s: %w: it has another %s: run that one, name another folder, or use --force to replace it", quote(out), search.ErrOccupied, planFile)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	return writeNew(path, []byte(text), true)
}
