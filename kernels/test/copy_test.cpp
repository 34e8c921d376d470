// copy_test.cpp: strided copies against copy_simple.h, and the index arithmetic that they and others use.
#include <algorithm>
#include <numeric>

#include "copy_simple.h"
#include "shifted.h"
#include "strided.cuh"

namespace {

using test::Shifted;

// The options of a copy.
enum { ACCUMULATE = 1, SCALED = 2, GAPS = 4, CONSTANT = 8, PERMUTED = 16, SHIFTED = 32, COMBINATIONS = 64 };

void copy_of(const std::vector<int64_t> &shape, int options, mixmas_numerics numerics) {
  mixmas_copy op = {};
  op.rank = int(shape.size());
  op.accumulate = (options & ACCUMULATE) != 0;
  op.scale = options & SCALED ? -0.75f : 1;
  std::vector<int> order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  if (options & PERMUTED) std::shuffle(order.begin(), order.end(), test::generator);
  // Both may have gaps behind their innermost dimension; the source is permuted and has constant dimensions.
  const int64_t target_gap = options & GAPS ? test::below(4) : 0, source_gap = options & GAPS ? test::below(4) : 0;
  int64_t source_size = 1, target_size = 1;
  for (int d = op.rank - 1; d >= 0; --d) {
    op.shape[d] = shape[d];
    op.target_strides[d] = target_size;
    target_size *= shape[d] + (d == op.rank - 1 ? target_gap : 0);
  }
  for (int i = op.rank - 1; i >= 0; --i) {
    const int d = order[i];
    if (options & CONSTANT && d % 2 == 0) continue;
    op.source_strides[d] = source_size;
    source_size *= shape[d] + (i == op.rank - 1 ? source_gap : 0);
  }
  const int shift = options & SHIFTED ? 1 : 0;
  const Shifted source = test::input(source_size, shift), target = test::input(target_size);
  op.source = source, op.target = target;
  std::vector<double> want = target.before();
  simple::copy(op, source.before(), want);
  test::run(op, numerics);
  target.close("target", want, 1e-6);
}

void copies(mixmas_numerics numerics) {
  for (int options = 0; options < 3 * COMBINATIONS; ++options) {
    std::vector<int64_t> shape(test::below(5));
    for (int64_t &d : shape) d = test::below(6);
    if (options % 2) shape.back() *= 4;
    copy_of(shape, options, numerics);
  }
  for (int options : {0, ACCUMULATE | SCALED}) {
    copy_of({}, options, numerics);
    copy_of({1030}, options, numerics);
    copy_of({2, 513}, options | GAPS, numerics);
  }
}

// Transposed matrices around the sides of a tile, with another dimension outside, between and inside of the source's.
void transposes(mixmas_numerics numerics) {
  for (int64_t rows : {7, 8, 31, 33})
    for (int64_t columns : {8, 32, 65})
      for (int outside = 0; outside < 3; ++outside) {
        mixmas_copy op = {};
        op.rank = 3;
        op.scale = 0.5f;
        op.accumulate = outside == 1;
        const int64_t count[3] = {2, rows, columns};  // of the target, which is contiguous
        const int64_t order[3][3] = {{0, 2, 1}, {2, 0, 1}, {2, 1, 0}};
        int64_t size = 1;
        for (int i = 2; i >= 0; --i) {
          const int64_t d = order[outside][i];
          op.source_strides[d] = size;
          size *= count[d];
        }
        std::copy(count, count + 3, op.shape);
        op.target_strides[0] = rows * columns, op.target_strides[1] = columns, op.target_strides[2] = 1;
        const Shifted source = test::input(size, outside), target = test::input(size);
        op.source = source, op.target = target;
        std::vector<double> want = target.before();
        simple::copy(op, source.before(), want);
        test::run(op, numerics);
        target.close("target", want, 1e-6);
      }
}

void backwards(mixmas_numerics numerics) {
  const Shifted source = test::input(35), target = test::output(35);
  mixmas_copy op = {};
  op.source = source + 34, op.target = target;
  op.rank = 2;
  op.scale = 1;
  op.shape[0] = 5, op.shape[1] = 7;
  op.source_strides[0] = -7, op.source_strides[1] = -1;
  op.target_strides[0] = 7, op.target_strides[1] = 1;
  std::vector<double> want = source.before();
  std::reverse(want.begin(), want.end());
  test::run(op, numerics);
  target.close("target", want, 0);
}

// arithmetic tests what is too large to copy in a test: parts of a shape, and divisions.
void arithmetic(mixmas_numerics) {
  mixmas::Axes<2> axes;
  axes.append(3, {1, 700});
  axes.append(1, {9, 9});
  axes.append(5, {-3, 70});
  axes.append(2, {280, 35});
  if (axes.rank != 3) test::fail("3 axes are %d", axes.rank);
  axes.append(7, {40, 5});
  if (axes.rank != 3 || axes.count[2] != 7 * 2 || axes.size() != 3 * 5 * 14)
    test::fail("an axis of 2 that runs on with 7 steps has %d steps", int(axes.count[2]));
  auto elements = [](const mixmas::Axes<2> &part, const int64_t(&begin)[2]) {
    std::vector<std::pair<int64_t, int64_t>> list;
    const mixmas::Strided<2> strided(part);
    for (int64_t i = 0; i < part.size(); ++i) {
      int64_t at[2];
      strided.offsets(uint32_t(i), at);
      list.push_back({begin[0] + at[0], begin[1] + at[1]});
    }
    return list;
  };
  auto whole = elements(axes, {5, 6});
  decltype(whole) parts;
  test::must(mixmas::in_parts(axes, {5, 6}, 10, [&](const mixmas::Axes<2> &part, const int64_t(&at)[2]) {
    if (part.size() > 10) test::fail("a part of %d elements", int(part.size()));
    for (auto element : elements(part, at)) parts.push_back(element);
    return cudaSuccess;
  }));
  std::sort(whole.begin(), whole.end());
  std::sort(parts.begin(), parts.end());
  if (whole != parts) test::fail("the parts do not make up the whole");

  for (int64_t d : {1, 2, 3, 5, 7, 10, 641, 1 << 16, 65537, 1 << 30, 2147483629, 2147483647})
    for (int trial = 0; trial < 1000; ++trial) {
      // Anything, multiples of the divisor, and the largest number.
      const uint32_t largest = ~0u >> 1, multiple = uint32_t(d * (trial - 500)) & largest;
      const uint32_t n = trial < 500 ? test::generator() >> 1 : trial < 999 ? multiple : largest;
      uint32_t remainder;
      if (mixmas::Divider(d).divide(n, remainder) != n / d || remainder != n % d) test::fail("%u / %d", n, int(d));
    }
}

}  // namespace

int main() {
  return test::check_main(
      {{"copies", copies}, {"transposes", transposes}, {"backwards", backwards}, {"arithmetic", arithmetic}});
}
