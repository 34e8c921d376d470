package cmd

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mixmas/search/align"
	"mixmas/search/escape"
	"mixmas/search/page"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// runsCommand manages recorded runs.
func runsCommand() *cli.Command {
	return &cli.Command{
		Name:  "runs",
		Usage: "list, show, compare and remove recorded searches and trainings",
		Subcommands: []*cli.Command{
			{Name: "ls", Usage: "list all runs, the newest first, or those with the given names", ArgsUsage: "[NAME...]",
				Description: "run, search, train and ensemble are recorded in their store. A run is interrupted if it was stopped, or if its process\n" +
					"has gone. NAME is the name of a search; * and ? match anything but a slash. Times are in UTC.",
				Flags: []cli.Flag{storeFlag(), limitFlag("runs"),
					&cli.BoolFlag{Name: "json", Usage: "print JSON, with configurations"}, csvFlag()},
				Action: runsList},
			{Name: "show", Usage: "print what a run printed, or what is known so far of one that has not finished", ArgsUsage: "RUN",
				Description: runWords,
				Flags: []cli.Flag{storeFlag(), allMetricsFlag(),
					&cli.BoolFlag{Name: "configuration", Usage: "print the run's complete configuration"},
					&cli.BoolFlag{Name: "json", Usage: "print the document that --json of the run prints"}},
				Action: runsShow},
			{Name: "compare", Usage: "print what differs between two runs: configuration, winners, models", ArgsUsage: "RUN RUN",
				Description: runWords,
				Flags:       []cli.Flag{storeFlag(), &cli.BoolFlag{Name: "json", Usage: "print JSON"}},
				Action:      runsCompare},
			{Name: "rm", Usage: "remove the records of runs; their scores and models stay", ArgsUsage: "[RUN...]",
				Description: runWords + " A run that is still running is not removed: stop it first.\n" +
					"With --older or --keep it removes old runs instead of named ones, and leaves those that are running alone.",
				Flags: []cli.Flag{storeFlag(),
					&cli.DurationFlag{Name: "older", Usage: "all runs that ended more than this `TIME` ago, such as 720h"},
					&cli.IntFlag{Name: "keep", Usage: "all runs but the newest `N`", DefaultText: "none"}},
				Action: runsRemove},
		},
	}
}

// runWords says how a run is named.
const runWords = "RUN is the ID of a run or its beginning, the name of a search that was run once, or last for the newest run."

func limitFlag(what string) cli.Flag {
	return &cli.IntFlag{Name: "limit", Usage: "print at most `N` " + what, DefaultText: "all"}
}

func csvFlag() cli.Flag { return &cli.BoolFlag{Name: "csv", Usage: "print CSV"} }

// checkList checks the flags that commands which list something have in common.
func checkList(c *cli.Context) error {
	if c.IsSet("limit") && c.Int("limit") < 1 {
		return usagef("--limit %d: want at least 1", c.Int("limit"))
	}
	if c.Bool("json") && c.Bool("csv") {
		return usagef("--json and --csv: want one of the two")
	}
	return nil
}

// limited returns the first entries of a list, as many as --limit allows.
func limited[E any](c *cli.Context, list []E) []E {
	if n := c.Int("limit"); n > 0 && n < len(list) {
		return list[:n]
	}
	return list
}

// writeCSV writes rows as CSV that harms no spreadsheet.
func writeCSVRows(w io.Writer, rows [][]string) error {
	out := csv.NewWriter(w)
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = escape.CSV(cell)
		}
		if err := out.Write(safe); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// runsList lists all readable runs, even if some records are damaged.
func runsList(c *cli.Context) error {
	if err := checkList(c); err != nil {
		return err
	}
	names := c.Args().Slice()
	if err := checkPatterns(names); err != nil {
		return err
	}
	s, err := openStore(c, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	list, damaged := runs.List(c.Context, s)
	if damaged != nil && !errors.Is(damaged, store.ErrDamaged) {
		return damaged
	}
	if len(names) > 0 {
		list = slices.DeleteFunc(list, func(r runs.Run) bool {
			return !slices.ContainsFunc(names, func(wanted string) bool { return named(r.Name, wanted) })
		})
	}
	list = limited(c, list)
	now := time.Now()
	switch {
	case c.Bool("json"):
		err = writeJSON(c.App.Writer, append([]runs.Run{}, list...))
	case c.Bool("csv"):
		rows := [][]string{{"id", "name", "kind", "state", "started", "ended", "seconds", "trainings", "metric", "score", "data", "fingerprint", "numerics", "out", "error"}}
		for _, r := range list {
			ended, score := "", ""
			if !r.Ended.IsZero() {
				ended = r.Ended.UTC().Format(time.RFC3339)
			}
			if r.Score != nil {
				score = strconv.FormatFloat(*r.Score, 'g', -1, 64)
			}
			rows = append(rows, []string{r.ID, r.Name, r.Kind, string(r.State), r.Started.UTC().Format(time.RFC3339), ended,
				strconv.FormatFloat(r.Seconds(now), 'f', 1, 64), strconv.Itoa(r.Trainings), r.Metric, score, r.Data.Name, r.Data.Fingerprint,
				r.Numerics, r.Out, r.Error})
		}
		err = writeCSVRows(c.App.Writer, rows)
	default:
		rows := [][]string{{"ID", "NAME", "KIND", "STATE", "STARTED", "SECONDS", "TRAININGS", "SCORE", "DATA"}}
		for _, r := range list {
			rows = append(rows, []string{r.ID, escape.Terminal(r.Name), escape.Terminal(r.Kind), escape.Terminal(string(r.State)),
				r.Started.UTC().Format("2006-01-02 15:04"), fmt.Sprintf("%.1f", r.Seconds(now)), runTrainings(r), runScore(r),
				escape.Terminal(r.Data.Name)})
		}
		err = align.Rows(c.App.Writer, rows)
	}
	return errors.Join(err, damaged)
}

// runTrainings is the number of trainings of a run, which is counted when it ends.
func runTrainings(r runs.Run) string {
	if r.State != runs.Finished && r.Trainings == 0 {
		return "–"
	}
	return strconv.Itoa(r.Trainings)
}

// runScore is what a run ended with, as ls shows it.
func runScore(r runs.Run) string {
	if r.Score == nil {
		return "–"
	}
	return escape.Terminal(fmt.Sprintf("%s %.4f", r.Metric, *r.Score))
}

// openRun opens the store, and finds the run that a text names.
func openRun(c *cli.Context, text string) (*store.Store, runs.Run, error) {
	s, err := openStore(c, store.Options{ReadOnly: true})
	if err != nil {
		return nil, runs.Run{}, err
	}
	r, err := findRun(c, s, text)
	return s, r, err
}

// findRun finds the run that a text names. The error says how to list them.
func findRun(c *cli.Context, s *store.Store, text string) (runs.Run, error) {
	r, err := runs.Find(c.Context, s, text)
	if errors.Is(err, runs.ErrNotFound) {
		return r, fmt.Errorf("%w; \"mixmas runs ls\" lists the runs", err)
	}
	return r, err
}

func runsShow(c *cli.Context) error {
	if err := arguments(c, 1, 1, "RUN"); err != nil {
		return err
	}
	if c.Bool("json") && c.Bool("configuration") {
		return usagef("--json and --configuration: want one of the two")
	}
	s, r, err := openRun(c, c.Args().First())
	if err != nil {
		return err
	}
	if c.Bool("configuration") {
		if r.Configuration == "" {
			return fmt.Errorf("run %s: its configuration is not recorded", r.ID)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(r.Configuration, "\n"), "\n") {
			fmt.Fprintln(c.App.Writer, escape.Terminal(line))
		}
		return nil
	}
	d, partial, err := runs.Document(c.Context, s, r)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, d.Saved())
	}
	if partial {
		if err := showState(c, s, r); err != nil {
			return err
		}
	}
	if r.Kind == runs.KindEnsemble && d.Ensemble != nil {
		err = report.WriteEnsemble(c.App.Writer, r.Metric, *d.Ensemble)
	} else {
		err = report.WriteText(c.App.Writer, d, report.TextOptions{AllMetrics: c.Bool("all-metrics")})
	}
	if err != nil {
		return err
	}
	assessment, err := page.Assessment(c.Context, s, r)
	if err != nil || assessment == nil {
		return err
	}
	return assessment.WriteText(c.App.Writer)
}

// showState prints how far a run got that has no outcome.
func showState(c *cli.Context, s *store.Store, r runs.Run) error {
	line := func(head, text string) { fmt.Fprintf(c.App.Writer, "%-6s  %s\n", head, escape.Terminal(text)) }
	verb := "after"
	if r.State == runs.Running {
		verb = "for"
	}
	line("run", fmt.Sprintf("%s, %s, %s %s %.1f seconds; this is what is known so far", r.ID, r.Kind, r.State, verb, r.Seconds(time.Now())))
	if r.Error != "" {
		line("error", strings.Join(strings.Fields(r.Error), " "))
	}
	events, err := runs.Events(c.Context, s, r)
	if err != nil {
		return err
	}
	for _, t := range runs.Unfinished(events) {
		text := fmt.Sprintf("%s: %d of %d steps", t.Name, t.Step, t.Steps)
		if loss := float64(t.Loss); loss != 0 && !math.IsNaN(loss) {
			text += fmt.Sprintf(", loss %.4f", loss)
		}
		head := "at"
		if r.State != runs.Running {
			head = "left"
		}
		line(head, text)
	}
	return nil
}

func runsRemove(c *cli.Context) error {
	old := c.IsSet("older") || c.IsSet("keep")
	switch {
	case old && c.Args().Present():
		return usagef("runs rm: --older and --keep choose runs themselves: want them without RUN")
	case c.Duration("older") < 0:
		return usagef("--older %s: want a duration of 0 or more", c.Duration("older"))
	case c.Int("keep") < 0:
		return usagef("--keep %d: want 0 or more", c.Int("keep"))
	}
	if !old {
		if err := arguments(c, 1, -1, "RUN, --older or --keep"); err != nil {
			return err
		}
	}
	s, err := openStore(c, store.Options{})
	if err != nil {
		return err
	}
	find := namedRuns
	if old {
		find = oldRuns
	}
	found, err := find(c, s)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(found, func(r runs.Run) bool { return r.State == runs.Running }); i >= 0 { // before any is removed
		return stillRunning(found[i])
	}
	for _, r := range found {
		err := runs.Remove(c.Context, s, r.ID)
		switch {
		case old && errors.Is(err, runs.ErrNotFound): // somebody else has removed it
			continue
		case errors.Is(err, runs.ErrRunning): // it has just started
			return stillRunning(r)
		case err != nil:
			return err
		}
		fmt.Fprintf(c.App.Writer, "%s %s removed\n", escape.Terminal(r.ID), escape.Terminal(r.Name))
	}
	return nil
}

// stillRunning is the error of a run that cannot be removed yet.
func stillRunning(r runs.Run) error {
	return fmt.Errorf("run %s (%s) is still running and was not removed: stop it with Ctrl-C in its terminal, then remove it", r.ID, r.Name)
}

// namedRuns returns the runs that the arguments name, each once.
func namedRuns(c *cli.Context, s *store.Store) (found []runs.Run, err error) {
	for _, text := range c.Args().Slice() {
		r, err := findRun(c, s, text)
		if errors.Is(err, store.ErrDamaged) { // then nobody knows whether the ID is that of a damaged record
			r, err = runs.Run{ID: text, Name: "(damaged)"}, nil
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(found, func(other runs.Run) bool { return other.ID == r.ID }) {
			found = append(found, r)
		}
	}
	return found, nil
}

// oldRuns returns the runs that --older and --keep choose. Damaged ones have no age: they stay, and are an error of the list.
func oldRuns(c *cli.Context, s *store.Store) ([]runs.Run, error) {
	list, err := runs.List(c.Context, s)
	if err != nil && !errors.Is(err, store.ErrDamaged) {
		return nil, err
	}
	list = list[min(c.Int("keep"), len(list)):] // the newest are first
	limit := time.Now().Add(-c.Duration("older"))
	return slices.DeleteFunc(list, func(r runs.Run) bool { return r.State == runs.Running || r.Ended.After(limit) }), nil
}
