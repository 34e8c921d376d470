// Package page writes the report of a run: one HTML file that needs no network and has no script.
//
// [Gather] collects what a store knows of a run, [Write] writes the page, and [Figures] its figures as SVG and CSV. The page is a
// tree of sections and blocks, made in one file per subject (found.go, models.go, ...) and written by one template. Its content
// security policy allows nothing but its own style sheet, by hash, and pictures inside the file.
package page
