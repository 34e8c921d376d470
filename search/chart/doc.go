// Package chart draws figures as SVG, each with its numbers as a table.
//
// A figure is a struct with the data to show, such as [Lines] or [Scatter]. [Inline] gives it as an element of a page that has
// [style.Base] and [Style], [Write] as a file of its own and [WriteCSV] its numbers. Series have colours that people with any kind of
// colour vision tell apart, and lines and points also differ by dashes and shapes. A small curve without axes is a [Spark].
// Texts may come from anywhere: they are shown as they are, whatever a browser or spreadsheet would make of them. Values that are
// not finite are not drawn.
package chart
