package cmd

import (
	"errors"
	"fmt"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/store"
)

// scoresVerifyCommand checks a store.
func scoresVerifyCommand() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "check that the store holds what was written", ArgsUsage: "[CONFIG]",
		Description: "It reads the store's pages, every record and every file, and prints one line per fault.\n" +
			"With CONFIG it also recomputes the scores on that configuration's data from the stored outputs\n(CONFIG - is standard input). The exit code is 1 if there are faults.",
		Flags:  []cli.Flag{storeFlag()},
		Action: scoresVerify,
	}
}

func scoresVerify(c *cli.Context) error {
	if err := arguments(c, 0, 1, "CONFIG"); err != nil {
		return err
	}
	var plan *config.Config
	if c.Args().Present() {
		var err error
		if plan, err = loadConfig(c, c.Args().First()); err != nil {
			return err
		}
	}
	faults := 0
	report := func(err error) {
		faults++
		fmt.Fprintln(c.App.Writer, oneLine(err))
	}
	read, err := verifyStore(c, plan, report)
	if err != nil {
		return err
	}
	if faults > 0 {
		return fmt.Errorf("%s: %s found; \"mixmas scores rm\" removes a score, and a search trains it again; \"mixmas runs rm\" removes a run",
			c.String("store"), english.Plural(faults, "fault", ""))
	}
	fmt.Fprintf(c.App.Writer, "%s, %s: no faults\n", countScores(read), english.Plural(read.Files, "file", ""))
	return nil
}

// countScores says how many scores, and runs if there are any, were read.
func countScores(read store.Verified) string {
	text := english.Plural(read.Scores, "score", "")
	if read.Runs > 0 {
		text += ", " + english.Plural(read.Runs, "run", "")
	}
	return text
}

// verifyStore reports each fault of the store and, if there is a plan, of the scores on its data.
func verifyStore(c *cli.Context, plan *config.Config, report func(error)) (read store.Verified, err error) {
	s, err := openStore(c, store.Options{ReadOnly: true})
	if errors.Is(err, store.ErrDamaged) { // its pages: nothing in it can be read
		report(err)
		return read, nil
	}
	if err != nil {
		return read, err
	}
	if read, err = s.Verify(c.Context, report); err != nil || plan == nil {
		return read, err
	}
	data, err := openData(c, plan)
	if err != nil {
		return read, err
	}
	defer data.Close()
	v, err := search.Verify(c.Context, plan, data, s, report)
	if err != nil {
		return read, err
	}
	fmt.Fprintf(c.App.Writer, "%s recomputed; %d skipped (other validation rows of the same data); %d skipped (other data)\n",
		english.Plural(v.Measured, "score", ""), v.OtherRows, v.OtherData)
	return read, nil
}
