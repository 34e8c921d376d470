// Package device is the contract between the programs that package nn records and the devices that run them.
//
// A [Program] is a list of operations over numbered buffers. Every buffer holds float32 elements in row-major order and
// lies in one of three spaces: the arena, whose buffers live from the operation that writes them to the last one that
// reads them, the state, which outlives the program (parameters, gradients, optimiser state, running statistics) and
// is shared by all programs of one model, or the constants, which come with the program.
//
// Operations are plain structs. They are in single-assignment form: an operation writes whole buffers that no other
// operation writes, except where it says that it updates state. A device need not look ahead or analyse anything: it
// runs the operations in order.
//
// The file of an operation holds all that is said of it: its fields and what they mean, the buffers that it reads and writes,
// what it costs, what tables say of its sizes, and in Check what must hold of the sizes and buffers, and what may be written
// over what. [Program.Check] asks all of them once per load, for every device; devices check nothing of that again. Devices
// and tests find what they do with an operation by its type, in a [Dispatch]; [Kinds] are all types, so that a test can name
// the operation that somebody forgot.
//
// What changes from step to step (learning rate, update count, dropout counter) comes with each run in a [Step], never
// as a constant in an operation, so that a device may capture a program once and replay it.
package device
