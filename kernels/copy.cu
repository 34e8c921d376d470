// copy.cu: target[i . target_strides] (+)= scale source[i . source_strides] for all i in the shape. Permutation,
// slicing, concatenation, broadcasting, their gradients and scaling are of this form.
//
// It moves 8 bytes per element, 12 to accumulate. The host drops dimensions of a single step, sorts the others by the
// target's strides and merges those without a gap on either side. Then, by the innermost dimension:
//
//   packs       contiguous in the target, contiguous or constant in the source, everything aligned to 16 bytes: a
//               thread moves a pack of 4 elements.
//   transposed  contiguous in the target, while the source is contiguous along another dimension: a block of 32 x 8
//               threads moves a tile of 32 x 32 through shared memory (33 wide, so that columns fall in different
//               banks), so that both sides are accessed in rows of 128 bytes. Dimensions of few steps are left to the
//               last case, where the L1 cache serves the strided side.
//   elements    anything else: a thread moves one element, neighbours in the target by neighbouring threads.

#include "operations.h"
#include "pack.cuh"
#include "strided.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;

enum { SOURCE, TARGET, OPERANDS };

struct Move {
  const float *source;
  float *target;
  float scale;
  bool accumulate;
};

__device__ __forceinline__ void put(const Move &move, float *target, float value) {
  value *= move.scale;
  if (move.accumulate) value += *target;
  *target = value;
}

__global__ __launch_bounds__(THREADS) void copy_elements(const Move move, const Strided<OPERANDS> strided, int64_t n) {
  const int64_t i = int64_t(blockIdx.x) * THREADS + threadIdx.x;
  if (i >= n) return;
  int64_t at[OPERANDS];
  strided.offsets(uint32_t(i), at);
  put(move, move.target + at[TARGET], move.source[at[SOURCE]]);
}

// copy_packs is for innermost dimensions of whole packs, or a single dimension of n elements.
__global__ __launch_bounds__(THREADS) void copy_packs(const Move move, const Strided<OPERANDS> strided, int64_t n) {
  const int64_t i = (int64_t(blockIdx.x) * THREADS + threadIdx.x) * PACK;
  if (i >= n) return;
  int64_t at[OPERANDS];
  strided.offsets(uint32_t(i), at);
  const float *source = move.source + at[SOURCE];
  float *target = move.target + at[TARGET];
  Pack value;
  if (strided.stride[strided.rank - 1][SOURCE] == 1)
    value = load(source, 0, n - i, true);
  else
    value = Pack{{*source, *source, *source, *source}};
#pragma unroll
  for (int k = 0; k < PACK; ++k) value.at[k] *= move.scale;
  if (move.accumulate) {
    const Pack before = load(target, 0, n - i, true);
#pragma unroll
    for (int k = 0; k < PACK; ++k) value.at[k] += before.at[k];
  }
  store(target, 0, n - i, true, value);
}

constexpr int SIDE = 32, HEIGHT = THREADS / SIDE;

// Matrix describes a transposition: the source is contiguous along its `down` axis, the target along its `across`
// axis.
struct Matrix {
  int down, across;
  int64_t source_across, target_down;
  Divider tiles_down, tiles_across;
};

__global__ __launch_bounds__(THREADS) void copy_transposed(const Move move, const Matrix m,
                                                           const Strided<OPERANDS> outer) {
  __shared__ float tile[SIDE][SIDE + 1];
  uint32_t tile_down, tile_across;
  const uint32_t matrix = m.tiles_down.divide(m.tiles_across.divide(blockIdx.x, tile_across), tile_down);
  int64_t at[OPERANDS];
  outer.offsets(matrix, at);
  const int column = threadIdx.x % SIDE, row = threadIdx.x / SIDE;
  const int down = tile_down * SIDE, across = tile_across * SIDE;

  const float *source = move.source + at[SOURCE] + down + across * m.source_across;
  for (int r = row; r < SIDE; r += HEIGHT)
    if (down + column < m.down && across + r < m.across) tile[r][column] = source[r * m.source_across + column];
  __syncthreads();
  float *target = move.target + at[TARGET] + down * m.target_down + across;
  for (int r = row; r < SIDE; r += HEIGHT)
    if (down + r < m.down && across + column < m.across)
      put(move, target + r * m.target_down + column, tile[column][r]);
}

bool runs_in_packs(const Move &move, const Axes<OPERANDS> &axes) {
  const int inner = axes.rank - 1;
  const int64_t source = axes.stride[inner][SOURCE];
  if (axes.stride[inner][TARGET] != 1 || !packable(move.target)) return false;
  if (source != 0 && (source != 1 || !packable(move.source))) return false;
  if (inner > 0 && axes.count[inner] % PACK != 0) return false;
  for (int d = 0; d < inner; ++d) {
    if (axes.stride[d][TARGET] % PACK != 0) return false;
    if (source == 1 && axes.stride[d][SOURCE] % PACK != 0) return false;
  }
  return true;
}

// contiguous_source returns the axis along which a matrix is worth transposing through shared memory, or -1.
int contiguous_source(const Axes<OPERANDS> &axes) {
  const int64_t worthwhile = 8;
  const int inner = axes.rank - 1;
  const int64_t source = axes.stride[inner][SOURCE];
  if (axes.stride[inner][TARGET] != 1 || source == 0 || source == 1 || axes.count[inner] < worthwhile) return -1;
  for (int d = 0; d < inner; ++d)
    if (axes.stride[d][SOURCE] == 1 && axes.count[d] >= worthwhile) return d;
  return -1;
}

cudaError_t transpose(cudaStream_t stream, const Move &move, const Axes<OPERANDS> &axes, int down) {
  const int across = axes.rank - 1;
  Axes<OPERANDS> outer;
  for (int d = 0; d < across; ++d)
    if (d != down) outer.append(axes.count[d], {axes.stride[d][SOURCE], axes.stride[d][TARGET]});
  Matrix m;
  m.down = int(axes.count[down]);
  m.across = int(axes.count[across]);
  m.source_across = axes.stride[across][SOURCE];
  m.target_down = axes.stride[down][TARGET];
  const int64_t tiles_down = ceil_div(m.down, SIDE), tiles_across = ceil_div(m.across, SIDE);
  m.tiles_down = Divider(tiles_down);
  m.tiles_across = Divider(tiles_across);
  const dim3 grid(uint32_t(outer.size() * tiles_down * tiles_across));
  return launch(copy_transposed, grid, dim3(THREADS), 0, stream, move, m, Strided<OPERANDS>(outer));
}

}  // namespace

cudaError_t run(const Context &context, const mixmas_copy &op) {
  int order[MIXMAS_MAX_RANK];
  for (int d = 0; d < op.rank; ++d) {  // equal strides stay in order; std::stable_sort would need the C++ library
    int at = d;
    for (; at > 0 && op.target_strides[order[at - 1]] < op.target_strides[d]; --at) order[at] = order[at - 1];
    order[at] = d;
  }
  Axes<OPERANDS> axes;
  for (int i = 0; i < op.rank; ++i) {
    const int d = order[i];
    axes.append(op.shape[d], {op.source_strides[d], op.target_strides[d]});
  }
  return in_parts(axes, {0, 0}, MAX_INDICES, [&](const Axes<OPERANDS> &part, const int64_t (&at)[OPERANDS]) {
    const Move move = {op.source + at[SOURCE], op.target + at[TARGET], op.scale, op.accumulate != 0};
    const int64_t n = part.size();
    if (runs_in_packs(move, part))
      return launch(copy_packs, dim3(uint32_t(ceil_div(n, THREADS * PACK))), dim3(THREADS), 0, context.stream, move,
                    Strided<OPERANDS>(part), n);
    const int down = contiguous_source(part);
    if (down >= 0) return transpose(context.stream, move, part, down);
    return launch(copy_elements, dim3(uint32_t(ceil_div(n, THREADS))), dim3(THREADS), 0, context.stream, move,
                  Strided<OPERANDS>(part), n);
  });
}

}  // namespace mixmas
