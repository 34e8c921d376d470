// convolution.cu: patches of channels-last maps x (batch, height, width, channels), and depthwise convolution.
//
//   im2col          y (batch, out_height, out_width, kernel, kernel, channels) = the patches of x, 0 outside the map
//   col2im          x = the sum of what all patches hold of it
//                   both move 4 bytes for each element of x and of y; nothing is computed, or one addition for each y
//   depthwise       y = plus + sum over i, j of weight[c, i, j] x[row + i - padding, column + j - padding, c]
//                   8 bytes (12 with plus) and 2 kernel² FLOPs per element; flip turns the kernel by 180°
//   depthwise_grad  dweight[c, i, j] = plus + sum over cells of dy[row, column, c] x[row + i - padding, ...]
//                   8 bytes and 2 kernel² FLOPs per element
//
// im2col and col2im: a thread has a pack of 4 channels of one cell, or one channel if the channels are not a multiple
// of 4.
//
// Depthwise: a lane has one channel, so that neighbouring lanes read neighbouring elements, and a block has 32
// channels, whose weights are in shared memory. A thread computes 4 cells side by side: as it moves along a row of
// the kernel, one cell of x and one weight are read for 4 multiplications, with the last 4 weights in registers.
// kernel is at most 35 (shared memory).
//
// The weight gradient: a warp has a row of the kernel, or 5 places of it, for 32 channels; it walks along a slice of
// the maps' rows, 4 cells at a time: 4 cells of dy and 8 of x for 20 multiplications. The warps of a block have the
// kernel's other places: they read the same cells, from the L1 cache. Slices are added by a second launch.
#include <algorithm>

#include "operations.h"
#include "pack.cuh"
#include "reduction.cuh"
#include "strided.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;

// ---- patches ----

// Column is the unit that a thread moves: a pack of channels, or one channel.
template <int WIDTH>
struct alignas(WIDTH * sizeof(float)) Column {
  float at[WIDTH];
};

// Patches holds the numbers that im2col's threads divide by: y is (batch, out_height, out_width, kernel, kernel,
// channels / WIDTH).
struct Patches {
  Divider channels, kernel, out_width, out_height;
};

template <int WIDTH>
__global__ __launch_bounds__(THREADS) void im2col(const mixmas_im2col op, const Patches p, uint32_t n) {
  const uint32_t number = blockIdx.x * THREADS + threadIdx.x;
  if (number >= n) return;
  uint32_t channel, j, i, across, down;
  uint32_t rest = p.channels.divide(number, channel);
  rest = p.kernel.divide(rest, j);
  rest = p.kernel.divide(rest, i);
  rest = p.out_width.divide(rest, across);
  const uint32_t image = p.out_height.divide(rest, down);
  const mixmas_maps &m = op.maps;
  const int row = int(down) * m.stride - m.padding + int(i), column = int(across) * m.stride - m.padding + int(j);
  Column<WIDTH> value = {};
  if (row >= 0 && row < m.height && column >= 0 && column < m.width) {
    const int64_t cell = (int64_t(image) * m.height + row) * m.width + column;
    value = reinterpret_cast<const Column<WIDTH> *>(op.x)[cell * p.channels.divisor + channel];
  }
  reinterpret_cast<Column<WIDTH> *>(op.y)[number] = value;
}

// Image holds the numbers that col2im's threads divide by: x is (batch, height, width, channels / WIDTH).
struct Image {
  Divider channels, width, height, stride;
};

template <int WIDTH>
__global__ __launch_bounds__(THREADS) void col2im(const mixmas_col2im op, const Image p, uint32_t n) {
  const uint32_t number = blockIdx.x * THREADS + threadIdx.x;
  if (number >= n) return;
  uint32_t channel, column, row;
  uint32_t rest = p.channels.divide(number, channel);
  rest = p.width.divide(rest, column);
  const uint32_t image = p.height.divide(rest, row);
  const mixmas_maps &m = op.maps;
  // The patch at (down, across) has the cell at its place (i, j) = (row + padding - stride down, column + padding -
  // stride across). The first i and j are below the stride; each further one belongs to the patch before.
  uint32_t first_i, first_j;
  const int most_down = int(p.stride.divide(row + m.padding, first_i));
  const int most_across = int(p.stride.divide(column + m.padding, first_j));
  Column<WIDTH> sum = {};
  for (int i = int(first_i), down = most_down; i < m.kernel && down >= 0; i += m.stride, --down) {
    if (down >= m.out_height) continue;
    for (int j = int(first_j), across = most_across; j < m.kernel && across >= 0; j += m.stride, --across) {
      if (across >= m.out_width) continue;
      const int64_t patch = (int64_t(image) * m.out_height + down) * m.out_width + across;
      const int64_t cell = (patch * m.kernel + i) * m.kernel + j;
      const Column<WIDTH> value =
          reinterpret_cast<const Column<WIDTH> *>(op.y)[cell * p.channels.divisor + channel];
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) sum.at[k] += value.at[k];
    }
  }
  reinterpret_cast<Column<WIDTH> *>(op.x)[number] = sum;
}

int64_t image_size(const mixmas_maps &m) { return int64_t(m.height) * m.width * m.channels; }

int64_t patches_size(const mixmas_maps &m) {
  return int64_t(m.out_height) * m.out_width * m.kernel * m.kernel * m.channels;
}

// in_batches calls run(first image, images, width) for parts of the batch within the range of a Divider.
template <class Run>
cudaError_t in_batches(const mixmas_maps &m, bool packs, int64_t written, const Run &run) {
  const int width = packs && m.channels % PACK == 0 ? PACK : 1;
  const int most = int(std::max<int64_t>(1, std::min<int64_t>(MAX_INDICES / (written / width), m.batch)));
  for (int first = 0; first < m.batch; first += most)
    if (cudaError_t e = run(first, std::min(most, m.batch - first), width)) return e;
  return cudaSuccess;
}

// ---- depthwise ----

constexpr int SIDE_BY_SIDE = 4;  // cells of a thread
constexpr int MOST_KERNEL = 35;

// Rows assigns the work on y: units of SIDE_BY_SIDE cells, one row of the maps after the other.
struct Rows {
  Divider units, height;  // units of a row, rows of a map
  uint32_t count;         // all units of all rows
};

__global__ __launch_bounds__(THREADS) void depthwise(const mixmas_depthwise op, const Rows rows) {
  MIXMAS_DYNAMIC_SHARED(float, weight);  // (kernel², WARP)
  const mixmas_maps &m = op.maps;
  const int places = m.kernel * m.kernel, first_channel = blockIdx.y * WARP;
  const int channels = min(WARP, m.channels - first_channel);
  for (int i = threadIdx.x; i < channels * places; i += THREADS) {
    const int place = i % places;
    weight[(op.flip ? places - 1 - place : place) * WARP + i / places] = op.weight[int64_t(first_channel) * places + i];
  }
  __syncthreads();

  const int lane = threadIdx.x % WARP;
  const uint32_t number = blockIdx.x * (THREADS / WARP) + threadIdx.x / WARP;
  if (number >= rows.count || lane >= channels) return;
  uint32_t unit, row;
  const uint32_t line = rows.units.divide(number, unit);  // the row, counted through the batch
  rows.height.divide(line, row);
  const int column = unit * SIDE_BY_SIDE, channel = first_channel + lane;

  float sum[SIDE_BY_SIDE] = {};
  for (int i = 0; i < m.kernel; ++i) {
    const int from = int(row) + i - m.padding;
    if (from < 0 || from >= m.height) continue;
    const float *x = op.x + (int64_t(line) + i - m.padding) * m.width * m.channels + channel;
    // At step j, weight j meets the first cell's neighbour, weight j-1 the second's, and so on.
    float last[SIDE_BY_SIDE] = {};
#pragma unroll 4
    for (int j = 0; j < m.kernel + SIDE_BY_SIDE - 1; ++j) {
#pragma unroll
      for (int k = SIDE_BY_SIDE - 1; k > 0; --k) last[k] = last[k - 1];
      last[0] = j < m.kernel ? weight[(i * m.kernel + j) * WARP + lane] : 0.0f;
      const int at = column + j - m.padding;
      const float value = at >= 0 && at < m.width ? x[int64_t(at) * m.channels] : 0.0f;
#pragma unroll
      for (int k = 0; k < SIDE_BY_SIDE; ++k) sum[k] += last[k] * value;
    }
  }
#pragma unroll
  for (int k = 0; k < SIDE_BY_SIDE; ++k) {
    if (column + k >= m.width) break;
    const int64_t at = (int64_t(line) * m.width + column + k) * m.channels + channel;
    op.y[at] = sum[k] + (op.plus ? op.plus[at] : 0.0f);
  }
}

// ---- the weight gradient ----

constexpr int PLACES = 5, STEP = 4;  // of the kernel's row for a warp; cells of dy at a time
constexpr int MOST_WARPS = 8;
constexpr int64_t ENOUGH = 264;  // blocks to keep a large GPU busy

struct Slicing {
  int tasks, warps;       // a task is up to PLACES places of a row of the kernel
  int parts;              // tasks of a row of the kernel
  int64_t tiles;          // of 32 channels
  int64_t count, rows;    // slices, and the maps' rows in each
};

Slicing slicing(const mixmas_maps &m) {
  Slicing s;
  s.parts = int(ceil_div(m.kernel, PLACES));
  s.tasks = m.kernel * s.parts;
  s.warps = std::min(s.tasks, MOST_WARPS);
  s.tiles = ceil_div(m.channels, WARP);
  const int64_t rows = int64_t(m.batch) * m.height, blocks = s.tiles * ceil_div(s.tasks, s.warps);
  s.count = std::max<int64_t>(1, std::min(rows, ENOUGH / blocks));
  s.rows = ceil_div(rows, s.count);
  s.count = ceil_div(rows, s.rows);
  return s;
}

// The grid is (tiles of channels, slices, tasks by the block). partial is (slices, channels * kernel²).
__global__ __launch_bounds__(MOST_WARPS *WARP) void depthwise_grad(const mixmas_depthwise_grad op, const Slicing s,
                                                                   float *partial) {
  const mixmas_maps &m = op.maps;
  const int channel = blockIdx.x * WARP + threadIdx.x % WARP;
  const int task = blockIdx.z * s.warps + threadIdx.x / WARP;
  if (task >= s.tasks || channel >= m.channels) return;
  const int i = task / s.parts, first_place = task % s.parts * PLACES;

  float sum[PLACES] = {};
  const int64_t first = blockIdx.y * s.rows, last = min(first + s.rows, int64_t(m.batch) * m.height);
  for (int64_t line = first; line < last; ++line) {
    const int from = int(line % m.height) + i - m.padding;
    if (from < 0 || from >= m.height) continue;
    const float *dy = op.dy + line * m.width * m.channels + channel;
    const float *x = op.x + (line + i - m.padding) * m.width * m.channels + channel;
    float few[PLACES] = {};
    for (int column = 0; column < m.width; column += STEP) {
      float slope[STEP], value[STEP + PLACES - 1];
#pragma unroll
      for (int k = 0; k < STEP; ++k)
        slope[k] = column + k < m.width ? dy[int64_t(column + k) * m.channels] : 0.0f;
#pragma unroll
      for (int k = 0; k < STEP + PLACES - 1; ++k) {
        const int at = column + first_place + k - m.padding;
        value[k] = at >= 0 && at < m.width ? x[int64_t(at) * m.channels] : 0.0f;
      }
#pragma unroll
      for (int k = 0; k < STEP; ++k)
#pragma unroll
        for (int j = 0; j < PLACES; ++j) few[j] += slope[k] * value[k + j];
    }
#pragma unroll
    for (int j = 0; j < PLACES; ++j) sum[j] += few[j];
  }
  float *weights = partial + (int64_t(blockIdx.y) * m.channels + channel) * m.kernel * m.kernel;
  float *out = weights + i * m.kernel + first_place;
#pragma unroll
  for (int j = 0; j < PLACES; ++j)
    if (first_place + j < m.kernel) out[j] = sum[j];
}

}  // namespace

cudaError_t run(const Context &context, const mixmas_im2col &op) {
  const mixmas_maps &m = op.maps;
  return in_batches(m, packable(op.x, op.y), patches_size(m), [&](int first, int images, int width) {
    mixmas_im2col part = op;
    part.x += first * image_size(m);
    part.y += first * patches_size(m);
    const int64_t n = images * patches_size(m) / width;
    const Patches p = {Divider(m.channels / width), Divider(m.kernel), Divider(m.out_width), Divider(m.out_height)};
    return launch(width == PACK ? im2col<PACK> : im2col<1>, dim3(uint32_t(ceil_div(n, THREADS))), dim3(THREADS), 0,
                  context.stream, part, p, uint32_t(n));
  });
}

cudaError_t run(const Context &context, const mixmas_col2im &op) {
  const mixmas_maps &m = op.maps;
  return in_batches(m, packable(op.x, op.y), image_size(m), [&](int first, int images, int width) {
    mixmas_col2im part = op;
    part.x += first * image_size(m);
    part.y += first * patches_size(m);
    const int64_t n = images * image_size(m) / width;
    const Image p = {Divider(m.channels / width), Divider(m.width), Divider(m.height), Divider(m.stride)};
    return launch(width == PACK ? col2im<PACK> : col2im<1>, dim3(uint32_t(ceil_div(n, THREADS))), dim3(THREADS), 0,
                  context.stream, part, p, uint32_t(n));
  });
}

cudaError_t run(const Context &context, const mixmas_depthwise &op) {
  const mixmas_maps &m = op.maps;
  const int64_t units = ceil_div(m.width, SIDE_BY_SIDE), lines = int64_t(m.batch) * m.height, count = lines * units;
  if (m.kernel > MOST_KERNEL || count > MAX_INDICES) return cudaErrorInvalidValue;
  const size_t shared = size_t(m.kernel) * m.kernel * WARP * sizeof(float);
  // Always set the maximum: the limit also holds when a graph is replayed, which may need more than this call.
  constexpr int most = MOST_KERNEL * MOST_KERNEL * WARP * sizeof(float);
  static_assert(most <= MAX_SHARED);
  if (cudaError_t e = cudaFuncSetAttribute(reinterpret_cast<const void *>(depthwise),
                                           cudaFuncAttributeMaxDynamicSharedMemorySize, most))
    return e;
  const dim3 grid(uint32_t(ceil_div(count, THREADS / WARP)), uint32_t(ceil_div(m.channels, WARP)));
  return launch(depthwise, grid, dim3(THREADS), shared, context.stream, op,
                Rows{Divider(units), Divider(m.height), uint32_t(count)});
}

int64_t workspace_size(const mixmas_depthwise_grad &op, mixmas_numerics) {
  return slicing(op.maps).count * op.maps.channels * op.maps.kernel * op.maps.kernel;
}

cudaError_t run(const Context &context, const mixmas_depthwise_grad &op) {
  const mixmas_maps &m = op.maps;
  const Slicing s = slicing(m);
  const dim3 grid(uint32_t(s.tiles), uint32_t(s.count), uint32_t(ceil_div(s.tasks, s.warps)));
  if (cudaError_t e = launch(depthwise_grad, grid, dim3(uint32_t(s.warps * WARP)), 0, context.stream, op, s,
                             context.workspace))
    return e;
  const int64_t weights = int64_t(m.channels) * m.kernel * m.kernel;
  const Slices<float> slices = {context.workspace, 1, s.count, weights, 1.0f, {{op.dweight, op.plus}, {}}};
  return run_slices(context.stream, slices, 1);
}

}  // namespace mixmas
