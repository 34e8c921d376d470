// generated_mlp.cu: the generated MLP of hyper mixing, and its gradients (generated_mlp.h describes what is
// computed).
//
//   z = W2 gelu(W1' x);  W1, W2 (tokens x tk), x, z (tokens x dk), hidden layer (tk x dk), for each sample and head
//
// Forward 4 tokens tk dk FLOPs per sample and head, backward 14 (10 if nothing were computed twice). It moves x, z, W1
// and W2, backward dz, dx, dW1 and dW2 as well; hidden layers never leave the chip.
//
// A block has one sample, one head and 64 columns of the result (features of z and dx, units of dW1 and dW2; 32 of
// them if tokens are few, so that two blocks share a multiprocessor and hide each other's latency), and all of the
// inner dimension in chunks of 256 (128) rows. First the sum over the tokens makes a chunk of P in registers, gelu
// takes it to shared memory, then the sum over the chunk's rows multiplies the tokens' rows of the other operand with
// it: two matrix products, each fed by a ring of asynchronous copies. The backward pass does the same for Q. No block
// needs what another computes: the gradients to x and to W1, W2 are cut along different dimensions, and both compute
// P and Q. That is 40% more FLOPs than once, but no sums between blocks and no tk x dk matrix in memory.
//
// With 512 tokens, dk = tk = 256 and batch 32 the forward pass is 4.3 GFLOP in 128 blocks. Blocks of one sample follow
// each other, so that its 1 MB of weights comes from the L2 cache for all but the first.
#include "activation.cuh"
#include "generated_mlp.h"
#include "pack.cuh"
#include "block_tile.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;
constexpr int STAGES = 3;         // of the ring
constexpr int DEPTH = 16;         // tokens in a stage
constexpr int FEW_TOKENS = 32;    // at most
constexpr int MANY_TOKENS = 128;  // at a time

// columns are those of a block.
__host__ __device__ constexpr int columns_of(int tokens) { return tokens <= FEW_TOKENS ? 32 : 64; }

struct Launch {
  GeneratedMlp first, second;
  int first_tiles, tiles;  // of columns, of the first and of both
  int tokens, heads;
};

// Tiles holds the types and sizes of a kernel for chunks of ROWS rows and TOKENS tokens at a time.
template <mixmas_numerics NUMERICS, int ROWS, int TOKENS>
struct Tiles {
  static constexpr bool FEW = TOKENS <= FEW_TOKENS;
  static constexpr int COLUMNS = columns_of(TOKENS);
  static constexpr int LINES_DEPTH = FEW ? 32 : 16;  // fewer, larger steps if there are few lines

  // The operands of the first product, and of the second.
  using Left = Operand<ROWS, DEPTH, Order::ACROSS>;
  using Right = Operand<COLUMNS, DEPTH, Order::ACROSS>;
  using Lines = Operand<TOKENS, LINES_DEPTH, Order::ALONG>;
  using Hidden = Operand<COLUMNS, ROWS, Order::ACROSS>;

  using First = BlockMatmul<NUMERICS, ROWS, COLUMNS, 4, 2, Order::ACROSS, Order::ACROSS>;
  using Second = BlockMatmul<NUMERICS, TOKENS, COLUMNS, FEW ? 2 : 4, FEW ? 4 : 2, Order::ALONG, Order::ACROSS>;

  static constexpr int STAGE = Left::SIZE + Right::SIZE > Lines::SIZE ? Left::SIZE + Right::SIZE : Lines::SIZE;
  static constexpr int SHARED = Hidden::SIZE + STAGES * STAGE;
};

// stream multiplies through the ring: fetch(step, stage) begins the copies of a step, multiply(stage) uses them. All
// threads have left the ring's last use, and finished writing what multiply reads, when the first step is multiplied.
template <int STAGE, class Fetch, class Multiply>
__device__ __forceinline__ void stream(float *ring, int steps, Fetch fetch, Multiply multiply) {
  const auto begin = [&](int step) {
    if (step < steps) fetch(step, ring + step % STAGES * STAGE);
    copy_commit();
  };
  __syncthreads();
#pragma unroll
  for (int step = 0; step < STAGES - 1; ++step) begin(step);
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    copy_wait<STAGES - 2>();
    __syncthreads();
    begin(step + STAGES - 1);
    multiply(step, ring + step % STAGES * STAGE);
  }
}

// ALIGNED: all matrices and their lines begin at multiples of 16 bytes.
template <mixmas_numerics NUMERICS, int ROWS, int TOKENS, bool ALIGNED>
__global__ void __launch_bounds__(THREADS, ALIGNED && TOKENS <= FEW_TOKENS ? 2 : 1)
    generated_mlp(const __grid_constant__ Launch launch) {
  using T = Tiles<NUMERICS, ROWS, TOKENS>;
  MIXMAS_DYNAMIC_SHARED(float, shared);
  float *const hidden = shared, *const ring = shared + T::Hidden::SIZE;

  const int tokens = launch.tokens;
  const int tile = blockIdx.x % launch.tiles, matrix = blockIdx.x / launch.tiles;
  const int sample = matrix / launch.heads, head = matrix % launch.heads;
  const bool is_first = tile < launch.first_tiles;
  const GeneratedMlp &mix = is_first ? launch.first : launch.second;
  const int inner = mix.inner, outer = mix.outer;
  const int from = (is_first ? tile : tile - launch.first_tiles) * T::COLUMNS, columns = outer - from;
  // The place of this block's part in the matrices.
  const int ld_left = launch.heads * inner, ld_right = launch.heads * outer;
  const int64_t at_left = int64_t(sample) * tokens * ld_left + head * inner;
  const int64_t at_right = int64_t(sample) * tokens * ld_right + head * outer + from;

  // product = left' right over all tokens, for the chunk of `rows` columns of left.
  const auto over_tokens = [&](typename T::First &product, const float *left, const float *right, int rows) {
    product.clear();
    stream<T::STAGE>(
        ring, (tokens + DEPTH - 1) / DEPTH,
        [&](int step, float *stage) {
          const int token = step * DEPTH;
          copy_operand<typename T::Left, THREADS>(stage, left + int64_t(token) * ld_left, ld_left, rows, tokens - token,
                                                  ALIGNED);
          copy_operand<typename T::Right, THREADS>(stage + T::Left::SIZE, right + int64_t(token) * ld_right, ld_right,
                                                   columns, tokens - token, ALIGNED);
        },
        [&](int, const float *stage) {
          product.template multiply<DEPTH>(stage, T::Left::STRIDE, stage + T::Left::SIZE, T::Right::STRIDE);
        });
  };

  // y = plus + left hidden, for the chunk of `depth` columns of left and rows of hidden.
  const auto over_rows = [&](float *y, const float *plus, const float *left, int depth) {
#pragma unroll 1
    for (int token = 0; token < tokens; token += TOKENS) {
      typename T::Second product;
      product.clear();
      const float *const lines = left + int64_t(token) * ld_left;
      stream<T::STAGE>(
          ring, (depth + T::LINES_DEPTH - 1) / T::LINES_DEPTH,
          [&](int step, float *stage) {
            const int row = step * T::LINES_DEPTH;
            copy_operand<typename T::Lines, THREADS>(stage, lines + row, ld_left, tokens - token, depth - row, ALIGNED);
          },
          [&](int step, const float *stage) {
            const float *const rows = hidden + step * T::LINES_DEPTH * T::Hidden::STRIDE;
            product.template multiply<T::LINES_DEPTH>(stage, T::Lines::STRIDE, rows, T::Hidden::STRIDE);
          });
      product.each([&](int row, int column, float &value) {
        if (token + row >= tokens || column >= columns) return;
        const int64_t at = int64_t(token + row) * ld_right + column;
        y[at] = plus ? value + plus[at] : value;
      });
    }
  };

#pragma unroll 1
  for (int chunk = 0; chunk < inner; chunk += ROWS) {
    const int rows = min(ROWS, inner - chunk);
    float slopes[ROWS * T::COLUMNS / THREADS];  // gelu'(P), of this thread's share
#pragma unroll 1
    for (int pass = 0; pass < (mix.slopes ? 2 : 1); ++pass) {
      typename T::First product;  // P, then Q
      over_tokens(product, mix.left[pass] + at_left + chunk, mix.right[pass] + at_right, rows);
      // No thread reads hidden now: the barriers of over_tokens are between this and the last over_rows.
      int i = 0;
      product.each([&](int row, int column, float &value) {
        float &h = hidden[row * T::Hidden::STRIDE + column], &slope = slopes[i++];
        if (pass == 1) {
          h = value * slope;
          return;
        }
        const float distribution = normal_distribution(value);
        h = value * distribution;
        slope = distribution + value * normal_density(value);
      });
      float *const y = pass == 0 ? mix.values : mix.slopes;
      if (!y) continue;
      // Chunks after the first add to what this same thread has written.
      const float *const plus = chunk > 0 ? y : pass == 0 ? nullptr : mix.plus;
      over_rows(y + at_right, plus ? plus + at_right : nullptr, mix.left[1 - pass] + at_left + chunk, rows);
    }
  }
}

template <mixmas_numerics NUMERICS, int ROWS, int TOKENS, bool ALIGNED>
cudaError_t run_tiles(cudaStream_t stream, int64_t blocks, const Launch &parameters) {
  const auto kernel = generated_mlp<NUMERICS, ROWS, TOKENS, ALIGNED>;
  constexpr int BYTES = Tiles<NUMERICS, ROWS, TOKENS>::SHARED * sizeof(float);
  static_assert(BYTES <= MAX_SHARED);
  const cudaError_t status =
      cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, BYTES);
  if (status != cudaSuccess) return status;
  return launch(kernel, dim3(unsigned(blocks)), dim3(THREADS), BYTES, stream, parameters);
}

template <mixmas_numerics NUMERICS, bool ALIGNED>
cudaError_t run_numerics(cudaStream_t stream, int64_t blocks, const Launch &parameters) {
  return parameters.tokens <= FEW_TOKENS ? run_tiles<NUMERICS, 128, FEW_TOKENS, ALIGNED>(stream, blocks, parameters)
                                         : run_tiles<NUMERICS, 256, MANY_TOKENS, ALIGNED>(stream, blocks, parameters);
}

bool aligned(const GeneratedMlp &m) {
  return packable(m.left[0], m.left[1], m.right[0], m.right[1]) && m.inner % PACK == 0 && m.outer % PACK == 0;
}

}  // namespace

cudaError_t run_generated_mlp(const Context &context, const GeneratedMlp &first, const GeneratedMlp *second,
                              int64_t batch, int64_t tokens, int64_t heads) {
  if (tokens > INT32_MAX) return cudaErrorInvalidValue;
  const int columns = columns_of(int(tokens));
  Launch parameters = {};
  parameters.first = first;
  parameters.first_tiles = parameters.tiles = int(ceil_div(first.outer, columns));
  if (second) {
    parameters.second = *second;
    parameters.tiles += int(ceil_div(second->outer, columns));
  }
  parameters.tokens = int(tokens), parameters.heads = int(heads);
  const int64_t blocks = batch * heads * parameters.tiles;
  if (blocks > INT32_MAX) return cudaErrorInvalidValue;
  const bool all_aligned = aligned(first) && (!second || aligned(*second));
  switch (context.numerics) {
    case MIXMAS_FP32:
      return (all_aligned ? run_numerics<MIXMAS_FP32, true> : run_numerics<MIXMAS_FP32, false>)(context.stream, blocks,
                                                                                                parameters);
    case MIXMAS_TF32:
      return (all_aligned ? run_numerics<MIXMAS_TF32, true> : run_numerics<MIXMAS_TF32, false>)(context.stream, blocks,
                                                                                                parameters);
    default:
      return (all_aligned ? run_numerics<MIXMAS_BF16, true> : run_numerics<MIXMAS_BF16, false>)(context.stream, blocks,
                                                                                                parameters);
  }
}

}  // namespace mixmas
