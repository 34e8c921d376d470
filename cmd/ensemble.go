package cmd

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"mixmas/search/evaluate"
	"mixmas/search/report"
)

// ensembleCommand combines models that a search has trained.
func ensembleCommand() *cli.Command {
	return &cli.Command{
		Name: "ensemble", Usage: "combine models that a search has trained into one model file", ArgsUsage: "[CONFIG]",
		Description: "Models are chosen by what they predict together on the validation split, among all stored trials of the search and its full\n" +
			"trainings. Run the search first: ensemble only looks up its scores. The file is a model like any other: mixmas predict --model FILE.\n" +
			"CONFIG - is standard input; without CONFIG the data are built in.",
		Flags: sessionFlags(epochsFlag(),
			&cli.IntFlag{Name: "size", Usage: "choose at most `N` models", DefaultText: "the configuration's, or 8"},
			&cli.StringFlag{Name: "out", Value: filepath.Join(outFolder, "ensemble.safetensors"), Usage: "`FILE` for the ensemble"},
			forceFlag()),
		Action: ensemble,
	}
}

func ensemble(c *cli.Context) (err error) {
	plan, err := loadPlan(c)
	if err != nil {
		return err
	}
	size := plan.Train.Ensemble.Size
	if c.IsSet("size") {
		if size = c.Int("size"); size < 1 || size > 1000 {
			return usagef("--size %d: want 1 to 1000", size)
		}
	}
	if err := checkOverwrites(c, "out", c.Args().First(), c.String("store")); err != nil {
		return err
	}
	s, err := openSession(c, plan)
	if err != nil {
		return err
	}
	defer s.closeAfter(&err)
	if err := s.search.CheckFile(c.String("out")); err != nil {
		return s.explain(err)
	}
	r, err := s.search.LookUp(c.Context)
	if errors.Is(err, evaluate.ErrUntrained) {
		return fmt.Errorf("%w: run mixmas search or mixmas run first, with the same configuration, store and seed", err)
	}
	if err != nil {
		return s.explain(err)
	}
	s.record()
	final, err := s.search.Combine(c.Context, r, size, c.String("out"))
	if err != nil {
		return s.explain(err)
	}
	d := s.outcome(r, nil)
	d.Ensemble = final
	s.document = &d
	s.progress.Close()
	if c.Bool("json") {
		return writeJSON(c.App.Writer, final)
	}
	return report.WriteEnsemble(c.App.Writer, plan.Search.Metric, *final)
}
