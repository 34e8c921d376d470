// matmul.cuh: the tiled matrix product: the kernel, and its arguments from matmul.cu, which describes what is
// computed.
#pragma once

#include "activation.cuh"
#include "matmul.h"
#include "block_tile.cuh"
#include "integers.cuh"

namespace mixmas {

// Factors describes the operands of op(A) op(B) and how they are cut. Batches have one dimension of separate products
// and one of summed products, or two of either; an unused dimension has a count of 1.
struct MatmulFactors {
  const float *a, *b;
  int64_t lda, ldb;
  bool aligned_a, aligned_b;  // every line begins at a multiple of 16 bytes
  int m, n, k;
  int batches, batches_inner;  // products apart: all of them, and the inner dimension's
  int64_t batch_a[2], batch_b[2];
  int sums_inner;  // products that are summed: the inner dimension's
  int64_t sum_a[2], sum_b[2];
  int steps;        // of DEPTH along k, through all summed products
  int slice_steps;  // those of one slice
  int slices;
  int tiles_down, tiles_across;
};

// MatmulEpilogue describes what is done with a product P, and where it goes. pre, gate and plus have the layout of c.
struct MatmulEpilogue {
  float *c, *pre;
  const float *gate, *plus, *bias;
  int64_t ldc, batch_c[2], slice_c;
  bool bias_rows;
  bool transposed;  // the tiles are of the transposed product
  bool aligned;     // four neighbours of c, pre, gate and plus can be accessed as one
  int activation;
};

constexpr int MATMUL_DEPTH = 32;  // of a tile in shared memory

// matmul_finish applies the epilogue to WIDTH neighbours of a row. `matrix` is the offset of their matrix in c. plus
// and gate may be c: an element is read and written by one thread.
template <int WIDTH>
__device__ __forceinline__ void matmul_finish(const MatmulEpilogue &e, int64_t matrix, int row, int column,
                                              float (&value)[WIDTH]) {
  const int64_t at = matrix + row * e.ldc + column;
  const auto read = [&](const float *from, float (&to)[WIDTH]) {
    if constexpr (WIDTH == 4) {
      const float4 x = *reinterpret_cast<const float4 *>(from + at);
      to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
    } else {
      to[0] = from[at];
    }
  };
  const auto write = [&](float *to) {
    if constexpr (WIDTH == 4)
      *reinterpret_cast<float4 *>(to + at) = make_float4(value[0], value[1], value[2], value[3]);
    else
      to[at] = value[0];
  };
  if (e.bias) {
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) value[i] += e.bias[e.bias_rows ? row : column + i];
  }
  if (e.pre) write(e.pre);
  if (e.gate) {
    float gate[WIDTH];
    read(e.gate, gate);
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) value[i] *= activate_grad(e.activation, gate[i]);
  } else if (e.activation != MIXMAS_IDENTITY) {
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) value[i] = activate(e.activation, value[i]);
  }
  if (e.plus) {
    float plus[WIDTH];
    read(e.plus, plus);
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) value[i] += plus[i];
  }
  write(e.c);
}

// A tiling of the product: tiles of ROWS x COLUMNS by WARPS_DOWN x WARPS_ACROSS warps, with STAGES tiles of the
// operands in shared memory, of which one is multiplied while the others arrive.
template <int ROWS_, int COLUMNS_, int WARPS_DOWN_, int WARPS_ACROSS_, int STAGES_, int BLOCKS_>
struct MatmulTiling {
  static constexpr int ROWS = ROWS_, COLUMNS = COLUMNS_, WARPS_DOWN = WARPS_DOWN_, WARPS_ACROSS = WARPS_ACROSS_;
  static constexpr int STAGES = STAGES_, THREADS = 32 * WARPS_DOWN * WARPS_ACROSS;
  static constexpr int BLOCKS = BLOCKS_;  // that share a multiprocessor, which limits the registers
};

// MatmulWalk visits the steps along k and the summed products, and holds the offsets of the next one.
struct MatmulWalk {
  int k, inner, outer;

  __device__ __forceinline__ MatmulWalk(const MatmulFactors &f, int step) {
    const int steps = (f.k + MATMUL_DEPTH - 1) / MATMUL_DEPTH;
    const int product = step / steps;
    k = step % steps * MATMUL_DEPTH;
    inner = product % f.sums_inner;
    outer = product / f.sums_inner;
  }

  __device__ __forceinline__ void advance(const MatmulFactors &f) {
    k += MATMUL_DEPTH;
    if (k < f.k) return;
    k = 0;
    if (++inner < f.sums_inner) return;
    inner = 0;
    ++outer;
  }
};

// One block computes one tile of C for one slice of the sum.
template <mixmas_numerics NUMERICS, class TILING, bool TRANSPOSE_A, bool TRANSPOSE_B>
__global__ void __launch_bounds__(TILING::THREADS, TILING::BLOCKS)
    matmul_tiles(const __grid_constant__ MatmulFactors f, const __grid_constant__ MatmulEpilogue e) {
  constexpr int ROWS = TILING::ROWS, COLUMNS = TILING::COLUMNS, THREADS = TILING::THREADS, STAGES = TILING::STAGES;
  constexpr Order A_ORDER = TRANSPOSE_A ? Order::ACROSS : Order::ALONG;
  constexpr Order B_ORDER = TRANSPOSE_B ? Order::ALONG : Order::ACROSS;
  using A = Operand<ROWS, MATMUL_DEPTH, A_ORDER>;
  using B = Operand<COLUMNS, MATMUL_DEPTH, B_ORDER>;
  MIXMAS_DYNAMIC_SHARED(float, shared);

  // Neighbouring blocks have the same rows, so that A is read once, and B, in these models the weights, stays in the
  // L2 cache.
  unsigned index = blockIdx.x;
  const int column = index % f.tiles_across * COLUMNS;
  index /= f.tiles_across;
  const int row = index % f.tiles_down * ROWS;
  index /= f.tiles_down;
  const int batch = index % f.batches, slice = index / f.batches;
  const int batch_inner = batch % f.batches_inner, batch_outer = batch / f.batches_inner;
  const float *a = f.a + batch_outer * f.batch_a[0] + batch_inner * f.batch_a[1] + row * (TRANSPOSE_A ? 1 : f.lda);
  const float *b = f.b + batch_outer * f.batch_b[0] + batch_inner * f.batch_b[1] + column * (TRANSPOSE_B ? f.ldb : 1);

  const int first = slice * f.slice_steps;
  const int count = smaller(f.slice_steps, f.steps - first);
  MatmulWalk next(f, first);
  const auto copy = [&](int stage) {
    float *tile = shared + stage * (A::SIZE + B::SIZE);
    const float *from_a = a + next.outer * f.sum_a[0] + next.inner * f.sum_a[1] + next.k * (TRANSPOSE_A ? f.lda : 1);
    const float *from_b = b + next.outer * f.sum_b[0] + next.inner * f.sum_b[1] + next.k * (TRANSPOSE_B ? 1 : f.ldb);
    copy_operand<A, THREADS>(tile, from_a, f.lda, f.m - row, f.k - next.k, f.aligned_a);
    copy_operand<B, THREADS>(tile + A::SIZE, from_b, f.ldb, f.n - column, f.k - next.k, f.aligned_b);
    next.advance(f);
  };

  BlockMatmul<NUMERICS, ROWS, COLUMNS, TILING::WARPS_DOWN, TILING::WARPS_ACROSS, A_ORDER, B_ORDER> sums;
  sums.clear();
  for (int s = 0; s < STAGES - 1; ++s) {
    if (s < count) copy(s);
    copy_commit();  // empty groups too, so that the one to wait for is always as many commits ago
  }
  int stage = 0, vacant = STAGES - 1;
#pragma unroll 1
  for (int s = 0; s < count; ++s) {
    copy_wait<STAGES - 2>();
    __syncthreads();  // step s has arrived for all threads, and all are done with step s-1, whose stage is vacant
    if (s + STAGES - 1 < count) copy(vacant);
    copy_commit();
    const float *tile = shared + stage * (A::SIZE + B::SIZE);
    sums.template multiply<MATMUL_DEPTH>(tile, A::STRIDE, tile + A::SIZE, B::STRIDE);
    vacant = stage;
    stage = stage + 1 == STAGES ? 0 : stage + 1;
  }

  // The sums go through shared memory, so that the epilogue is one short loop over whole rows.
  constexpr int STRIDE = COLUMNS + 8;
  __syncthreads();
  sums.store(shared, STRIDE);
  __syncthreads();
  const int64_t matrix = slice * e.slice_c + batch_outer * e.batch_c[0] + batch_inner * e.batch_c[1];
  const int rows = smaller(ROWS, f.m - row), columns = smaller(COLUMNS, f.n - column);
  if (e.aligned && columns % 4 == 0 && !e.transposed) {
#pragma unroll 1
    for (int i = threadIdx.x; i < rows * (COLUMNS / 4); i += THREADS) {
      const int r = i / (COLUMNS / 4), c = i % (COLUMNS / 4) * 4;
      if (c >= columns) continue;
      const float4 x = *reinterpret_cast<const float4 *>(shared + r * STRIDE + c);
      float value[4] = {x.x, x.y, x.z, x.w};
      matmul_finish(e, matrix, row + r, column + c, value);
    }
  } else {
#pragma unroll 1
    for (int i = threadIdx.x; i < ROWS * COLUMNS; i += THREADS) {
      const int r = e.transposed ? i % ROWS : i / COLUMNS, c = e.transposed ? i / ROWS : i % COLUMNS;
      if (r >= rows || c >= columns) continue;
      float value[1] = {shared[r * STRIDE + c]};
      matmul_finish(e, matrix, e.transposed ? column + c : row + r, e.transposed ? row + r : column + c, value);
    }
  }
}

template <mixmas_numerics NUMERICS, class TILING, bool TRANSPOSE_A, bool TRANSPOSE_B>
cudaError_t launch_matmul_tiles(cudaStream_t stream, MatmulFactors f, const MatmulEpilogue &e) {
  constexpr int stage = Operand<TILING::ROWS, MATMUL_DEPTH, TRANSPOSE_A ? Order::ACROSS : Order::ALONG>::SIZE +
                        Operand<TILING::COLUMNS, MATMUL_DEPTH, TRANSPOSE_B ? Order::ALONG : Order::ACROSS>::SIZE;
  constexpr int shared = TILING::STAGES * stage * sizeof(float);
  static_assert(TILING::ROWS * (TILING::COLUMNS + 8) <= TILING::STAGES * stage, "the sums fit where the operands were");
  static_assert(shared <= MAX_SHARED);
  const auto kernel = matmul_tiles<NUMERICS, TILING, TRANSPOSE_A, TRANSPOSE_B>;
  f.tiles_down = int(ceil_div(f.m, TILING::ROWS));
  f.tiles_across = int(ceil_div(f.n, TILING::COLUMNS));
  const int64_t blocks = int64_t(f.tiles_down) * f.tiles_across * f.batches * f.slices;
  if (blocks > INT32_MAX) return cudaErrorInvalidValue;
  if constexpr (shared > 48 << 10) {
    const cudaError_t status = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                                    cudaFuncAttributeMaxDynamicSharedMemorySize, shared);
    if (status != cudaSuccess) return status;
  }
  return launch(kernel, dim3(unsigned(blocks)), dim3(TILING::THREADS), shared, stream, f, e);
}

// run_matmul_tiles runs a tiled product in one numerics. Each numerics has its own file, so that they compile in
// parallel.
template <mixmas_numerics NUMERICS>
cudaError_t run_matmul_tiles(cudaStream_t, MatmulPath, bool transpose_a, bool transpose_b, const MatmulFactors &,
                             const MatmulEpilogue &);

template <mixmas_numerics NUMERICS, class TILING>
cudaError_t run_matmul_tiling(cudaStream_t stream, bool transpose_a, bool transpose_b, const MatmulFactors &f,
                              const MatmulEpilogue &e) {
  if (transpose_a)
    return transpose_b ? launch_matmul_tiles<NUMERICS, TILING, true, true>(stream, f, e)
                       : launch_matmul_tiles<NUMERICS, TILING, true, false>(stream, f, e);
  return transpose_b ? launch_matmul_tiles<NUMERICS, TILING, false, true>(stream, f, e)
                     : launch_matmul_tiles<NUMERICS, TILING, false, false>(stream, f, e);
}

template <mixmas_numerics NUMERICS, class LARGE>
cudaError_t run_matmul_tilings(cudaStream_t stream, MatmulPath path, bool transpose_a, bool transpose_b,
                               const MatmulFactors &f, const MatmulEpilogue &e) {
  using Small = MatmulTiling<16, 64, 1, 4, 4, 4>;
  using Medium = MatmulTiling<64, 64, 2, 2, 4, 3>;
  switch (path) {
    case MatmulPath::LARGE: return run_matmul_tiling<NUMERICS, LARGE>(stream, transpose_a, transpose_b, f, e);
    case MatmulPath::MEDIUM: return run_matmul_tiling<NUMERICS, Medium>(stream, transpose_a, transpose_b, f, e);
    default: return run_matmul_tiling<NUMERICS, Small>(stream, transpose_a, transpose_b, f, e);
  }
}

}  // namespace mixmas
