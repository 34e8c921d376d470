package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"mixmas/search/report"
)

// reportCommand makes a page of Markdown from kept JSON documents.
func reportCommand() *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "make a page of Markdown from documents that --json printed", ArgsUsage: "DOCUMENT...",
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
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				var d report.Document
				if err := json.Unmarshal(text, &d); err != nil {
					return fmt.Errorf("%s: not a document of mixmas: %w", path, err)
				}
				page.Documents = append(page.Documents, d)
			}
			return report.WriteMarkdown(c.App.Writer, page)
		},
	}
}
