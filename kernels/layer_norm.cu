// layer_norm.cu: layer norm of each row of x (rows, width), and its gradient.
//
//   forward    y = (x - mean) rstd weight + bias, rstd = 1/sqrt(variance + eps)          8 bytes and 8 FLOPs per element
//   gradient   n = (x - mean) rstd, g = weight dy                                        12 (16 with plus), 14 FLOPs
//              dx = plus + rstd (g - mean(g) - n mean(g n))
//              dweight = plus_weight + sum over rows of dy n, dbias = plus_bias + sum over rows of dy
//
// Both are limited by memory. A row belongs to one warp, whose lanes have packs of 4 neighbouring columns; rows of
// more than 1024 columns belong to a block in the forward pass. A row is read several times, from the L1 cache after
// the first.
//
// The deviations from a first mean are small, however far the row is from 0. The variance is computed from them, and
// they also correct the mean, so that nothing cancels.
//
// The gradient is one pass: a block has a slice of the rows, and each of its warps adds up dweight and dbias for every
// fourth of them in shared memory, where a lane has its own columns. The slices' sums go through the workspace, and a
// second launch adds them in order. Rows of more than 1024 columns are cut into chunks of 1024: each chunk has its own
// blocks, which all compute the row's two means. (So there dx may not be the memory of dy; elsewhere it may, and plus always.)
#include <algorithm>

#include "operations.h"
#include "pack.cuh"
#include "reduction.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;

template <int ROW_THREADS>
__global__ __launch_bounds__(THREADS) void layer_norm(const mixmas_layer_norm op, bool packable) {
  const int64_t row = int64_t(blockIdx.x) * (THREADS / ROW_THREADS) + threadIdx.x / ROW_THREADS;
  if (row >= op.rows) return;
  const int64_t first = threadIdx.x % ROW_THREADS * PACK, step = ROW_THREADS * PACK;
  const float *x = op.x + row * op.width;
  const float width = float(op.width);

  float sum = 0;
  for (int64_t i = first; i < op.width; i += step) {
    const Pack v = load(x, i, op.width, packable);
    sum += (v.at[0] + v.at[1]) + (v.at[2] + v.at[3]);
  }
  const float center = row_sum<ROW_THREADS>(sum) / width;

  float deviations = 0, squares = 0;
  for (int64_t i = first; i < op.width; i += step) {
    const Pack v = load(x, i, op.width, packable);
#pragma unroll
    for (int k = 0; k < PACK; ++k) {
      const float d = i + k < op.width ? v.at[k] - center : 0.0f;
      deviations += d;
      squares += d * d;
    }
  }
  const float off = row_sum<ROW_THREADS>(deviations) / width;  // what rounding left between center and the mean
  const float variance = row_sum<ROW_THREADS>(squares) / width - off * off;
  const float rstd = 1.0f / sqrtf(fmaxf(variance, 0.0f) + op.eps);

  for (int64_t i = first; i < op.width; i += step) {
    const Pack v = load(x, i, op.width, packable), weight = load(op.weight, i, op.width, packable);
    Pack y = load(op.bias, i, op.width, packable);
#pragma unroll
    for (int k = 0; k < PACK; ++k) y.at[k] += ((v.at[k] - center) - off) * rstd * weight.at[k];
    store(op.y + row * op.width, i, op.width, packable, y);
  }
  if (first == 0 && op.statistics) {
    op.statistics[row] = center + off;
    op.statistics[op.rows + row] = rstd;
  }
}

// ---- the gradient ----

constexpr int WARPS = 4;
constexpr int64_t CHUNK = 1024;      // columns that a block has sums of
constexpr int64_t FEW_ROWS = 8;      // the least number of rows in a slice
constexpr int64_t MAX_SLICES = 512;

struct Slicing {
  int64_t rows, count;      // rows of a slice, slices
  int64_t columns, chunks;  // columns of a chunk, chunks
};

Slicing slicing(const mixmas_layer_norm_grad &op) {
  Slicing s;
  s.rows = std::max(FEW_ROWS, ceil_div(op.rows, MAX_SLICES));
  s.count = ceil_div(op.rows, s.rows);
  s.columns = std::min(round_up(op.width, PACK), CHUNK);
  s.chunks = ceil_div(op.width, CHUNK);
  return s;
}

// Gradient is the gradient of one pack of columns of a row.
struct Gradient {
  Pack normal, dy, weighted;
};

__device__ __forceinline__ Gradient gradient(const mixmas_layer_norm_grad &op, const float *x, const float *dy,
                                             int64_t i, float mean, float rstd, bool packable) {
  Gradient g;
  g.normal = load(x, i, op.width, packable);
  g.dy = load(dy, i, op.width, packable);
  g.weighted = load(op.weight, i, op.width, packable);
#pragma unroll
  for (int k = 0; k < PACK; ++k) {
    g.normal.at[k] = (g.normal.at[k] - mean) * rstd;
    g.weighted.at[k] *= g.dy.at[k];  // 0 beyond the row
  }
  return g;
}

// partial is (2, slices, width): the slices' sums for dweight, then those for dbias. NULL if neither is needed.
__global__ __launch_bounds__(WARPS *WARP) void layer_norm_grad(const mixmas_layer_norm_grad op, const Slicing s,
                                                               float *partial, bool packable) {
  MIXMAS_DYNAMIC_SHARED(float, shared);
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  const int64_t begin = blockIdx.y * CHUNK, end = min(begin + CHUNK, op.width);
  float *dweight = shared + warp * 2 * s.columns, *dbias = dweight + s.columns;  // this warp's
  if (partial)
    for (int64_t i = lane * PACK; i < s.columns; i += WARP * PACK) {
      store(dweight, i, s.columns, true, Pack{});
      store(dbias, i, s.columns, true, Pack{});
    }

  const int64_t last = min((blockIdx.x + 1) * s.rows, op.rows);
  for (int64_t row = blockIdx.x * s.rows + warp; row < last; row += WARPS) {
    const float *x = op.x + row * op.width, *dy = op.dy + row * op.width;
    const float mean = op.statistics[row], rstd = op.statistics[op.rows + row];
    float sum = 0, dot = 0;
    if (op.dx) {
      for (int64_t i = lane * PACK; i < op.width; i += WARP * PACK) {
        const Gradient g = gradient(op, x, dy, i, mean, rstd, packable);
#pragma unroll
        for (int k = 0; k < PACK; ++k) {
          sum += g.weighted.at[k];
          dot += g.weighted.at[k] * g.normal.at[k];
        }
      }
      sum = warp_sum(sum) / float(op.width);
      dot = warp_sum(dot) / float(op.width);
    }
    for (int64_t i = begin + lane * PACK; i < end; i += WARP * PACK) {
      const Gradient g = gradient(op, x, dy, i, mean, rstd, packable);
      if (op.dx) {
        Pack dx = {};
        if (op.plus) dx = load(op.plus + row * op.width, i, op.width, packable);
#pragma unroll
        for (int k = 0; k < PACK; ++k) dx.at[k] += rstd * (g.weighted.at[k] - sum - g.normal.at[k] * dot);
        store(op.dx + row * op.width, i, op.width, packable, dx);
      }
      if (partial) {
        const int64_t at = i - begin;
        Pack weight = load(dweight, at, s.columns, true), bias = load(dbias, at, s.columns, true);
#pragma unroll
        for (int k = 0; k < PACK; ++k) {
          weight.at[k] += g.dy.at[k] * g.normal.at[k];
          bias.at[k] += g.dy.at[k];
        }
        store(dweight, at, s.columns, true, weight);
        store(dbias, at, s.columns, true, bias);
      }
    }
  }
  if (!partial) return;
  __syncthreads();
  for (int64_t i = threadIdx.x; i < end - begin; i += WARPS * WARP)
    for (int sum = 0; sum < 2; ++sum) {
      float total = 0;
      for (int w = 0; w < WARPS; ++w) total += shared[(w * 2 + sum) * s.columns + i];
      partial[(sum * s.count + blockIdx.x) * op.width + begin + i] = total;
    }
}

}  // namespace

cudaError_t run(const Context &context, const mixmas_layer_norm &op) {
  const bool packs = op.width % PACK == 0 && packable(op.x, op.weight, op.bias, op.y);
  if (op.width > 1024)
    return launch(layer_norm<THREADS>, dim3(uint32_t(op.rows)), dim3(THREADS), 0, context.stream, op, packs);
  const dim3 grid(uint32_t(ceil_div(op.rows, THREADS / WARP)));
  return launch(layer_norm<WARP>, grid, dim3(THREADS), 0, context.stream, op, packs);
}

int64_t workspace_size(const mixmas_layer_norm_grad &op, mixmas_numerics) {
  return op.dweight || op.dbias ? 2 * slicing(op).count * op.width : 0;
}

cudaError_t run(const Context &context, const mixmas_layer_norm_grad &op) {
  const bool packs = op.width % PACK == 0 && packable(op.x, op.weight, op.dy, op.dx, op.plus);
  const Slicing s = slicing(op);
  float *partial = op.dweight || op.dbias ? context.workspace : nullptr;
  const size_t shared = WARPS * 2 * s.columns * sizeof(float);
  if (cudaError_t e = launch(layer_norm_grad, dim3(uint32_t(s.count), uint32_t(s.chunks)), dim3(WARPS * WARP), shared,
                             context.stream, op, s, partial, packs))
    return e;
  if (!partial) return cudaSuccess;
  const mixmas_target dweight = {op.dweight, op.plus_weight}, dbias = {op.dbias, op.plus_bias};
  return run_slices(context.stream, Slices<float>{partial, 1, s.count, op.width, 1.0f, {dweight, dbias}}, 2);
}

}  // namespace mixmas
