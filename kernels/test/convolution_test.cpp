// convolution_test.cpp: patches and depthwise convolution against convolution_simple.h.
#include <algorithm>
#include <array>

#include "convolution_simple.h"
#include "shifted.h"

namespace {

using test::input;
using test::output;
using test::Shifted;

mixmas_maps maps(int batch, int height, int width, int channels, int kernel, int stride, int padding) {
  return {batch, height, width, channels, kernel, stride, padding, (height + 2 * padding - kernel) / stride + 1,
          (width + 2 * padding - kernel) / stride + 1};
}

void patches(mixmas_numerics numerics) {
  for (const mixmas_maps &m :
       {maps(1, 1, 1, 1, 1, 1, 0), maps(2, 8, 8, 3, 4, 4, 0), maps(2, 9, 7, 4, 3, 2, 1), maps(1, 6, 5, 8, 7, 4, 2),
        maps(2, 5, 6, 5, 3, 1, 1), maps(1, 7, 7, 2, 2, 3, 0), maps(1, 4, 4, 4, 3, 1, 4)})
    for (int shift : {0, 1}) {
      const Shifted x = input(simple::cells(m), shift), y = output(simple::patch_elements(m));
      test::run(mixmas_im2col{x, y, m}, numerics);
      y.close("im2col", simple::im2col(m, x.before()), 0);
      const Shifted dy = input(simple::patch_elements(m)), dx = output(simple::cells(m), shift);
      test::run(mixmas_col2im{dy, dx, m}, numerics);
      dx.close("col2im", simple::col2im(m, dy.before()), 1e-6);
    }
}

std::vector<double> sum(std::vector<double> a, const Shifted &b, bool wanted) {
  if (wanted)
    for (size_t i = 0; i < a.size(); ++i) a[i] += b.before()[i];
  return a;
}

void depthwise(mixmas_numerics numerics) {
  for (const mixmas_maps &m : {maps(1, 1, 1, 1, 1, 1, 0), maps(2, 5, 7, 3, 3, 1, 1), maps(2, 8, 8, 33, 5, 1, 2),
                               maps(1, 3, 9, 5, 7, 1, 3), maps(1, 6, 2, 64, 3, 1, 1), maps(1, 2, 3, 2, 21, 1, 10)})
    for (bool with_plus : {false, true})
      for (bool flip : {false, true}) {
        const int64_t n = simple::cells(m), weights = m.channels * m.kernel * m.kernel;
        const Shifted x = input(n), weight = input(weights, flip), plus = input(n), y = output(n);
        test::run(mixmas_depthwise{x, weight, plus.when(with_plus), y, m, flip}, numerics);
        y.close("depthwise", sum(simple::depthwise(m, x.before(), weight.before(), flip), plus, with_plus), 2e-6);
        if (flip) continue;
        const Shifted dy = input(n), dweight = with_plus ? input(weights, 1) : output(weights, 1);  // plus is dweight
        test::run(mixmas_depthwise_grad{x, dy, dweight.when(with_plus), dweight, m}, numerics);
        dweight.close("dweight", sum(simple::depthwise_grad(m, x.before(), dy.before()), dweight, with_plus), 2e-6);
      }
}

// Kernels that do not fit shared memory are refused.
void too_large(mixmas_numerics numerics) {
  const mixmas_maps m = maps(1, 1, 1, 1, 37, 1, 18);
  const mixmas_depthwise op = {nullptr, nullptr, nullptr, nullptr, m, 0};
  if (mixmas::run(mixmas::Context{nullptr, numerics, nullptr, nullptr}, op) != cudaErrorInvalidValue)
    test::fail("a kernel of 37 was taken");
}

mixmas_windows windows(int batch, int height, int width, int channels, int out, std::array<int, 2> kernel, std::array<int, 2> stride,
                       std::array<int, 2> padding, std::array<int, 2> dilation) {
  mixmas_windows w = {batch, height, width, channels, out, {}, {}, {}, {}, 0, 0};
  const int sides[2] = {height, width};
  int results[2];
  for (int i = 0; i < 2; ++i) {
    w.kernel[i] = kernel[i], w.stride[i] = stride[i], w.padding[i] = padding[i], w.dilation[i] = dilation[i];
    results[i] = (sides[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1;
  }
  w.out_height = results[0], w.out_width = results[1];
  return w;
}

// Convolutions and their gradients.
void convolutions(mixmas_numerics numerics) {
  const double tolerance = 6 * test::roundoff(numerics) + 3e-6;
  for (const mixmas_windows &w :
       {windows(1, 1, 1, 1, 1, {1, 1}, {1, 1}, {0, 0}, {1, 1}), windows(2, 7, 5, 3, 4, {3, 3}, {1, 1}, {1, 1}, {1, 1}),
        windows(2, 9, 8, 4, 5, {3, 2}, {2, 3}, {1, 0}, {1, 1}), windows(2, 1, 9, 5, 6, {1, 3}, {1, 1}, {0, 8}, {1, 8}),
        windows(1, 6, 5, 8, 3, {2, 3}, {1, 2}, {2, 4}, {3, 2}), windows(2, 5, 6, 6, 7, {1, 1}, {2, 2}, {0, 0}, {1, 1})})
    for (bool with_plus : {false, true}) {
      const int64_t in = int64_t(w.batch) * w.height * w.width * w.channels;
      const int64_t out = int64_t(w.batch) * w.out_height * w.out_width * w.out;
      const int64_t weights = int64_t(w.out) * w.channels * w.kernel[0] * w.kernel[1];
      const Shifted x = input(in, 1), weight = input(weights), bias = input(w.out), plus = input(out), y = output(out), pre = output(out);
      test::run(mixmas_conv{x, weight, bias.when(with_plus), plus.when(with_plus), y, pre.when(with_plus), MIXMAS_RELU, w}, numerics);
      std::vector<double> p(out), z(out), dx(in), dweight(weights);
      simple::each_window(w, [&](int64_t i, int64_t o, int64_t k) { p[o] += x.before()[i] * weight.before()[k]; });
      for (int64_t i = 0; i < out; ++i) {
        if (with_plus) p[i] += bias.before()[i % w.out];
        z[i] = std::max(p[i], 0.0) + (with_plus ? plus.before()[i] : 0.0);
      }
      y.close("conv", z, tolerance);
      if (with_plus) pre.close("pre", p, tolerance);

      const Shifted dy = input(out), to = output(in), added = input(in);
      test::run(mixmas_conv_input_grad{dy, weight, added.when(with_plus), to, w}, numerics);
      simple::each_window(w, [&](int64_t i, int64_t o, int64_t k) { dx[i] += dy.before()[o] * weight.before()[k]; });
      to.close("conv_input_grad", sum(dx, added, with_plus), tolerance);

      const Shifted gradient = with_plus ? input(weights, 1) : output(weights, 1);  // plus is the gradient itself
      test::run(mixmas_conv_weight_grad{x, dy, gradient.when(with_plus), gradient, w}, numerics);
      simple::each_window(w, [&](int64_t i, int64_t o, int64_t k) { dweight[k] += x.before()[i] * dy.before()[o]; });
      gradient.close("conv_weight_grad", sum(dweight, gradient, with_plus), tolerance);
    }
}

}  // namespace

int main() {
  return test::check_main(
      {{"patches", patches}, {"depthwise", depthwise}, {"too large", too_large}, {"convolutions", convolutions}});
}
