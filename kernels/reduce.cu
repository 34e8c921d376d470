// reduce.cu: the middle axis of x (outer, axis, inner) reduced to y (outer, inner), and the gradient of a maximum.
//
//   sum        y = plus + scale * sum over the axis of x      4 bytes and 1 FLOP for each x
//   max        y = the largest, index = where it first stands (as float32)
//   max_grad   dx = dy where the index says so, else 0        4 bytes for each dx
//
// The shapes range from sums of short rows (inner = 1) to sums over all rows of a batch (outer = 1), so the threads
// of a block are assigned by shape: thread = (group * rows + row) * columns + column, where
//
//   column   counts neighbours along inner; with inner a multiple of 4, a column is a pack of 4 elements
//   row      counts the threads that share the axis of one column; they are added up as a tree
//   group    counts outer indices, where axis and inner leave threads over
//
// If that gives few blocks and a long axis, the axis is cut into slices, one block each. Their sums go through the
// workspace and a second launch adds them. Everything depends only on the shape, never on the number of
// multiprocessors.
//
// A thread adds up to 8 elements in float32, and these sums in float64, since the terms of a mean over a whole map
// may cancel.
#include <algorithm>

#include "operations.h"
#include "pack.cuh"
#include "reduction.cuh"
#include "strided.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;
constexpr int SHORT = 8;         // elements that are added in float32
constexpr int64_t ENOUGH = 264;  // blocks to keep a large GPU busy

// Tiling assigns threads and blocks. Rows and columns count packs if `width` is PACK.
struct Tiling {
  int width;             // elements of a column: 1 or PACK
  bool folded;           // inner is 1: the packs run along the axis, and their elements are added up at the end
  int64_t axis, inner;   // in columns
  int columns, rows, groups;
  int64_t column_blocks, outer_blocks;
  int64_t slices, slice_rows;
};

Tiling tiling(int64_t outer, int64_t axis, int64_t inner, bool packs, bool sliced) {
  Tiling t = {};
  t.width = packs && inner % PACK == 0 ? PACK : 1;
  t.folded = packs && inner == 1 && axis % PACK == 0;
  if (t.folded) t.width = PACK;
  t.axis = t.folded ? axis / PACK : axis;
  t.inner = t.folded ? 1 : inner / t.width;
  t.columns = std::min(power_of_two(t.inner), WARP);
  t.rows = std::min(power_of_two(ceil_div(t.axis, 4)), THREADS / t.columns);
  t.groups = THREADS / (t.rows * t.columns);
  t.column_blocks = ceil_div(t.inner, t.columns);
  t.outer_blocks = ceil_div(outer, t.groups);
  t.slices = 1;
  const int64_t blocks = t.column_blocks * t.outer_blocks;
  if (sliced && blocks < ENOUGH) t.slices = std::min(ceil_div(t.axis, t.rows * SHORT), ENOUGH / blocks);
  t.slice_rows = ceil_div(t.axis, t.slices);
  t.slices = ceil_div(t.axis, t.slice_rows);
  return t;
}

// packs reports whether x can be read in packs.
Tiling tiling(const mixmas_reduce &op, bool packs) {
  return tiling(op.outer, op.axis, op.inner, packs, op.reduction == MIXMAS_SUM);
}

// Place is the part of the work of one thread.
struct Place {
  int64_t outer, column;
  int row;
  bool wanted;  // within the shape
};

__device__ __forceinline__ Place place(const Tiling &t, int64_t outer) {
  const int thread = threadIdx.x;
  const int64_t column_block = blockIdx.x % t.column_blocks, outer_block = blockIdx.x / t.column_blocks;
  Place p;
  p.column = column_block * t.columns + thread % t.columns;
  p.row = thread / t.columns % t.rows;
  p.outer = outer_block * t.groups + thread / (t.columns * t.rows);
  p.wanted = p.column < t.inner && p.outer < outer;
  return p;
}

// sum_axis writes y if there is one slice, otherwise partial (outer, slices, inner).
template <int WIDTH>
__global__ __launch_bounds__(THREADS) void sum_axis(const mixmas_reduce op, const Tiling t, double *partial) {
  const Place p = place(t, op.outer);
  double total[WIDTH] = {};
  if (p.wanted) {
    const int64_t first = blockIdx.y * t.slice_rows, last = min(first + t.slice_rows, t.axis);
    const float *x = op.x + (p.outer * t.axis * t.inner + p.column) * WIDTH;
    const int64_t down = t.inner * WIDTH;
    for (int64_t i = first + p.row; i < last; i += SHORT * t.rows) {
      float few[WIDTH] = {};
#pragma unroll
      for (int k = 0; k < SHORT; ++k) {
        const int64_t j = i + k * t.rows;
        if (j >= last) continue;
        if constexpr (WIDTH == PACK) {
          const Pack v = *reinterpret_cast<const Pack *>(x + j * down);
#pragma unroll
          for (int e = 0; e < PACK; ++e) few[e] += v.at[e];
        } else {
          few[0] += x[j * down];
        }
      }
#pragma unroll
      for (int e = 0; e < WIDTH; ++e) total[e] += few[e];
    }
  }
  sum_rows<THREADS>(total, t.rows, t.columns);
  if (p.row != 0 || !p.wanted) return;
  if constexpr (WIDTH == PACK)
    if (t.folded) total[0] = (total[0] + total[1]) + (total[2] + total[3]);
#pragma unroll
  for (int e = 0; e < WIDTH; ++e) {
    if (t.folded && e > 0) break;
    const int64_t column = p.column * WIDTH + e;
    if (t.slices > 1) {
      partial[(p.outer * t.slices + blockIdx.y) * op.inner + column] = total[e];
      continue;
    }
    const int64_t at = p.outer * op.inner + column;
    op.y[at] = (op.plus ? op.plus[at] : 0.0f) + op.scale * float(total[e]);
  }
}

// A NaN is larger than any number.
__device__ bool larger(float v, float than) { return v > than || v != v; }

__global__ __launch_bounds__(THREADS) void max_axis(const mixmas_reduce op, const Tiling t) {
  __shared__ float largest[THREADS];
  __shared__ int64_t where[THREADS];
  const Place p = place(t, op.outer);
  const float *x = op.x + p.outer * op.axis * op.inner + p.column;
  float best = -INFINITY;
  int64_t at = 0;
  if (p.wanted) {
#pragma unroll 8
    for (int64_t i = p.row; i < op.axis; i += t.rows) {
      const float v = x[i * op.inner];
      if (larger(v, best)) best = v, at = i;
    }
  }
  largest[threadIdx.x] = best;
  where[threadIdx.x] = at;
  for (int half = t.rows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (p.row >= half) continue;
    const int other = threadIdx.x + half * t.columns;
    const float v = largest[other];
    const int64_t i = where[other];
    if (larger(v, best) || (v == best && i < at)) {
      largest[threadIdx.x] = best = v;
      where[threadIdx.x] = at = i;
    }
  }
  if (p.row != 0 || !p.wanted) return;
  op.y[p.outer * op.inner + p.column] = best;
  op.index[p.outer * op.inner + p.column] = float(at);
}

// A thread has WIDTH elements of dx: a pack, or one element if inner is not a multiple of 4.
template <int WIDTH>
__global__ __launch_bounds__(THREADS) void scatter(const mixmas_max_grad op, const Divider axis, const Divider inner,
                                                   uint32_t n) {
  const uint32_t i = blockIdx.x * THREADS + threadIdx.x;
  if (i >= n) return;
  uint32_t column, position;
  const uint32_t outer = axis.divide(inner.divide(i, column), position);
  const int64_t at = (int64_t(outer) * inner.divisor + column) * WIDTH;
  if constexpr (WIDTH == PACK) {
    const Pack dy = load(op.dy, at, at + PACK, true), index = load(op.index, at, at + PACK, true);
    Pack dx;
#pragma unroll
    for (int k = 0; k < PACK; ++k) dx.at[k] = index.at[k] == float(position) ? dy.at[k] : 0.0f;
    store(op.dx, int64_t(i) * PACK, int64_t(n) * PACK, true, dx);
  } else {
    op.dx[i] = op.index[at] == float(position) ? op.dy[at] : 0.0f;
  }
}

}  // namespace

int64_t workspace_size(const mixmas_reduce &op, mixmas_numerics) {
  int64_t most = 0;  // whether x is aligned is not known yet
  for (bool packs : {false, true}) {
    const Tiling t = tiling(op, packs);
    if (t.slices > 1) most = std::max(most, op.outer * t.slices * op.inner);
  }
  return most * int64_t(sizeof(double) / sizeof(float));
}

cudaError_t run(const Context &context, const mixmas_reduce &op) {
  if (op.reduction == MIXMAS_MAX) {
    const Tiling t = tiling(op, false);
    return launch(max_axis, dim3(uint32_t(t.column_blocks * t.outer_blocks)), dim3(THREADS), 0, context.stream, op, t);
  }
  const Tiling t = tiling(op, packable(op.x));
  double *partial = reinterpret_cast<double *>(context.workspace);
  const dim3 grid(uint32_t(t.column_blocks * t.outer_blocks), uint32_t(t.slices));
  const auto kernel = t.width == PACK ? sum_axis<PACK> : sum_axis<1>;
  if (cudaError_t e = launch(kernel, grid, dim3(THREADS), 0, context.stream, op, t, partial)) return e;
  if (t.slices == 1) return cudaSuccess;
  const Slices<double> slices = {partial, op.outer, t.slices, op.inner, op.scale, {{op.y, op.plus}, {}}};
  return run_slices(context.stream, slices, 1);
}

cudaError_t run(const Context &context, const mixmas_max_grad &op) {
  const bool packs = op.inner % PACK == 0 && packable(op.dy, op.index, op.dx);
  const int64_t inner = packs ? op.inner / PACK : op.inner, one = op.axis * inner;
  // Shapes beyond the range of a Divider are cut along outer.
  const int64_t most = std::max<int64_t>(MAX_INDICES / one, 1);
  const auto kernel = packs ? scatter<PACK> : scatter<1>;
  for (int64_t first = 0; first < op.outer; first += most) {
    mixmas_max_grad part = op;
    part.dy += first * op.inner;
    part.index += first * op.inner;
    part.dx += first * op.axis * op.inner;
    const int64_t n = std::min(most, op.outer - first) * one;
    const dim3 grid(uint32_t(ceil_div(n, THREADS)));
    if (cudaError_t e = launch(kernel, grid, dim3(THREADS), 0, context.stream, part, Divider(op.axis), Divider(inner),
                               uint32_t(n)))
      return e;
  }
  return cudaSuccess;
}

}  // namespace mixmas
