package cmd

import (
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"mixmas/search/atomicfile"
	"mixmas/search/page"
	"mixmas/search/report"
	"mixmas/search/store"
)

// reportCommand makes the report of runs, or a Markdown page from the JSON documents of earlier commands.
func reportCommand() *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "make the report of a run: a page for a browser, its figures, or Markdown", ArgsUsage: "[RUN|DOCUMENT...]",
		Description: "With --html or --figures it is about recorded runs, finished or not. " + runWords + "\n" +
			"Without a RUN it is the newest one. The page is one file; it needs no network. Figures are SVG files with their numbers as CSV.\n" +
			"Without --html and --figures it prints a Markdown page: each search gets one section with its runs and full trainings.\n" +
			"DOCUMENT is a file that --json of a command printed, - is standard input.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "html", Usage: "write the report to `FILE`"},
			&cli.StringFlag{Name: "figures", Usage: "write the figures of one run to `DIR`"},
			&cli.StringFlag{Name: "title", Value: "Results", Usage: "the Markdown page's `TITLE`"},
			&cli.StringSliceFlag{Name: "note", Usage: "add a paragraph of `TEXT` below the title of the Markdown page; may be repeated"},
			storeFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.IsSet("html") || c.IsSet("figures") {
				return reportRuns(c)
			}
			return reportDocuments(c)
		},
	}
}

// reportDocuments prints a Markdown page.
func reportDocuments(c *cli.Context) error {
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
}

// reportRuns writes the page or the figures of runs.
func reportRuns(c *cli.Context) error {
	for _, flag := range []string{"title", "note"} {
		if c.IsSet(flag) {
			return usagef("report: --%s is for Markdown: want it without --html and --figures", flag)
		}
	}
	names := c.Args().Slice()
	if len(names) == 0 {
		names = []string{"last"}
	}
	if c.IsSet("figures") {
		if len(names) > 1 {
			return usagef("report: --figures is for one run, got %d", len(names))
		}
		if err := checkFolder("figures", c.String("figures")); err != nil {
			return err
		}
	}
	if err := checkOverwrites(c, "html", append([]string{c.String("store")}, names...)...); err != nil {
		return err
	}
	contents, err := reportContents(c, names)
	if err != nil {
		return err
	}
	if path := c.String("html"); c.IsSet("html") {
		if err := writeReport(path, contents...); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		sayReport(c, path)
	}
	if folder := c.String("figures"); c.IsSet("figures") {
		n, err := page.Figures(folder, contents[0])
		if err != nil {
			return fmt.Errorf("--figures: %w", err)
		}
		fmt.Fprintf(c.App.ErrWriter, "figures: %s, %d as SVG and CSV\n", quote(folder), n)
	}
	return nil
}

// reportContents collects what is known of runs, and reads documents.
func reportContents(c *cli.Context, names []string) (list []page.Contents, err error) {
	var s *store.Store
	for _, name := range names {
		if isDocument(name) {
			d, err := readDocument(c, name)
			if err != nil {
				return nil, err
			}
			list = append(list, page.Contents{Document: d})
			continue
		}
		if s == nil {
			if s, err = openStore(c, store.Options{ReadOnly: true}); err != nil {
				return nil, err
			}
		}
		r, err := findRun(c, s, name)
		if err != nil {
			return nil, err
		}
		contents, err := page.Gather(c.Context, s, r)
		if err != nil {
			return nil, err
		}
		list = append(list, contents)
	}
	return list, nil
}

// isDocument reports whether an argument is a file, or standard input, in the place of a run.
func isDocument(name string) bool {
	info, err := os.Stat(name)
	return name == "-" || err == nil && !info.IsDir()
}

// writeReport writes a report to a file.
func writeReport(path string, contents ...page.Contents) error {
	return atomicfile.Write(path, func(w io.Writer) error { return page.Write(w, contents...) })
}

// sayReport says where a report is.
func sayReport(c *cli.Context, path string) {
	fmt.Fprintf(c.App.ErrWriter, "report: %s, for a browser\n", quote(path))
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
