// Package onnx writes models as ONNX files.
//
// It translates what a model records for predictions (the operations of package device, composites by their parts), not
// architectures: an encoder or fusion function that somebody adds is exported without a line here. A model is recorded for two
// batch sizes. A size that differs between the two is in proportion to the batch, so the graph takes batches of any size.
//
// The buffers of a program have no shapes, and operations read them with strides. A [tensor] of the graph has the elements of a
// buffer in their order, in whatever shape its producer gave it. An operation asks for the [view] that it needs, which is made
// of Reshape, Slice and Transpose nodes, of none where the shape fits already, and of new contents where the buffer is a
// constant.
package onnx
