// attention.cu: scaled dot-product attention of each head of each sample, and its gradient (Vaswani et al. 2017).
//
//   forward    y = softmax(q k' / sqrt(d)) v                       4 d FLOPs and an exponential per score
//   gradient   p = exp(q k' / sqrt(d) - log_sum), g = p (dy v' - sum(dy y))
//              dq = g k / sqrt(d)   dk = g' q / sqrt(d)   dv = p' dy          14 d FLOPs, two exponentials per score
//
// Scores never leave the block that makes them (Dao et al. 2022, Dao 2023): of a row, the forward pass keeps the logarithm of the
// sum of its exponentials, and the gradient makes the scores again. q, k, v and y are read a few times, from the L2 cache: what limits
// the kernels are the products, which are float32 whatever the numerics, because the differences dy v' - sum(dy y) are small.
//
// A tile of scores is a block's rows by a warp's columns:
//
//   lane = column      its operand is a row of shared memory that begins in a bank of its own
//   warp = some rows   their operands are read by all lanes at once
//
// A warp's shares go to shared memory, from where the product with the columns' values reads them, with the value's elements in the
// lanes. In the forward pass and the gradient of q rows are queries and columns keys; in the gradient of k and v it is the other way
// round. Each sum belongs to one thread, which adds the tiles in their order.
//
// Masked keys are read as zeros and have no share, whatever they hold. A sample without keys gets zeros.
#include "limits.h"
#include "operations.h"
#include "pack.cuh"
#include "reduction.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256, WARPS = THREADS / WARP;

// Shape is the tile of heads up to a width. HEAD is 32, 64 or 128.
template <int HEAD>
struct Shape {
  static constexpr int ROWS = HEAD <= 64 ? 8 : 4;      // of a warp
  static constexpr int BLOCK_ROWS = WARPS * ROWS;
  static constexpr int PARTS = HEAD / WARP;            // elements of a value in a lane
  static constexpr int STRIDE = HEAD + PACK;           // of columns: an odd number of packs
  static constexpr int ROW_TILE = BLOCK_ROWS * HEAD, COLUMN_TILE = WARP * STRIDE, SHARES = BLOCK_ROWS * WARP;
  static constexpr int FORWARD = ROW_TILE + 2 * COLUMN_TILE + SHARES;
  static constexpr int GRADIENT = 2 * ROW_TILE + 2 * COLUMN_TILE + SHARES + 2 * WARP;
};

// Place is where a head of a sample begins.
struct Place {
  const float *mask;       // of the sample's keys, or NULL
  int64_t queries, keys;   // offsets of the head's elements in q, y and in k, v
  int64_t rows;            // offset in log_sum
  int64_t block;           // of the head's rows
};

template <class Operation>
__device__ __forceinline__ Place place(const Operation &op, int64_t blocks) {
  const int64_t head = blockIdx.x / blocks, sample = head / op.heads;
  const int64_t column = head % op.heads * (op.width / op.heads);
  return {op.mask ? op.mask + sample * op.keys : nullptr, sample * op.queries * op.width + column,
          sample * op.keys * op.width + column, head * op.queries, blockIdx.x % blocks};
}

__device__ __forceinline__ bool counts(const float *mask, int64_t key, int64_t keys) {
  return key < keys && (!mask || mask[key] != 0.0f);
}

// fetch copies a head's elements of some tokens from `first` on, times scale, to rows of HEAD elements; what is not there is 0.
template <int HEAD>
__device__ __forceinline__ void fetch(float *tile, int stride, int rows, const float *x, int64_t first, int64_t tokens,
                                      int64_t width, int64_t head, const float *mask, float scale) {
  for (int i = threadIdx.x; i < rows * HEAD; i += THREADS) {
    const int64_t token = first + i / HEAD, column = i % HEAD;
    tile[i / HEAD * stride + column] =
        column < head && counts(mask, token, tokens) ? scale * x[token * width + column] : 0.0f;
  }
}

// dots makes the products of a warp's rows with the column of each lane.
template <int HEAD, int ROWS>
__device__ __forceinline__ void dots(float (&product)[ROWS], const float *rows, const float *column) {
#pragma unroll
  for (int r = 0; r < ROWS; ++r) product[r] = 0;
#pragma unroll 2
  for (int k = 0; k < HEAD; k += PACK) {
    const Pack b = *reinterpret_cast<const Pack *>(column + k);
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
      const Pack a = *reinterpret_cast<const Pack *>(rows + r * HEAD + k);
#pragma unroll
      for (int i = 0; i < PACK; ++i) product[r] += a.at[i] * b.at[i];
    }
  }
}

// weigh adds the values of a tile's columns to the sums of a warp's rows, by the rows' shares.
template <int HEAD, int ROWS, int PARTS>
__device__ __forceinline__ void weigh(float (&sum)[ROWS][PARTS], const float *shares, const float *values) {
  const int lane = threadIdx.x % WARP;
#pragma unroll 1
  for (int k = 0; k < WARP; k += PACK) {
    float value[PACK][PARTS];
#pragma unroll
    for (int i = 0; i < PACK; ++i)
#pragma unroll
      for (int part = 0; part < PARTS; ++part) value[i][part] = values[(k + i) * Shape<HEAD>::STRIDE + part * WARP + lane];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
      const Pack share = *reinterpret_cast<const Pack *>(shares + r * WARP + k);
#pragma unroll
      for (int i = 0; i < PACK; ++i)
#pragma unroll
        for (int part = 0; part < PARTS; ++part) sum[r][part] += share.at[i] * value[i][part];
    }
  }
}

// share gives a warp's rows their shares, and returns when the warp has them.
template <int ROWS>
__device__ __forceinline__ void share(float *shares, const float (&value)[ROWS]) {
  __syncwarp();  // the shares before have been read
#pragma unroll
  for (int r = 0; r < ROWS; ++r) shares[r * WARP + threadIdx.x % WARP] = value[r];
  __syncwarp();
}

// put writes the sums of a warp's rows: x = plus + scale sum.
template <int ROWS, int PARTS>
__device__ __forceinline__ void put(const mixmas_target &x, const float (&sum)[ROWS][PARTS], float scale, int64_t offset,
                                    int64_t first, int64_t tokens, int64_t width, int64_t head) {
  if (!x.d) return;
#pragma unroll
  for (int r = 0; r < ROWS; ++r)
#pragma unroll
    for (int part = 0; part < PARTS; ++part) {
      const int64_t column = part * WARP + threadIdx.x % WARP, i = offset + (first + r) * width + column;
      if (first + r < tokens && column < head) x.d[i] = (x.plus ? x.plus[i] : 0.0f) + scale * sum[r][part];
    }
}

template <int HEAD>
__global__ __launch_bounds__(THREADS, 1) void attention(const mixmas_attention op, int64_t blocks, float scale) {
  using S = Shape<HEAD>;
  MIXMAS_DYNAMIC_SHARED(float, shared);
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  float *queries = shared, *keys = queries + S::ROW_TILE, *values = keys + S::COLUMN_TILE;
  float *shares = values + S::COLUMN_TILE + warp * S::ROWS * WARP;
  const Place at = place(op, blocks);
  const int64_t head = op.width / op.heads, first = at.block * S::BLOCK_ROWS, row = first + warp * S::ROWS;

  fetch<HEAD>(queries, HEAD, S::BLOCK_ROWS, op.q + at.queries, first, op.queries, op.width, head, nullptr, scale);
  float largest[S::ROWS], sum[S::ROWS], y[S::ROWS][S::PARTS] = {};
#pragma unroll
  for (int r = 0; r < S::ROWS; ++r) largest[r] = -INFINITY, sum[r] = 0;

  for (int64_t key = 0; key < op.keys; key += WARP) {
    __syncthreads();  // the tiles before have been read
    fetch<HEAD>(keys, S::STRIDE, WARP, op.k + at.keys, key, op.keys, op.width, head, at.mask, 1);
    fetch<HEAD>(values, S::STRIDE, WARP, op.v + at.keys, key, op.keys, op.width, head, at.mask, 1);
    __syncthreads();
    float score[S::ROWS];
    dots<HEAD>(score, queries + warp * S::ROWS * HEAD, keys + lane * S::STRIDE);
    const bool real = counts(at.mask, key + lane, op.keys);
#pragma unroll
    for (int r = 0; r < S::ROWS; ++r) {
      const float most = fmaxf(largest[r], warp_max(real ? score[r] : -INFINITY));
      const float base = most == -INFINITY ? 0.0f : most;  // all masked: -infinity minus itself would be NaN
      const float before = expf(largest[r] - base);
      score[r] = real ? expf(score[r] - base) : 0.0f;
      largest[r] = most;
      sum[r] = sum[r] * before + warp_sum(score[r]);
#pragma unroll
      for (int part = 0; part < S::PARTS; ++part) y[r][part] *= before;
    }
    share(shares, score);
    weigh<HEAD>(y, shares, values);
  }

#pragma unroll
  for (int r = 0; r < S::ROWS; ++r) {
    const float share_of_one = sum[r] > 0 ? 1.0f / sum[r] : 0.0f;
#pragma unroll
    for (int part = 0; part < S::PARTS; ++part) y[r][part] *= share_of_one;
    if (op.log_sum && lane == 0 && row + r < op.queries)
      op.log_sum[at.rows + row + r] = sum[r] > 0 ? largest[r] + logf(sum[r]) : 0.0f;
  }
  put({op.y, nullptr}, y, 1, at.queries, row, op.queries, op.width, head);
}

// loss_of returns sum(dy y) of a query: what all of its scores lose together. All lanes of a warp call it.
__device__ __forceinline__ float loss_of(const mixmas_attention_grad &op, int64_t query, int64_t head) {
  float sum = 0;
  for (int64_t k = threadIdx.x % WARP; k < head; k += WARP) sum += op.dy[query + k] * op.y[query + k];
  return warp_sum(sum);
}

template <int HEAD>
__global__ __launch_bounds__(THREADS, 1) void query_grad(const mixmas_attention_grad op, int64_t blocks, float scale) {
  using S = Shape<HEAD>;
  MIXMAS_DYNAMIC_SHARED(float, shared);
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  float *queries = shared, *dy = queries + S::ROW_TILE, *keys = dy + S::ROW_TILE, *values = keys + S::COLUMN_TILE;
  float *shares = values + S::COLUMN_TILE + warp * S::ROWS * WARP;
  const Place at = place(op, blocks);
  const int64_t head = op.width / op.heads, first = at.block * S::BLOCK_ROWS, row = first + warp * S::ROWS;

  fetch<HEAD>(queries, HEAD, S::BLOCK_ROWS, op.q + at.queries, first, op.queries, op.width, head, nullptr, scale);
  fetch<HEAD>(dy, HEAD, S::BLOCK_ROWS, op.dy + at.queries, first, op.queries, op.width, head, nullptr, 1);
  float log_sum[S::ROWS] = {}, loss[S::ROWS] = {}, dq[S::ROWS][S::PARTS] = {};
#pragma unroll
  for (int r = 0; r < S::ROWS; ++r) {
    if (row + r >= op.queries) continue;  // the same for all lanes
    log_sum[r] = op.log_sum[at.rows + row + r];
    loss[r] = loss_of(op, at.queries + (row + r) * op.width, head);
  }

  for (int64_t key = 0; key < op.keys; key += WARP) {
    __syncthreads();  // the tiles before have been read
    fetch<HEAD>(keys, S::STRIDE, WARP, op.k + at.keys, key, op.keys, op.width, head, at.mask, 1);
    fetch<HEAD>(values, S::STRIDE, WARP, op.v + at.keys, key, op.keys, op.width, head, at.mask, 1);
    __syncthreads();
    float score[S::ROWS], dshare[S::ROWS];
    dots<HEAD>(score, queries + warp * S::ROWS * HEAD, keys + lane * S::STRIDE);
    dots<HEAD>(dshare, dy + warp * S::ROWS * HEAD, values + lane * S::STRIDE);
    const bool real = counts(at.mask, key + lane, op.keys);
#pragma unroll
    for (int r = 0; r < S::ROWS; ++r) score[r] = real ? expf(score[r] - log_sum[r]) * (dshare[r] - loss[r]) : 0.0f;
    share(shares, score);
    weigh<HEAD>(dq, shares, keys);
  }
  put(op.dq, dq, scale, at.queries, row, op.queries, op.width, head);
}

template <int HEAD>
__global__ __launch_bounds__(THREADS, 1) void key_grad(const mixmas_attention_grad op, int64_t blocks, float scale) {
  using S = Shape<HEAD>;
  MIXMAS_DYNAMIC_SHARED(float, shared);
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  float *keys = shared, *values = keys + S::ROW_TILE, *queries = values + S::ROW_TILE, *dy = queries + S::COLUMN_TILE;
  float *log_sum = dy + S::COLUMN_TILE, *loss = log_sum + WARP, *shares = loss + WARP + warp * S::ROWS * WARP;
  const Place at = place(op, blocks);
  const int64_t head = op.width / op.heads, first = at.block * S::BLOCK_ROWS, row = first + warp * S::ROWS;

  fetch<HEAD>(keys, HEAD, S::BLOCK_ROWS, op.k + at.keys, first, op.keys, op.width, head, at.mask, scale);
  fetch<HEAD>(values, HEAD, S::BLOCK_ROWS, op.v + at.keys, first, op.keys, op.width, head, at.mask, 1);
  float dk[S::ROWS][S::PARTS] = {}, dv[S::ROWS][S::PARTS] = {};

  for (int64_t query = 0; query < op.queries; query += WARP) {
    __syncthreads();  // the tiles before have been read
    fetch<HEAD>(queries, S::STRIDE, WARP, op.q + at.queries, query, op.queries, op.width, head, nullptr, 1);
    fetch<HEAD>(dy, S::STRIDE, WARP, op.dy + at.queries, query, op.queries, op.width, head, nullptr, 1);
    for (int i = warp; i < WARP && query + i < op.queries; i += WARPS) {
      const float lost = loss_of(op, at.queries + (query + i) * op.width, head);
      if (lane == 0) loss[i] = lost, log_sum[i] = op.log_sum[at.rows + query + i];
    }
    __syncthreads();
    float score[S::ROWS], dshare[S::ROWS];
    dots<HEAD>(score, keys + warp * S::ROWS * HEAD, queries + lane * S::STRIDE);
    dots<HEAD>(dshare, values + warp * S::ROWS * HEAD, dy + lane * S::STRIDE);
#pragma unroll
    for (int r = 0; r < S::ROWS; ++r) {
      const bool real = query + lane < op.queries && counts(at.mask, row + r, op.keys);
      score[r] = real ? expf(score[r] - log_sum[lane]) : 0.0f;
      dshare[r] = real ? score[r] * (dshare[r] - loss[lane]) : 0.0f;
    }
    share(shares, score);
    weigh<HEAD>(dv, shares, dy);
    share(shares, dshare);
    weigh<HEAD>(dk, shares, queries);
  }
  put(op.dv, dv, 1, at.keys, row, op.keys, op.width, head);
  put(op.dk, dk, scale, at.keys, row, op.keys, op.width, head);
}

// run_blocks queues a kernel with a block for some rows of each head.
template <int HEAD, class Operation>
cudaError_t run_blocks(const Context &context, void (*kernel)(Operation, int64_t, float), const Operation &op, int64_t rows,
                       int elements) {
  const int64_t blocks = ceil_div(rows, Shape<HEAD>::BLOCK_ROWS);
  const size_t shared = elements * sizeof(float);
  if (cudaError_t e = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                           cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared)))
    return e;
  const float scale = 1 / sqrtf(float(op.width / op.heads));
  return launch(kernel, dim3(uint32_t(op.batch * op.heads * blocks)), dim3(THREADS), shared, context.stream, op, blocks, scale);
}

template <int HEAD>
cudaError_t forward(const Context &context, const mixmas_attention &op) {
  return run_blocks<HEAD>(context, attention<HEAD>, op, op.queries, Shape<HEAD>::FORWARD);
}

template <int HEAD>
cudaError_t gradient(const Context &context, const mixmas_attention_grad &op) {
  if (op.dq.d)
    if (cudaError_t e = run_blocks<HEAD>(context, query_grad<HEAD>, op, op.queries, Shape<HEAD>::GRADIENT)) return e;
  if (op.dk.d || op.dv.d) return run_blocks<HEAD>(context, key_grad<HEAD>, op, op.keys, Shape<HEAD>::GRADIENT);
  return cudaSuccess;
}

}  // namespace

cudaError_t run(const Context &context, const mixmas_attention &op) {
  const int64_t head = op.width / op.heads;
  return head <= 32 ? forward<32>(context, op) : head <= 64 ? forward<64>(context, op)
       : head <= ATTENTION_HEAD ? forward<ATTENTION_HEAD>(context, op) : cudaErrorInvalidValue;
}

cudaError_t run(const Context &context, const mixmas_attention_grad &op) {
  const int64_t head = op.width / op.heads;
  return head <= 32 ? gradient<32>(context, op) : head <= 64 ? gradient<64>(context, op)
       : head <= ATTENTION_HEAD ? gradient<ATTENTION_HEAD>(context, op) : cudaErrorInvalidValue;
}

}  // namespace mixmas
