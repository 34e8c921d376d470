// Package strategy decides what to try. A [Strategy] gets a [Space] of candidates, asks an [Evaluator] for scores, and
// returns its choice with the reason. Each strategy has its own file: stages.go is the search of the paper, random.go draws
// whole combinations.
package strategy
