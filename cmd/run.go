package cmd

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"mixmas/search/config"
)

// runCommand searches and then trains the winner in full.
func runCommand() *cli.Command {
	return &cli.Command{
		Name: "run", Usage: "search, then train the winner in full", ArgsUsage: "[CONFIG|DATA]",
		Description: "Without CONFIG it runs on built-in data, in about twenty seconds on two cores. CONFIG - is standard input.\n" +
			"DATA is a table, a folder or an archive: the configuration is proposed as by mixmas init, and is kept in the folder of the model.\n" +
			"Scores are stored in --store: a second run trains only what is missing. With the recommended settings it also trains baselines and\n" +
			"combines what was trained to an ensemble; the last lines are the models to choose from, and say which to use.",
		Flags:  sessionFlags(append(dataFlags(), outFlag(), forceFlag(), epochsFlag(), allMetricsFlag(), budgetFlag("search and train"))...),
		Action: func(c *cli.Context) error { return searchAndTrain(c, true) },
	}
}

// searchCommand searches without the full training.
func searchCommand() *cli.Command {
	return &cli.Command{
		Name: "search", Usage: "find the best architecture, without training it in full", ArgsUsage: "[CONFIG|DATA]",
		Description: "Without CONFIG it searches built-in data. CONFIG - is standard input. DATA is a table, a folder or an archive, for\n" +
			"which a configuration is proposed as by mixmas init.",
		Flags:  sessionFlags(append(dataFlags(), budgetFlag("search"))...),
		Action: func(c *cli.Context) error { return searchAndTrain(c, false) },
	}
}

func epochsFlag() cli.Flag {
	return &cli.IntFlag{Name: "epochs", Usage: "at most `N` epochs of full training", DefaultText: "the configuration's"}
}

func allMetricsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "all-metrics", Usage: "print every metric of the model; --json always has them all"}
}

// planOrData is the configuration that the command names, or the one that is proposed for the data that it names, with its text.
func planOrData(c *cli.Context) (plan *config.Config, proposed string, err error) {
	if err := arguments(c, 0, 1, "CONFIG or DATA"); err != nil {
		return nil, "", err
	}
	data := c.Args().First()
	if !isData(c, data) {
		if err := checkDataFlags(c); err != nil {
			return nil, "", err
		}
		plan, err = loadPlan(c)
		return plan, "", err
	}
	if plan, proposed, err = propose(c, data, c.String("out")); err != nil {
		return nil, "", err
	}
	return plan, proposed, override(c, plan)
}

func searchAndTrain(c *cli.Context, train bool) (err error) {
	plan, proposed, err := planOrData(c)
	if err != nil {
		return err
	}
	s, err := openSession(c, plan)
	if err != nil {
		return err
	}
	defer s.closeAfter(&err)
	if train {
		if err := s.search.CheckFolder(plan.Name, c.String("out")); err != nil {
			return s.explain(err)
		}
		if proposed != "" {
			if err := keepPlan(c.String("out"), proposed, c.Bool("force")); err != nil {
				return err
			}
		}
	}
	s.record()
	r, err := s.runSearch()
	if err != nil {
		return err
	}
	if !train {
		_, err := s.finish(r, nil)
		return err
	}
	if err := s.keepComplete(); err != nil {
		return err
	}
	t, err := s.search.Train(c.Context, plan.Name, r.FullModel(), plan.Train, c.String("out"))
	if err != nil {
		return s.explain(err)
	}
	a, err := s.finish(r, t)
	if err != nil || proposed == "" || c.Bool("json") {
		return err
	}
	path := t.Path
	if a != nil {
		path = a.Answer.Path
	}
	model := ""
	if path != filepath.FromSlash(usualModel) {
		model = "--model " + quote(path) + " "
	}
	fmt.Fprintf(c.App.ErrWriter, "\nto predict new rows: mixmas predict %sFILE\n", model)
	return nil
}
