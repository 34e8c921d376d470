package page

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mixmas/search/atomicfile"
	"mixmas/search/chart"
)

// Figures writes every figure of the report to a folder, which it makes if need be: NAME.svg and, with its numbers, NAME.csv. It
// returns the number of figures.
func Figures(folder string, c Contents) (int, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return 0, err
	}
	list := allFigures(newReport(&c, ""))
	for _, f := range list {
		path := filepath.Join(folder, f.Name)
		if err := atomicfile.Write(path+".svg", func(w io.Writer) error { return chart.Write(w, f.Drawn) }); err != nil {
			return 0, fmt.Errorf("figure %s: %w", f.Name, err)
		}
		if err := atomicfile.Write(path+".csv", func(w io.Writer) error { return chart.WriteCSV(w, f.Drawn.Table()) }); err != nil {
			return 0, fmt.Errorf("figure %s: %w", f.Name, err)
		}
	}
	return len(list), nil
}

// allFigures are the figures of a report.
func allFigures(r runReport) (list []figure) {
	var walk func([]block)
	walk = func(blocks []block) {
		for _, b := range blocks {
			list = append(list, b.Figures...)
			walk(b.Blocks)
		}
	}
	for _, s := range r.Sections {
		walk(s.Blocks)
	}
	return list
}
