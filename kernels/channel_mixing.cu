// channel_mixing.cu: y = x + gelu(LN(x) W1' + b1) W2' + b2 on each row, in one kernel.
//
// Shapes: x, y, normed (rows, width); W1 (hidden, width); W2 (width, hidden); pre, hidden_values (rows, hidden).
// FLOPs: 4 rows width hidden. Bytes that must move: 4 (2 rows width + 2 hidden width), and 4 rows width for normed, 4
// rows hidden each for pre and hidden_values if they are kept. At 4096 rows, 128 -> 3072 -> 128, that is 6.4 GFLOP
// and 9 MB with nothing but normed kept, and 50 MB more for each of pre and hidden_values: recomputing pre in the
// backward pass is cheaper than keeping it.
//
// Tiling: a warp owns 32 rows (16 if width > 128) and all output features, 128 sums per lane. A block of 1 to 4 warps
// holds the normalised rows in shared memory and walks over the hidden units in tiles of 32: the 32 x 32 tile of the
// hidden layer stays in the warp's registers, where gelu makes it the left operand of the second product. W1 and W2
// tiles are fetched asynchronously, each while the other is multiplied. From L2, every block reads both weights once:
// 8 hidden width bytes for 128 rows. If rows alone do not fill the GPU, the hidden units are also split into slices;
// each slice leaves a partial result (rows, width) in the workspace, and add_partials adds them in order, with the
// bias and the residual. Widths above 256 are composed of layer norm and two matrix products: the rows would not fit
// into shared memory together with the weights.
#include <algorithm>

#include "composition.h"
#include "warp_tile.cuh"

namespace mixmas {
namespace {


constexpr int HIDDEN_TILE = 32, MAX_WARPS = 4, MAX_SLICES = 32;
constexpr int HIDDEN_STRIDE = HIDDEN_TILE + mlp::PAD;
// Two blocks on each of about 132 multiprocessors. It is a constant, so that the bits are the same on any GPU of a
// model.
constexpr int64_t BLOCKS = 264;

template <int WIDTH>
struct Shape {
  static constexpr int GROUPS = WIDTH <= 128 ? 4 : 2;  // groups of 8 rows that a warp owns
  static constexpr int ROWS = 8 * GROUPS;
  static constexpr int STRIDE = WIDTH + mlp::PAD;
  static constexpr int LOG2 = WIDTH == 64 ? 6 : WIDTH == 128 ? 7 : 8;
  static constexpr int shared_bytes(int warps) {
    return int(sizeof(float)) * (warps * ROWS * STRIDE + HIDDEN_TILE * STRIDE + WIDTH * HIDDEN_STRIDE);
  }
};

// How an operation is cut up. It depends only on the shape.
struct Plan {
  int width = 0;  // 64, 128, 256, or 0: composed of other operations
  int warps = 1, slices = 1, tiles_per_slice = 1;
  int64_t row_tiles = 0;
};

Plan plan_of(const mixmas_channel_mixing &op) {
  Plan plan;
  if (op.width > 256) return plan;
  plan.width = op.width <= 64 ? 64 : op.width <= 128 ? 128 : 256;
  const int warp_rows = plan.width <= 128 ? 32 : 16;
  const int64_t tiles = ceil_div(op.hidden, HIDDEN_TILE);
  // A short loop over hidden units is not worth splitting, but small blocks spread it over the GPU.
  const bool slicing = tiles > 8;
  if (op.rows > 32 * warp_rows && slicing) plan.warps = MAX_WARPS;
  else if (op.rows > 8 * warp_rows && slicing) plan.warps = 2;
  plan.row_tiles = ceil_div(op.rows, warp_rows * plan.warps);
  int64_t slices = slicing ? std::min(std::min(BLOCKS / plan.row_tiles, tiles), int64_t(MAX_SLICES)) : 1;
  plan.tiles_per_slice = int(ceil_div(tiles, std::max<int64_t>(slices, 1)));
  plan.slices = int(ceil_div(tiles, plan.tiles_per_slice));
  return plan;
}

struct Arguments {
  mixmas_channel_mixing op;
  float *partial;  // (slices, rows, width), or NULL if there is one slice
  int32_t tiles_per_slice;
  bool vector_w1, vector_w2, vector_y, vector_hidden;
};

template <mixmas_numerics NUMERICS, int WIDTH>
__global__ void __launch_bounds__(32 * MAX_WARPS, 2) channel_mixing(const Arguments arguments) {
  using Tile = Shape<WIDTH>;
  constexpr int GROUPS = Tile::GROUPS, STRIDE = Tile::STRIDE, HIDDEN_GROUPS = HIDDEN_TILE / 8;
  const mixmas_channel_mixing &op = arguments.op;
  const int warp = threadIdx.x / 32, warps = blockDim.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const int width = int(op.width);

  MIXMAS_DYNAMIC_SHARED(float, shared);
  float *w1 = shared, *w2 = w1 + HIDDEN_TILE * STRIDE, *z = w2 + WIDTH * HIDDEN_STRIDE + warp * Tile::ROWS * STRIDE;

  const int64_t first = int64_t(blockIdx.y) * arguments.tiles_per_slice * HIDDEN_TILE;
  const int64_t end = first + int64_t(arguments.tiles_per_slice) * HIDDEN_TILE;
  const int64_t last = end < op.hidden ? end : op.hidden;
  auto load_w1 = [&](int64_t h) {
    mlp::load_tile(w1, STRIDE, op.w1 + h * width, width, HIDDEN_TILE, Tile::LOG2, op.hidden - h, width,
                   arguments.vector_w1);
  };
  auto load_w2 = [&](int64_t h) {
    mlp::load_tile(w2, HIDDEN_STRIDE, op.w2 + h, op.hidden, WIDTH, 5, width, op.hidden - h, arguments.vector_w2);
  };
  load_w1(first);
  copy_commit();
  load_w2(first);
  copy_commit();

  // The layer norm of the warp's own rows, while the weights are on their way.
  const int64_t row0 = (int64_t(blockIdx.x) * warps + warp) * Tile::ROWS;
  {
    float weight[WIDTH / 32], bias[WIDTH / 32];
    mlp::load_lane_columns<WIDTH>(weight, op.norm_weight, width, 1);
    mlp::load_lane_columns<WIDTH>(bias, op.norm_bias, width, 0);
#pragma unroll 4
    for (int r = 0; r < Tile::ROWS; ++r) {
      const int64_t row = row0 + r;
      float v[WIDTH / 32] = {}, mean, inverse;
      if (row < op.rows) {
        mlp::normalise_row<WIDTH>(v, op.x + row * width, weight, bias, width, op.eps, mean, inverse);
        if (blockIdx.y == 0) {
#pragma unroll
          for (int q = 0; q < WIDTH / 32; ++q)
            if (op.normed != nullptr && lane + 32 * q < width) op.normed[row * width + lane + 32 * q] = v[q];
          if (op.statistics != nullptr && lane == 0) {
            op.statistics[row] = mean;
            op.statistics[op.rows + row] = inverse;
          }
        }
      }
#pragma unroll
      for (int q = 0; q < WIDTH / 32; ++q) z[r * STRIDE + lane + 32 * q] = v[q];
    }
  }

  float sums[GROUPS / 2][WIDTH / 8][4] = {};
  for (int64_t h = first; h < last; h += HIDDEN_TILE) {
    copy_wait<1>();
    __syncthreads();
    float hidden[GROUPS / 2][HIDDEN_GROUPS][4] = {};
    mlp::multiply<NUMERICS, GROUPS, HIDDEN_GROUPS, Order::ALONG, Order::ALONG>(hidden, z, STRIDE, w1, STRIDE, WIDTH);
    __syncthreads();
    if (h + HIDDEN_TILE < last) load_w1(h + HIDDEN_TILE);
    copy_commit();

#pragma unroll
    for (int j = 0; j < HIDDEN_GROUPS; ++j) {
      const int64_t unit = h + 8 * j + 2 * t, valid = op.hidden - unit;
      float b[2];
#pragma unroll
      for (int c = 0; c < 2; ++c) b[c] = op.b1 != nullptr && c < valid ? op.b1[unit + c] : 0;
#pragma unroll
      for (int i = 0; i < GROUPS; ++i) {
        float &u = hidden[i / 2][j][i % 2 * 2], &v = hidden[i / 2][j][i % 2 * 2 + 1];
        const int64_t row = row0 + 8 * i + g;
        u += b[0], v += b[1];
        if (op.pre != nullptr && row < op.rows)
          mlp::store_pair(op.pre + row * op.hidden + unit, u, v, valid, arguments.vector_hidden);
        u = activate<MIXMAS_GELU>(u), v = activate<MIXMAS_GELU>(v);
        if (op.hidden_values != nullptr && row < op.rows)
          mlp::store_pair(op.hidden_values + row * op.hidden + unit, u, v, valid, arguments.vector_hidden);
      }
    }

    copy_wait<1>();
    __syncthreads();
    mlp::multiply_kept<NUMERICS, GROUPS, WIDTH / 8, HIDDEN_GROUPS, Order::ALONG>(sums, hidden, w2, HIDDEN_STRIDE);
    __syncthreads();
    if (h + HIDDEN_TILE < last) load_w2(h + HIDDEN_TILE);
    copy_commit();
  }

  const bool whole = arguments.partial == nullptr;
  float *out = whole ? op.y : arguments.partial + blockIdx.y * round_up(op.rows * width, 4);
#pragma unroll
  for (int i = 0; i < GROUPS; ++i) {
    const int64_t row = row0 + 8 * i + g;
    if (row >= op.rows) continue;
#pragma unroll
    for (int j = 0; j < WIDTH / 8; ++j) {
      const int column = 8 * j + 2 * t, valid = width - column;
      float value[2] = {sums[i / 2][j][i % 2 * 2], sums[i / 2][j][i % 2 * 2 + 1]};
      if (whole) {
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          if (c >= valid) continue;
          if (op.b2 != nullptr) value[c] += op.b2[column + c];
          value[c] += op.x[row * width + column + c];
        }
      }
      mlp::store_pair(out + row * width + column, value[0], value[1], valid, arguments.vector_y);
    }
  }
}

template <mixmas_numerics NUMERICS, int WIDTH>
cudaError_t run_fused(cudaStream_t stream, const Plan &plan, const Arguments &arguments) {
  const auto kernel = channel_mixing<NUMERICS, WIDTH>;
  const int bytes = Shape<WIDTH>::shared_bytes(plan.warps);
  static_assert(Shape<WIDTH>::shared_bytes(MAX_WARPS) <= MAX_SHARED);
  const cudaError_t e = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                             cudaFuncAttributeMaxDynamicSharedMemorySize,
                                             Shape<WIDTH>::shared_bytes(MAX_WARPS));
  if (e != cudaSuccess) return e;
  return launch(kernel, dim3(unsigned(plan.row_tiles), plan.slices), dim3(32 * plan.warps), bytes, stream, arguments);
}

template <mixmas_numerics NUMERICS>
cudaError_t run_fused(cudaStream_t stream, const Plan &plan, const Arguments &arguments) {
  switch (plan.width) {
    case 64: return run_fused<NUMERICS, 64>(stream, plan, arguments);
    case 128: return run_fused<NUMERICS, 128>(stream, plan, arguments);
    default: return run_fused<NUMERICS, 256>(stream, plan, arguments);
  }
}

// compose runs the operation as three other operations.
void compose(Composition &c, const mixmas_channel_mixing &op) {
  mixmas_layer_norm norm = {};
  norm.x = op.x, norm.weight = op.norm_weight, norm.bias = op.norm_bias;
  norm.y = c.kept_or_scratch(op.normed, op.rows * op.width);
  norm.statistics = c.kept_or_scratch(op.statistics, 2 * op.rows);
  norm.rows = op.rows, norm.width = op.width, norm.eps = op.eps;

  mixmas_matmul first = {};
  first.a = norm.y, first.b = op.w1, first.c = c.kept_or_scratch(op.hidden_values, op.rows * op.hidden);
  first.transpose_b = 1;
  first.m = int32_t(op.rows), first.n = int32_t(op.hidden), first.k = int32_t(op.width);
  first.lda = first.ldb = first.k, first.ldc = first.n;
  first.batch[0] = first.batch[1] = 1;
  first.bias = op.b1, first.activation = MIXMAS_GELU, first.pre = op.pre;

  mixmas_matmul second = {};
  second.a = first.c, second.b = op.w2, second.c = op.y;
  second.transpose_b = 1;
  second.m = first.m, second.n = first.k, second.k = first.n;
  second.lda = second.ldb = second.k, second.ldc = second.n;
  second.batch[0] = second.batch[1] = 1;
  second.bias = op.b2, second.plus = op.x;

  c.queue(norm);
  c.queue(first);
  c.queue(second);
}

}  // namespace

int64_t workspace_size(const mixmas_channel_mixing &op, mixmas_numerics numerics) {
  const Plan plan = plan_of(op);
  if (plan.width > 0) return plan.slices > 1 ? round_up(op.rows * op.width, 4) * plan.slices : 0;
  Composition composition(numerics);
  compose(composition, op);
  return composition.needed();
}

cudaError_t run(const Context &context, const mixmas_channel_mixing &op) {
  if (op.rows == 0) return cudaSuccess;
  const Plan plan = plan_of(op);
  if (plan.width == 0) {
    Composition composition(context);
    compose(composition, op);
    return composition.failed();
  }

  Arguments arguments = {};
  arguments.op = op;
  arguments.partial = plan.slices > 1 ? context.workspace : nullptr;
  arguments.tiles_per_slice = plan.tiles_per_slice;
  arguments.vector_w1 = op.width % 4 == 0 && packable(op.w1);
  arguments.vector_w2 = op.hidden % 4 == 0 && packable(op.w2);
  arguments.vector_y = op.width % 2 == 0 && (plan.slices > 1 || packable(op.y));
  arguments.vector_hidden = op.hidden % 2 == 0 && packable(op.pre) && packable(op.hidden_values);
  cudaError_t e;
  switch (context.numerics) {
    case MIXMAS_FP32: e = run_fused<MIXMAS_FP32>(context.stream, plan, arguments); break;
    case MIXMAS_TF32: e = run_fused<MIXMAS_TF32>(context.stream, plan, arguments); break;
    default: e = run_fused<MIXMAS_BF16>(context.stream, plan, arguments);
  }
  if (e != cudaSuccess || plan.slices == 1) return e;
  mlp::Partials all = {context.workspace, round_up(op.rows * op.width, 4), plan.slices, {}};
  all.part[0] = {op.y, op.x, op.b2, 0, op.rows * op.width, op.width};
  return mlp::launch_add_partials(all, context.stream);
}

}  // namespace mixmas
