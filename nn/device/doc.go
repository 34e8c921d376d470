// Package device is the contract between the programs that package nn records and the devices that run them.
//
// A [Program] is a list of operations over numbered buffers. Every buffer holds float32 elements in row-major order and
// lies in one of two spaces: the arena, whose buffers live from the operation that writes them to the last one that
// reads them, or the state, which outlives the program (parameters, gradients, optimiser state, running statistics) and
// is shared by all programs of one model.
//
// Operations are plain structs. They are in single-assignment form: an operation writes whole buffers that no other
// operation writes, except where it says that it updates state. A device need not look ahead or analyse anything: it
// runs the operations in order.
//
// What changes from step to step (learning rate, update count, dropout counter) comes with each run in a [Step], never
// as a constant in an operation, so that a device may capture a program once and replay it.
package device
