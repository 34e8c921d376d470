// operations.h: what every operation of mixmas.h is on the inside, one function each, in the file of its name.
#pragma once

#include "launch.cuh"
#include "mixmas.h"

namespace mixmas {

// Context is what an operation gets besides its descriptor.
struct Context {
  cudaStream_t stream;
  mixmas_numerics numerics;
  const mixmas_step *step;  // in device memory: it differs from replay to replay
  float *workspace;         // at least workspace_size(operation) elements, shared by all operations of a stream
};

// run queues the kernels of one operation on the context's stream.
#define MIXMAS_RUN(KIND, name, WORKSPACE) cudaError_t run(const Context &, const mixmas_##name &);
MIXMAS_OPERATIONS(MIXMAS_RUN)
#undef MIXMAS_RUN

// workspace_size is the number of elements of scratch memory that an operation needs: 0 where MIXMAS_OPERATIONS says NONE,
// and what the operation's file defines where it says SOME.
#define MIXMAS_NONE(name) \
  inline int64_t workspace_size(const mixmas_##name &, mixmas_numerics) { return 0; }
#define MIXMAS_SOME(name) int64_t workspace_size(const mixmas_##name &, mixmas_numerics);
#define MIXMAS_WORKSPACE(KIND, name, WORKSPACE) MIXMAS_##WORKSPACE(name)
MIXMAS_OPERATIONS(MIXMAS_WORKSPACE)
#undef MIXMAS_WORKSPACE
#undef MIXMAS_SOME
#undef MIXMAS_NONE

}  // namespace mixmas
