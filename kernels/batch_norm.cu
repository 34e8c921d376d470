// batch_norm.cu: batch norm of the channels of x (outer, channels, inner), and its gradient. A channel has
// n = outer * inner elements, below 2^31.
//
//   forward    y = (x - mean) rstd weight + bias, rstd = 1/sqrt(variance + eps), with the mean and variance of the
//              batch when training, else the running ones
//              12 bytes per element, 8 where not training, and 8 FLOPs
//   gradient   dbias = plus_bias + sum dy, dweight = plus_weight + rstd sum dy (x - mean)
//              dx = plus + weight rstd (dy - mean(dy) - (x - mean) rstd² mean(dy (x - mean)))
//              without training: dx = plus + weight rstd dy
//              20 bytes per element, 24 with plus, and 14 FLOPs
//
// All are limited by memory. Training takes three launches: slices of the rows are summed into the workspace; the
// slices' sums are added and become statistics; then x is normalised. The gradient goes the same way. In each launch,
// a block has a tile of channels and a slice of the rows, where a row has one element of each channel. For
// channels-last maps (inner = 1) a tile has 32 channels, so that neighbouring threads read neighbouring elements;
// otherwise a tile is one channel, and its rows run along inner.
//
// Sums are float64, of deviations from the channel's first element: the squares of float32 numbers are exact there,
// so the variance sum(d²)/n - (sum(d)/n)² needs a single pass and loses no significant precision, however far the
// channel is from 0.
#include <algorithm>

#include "operations.h"
#include "pack.cuh"
#include "reduction.cuh"
#include "strided.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;
constexpr int UNROLL = 4;
constexpr int64_t ENOUGH = 528;  // blocks to keep a large GPU busy

// Tiling assigns threads and blocks: thread = row * columns + column.
struct Tiling {
  int64_t channels, rows;
  Divider inner;
  int columns;                 // channels of a tile
  int64_t slices, slice_rows;  // the grid is tiles x slices
};

Tiling tiling(int64_t outer, int64_t channels, int64_t inner) {
  Tiling t;
  t.channels = channels;
  t.rows = outer * inner;
  t.inner = Divider(inner);
  t.columns = inner == 1 ? std::min(power_of_two(channels), WARP) : 1;
  const int64_t tiles = ceil_div(channels, t.columns), at_once = THREADS / t.columns * UNROLL;
  t.slices = std::max<int64_t>(1, std::min(ceil_div(t.rows, at_once), ENOUGH / tiles));
  t.slice_rows = ceil_div(t.rows, t.slices);
  t.slices = ceil_div(t.rows, t.slice_rows);
  return t;
}

dim3 grid(const Tiling &t) { return dim3(uint32_t(ceil_div(t.channels, t.columns)), uint32_t(t.slices)); }

// Place is a thread's channel and the rows first, first + step, ... below last.
struct Place {
  int64_t channel;
  uint32_t first, last, step;
  bool wanted;
};

__device__ __forceinline__ Place place(const Tiling &t) {
  Place p;
  p.channel = int64_t(blockIdx.x) * t.columns + threadIdx.x % t.columns;
  p.step = THREADS / t.columns;
  const int64_t first = blockIdx.y * t.slice_rows;
  p.first = uint32_t(first + threadIdx.x / t.columns);
  p.last = uint32_t(min(first + t.slice_rows, t.rows));
  p.wanted = p.channel < t.channels;
  return p;
}

// element returns the offset of a channel's element of a row.
__device__ __forceinline__ int64_t element(const Tiling &t, uint32_t row, int64_t channel) {
  uint32_t outer = row, inner = 0;
  if (t.inner.divisor != 1) outer = t.inner.divide(row, inner);
  return (outer * t.channels + channel) * t.inner.divisor + inner;
}

// put_sums writes a block's two sums for each channel to partial (slices, 2, channels).
__device__ __forceinline__ void put_sums(const Tiling &t, const Place &p, double (&sum)[2], double *partial) {
  sum_rows<THREADS>(sum, p.step, t.columns);
  if (int(threadIdx.x) >= t.columns || !p.wanted) return;
  partial[(blockIdx.y * 2 + 0) * t.channels + p.channel] = sum[0];
  partial[(blockIdx.y * 2 + 1) * t.channels + p.channel] = sum[1];
}

// get_sums adds up the slices' sums of a channel, in a block of SLICE_COLUMNS channels. It reports whether the thread
// has a channel.
__device__ __forceinline__ bool get_sums(const double *partial, int64_t slices, int64_t channels, int64_t channel,
                                         double (&sum)[2]) {
  const bool mine = channel < channels;
  column_total(partial + channel, mine ? slices : 0, 2 * channels, channels, sum);
  return mine && threadIdx.x < SLICE_COLUMNS;
}

__device__ __forceinline__ int64_t slice_column() {
  return int64_t(blockIdx.x) * SLICE_COLUMNS + threadIdx.x % SLICE_COLUMNS;
}

// ---- forward ----

// sum_deviations computes the sums of d and d², d = x - the channel's first element.
__global__ __launch_bounds__(THREADS) void sum_deviations(const mixmas_batch_norm op, const Tiling t, double *partial) {
  const Place p = place(t);
  double sum[2] = {};
  if (p.wanted) {
    const double first = op.x[element(t, 0, p.channel)];
#pragma unroll UNROLL
    for (uint32_t row = p.first; row < p.last; row += p.step) {
      const double d = op.x[element(t, row, p.channel)] - first;
      sum[0] += d;
      sum[1] += d * d;
    }
  }
  put_sums(t, p, sum, partial);
}

__device__ __forceinline__ float rstd_of(double variance, float eps) {
  return float(1 / sqrt(variance + double(eps)));
}

// finish_statistics writes each channel's mean and rstd to `statistics` (2, channels), and updates the running ones.
__global__ __launch_bounds__(SLICE_COLUMNS *SLICE_ROWS) void finish_statistics(const mixmas_batch_norm op,
                                                                               int64_t slices, const double *partial,
                                                                               float *statistics) {
  const int64_t channel = slice_column();
  double sum[2];
  if (!get_sums(partial, slices, op.channels, channel, sum)) return;
  const double n = double(op.outer) * double(op.inner), off = sum[0] / n;
  const double mean = op.x[channel * op.inner] + off, squares = fmax(sum[1] - sum[0] * off, 0.0);
  statistics[channel] = float(mean);
  statistics[op.channels + channel] = rstd_of(squares / n, op.eps);
  const double keep = 1 - double(op.momentum);
  op.running_mean[channel] = float(keep * op.running_mean[channel] + op.momentum * mean);
  op.running_variance[channel] = float(keep * op.running_variance[channel] + op.momentum * (squares / (n - 1)));
}

// normalise uses the batch's statistics when training; otherwise it computes them from the running ones.
__global__ __launch_bounds__(THREADS) void normalise(const mixmas_batch_norm op, const Tiling t, const float *batch) {
  const Place p = place(t);
  if (!p.wanted) return;
  const float mean = op.train ? batch[p.channel] : op.running_mean[p.channel];
  const float rstd = op.train ? batch[op.channels + p.channel] : rstd_of(op.running_variance[p.channel], op.eps);
  if (!op.train && op.statistics && p.first == 0) {
    op.statistics[p.channel] = mean;
    op.statistics[op.channels + p.channel] = rstd;
  }
  const float gain = rstd * op.weight[p.channel], bias = op.bias[p.channel];
#pragma unroll UNROLL
  for (uint32_t row = p.first; row < p.last; row += p.step) {
    const int64_t i = element(t, row, p.channel);
    op.y[i] = (op.x[i] - mean) * gain + bias;
  }
}

// ---- gradient ----

// sum_gradients computes the sums of dy and dy (x - mean).
__global__ __launch_bounds__(THREADS) void sum_gradients(const mixmas_batch_norm_grad op, const Tiling t,
                                                         double *partial) {
  const Place p = place(t);
  double sum[2] = {};
  if (p.wanted) {
    const float mean = op.statistics[p.channel];
#pragma unroll UNROLL
    for (uint32_t row = p.first; row < p.last; row += p.step) {
      const int64_t i = element(t, row, p.channel);
      const float dy = op.dy[i];
      sum[0] += dy;
      sum[1] += dy * (double(op.x[i]) - mean);
    }
  }
  put_sums(t, p, sum, partial);
}

// finish_gradients leaves the means of dy and of rstd² dy (x - mean) in `means` (2, channels).
__global__ __launch_bounds__(SLICE_COLUMNS *SLICE_ROWS) void finish_gradients(const mixmas_batch_norm_grad op,
                                                                              int64_t slices, const double *partial,
                                                                              double *means) {
  const int64_t channel = slice_column();
  double sum[2];
  if (!get_sums(partial, slices, op.channels, channel, sum)) return;
  const double n = double(op.outer) * double(op.inner), rstd = op.statistics[op.channels + channel];
  if (op.dbias) op.dbias[channel] = float(sum[0] + (op.plus_bias ? op.plus_bias[channel] : 0.0f));
  if (op.dweight) op.dweight[channel] = float(sum[1] * rstd + (op.plus_weight ? op.plus_weight[channel] : 0.0f));
  means[channel] = sum[0] / n;
  means[op.channels + channel] = rstd * rstd * sum[1] / n;
}

// distribute also computes in float64, because its three terms cancel if a channel has few elements.
__global__ __launch_bounds__(THREADS) void distribute(const mixmas_batch_norm_grad op, const Tiling t,
                                                      const double *means) {
  const Place p = place(t);
  if (!p.wanted) return;
  const float center = op.statistics[p.channel];
  const float factor = op.statistics[op.channels + p.channel] * op.weight[p.channel];
  const double mean = op.train ? means[p.channel] : 0, slope = op.train ? means[op.channels + p.channel] : 0;
#pragma unroll UNROLL
  for (uint32_t row = p.first; row < p.last; row += p.step) {
    const int64_t i = element(t, row, p.channel);
    float dx = op.dy[i];
    if (op.train) dx = float(dx - mean - (double(op.x[i]) - center) * slope);
    dx *= factor;
    if (op.plus) dx += op.plus[i];
    op.dx[i] = dx;
  }
}

constexpr int64_t DOUBLE = sizeof(double) / sizeof(float);

// The workspace holds the slices' sums, then two numbers per channel, all float64 except the statistics.
int64_t sums_size(const Tiling &t) { return t.slices * 2 * t.channels * DOUBLE; }

template <class Operation>
int64_t size(const Operation &op) {
  return sums_size(tiling(op.outer, op.channels, op.inner)) + 2 * op.channels * DOUBLE;
}

dim3 slice_grid(int64_t channels) { return dim3(uint32_t(ceil_div(channels, SLICE_COLUMNS))); }

}  // namespace

int64_t workspace_size(const mixmas_batch_norm &op, mixmas_numerics) { return size(op); }

int64_t workspace_size(const mixmas_batch_norm_grad &op, mixmas_numerics) { return size(op); }

cudaError_t run(const Context &context, const mixmas_batch_norm &op) {
  const Tiling t = tiling(op.outer, op.channels, op.inner);
  double *partial = reinterpret_cast<double *>(context.workspace);
  float *statistics = op.statistics ? op.statistics : context.workspace + sums_size(t);
  if (op.train) {
    if (cudaError_t e = launch(sum_deviations, grid(t), dim3(THREADS), 0, context.stream, op, t, partial)) return e;
    if (cudaError_t e = launch(finish_statistics, slice_grid(op.channels), dim3(SLICE_COLUMNS * SLICE_ROWS), 0,
                               context.stream, op, t.slices, partial, statistics))
      return e;
  }
  return launch(normalise, grid(t), dim3(THREADS), 0, context.stream, op, t, statistics);
}

cudaError_t run(const Context &context, const mixmas_batch_norm_grad &op) {
  const Tiling t = tiling(op.outer, op.channels, op.inner);
  double *partial = reinterpret_cast<double *>(context.workspace);
  double *means = partial + sums_size(t) / DOUBLE;
  if (op.train || op.dweight || op.dbias) {
    if (cudaError_t e = launch(sum_gradients, grid(t), dim3(THREADS), 0, context.stream, op, t, partial)) return e;
    if (cudaError_t e = launch(finish_gradients, slice_grid(op.channels), dim3(SLICE_COLUMNS * SLICE_ROWS), 0,
                               context.stream, op, t.slices, partial, means))
      return e;
  }
  if (!op.dx) return cudaSuccess;
  return launch(distribute, grid(t), dim3(THREADS), 0, context.stream, op, t, means);
}

}  // namespace mixmas
