// Package assess says what the figures of a model leave open: where it is wrong, how sure it is, and what each modality is worth.
//
// [Figures] computes the figures of one model from its outputs. The rest of an [Assessment] is made where the data and the models
// are, by package search. Everything in it is bounded, whatever the numbers of rows and classes: what was left out is said.
package assess
