// cuda_emulator.h: runs the project's CUDA kernels on the CPU, for tests: slow, strict, and the same every time.
//
// The kernels' files are compiled as C++ with -DMIXMAS_EMULATOR, and this header replaces what nvcc would provide.
// Everything runs on one CPU thread: blocks one after another, and the threads of a block in turns (block.h). It
// catches mistakes as follows:
//
//   - memory that was not written reads as NaN: global, dynamic shared, and the target of an unfinished asynchronous copy
//   - three orders of threads (MIXMAS_EMULATOR_ORDER=ascending, descending, shuffled), so that races give other results
//   - barriers and warp operations that some threads miss end the process with a report
//   - AddressSanitizer and UBSan see every access that is out of bounds or misaligned
//   - what was queued on a stream is done as late as possible
//
// What it cannot show: races between blocks, how tensor cores round sums, speed, and whether the PTX in launch.cuh
// does the same (test/launch_test.cu checks this on a GPU).
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __constant__
#undef __forceinline__
#undef __launch_bounds__
#undef __grid_constant__
#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static  // blocks run one after another, and may have the same memory
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__

#define threadIdx (::emulator::current->index)
#define blockIdx (::emulator::block_index)
#define blockDim (::emulator::block_size)
#define gridDim (::emulator::grid_size)
constexpr int warpSize = 32;

#include "api.h"
#include "block.h"
#include "intrinsics.h"
#include "tensor_cores.h"
#include "warp.h"

#define MIXMAS_DYNAMIC_SHARED(T, name) T *name = reinterpret_cast<T *>(::emulator::shared_memory)

namespace mixmas {

template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                   Arguments &&...arguments) {
  emulator::Call<Parameters...> call{kernel, {static_cast<Parameters>(arguments)...}};
  return emulator::launch(call, grid, block, shared, stream);
}

}  // namespace mixmas
