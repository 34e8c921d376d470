// channel_mlp_grad.cu: the gradient of mlp(z) = gelu(z W1' + b1) W2' + b2 on each row, given dy.
//
//   pre = z W1' + b1      dh = dy W2      da = dh gelu'(pre)
//   dW2 = dy' gelu(pre)   db2 = sum dy    dW1 = da' z    db1 = sum da    dz = da W1          (sums over rows)
//
// Shapes: z (normed), dy, dz (rows, width); W1 (hidden, width); W2 (width, hidden); pre, da (rows, hidden). FLOPs: 8
// rows width hidden, and 2 rows width hidden more if pre is not kept. Bytes that must move: 4 (3 rows width + 4
// hidden width), and 4 rows hidden if pre is kept. At 4096 rows, 128 -> 3072 -> 128: 12.9 (16.1) GFLOP and 13 MB (50
// MB more). What this file moves besides: da to the workspace and back, 4 rows hidden each way (50 MB), since dz sums
// over hidden units and the weights' gradients over rows, so one of them needs da again. hidden_values are not read:
// gelu(pre) comes almost free with gelu'(pre).
//
// Tiling of the first kernel: a block owns 64 hidden units and their rows of W1 and columns of W2, and walks over tiles
// of 32 rows of z and dy. Two warps share 32 of its units, transposed, with units as rows of their tiles:
//   warp "value"     pre' = W1 z'    gives h = gelu(pre) and gelu'(pre)      dW2' += h' dy     128 sums per lane
//   warp "gradient"  dh' = W2' dy'   times gelu'(pre), from shared memory    dW1  += da' z     128 sums per lane
// Both run the same code on swapped operands, and both tiles of 32 x 32 go into the second product as they lie in the
// registers. A block reads 8 rows width bytes of z and dy from L2, 8 rows width hidden / 64 altogether. Rows are
// split among blocks if hidden units alone do not fill the GPU; partial results are then added in order by
// add_partials. The second kernel is the matrix product dz = da W1. Two blocks share a multiprocessor at width 128
// (113 KB each). Widths above 128 are composed of matrix products: 256 sums per lane do not fit, and with half the
// units a block would read z and dy from L2 so often (3 GB for 16384 rows of MM-IMDB) that writing da, and h, costs
// less.
#include <algorithm>

#include "limits.h"
#include "mlp_grad.h"

namespace mixmas {
namespace {


constexpr int UNITS = 32, PAIRS = 2, TILE_UNITS = UNITS * PAIRS, TILE_ROWS = 32, THREADS = 64 * PAIRS;
constexpr int64_t BLOCKS = 264;  // two on each of about 132 multiprocessors; a constant, for the same bits everywhere

template <int WIDTH>
constexpr int shared_bytes() {
  return int(sizeof(float)) * (2 * (TILE_UNITS + TILE_ROWS) * (WIDTH + mlp::PAD) + PAIRS * UNITS * TILE_ROWS);
}

// Plan describes how the workspace is used and how the rows are split. It depends only on the shape and on which
// results are needed.
struct Plan {
  int64_t unit_tiles, splits, rows_per_split;
  int64_t begin[4], stride;  // of dW1, dW2, db1, db2 in a partial result, and the size of one
  int64_t da;                // elements of the workspace for da, before the partial results

  explicit Plan(const mixmas_channel_mlp_grad &op) {
    unit_tiles = ceil_div(op.hidden, TILE_UNITS);
    const int64_t row_tiles = ceil_div(op.rows, TILE_ROWS);
    // At least two tiles per block: a partial result costs about as much as a tile.
    splits = std::max<int64_t>(1, std::min(BLOCKS / unit_tiles, row_tiles / 2));
    rows_per_split = ceil_div(row_tiles, splits) * TILE_ROWS;
    splits = ceil_div(op.rows, rows_per_split);
    begin[0] = 0;
    begin[1] = begin[0] + round_up(op.hidden * op.width, 4);
    begin[2] = begin[1] + round_up(op.hidden * op.width, 4);
    begin[3] = begin[2] + round_up(op.hidden, 4);
    stride = begin[3] + round_up(op.width, 4);
    da = op.dnormed.d != nullptr ? round_up(op.rows * op.hidden, 16) : 0;
  }
};

struct Arguments {
  mixmas_channel_mlp_grad op;
  float *da;                                   // (rows, hidden), or NULL if dz is not needed
  mixmas_target dw1, dw2, db1, db2;            // of the first partial result if rows are split
  int64_t stride, rows_per_split;              // stride: from one partial result to the next
  bool vector_rows, vector_w1, vector_dw1;
};

template <mixmas_numerics NUMERICS, int WIDTH>
__global__ void __launch_bounds__(THREADS, 2) channel_mlp_grad(const Arguments arguments) {
  constexpr int STRIDE = WIDTH + mlp::PAD, LOG2 = WIDTH == 64 ? 6 : 7, GROUPS = UNITS / 8, ROW_GROUPS = TILE_ROWS / 8;
  const mixmas_channel_mlp_grad &op = arguments.op;
  const int warp = threadIdx.x / 32, pair = warp % PAIRS, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
  const bool gradient = warp >= PAIRS;
  const int width = int(op.width);

  MIXMAS_DYNAMIC_SHARED(float, shared);
  float *w1 = shared, *w2 = w1 + TILE_UNITS * STRIDE;                  // both with units as rows
  float *z = w2 + TILE_UNITS * STRIDE, *dy = z + TILE_ROWS * STRIDE;
  float *slope = dy + TILE_ROWS * STRIDE + pair * UNITS * TILE_ROWS;  // gelu'(pre), each lane's own elements

  const int64_t unit0 = int64_t(blockIdx.x) * TILE_UNITS;
  mlp::load_tile(w1, STRIDE, op.w1 + unit0 * width, width, TILE_UNITS, LOG2, op.hidden - unit0, width,
                 arguments.vector_w1);
  mlp::load_transposed(w2, STRIDE, op.w2 + unit0, op.hidden, WIDTH, 6, width, op.hidden - unit0);
  static_assert(TILE_UNITS == 64, "load_transposed takes 2^6 columns");

  const int64_t first = int64_t(blockIdx.y) * arguments.rows_per_split;
  const int64_t end = first + arguments.rows_per_split, last = end < op.rows ? end : op.rows;
  const int64_t warp_unit = unit0 + pair * UNITS;
  const float *weights = (gradient ? w2 : w1) + pair * UNITS * STRIDE;
  float b1[GROUPS];
#pragma unroll
  for (int i = 0; i < GROUPS; ++i) {
    const int64_t unit = warp_unit + 8 * i + g;
    b1[i] = op.b1 != nullptr && unit < op.hidden ? op.b1[unit] : 0;
  }

  float sums[GROUPS / 2][WIDTH / 8][4] = {};
  float sum_da[GROUPS] = {}, sum_dy = 0;
  for (int64_t row0 = first; row0 < last; row0 += TILE_ROWS) {
    __syncthreads();
    auto load_rows = [&](float *to, const float *from) {
      mlp::load_tile(to, STRIDE, from + row0 * width, width, TILE_ROWS, LOG2, last - row0, width,
                     arguments.vector_rows);
    };
    load_rows(z, op.normed);
    load_rows(dy, op.dy);
    copy_commit();
    copy_wait<0>();
    __syncthreads();

    // pre' for the value warp, dh' for the gradient warp. Rows beyond the last are zero in dy: they add nothing.
    float tile[GROUPS / 2][ROW_GROUPS][4] = {};
    if (gradient || op.pre == nullptr)
      mlp::multiply<NUMERICS, GROUPS, ROW_GROUPS, Order::ALONG, Order::ALONG>(tile, weights, STRIDE, gradient ? dy : z,
                                                                              STRIDE, WIDTH);
    if (!gradient) {
#pragma unroll
      for (int i = 0; i < GROUPS; ++i)
#pragma unroll
        for (int j = 0; j < ROW_GROUPS; ++j)
#pragma unroll
          for (int c = 0; c < 2; ++c) {
            float &x = tile[i / 2][j][i % 2 * 2 + c];
            if (op.pre == nullptr) {
              x += b1[i];
            } else {
              const int64_t row = row0 + 8 * j + 2 * t + c, unit = warp_unit + 8 * i + g;
              x = row < last && unit < op.hidden ? op.pre[row * op.hidden + unit] : 0;
            }
            const float phi = normal_distribution(x);
            slope[((i * ROW_GROUPS + j) * 2 + c) * 32 + lane] = phi + x * normal_density(x);
            x *= phi;
          }
    }
    __syncthreads();
    if (gradient) {
#pragma unroll
      for (int i = 0; i < GROUPS; ++i)
#pragma unroll
        for (int j = 0; j < ROW_GROUPS; ++j)
#pragma unroll
          for (int c = 0; c < 2; ++c) {
            float &x = tile[i / 2][j][i % 2 * 2 + c];
            x *= slope[((i * ROW_GROUPS + j) * 2 + c) * 32 + lane];
            sum_da[i] += x;
            const int64_t row = row0 + 8 * j + 2 * t + c, unit = warp_unit + 8 * i + g;
            if (arguments.da != nullptr && row < last && unit < op.hidden) arguments.da[row * op.hidden + unit] = x;
          }
    }
    mlp::multiply_kept<NUMERICS, GROUPS, WIDTH / 8, ROW_GROUPS, Order::ACROSS>(sums, tile, gradient ? z : dy, STRIDE);
    if (blockIdx.x == 0 && int(threadIdx.x) < WIDTH) {
#pragma unroll 8
      for (int r = 0; r < TILE_ROWS; ++r) sum_dy += dy[r * STRIDE + threadIdx.x];
    }
  }

  // A whole result goes to its target, a partial one to the workspace.
  const int64_t offset = blockIdx.y * arguments.stride;
  auto put = [&](const mixmas_target &target, int64_t at, float value) {
    target.d[offset + at] = target.plus != nullptr ? target.plus[offset + at] + value : value;
  };
  if (gradient && arguments.dw1.d != nullptr) {
#pragma unroll
    for (int i = 0; i < GROUPS; ++i) {
      const int64_t unit = warp_unit + 8 * i + g;
      if (unit >= op.hidden) continue;
#pragma unroll
      for (int j = 0; j < WIDTH / 8; j += 4)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          float v[4];
#pragma unroll
          for (int u = 0; u < 4; ++u) v[u] = sums[i / 2][j + u][i % 2 * 2 + c];
          const int column = mlp::position<Order::ACROSS, WIDTH / 8>(j, 2 * t + c);
          const int64_t at = offset + unit * width + column;
          const mixmas_target &to = arguments.dw1;
          if (to.plus != nullptr) mlp::add_quad(v, to.plus + at, width - column, arguments.vector_dw1);
          mlp::store_quad(to.d + at, v, width - column, arguments.vector_dw1);
        }
    }
  }
  if (!gradient && arguments.dw2.d != nullptr) {
#pragma unroll
    for (int i = 0; i < GROUPS; ++i) {
      const int64_t unit = warp_unit + 8 * i + g;
#pragma unroll
      for (int j = 0; j < WIDTH / 8; ++j)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          const int column = mlp::position<Order::ACROSS, WIDTH / 8>(j, 2 * t + c);
          if (unit < op.hidden && column < width)
            put(arguments.dw2, column * op.hidden + unit, sums[i / 2][j][i % 2 * 2 + c]);
        }
    }
  }
  if (gradient && arguments.db1.d != nullptr) {
#pragma unroll
    for (int i = 0; i < GROUPS; ++i) {
      float sum = sum_da[i];
      sum += __shfl_xor_sync(0xffffffffu, sum, 1);
      sum += __shfl_xor_sync(0xffffffffu, sum, 2);
      const int64_t unit = warp_unit + 8 * i + g;
      if (t == 0 && unit < op.hidden) put(arguments.db1, unit, sum);
    }
  }
  if (blockIdx.x == 0 && int(threadIdx.x) < width && arguments.db2.d != nullptr)
    put(arguments.db2, threadIdx.x, sum_dy);
}

template <mixmas_numerics NUMERICS, int WIDTH>
cudaError_t run_fused(cudaStream_t stream, const Plan &plan, const Arguments &arguments) {
  const auto kernel = channel_mlp_grad<NUMERICS, WIDTH>;
  static_assert(shared_bytes<WIDTH>() <= MAX_SHARED);
  const cudaError_t e = cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                             cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes<WIDTH>());
  if (e != cudaSuccess) return e;
  const dim3 grid(unsigned(plan.unit_tiles), unsigned(plan.splits));
  return launch(kernel, grid, dim3(THREADS), shared_bytes<WIDTH>(), stream, arguments);
}

template <mixmas_numerics NUMERICS>
cudaError_t run_fused(cudaStream_t stream, const Plan &plan, const Arguments &arguments) {
  return arguments.op.width <= 64 ? run_fused<NUMERICS, 64>(stream, plan, arguments)
                                  : run_fused<NUMERICS, CHANNEL_MLP_WIDTH>(stream, plan, arguments);
}

// dense_matmul computes C = op(A) op(B) for dense matrices.
mixmas_matmul dense_matmul(const float *a, bool transpose_a, const float *b, bool transpose_b, float *c, int64_t m,
                           int64_t n, int64_t k) {
  mixmas_matmul p = {};
  p.a = a, p.b = b, p.c = c;
  p.transpose_a = transpose_a, p.transpose_b = transpose_b;
  p.m = int32_t(m), p.n = int32_t(n), p.k = int32_t(k);
  p.lda = int32_t(transpose_a ? m : k), p.ldb = int32_t(transpose_b ? k : n), p.ldc = int32_t(n);
  p.batch[0] = p.batch[1] = 1;
  return p;
}

mixmas_matmul dnormed_of(const mixmas_channel_mlp_grad &op, const float *da) {
  mixmas_matmul p = dense_matmul(da, false, op.w1, false, op.dnormed.d, op.rows, op.width, op.hidden);
  p.plus = op.dnormed.plus;
  return p;
}

// compose runs the operation as other operations.
void compose(Composition &c, const mixmas_channel_mlp_grad &op) {
  const int64_t rows = op.rows, width = op.width, hidden = op.hidden;
  const mlp::Hidden layer(c, op, rows * hidden);
  mixmas_matmul forward = dense_matmul(op.normed, false, op.w1, true, nullptr, rows, hidden, width);
  forward.bias = op.b1;
  layer.make(c, forward, rows * hidden);
  if (op.dw2.d != nullptr) {
    mixmas_matmul p = dense_matmul(op.dy, true, layer.h, false, op.dw2.d, width, hidden, rows);
    p.plus = op.dw2.plus;
    c.queue(p);
  }
  if (layer.wants_da) {
    mixmas_matmul p = dense_matmul(op.dy, false, op.w2, false, layer.da, rows, hidden, width);
    p.gate = layer.pre;
    p.activation = MIXMAS_GELU;
    c.queue(p);
  }
  if (op.dw1.d != nullptr) {
    mixmas_matmul p = dense_matmul(layer.da, true, op.normed, false, op.dw1.d, hidden, width, rows);
    p.plus = op.dw1.plus;
    c.queue(p);
  }
  if (op.dnormed.d != nullptr) c.queue(dnormed_of(op, layer.da));
  auto sum_rows = [&](const float *x, int64_t columns, const mixmas_target &target) {
    mixmas_reduce sum = {};
    sum.x = x, sum.plus = target.plus, sum.y = target.d;
    sum.outer = 1, sum.axis = rows, sum.inner = columns;
    sum.scale = 1, sum.reduction = MIXMAS_SUM;
    if (target.d != nullptr) c.queue(sum);
  };
  sum_rows(layer.da, hidden, op.db1);
  sum_rows(op.dy, width, op.db2);
}

}  // namespace

int64_t workspace_size(const mixmas_channel_mlp_grad &op, mixmas_numerics numerics) {
  if (op.rows == 0) return 0;
  if (op.width > CHANNEL_MLP_WIDTH) {
    Composition composition(numerics);
    compose(composition, op);
    return composition.needed();
  }
  const Plan plan(op);
  const int64_t partials = plan.splits > 1 ? plan.splits * plan.stride : 0;
  return plan.da + std::max(partials, op.dnormed.d != nullptr ? workspace_size(dnormed_of(op, nullptr), numerics) : 0);
}

cudaError_t run(const Context &context, const mixmas_channel_mlp_grad &op) {
  if (op.rows == 0) return cudaSuccess;
  if (op.width > CHANNEL_MLP_WIDTH) {
    Composition composition(context);
    compose(composition, op);
    return composition.failed();
  }
  const Plan plan(op);
  float *partial = context.workspace + plan.da;
  Arguments arguments = {};
  arguments.op = op;
  arguments.da = plan.da > 0 ? context.workspace : nullptr;
  arguments.dw1 = op.dw1, arguments.dw2 = op.dw2, arguments.db1 = op.db1, arguments.db2 = op.db2;
  mixmas_target *targets[4] = {&arguments.dw1, &arguments.dw2, &arguments.db1, &arguments.db2};
  const int64_t sizes[4] = {op.hidden * op.width, op.hidden * op.width, op.hidden, op.width};
  mlp::Partials all = {partial, plan.stride, int32_t(plan.splits), {}};
  if (plan.splits > 1) {
    arguments.stride = plan.stride;
    for (int i = 0; i < 4; ++i) {
      all.part[i] = {targets[i]->d, targets[i]->plus, nullptr, plan.begin[i], sizes[i], 0};
      if (targets[i]->d != nullptr) *targets[i] = {partial + plan.begin[i], nullptr};
    }
  }
  arguments.rows_per_split = plan.rows_per_split;
  arguments.vector_rows = op.width % 4 == 0 && packable(op.normed) && packable(op.dy);
  arguments.vector_w1 = op.width % 4 == 0 && packable(op.w1);
  arguments.vector_dw1 = op.width % 4 == 0 && packable(arguments.dw1.d) && packable(arguments.dw1.plus);

  cudaError_t e;
  switch (context.numerics) {
    case MIXMAS_FP32: e = run_fused<MIXMAS_FP32>(context.stream, plan, arguments); break;
    case MIXMAS_TF32: e = run_fused<MIXMAS_TF32>(context.stream, plan, arguments); break;
    default: e = run_fused<MIXMAS_BF16>(context.stream, plan, arguments);
  }
  if (e == cudaSuccess && plan.splits > 1) e = mlp::launch_add_partials(all, context.stream);
  if (e == cudaSuccess && op.dnormed.d != nullptr) {
    Context inner = context;
    inner.workspace = partial;  // the partial results are no longer needed
    e = run(inner, dnormed_of(op, arguments.da));
  }
  return e;
}

}  // namespace mixmas
