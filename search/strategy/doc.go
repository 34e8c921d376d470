// Package strategy decides what is tried. A [Strategy] reads a [Space] of candidates, asks an [Evaluator] for scores, and
// returns what it chose and why. Each strategy is a file: stages.go is the search of the paper, random.go draws whole
// combinations.
package strategy
