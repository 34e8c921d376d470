// Package page writes the report of a run: one HTML file that needs no network.
package page
