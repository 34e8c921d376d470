// Package evaluate turns jobs into scores. It asks the store first; trains what is missing, each of equal trials once, in all
// processes that share the store; tries again alone what the device's memory was too small for; trains again for weights that
// were pruned and outputs that are missing; and decides whose fault a failure is. What is tried, and what a score is good for,
// others decide.
package evaluate
