package cmd

import "github.com/urfave/cli/v2"

// runCommand searches and then trains the winner in full.
func runCommand() *cli.Command {
	return &cli.Command{
		Name: "run", Usage: "search, then train the winner in full", ArgsUsage: "[CONFIG]",
		Description: "Without CONFIG it runs on built-in data, in about ten seconds on two cores. CONFIG - is standard input.\n" +
			"Scores are stored in --store: a second run trains only what is missing.",
		Flags:  sessionFlags(outFlag(), forceFlag(), epochsFlag(), allMetricsFlag(), budgetFlag("search and train")),
		Action: func(c *cli.Context) error { return searchAndTrain(c, true) },
	}
}

// searchCommand searches without the full training.
func searchCommand() *cli.Command {
	return &cli.Command{
		Name: "search", Usage: "find the best architecture, without training it in full", ArgsUsage: "[CONFIG]",
		Description: "Without CONFIG it searches built-in data. CONFIG - is standard input.",
		Flags:       sessionFlags(budgetFlag("search")),
		Action:      func(c *cli.Context) error { return searchAndTrain(c, false) },
	}
}

func epochsFlag() cli.Flag {
	return &cli.IntFlag{Name: "epochs", Usage: "at most `N` epochs of full training", DefaultText: "the configuration's"}
}

func allMetricsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "all-metrics", Usage: "print every metric of the model; --json always has them all"}
}

func searchAndTrain(c *cli.Context, train bool) (err error) {
	plan, err := loadPlan(c)
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
	}
	r, err := s.runSearch()
	if err != nil || !train {
		if err == nil {
			err = s.report(r, nil)
		}
		return err
	}
	if err := s.keepComplete(); err != nil {
		return err
	}
	t, err := s.search.Train(c.Context, plan.Name, r.FullModel(), plan.Train, c.String("out"))
	if err != nil {
		return s.explain(err)
	}
	return s.report(r, t)
}
