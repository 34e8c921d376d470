package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"mixmas/search/atomicfile"
	"mixmas/search/escape"
	"mixmas/search/store"
)

// defaultStore is the store that is used if --store is not given.
const defaultStore = "mixmas.db"

// storeTimeout is the time that these commands wait for other processes.
const storeTimeout = 10 * time.Second

// storeFlag selects the store of scores.
func storeFlag() cli.Flag {
	return &cli.StringFlag{Name: "store", Value: defaultStore, Usage: "`FILE` that scores are stored in"}
}

// scoresCommand manages stored scores.
func scoresCommand() *cli.Command {
	return &cli.Command{
		Name:  "scores",
		Usage: "list, check, copy and remove stored scores",
		Subcommands: []*cli.Command{
			scoresListCommand(), scoresShowCommand(), scoresVerifyCommand(),
			{Name: "export", Usage: "write all scores, with weights and outputs, and all runs to an archive; - is stdout", ArgsUsage: "FILE",
				Description: "An existing archive is replaced; a file with other content is an error.",
				Flags:       []cli.Flag{storeFlag()}, Action: scoresExport},
			{Name: "import", Usage: "add the scores and runs in an archive; - is stdin", ArgsUsage: "FILE",
				Flags: []cli.Flag{storeFlag()}, Action: scoresImport},
			{Name: "rm", Usage: "remove scores and their files; the beginning of a key is enough", ArgsUsage: "KEY...",
				Flags: []cli.Flag{storeFlag()}, Action: scoresRemove},
			{Name: "prune", Usage: "remove trained weights but keep the scores; weights are trained again when needed",
				Description: "The checkpoints of partial scores, from which stopped trainings resume, are kept unless --checkpoints is given.\n" +
					"Runs are kept too (mixmas runs rm --older removes old ones); only what killed processes left of unrecorded ones is removed.",
				Flags: []cli.Flag{storeFlag(),
					&cli.DurationFlag{Name: "older", Usage: "only weights of trials that ended more than this `TIME` ago, such as 720h"},
					&cli.BoolFlag{Name: "checkpoints", Usage: "also remove the checkpoints of partial scores: their trainings start again at the first epoch"}},
				Action: scoresPrune},
		},
	}
}

// openStore opens an existing store.
func openStore(c *cli.Context, o store.Options) (*store.Store, error) {
	path, err := store.Resolve(c.String("store"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no store %s: a search creates it (mixmas run); name another one with --store", path)
	}
	o.Timeout = storeTimeout
	return store.Open(c.Context, path, o)
}

func scoresExport(c *cli.Context) error {
	if err := arguments(c, 1, 1, "FILE"); err != nil {
		return err
	}
	s, err := openStore(c, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	path := c.Args().First()
	export := func(w io.Writer) error { return s.Export(c.Context, w) }
	if path == "-" {
		return export(c.App.Writer)
	}
	if err := mayExport(s, path); err != nil {
		return err
	}
	return atomicfile.Write(path, export)
}

// mayExport refuses to write an archive over the store, among the store's files, or over a file that is not an archive.
func mayExport(s *store.Store, path string) error {
	if s.Holds(path) {
		return usagef("%s belongs to the store %s: name another file for the archive", path, s.Path())
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if !store.IsArchive(file) {
		return usagef("%s exists and is not an archive of scores: remove it, or name another file", path)
	}
	return nil
}

func scoresImport(c *cli.Context) error {
	if err := arguments(c, 1, 1, "FILE"); err != nil {
		return err
	}
	from, err := openInput(c, c.Args().First())
	if err != nil {
		return err
	}
	defer from.Close()
	s, err := store.Open(c.Context, c.String("store"), store.Options{Timeout: storeTimeout})
	if err != nil {
		return err
	}
	done, err := s.Import(c.Context, from)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d added, %d already stored\n", done.Added, done.Known)
	if done.RunsAdded+done.RunsKnown > 0 {
		fmt.Fprintf(c.App.Writer, "runs: %d added, %d already stored\n", done.RunsAdded, done.RunsKnown)
	}
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
		sc, err := s.Find(c.Context, key)
		if errors.Is(err, store.ErrDamaged) && sc.Key != "" {
			sc.Name, err = "(damaged)", nil
		}
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(found, func(other store.Score) bool { return other.Key == sc.Key }) {
			found = append(found, sc)
		}
	}
	for _, sc := range found {
		if err := s.Remove(c.Context, sc.Key); err != nil {
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
		return usagef("--older %s: want a duration of 0 or more", c.Duration("older"))
	}
	s, err := openStore(c, store.Options{})
	if err != nil {
		return err
	}
	limit := time.Now().Add(-c.Duration("older"))
	files, bytes, err := s.Prune(c.Context, func(sc store.Score) bool {
		return sc.Finished.After(limit) || sc.Status == store.Partial && !c.Bool("checkpoints")
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s, %s removed\n", english.Plural(files, "file", ""), humanize.Bytes(uint64(bytes)))
	return nil
}

// writeJSON writes indented JSON that is safe to show on a terminal.
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
