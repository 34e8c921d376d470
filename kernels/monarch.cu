// monarch.cu: the product of a Monarch matrix with the vectors along the middle axis of x.
//
//   u(i, .) = L_i x(i, .)  for each row i of the p x q view,   y(., j) = R_j u(., j)  for each column j
//
// x, y (batch, p q, width), l (p, q, q), r (q, p, p). It moves 8 batch p q width + 4 p q (p + q) bytes and does 2
// batch p q width (p + q) FLOPs: (p + q) / 4 FLOPs per byte, 6 for the order 128 = 8 x 16, 16 for 1024 = 32 x 32.
// Float32 on the ordinary units keeps up with memory (14 FLOPs per byte on an H200), so the kernel computes in it in
// every numerics. Orders that do not fit its shared memory are two matrix products, in the requested numerics.
//
// A block has 32, 64 or 128 columns of one sample, of several where the order is small, and u in shared memory: the
// permutation between the factors is a different walk through it. A thread has one, two or four neighbouring columns, a
// warp a row of the view in the first factor and a column in the second. Rows of x are read along the width: 128 bytes
// a warp or more. More columns per thread make more of each weight that is read, fewer make more blocks.
#include "composition.h"
#include "monarch.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256, WARPS = THREADS / 32;

struct Parameters {
  mixmas_monarch op;
  int samples;  // of a block
  int tiles;    // of columns
  bool packed_l, packed_r;
};

template <int COLUMNS>
__global__ void __launch_bounds__(THREADS, 2) monarch(const __grid_constant__ Parameters parameters) {
  MIXMAS_DYNAMIC_SHARED(float, u);  // (samples, p q, 32 COLUMNS)
  constexpr int STRIDE = 32 * COLUMNS;
  const mixmas_monarch &op = parameters.op;
  const int p = int(op.p), q = int(op.q), width = int(op.width);
  const int64_t sample_size = int64_t(p) * q * width;
  const int64_t first = int64_t(blockIdx.x / parameters.tiles) * parameters.samples;
  const int samples = int(min(int64_t(parameters.samples), op.batch - first));
  const int warp = threadIdx.x / 32, at = threadIdx.x % 32 * COLUMNS;
  const int column = blockIdx.x % parameters.tiles * STRIDE + at;
  const bool inside = column < width;
  const int readable = inside ? column : 0;  // threads beyond the width compute values that are not used

#pragma unroll 1
  for (int item = warp; item < samples * p; item += WARPS) {
    const int sample = item / p, row = item % p;
    float *const to = u + (sample * p + row) * q * STRIDE + at;
    multiply_block<COLUMNS, false>(
        op.l + int64_t(row) * q * q, q, parameters.packed_l,
        op.x + (first + sample) * sample_size + int64_t(row) * q * width + readable, width,
        [&](int j, const float (&sum)[COLUMNS]) {
          Lanes<COLUMNS> lanes;
#pragma unroll
          for (int c = 0; c < COLUMNS; ++c) lanes.at[c] = sum[c];
          *reinterpret_cast<Lanes<COLUMNS> *>(to + j * STRIDE) = lanes;
        });
  }
  __syncthreads();
#pragma unroll 1
  for (int item = warp; item < samples * q; item += WARPS) {
    const int sample = item / q, j = item % q;
    float *const to = op.y + (first + sample) * sample_size + int64_t(j) * width + column;
    multiply_block<COLUMNS, false>(op.r + int64_t(j) * p * p, p, parameters.packed_r,
                                   u + (sample * p * q + j) * STRIDE + at, q * STRIDE,
                                   [&](int i, const float (&sum)[COLUMNS]) {
                                     if (!inside) return;
                                     Lanes<COLUMNS> lanes;
#pragma unroll
                                     for (int c = 0; c < COLUMNS; ++c) lanes.at[c] = sum[c];
                                     *reinterpret_cast<Lanes<COLUMNS> *>(to + int64_t(i) * q * width) = lanes;
                                   });
  }
}

// Cut describes how the operation is cut into blocks.
struct Cut {
  int columns, samples;
  int64_t tiles, blocks, bytes;
};

Cut cut(const mixmas_monarch &op, int columns) {
  Cut cut;
  cut.columns = columns;
  // Enough samples that no warp of a block is without a row or column.
  cut.samples = 1;
  while (cut.samples * (op.p < op.q ? op.p : op.q) < WARPS && 2 * cut.samples <= op.batch) cut.samples *= 2;
  cut.tiles = ceil_div(op.width, 32 * columns);
  cut.blocks = ceil_div(op.batch, cut.samples) * cut.tiles;
  cut.bytes = cut.samples * op.p * op.q * 32 * columns * int64_t(sizeof(float));
  return cut;
}

Cut cut(const mixmas_monarch &op) {
  for (int columns = 4; columns > 1; columns /= 2) {
    const Cut wide = cut(op, columns);
    if (op.width % columns == 0 && packable(op.x, op.y) && wide.blocks >= MONARCH_BLOCKS && wide.bytes <= 64 << 10)
      return wide;
  }
  return cut(op, 1);
}

bool fits(const mixmas_monarch &op) { return cut(op).bytes <= MAX_SHARED; }

template <int COLUMNS>
cudaError_t run_fused(cudaStream_t stream, const mixmas_monarch &op, const Cut &cut) {
  if (cut.blocks > INT32_MAX) return cudaErrorInvalidValue;
  const cudaError_t status = cudaFuncSetAttribute(reinterpret_cast<const void *>(monarch<COLUMNS>),
                                                  cudaFuncAttributeMaxDynamicSharedMemorySize, MAX_SHARED);
  if (status != cudaSuccess) return status;
  Parameters parameters = {op, cut.samples, int(cut.tiles), packed_block(op.l, op.q), packed_block(op.r, op.p)};
  return launch(monarch<COLUMNS>, dim3(unsigned(cut.blocks)), dim3(THREADS), size_t(cut.bytes), stream, parameters);
}

// compose runs the operation as two matrix products.
void compose(Composition &c, const mixmas_monarch &op) {
  const auto l = MonarchSide::l(op.batch, op.p, op.q, op.width), r = MonarchSide::r(op.batch, op.p, op.q, op.width);
  float *const u = c.scratch(op.batch * op.p * op.q * op.width);
  c.queue(l.multiply(op.l, false, op.x, u, nullptr));
  c.queue(r.multiply(op.r, false, u, op.y, nullptr));
}

}  // namespace

int64_t workspace_size(const mixmas_monarch &op, mixmas_numerics numerics) {
  if (!monarch_valid(op) || fits(op)) return 0;
  Composition composition(numerics);
  compose(composition, op);
  return composition.needed();
}

cudaError_t run(const Context &context, const mixmas_monarch &op) {
  if (!monarch_valid(op)) return cudaErrorInvalidValue;
  if (!fits(op)) {
    Composition composition(context);
    compose(composition, op);
    return composition.failed();
  }
  const Cut chosen = cut(op);
  switch (chosen.columns) {
    case 4: return run_fused<4>(context.stream, op, chosen);
    case 2: return run_fused<2>(context.stream, op, chosen);
    default: return run_fused<1>(context.stream, op, chosen);
  }
}

}  // namespace mixmas
