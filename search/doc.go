// Package search finds the best architecture for a multimodal data set, stage by stage: encoders, fusion function,
// fusion network. It is the search of "MixMAS: A Framework for Sampling-Based Mixer Architecture Search for Multimodal
// Fusion and Learning".
//
// It only connects the parts: package plan makes a space of candidates, a strategy decides what to try, package evaluate
// finds or computes the scores, and package trial trains. [Search.Run] draws the sample and searches; [Search.Train] trains
// the winner in full. If the process is killed, the same call resumes from the stored scores.
package search
