// Package runs records searches and trainings in a store: what was started, how it goes, and what came out.
package runs
