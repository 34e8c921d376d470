// Package cuda is the CUDA device: it runs the programs of package nn on one NVIDIA GPU, with the hand-written kernels in
// the folder kernels. Its import path is mixmas/cgo.
//
// Operations become the descriptors of kernels/mixmas.h, with device pointers in them. Loading a program captures one CUDA
// graph, and a run is one call that sends what changes between runs and replays the graph. Runs are queued: a session is a
// [device.Queue], and only reading waits. Each session has its own stream, state and arena, so that several trainings can
// share a GPU.
//
// The package is built with the tag cuda, after make kernels. Without the tag, or without cgo, it still exists, and [Probe]
// says what is missing. With the additional tag cudaemu, the kernels run on the CPU, for tests.
//
// A training has the same bits on the same GPU model, as long as the numerics are the same.
package cuda
