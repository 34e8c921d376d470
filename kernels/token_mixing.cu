// token_mixing.cu: y = x + W2 gelu(W1 LN(x) + b1) + b2 for each sample: the MLP over the tokens, feature by feature.
//
// Shapes: x, y, normed (batch, tokens, width); W1 (hidden, tokens), b1 (hidden); W2 (tokens, hidden), b2 (tokens); pre,
// hidden_values (batch, hidden, width). The layer norm is over the width, so statistics have batch * tokens rows.
// FLOPs: 4 batch tokens hidden width. Bytes that must move: 8 batch tokens width, half of that again for normed, 4
// batch hidden width each for pre and hidden_values. That is hidden / 2 FLOPs per byte: the memory is the limit for the
// models' 16 or 32 hidden units, and at 4 tokens and batch 64 (0.5 MB) nothing but the number of launches.
//
// Tiling: transposed, features are the rows of a warp's tiles and a warp owns 32 of them in one sample.
//   pre' (features, hidden) = z' W1' stays in registers, gelu makes it the left operand of
//   u' (features, tokens) = gelu(pre)' W2', 16 tokens at a time. A lane holds 4 neighbouring features: 16-byte stores.
// The warps of a block split features and tokens; those that split tokens first add their parts of pre through shared
// memory.
// - Up to 64 tokens and width 256, a block owns a sample and normalises it itself: one launch, x is read from memory
//   once.
// - Else a layer norm runs first, into normed or the workspace, and a block owns 32 features of a sample and walks over
//   128 tokens at a time: z is read once more, x from L2.
// More than 64 hidden units are composed of a layer norm and two matrix products.
#include <algorithm>

#include "composition.h"
#include "warp_tile.cuh"

namespace mixmas {
namespace {


constexpr int MAX_WARPS = 8, MAX_HIDDEN = 64, WARP_FEATURES = 32, WARP_TOKENS = 16;

// Plan describes how an operation is cut up. It depends only on the shape.
struct Plan {
  bool fused, normalise;  // normalise: in the kernel itself
  int hidden;             // 32 or 64
  int log2_features, log2_tokens;  // of a block, and of its tokens at a time
  int token_warps;        // warps that share the features and split the tokens
  int64_t slices;         // blocks for one sample's features

  explicit Plan(const mixmas_token_mixing &op) {
    fused = op.hidden <= MAX_HIDDEN;
    normalise = op.tokens <= 64 && op.width <= 256;
    hidden = op.hidden <= 32 ? 32 : 64;
    log2_features = 5;
    if (normalise)
      while (1 << log2_features < op.width) ++log2_features;
    log2_tokens = !normalise ? 7 : op.tokens <= 32 ? 5 : 6;
    slices = ceil_div(op.width, features());
    token_warps = int(std::min<int64_t>(MAX_WARPS / feature_warps(), ceil_div(op.tokens, WARP_TOKENS)));
  }
  int features() const { return 1 << log2_features; }
  int feature_warps() const { return features() / WARP_FEATURES; }
  int warps() const { return feature_warps() * token_warps; }
  int shared_bytes() const {
    const int z = (1 << log2_tokens) * (features() + mlp::PAD), w1 = hidden * ((1 << log2_tokens) + mlp::PAD);
    const int w2 = (1 << log2_tokens) * (hidden + mlp::PAD);
    const int parts = token_warps > 1 ? warps() * WARP_FEATURES * hidden : 0;  // in the place of z and w1
    return int(sizeof(float)) * (std::max(z + w1, parts) + w2);
  }
};

struct Arguments {
  mixmas_token_mixing op;
  const float *z;  // the normalised x, or NULL if the kernel normalises
  int64_t slices;
  int32_t log2_features, log2_tokens, token_warps;
  int32_t w2_at;  // where w2 is in shared memory
  bool vector_z, vector_w1, vector_w2, vector_y, vector_hidden;
};

template <mixmas_numerics NUMERICS, int HIDDEN_GROUPS>
__global__ void __launch_bounds__(32 * MAX_WARPS, 1) token_mixing(const Arguments arguments) {
  constexpr int HIDDEN = 8 * HIDDEN_GROUPS, HIDDEN_STRIDE = HIDDEN + mlp::PAD, LOG2_HIDDEN = HIDDEN == 32 ? 5 : 6;
  const mixmas_token_mixing &op = arguments.op;
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const int token_warp = warp % arguments.token_warps, feature_warp = warp / arguments.token_warps;
  const int features = 1 << arguments.log2_features, chunk = 1 << arguments.log2_tokens;
  const int stride = features + mlp::PAD, w1_stride = chunk + mlp::PAD;
  const int token_step = WARP_TOKENS * arguments.token_warps;
  const int tokens = int(op.tokens), width = int(op.width);
  const int64_t sample = blockIdx.x / arguments.slices;
  const int feature0 = int(blockIdx.x % arguments.slices) * features;
  const int64_t base = sample * tokens * width;  // of the sample in x, z and y

  MIXMAS_DYNAMIC_SHARED(float, shared);
  float *z = shared, *w1 = z + chunk * stride, *w2 = shared + arguments.w2_at;

  float hidden[2][HIDDEN_GROUPS][4] = {};
  for (int token0 = 0; token0 < tokens; token0 += chunk) {
    const int count = tokens - token0 < chunk ? tokens - token0 : chunk;
    const int rows = int(round_up(count, WARP_TOKENS));
    if (token0 > 0) __syncthreads();
    mlp::load_tile(w1, w1_stride, op.w1 + token0, tokens, HIDDEN, arguments.log2_tokens, op.hidden, tokens - token0,
                   arguments.vector_w1);
    if (tokens <= chunk)
      mlp::load_tile(w2, HIDDEN_STRIDE, op.w2, op.hidden, rows, LOG2_HIDDEN, count, op.hidden, arguments.vector_w2);
    if (arguments.z != nullptr) {
      mlp::load_tile(z, stride, arguments.z + base + int64_t(token0) * width + feature0, width, rows,
                     arguments.log2_features, count, width - feature0, arguments.vector_z);
    } else {
      constexpr int COLUMNS = MAX_WARPS * WARP_FEATURES;
      float weight[COLUMNS / 32], bias[COLUMNS / 32];
      mlp::load_lane_columns<COLUMNS>(weight, op.norm_weight, width, 1);
      mlp::load_lane_columns<COLUMNS>(bias, op.norm_bias, width, 0);
      for (int token = warp; token < rows; token += warps) {
        const int64_t row = sample * tokens + token;
        float v[COLUMNS / 32] = {}, mean, inverse;
        if (token < tokens) {
          mlp::normalise_row<COLUMNS>(v, op.x + row * width, weight, bias, width, op.eps, mean, inverse);
#pragma unroll
          for (int q = 0; q < COLUMNS / 32; ++q)
            if (op.normed != nullptr && lane + 32 * q < width) op.normed[row * width + lane + 32 * q] = v[q];
          if (op.statistics != nullptr && lane == 0) {
            op.statistics[row] = mean;
            op.statistics[op.batch * tokens + row] = inverse;
          }
        }
#pragma unroll
        for (int q = 0; q < COLUMNS / 32; ++q)
          if (32 * q < features) z[token * stride + lane + 32 * q] = v[q];
      }
    }
    copy_commit();
    copy_wait<0>();
    __syncthreads();
    for (int n = WARP_TOKENS * token_warp; n < count; n += token_step)
      mlp::multiply<NUMERICS, 4, HIDDEN_GROUPS, Order::ACROSS, Order::ALONG>(
          hidden, z + n * stride + WARP_FEATURES * feature_warp, stride, w1 + n, w1_stride, WARP_TOKENS);
  }
  if (arguments.token_warps > 1)
    mlp::add_tiles<HIDDEN_GROUPS>(hidden, shared, warp, warp - token_warp, arguments.token_warps);

  // A lane's four features and two hidden units of each group.
  const int feature = feature0 + WARP_FEATURES * feature_warp + 4 * g, valid = width - feature;
#pragma unroll
  for (int j = 0; j < HIDDEN_GROUPS; ++j)
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      const int unit = 8 * j + 2 * t + c;
      const bool exists = unit < op.hidden, stores = exists && token_warp == 0;
      const float bias = exists && op.b1 != nullptr ? op.b1[unit] : 0;
      float v[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) v[i] = hidden[i / 2][j][i % 2 * 2 + c] + bias;
      const int64_t at = (sample * op.hidden + unit) * width + feature;
      if (stores && op.pre != nullptr) mlp::store_quad(op.pre + at, v, valid, arguments.vector_hidden);
#pragma unroll
      for (int i = 0; i < 4; ++i) hidden[i / 2][j][i % 2 * 2 + c] = v[i] = activate<MIXMAS_GELU>(v[i]);
      if (stores && op.hidden_values != nullptr)
        mlp::store_quad(op.hidden_values + at, v, valid, arguments.vector_hidden);
    }

  for (int token0 = 0; token0 < tokens; token0 += chunk) {
    const int count = tokens - token0 < chunk ? tokens - token0 : chunk;
    if (tokens > chunk) {
      __syncthreads();
      mlp::load_tile(w2, HIDDEN_STRIDE, op.w2 + token0 * op.hidden, op.hidden, int(round_up(count, WARP_TOKENS)),
                     LOG2_HIDDEN, count, op.hidden, arguments.vector_w2);
      copy_commit();
      copy_wait<0>();
      __syncthreads();
    }
    for (int n = WARP_TOKENS * token_warp; n < count; n += token_step) {
      float u[2][2][4] = {};
      mlp::multiply_kept<NUMERICS, 4, 2, HIDDEN_GROUPS, Order::ALONG>(u, hidden, w2 + n * HIDDEN_STRIDE, HIDDEN_STRIDE);
#pragma unroll
      for (int j = 0; j < 2; ++j)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          const int token = token0 + n + 8 * j + 2 * t + c;
          if (token >= tokens) continue;
          const float bias = op.b2 != nullptr ? op.b2[token] : 0;
          const int64_t at = base + int64_t(token) * width + feature;
          float v[4];
#pragma unroll
          for (int i = 0; i < 4; ++i) v[i] = u[i / 2][j][i % 2 * 2 + c] + bias;
          mlp::add_quad(v, op.x + at, valid, arguments.vector_y);
          mlp::store_quad(op.y + at, v, valid, arguments.vector_y);
        }
    }
  }
}

template <mixmas_numerics NUMERICS, int HIDDEN_GROUPS>
cudaError_t run_fused(cudaStream_t stream, const Plan &plan, const Arguments &arguments) {
  const auto kernel = token_mixing<NUMERICS, HIDDEN_GROUPS>;
  const int bytes = plan.shared_bytes();
  const cudaError_t e = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                             cudaFuncAttributeMaxDynamicSharedMemorySize, MAX_SHARED);
  if (e != cudaSuccess) return e;
  const int64_t blocks = arguments.op.batch * plan.slices;
  return launch(kernel, dim3(unsigned(blocks)), dim3(32 * plan.warps()), bytes, stream, arguments);
}

template <mixmas_numerics NUMERICS>
cudaError_t run_fused(cudaStream_t stream, const Plan &plan, const Arguments &arguments) {
  return plan.hidden == 32 ? run_fused<NUMERICS, 4>(stream, plan, arguments)
                           : run_fused<NUMERICS, 8>(stream, plan, arguments);
}

// layer_norm_of returns the operation's layer norm, for cases that its own kernel does not handle.
mixmas_layer_norm layer_norm_of(Composition &c, const mixmas_token_mixing &op) {
  mixmas_layer_norm norm = {};
  norm.x = op.x, norm.weight = op.norm_weight, norm.bias = op.norm_bias;
  norm.y = c.kept_or_scratch(op.normed, op.batch * op.tokens * op.width);
  norm.statistics = c.kept_or_scratch(op.statistics, 2 * op.batch * op.tokens);
  norm.rows = op.batch * op.tokens, norm.width = op.width, norm.eps = op.eps;
  return norm;
}

// compose runs the operation as three other operations.
void compose(Composition &c, const mixmas_token_mixing &op) {
  const mixmas_layer_norm norm = layer_norm_of(c, op);

  mixmas_matmul first = {};
  first.a = op.w1, first.b = norm.y, first.c = c.kept_or_scratch(op.hidden_values, op.batch * op.hidden * op.width);
  first.m = int32_t(op.hidden), first.n = int32_t(op.width), first.k = int32_t(op.tokens);
  first.lda = first.k, first.ldb = first.ldc = first.n;
  first.batch[0] = int32_t(op.batch), first.batch[1] = 1;
  first.stride_b[0] = op.tokens * op.width, first.stride_c[0] = op.hidden * op.width;
  first.bias = op.b1, first.bias_rows = 1, first.activation = MIXMAS_GELU, first.pre = op.pre;

  mixmas_matmul second = {};
  second.a = op.w2, second.b = first.c, second.c = op.y;
  second.m = first.k, second.n = first.n, second.k = first.m;
  second.lda = second.k, second.ldb = second.ldc = second.n;
  second.batch[0] = first.batch[0], second.batch[1] = 1;
  second.stride_b[0] = first.stride_c[0], second.stride_c[0] = first.stride_b[0];
  second.bias = op.b2, second.bias_rows = 1, second.plus = op.x;

  c.queue(norm);
  c.queue(first);
  c.queue(second);
}

}  // namespace

int64_t workspace_size(const mixmas_token_mixing &op, mixmas_numerics numerics) {
  const Plan plan(op);
  if (plan.fused && plan.normalise) return 0;
  Composition composition(numerics);
  if (plan.fused)
    composition.queue(layer_norm_of(composition, op));
  else
    compose(composition, op);
  return composition.needed();
}

cudaError_t run(const Context &context, const mixmas_token_mixing &op) {
  if (op.batch == 0) return cudaSuccess;
  const Plan plan(op);
  Composition composition(context);
  if (!plan.fused) {
    compose(composition, op);
    return composition.failed();
  }

  Arguments arguments = {};
  arguments.op = op;
  if (!plan.normalise) {
    const mixmas_layer_norm norm = layer_norm_of(composition, op);
    composition.queue(norm);
    if (composition.failed() != cudaSuccess) return composition.failed();
    arguments.z = norm.y;
  }
  arguments.slices = plan.slices;
  arguments.log2_features = plan.log2_features;
  arguments.log2_tokens = plan.log2_tokens;
  arguments.token_warps = plan.token_warps;
  arguments.w2_at = plan.shared_bytes() / int(sizeof(float)) - (1 << plan.log2_tokens) * (plan.hidden + mlp::PAD);
  const bool vector_rows = op.width % 4 == 0;
  arguments.vector_z = vector_rows && packable(arguments.z);
  arguments.vector_w1 = op.tokens % 4 == 0 && packable(op.w1);
  arguments.vector_w2 = op.hidden % 4 == 0 && packable(op.w2);
  arguments.vector_y = vector_rows && packable(op.x) && packable(op.y);
  arguments.vector_hidden = vector_rows && packable(op.pre) && packable(op.hidden_values);
  switch (context.numerics) {
    case MIXMAS_FP32: return run_fused<MIXMAS_FP32>(context.stream, plan, arguments);
    case MIXMAS_TF32: return run_fused<MIXMAS_TF32>(context.stream, plan, arguments);
    default: return run_fused<MIXMAS_BF16>(context.stream, plan, arguments);
  }
}

}  // namespace mixmas
