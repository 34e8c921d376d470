package cmd

import (
	"path/filepath"

	"github.com/urfave/cli/v2"

	"mixmas/search/page"
	"mixmas/search/runs"
)

// reportFile is the name of the report in the folder of the models.
const reportFile = "report.html"

func noReportFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-report", Usage: "write no " + reportFile + " to --out"}
}

// writeReport writes the report of the recorded run to the folder of its models, and says so. A command that trains none has no report
// there; mixmas report makes it.
func (s *session) writeReport() error {
	if s.out() == "" || s.recorder == nil || s.cli.Bool("no-report") {
		return nil
	}
	r, err := runs.Get(s.cli.Context, s.scores, s.recorder.Run().ID)
	if err != nil {
		return err
	}
	contents, err := page.Gather(s.cli.Context, s.scores, r)
	if err != nil {
		return err
	}
	path := filepath.Join(s.out(), reportFile)
	if err := writeReport(path, contents); err != nil {
		return err
	}
	sayReport(s.cli, path)
	return nil
}
