// Package chart draws figures as SVG, each with its numbers as a table.
package chart
