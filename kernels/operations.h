// operations.h: the internal functions of the operations of mixmas.h, each in the file with the operation's name.
#pragma once

#include "launch.cuh"
#include "mixmas.h"

namespace mixmas {

// Context is passed to an operation besides its descriptor.
struct Context {
  cudaStream_t stream;
  mixmas_numerics numerics;
  const mixmas_step *step;  // in device memory: it changes between replays
  float *workspace;         // at least workspace_size(operation) elements, shared by all operations of a stream
};

// run queues the kernels of one operation on the context's stream.
#define MIXMAS_RUN(KIND, name, WORKSPACE) cudaError_t run(const Context &, const mixmas_##name &);
MIXMAS_OPERATIONS(MIXMAS_RUN)
#undef MIXMAS_RUN

// workspace_size returns the number of elements of scratch memory that an operation needs: 0 if MIXMAS_OPERATIONS
// says NONE. If it says SOME, the operation's file defines the function.
#define MIXMAS_NONE(name) \
  inline int64_t workspace_size(const mixmas_##name &, mixmas_numerics) { return 0; }
#define MIXMAS_SOME(name) int64_t workspace_size(const mixmas_##name &, mixmas_numerics);
#define MIXMAS_WORKSPACE(KIND, name, WORKSPACE) MIXMAS_##WORKSPACE(name)
MIXMAS_OPERATIONS(MIXMAS_WORKSPACE)
#undef MIXMAS_WORKSPACE
#undef MIXMAS_SOME
#undef MIXMAS_NONE

}  // namespace mixmas
