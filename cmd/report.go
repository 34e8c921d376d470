package cmd

import (
	"github.com/urfave/cli/v2"

	"mixmas/search/report"
)

// reportCommand makes a Markdown page from the JSON documents of earlier commands.
func reportCommand() *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "make a Markdown page from the documents that --json prints", ArgsUsage: "DOCUMENT...",
		Description: "Each search gets one section with its runs and full trainings. DOCUMENT - is standard input.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "title", Value: "Results", Usage: "the page's `TITLE`"},
			&cli.StringSliceFlag{Name: "note", Usage: "add a paragraph of `TEXT` below the title; may be repeated"},
		},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 1, -1, "DOCUMENT"); err != nil {
				return err
			}
			page := report.Page{Title: c.String("title"), Notes: c.StringSlice("note")}
			for _, path := range c.Args().Slice() {
				d, err := readDocument(c, path)
				if err != nil {
					return err
				}
				page.Documents = append(page.Documents, d)
			}
			return report.WriteMarkdown(c.App.Writer, page)
		},
	}
}

// readDocument reads a saved document.
func readDocument(c *cli.Context, path string) (report.Document, error) {
	f, err := openInput(c, path)
	if err != nil {
		return report.Document{}, err
	}
	defer f.Close()
	if path == "-" {
		path = standardInput
	}
	return report.Read(path, f)
}
