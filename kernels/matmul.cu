// matmul.cu: the batched matrix product with its epilogue.
//
//   P = op(A) op(B) + bias,   C = plus + act(P),   or with a gate   C = plus + P act'(gate)
//
// op(A) is m x k, op(B) k x n; there are two batch dimensions. If C does not move in one, its products are summed. A
// product does 2mnk FLOPs and moves at least 4 (mk + kn + mn (1 + pre + gate + plus)) bytes. With widths of 64 to
// 512, as here, that is 16 to 100 FLOPs per byte: memory bandwidth and latency decide as often as the tensor cores.
//
// There are three ways, chosen only by sizes and strides (plan), since the way determines the order of sums:
//
//   direct   sums of a few terms, or a few rows: a thread computes 4 x 4 or 4 x 1 elements straight from the caches, in
//            exact float32. The products of token mixing (4 x 128 x 32, batch 64) and small Monarch blocks are such.
//   tiles    of 128 x 128, 64 x 64 or 16 x 64 (matmul.cuh). Operands come through asynchronous copies of 16 bytes
//            into 3 or 4 stages of a depth of 32 in shared memory, as they lie in global memory, and are rounded as
//            fragments are read (block_tile.cuh); all four orders are read without transposing. Few columns: the
//            transposed product.
//   slices   where the tiles are too few for the GPU and the sum is long (weight gradients): each slice of the sum has
//            its own blocks, which write to the workspace; a second kernel adds the slices in order and finishes.
//
// Batches whose matrices follow each other without a gap are first folded into one larger product.
#include <algorithm>
#include <utility>

#include "matmul.cuh"
#include "pack.cuh"

namespace mixmas {
namespace {

// What an H100 or H200 has. It is a constant, so that sums are the same on every GPU.
constexpr int MULTIPROCESSORS = 132;
constexpr int MAX_SLICES = 64;

struct Dimension {
  int count = 1;
  int64_t a = 0, b = 0, c = 0;
};

// Problem is the operation with its batch dimensions sorted and folded, outer first.
struct Problem {
  mixmas_matmul op;  // its batch and batch strides are meaningless here
  Dimension batches[2], sums[2];

  int64_t batch_count() const { return int64_t(batches[0].count) * batches[1].count; }
  int64_t sum_count() const { return int64_t(sums[0].count) * sums[1].count; }
  int64_t steps() const { return sum_count() * ceil_div(op.k, MATMUL_DEPTH); }
};

// follow reports whether matrices that are `stride` apart form one matrix with `count` times the extent along an
// axis: the axis of the lines or, if `within` is true, the axis within lines.
bool follow(int64_t stride, bool within, int64_t extent, int64_t count, int64_t ld) {
  return within ? stride == extent && extent * count <= ld : stride == extent * ld;
}

// fold_batch turns separate products into one product with more rows or columns.
bool fold_batch(mixmas_matmul &op, const Dimension &d) {
  const int64_t rows = int64_t(op.m) * d.count, columns = int64_t(op.n) * d.count;
  if (d.b == 0 && !(op.bias && op.bias_rows) && rows <= INT32_MAX && follow(d.c, false, op.m, d.count, op.ldc) &&
      follow(d.a, op.transpose_a, op.m, d.count, op.lda)) {
    op.m = int(rows);
    return true;
  }
  if (d.a == 0 && !(op.bias && !op.bias_rows) && columns <= INT32_MAX && follow(d.c, true, op.n, d.count, op.ldc) &&
      follow(d.b, !op.transpose_b, op.n, d.count, op.ldb)) {
    op.n = int(columns);
    return true;
  }
  return false;
}

// fold_sum turns summed products into one product with a longer sum.
bool fold_sum(mixmas_matmul &op, const Dimension &d) {
  const int64_t depth = int64_t(op.k) * d.count;
  if (depth > INT32_MAX || !follow(d.a, !op.transpose_a, op.k, d.count, op.lda) ||
      !follow(d.b, op.transpose_b, op.k, d.count, op.ldb))
    return false;
  op.k = int(depth);
  return true;
}

// place folds a dimension, or puts it where the kernels expect it. Inner dimensions come first; one that prevents an
// outer one from folding does no harm.
template <class Fold>
void place(mixmas_matmul &op, Dimension (&dimensions)[2], const Dimension &d, Fold fold) {
  if (fold(op, d)) return;
  Dimension &inner = dimensions[1];
  (inner.count == 1 ? inner : dimensions[0]) = d;
}

Problem problem(const mixmas_matmul &op) {
  Problem p;
  p.op = op;
  for (int i = 1; i >= 0; --i) {
    const Dimension d{op.batch[i], op.stride_a[i], op.stride_b[i], op.stride_c[i]};
    if (d.count == 1) continue;
    if (d.c == 0)
      place(p.op, p.sums, d, fold_sum);
    else
      place(p.op, p.batches, d, fold_batch);
  }
  return p;
}

// tiles returns the number of tiles of all separate products.
int64_t tiles(const Problem &p, MatmulPath path) {
  const auto count = [&](int rows, int columns) {
    return ceil_div(p.op.m, rows) * ceil_div(p.op.n, columns) * p.batch_count();
  };
  if (path == MatmulPath::LARGE) return count(128, 128);
  if (path == MatmulPath::MEDIUM) return count(64, 64);
  return p.op.n <= 16 && p.op.n < p.op.m ? count(64, 16) : count(16, 64);
}

MatmulPlan plan(const Problem &p) {
  const mixmas_matmul &op = p.op;
  const int64_t steps = p.steps();
  // Straight from the caches: A is read by every fourth column, B by every fourth row, so that one of them must be
  // small. If B is stored by columns, neighbouring threads read elements that are far apart.
  if (p.sum_count() == 1) {
    const bool short_sum = op.k <= 16 && (!op.transpose_b || int64_t(op.n) * op.k <= 1024);
    const bool few_rows = op.k <= 64 && op.m <= 8 && !op.transpose_b;
    if (short_sum || few_rows) return {MatmulPath::DIRECT, 1};
  }
  MatmulPath path = MatmulPath::SMALL;
  const bool narrow = op.m <= 16 || op.n <= 16 || (op.m <= 32 && op.n <= 32);
  if (!narrow) {
    if (op.m > 64 && op.n > 64 && tiles(p, MatmulPath::LARGE) >= MULTIPROCESSORS)
      path = MatmulPath::LARGE;
    else if (tiles(p, MatmulPath::MEDIUM) >= MULTIPROCESSORS / 2 || steps >= 16)
      path = MatmulPath::MEDIUM;
  }
  // Each slice moves its sums through memory, and slices need another launch: this is worth it for 16 steps, but not
  // below 4 per slice.
  int64_t slices = 1;
  if (const int64_t blocks = tiles(p, path); blocks < MULTIPROCESSORS && steps >= 16) {
    slices = std::min({ceil_div(2 * MULTIPROCESSORS, blocks), steps / 4, int64_t(MAX_SLICES)});
    slices = ceil_div(steps, ceil_div(steps, slices));  // none is empty
  }
  return {path, int(slices)};
}

MatmulEpilogue epilogue(const Problem &p) {
  const mixmas_matmul &op = p.op;
  MatmulEpilogue e = {};
  e.c = op.c, e.pre = op.pre, e.gate = op.gate, e.plus = op.plus, e.bias = op.bias;
  e.ldc = op.ldc;
  for (int i = 0; i < 2; ++i) e.batch_c[i] = p.batches[i].c;
  e.bias_rows = op.bias_rows != 0;
  e.activation = op.activation;
  e.aligned = packable(op.c, op.pre, op.gate, op.plus) && op.ldc % 4 == 0 && e.batch_c[0] % 4 == 0 &&
              e.batch_c[1] % 4 == 0;
  return e;
}

// ---- direct ----

struct DirectFactors {
  const float *a, *b;
  int64_t row_a, depth_a, depth_b, column_b;  // strides
  int m, n, k, batches_inner;
  int64_t batch_a[2], batch_b[2];
  unsigned groups_down, groups_across;  // of the elements of one thread
  unsigned threads;
};

// A thread computes 4 rows of WIDTH neighbouring columns. Neighbouring threads read neighbouring columns of B and the
// same elements of A, which come from the L1 cache after the first read.
template <int WIDTH>
__global__ void __launch_bounds__(128, 8)
    matmul_direct(const __grid_constant__ DirectFactors f, const __grid_constant__ MatmulEpilogue e) {
  unsigned index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= f.threads) return;
  const int column = index % f.groups_across * WIDTH;
  index /= f.groups_across;
  const int row = index % f.groups_down * 4;
  const int batch = index / f.groups_down;
  const int batch_inner = batch % f.batches_inner, batch_outer = batch / f.batches_inner;
  const float *a = f.a + batch_outer * f.batch_a[0] + batch_inner * f.batch_a[1];
  const float *b = f.b + batch_outer * f.batch_b[0] + batch_inner * f.batch_b[1] + column * f.column_b;
  const float *rows[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) rows[i] = a + smaller(row + i, f.m - 1) * f.row_a;  // those below the last: not written

  float sum[4][WIDTH] = {};
#pragma unroll 4
  for (int k = 0; k < f.k; ++k) {
    float right[WIDTH];
    if constexpr (WIDTH == 4) {
      const float4 x = *reinterpret_cast<const float4 *>(b + k * f.depth_b);
      right[0] = x.x, right[1] = x.y, right[2] = x.z, right[3] = x.w;
    } else {
      right[0] = b[k * f.depth_b];
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float left = rows[i][k * f.depth_a];
#pragma unroll
      for (int j = 0; j < WIDTH; ++j) sum[i][j] += left * right[j];
    }
  }
  const int64_t matrix = batch_outer * e.batch_c[0] + batch_inner * e.batch_c[1];
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (row + i < f.m) matmul_finish(e, matrix, row + i, column, sum[i]);
}

cudaError_t run_direct(cudaStream_t stream, const Problem &p) {
  const mixmas_matmul &op = p.op;
  const MatmulEpilogue e = epilogue(p);
  DirectFactors f = {};
  f.a = op.a, f.b = op.b;
  f.row_a = op.transpose_a ? 1 : op.lda;
  f.depth_a = op.transpose_a ? op.lda : 1;
  f.depth_b = op.transpose_b ? 1 : op.ldb;
  f.column_b = op.transpose_b ? op.ldb : 1;
  f.m = op.m, f.n = op.n, f.k = op.k;
  f.batches_inner = p.batches[1].count;
  bool wide = e.aligned && !op.transpose_b && op.n % 4 == 0 && op.ldb % 4 == 0 && packable(op.b);
  for (int i = 0; i < 2; ++i) {
    f.batch_a[i] = p.batches[i].a;
    f.batch_b[i] = p.batches[i].b;
    wide = wide && f.batch_b[i] % 4 == 0;
  }
  f.groups_down = unsigned(ceil_div(op.m, 4));
  const int64_t narrow_threads = p.batch_count() * f.groups_down * op.n;
  // Wide threads are worth it once they fill the GPU.
  wide = wide && narrow_threads >= 4 * 256 * MULTIPROCESSORS;
  f.groups_across = unsigned(wide ? op.n / 4 : op.n);
  const int64_t threads = p.batch_count() * f.groups_down * f.groups_across;
  if (threads > INT32_MAX) return cudaErrorInvalidValue;
  f.threads = unsigned(threads);
  const dim3 grid(unsigned(ceil_div(threads, 128)));
  return launch(wide ? matmul_direct<4> : matmul_direct<1>, grid, dim3(128), 0, stream, f, e);
}

// ---- slices ----

// matmul_add_slices adds the slices (slice, batch, row, column) in order and applies the epilogue. One thread has WIDTH
// neighbours of a row.
template <int WIDTH>
__global__ void __launch_bounds__(128)
    matmul_add_slices(const float *__restrict__ partial, int slices, int batches, int batches_inner, int m, int n,
                      const __grid_constant__ MatmulEpilogue e) {
  const unsigned total = unsigned(batches) * m * n;
  unsigned index = (blockIdx.x * blockDim.x + threadIdx.x) * WIDTH;
  if (index >= total) return;
  partial += index;
  float sum[WIDTH] = {};
#pragma unroll 16  // the number of loads in flight
  for (int s = 0; s < slices; ++s, partial += total) {
    if constexpr (WIDTH == 4) {
      const float4 x = *reinterpret_cast<const float4 *>(partial);
      sum[0] += x.x, sum[1] += x.y, sum[2] += x.z, sum[3] += x.w;
    } else {
      sum[0] += *partial;
    }
  }
  const int column = index % n;
  index /= n;
  const int row = index % m, batch = index / m;
  matmul_finish(e, batch / batches_inner * e.batch_c[0] + batch % batches_inner * e.batch_c[1], row, column, sum);
}

// ---- tiles ----

cudaError_t run_tiles(const Context &context, const Problem &p, const MatmulPlan &plan) {
  const mixmas_matmul &op = p.op;
  if (p.batch_count() > INT32_MAX || p.steps() > INT32_MAX) return cudaErrorInvalidValue;
  MatmulFactors f = {};
  f.a = op.a, f.b = op.b, f.lda = op.lda, f.ldb = op.ldb;
  f.m = op.m, f.n = op.n, f.k = op.k;
  f.aligned_a = packable(op.a) && op.lda % 4 == 0;
  f.aligned_b = packable(op.b) && op.ldb % 4 == 0;
  f.batches = int(p.batch_count());
  f.batches_inner = p.batches[1].count;
  f.sums_inner = p.sums[1].count;
  for (int i = 0; i < 2; ++i) {
    f.batch_a[i] = p.batches[i].a, f.batch_b[i] = p.batches[i].b;
    f.sum_a[i] = p.sums[i].a, f.sum_b[i] = p.sums[i].b;
    f.aligned_a = f.aligned_a && f.batch_a[i] % 4 == 0 && f.sum_a[i] % 4 == 0;
    f.aligned_b = f.aligned_b && f.batch_b[i] % 4 == 0 && f.sum_b[i] % 4 == 0;
  }
  f.steps = int(p.steps());
  f.slices = plan.slices;
  f.slice_steps = int(ceil_div(f.steps, f.slices));

  const MatmulEpilogue last = epilogue(p);
  MatmulEpilogue e = last;
  if (f.slices > 1) {
    e = {};
    e.c = context.workspace;
    e.ldc = op.n;
    e.batch_c[1] = int64_t(op.m) * op.n;
    e.batch_c[0] = f.batches_inner * e.batch_c[1];
    e.slice_c = f.batches * e.batch_c[1];
    e.aligned = op.n % 4 == 0 && packable(context.workspace);
  }
  bool transpose_a = op.transpose_a, transpose_b = op.transpose_b;
  if (plan.path == MatmulPath::SMALL && op.n <= 16 && op.n < op.m) {
    // C' = op(B)' op(A)': its few rows fit the tile.
    std::swap(f.a, f.b);
    std::swap(f.lda, f.ldb);
    std::swap(f.aligned_a, f.aligned_b);
    std::swap(f.m, f.n);
    std::swap(f.batch_a, f.batch_b);
    std::swap(f.sum_a, f.sum_b);
    transpose_a = !op.transpose_b;
    transpose_b = !op.transpose_a;
    e.transposed = true;
  }
  const auto run = context.numerics == MIXMAS_FP32   ? run_matmul_tiles<MIXMAS_FP32>
                   : context.numerics == MIXMAS_TF32 ? run_matmul_tiles<MIXMAS_TF32>
                                                     : run_matmul_tiles<MIXMAS_BF16>;
  const cudaError_t status = run(context.stream, plan.path, transpose_a, transpose_b, f, e);
  if (status != cudaSuccess || f.slices == 1) return status;

  const bool wide = e.aligned && last.aligned;
  const dim3 grid(unsigned(ceil_div(e.slice_c, wide ? 512 : 128)));
  return launch(wide ? matmul_add_slices<4> : matmul_add_slices<1>, grid, dim3(128), 0, context.stream,
                context.workspace, f.slices, f.batches, f.batches_inner, op.m, op.n, last);
}

}  // namespace

MatmulPlan plan(const mixmas_matmul &op) { return plan(problem(op)); }

int64_t workspace_size(const mixmas_matmul &op, const MatmulPlan &plan) {
  const Problem p = problem(op);
  return plan.slices == 1 ? 0 : plan.slices * p.batch_count() * p.op.m * p.op.n;
}

int64_t workspace_size(const mixmas_matmul &op, mixmas_numerics) { return workspace_size(op, plan(op)); }

cudaError_t run(const Context &context, const mixmas_matmul &op, const MatmulPlan &plan) {
  if (op.m < 1 || op.n < 1 || op.k < 1 || op.batch[0] < 1 || op.batch[1] < 1) return cudaErrorInvalidValue;
  const Problem p = problem(op);
  return plan.path == MatmulPath::DIRECT ? run_direct(context.stream, p) : run_tiles(context, p, plan);
}

cudaError_t run(const Context &context, const mixmas_matmul &op) { return run(context, op, plan(op)); }

}  // namespace mixmas
