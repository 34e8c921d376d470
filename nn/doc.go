// Package nn is a small autograd that records a model once and replays it.
//
// A model is Go code. Its layers create their parameters in a [Scope] when they are constructed; their Forward methods
// record operations on a [Graph] for one input shape and mode. [Graph.Backward] records the gradients and
// [Graph.Optimise] the parameters' update after them, and [Graph.Compile] plans the memory and returns a
// [device.Program]: a training step is one replay of it, without allocation and without walking a graph.
//
// [Graph.Fuse] records operations that belong together as one composite, and their gradients as another. A device that has
// a kernel for a composite runs the kernel; any other device runs the parts.
//
// Mistakes, such as shapes that do not match, are found while recording. A Graph keeps its first error, later operations do
// nothing, and Compile returns the error, so that models need no error handling of their own.
//
// A [Trainer] runs a [Model] on a device: epochs of shuffled batches, and predictions.
package nn
