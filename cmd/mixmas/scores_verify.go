package main

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
		Description: "It reads the store's pages, the record of every score and every file, and prints a line for what is not as it was written.\n" +
			"With CONFIG it also measures the scores on that configuration's data again, from the outputs that they left. Exit code 1: something is wrong.",
		Flags:  []cli.Flag{storeFlag()},
		Action: scoresVerify,
	}
}

func scoresVerify(c *cli.Context) (err error) {
	if err := arguments(c, 0, 1, "CONFIG"); err != nil {
		return err
	}
	var plan *config.Config
	if path := c.Args().First(); path != "" {
		if plan, err = loadConfig(path); err != nil {
			return err
		}
	}
	s, err := openStore(c, store.Options{ReadOnly: true})
	if errors.Is(err, store.ErrDamaged) { // its pages
		_, printing := fmt.Fprintln(c.App.Writer, oneLine(err))
		return errors.Join(printing, wrongWith(c, 1))
	}
	if err != nil {
		return err
	}
	wrong := 0
	var printing error
	report := func(err error) {
		wrong++
		if _, err := fmt.Fprintln(c.App.Writer, oneLine(err)); err != nil {
			printing = err
		}
	}
	scores, files, err := s.Verify(c.Context, report)
	if err != nil {
		return err
	}
	var measured search.Verified
	if plan != nil {
		data, err := openData(c.Context, plan, false)
		if err != nil {
			return err
		}
		defer data.Close()
		if measured, err = search.Verify(c.Context, plan, data, s, report); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.App.Writer, "%s measured again; of these data but on other validation rows: %d; of other data: %d\n",
			english.Plural(measured.Measured, "score", ""), measured.OtherRows, measured.OtherData)
		printing = errors.Join(printing, err)
	}
	if wrong > 0 {
		return errors.Join(printing, wrongWith(c, wrong))
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s, %s: all right\n", english.Plural(scores, "score", ""), english.Plural(files, "file", ""))
	return errors.Join(printing, err)
}

// wrongWith is the error of a store with faults.
func wrongWith(c *cli.Context, faults int) error {
	return fmt.Errorf("%s: %s found; \"mixmas scores rm\" removes a score, and a search trains it again",
		c.String("store"), english.Plural(faults, "fault", ""))
}
