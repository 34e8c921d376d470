// reduction.cuh: sums and maxima over the threads of a warp and of a block, and over slices that the blocks of an
// earlier launch have left in the workspace. Their order depends only on shapes.
#pragma once

#include "integers.cuh"
#include "launch.cuh"
#include "mixmas.h"

namespace mixmas {

constexpr int WARP = 32;
constexpr uint32_t ALL_LANES = 0xffffffffu;

// warp_sum gives every lane the sum of all lanes' values.
template <class T>
__device__ __forceinline__ T warp_sum(T value) {
#pragma unroll
  for (int distance = WARP / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(ALL_LANES, value, distance);
  return value;
}

__device__ __forceinline__ float warp_max(float value) {
#pragma unroll
  for (int distance = WARP / 2; distance > 0; distance /= 2)
    value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, distance));
  return value;
}

__device__ __forceinline__ int64_t warp_min(int64_t value) {
#pragma unroll
  for (int distance = WARP / 2; distance > 0; distance /= 2)
    value = min(value, __shfl_xor_sync(ALL_LANES, value, distance));
  return value;
}

// block_sum gives every thread of a block of THREADS the sum of all threads' values.
template <int THREADS, class T>
__device__ __forceinline__ T block_sum(T value) {
  constexpr int WARPS = THREADS / WARP;
  value = warp_sum(value);
  if (WARPS == 1) return value;
  __shared__ T sums[WARPS];
  __syncthreads();  // an earlier call's sums have been read
  if (threadIdx.x % WARP == 0) sums[threadIdx.x / WARP] = value;
  __syncthreads();
  T total = sums[0];
#pragma unroll
  for (int warp = 1; warp < WARPS; ++warp) total += sums[warp];
  return total;
}

// block_max gives every thread of a block of THREADS the largest of all threads' values.
template <int THREADS>
__device__ __forceinline__ float block_max(float value) {
  constexpr int WARPS = THREADS / WARP;
  value = warp_max(value);
  if (WARPS == 1) return value;
  __shared__ float maxima[WARPS];
  __syncthreads();  // an earlier call's maxima have been read
  if (threadIdx.x % WARP == 0) maxima[threadIdx.x / WARP] = value;
  __syncthreads();
  float largest = maxima[0];
#pragma unroll
  for (int warp = 1; warp < WARPS; ++warp) largest = fmaxf(largest, maxima[warp]);
  return largest;
}

// row_sum and row_max reduce over the threads that share a row: a warp, or a block of that many threads.
template <int ROW_THREADS>
__device__ __forceinline__ float row_sum(float value) {
  if constexpr (ROW_THREADS == WARP) return warp_sum(value);
  return block_sum<ROW_THREADS>(value);
}

template <int ROW_THREADS>
__device__ __forceinline__ float row_max(float value) {
  if constexpr (ROW_THREADS == WARP) return warp_max(value);
  return block_max<ROW_THREADS>(value);
}

// sum_rows adds up the values of threads that are `columns` apart: with thread = (group * rows + row) * columns +
// column, the threads of row 0 get the sums over their group's rows. rows and columns are powers of two. A kernel may
// call it once.
template <int THREADS, int VALUES, class T>
__device__ __forceinline__ void sum_rows(T (&value)[VALUES], int rows, int columns) {
  __shared__ T held[VALUES][THREADS];
  const int thread = threadIdx.x, row = thread / columns % rows;
#pragma unroll
  for (int k = 0; k < VALUES; ++k) held[k][thread] = value[k];
  for (int half = rows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (row >= half) continue;
#pragma unroll
    for (int k = 0; k < VALUES; ++k) {
      value[k] += held[k][thread + half * columns];
      held[k][thread] = value[k];
    }
  }
}

// Slices are what the blocks of an earlier launch have left in the workspace: partial sums (targets, outer, slices,
// inner). Each target, of outer * inner elements, receives plus + scale * the sum over its slices. There are one or
// two targets.
template <class T>
struct Slices {
  const T *partial;
  int64_t outer, slices, inner;
  float scale;
  mixmas_target target[2];
};

constexpr int SLICE_COLUMNS = 32, SLICE_ROWS = 16;

// column_total adds up partial[slice * stride + k * apart] over the slices, for each k, in the threads of row 0 of a
// block of SLICE_ROWS rows of SLICE_COLUMNS threads. All threads of the block must call it; threads without a column
// pass no slices.
template <int VALUES, class T>
__device__ __forceinline__ void column_total(const T *partial, int64_t slices, int64_t stride, int64_t apart,
                                             double (&total)[VALUES]) {
#pragma unroll
  for (int k = 0; k < VALUES; ++k) total[k] = 0;
#pragma unroll 4
  for (int64_t slice = threadIdx.x / SLICE_COLUMNS; slice < slices; slice += SLICE_ROWS)
#pragma unroll
    for (int k = 0; k < VALUES; ++k) total[k] += partial[slice * stride + k * apart];
  sum_rows<SLICE_COLUMNS * SLICE_ROWS>(total, SLICE_ROWS, SLICE_COLUMNS);
}

template <class T>
__global__ __launch_bounds__(SLICE_COLUMNS *SLICE_ROWS) void add_slices(const Slices<T> s) {
  const int64_t column = int64_t(blockIdx.x) * SLICE_COLUMNS + threadIdx.x % SLICE_COLUMNS, outer = blockIdx.y;
  const mixmas_target target = blockIdx.z == 0 ? s.target[0] : s.target[1];
  const bool mine = column < s.inner;
  const T *partial = s.partial + (blockIdx.z * s.outer + outer) * s.slices * s.inner;
  double total[1];
  column_total(partial + column, mine ? s.slices : 0, s.inner, 0, total);
  if (!mine || threadIdx.x >= SLICE_COLUMNS || !target.d) return;
  const int64_t at = outer * s.inner + column;
  target.d[at] = (target.plus ? target.plus[at] : 0) + s.scale * float(total[0]);
}

// run_slices queues the addition. outer is at most 65535.
template <class T>
cudaError_t run_slices(cudaStream_t stream, const Slices<T> &s, int targets) {
  const dim3 grid(uint32_t(ceil_div(s.inner, SLICE_COLUMNS)), uint32_t(s.outer), uint32_t(targets));
  return launch(add_slices<T>, grid, dim3(SLICE_COLUMNS * SLICE_ROWS), 0, stream, s);
}

}  // namespace mixmas
