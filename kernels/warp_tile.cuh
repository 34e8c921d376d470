// warp_tile.cuh: matrix products by one warp, in each numerics, and other parts that the fused MLP kernels share. If
// a whole block multiplies, block_tile.cuh is better: its warps share the operands that they read.
//
// A warp holds a tile of a product as `float tile[GM / 2][GN][4]`: GM groups of 8 rows by GN groups of 8 columns,
// distributed over the lanes as the mma instructions require. With g = lane / 4 and t = lane % 4, tile[i][j][2 h + c]
// is the element
//   row position(2 i + h, g), column position(j, 2 t + c).
// All numerics use this layout, so that everything around the products is written once.
//
// Operands are float32 in shared memory and are rounded when they are loaded into registers. The index of the sum may
// be permuted as long as both operands agree: lane t takes the sum's indices 2t and 2t + 1 of every 8. This has three
// uses:
// - an operand with the sum's index side by side (Order::ALONG) is read by 8-byte loads;
// - an operand with the rows or columns side by side (Order::ACROSS) is read by 16-byte loads of 4 groups at a time:
//   place p of group i is then row 4 p + i of 32, and lanes end up with 4 neighbours, which also makes 16-byte stores;
// - a finished tile is the left operand of the next product as it lies in the registers (multiply_kept).
// With rows a multiple of 32, plus PAD = 12, elements apart all these loads are free of bank conflicts: 8-byte loads
// see 4 rows at banks 0, 12, 24, 4, each 8 wide; 16-byte loads see rows 0, 2, 4, 6 at banks 0, 24, 16, 8, each 8 wide.
#pragma once

#include "activation.cuh"
#include "launch.cuh"
#include "block_tile.cuh"
#include "mixmas.h"
#include "pack.cuh"
#include "reduction.cuh"

namespace mixmas::mlp {

constexpr int PAD = 12;

// The groups that one vector load reads.
template <Order ORDER, int GROUPS>
__host__ __device__ constexpr int vector_groups() {
  return ORDER == Order::ALONG ? 1 : GROUPS % 4 == 0 ? 4 : GROUPS % 2 == 0 ? 2 : 1;
}

// position returns the row (or column) of place 0..7 of a group.
template <Order ORDER, int GROUPS>
__device__ __forceinline__ int position(int group, int place) {
  constexpr int V = vector_groups<ORDER, GROUPS>();
  return group / V * (8 * V) + place * V + group % V;
}

template <int V>
__device__ __forceinline__ void load_vector(float (&v)[V], const float *from) {
  if constexpr (V == 4) {
    float4 x = *reinterpret_cast<const float4 *>(from);
    v[0] = x.x, v[1] = x.y, v[2] = x.z, v[3] = x.w;
  } else if constexpr (V == 2) {
    float2 x = *reinterpret_cast<const float2 *>(from);
    v[0] = x.x, v[1] = x.y;
  } else {
    v[0] = from[0];
  }
}

// load_pairs loads this lane's two indices of the sum, k + 2t and k + 2t + 1, for each group.
template <Order ORDER, int GROUPS>
__device__ __forceinline__ void load_pairs(float (&v)[GROUPS][2], const float *from, int stride, int k) {
  const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
  if constexpr (ORDER == Order::ALONG) {
#pragma unroll
    for (int i = 0; i < GROUPS; ++i) load_vector<2>(v[i], from + (8 * i + g) * stride + k + 2 * t);
  } else {
    constexpr int V = vector_groups<ORDER, GROUPS>();
#pragma unroll
    for (int i = 0; i < GROUPS; i += V)
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        float x[V];
        load_vector<V>(x, from + (k + 2 * t + c) * stride + 8 * i + V * g);
#pragma unroll
        for (int u = 0; u < V; ++u) v[i + u][c] = x[u];
      }
  }
}

// load_quads loads four indices of the sum from k on, at one place of each group.
template <Order ORDER, int GROUPS>
__device__ __forceinline__ void load_quads(float (&v)[GROUPS][4], const float *from, int stride, int k, int place) {
  if constexpr (ORDER == Order::ALONG) {
#pragma unroll
    for (int i = 0; i < GROUPS; ++i) load_vector<4>(v[i], from + (8 * i + place) * stride + k);
  } else {
    constexpr int V = vector_groups<ORDER, GROUPS>();
#pragma unroll
    for (int i = 0; i < GROUPS; i += V)
#pragma unroll
      for (int q = 0; q < 4; ++q) {
        float x[V];
        load_vector<V>(x, from + (k + q) * stride + 8 * i + V * place);
#pragma unroll
        for (int u = 0; u < V; ++u) v[i + u][q] = x[u];
      }
  }
}

// The indices of the sum that one step takes; the sum is always padded with zeros to a multiple of STEP.
constexpr int STEP = 16;

// step_fp32 adds four indices of the sum: a[i][q] is the left operand at this lane's row of group i.
template <int GM, int GN, Order B>
__device__ __forceinline__ void step_fp32(float (&tile)[GM / 2][GN][4], const float (&a)[GM][4], const float *b,
                                          int stride, int k) {
  constexpr int PART = GN % 4 == 0 ? 4 : GN;  // groups of columns at a time, to hold few registers
  const int t = threadIdx.x % 4;
#pragma unroll
  for (int j = 0; j < GN; j += PART) {
    float x[2][PART][4];
    load_quads<B, PART>(x[0], b + (B == Order::ALONG ? 8 * j * stride : 8 * j), stride, k, 2 * t);
    load_quads<B, PART>(x[1], b + (B == Order::ALONG ? 8 * j * stride : 8 * j), stride, k, 2 * t + 1);
#pragma unroll
    for (int q = 0; q < 4; ++q)
#pragma unroll
      for (int i = 0; i < GM; ++i)
#pragma unroll
        for (int u = 0; u < PART; ++u)
#pragma unroll
          for (int c = 0; c < 2; ++c) {
            float &sum = tile[i / 2][j + u][i % 2 * 2 + c];
            sum = fmaf(a[i][q], x[c][u][q], sum);
          }
  }
}

// step_tf32 adds eight indices of the sum: a[i][c] is the left operand at this lane's row of group i and index 2t + c.
template <int GM, int GN, Order B>
__device__ __forceinline__ void step_tf32(float (&tile)[GM / 2][GN][4], const float (&a)[GM][2], const float *b,
                                          int stride, int k) {
  uint32_t left[GM / 2][4];
#pragma unroll
  for (int i = 0; i < GM; ++i) {
    left[i / 2][i % 2] = to_tf32(a[i][0]);
    left[i / 2][i % 2 + 2] = to_tf32(a[i][1]);
  }
  float x[GN][2];
  load_pairs<B, GN>(x, b, stride, k);
#pragma unroll
  for (int j = 0; j < GN; ++j) {
    uint32_t right[2] = {to_tf32(x[j][0]), to_tf32(x[j][1])};
#pragma unroll
    for (int i = 0; i < GM / 2; ++i) mma_tf32(tile[i][j], left[i], right);
  }
}

// step_bf16 adds sixteen indices of the sum: left[i] are the four registers of rows 2 i and 2 i + 1.
template <int GM, int GN, Order B>
__device__ __forceinline__ void step_bf16(float (&tile)[GM / 2][GN][4], const uint32_t (&left)[GM / 2][4],
                                          const float *b, int stride, int k) {
  float x[2][GN][2];
  load_pairs<B, GN>(x[0], b, stride, k);
  load_pairs<B, GN>(x[1], b, stride, k + 8);
#pragma unroll
  for (int j = 0; j < GN; ++j) {
    uint32_t right[2] = {pack_bf16(x[0][j][0], x[0][j][1]), pack_bf16(x[1][j][0], x[1][j][1])};
#pragma unroll
    for (int i = 0; i < GM / 2; ++i) mma_bf16(tile[i][j], left[i], right);
  }
}

// multiply adds to a warp's tile the product of a (rows by sum) and b (columns by sum), both in shared memory; n
// indices of the sum, a multiple of STEP.
template <mixmas_numerics NUMERICS, int GM, int GN, Order A, Order B>
__device__ __forceinline__ void multiply(float (&tile)[GM / 2][GN][4], const float *a, int stride_a, const float *b,
                                         int stride_b, int n) {
  if constexpr (NUMERICS == MIXMAS_FP32) {
    const int g = threadIdx.x % 32 / 4;
#pragma unroll 1
    for (int k = 0; k < n; k += 4) {
      float x[GM][4];
      load_quads<A, GM>(x, a, stride_a, k, g);
      step_fp32<GM, GN, B>(tile, x, b, stride_b, k);
    }
  } else if constexpr (NUMERICS == MIXMAS_TF32) {
// Two steps are in flight if there are registers for them.
#pragma unroll (GM * GN <= 16 ? 2 : 1)
    for (int k = 0; k < n; k += 8) {
      float x[GM][2];
      load_pairs<A, GM>(x, a, stride_a, k);
      step_tf32<GM, GN, B>(tile, x, b, stride_b, k);
    }
  } else {
#pragma unroll 1
    for (int k = 0; k < n; k += 16) {
      float x[2][GM][2];
      load_pairs<A, GM>(x[0], a, stride_a, k);
      load_pairs<A, GM>(x[1], a, stride_a, k + 8);
      uint32_t left[GM / 2][4];
#pragma unroll
      for (int i = 0; i < GM; ++i) {
        left[i / 2][i % 2] = pack_bf16(x[0][i][0], x[0][i][1]);
        left[i / 2][i % 2 + 2] = pack_bf16(x[1][i][0], x[1][i][1]);
      }
      step_bf16<GM, GN, B>(tile, left, b, stride_b, k);
    }
  }
}

// multiply_kept adds to a warp's tile the product of a tile that the warp holds (its columns, in natural order, are the
// index of the sum) and b (columns by sum) in shared memory.
template <mixmas_numerics NUMERICS, int GM, int GN, int GK, Order B>
__device__ __forceinline__ void multiply_kept(float (&tile)[GM / 2][GN][4], const float (&kept)[GM / 2][GK][4],
                                              const float *b, int stride_b) {
  if constexpr (NUMERICS == MIXMAS_FP32) {
    const int row = threadIdx.x % 32 / 4 * 4;  // the first lane that holds this lane's rows
#pragma unroll
    for (int k = 0; k < 8 * GK; k += 4) {
      float x[GM][4];
#pragma unroll
      for (int i = 0; i < GM; ++i)
#pragma unroll
        for (int q = 0; q < 4; ++q)
          x[i][q] = __shfl_sync(0xffffffffu, kept[i / 2][k / 8][i % 2 * 2 + q % 2], row + (k % 8 + q) / 2);
      step_fp32<GM, GN, B>(tile, x, b, stride_b, k);
    }
  } else if constexpr (NUMERICS == MIXMAS_TF32) {
#pragma unroll
    for (int k = 0; k < GK; ++k) {
      float x[GM][2];
#pragma unroll
      for (int i = 0; i < GM; ++i) {
        x[i][0] = kept[i / 2][k][i % 2 * 2];
        x[i][1] = kept[i / 2][k][i % 2 * 2 + 1];
      }
      step_tf32<GM, GN, B>(tile, x, b, stride_b, 8 * k);
    }
  } else {
#pragma unroll
    for (int k = 0; k < GK; k += 2) {
      uint32_t left[GM / 2][4];
#pragma unroll
      for (int i = 0; i < GM / 2; ++i)
#pragma unroll
        for (int r = 0; r < 4; ++r) {
          const float(&pair)[4] = kept[i][k + r / 2];
          left[i][r] = pack_bf16(pair[r % 2 * 2], pair[r % 2 * 2 + 1]);
        }
      step_bf16<GM, GN, B>(tile, left, b, stride_b, 8 * k);
    }
  }
}

// load_tile loads rows x columns of a matrix to shared memory, with zeros beyond the last row or column. Columns are
// a power of two. It queues asynchronous copies, which the caller commits and waits for: of 16 bytes with `vector`
// (from, from_stride and valid_columns multiples of 16 bytes), else of 4.
__device__ __forceinline__ void load_tile(float *to, int to_stride, const float *from, int64_t from_stride, int rows,
                                          int log2_columns, int64_t valid_rows, int64_t valid_columns, bool vector) {
  const int columns = 1 << log2_columns;
  if (vector) {
    for (int i = threadIdx.x; i < rows << (log2_columns - 2); i += blockDim.x) {
      int row = i >> (log2_columns - 2), column = 4 * i & (columns - 1);
      float *target = to + row * to_stride + column;
      if (row < valid_rows && column < valid_columns)
        copy_async16(target, from + row * from_stride + column);
      else
        *reinterpret_cast<float4 *>(target) = make_float4(0, 0, 0, 0);
    }
  } else {
    for (int i = threadIdx.x; i < rows << log2_columns; i += blockDim.x) {
      int row = i >> log2_columns, column = i & (columns - 1);
      float *target = to + row * to_stride + column;
      if (row < valid_rows && column < valid_columns)
        copy_async4(target, from + row * from_stride + column);
      else
        *target = 0;
    }
  }
}

// load_transposed is load_tile with to[column][row] for from[row][column], in copies of 4 bytes.
__device__ __forceinline__ void load_transposed(float *to, int to_stride, const float *from, int64_t from_stride,
                                                int rows, int log2_columns, int64_t valid_rows,
                                                int64_t valid_columns) {
  const int columns = 1 << log2_columns;
  for (int i = threadIdx.x; i < rows << log2_columns; i += blockDim.x) {
    int row = i >> log2_columns, column = i & (columns - 1);
    float *target = to + column * to_stride + row;
    if (row < valid_rows && column < valid_columns)
      copy_async4(target, from + row * from_stride + column);
    else
      *target = 0;
  }
}

// normalise_row is the layer norm of one row by one warp: lane l gets the columns l, l + 32, ... as `v`, zero beyond
// width.
template <int COLUMNS>
__device__ __forceinline__ void normalise_row(float (&v)[COLUMNS / 32], const float *x,
                                              const float (&weight)[COLUMNS / 32], const float (&bias)[COLUMNS / 32],
                                              int width, float eps, float &mean, float &inverse) {
  const int lane = threadIdx.x % 32;
  float sum = 0;
#pragma unroll
  for (int q = 0; q < COLUMNS / 32; ++q) {
    v[q] = lane + 32 * q < width ? x[lane + 32 * q] : 0.f;
    sum += v[q];
  }
  mean = warp_sum(sum) / float(width);
  sum = 0;
#pragma unroll
  for (int q = 0; q < COLUMNS / 32; ++q) {
    v[q] = lane + 32 * q < width ? v[q] - mean : 0.f;
    sum = fmaf(v[q], v[q], sum);
  }
  inverse = rsqrtf(warp_sum(sum) / float(width) + eps);
#pragma unroll
  for (int q = 0; q < COLUMNS / 32; ++q) v[q] = fmaf(v[q] * inverse, weight[q], bias[q]);
}

// load_lane_columns fills v with this lane's columns of a vector, or with `otherwise` if the vector is absent.
template <int COLUMNS>
__device__ __forceinline__ void load_lane_columns(float (&v)[COLUMNS / 32], const float *from, int width,
                                                  float otherwise) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int q = 0; q < COLUMNS / 32; ++q) {
    float absent = lane + 32 * q < width ? otherwise : 0.f;
    v[q] = from != nullptr && lane + 32 * q < width ? from[lane + 32 * q] : absent;
  }
}

// store_quad stores up to `valid` of four neighbours; with `vector` the address is a multiple of 16 bytes.
__device__ __forceinline__ void store_quad(float *to, const float (&v)[4], int64_t valid, bool vector) {
  if (vector && valid >= 4) {
    *reinterpret_cast<float4 *>(to) = make_float4(v[0], v[1], v[2], v[3]);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (i < valid) to[i] = v[i];
  }
}

// add_quad adds up to `valid` of four neighbours in memory to v.
__device__ __forceinline__ void add_quad(float (&v)[4], const float *from, int64_t valid, bool vector) {
  if (vector && valid >= 4) {
    float4 x = *reinterpret_cast<const float4 *>(from);
    v[0] += x.x, v[1] += x.y, v[2] += x.z, v[3] += x.w;
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (i < valid) v[i] += from[i];
  }
}

// store_pair is store_quad for two neighbours and 8 bytes.
__device__ __forceinline__ void store_pair(float *to, float first, float second, int64_t valid, bool vector) {
  if (vector && valid >= 2) {
    *reinterpret_cast<float2 *>(to) = make_float2(first, second);
  } else {
    if (valid > 0) to[0] = first;
    if (valid > 1) to[1] = second;
  }
}

// add_tiles replaces a tile of 32 rows by the sum, in order, of the tiles of `count` warps from `first` on; all of
// them get the sum. All warps of the block must call it, with shared memory for all their tiles.
template <int GN>
__device__ __forceinline__ void add_tiles(float (&tile)[2][GN][4], float *shared, int warp, int first, int count) {
  constexpr int SIZE = 8 * GN;  // of a lane's part
  const int lane = threadIdx.x % 32;
  __syncthreads();
#pragma unroll
  for (int e = 0; e < SIZE; ++e) shared[(warp * SIZE + e) * 32 + lane] = tile[e / (4 * GN)][e / 4 % GN][e % 4];
  __syncthreads();
#pragma unroll
  for (int e = 0; e < SIZE; ++e) {
    float sum = 0;
    for (int w = first; w < first + count; ++w) sum += shared[(w * SIZE + e) * 32 + lane];
    tile[e / (4 * GN)][e / 4 % GN][e % 4] = sum;
  }
}

// ---- sums of partial results ----

// Elements begin .. begin + n of every partial result, summed: d = plus + bias + sum. d may be NULL if the sum is not
// needed. bias, if present, has `columns` elements, which repeat.
struct Part {
  float *d;
  const float *plus, *bias;
  int64_t begin, n, columns;
};

// `count` partial results, `stride` elements apart; begin and stride are multiples of 4.
struct Partials {
  const float *first;
  int64_t stride;
  int32_t count;
  Part part[4];
};

// add_partials sums partial results in an order that depends only on their number: row y of a block takes every
// blockDim.y-th of them, then row 0 adds the rows. A lane takes four neighbours.
static __global__ void __launch_bounds__(256) add_partials(Partials all) {
  __shared__ float4 rows[256];
  const int64_t at = 4 * (int64_t(blockIdx.x) * blockDim.x + threadIdx.x);
  float sum[4] = {0, 0, 0, 0};
  if (at < all.stride) {
#pragma unroll 8
    for (int i = threadIdx.y; i < all.count; i += blockDim.y) add_quad(sum, all.first + i * all.stride + at, 4, true);
  }
  if (blockDim.y > 1) {
    rows[threadIdx.y * blockDim.x + threadIdx.x] = make_float4(sum[0], sum[1], sum[2], sum[3]);
    __syncthreads();
    if (threadIdx.y > 0) return;
    for (int y = 1; y < int(blockDim.y); ++y) {
      float4 x = rows[y * blockDim.x + threadIdx.x];
      sum[0] += x.x, sum[1] += x.y, sum[2] += x.z, sum[3] += x.w;
    }
  }
#pragma unroll
  for (int p = 0; p < 4; ++p) {
    const Part &part = all.part[p];
    const int64_t i = at - part.begin, valid = part.n - i;
    if (part.d == nullptr || i < 0 || valid <= 0) continue;
    if (part.bias != nullptr) {
#pragma unroll
      for (int u = 0; u < 4; ++u)
        if (u < valid) sum[u] += part.bias[(i + u) % part.columns];
    }
    const bool vector = packable(part.d + i) && (part.plus == nullptr || packable(part.plus + i));
    if (part.plus != nullptr) add_quad(sum, part.plus + i, valid, vector);
    store_quad(part.d + i, sum, valid, vector);
  }
}

static inline cudaError_t launch_add_partials(const Partials &all, cudaStream_t stream) {
  const int rows = all.count >= 32 ? 8 : 1, threads = 256 / rows;
  const int64_t blocks = ceil_div(all.stride, 4 * threads);
  return launch(add_partials, dim3(unsigned(blocks)), dim3(threads, rows), 0, stream, all);
}

}  // namespace mixmas::mlp
