package cmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/search/align"
	"mixmas/search/atomicfile"
	"mixmas/search/study"
)

// studyCommand checks rules of choice on recorded trainings.
func studyCommand() *cli.Command {
	return &cli.Command{
		Name: "study", Usage: "check rules of choice on recorded trainings",
		Description: "A recording is an npz file of many trainings of every candidate: what each predicts after each epoch.",
		Subcommands: []*cli.Command{
			{
				Name: "rule", Usage: "count how often the rule that says which candidate is ahead is right", ArgsUsage: "--runs FILE",
				Description: "A replay draws repeats and rows from the recording, and applies the rule. Counted are the intervals that hold the true\n" +
					"difference of two candidates, how often the truly best candidate is ahead or ties, and how often nobody ties.",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "runs", Usage: "recording `FILE`, an npz file"},
					&cli.IntFlag{Name: "repeats", Value: 3, Usage: "draw `N` repeats per replay"},
					&cli.IntFlag{Name: "replays", Value: 1000, Usage: "replay each stage `N` times"},
					&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "seed `N` of the replays"},
					&cli.BoolFlag{Name: "json", Usage: "print JSON"},
				},
				Action: studyRule,
			},
			{
				Name: "record", Usage: "train every candidate several times, and record what each predicts", ArgsUsage: "[CONFIG] --to FILE",
				Description: "It trains every candidate encoder, then every fusion function and fusion network with the encoders that are best on average:\n" +
					"--repeats times from other initial weights, on each of --draws samples. Each is scored after its last epoch. The data need one\n" +
					"label per row and a test split. An interrupted recording resumes from --store. CONFIG - is standard input.",
				Flags: sessionFlags(
					&cli.IntFlag{Name: "repeats", Value: 5, Usage: "train `N` times on each sample"},
					&cli.IntFlag{Name: "draws", Value: 4, Usage: "draw `N` samples"},
					&cli.StringFlag{Name: "to", Usage: "write the recording to `FILE`, an npz file"}),
				Action: studyRecord,
			},
			{
				Name: "choosing", Usage: "say in Markdown how often choices are right, and what they lose", ArgsUsage: "FILE...",
				Description: "FILE is a recording. The tables are those of docs/results/choosing.md.",
				Action:      studyChoosing,
			},
		},
	}
}

// layout is how recordings name stages: variants of a training are no decision, and the first fusion network was trained in the
// stage before, as the fusion function concat with the network hyper1.
var layout = study.Layout{
	Skip:   []string{"var"},
	Shared: []study.Shared{{Stage: "network", Candidate: "hyper1", FromStage: "fusion", FromCandidate: "concat"}},
}

func studyRule(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	path, repeats, replays := c.String("runs"), c.Int("repeats"), c.Int("replays")
	switch {
	case path == "":
		return usagef("study rule: --runs is missing")
	case repeats < 2:
		return usagef("--repeats %d: want at least 2, since nothing may be claimed of one run each", repeats)
	case replays < 1:
		return usagef("--replays %d: want at least 1", replays)
	}
	r, err := study.Open(c.Context, path)
	if err != nil {
		return err
	}
	counted, err := r.Calibrate(c.Context, layout, repeats, replays, c.Uint64("seed"))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, counted)
	}
	rows := [][]string{{"stage", "coverage", "best among ties", "decided"}}
	add := func(name string, s study.Shares) {
		rows = append(rows, []string{name, fmt.Sprintf("%.3f", s.Coverage), fmt.Sprintf("%.3f", s.BestAmongTies), fmt.Sprintf("%.3f", s.Decided)})
	}
	for _, s := range counted.Stages {
		add(s.Stage, s.Shares)
	}
	add("mean", counted.Shares)
	return align.Rows(c.App.Writer, rows)
}

// studyRecord is the action of study record. What it prints is what was recorded, as text or JSON.
func studyRecord(c *cli.Context) (err error) {
	plan, err := loadPlan(c)
	if err != nil {
		return err
	}
	to, repeats, draws := c.String("to"), c.Int("repeats"), c.Int("draws")
	const most = 1000
	switch {
	case to == "":
		return usagef("study record: --to is missing")
	case repeats < 1 || repeats > most:
		return usagef("--repeats %d: want 1 to %d", repeats, most)
	case draws < 1 || draws > most:
		return usagef("--draws %d: want 1 to %d", draws, most)
	}
	if err := checkOverwrites(c, "to", c.Args().First(), c.String("store")); err != nil {
		return err
	}
	if info, err := os.Stat(filepath.Dir(to)); err != nil { // before anything is trained
		return fmt.Errorf("--to %s: %w", quote(to), err)
	} else if !info.IsDir() {
		return fmt.Errorf("--to %s: %s is not a folder", quote(to), filepath.Dir(to))
	}
	s, err := openSession(c, plan)
	if err != nil {
		return err
	}
	defer s.closeAfter(&err)
	r, err := s.search.Record(c.Context, repeats, draws)
	if err != nil {
		return s.explain(err)
	}
	if err := atomicfile.Write(to, func(w io.Writer) error { return study.Write(w, r.Records, r.Validation, r.Test) }); err != nil {
		return fmt.Errorf("--to %s: %w", quote(to), err)
	}
	s.progress.Close()
	if c.Bool("json") {
		return writeJSON(c.App.Writer, map[string]any{"runs": len(r.Records), "failed": r.Failed, "validation": len(r.Validation), "test": len(r.Test), "file": to})
	}
	failed := ""
	if r.Failed > 0 {
		failed = fmt.Sprintf("; %d failed, and are not in it", r.Failed)
	}
	fmt.Fprintf(c.App.Writer, "%s: %d trainings%s; %d validation and %d test rows\n", to, len(r.Records), failed, len(r.Validation), len(r.Test))
	return nil
}

func studyChoosing(c *cli.Context) error {
	if err := arguments(c, 1, -1, "FILE"); err != nil {
		return err
	}
	var subjects []study.Subject
	for _, path := range c.Args().Slice() {
		r, err := study.Open(c.Context, path)
		if err != nil {
			return err
		}
		s := study.Subject{Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Calibrations: map[int]*study.Calibration{}}
		if s.Evidence, err = r.Evidence(c.Context, layout); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, repeats := range study.CalibratedRepeats {
			const replays, seed = 1000, 1
			if r.Least(layout) < repeats {
				continue
			}
			if s.Calibrations[repeats], err = r.Calibrate(c.Context, layout, repeats, replays, seed); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		subjects = append(subjects, s)
	}
	return study.WriteMarkdown(c.App.Writer, subjects)
}
