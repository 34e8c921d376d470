// monarch.cuh: the common part of the Monarch product and its gradient.
//
// A vector of order p q is seen as a p x q matrix: element (i, j) is row i q + j of x (p q, width), a vector per column.
#pragma once

#include "operations.h"
#include "pack.cuh"

namespace mixmas {

// The number of blocks that fill a GPU (H100, H200). It is a constant, since sums must not depend on the GPU.
constexpr int64_t MONARCH_BLOCKS = 132;

// Lanes are the neighbouring columns of one thread, moved in one access.
template <int COLUMNS>
struct alignas(4 * COLUMNS) Lanes {
  float at[COLUMNS];
};

// multiply_block is the product of a k x k block of weights, or its transpose, with k rows of `x` that are `step`
// apart, for this thread's columns. All threads of a warp read the same weights, through the L1 cache: eight outputs
// at a time, four weights at once where packed (k is a multiple of 4, the block begins at one of 16 bytes).
// finish(output, sums) receives the results.
template <int COLUMNS, bool TRANSPOSED, class Finish>
__device__ __forceinline__ void multiply_block(const float *weights, int k, bool packed, const float *x, int64_t step,
                                               Finish finish) {
  constexpr int OUTPUTS = 8;
#pragma unroll 1
  for (int out = 0; out < k; out += OUTPUTS) {
    float sum[OUTPUTS][COLUMNS] = {};
    const auto add = [&](int o, float weight, const Lanes<COLUMNS> &in) {
#pragma unroll
      for (int c = 0; c < COLUMNS; ++c) sum[o][c] += weight * in.at[c];
    };
    if (packed) {
#pragma unroll 2
      for (int j = 0; j < k; j += PACK) {
        Lanes<COLUMNS> in[PACK];
#pragma unroll
        for (int e = 0; e < PACK; ++e) in[e] = *reinterpret_cast<const Lanes<COLUMNS> *>(x + (j + e) * step);
        if constexpr (TRANSPOSED) {
#pragma unroll
          for (int o = 0; o < OUTPUTS; o += PACK) {
            if (out + o >= k) break;
#pragma unroll
            for (int e = 0; e < PACK; ++e) {
              const Pack w = *reinterpret_cast<const Pack *>(weights + (j + e) * k + out + o);
#pragma unroll
              for (int i = 0; i < PACK; ++i) add(o + i, w.at[i], in[e]);
            }
          }
        } else {
#pragma unroll
          for (int o = 0; o < OUTPUTS; ++o) {
            if (out + o >= k) break;
            const Pack w = *reinterpret_cast<const Pack *>(weights + (out + o) * k + j);
#pragma unroll
            for (int e = 0; e < PACK; ++e) add(o, w.at[e], in[e]);
          }
        }
      }
    } else {
#pragma unroll 2
      for (int j = 0; j < k; ++j) {
        const Lanes<COLUMNS> in = *reinterpret_cast<const Lanes<COLUMNS> *>(x + j * step);
#pragma unroll
        for (int o = 0; o < OUTPUTS; ++o)
          if (out + o < k) add(o, weights[TRANSPOSED ? j * k + out + o : (out + o) * k + j], in);
      }
    }
#pragma unroll
    for (int o = 0; o < OUTPUTS; ++o)
      if (out + o < k) finish(out + o, sum[o]);
  }
}

// packed_block reports whether blocks of k x k weights may be read in packs.
inline bool packed_block(const float *weights, int64_t k) { return k % PACK == 0 && packable(weights); }

// ---- composed of matrix products, for orders too large for shared memory ----

// MonarchSide is L, which multiplies the rows of the p x q view, or R, which multiplies its columns.
struct MonarchSide {
  int64_t batch, k, blocks, width;
  int64_t ld, block_stride, sample_stride;  // of the rows that one block multiplies

  static MonarchSide l(int64_t batch, int64_t p, int64_t q, int64_t width) {
    return {batch, q, p, width, width, q * width, p * q * width};
  }
  static MonarchSide r(int64_t batch, int64_t p, int64_t q, int64_t width) {
    return {batch, p, q, width, q * width, width, p * q * width};
  }

  // multiply is y = plus + W x, or W' x, sample by sample and block by block.
  mixmas_matmul multiply(const float *weights, bool transpose, const float *x, float *y, const float *plus) const {
    mixmas_matmul op = {};
    op.a = weights, op.b = x, op.c = y, op.plus = plus;
    op.transpose_a = transpose;
    op.m = op.k = int(k), op.n = int(width);
    op.lda = int(k), op.ldb = op.ldc = int(ld);
    op.batch[0] = int(batch), op.batch[1] = int(blocks);
    op.stride_a[1] = k * k;
    op.stride_b[0] = op.stride_c[0] = sample_stride;
    op.stride_b[1] = op.stride_c[1] = block_stride;
    return op;
  }

  // gradient is dW = plus + dy x', summed over the samples.
  mixmas_matmul gradient(const mixmas_target &dweights, const float *dy, const float *x) const {
    mixmas_matmul op = {};
    op.a = dy, op.b = x, op.c = dweights.d, op.plus = dweights.plus;
    op.transpose_b = 1;
    op.m = op.n = int(k), op.k = int(width);
    op.lda = op.ldb = int(ld), op.ldc = int(k);
    op.batch[0] = int(batch), op.batch[1] = int(blocks);
    op.stride_a[0] = op.stride_b[0] = sample_stride;
    op.stride_a[1] = op.stride_b[1] = block_stride;
    op.stride_c[1] = k * k;
    return op;
  }
};

template <class Operation>
bool monarch_valid(const Operation &op) {
  return op.batch > 0 && op.p > 0 && op.q > 0 && op.width > 0 && op.p <= 46340 && op.q <= 46340 &&
         op.q * op.width <= INT32_MAX && op.batch <= INT32_MAX;
}

}  // namespace mixmas
