// Package evaluate turns jobs into scores. It looks in the store first and trains what is missing; equal trials are trained
// once in all processes that share the store. It runs a trial again alone if the device ran out of memory, trains again if
// weights were pruned or outputs are missing, and decides whether a failure is the trial's own. Its callers decide what to
// try and what to do with a score.
package evaluate
