// Package ui serves the runs of a store as live pages.
package ui
