// softmax.cu: the softmax of each row of x (batch, repeat, width) with a mask for each sample, and its gradient.
//
//   forward    y = exp(x - max) / sum exp(x - max), over the elements that count     8 bytes, some 25 FLOPs per element
//   gradient   dx = plus + y (dy - sum(y dy))                                        12 bytes (16 with plus), 4 FLOPs
//
// Both are limited by memory. A row belongs to one warp, whose lanes have packs of 4 neighbouring columns; rows of more
// than 1024 columns belong to a block. A row is read several times, from the L1 cache after the first: exponentials are
// computed twice, as keeping them would cost a pass over y. The mask of a sample is read by its `repeat` rows, from the
// caches.
//
// Nothing overflows: the largest unmasked element is subtracted first, so that its exponential is 1. Masked elements
// are replaced, whatever they hold, and do not contribute to the gradient, because y is 0 there.
//
// Each element is read and written by the same thread, and written when all of its row has been read: the result may
// have the memory of an operand.
#include "operations.h"
#include "pack.cuh"
#include "reduction.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;
constexpr int64_t WARP_WIDTH = 1024;  // the widest row that a warp takes

// logits returns a pack of a row: -infinity for elements that are masked or beyond the row, which exp turns into 0.
__device__ __forceinline__ Pack logits(const float *x, const float *mask, int64_t i, int64_t width, bool packable) {
  Pack v = load(x, i, width, packable), counts;
  if (mask) counts = load(mask, i, width, packable);
#pragma unroll
  for (int k = 0; k < PACK; ++k)
    if (i + k >= width || (mask && counts.at[k] == 0.0f)) v.at[k] = -INFINITY;
  return v;
}

template <int ROW_THREADS>
__global__ __launch_bounds__(THREADS) void softmax(const mixmas_softmax op, bool packable) {
  const int64_t row = int64_t(blockIdx.x) * (THREADS / ROW_THREADS) + threadIdx.x / ROW_THREADS;
  if (row >= op.batch * op.repeat) return;
  const int64_t first = threadIdx.x % ROW_THREADS * PACK, step = ROW_THREADS * PACK;
  const float *x = op.x + row * op.width, *mask = op.mask ? op.mask + row / op.repeat * op.width : nullptr;

  float largest = -INFINITY;
  for (int64_t i = first; i < op.width; i += step) {
    const Pack v = logits(x, mask, i, op.width, packable);
    largest = fmaxf(largest, fmaxf(fmaxf(v.at[0], v.at[1]), fmaxf(v.at[2], v.at[3])));
  }
  largest = row_max<ROW_THREADS>(largest);
  if (largest == -INFINITY) largest = 0;  // all masked: -infinity minus itself would be NaN

  float sum = 0;
  for (int64_t i = first; i < op.width; i += step) {
    const Pack v = logits(x, mask, i, op.width, packable);
    sum += (expf(v.at[0] - largest) + expf(v.at[1] - largest)) + (expf(v.at[2] - largest) + expf(v.at[3] - largest));
  }
  sum = row_sum<ROW_THREADS>(sum);
  if (sum == 0) sum = 1;

  for (int64_t i = first; i < op.width; i += step) {
    Pack v = logits(x, mask, i, op.width, packable);
#pragma unroll
    for (int k = 0; k < PACK; ++k) v.at[k] = expf(v.at[k] - largest) / sum;
    store(op.y + row * op.width, i, op.width, packable, v);
  }
}

template <int ROW_THREADS>
__global__ __launch_bounds__(THREADS) void softmax_grad(const mixmas_softmax_grad op, bool packable) {
  const int64_t row = int64_t(blockIdx.x) * (THREADS / ROW_THREADS) + threadIdx.x / ROW_THREADS;
  if (row >= op.rows) return;
  const int64_t first = threadIdx.x % ROW_THREADS * PACK, step = ROW_THREADS * PACK;
  const float *y = op.y + row * op.width, *dy = op.dy + row * op.width;

  float dot = 0;
  for (int64_t i = first; i < op.width; i += step) {
    const Pack p = load(y, i, op.width, packable), d = load(dy, i, op.width, packable);
    dot += (p.at[0] * d.at[0] + p.at[1] * d.at[1]) + (p.at[2] * d.at[2] + p.at[3] * d.at[3]);
  }
  dot = row_sum<ROW_THREADS>(dot);

  for (int64_t i = first; i < op.width; i += step) {
    const Pack p = load(y, i, op.width, packable), d = load(dy, i, op.width, packable);
    Pack dx = {};
    if (op.plus) dx = load(op.plus + row * op.width, i, op.width, packable);
#pragma unroll
    for (int k = 0; k < PACK; ++k) dx.at[k] += p.at[k] * (d.at[k] - dot);
    store(op.dx + row * op.width, i, op.width, packable, dx);
  }
}

// run_rows queues the kernel with one warp per row, or the one with one block per row.
template <class Operation>
cudaError_t run_rows(const Context &context, void (*by_warp)(Operation, bool), void (*by_block)(Operation, bool),
                     const Operation &op, int64_t rows, bool packs) {
  if (op.width > WARP_WIDTH)
    return launch(by_block, dim3(uint32_t(rows)), dim3(THREADS), 0, context.stream, op, packs);
  const dim3 grid(uint32_t(ceil_div(rows, THREADS / WARP)));
  return launch(by_warp, grid, dim3(THREADS), 0, context.stream, op, packs);
}

}  // namespace

cudaError_t run(const Context &context, const mixmas_softmax &op) {
  const bool packs = op.width % PACK == 0 && packable(op.x, op.mask, op.y);
  return run_rows(context, softmax<WARP>, softmax<THREADS>, op, op.batch * op.repeat, packs);
}

cudaError_t run(const Context &context, const mixmas_softmax_grad &op) {
  const bool packs = op.width % PACK == 0 && packable(op.y, op.dy, op.plus, op.dx);
  return run_rows(context, softmax_grad<WARP>, softmax_grad<THREADS>, op, op.rows, packs);
}

}  // namespace mixmas
