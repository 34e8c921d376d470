// Package combine makes one prediction of several models' outputs, and chooses which models to combine.
//
// A [Combination] says how: the members' probabilities at their temperatures, averaged (Caruana et al., "Ensemble selection
// from libraries of models", 2004), or their log-probabilities, averaged (late fusion: a product of experts). A [Pool] holds
// the outputs of models for the rows on which one chooses, the validation split. [LateFusion] combines given models, and
// [Choose] chooses some; both say what their choice is worth by a figure that does not profit from choosing: everything is
// fitted to one half of the rows and scored on the other, and the other way round.
package combine
