// pack.cuh: four neighbouring float32 elements, which move in one 16-byte access if their address allows it.
#pragma once

#include "integers.cuh"
#include "launch.cuh"

namespace mixmas {

constexpr int PACK = 4;

struct alignas(16) Pack {
  float at[PACK];
};

// packable reports whether the arrays may be accessed in whole packs. Absent arrays do not matter.
template <class... Pointers>
__host__ __device__ inline bool packable(Pointers... arrays) {
  return ((reinterpret_cast<uintptr_t>(arrays) % sizeof(Pack) == 0) && ...);
}

// load reads the elements from i on of an array of n; elements beyond the end read as 0.
__device__ __forceinline__ Pack load(const float *array, int64_t i, int64_t n, bool packable) {
  if (packable && i + PACK <= n) return *reinterpret_cast<const Pack *>(array + i);
  Pack pack = {};
#pragma unroll
  for (int k = 0; k < PACK; ++k)
    if (i + k < n) pack.at[k] = array[i + k];
  return pack;
}

// store writes the elements from i on of an array of n, and nothing beyond the end.
__device__ __forceinline__ void store(float *array, int64_t i, int64_t n, bool packable, const Pack &pack) {
  if (packable && i + PACK <= n) {
    *reinterpret_cast<Pack *>(array + i) = pack;
    return;
  }
#pragma unroll
  for (int k = 0; k < PACK; ++k)
    if (i + k < n) array[i + k] = pack.at[k];
}

}  // namespace mixmas
