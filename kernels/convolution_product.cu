// convolution_product.cu: convolutions of channels-last maps as matrix products with the weight (out, channels, kernel):
//
//   conv              y = plus + act(P weight' + bias)      P: the patches of x, (rows, channels * places)
//   conv_input_grad   dx = plus + the sum of what all patches of dy weight hold of it
//   conv_weight_grad  dweight = plus + dy' P
//
// The patches of as many maps as fit PATCHES elements are in the workspace at a time, with their columns in the order of the
// weight's. A thread writes one element of the patches, or of dx, for which it adds up to one element per place of the
// kernel.
#include <algorithm>

#include "composition.h"
#include "strided.cuh"

namespace mixmas {
namespace {

constexpr int THREADS = 256;
constexpr int64_t PATCHES = int64_t(1) << 24;

int64_t columns(const mixmas_windows &w) { return int64_t(w.channels) * w.kernel[0] * w.kernel[1]; }
int64_t rows(const mixmas_windows &w) { return int64_t(w.out_height) * w.out_width; }  // of a map
int64_t cells(const mixmas_windows &w) { return int64_t(w.height) * w.width * w.channels; }

// Unfolding holds the numbers that unfold's threads divide by: patches are (rows of all maps, channels, kernel).
struct Unfolding {
  Divider across, down, channels, out_width, out_height;
};

__global__ __launch_bounds__(THREADS) void unfold(const float *x, float *patches, const mixmas_windows w, const Unfolding u,
                                                  uint32_t n) {
  const uint32_t number = blockIdx.x * THREADS + threadIdx.x;
  if (number >= n) return;
  uint32_t i, j, channel, down, across;
  uint32_t rest = u.across.divide(number, j);
  rest = u.down.divide(rest, i);
  rest = u.channels.divide(rest, channel);
  rest = u.out_width.divide(rest, across);
  const uint32_t map = u.out_height.divide(rest, down);
  const int64_t row = int64_t(down) * w.stride[0] - w.padding[0] + int64_t(i) * w.dilation[0];
  const int64_t column = int64_t(across) * w.stride[1] - w.padding[1] + int64_t(j) * w.dilation[1];
  float value = 0.0f;
  if (row >= 0 && row < w.height && column >= 0 && column < w.width)
    value = x[((int64_t(map) * w.height + row) * w.width + column) * w.channels + channel];
  patches[number] = value;
}

// Folding holds the numbers that fold's threads divide by: dx is (maps, height, width, channels).
struct Folding {
  Divider channels, width, height;
};

__global__ __launch_bounds__(THREADS) void fold(const float *patches, const float *plus, float *dx, const mixmas_windows w,
                                                const Folding f, uint32_t n) {
  const uint32_t number = blockIdx.x * THREADS + threadIdx.x;
  if (number >= n) return;
  uint32_t channel, column, row;
  uint32_t rest = f.channels.divide(number, channel);
  rest = f.width.divide(rest, column);
  const uint32_t map = f.height.divide(rest, row);
  const int64_t in_patch = int64_t(w.channels) * w.kernel[0] * w.kernel[1];
  float sum = 0.0f;
  for (int i = 0; i < w.kernel[0]; ++i) {
    const int64_t top = int64_t(row) + w.padding[0] - int64_t(i) * w.dilation[0];
    if (top < 0 || top % w.stride[0] != 0 || top / w.stride[0] >= w.out_height) continue;
    for (int j = 0; j < w.kernel[1]; ++j) {
      const int64_t left = int64_t(column) + w.padding[1] - int64_t(j) * w.dilation[1];
      if (left < 0 || left % w.stride[1] != 0 || left / w.stride[1] >= w.out_width) continue;
      const int64_t patch = (int64_t(map) * w.out_height + top / w.stride[0]) * w.out_width + left / w.stride[1];
      sum += patches[patch * in_patch + (int64_t(channel) * w.kernel[0] + i) * w.kernel[1] + j];
    }
  }
  dx[number] = sum + (plus ? plus[number] : 0.0f);
}

bool valid(const mixmas_windows &w) {
  return rows(w) * columns(w) <= MAX_INDICES && cells(w) <= MAX_INDICES && rows(w) > 0 && columns(w) > 0;
}

cudaError_t queue_unfold(const Context &context, const float *x, float *patches, const mixmas_windows &w, int64_t maps) {
  const int64_t n = maps * rows(w) * columns(w);
  const Unfolding u = {Divider(w.kernel[1]), Divider(w.kernel[0]), Divider(w.channels), Divider(w.out_width), Divider(w.out_height)};
  return launch(unfold, dim3(uint32_t(ceil_div(n, THREADS))), dim3(THREADS), 0, context.stream, x, patches, w, u, uint32_t(n));
}

// in_parts calls part(first map, maps, patches) for parts of the batch.
template <class Part>
void in_parts(Composition &c, const mixmas_windows &w, const Part &part) {
  const int64_t each = rows(w) * columns(w);
  const int64_t fit = std::min(PATCHES / each, MAX_INDICES / cells(w));
  const int most = int(std::max<int64_t>(1, std::min<int64_t>(fit, w.batch)));
  float *const patches = c.scratch(most * each);
  for (int first = 0; first < w.batch; first += most) part(first, std::min(most, w.batch - first), patches);
}

// product is a matrix product of dense matrices.
mixmas_matmul product(const float *a, const float *b, float *c, int64_t m, int64_t n, int64_t k) {
  mixmas_matmul op = {};
  op.a = a, op.b = b, op.c = c;
  op.m = int32_t(m), op.n = int32_t(n), op.k = int32_t(k);
  op.lda = op.k, op.ldb = op.ldc = op.n;
  op.batch[0] = op.batch[1] = 1;
  return op;
}

const float *shifted(const float *p, int64_t n) { return p ? p + n : nullptr; }
float *shifted(float *p, int64_t n) { return p ? p + n : nullptr; }

void compose(Composition &c, const mixmas_conv &op) {
  const mixmas_windows &w = op.windows;
  in_parts(c, w, [&](int first, int maps, float *patches) {
    c.then([&](const Context &context) { return queue_unfold(context, op.x + first * cells(w), patches, w, maps); });
    const int64_t at = first * rows(w) * w.out;
    mixmas_matmul p = product(patches, op.weight, op.y + at, maps * rows(w), w.out, columns(w));
    p.transpose_b = 1, p.ldb = p.k;
    p.bias = op.bias, p.activation = op.activation;
    p.pre = shifted(op.pre, at), p.plus = shifted(op.plus, at);
    c.queue(p);
  });
}

void compose(Composition &c, const mixmas_conv_input_grad &op) {
  const mixmas_windows &w = op.windows;
  in_parts(c, w, [&](int first, int maps, float *patches) {
    c.queue(product(op.dy + first * rows(w) * w.out, op.weight, patches, maps * rows(w), columns(w), w.out));
    c.then([&](const Context &context) {
      const int64_t at = first * cells(w), n = maps * cells(w);
      const Folding f = {Divider(w.channels), Divider(w.width), Divider(w.height)};
      return launch(fold, dim3(uint32_t(ceil_div(n, THREADS))), dim3(THREADS), 0, context.stream, static_cast<const float *>(patches),
                    shifted(op.plus, at), op.dx + at, w, f, uint32_t(n));
    });
  });
}

void compose(Composition &c, const mixmas_conv_weight_grad &op) {
  const mixmas_windows &w = op.windows;
  in_parts(c, w, [&](int first, int maps, float *patches) {
    c.then([&](const Context &context) { return queue_unfold(context, op.x + first * cells(w), patches, w, maps); });
    mixmas_matmul p = product(op.dy + first * rows(w) * w.out, patches, op.dweight, w.out, columns(w), maps * rows(w));
    p.transpose_a = 1, p.lda = p.m;
    p.plus = first == 0 ? op.plus : op.dweight;
    c.queue(p);
  });
}

template <class Operation>
int64_t needed(const Operation &op, mixmas_numerics numerics) {
  if (!valid(op.windows)) return 0;
  Composition composition(numerics);
  compose(composition, op);
  return composition.needed();
}

template <class Operation>
cudaError_t composed(const Context &context, const Operation &op) {
  if (!valid(op.windows)) return cudaErrorInvalidValue;
  Composition composition(context);
  compose(composition, op);
  return composition.failed();
}

}  // namespace

int64_t workspace_size(const mixmas_conv &op, mixmas_numerics numerics) { return needed(op, numerics); }
int64_t workspace_size(const mixmas_conv_input_grad &op, mixmas_numerics numerics) { return needed(op, numerics); }
int64_t workspace_size(const mixmas_conv_weight_grad &op, mixmas_numerics numerics) { return needed(op, numerics); }
cudaError_t run(const Context &context, const mixmas_conv &op) { return composed(context, op); }
cudaError_t run(const Context &context, const mixmas_conv_input_grad &op) { return composed(context, op); }
cudaError_t run(const Context &context, const mixmas_conv_weight_grad &op) { return composed(context, op); }

}  // namespace mixmas
