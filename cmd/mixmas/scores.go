package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"mixmas/search/atomicfile"
	"mixmas/search/escape"
	"mixmas/search/store"
)

// defaultStore is where scores are kept unless --store says otherwise.
const defaultStore = "mixmas.db"

// storeTimeout is how long these commands wait for other processes.
const storeTimeout = 10 * time.Second

// storeFlag selects the store of scores.
func storeFlag() cli.Flag {
	return &cli.StringFlag{Name: "store", Value: defaultStore, Usage: "`FILE` of retained scores"}
}

// scoresCommand looks after retained scores.
func scoresCommand() *cli.Command {
	asJSON := &cli.BoolFlag{Name: "json", Usage: "print JSON"}
	return &cli.Command{
		Name:  "scores",
		Usage: "look at, move and remove retained scores",
		Subcommands: []*cli.Command{
			{Name: "ls", Usage: "list the scores", Flags: []cli.Flag{storeFlag(), asJSON}, Action: scoresList},
			{Name: "show", Usage: "print all that is known of a score as JSON; the beginning of its key is enough", ArgsUsage: "KEY",
				Flags: []cli.Flag{storeFlag()}, Action: scoresShow},
			{Name: "export", Usage: "write all scores with weights and outputs to an archive; - is stdout", ArgsUsage: "FILE",
				Flags: []cli.Flag{storeFlag()}, Action: scoresExport},
			{Name: "import", Usage: "add the scores of an archive; - is stdin", ArgsUsage: "FILE",
				Flags: []cli.Flag{storeFlag()}, Action: scoresImport},
			{Name: "rm", Usage: "remove scores with their files", ArgsUsage: "KEY...", Flags: []cli.Flag{storeFlag()}, Action: scoresRemove},
			{Name: "prune", Usage: "remove trained weights, which are trained again when they are needed; scores stay",
				Flags: []cli.Flag{storeFlag(),
					&cli.DurationFlag{Name: "older", Usage: "only those of trials that ended longer ago than this `TIME`, such as 720h"}},
				Action: scoresPrune},
		},
	}
}

// openStore opens an existing store.
func openStore(c *cli.Context, o store.Options) (*store.Store, error) {
	path := c.String("store")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no store %s: --store names it", path)
	}
	o.Timeout = storeTimeout
	return store.Open(path, o)
}

func scoresList(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	s, err := openStore(c, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	list, err := s.List(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, append([]store.Score{}, list...))
	}
	table := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tNAME\tACCURACY\tPARAMS\tSECONDS\tFINISHED\tNUMERICS")
	for _, sc := range list {
		accuracy := "–"
		if sc.Status == store.Failed {
			accuracy = "failed"
		} else if value, known := sc.Metrics["accuracy"]; known {
			accuracy = fmt.Sprintf("%.4f", value)
		}
		fmt.Fprintf(table, "%.12s\t%s\t%s\t%s\t%.1f\t%s\t%s\n", sc.Key, escape.Terminal(sc.Name), accuracy,
			humanize.Comma(int64(sc.Parameters)), sc.Seconds, sc.Finished.UTC().Format("2006-01-02 15:04"), escape.Terminal(sc.Numerics))
	}
	return table.Flush()
}

func scoresShow(c *cli.Context) error {
	if err := arguments(c, 1, 1, "KEY"); err != nil {
		return err
	}
	s, err := openStore(c, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	sc, err := s.Find(c.Args().First())
	if err != nil {
		return err
	}
	return writeJSON(c.App.Writer, sc)
}

func scoresExport(c *cli.Context) error {
	if err := arguments(c, 1, 1, "FILE"); err != nil {
		return err
	}
	s, err := openStore(c, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	if c.Args().First() == "-" {
		return s.Export(c.App.Writer)
	}
	return atomicfile.Write(c.Args().First(), s.Export)
}

func scoresImport(c *cli.Context) (err error) {
	if err := arguments(c, 1, 1, "FILE"); err != nil {
		return err
	}
	from := c.App.Reader
	if path := c.Args().First(); path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	s, err := store.Open(c.String("store"), store.Options{Timeout: storeTimeout})
	if err != nil {
		return err
	}
	added, known, err := s.Import(from)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d added, %d known already\n", added, known)
	return nil
}

func scoresRemove(c *cli.Context) error {
	if err := arguments(c, 1, -1, "KEY"); err != nil {
		return err
	}
	s, err := openStore(c, store.Options{})
	if err != nil {
		return err
	}
	var found []store.Score
	for _, key := range c.Args().Slice() {
		sc, err := s.Find(key)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(found, func(other store.Score) bool { return other.Key == sc.Key }) {
			found = append(found, sc)
		}
	}
	for _, sc := range found {
		if err := s.Remove(sc.Key); err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "%.12s %s removed\n", sc.Key, escape.Terminal(sc.Name))
	}
	return nil
}

func scoresPrune(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	if c.Duration("older") < 0 {
		return usagef("--older %s: want a time of 0 or more", c.Duration("older"))
	}
	s, err := openStore(c, store.Options{})
	if err != nil {
		return err
	}
	limit := time.Now().Add(-c.Duration("older"))
	files, bytes, err := s.Prune(func(sc store.Score) bool { return sc.Finished.After(limit) })
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d files, %s removed\n", files, humanize.Bytes(uint64(bytes)))
	return nil
}

// writeJSON writes indented JSON, in which nothing acts on a terminal.
func writeJSON(w io.Writer, v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escape.JSON(text.Bytes()))
	return err
}
