// embedding.cu: rows of a table (vocabulary, width) by the ids of `rows` tokens, and the gradient for the table.
//
//   forward    y[r] = table[token of ids[r]], or 0 for padding                       8 bytes per element of y
//   gradient   dtable[t] = plus[t] + the sum of dy[r] over the rows r of token t     8 bytes per element of dy, 24 (28 with
//                                                                                    plus) per element of the table
//
// Both are limited by memory: a thread moves a pack of 4 neighbouring columns of a row. Many rows may have the same token, and
// atomic floating-point sums would depend on the order of threads. So the gradient is added up in whole numbers, whose sums do
// not: a first launch clears the sums and finds the largest |dy|, from which follows by which power of two all of dy is
// multiplied, such that no sum can overflow 63 bits. Beside the largest dy of the batch, an element loses what is below 2^-61
// rows: far less than float32 sums lose. The second launch adds, and the third turns the sums into float32.
//
// A dy that is not finite makes the whole gradient NaN.
#include <algorithm>

#include "operations.h"
#include "pack.cuh"
#include "reduction.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;
constexpr int64_t MAX_BLOCKS = 512;
constexpr int64_t PADDING = 0, UNKNOWN = 1;

typedef unsigned long long Sum;  // of whole numbers with a sign, modulo 2^64

// token_of returns the row of the table that an id names: UNKNOWN if there is no such row, or if the id is NaN.
__device__ __forceinline__ int64_t token_of(float id, int64_t vocabulary) {
  return id >= 0 && id < float(vocabulary) ? int64_t(id) : UNKNOWN;
}

__global__ __launch_bounds__(THREADS) void embedding(const mixmas_embedding op, int64_t packs, bool packable) {
  const int64_t i = int64_t(blockIdx.x) * THREADS + threadIdx.x, row = i / packs, column = i % packs * PACK;
  if (row >= op.rows) return;
  const int64_t token = token_of(op.ids[row], op.vocabulary);
  Pack v = {};
  if (token != PADDING) v = load(op.table + token * op.width, column, op.width, packable);
  store(op.y + row * op.width, column, op.width, packable, v);
}

__global__ __launch_bounds__(THREADS) void prepare(const mixmas_embedding_grad op, int64_t packs, bool packable, Sum *sums,
                                                   float *largest) {
  const int64_t first = int64_t(blockIdx.x) * THREADS + threadIdx.x, step = int64_t(gridDim.x) * THREADS;
  for (int64_t i = first; i < op.vocabulary * op.width; i += step) sums[i] = 0;
  float most = 0;
  for (int64_t i = first; i < op.rows * packs; i += step) {
    const int64_t row = i / packs;
    if (token_of(op.ids[row], op.vocabulary) == PADDING) continue;
    const Pack v = load(op.dy + row * op.width, i % packs * PACK, op.width, packable);
#pragma unroll
    for (int k = 0; k < PACK; ++k) most = fmaxf(most, isfinite(v.at[k]) ? fabsf(v.at[k]) : INFINITY);
  }
  most = block_max<THREADS>(most);
  if (threadIdx.x == 0) largest[blockIdx.x] = most;
}

// largest_of returns the largest of what the blocks of prepare have found.
__device__ __forceinline__ float largest_of(const float *largest, int blocks) {
  float most = 0;
  for (int i = threadIdx.x; i < blocks; i += THREADS) most = fmaxf(most, largest[i]);
  return block_max<THREADS>(most);
}

// shift_of returns the power of two by which elements up to `most` are multiplied, such that 2^bits of them add up to less
// than 2^63.
__device__ __forceinline__ int shift_of(float most, int bits) {
  int exponent = 0;
  if (isfinite(most)) frexpf(most, &exponent);
  return 62 - bits - exponent;
}

__global__ __launch_bounds__(THREADS) void add(const mixmas_embedding_grad op, int64_t packs, bool packable, int bits,
                                               Sum *sums, const float *largest, int blocks) {
  const float most = largest_of(largest, blocks);
  if (!isfinite(most)) return;
  const int shift = shift_of(most, bits);
  const int64_t first = int64_t(blockIdx.x) * THREADS + threadIdx.x, step = int64_t(gridDim.x) * THREADS;
  for (int64_t i = first; i < op.rows * packs; i += step) {
    const int64_t row = i / packs, column = i % packs * PACK, token = token_of(op.ids[row], op.vocabulary);
    if (token == PADDING) continue;
    const Pack v = load(op.dy + row * op.width, column, op.width, packable);
    Sum *sum = sums + token * op.width + column;
#pragma unroll
    for (int k = 0; k < PACK; ++k)
      if (column + k < op.width) atomicAdd(sum + k, Sum(llrint(ldexp(double(v.at[k]), shift))));
  }
}

__global__ __launch_bounds__(THREADS) void finish(const mixmas_embedding_grad op, int bits, const Sum *sums,
                                                  const float *largest, int blocks) {
  const float most = largest_of(largest, blocks);
  const int shift = shift_of(most, bits);
  const int64_t first = int64_t(blockIdx.x) * THREADS + threadIdx.x, step = int64_t(gridDim.x) * THREADS;
  for (int64_t i = first; i < op.vocabulary * op.width; i += step) {
    const float sum = isfinite(most) ? float(ldexp(double(int64_t(sums[i])), -shift)) : NAN;
    op.dtable[i] = op.plus ? op.plus[i] + sum : sum;
  }
}

int64_t blocks_for(int64_t n) { return std::min(ceil_div(n, THREADS), MAX_BLOCKS); }

int64_t preparing(const mixmas_embedding_grad &op) {
  return blocks_for(std::max(op.vocabulary * op.width, op.rows * ceil_div(op.width, PACK)));
}

}  // namespace

int64_t workspace_size(const mixmas_embedding_grad &op, mixmas_numerics) {
  return op.vocabulary * op.width * int64_t(sizeof(Sum) / sizeof(float)) + preparing(op);
}

cudaError_t run(const Context &context, const mixmas_embedding &op) {
  const int64_t packs = ceil_div(op.width, PACK);
  const dim3 grid(uint32_t(ceil_div(op.rows * packs, THREADS)));
  return launch(embedding, grid, dim3(THREADS), 0, context.stream, op, packs,
                op.width % PACK == 0 && packable(op.table, op.y));
}

cudaError_t run(const Context &context, const mixmas_embedding_grad &op) {
  const int64_t n = op.vocabulary * op.width, packs = ceil_div(op.width, PACK), blocks = preparing(op);
  const bool whole = op.width % PACK == 0 && packable(op.dy);
  int bits = 0;
  while ((int64_t(1) << bits) < op.rows) ++bits;
  Sum *sums = reinterpret_cast<Sum *>(context.workspace);
  float *largest = context.workspace + n * int64_t(sizeof(Sum) / sizeof(float));
  const dim3 threads(THREADS);
  if (cudaError_t e = launch(prepare, dim3(uint32_t(blocks)), threads, 0, context.stream, op, packs, whole, sums, largest))
    return e;
  if (cudaError_t e = launch(add, dim3(uint32_t(blocks_for(op.rows * packs))), threads, 0, context.stream, op, packs, whole,
                             bits, sums, static_cast<const float *>(largest), int(blocks)))
    return e;
  return launch(finish, dim3(uint32_t(blocks_for(n))), threads, 0, context.stream, op, bits,
                static_cast<const Sum *>(sums), static_cast<const float *>(largest), int(blocks));
}

}  // namespace mixmas
