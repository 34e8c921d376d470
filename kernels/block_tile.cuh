// block_tile.cuh: matrix products by a whole block: operands in shared memory, sums in registers. Warps that multiply
// independently, and keep one product as the operand of the next, use warp_tile.cuh instead.
//
// Tiles in shared memory always hold plain float32, in every numerics. Operands are rounded (to nearest) as fragments
// are read from shared memory, so tiles can be filled by asynchronous copies straight from global memory or by a
// kernel's own stores, and a kernel is written once for all numerics.
//
// An operand tile has ROWS rows (rows of op(A), or columns of op(B)) and a DEPTH along the summed dimension k. It is
// stored in one of two orders, that of the matrix it is copied from, so that copies need no reordering and are 16
// bytes wide:
//
//   Order::ALONG    element (row, k) at [row * STRIDE + k]     A stored m x k, or B stored n x k
//   Order::ACROSS   element (row, k) at [k * STRIDE + row]     A stored k x m, or B stored k x n
//
// The strides of Operand are padded so that neither copies nor fragment reads have bank conflicts.
//
//   using A = Operand<128, 32, Order::ALONG>;      // constants STRIDE, SIZE (floats), at(row, k)
//   using B = Operand<64, 32, Order::ACROSS>;
//   copy_operand<A, THREADS>(tile_a, global, ld, rows, depth, aligned);    // asynchronous; zero outside the matrix
//   copy_commit(); copy_wait<0>(); __syncthreads();
//   BlockMatmul<NUMERICS, 128, 64, 2, 2, Order::ALONG, Order::ACROSS> sums;    // 128 x 64 by 2 x 2 warps = 128 threads
//   sums.clear();
//   sums.multiply<32>(tile_a, A::STRIDE, tile_b, B::STRIDE);               // += over 32 values of k
//   sums.each([&](int row, int column, float &value) { ... });             // this thread's share, in any order
//   sums.store(tile_c, stride);                                            // all to shared memory, row after row
//
// BlockMatmul:
//   - every thread of the block's WARPS_DOWN * WARPS_ACROSS warps calls clear, multiply, each and store; threadIdx.x
//     counts them. None contains a barrier of the block: the caller puts __syncthreads() between writing a tile and
//     multiplying it, and before overwriting it.
//   - ROWS / WARPS_DOWN and COLUMNS / WARPS_ACROSS are multiples of 16 (tensor cores: columns of 8). A thread keeps
//     ROWS * COLUMNS / THREADS sums in registers: 64 are comfortable, 128 the most that do not spill.
//   - multiply<DEPTH>: DEPTH is a multiple of 16. The pointers are to the first element used, 16-byte aligned, and
//     strides are in floats: parts of larger tiles can be multiplied, in depth (tile + k0, or tile + k0 * STRIDE) as
//     in rows. Strides must be multiples of 4; use those of Operand<...> to be free of conflicts.
//   - sums of one element are added in the order of k, however the block is tiled; tensor cores add within steps of 8
//     (tf32) or 16 (bf16). Rows and columns beyond a matrix may hold anything, but k beyond it must be zero in both.
//   - an example of a chain: sums.each(...) writes gelu(value + bias) to a tile of Order::ALONG, in the place of
//     Operand::at(row, column), then __syncthreads(), and the tile is the A operand of the next multiply.
//   - an element's place in the threads depends on NUMERICS and the orders: use each and store, nothing else.
#pragma once

#include <cstring>
#include <type_traits>

#include "launch.cuh"
#include "mixmas.h"

namespace mixmas {

enum class Order { ALONG, ACROSS };

__device__ __forceinline__ int smaller(int a, int b) { return a < b ? a : b; }

template <int ROWS_, int DEPTH_, Order ORDER_>
struct Operand {
  static constexpr int ROWS = ROWS_, DEPTH = DEPTH_;
  static constexpr Order ORDER = ORDER_;
  // Lines are what is contiguous in memory.
  static constexpr int LINES = ORDER == Order::ALONG ? ROWS : DEPTH;
  static constexpr int LENGTH = ORDER == Order::ALONG ? DEPTH : ROWS;
  // ALONG: eight rows of 16 bytes are in different banks (ldmatrix, float4); ACROSS: four lines of eight words.
  static constexpr int STRIDE = LENGTH + (ORDER == Order::ALONG ? 4 : 8);
  static constexpr int SIZE = LINES * STRIDE;
  static_assert(ROWS % 16 == 0 && DEPTH % 8 == 0, "a tile is made of fragments");

  __device__ static int at(int row, int k) { return ORDER == Order::ALONG ? row * STRIDE + k : k * STRIDE + row; }
};

// copy_operand begins to copy a part of a matrix in global memory to a tile: `global` is its first element, `ld` the
// distance between its lines, `rows` and `depth` the rest of the matrix from there on (they may be larger than the
// tile, and negative). The rest of the tile becomes zero. aligned: global, ld and so all lines are multiples of 16
// bytes. The copies belong to the asynchronous group that the caller commits.
template <class TILE, int THREADS>
__device__ __forceinline__ void copy_operand(float *tile, const float *global, int64_t ld, int rows, int depth,
                                             bool aligned) {
  constexpr int CHUNKS = TILE::LENGTH / 4, COUNT = TILE::LINES * CHUNKS;
  const int lines = TILE::ORDER == Order::ALONG ? rows : depth;
  const int length = TILE::ORDER == Order::ALONG ? depth : rows;
  const int thread = threadIdx.x;
  if (aligned && lines >= TILE::LINES && length >= TILE::LENGTH) {
    if constexpr (THREADS % CHUNKS == 0 && COUNT % THREADS == 0) {
      // Each thread stays in its column: one address, and a constant step down.
      constexpr int DOWN = THREADS / CHUNKS;
      const int line = thread / CHUNKS, at = thread % CHUNKS * 4;
      const float *source = global + line * ld + at;
      float *target = tile + line * TILE::STRIDE + at;
#pragma unroll
      for (int i = 0; i < COUNT / THREADS; ++i, source += DOWN * ld)
        copy_async16(target + i * DOWN * TILE::STRIDE, source);
    } else {
      for (int i = thread; i < COUNT; i += THREADS)
        copy_async16(tile + i / CHUNKS * TILE::STRIDE + i % CHUNKS * 4, global + i / CHUNKS * ld + i % CHUNKS * 4);
    }
    return;
  }
#pragma unroll 1
  for (int i = thread; i < COUNT; i += THREADS) {
    const int line = i / CHUNKS, at = i % CHUNKS * 4;
    float *target = tile + line * TILE::STRIDE + at;
    const float *source = global + line * ld + at;
    const int valid = line < lines ? length - at : 0;
    if (aligned && valid >= 4) {
      copy_async16(target, source);
      continue;
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      if (e < valid)
        copy_async4(target + e, source + e);
      else
        target[e] = 0.0f;
    }
  }
}

// ---- tensor cores ----
//
// A fragment is read with a depth of 16: of four lanes, lane t holds k = t, t+4, t+8 and t+12, as 32-bit words that
// are rounded to operands of mma instructions. Two steps of mma_tf32 need exactly this. One step of mma_bf16 needs
// pairs of neighbours in a word; since the order of k within the sum does not matter, the pairs are (t, t+4) and
// (t+8, t+12) in both operands.

__device__ __forceinline__ float word_to_float(uint32_t word) {
  float value;
  memcpy(&value, &word, sizeof value);
  return value;
}

// TensorCoreMatmul keeps ROWS x COLUMNS sums in the accumulators of mma.sync instructions: see BlockMatmul.
template <mixmas_numerics NUMERICS, int ROWS, int COLUMNS, int WARPS_DOWN, int WARPS_ACROSS, Order A_ORDER,
          Order B_ORDER>
struct TensorCoreMatmul {
  static constexpr int THREADS = 32 * WARPS_DOWN * WARPS_ACROSS;
  static constexpr int WARP_ROWS = ROWS / WARPS_DOWN, WARP_COLUMNS = COLUMNS / WARPS_ACROSS;
  static constexpr int DOWN = WARP_ROWS / 16, ACROSS = WARP_COLUMNS / 8;  // fragments of a warp
  static constexpr int STEPS = NUMERICS == MIXMAS_TF32 ? 2 : 1;           // mma instructions for a depth of 16
  static_assert(WARP_ROWS % 16 == 0 && WARP_COLUMNS % 8 == 0, "a warp's part is made of 16 x 8 fragments");

  float sum[DOWN][ACROSS][4];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < DOWN; ++i)
#pragma unroll
      for (int j = 0; j < ACROSS; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) sum[i][j][e] = 0.0f;
  }

  template <int DEPTH>
  __device__ __forceinline__ void multiply(const float *a, int stride_a, const float *b, int stride_b) {
    static_assert(DEPTH % 16 == 0, "fragments have a depth of 16");
    a += first_row() * (A_ORDER == Order::ALONG ? stride_a : 1);
    b += first_column() * (B_ORDER == Order::ALONG ? stride_b : 1);
#pragma unroll 2
    for (int k = 0; k < DEPTH; k += 16) {
      uint32_t left[DOWN][STEPS][4];
#pragma unroll
      for (int i = 0; i < DOWN; ++i) read_a(left[i], a, stride_a, 16 * i, k);
#pragma unroll
      for (int j = 0; j < ACROSS; ++j) {
        uint32_t right[STEPS][2];
        read_b(right, b, stride_b, 8 * j, k);
#pragma unroll
        for (int s = 0; s < STEPS; ++s)
#pragma unroll
          for (int i = 0; i < DOWN; ++i) {
            if constexpr (NUMERICS == MIXMAS_TF32)
              mma_tf32(sum[i][j], left[i][s], right[s]);
            else
              mma_bf16(sum[i][j], left[i][s], right[s]);
          }
      }
    }
  }

  template <class F>
  __device__ __forceinline__ void each(F f) {
    const int row = first_row() + lane() / 4, column = first_column() + lane() % 4 * 2;
#pragma unroll
    for (int i = 0; i < DOWN; ++i)
#pragma unroll
      for (int j = 0; j < ACROSS; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) f(row + 16 * i + e / 2 * 8, column + 8 * j + e % 2, sum[i][j][e]);
  }

  // There are no conflicts if the stride is 8 more than a multiple of 32.
  __device__ __forceinline__ void store(float *tile, int stride) const {
    tile += (first_row() + lane() / 4) * stride + first_column() + lane() % 4 * 2;
#pragma unroll
    for (int i = 0; i < DOWN; ++i)
#pragma unroll
      for (int j = 0; j < ACROSS; ++j)
#pragma unroll
        for (int h = 0; h < 2; ++h)
          *reinterpret_cast<float2 *>(tile + (16 * i + 8 * h) * stride + 8 * j) =
              make_float2(sum[i][j][2 * h], sum[i][j][2 * h + 1]);
  }

 private:
  __device__ static int lane() { return threadIdx.x % 32; }
  __device__ static int first_row() { return int(threadIdx.x) / 32 / WARPS_ACROSS * WARP_ROWS; }
  __device__ static int first_column() { return int(threadIdx.x) / 32 % WARPS_ACROSS * WARP_COLUMNS; }

  // word i of x: rows row and row + 8 in turn, at k = t, t+4, t+8, t+12.
  __device__ static __forceinline__ void read_a(uint32_t (&to)[STEPS][4], const float *tile, int stride, int row,
                                                int k) {
    uint32_t x[2][4];
    if constexpr (A_ORDER == Order::ALONG) {
      const float *at = tile + (row + lane() % 16) * stride + k + lane() / 16 * 4;
      ldmatrix_x4(x[0], at);
      ldmatrix_x4(x[1], at + 8);
    } else {
      const float *at = tile + (k + lane() % 4) * stride + row + lane() / 4;
#pragma unroll
      for (int i = 0; i < 8; ++i) memcpy(&x[i / 4][i % 4], at + i / 2 * 4 * stride + i % 2 * 8, sizeof(float));
    }
    if constexpr (NUMERICS == MIXMAS_TF32) {
#pragma unroll
      for (int i = 0; i < 8; ++i) to[i / 4][i % 4] = to_tf32(word_to_float(x[i / 4][i % 4]));
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const uint32_t *pair = &x[i / 2][i % 2];
        to[0][i] = pack_bf16(word_to_float(pair[0]), word_to_float(pair[2]));
      }
    }
  }

  // Word i of x: k = t + 4 i.
  __device__ static __forceinline__ void read_b(uint32_t (&to)[STEPS][2], const float *tile, int stride, int column,
                                                int k) {
    uint32_t x[4];
    if constexpr (B_ORDER == Order::ALONG) {
      ldmatrix_x4(x, tile + (column + lane() % 8) * stride + k + lane() / 8 * 4);
    } else {
      const float *at = tile + (k + lane() % 4) * stride + column + lane() / 4;
#pragma unroll
      for (int i = 0; i < 4; ++i) memcpy(&x[i], at + 4 * i * stride, sizeof(float));
    }
    if constexpr (NUMERICS == MIXMAS_TF32) {
#pragma unroll
      for (int i = 0; i < 4; ++i) to[i / 2][i % 2] = to_tf32(word_to_float(x[i]));
    } else {
#pragma unroll
      for (int i = 0; i < 2; ++i) to[0][i] = pack_bf16(word_to_float(x[2 * i]), word_to_float(x[2 * i + 1]));
    }
  }
};

// ---- ordinary units, exact float32 ----

// SimtMatmul keeps ROWS x COLUMNS sums in ordinary registers: see BlockMatmul. The lanes of a warp are 8 down and 4
// across. If tiles are read along k, four at a time, a lane has every eighth row (eight lanes then read eight
// neighbouring rows, in different banks). If they are read across k, it has groups of neighbouring rows.
template <int ROWS, int COLUMNS, int WARPS_DOWN, int WARPS_ACROSS, Order A_ORDER, Order B_ORDER>
struct SimtMatmul {
  static constexpr int THREADS = 32 * WARPS_DOWN * WARPS_ACROSS;
  static constexpr int WARP_ROWS = ROWS / WARPS_DOWN, WARP_COLUMNS = COLUMNS / WARPS_ACROSS;
  static constexpr int DOWN = WARP_ROWS / 8, ACROSS = WARP_COLUMNS / 4;  // sums of a thread
  static constexpr int GROUP = DOWN < 4 ? DOWN : 4;                      // rows that are read at a time
  static_assert(WARP_ROWS % 16 == 0 && WARP_COLUMNS % 8 == 0 && DOWN % GROUP == 0, "a warp's part is 8 x 4 lanes");

  float sum[DOWN][ACROSS];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < DOWN; ++i)
#pragma unroll
      for (int j = 0; j < ACROSS; ++j) sum[i][j] = 0.0f;
  }

  template <int DEPTH>
  __device__ __forceinline__ void multiply(const float *a, int stride_a, const float *b, int stride_b) {
    static_assert(DEPTH % 4 == 0, "operands are read four at a time");
    a += first_row() * (A_ORDER == Order::ALONG ? stride_a : 1);
    b += first_column() * (B_ORDER == Order::ALONG ? stride_b : 1);
#pragma unroll 1
    for (int k = 0; k < DEPTH; k += 4) {
      float right[ACROSS][4];
      read<ACROSS, 4, B_ORDER, ACROSS>(right, b, stride_b, lane() / 8, 0, k);
#pragma unroll
      for (int i = 0; i < DOWN; i += GROUP) {
        float left[GROUP][4];
        read<GROUP, 8, A_ORDER, DOWN>(left, a, stride_a, lane() % 8, i, k);
#pragma unroll
        for (int step = 0; step < 4; ++step)
#pragma unroll
          for (int g = 0; g < GROUP; ++g)
#pragma unroll
            for (int j = 0; j < ACROSS; ++j) sum[i + g][j] += left[g][step] * right[j][step];
      }
    }
  }

  template <class F>
  __device__ __forceinline__ void each(F f) {
#pragma unroll
    for (int i = 0; i < DOWN; ++i)
#pragma unroll
      for (int j = 0; j < ACROSS; ++j)
        f(first_row() + place<8, A_ORDER, DOWN>(lane() % 8, i),
          first_column() + place<4, B_ORDER, ACROSS>(lane() / 8, j), sum[i][j]);
  }

  __device__ __forceinline__ void store(float *tile, int stride) {
    each([&](int row, int column, float &value) { tile[row * stride + column] = value; });
  }

 private:
  __device__ static int lane() { return threadIdx.x % 32; }
  __device__ static int first_row() { return int(threadIdx.x) / 32 / WARPS_ACROSS * WARP_ROWS; }
  __device__ static int first_column() { return int(threadIdx.x) / 32 % WARPS_ACROSS * WARP_COLUMNS; }

  // place returns the row (or column), within the warp's part, of the i-th of a lane's COUNT rows.
  template <int LANES, Order ORDER, int COUNT>
  __device__ static __forceinline__ int place(int lane, int i) {
    constexpr int WIDTH = COUNT < 4 ? COUNT : 4;
    return ORDER == Order::ALONG ? lane + LANES * i : (i / WIDTH * LANES + lane) * WIDTH + i % WIDTH;
  }

  // read reads N of a lane's COUNT rows from the given one on, at four values of k.
  template <int N, int LANES, Order ORDER, int COUNT>
  __device__ static __forceinline__ void read(float (&to)[N][4], const float *tile, int stride, int lane, int from,
                                              int k) {
    if constexpr (ORDER == Order::ALONG) {
#pragma unroll
      for (int i = 0; i < N; ++i) {
        const float *at = tile + place<LANES, ORDER, COUNT>(lane, from + i) * stride + k;
        const float4 x = *reinterpret_cast<const float4 *>(at);
        to[i][0] = x.x, to[i][1] = x.y, to[i][2] = x.z, to[i][3] = x.w;
      }
    } else {
      constexpr int WIDTH = COUNT < 4 ? COUNT : 4;
#pragma unroll
      for (int step = 0; step < 4; ++step)
#pragma unroll
        for (int i = 0; i < N; i += WIDTH) {
          const float *at = tile + (k + step) * stride + place<LANES, ORDER, COUNT>(lane, from + i);
          if constexpr (WIDTH == 4) {
            const float4 x = *reinterpret_cast<const float4 *>(at);
            to[i][step] = x.x, to[i + 1][step] = x.y, to[i + 2][step] = x.z, to[i + 3][step] = x.w;
          } else {
            static_assert(WIDTH == 2 || WIDTH == 4, "two rows a thread at least");
            const float2 x = *reinterpret_cast<const float2 *>(at);
            to[i][step] = x.x, to[i + 1][step] = x.y;
          }
        }
    }
  }
};

template <mixmas_numerics NUMERICS, int ROWS, int COLUMNS, int WARPS_DOWN, int WARPS_ACROSS, Order A_ORDER,
          Order B_ORDER>
using BlockMatmul = std::conditional_t<NUMERICS == MIXMAS_FP32,
                                   SimtMatmul<ROWS, COLUMNS, WARPS_DOWN, WARPS_ACROSS, A_ORDER, B_ORDER>,
                                   TensorCoreMatmul<NUMERICS, ROWS, COLUMNS, WARPS_DOWN, WARPS_ACROSS, A_ORDER, B_ORDER>>;

}  // namespace mixmas
