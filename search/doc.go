// Package search finds the best architecture for a multimodal data set, stage by stage: encoders, fusion function,
// fusion network. It is the search of "MixMAS: A Framework for Sampling-Based Mixer Architecture Search for Multimodal
// Fusion and Learning".
//
// The unit of work is a [Trial]: a pure function of its [Specification], whose score is kept in a store and never
// computed twice. [Search.Run] draws the sample and goes through the stages in order; [Search.Train] trains the winner
// in full. Killed at any moment, the same call goes on from the scores that are there.
package search
