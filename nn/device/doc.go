// Package device is the contract between the programs that package nn records and the devices that run them.
//
// A [Program] is a list of operations over numbered buffers. Every buffer holds float32 elements in row-major order and
// lies in one of three spaces: the arena, whose buffers live from the operation that writes them to the last one that
// reads them, the state, which outlives the program (parameters, gradients, optimiser state, running statistics) and
// is shared by all programs of one model, or the constants, which come with the program.
//
// Operations are plain structs. They are in single-assignment form: an operation writes whole buffers that no other
// operation writes, except for operations that are documented to update state. A device need not look ahead or analyse
// anything: it runs the operations in order.
//
// The file of an operation holds everything about it: the meaning of its fields, the buffers that it reads and writes, its
// cost, how tables show its sizes, and in Check the requirements on sizes and buffers, and which buffers may share memory.
// [Program.Check] calls them once per load, for every device; devices do not repeat these checks. Devices and tests select
// what to do with an operation by its type, with a [Dispatch]. [Kinds] lists all types, so that a test can name operations
// that a device lacks.
//
// What changes from step to step (learning rate, update count, dropout counter) comes with each run in a [Step], never
// as a constant in an operation, so that a device may capture a program once and replay it.
package device
