// monarch_grad.cu: the gradient of the Monarch product, to x and to both factors.
//
//   u = L x (computed again),  dr_j = sum dy(., j) u(., j)',  du(., j) = R_j' dy(., j)
//   dl_i = sum du(i, .) x(i, .)',  dx(i, .) = L_i' du(i, .)     sums over the batch and the width
//
// Shapes as in monarch.cu. It does 10 batch p q width (p + q) FLOPs and moves x, dy and dx: 12 batch p q width bytes.
// The kernel computes in float32, in every numerics. Orders that do not fit its shared memory are matrix products, in
// the requested numerics.
//
// A block takes tiles of 32 (16) columns of a sample, and keeps two of their matrices at a time in shared memory:
//
//   A = x     B = L A           u
//   A = dy    dr += A B'
//             B = R' A          du
//   A = x     dl += B A',  dx = L' B        (x comes from the L2 cache this time)
//
// In the products with L and R a thread has a column and a warp a row or column of the p x q view, as in monarch.cu.
// In the gradients of the weights a thread has 4 x 4 weights and sums over the columns of the tile; it adds them to
// its block's own copy of dl and dr in the workspace. A second kernel adds the copies, in order. How many there are
// depends on the sizes alone. Only results that are needed are computed.
#include "composition.h"
#include "monarch.cuh"

namespace mixmas {
namespace {

constexpr int MAX_THREADS = 512;

struct Parameters {
  mixmas_monarch_grad op;
  float *partial;  // (blocks, p q q + q p p)
  int tiles;       // of columns in a sample
  int64_t tiles_of_all;
  bool packed_l, packed_r, packable_x, packable_dy;
};

// add_gradient adds dy x' to a k x k block of weights, thread `part` of parts(k): rows of dy and x in shared memory
// are `step` apart. A thread has 4 x 4 weights, every `across`-th one both ways, so that neighbouring threads read
// neighbouring rows, in different banks. Weights beyond the block are ignored.
__device__ __forceinline__ int across(int k) { return (k + PACK - 1) / PACK; }
__device__ __forceinline__ int parts(int k) { return across(k) * across(k); }

template <int COLUMNS>
__device__ __forceinline__ void add_gradient(float *weights, int k, int part, const float *dy, const float *x, int step,
                                             bool first) {
  const int apart = across(k), row = part / apart, column = part % apart;
  float sum[PACK][PACK];
  const float *left[PACK], *right[PACK];
#pragma unroll
  for (int i = 0; i < PACK; ++i) {
    left[i] = dy + min(row + i * apart, k - 1) * step;
    right[i] = x + min(column + i * apart, k - 1) * step;
  }
  const auto each = [&](auto f) {
#pragma unroll
    for (int i = 0; i < PACK; ++i)
#pragma unroll
      for (int j = 0; j < PACK; ++j) {
        const int to_row = row + i * apart, to_column = column + j * apart;
        f(sum[i][j], to_row < k && to_column < k ? weights + to_row * k + to_column : nullptr);
      }
  };
  each([&](float &value, const float *weight) { value = first || !weight ? 0.0f : *weight; });
#pragma unroll 1
  for (int c = 0; c < COLUMNS; c += PACK) {
    Pack a[PACK], b[PACK];
#pragma unroll
    for (int i = 0; i < PACK; ++i) {
      a[i] = *reinterpret_cast<const Pack *>(left[i] + c);
      b[i] = *reinterpret_cast<const Pack *>(right[i] + c);
    }
#pragma unroll
    for (int i = 0; i < PACK; ++i)
#pragma unroll
      for (int j = 0; j < PACK; ++j)
#pragma unroll
        for (int e = 0; e < PACK; ++e) sum[i][j] += a[i].at[e] * b[j].at[e];
  }
  each([&](float &value, float *weight) {
    if (weight) *weight = value;
  });
}

template <int COLUMNS>
__global__ void __launch_bounds__(MAX_THREADS, 1) monarch_grad(const __grid_constant__ Parameters parameters) {
  MIXMAS_DYNAMIC_SHARED(float, a);  // (p q, STRIDE), and b after it
  constexpr int STRIDE = COLUMNS + PACK;
  const mixmas_monarch_grad &op = parameters.op;
  const int p = int(op.p), q = int(op.q), order = p * q, width = int(op.width);
  float *const b = a + order * STRIDE;
  // A warp is one group of threads with a row of the view each, or two.
  const int groups = blockDim.x / COLUMNS, group = threadIdx.x / COLUMNS, lane = threadIdx.x % COLUMNS;
  float *const dl = parameters.partial + int64_t(blockIdx.x) * order * (p + q);
  float *const dr = dl + int64_t(order) * q;

#pragma unroll 1
  for (int64_t tile = blockIdx.x; tile < parameters.tiles_of_all; tile += gridDim.x) {
    const bool first = tile == blockIdx.x;
    const int column = int(tile % parameters.tiles) * COLUMNS;
    const int64_t sample = tile / parameters.tiles * order * width;

    // Columns beyond the width are zero.
    const auto fill = [&](const float *from, bool packable) {
      for (int i = threadIdx.x; i < order * (COLUMNS / PACK); i += blockDim.x) {
        const int row = i / (COLUMNS / PACK), at = i % (COLUMNS / PACK) * PACK;
        const Pack pack = load(from + sample + int64_t(row) * width, column + at, width, packable);
        *reinterpret_cast<Pack *>(a + row * STRIDE + at) = pack;
      }
    };
    const auto to_b = [&](int row, float value) { b[row * STRIDE + lane] = value; };

    if (op.dr.d) {
      __syncthreads();  // the last tile has been used
      fill(op.x, parameters.packable_x);
      __syncthreads();
#pragma unroll 1
      for (int i = group; i < p; i += groups)
        multiply_block<1, false>(op.l + int64_t(i) * q * q, q, parameters.packed_l, a + i * q * STRIDE + lane, STRIDE,
                                 [&](int j, const float (&sum)[1]) { to_b(i * q + j, sum[0]); });
    }
    __syncthreads();
    fill(op.dy, parameters.packable_dy);
    __syncthreads();
    if (op.dr.d) {
#pragma unroll 1
      for (int item = threadIdx.x; item < q * parts(p); item += blockDim.x) {
        const int j = item / parts(p);
        add_gradient<COLUMNS>(dr + int64_t(j) * p * p, p, item % parts(p), a + j * STRIDE, b + j * STRIDE, q * STRIDE,
                              first);
      }
      __syncthreads();
    }
    if (!op.dl.d && !op.dx.d) continue;
#pragma unroll 1
    for (int j = group; j < q; j += groups)
      multiply_block<1, true>(op.r + int64_t(j) * p * p, p, parameters.packed_r, a + j * STRIDE + lane, q * STRIDE,
                              [&](int i, const float (&sum)[1]) { to_b(i * q + j, sum[0]); });
    __syncthreads();
    if (op.dl.d) {
      fill(op.x, parameters.packable_x);
      __syncthreads();
#pragma unroll 1
      for (int item = threadIdx.x; item < p * parts(q); item += blockDim.x) {
        const int i = item / parts(q), block = i * q * STRIDE;
        add_gradient<COLUMNS>(dl + int64_t(i) * q * q, q, item % parts(q), b + block, a + block, STRIDE, first);
      }
    }
    if (op.dx.d) {
#pragma unroll 1
      for (int i = group; i < p; i += groups)
        multiply_block<1, true>(op.l + int64_t(i) * q * q, q, parameters.packed_l, b + i * q * STRIDE + lane, STRIDE,
                                [&](int j, const float (&sum)[1]) {
                                  if (column + lane >= width) return;
                                  const int64_t at = sample + int64_t(i * q + j) * width + column + lane;
                                  op.dx.d[at] = op.dx.plus ? sum[0] + op.dx.plus[at] : sum[0];
                                });
    }
  }
}

// monarch_grad_add adds the copies of dl (the first `left` of `weights` elements) and dr. Threads that differ in y add
// every eighth copy each, then those of y = 0 add these sums.
constexpr int ADD_ACROSS = 32, ADD_DOWN = 8;

__global__ void __launch_bounds__(ADD_ACROSS *ADD_DOWN)
    monarch_grad_add(const float *partial, int copies, int64_t weights, int64_t left, mixmas_target dl,
                     mixmas_target dr) {
  __shared__ float sums[ADD_DOWN][ADD_ACROSS];
  const int64_t at = int64_t(blockIdx.x) * ADD_ACROSS + threadIdx.x;
  const mixmas_target target = at < left ? dl : dr;
  const bool wanted = at < weights && target.d;
  float sum = 0.0f;
  if (wanted) {
#pragma unroll 8
    for (int copy = threadIdx.y; copy < copies; copy += ADD_DOWN) sum += partial[copy * weights + at];
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || !wanted) return;
#pragma unroll
  for (int i = 1; i < ADD_DOWN; ++i) sum += sums[i][threadIdx.x];
  const int64_t to = at < left ? at : at - left;
  target.d[to] = target.plus ? sum + target.plus[to] : sum;
}

// Cut describes how the operation is cut into tiles and blocks.
struct Cut {
  int columns, threads;
  int64_t bytes, tiles, tiles_of_all, blocks, weights;
};

bool wants_weights(const mixmas_monarch_grad &op) { return op.dl.d || op.dr.d; }

Cut cut(const mixmas_monarch_grad &op) {
  const int64_t order = op.p * op.q;
  Cut cut;
  const auto bytes = [&](int columns) { return 2 * order * (columns + PACK) * int64_t(sizeof(float)); };
  cut.columns = bytes(32) <= MAX_SHARED ? 32 : 16;
  cut.bytes = bytes(cut.columns);
  cut.threads = order <= 128 ? 256 : MAX_THREADS;
  cut.tiles = ceil_div(op.width, cut.columns);
  cut.tiles_of_all = op.batch * cut.tiles;
  // As many blocks as fit the GPU at a time, up to four on a multiprocessor: each has a copy of the gradients.
  const int64_t resident = cut.bytes * 4 <= MAX_SHARED ? 4 : cut.bytes * 2 <= MAX_SHARED ? 2 : 1;
  cut.blocks = resident * MONARCH_BLOCKS < cut.tiles_of_all ? resident * MONARCH_BLOCKS : cut.tiles_of_all;
  cut.weights = order * (op.p + op.q);
  return cut;
}

bool fits(const Cut &cut) { return cut.bytes <= MAX_SHARED; }

template <int COLUMNS>
cudaError_t run_tiles(cudaStream_t stream, const Cut &cut, const Parameters &parameters) {
  const cudaError_t status = cudaFuncSetAttribute(reinterpret_cast<const void *>(monarch_grad<COLUMNS>),
                                                  cudaFuncAttributeMaxDynamicSharedMemorySize, MAX_SHARED);
  if (status != cudaSuccess) return status;
  return launch(monarch_grad<COLUMNS>, dim3(unsigned(cut.blocks)), dim3(unsigned(cut.threads)), size_t(cut.bytes),
                stream, parameters);
}

cudaError_t run_fused(const Context &context, const mixmas_monarch_grad &op, const Cut &cut) {
  const bool lines = op.width % PACK == 0;
  Parameters parameters = {};
  parameters.op = op;
  parameters.partial = context.workspace;
  parameters.tiles = int(cut.tiles), parameters.tiles_of_all = cut.tiles_of_all;
  parameters.packed_l = packed_block(op.l, op.q), parameters.packed_r = packed_block(op.r, op.p);
  parameters.packable_x = lines && packable(op.x), parameters.packable_dy = lines && packable(op.dy);
  const auto run = cut.columns == 32 ? run_tiles<32> : run_tiles<16>;
  const cudaError_t status = run(context.stream, cut, parameters);
  if (status != cudaSuccess || !wants_weights(op)) return status;
  return launch(monarch_grad_add, dim3(unsigned(ceil_div(cut.weights, ADD_ACROSS))), dim3(ADD_ACROSS, ADD_DOWN), 0,
                context.stream, context.workspace, int(cut.blocks), cut.weights, op.p * op.q * op.q, op.dl, op.dr);
}

// compose runs the operation as matrix products, if shared memory does not hold a tile. u and du share the scratch
// memory: u has been used when du is made.
void compose(Composition &c, const mixmas_monarch_grad &op) {
  const auto l = MonarchSide::l(op.batch, op.p, op.q, op.width), r = MonarchSide::r(op.batch, op.p, op.q, op.width);
  float *const u = c.scratch(op.batch * op.p * op.q * op.width), *const du = u;
  if (op.dr.d) {
    c.queue(l.multiply(op.l, false, op.x, u, nullptr));
    c.queue(r.gradient(op.dr, op.dy, u));
  }
  if (op.dl.d || op.dx.d) c.queue(r.multiply(op.r, true, op.dy, du, nullptr));
  if (op.dl.d) c.queue(l.gradient(op.dl, du, op.x));
  if (op.dx.d) c.queue(l.multiply(op.l, true, du, op.dx.d, op.dx.plus));
}

}  // namespace

int64_t workspace_size(const mixmas_monarch_grad &op, mixmas_numerics numerics) {
  if (!monarch_valid(op)) return 0;
  const Cut chosen = cut(op);
  if (fits(chosen)) return wants_weights(op) ? chosen.blocks * chosen.weights : 0;
  Composition composition(numerics);
  compose(composition, op);
  return composition.needed();
}

cudaError_t run(const Context &context, const mixmas_monarch_grad &op) {
  if (!monarch_valid(op)) return cudaErrorInvalidValue;
  if (!wants_weights(op) && !op.dx.d) return cudaSuccess;
  const Cut chosen = cut(op);
  if (fits(chosen)) return run_fused(context, op, chosen);
  Composition composition(context);
  compose(composition, op);
  return composition.failed();
}

}  // namespace mixmas
