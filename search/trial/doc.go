// Package trial trains one model. A [Specification] holds everything that determines the result, and its SHA-256 is the
// trial's key. A [Job] adds what a machine needs to run it. A [Runner] runs it, such as [Local] on this machine's device, and
// returns a [Result]. A training knows nothing of its search, or of where its result is stored.
package trial
