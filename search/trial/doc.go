// Package trial trains one model. A [Specification] says all that decides the result, and its SHA-256 is the trial's key; a
// [Job] adds what a machine needs to run it; a [Runner] runs it, [Local] on this machine's device; a [Result] is what it came
// to. A training knows nothing of the search that it is part of, nor of where its result is kept.
package trial
