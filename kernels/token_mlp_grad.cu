// token_mlp_grad.cu: the gradient of mlp(z) = W2 gelu(W1 z + b1) + b2 over the tokens of each sample, given dy.
//
//   pre = W1 z + b1         dh = W2' dy      da = dh gelu'(pre)
//   dW2 = dy gelu(pre)'     db2 = sum dy     dW1 = da z'     db1 = sum da      (sums over samples and features)
//   dz = W1' da                                                                (for each sample)
//
// Shapes: z (normed), dy, dz (batch, tokens, width); W1 (hidden, tokens); W2 (tokens, hidden); pre (batch, hidden,
// width). FLOPs: 8 batch tokens hidden width, and 2 batch tokens hidden width more if pre is not kept. Bytes that
// must move: 12 batch tokens width, and 4 batch hidden width if pre is kept; 2/3 hidden FLOPs per byte. hidden_values
// are not read: gelu(pre) comes almost free with gelu'(pre).
//
// Tiling of the first kernel: as in token_mixing.cu features are the rows of a warp's tiles, 32 per warp. pre' and
// dh' stay in registers over a walk along the tokens; then h and da go to shared memory, (hidden, features), where
// the sums over features read them, and a second walk along the tokens computes dz' = da' W1 from the registers, 16
// tokens at a time, and dW1 = da z' and dW2' = h dy' in tiles of 32 hidden units x 16 tokens, dealt to the warps. z
// and dy are read from memory once, and again from L2 if the tokens do not fit in one step. A block adds the weights'
// gradients of its samples to its partial result in the workspace, in L2; the second kernel, add_partials, adds those
// of all blocks in order. Blocks own one sample if that gives at most 264 blocks: two launches in all. More than 64
// hidden units are composed of matrix products.
#include <algorithm>

#include "limits.h"
#include "mlp_grad.h"

namespace mixmas {
namespace {


constexpr int MAX_WARPS = 8, WARP_FEATURES = 32, WARP_TOKENS = 16;
constexpr int64_t BLOCKS = 264;  // two on each of about 132 multiprocessors; a constant, for the same bits everywhere

// Plan describes how an operation is cut up. It depends only on the shape.
struct Plan {
  bool fused;
  int hidden;                      // 32 or 64
  int log2_features, log2_tokens;  // of a block, and of its tokens at a time
  int token_warps;                 // warps that share the features and split the tokens
  int64_t slices;                  // of a sample's features
  int64_t samples;                 // of a block
  int64_t groups;                  // blocks for one slice
  int64_t begin[4], stride;        // of dW1, dW2, db1, db2 in a partial result, and the size of one

  explicit Plan(const mixmas_token_mlp_grad &op) {
    fused = op.hidden <= TOKEN_MLP_HIDDEN;
    hidden = op.hidden <= 32 ? 32 : TOKEN_MLP_HIDDEN;
    log2_tokens = op.tokens <= 32 ? 5 : 6;
    // Few tokens: wide blocks, for few partial results. Many: blocks of 64 features, for enough of them.
    const int most = op.tokens <= 32 && hidden == 32 ? 7 : 6;
    log2_features = 5;
    while (log2_features < most && 1 << log2_features < op.width) ++log2_features;
    slices = ceil_div(op.width, features());
    token_warps = int(std::min<int64_t>(MAX_WARPS / feature_warps(), ceil_div(op.tokens, WARP_TOKENS)));
    samples = ceil_div(op.batch * slices, BLOCKS);
    groups = ceil_div(op.batch, samples);
    begin[0] = 0;
    begin[1] = begin[0] + round_up(op.hidden * op.tokens, 4);
    begin[2] = begin[1] + round_up(op.hidden * op.tokens, 4);
    begin[3] = begin[2] + round_up(op.hidden, 4);
    stride = begin[3] + round_up(op.tokens, 4);
  }
  int features() const { return 1 << log2_features; }
  int feature_warps() const { return features() / WARP_FEATURES; }
  int warps() const { return feature_warps() * token_warps; }
  int stride_features() const { return features() + mlp::PAD; }
  int stride_tokens() const { return (1 << log2_tokens) + mlp::PAD; }
  // z, dy, w1, w2 and in the same place the tiles that add_tiles adds.
  int shared_inputs() const {
    const int inputs = 2 * (1 << log2_tokens) * stride_features() + 2 * hidden * stride_tokens();
    return std::max(inputs, token_warps > 1 ? warps() * WARP_FEATURES * hidden : 0);
  }
  // Those, h and da.
  int shared_bytes() const { return int(sizeof(float)) * (shared_inputs() + 2 * hidden * stride_features()); }
};

struct Arguments {
  mixmas_token_mlp_grad op;
  float *partial;                              // of the first block
  int64_t dw1, dw2, db1, db2, partial_stride;  // where they are in a partial result, and its size
  int64_t slices, samples;
  int32_t log2_features, log2_tokens, token_warps;
  int32_t h_at;  // where h is in shared memory
  bool vector_rows, vector_w1, vector_pre, vector_dz;
};

// sum_rows gives each of `rows` rows of a tile in shared memory, with its sum, to one lane: put(row, sum). Columns are
// a multiple of 16.
template <class Put>
__device__ __forceinline__ void sum_rows(const float *tile, int stride, int rows, int columns, Put put) {
  const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
  for (int row0 = threadIdx.x / 32 * 8; row0 < rows; row0 += blockDim.x / 32 * 8) {
    float sum = 0;
    for (int column = 4 * t; column < columns; column += 16) {
      float v[4];
      mlp::load_vector<4>(v, tile + (row0 + g) * stride + column);
      sum += (v[0] + v[1]) + (v[2] + v[3]);
    }
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    if (t == 0) put(row0 + g, sum);
  }
}

template <mixmas_numerics NUMERICS, int HIDDEN_GROUPS>
__global__ void __launch_bounds__(32 * MAX_WARPS, 1) token_mlp_grad(const Arguments arguments) {
  constexpr int HIDDEN = 8 * HIDDEN_GROUPS, LOG2_HIDDEN = HIDDEN == 32 ? 5 : 6;
  const mixmas_token_mlp_grad &op = arguments.op;
  const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const int token_warp = warp % arguments.token_warps, feature_warp = warp / arguments.token_warps;
  const int features = 1 << arguments.log2_features, chunk = 1 << arguments.log2_tokens;
  const int stride = features + mlp::PAD, w_stride = chunk + mlp::PAD, token_step = WARP_TOKENS * arguments.token_warps;
  const int tokens = int(op.tokens), width = int(op.width), units = int(op.hidden);
  const int feature0 = int(blockIdx.x % arguments.slices) * features;
  const int feature = feature0 + WARP_FEATURES * feature_warp + 4 * g, valid = width - feature;  // of this lane's four
  const int64_t first_sample = blockIdx.x / arguments.slices * arguments.samples;
  const int64_t end = first_sample + arguments.samples, last_sample = end < op.batch ? end : op.batch;
  float *partial = arguments.partial + blockIdx.x * arguments.partial_stride;

  MIXMAS_DYNAMIC_SHARED(float, shared);
  float *z = shared, *dy = z + chunk * stride;
  float *w1 = dy + chunk * stride, *w2 = w1 + HIDDEN * w_stride;  // both with hidden units as rows
  float *h = shared + arguments.h_at, *da = h + HIDDEN * stride;

  for (int64_t sample = first_sample; sample < last_sample; ++sample) {
    const int64_t base = sample * tokens * width;  // of the sample in z, dy and dz
    // put adds to the block's partial result; a given element always comes from the same thread.
    auto put = [&](int64_t at, float value) { partial[at] = sample == first_sample ? value : partial[at] + value; };
    auto load_inputs = [&](int token0, int count) {
      const int rows = int(round_up(count, WARP_TOKENS));
      const int64_t at = base + int64_t(token0) * width + feature0;
      mlp::load_tile(z, stride, op.normed + at, width, rows, arguments.log2_features, count, width - feature0,
                     arguments.vector_rows);
      mlp::load_tile(dy, stride, op.dy + at, width, rows, arguments.log2_features, count, width - feature0,
                     arguments.vector_rows);
      mlp::load_tile(w1, w_stride, op.w1 + token0, tokens, HIDDEN, arguments.log2_tokens, units, tokens - token0,
                     arguments.vector_w1);
    };
    auto wait = [] {
      copy_commit();
      copy_wait<0>();
      __syncthreads();
    };

    float pre[2][HIDDEN_GROUPS][4] = {}, grad[2][HIDDEN_GROUPS][4] = {};
    for (int token0 = 0; token0 < tokens; token0 += chunk) {
      const int count = tokens - token0 < chunk ? tokens - token0 : chunk;
      __syncthreads();
      load_inputs(token0, count);
      mlp::load_transposed(w2, w_stride, op.w2 + int64_t(token0) * units, units, int(round_up(count, WARP_TOKENS)),
                           LOG2_HIDDEN, count, units);
      wait();
      for (int n = WARP_TOKENS * token_warp; n < count; n += token_step) {
        const int at = n * stride + WARP_FEATURES * feature_warp;
        auto multiply = [&](float (&tile)[2][HIDDEN_GROUPS][4], const float *x, const float *w) {
          mlp::multiply<NUMERICS, 4, HIDDEN_GROUPS, Order::ACROSS, Order::ALONG>(tile, x + at, stride, w + n, w_stride,
                                                                                 WARP_TOKENS);
        };
        if (op.pre == nullptr) multiply(pre, z, w1);
        multiply(grad, dy, w2);
      }
    }
    if (arguments.token_warps > 1) {
      if (op.pre == nullptr) mlp::add_tiles<HIDDEN_GROUPS>(pre, shared, warp, warp - token_warp, arguments.token_warps);
      mlp::add_tiles<HIDDEN_GROUPS>(grad, shared, warp, warp - token_warp, arguments.token_warps);
    }

    // h = gelu(pre) and da = dh gelu'(pre). Features beyond the width are zero in dy: they add nothing.
#pragma unroll
    for (int j = 0; j < HIDDEN_GROUPS; ++j)
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        const int unit = 8 * j + 2 * t + c;
        const float bias = unit < units && op.b1 != nullptr ? op.b1[unit] : 0;
        float x[4] = {};
        if (op.pre != nullptr) {
          const int64_t at = (sample * units + unit) * width + feature;
          if (unit < units) mlp::add_quad(x, op.pre + at, valid, arguments.vector_pre);
        } else {
#pragma unroll
          for (int i = 0; i < 4; ++i) x[i] = pre[i / 2][j][i % 2 * 2 + c] + bias;
        }
        float slope[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const float phi = normal_distribution(x[i]);
          slope[i] = grad[i / 2][j][i % 2 * 2 + c] * (phi + x[i] * normal_density(x[i]));
          grad[i / 2][j][i % 2 * 2 + c] = slope[i];
          x[i] *= phi;
        }
        if (token_warp == 0) {
          const int at = unit * stride + WARP_FEATURES * feature_warp + 4 * g;
          mlp::store_quad(h + at, x, 4, true);
          mlp::store_quad(da + at, slope, 4, true);
        }
      }
    __syncthreads();
    sum_rows(da, stride, HIDDEN, features, [&](int unit, float sum) {
      if (unit < units) put(arguments.db1 + unit, sum);
    });

    // The inputs must be loaded again if not all fit, or if add_tiles has used their place.
    const bool again = tokens > chunk || arguments.token_warps > 1;
    for (int token0 = 0; token0 < tokens; token0 += chunk) {
      const int count = tokens - token0 < chunk ? tokens - token0 : chunk, rows = int(round_up(count, WARP_TOKENS));
      if (again) {
        if (token0 > 0) __syncthreads();
        load_inputs(token0, count);
        wait();
      }
      for (int n = WARP_TOKENS * token_warp; n < count && op.dnormed.d != nullptr; n += token_step) {
        float dz[2][2][4] = {};
        mlp::multiply_kept<NUMERICS, 4, 2, HIDDEN_GROUPS, Order::ACROSS>(dz, grad, w1 + n, w_stride);
#pragma unroll
        for (int j = 0; j < 2; ++j)
#pragma unroll
          for (int c = 0; c < 2; ++c) {
            const int token = token0 + n + mlp::position<Order::ACROSS, 2>(j, 2 * t + c);
            if (token >= tokens) continue;
            const int64_t at = base + int64_t(token) * width + feature;
            float v[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) v[i] = dz[i / 2][j][i % 2 * 2 + c];
            if (op.dnormed.plus != nullptr) mlp::add_quad(v, op.dnormed.plus + at, valid, arguments.vector_dz);
            mlp::store_quad(op.dnormed.d + at, v, valid, arguments.vector_dz);
          }
      }
      // dW1 = da z' and dW2' = h dy', dealt to the warps in tiles of 32 hidden units and 16 tokens.
      constexpr int TILES = HIDDEN / 32;
      for (int tile = warp; tile < 2 * TILES * (rows / WARP_TOKENS); tile += warps) {
        const bool second = tile % 2 != 0;
        const int unit0 = tile / 2 % TILES * 32, n = tile / (2 * TILES) * WARP_TOKENS;
        float dw[2][2][4] = {};
        mlp::multiply<NUMERICS, 4, 2, Order::ALONG, Order::ALONG>(dw, (second ? h : da) + unit0 * stride, stride,
                                                              (second ? dy : z) + n * stride, stride, features);
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int j = 0; j < 2; ++j)
#pragma unroll
            for (int c = 0; c < 2; ++c) {
              const int unit = unit0 + 8 * i + g, token = token0 + n + 8 * j + 2 * t + c;
              if (unit >= units || token >= tokens) continue;
              put(second ? arguments.dw2 + token * units + unit : arguments.dw1 + unit * tokens + token,
                  dw[i / 2][j][i % 2 * 2 + c]);
            }
      }
      sum_rows(dy, stride, rows, features, [&](int row, float sum) {
        if (row < count) put(arguments.db2 + token0 + row, sum);
      });
    }
  }
}

template <mixmas_numerics NUMERICS, int HIDDEN_GROUPS>
cudaError_t run_fused(cudaStream_t stream, const Plan &plan, const Arguments &arguments) {
  const auto kernel = token_mlp_grad<NUMERICS, HIDDEN_GROUPS>;
  const cudaError_t e = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                             cudaFuncAttributeMaxDynamicSharedMemorySize, MAX_SHARED);
  if (e != cudaSuccess) return e;
  const int64_t blocks = plan.groups * plan.slices;
  return launch(kernel, dim3(unsigned(blocks)), dim3(32 * plan.warps()), plan.shared_bytes(), stream, arguments);
}

template <mixmas_numerics NUMERICS>
cudaError_t run_fused(cudaStream_t stream, const Plan &plan, const Arguments &arguments) {
  return plan.hidden == 32 ? run_fused<NUMERICS, 4>(stream, plan, arguments)
                           : run_fused<NUMERICS, 8>(stream, plan, arguments);
}

// compose runs the operation as other operations.
void compose(Composition &c, const mixmas_token_mlp_grad &op) {
  const int64_t batch = op.batch, tokens = op.tokens, width = op.width, hidden = op.hidden;
  const int64_t rows = tokens * width, inner = hidden * width;  // elements of a sample
  // One product per sample; a factor with no stride is shared by all, and a result with no stride is summed.
  auto matmul = [&](const float *a, bool transpose_a, int64_t stride_a, const float *b, bool transpose_b,
                    int64_t stride_b, float *to, int64_t stride_to, int64_t m, int64_t n, int64_t k) {
    mixmas_matmul p = {};
    p.a = a, p.b = b, p.c = to;
    p.transpose_a = transpose_a, p.transpose_b = transpose_b;
    p.m = int32_t(m), p.n = int32_t(n), p.k = int32_t(k);
    p.lda = int32_t(transpose_a ? m : k), p.ldb = int32_t(transpose_b ? k : n), p.ldc = int32_t(n);
    p.batch[0] = int32_t(batch), p.batch[1] = 1;
    p.stride_a[0] = stride_a, p.stride_b[0] = stride_b, p.stride_c[0] = stride_to;
    return p;
  };

  const mlp::Hidden layer(c, op, batch * inner);
  float *sums = c.scratch(batch * std::max(hidden, tokens));
  mixmas_matmul forward = matmul(op.w1, false, 0, op.normed, false, rows, nullptr, inner, hidden, width, tokens);
  forward.bias = op.b1, forward.bias_rows = 1;
  layer.make(c, forward, batch * inner);
  if (op.dw2.d != nullptr) {
    mixmas_matmul p = matmul(op.dy, false, rows, layer.h, true, inner, op.dw2.d, 0, tokens, hidden, width);
    p.plus = op.dw2.plus;
    c.queue(p);
  }
  if (layer.wants_da) {
    mixmas_matmul p = matmul(op.w2, true, 0, op.dy, false, rows, layer.da, inner, hidden, width, tokens);
    p.gate = layer.pre, p.activation = MIXMAS_GELU;
    c.queue(p);
  }
  if (op.dw1.d != nullptr) {
    mixmas_matmul p = matmul(layer.da, false, inner, op.normed, true, rows, op.dw1.d, 0, hidden, tokens, width);
    p.plus = op.dw1.plus;
    c.queue(p);
  }
  if (op.dnormed.d != nullptr) {
    mixmas_matmul p = matmul(op.w1, true, 0, layer.da, false, inner, op.dnormed.d, rows, tokens, width, hidden);
    p.plus = op.dnormed.plus;
    c.queue(p);
  }
  // Sums of (batch, n, width) over features, then over samples.
  auto sum = [&](const float *x, int64_t n, const mixmas_target &target) {
    if (target.d == nullptr) return;
    mixmas_reduce over_features = {}, over_samples = {};
    over_features.x = x, over_features.y = sums;
    over_features.outer = batch * n, over_features.axis = width, over_features.inner = 1;
    over_samples.x = sums, over_samples.y = target.d, over_samples.plus = target.plus;
    over_samples.outer = 1, over_samples.axis = batch, over_samples.inner = n;
    over_features.scale = over_samples.scale = 1;
    over_features.reduction = over_samples.reduction = MIXMAS_SUM;
    c.queue(over_features);
    c.queue(over_samples);
  };
  sum(layer.da, hidden, op.db1);
  sum(op.dy, tokens, op.db2);
}

}  // namespace

int64_t workspace_size(const mixmas_token_mlp_grad &op, mixmas_numerics numerics) {
  if (op.batch == 0) return 0;
  const Plan plan(op);
  if (plan.fused) return plan.groups * plan.slices * plan.stride;
  Composition composition(numerics);
  compose(composition, op);
  return composition.needed();
}

cudaError_t run(const Context &context, const mixmas_token_mlp_grad &op) {
  if (op.batch == 0) return cudaSuccess;
  const Plan plan(op);
  if (!plan.fused) {
    Composition composition(context);
    compose(composition, op);
    return composition.failed();
  }
  Arguments arguments = {};
  arguments.op = op;
  arguments.partial = context.workspace;
  arguments.dw1 = plan.begin[0], arguments.dw2 = plan.begin[1];
  arguments.db1 = plan.begin[2], arguments.db2 = plan.begin[3];
  arguments.partial_stride = plan.stride;
  arguments.slices = plan.slices, arguments.samples = plan.samples;
  arguments.log2_features = plan.log2_features, arguments.log2_tokens = plan.log2_tokens;
  arguments.token_warps = plan.token_warps;
  arguments.h_at = plan.shared_inputs();
  const bool vector_width = op.width % 4 == 0;
  arguments.vector_rows = vector_width && packable(op.normed) && packable(op.dy);
  arguments.vector_w1 = op.tokens % 4 == 0 && packable(op.w1);
  arguments.vector_pre = vector_width && packable(op.pre);
  arguments.vector_dz = vector_width && packable(op.dnormed.d) && packable(op.dnormed.plus);
  cudaError_t e;
  switch (context.numerics) {
    case MIXMAS_FP32: e = run_fused<MIXMAS_FP32>(context.stream, plan, arguments); break;
    case MIXMAS_TF32: e = run_fused<MIXMAS_TF32>(context.stream, plan, arguments); break;
    default: e = run_fused<MIXMAS_BF16>(context.stream, plan, arguments);
  }
  if (e != cudaSuccess) return e;
  mlp::Partials all = {context.workspace, plan.stride, int32_t(plan.groups * plan.slices), {}};
  const mixmas_target targets[4] = {op.dw1, op.dw2, op.db1, op.db2};
  const int64_t sizes[4] = {op.hidden * op.tokens, op.hidden * op.tokens, op.hidden, op.tokens};
  for (int i = 0; i < 4; ++i) all.part[i] = {targets[i].d, targets[i].plus, nullptr, plan.begin[i], sizes[i], 0};
  return mlp::launch_add_partials(all, context.stream);
}

}  // namespace mixmas
