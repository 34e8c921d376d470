// elementwise_test.cpp: fill, map, map_grad, dropout and binary against elementwise_simple.h.
#include <numeric>

#include "elementwise_simple.h"
#include "shifted.h"

namespace {

using test::input;
using test::output;
using test::Shifted;

// Sizes around a pack and around a block.
const int64_t sizes[] = {1, 3, 4, 5, 127, 1023, 1024, 1030};
const double tolerance = 1e-5;  // gelu' may cancel where a single element is all there is

void fill(mixmas_numerics numerics) {
  for (int64_t n : sizes)
    for (int shift : {0, 1}) {
      const Shifted y = output(n, shift);
      test::run(mixmas_fill{y, n, 2.5f}, numerics);
      y.close("y", std::vector<double>(n, 2.5), 0);
    }
}

void map(mixmas_numerics numerics) {
  for (int64_t n : sizes)
    for (int activation = MIXMAS_IDENTITY; activation <= MIXMAS_SILU; ++activation)
      for (int shift : {0, 3}) {
        const Shifted x = input(n, shift, 2), y = output(n);
        std::vector<double> want;
        for (double v : x.before()) want.push_back(simple::activate(activation, v));
        test::run(mixmas_map{x, y, n, activation}, numerics);
        y.close("y", want, tolerance);
        test::run(mixmas_map{x, x, n, activation}, numerics);
        x.close("y in place of x", want, tolerance);
      }
}

void map_grad(mixmas_numerics numerics) {
  for (int64_t n : sizes)
    for (int activation = MIXMAS_IDENTITY; activation <= MIXMAS_SILU; ++activation)
      for (bool with_plus : {false, true}) {
        const int shift = int(n) % 3;
        const Shifted x = input(n, 0, 2), dy = input(n, shift), plus = input(n), dx = output(n);
        std::vector<double> want;
        for (int64_t i = 0; i < n; ++i)
          want.push_back(dy.before()[i] * simple::activate_grad(activation, x.before()[i]) +
                         (with_plus ? plus.before()[i] : 0));
        test::run(mixmas_map_grad{x, dy, plus.when(with_plus), dx, n, activation}, numerics);
        dx.close("dx", want, tolerance);
        test::run(mixmas_map_grad{x, dy, plus.when(with_plus), with_plus ? plus : dy, n, activation}, numerics);
        (with_plus ? plus : dy).close("dx in place of plus or dy", want, tolerance);
      }
}

void dropout(mixmas_numerics numerics) {
  // From the authors' library Random123, as in Go package nn/philox.
  const uint32_t ones = 0xffffffff;
  if (simple::philox_words({ones, ones, ones, ones}, {ones, ones}) !=
      std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd})
    test::fail("the simple version is not Philox");

  const mixmas_step step = {0.01, 0x123456789abcdef0ull, 1, 7};
  for (int64_t n : sizes)
    for (int shift : {0, 2}) {
      const Shifted x = input(n, shift), y = output(n);
      const mixmas_dropout op = {x, y, n, uint32_t(0.3 * 4294967296.0), 5, float(1 / 0.7)};
      std::vector<double> want;
      for (int64_t i = 0; i < n; ++i) want.push_back(simple::dropped(i, op, step) ? 0 : x.before()[i] * op.scale);
      test::run(op, numerics, step);
      y.close("y", want, tolerance);
      for (int64_t i = 0; i < n; ++i)
        if ((y.after()[i] == 0) != simple::dropped(i, op, step)) test::fail("element %d of %d", int(i), int(n));
    }
}

// Operand is a broadcast or permuted operand of a shape, with a gap behind its innermost dimension.
struct Operand {
  std::vector<int64_t> strides;
  int64_t size;

  Operand(const std::vector<int64_t> &shape, unsigned constant, bool permuted, int gap = 0)
      : strides(shape.size()), size(1) {
    std::vector<int> order(shape.size());
    std::iota(order.begin(), order.end(), 0);
    if (permuted) std::shuffle(order.begin(), order.end(), test::generator);
    for (int i = int(shape.size()) - 1; i >= 0; --i) {
      const int d = order[i];
      if (constant >> d & 1) continue;
      strides[d] = size;
      size *= shape[d] + (i + 1 == int(shape.size()) ? gap : 0);
    }
  }
};

void binary_of(const std::vector<int64_t> &shape, const Operand &a_layout, const Operand &b_layout, int arithmetic,
               bool with_plus, int shift, mixmas_numerics numerics) {
  mixmas_binary op = {};
  int64_t n = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    op.shape[d] = shape[d];
    op.strides_a[d] = a_layout.strides[d];
    op.strides_b[d] = b_layout.strides[d];
    n *= shape[d];
  }
  op.rank = int(shape.size());
  op.arithmetic = arithmetic;
  const Shifted a = input(a_layout.size, shift), y = output(n), plus = input(n);
  std::vector<double> divisors = input(b_layout.size).before();
  for (double &v : divisors) v += v < 0 ? -0.5 : 0.5;  // away from 0
  const Shifted b(test::narrow(divisors));
  op.a = a, op.b = b, op.y = y, op.plus = plus.when(with_plus);
  std::vector<double> want;
  for (int64_t i = 0; i < n; ++i) {
    int64_t rest = i, at_a = 0, at_b = 0;
    for (int d = op.rank - 1; d >= 0; --d) {
      at_a += rest % shape[d] * op.strides_a[d];
      at_b += rest % shape[d] * op.strides_b[d];
      rest /= shape[d];
    }
    want.push_back(simple::combine(arithmetic, a.before()[at_a], b.before()[at_b]));
    if (with_plus) want.back() += plus.before()[i];
  }
  test::run(op, numerics);
  y.close("y", want, tolerance);
}

void binary(mixmas_numerics numerics) {
  for (int trial = 0; trial < 150; ++trial) {
    std::vector<int64_t> shape(test::below(4));
    for (int64_t &d : shape) d = test::below(7);
    if (trial % 2) shape.back() *= 4;
    const unsigned constant_a = trial % 3 ? 0 : test::generator(), constant_b = test::generator();
    const int gap = trial % 11 == 0 ? test::below(4) : 0;
    const Operand a(shape, constant_a, trial % 5 == 0, gap), b(shape, constant_b, trial % 7 == 0);
    binary_of(shape, a, b, trial % 3, trial % 4 < 2, trial % 8 == 7, numerics);
  }
  // A scalar of rank 0, a bias of rows, and a row that is no whole number of packs.
  binary_of({}, Operand({}, 0, false), Operand({}, 0, false), MIXMAS_MUL, true, 0, numerics);
  binary_of({5, 64}, Operand({5, 64}, 0, false), Operand({5, 64}, 1, false), MIXMAS_ADD, false, 0, numerics);
  binary_of({1031}, Operand({1031}, 0, false), Operand({1031}, 1, false), MIXMAS_MUL, true, 0, numerics);
}

}  // namespace

int main() {
  return test::check_main(
      {{"fill", fill}, {"map", map}, {"map_grad", map_grad}, {"dropout", dropout}, {"binary", binary}});
}
