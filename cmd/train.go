package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/nn/mixer"
	"mixmas/search"
	"mixmas/search/evaluate"
)

// trainCommand trains a model in full: the winner of a search, or a preset without a search.
func trainCommand() *cli.Command {
	var presets strings.Builder
	for _, p := range mixer.Presets() {
		fmt.Fprintf(&presets, "\n  %-18s%s", p.Name, p.Doc)
	}
	return &cli.Command{
		Name: "train", Usage: "train a search's winner, or a preset without a search", ArgsUsage: "[CONFIG]",
		Description: "The data and the recipe come from CONFIG (- is standard input); without CONFIG they are built in. Without --preset, run the\nsearch first: train only looks up its scores.\n\nPresets:" + presets.String(),
		Flags: sessionFlags(outFlag(), forceFlag(), epochsFlag(), allMetricsFlag(),
			&cli.StringFlag{Name: "preset", Usage: "train the preset `NAME` instead of a search's winner"}),
		Action: train,
	}
}

func train(c *cli.Context) (err error) {
	plan, err := loadPlan(c)
	if err != nil {
		return err
	}
	preset := c.String("preset")
	var model mixer.Specification
	if preset != "" {
		p, err := mixer.LookupPreset(preset)
		if err != nil {
			return usageError{err}
		}
		model = p.Specification(plan.Train.Training.Dropout)
	}
	s, err := openSession(c, plan)
	if err != nil {
		return err
	}
	defer s.closeAfter(&err)
	name := preset
	var r *search.Result
	if preset == "" {
		name = plan.Name
		r, err = s.search.LookUp(c.Context)
		if errors.Is(err, evaluate.ErrUntrained) {
			return fmt.Errorf("%w: run mixmas search first, with the same configuration, store and seed "+
				"(or mixmas run, if a candidate ran out of memory, which leaves no score)", err)
		}
		if err != nil {
			return s.explain(err)
		}
		model = r.FullModel()
	} else if err := s.search.CheckModel(model); err != nil {
		return fmt.Errorf("--preset %s: %w", preset, err)
	}
	if err := s.search.CheckFolder(name, c.String("out")); err != nil {
		return s.explain(err)
	}
	s.record()
	if err := s.keepComplete(); err != nil {
		return err
	}
	t, err := s.search.Train(c.Context, name, model, plan.Train, c.String("out"))
	if err != nil {
		return s.explain(err)
	}
	if r == nil {
		return s.report(nil, t, nil)
	}
	_, err = s.finish(r, t)
	return err
}
