package cmd

import (
	"github.com/urfave/cli/v2"

	"mixmas/search/report"
)

// reportCommand makes a page of Markdown from kept JSON documents.
func reportCommand() *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "make a page of Markdown from documents that --json printed", ArgsUsage: "DOCUMENT...",
		Description: "Each search has a section, in which its runs and full trainings are put together. DOCUMENT - is standard input.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "title", Value: "Results", Usage: "the page's `TITLE`"},
			&cli.StringSliceFlag{Name: "note", Usage: "a paragraph of `TEXT` below the title; may be repeated"},
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

// readDocument reads a kept document.
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
