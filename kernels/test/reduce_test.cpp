// reduce_test.cpp: sums and maxima of the middle axis, and the gradient of maxima, against reduce_simple.h.
#include "reduce_simple.h"
#include "shifted.h"

namespace {

using test::input;
using test::output;
using test::Shifted;

struct Shape {
  int64_t outer, axis, inner;
};

// Rows, columns and both, around packs, warps and blocks; the last ones are cut into slices.
const Shape shapes[] = {{1, 1, 1},   {3, 7, 1},    {5, 64, 1},   {33, 12, 1},  {2, 1000, 1}, {1, 9, 3},   {4, 5, 4},
                        {3, 17, 6},  {2, 33, 40},  {2, 3, 129},  {7, 2, 512},  {600, 3, 2},  {2, 40, 16}, {1, 9000, 1},
                        {1, 9001, 1}, {1, 700, 64}, {1, 300, 150}, {3, 400, 33}};

void sums(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (bool with_plus : {false, true})
      for (int shift : {0, 1}) {
        const Shifted x = input(s.outer * s.axis * s.inner, shift), y = output(s.outer * s.inner);
        const Shifted plus = input(s.outer * s.inner);
        const float scale = 0.25f;
        std::vector<double> want = simple::reduce(x.before(), s.outer, s.axis, s.inner).sum;
        for (size_t i = 0; i < want.size(); ++i) want[i] = want[i] * scale + (with_plus ? plus.before()[i] : 0);
        float *target = with_plus && shift ? plus : y;  // y may be plus
        test::run(mixmas_reduce{x, plus.when(with_plus), target, nullptr, s.outer, s.axis, s.inner, scale, MIXMAS_SUM},
                   numerics);
        (target == plus ? plus : y).close("sum", want, 1e-5);
      }
}

// A sum of terms that cancel but for a millionth of their magnitude.
void cancelling(mixmas_numerics numerics) {
  const int64_t n = 20000;
  std::vector<float> values(n);
  for (int64_t i = 0; i < n; ++i) values[i] = (i % 2 ? -1.0f : 1.0f) * float(1000 + i / 2 % 100);
  values[n - 1] += 1;
  const Shifted x(values), y = output(1);
  test::run(mixmas_reduce{x, nullptr, y, nullptr, 1, n, 1, 1, MIXMAS_SUM}, numerics);
  y.close("sum", {1}, 1e-6);
}

void maxima(mixmas_numerics numerics) {
  for (const Shape &s : shapes) {
    // Whole numbers, so that there are ties.
    std::vector<float> values = test::narrow(input(s.outer * s.axis * s.inner, 0, 3).before());
    for (float &v : values) v = std::round(v);
    const Shifted x(values, 1), y = output(s.outer * s.inner), index = output(s.outer * s.inner);
    const simple::Reduced want = simple::reduce(x.before(), s.outer, s.axis, s.inner);
    test::run(mixmas_reduce{x, nullptr, y, index, s.outer, s.axis, s.inner, 1, MIXMAS_MAX}, numerics);
    y.close("max", want.largest, 0);
    index.close("index", want.index, 0);
  }
}

// What is not a number counts as the largest wherever it stands, as on the CPU.
void odd_maxima(mixmas_numerics numerics) {
  const float inf = INFINITY;
  const Shifted x(std::vector<float>{1, NAN, -inf, NAN,  //
                                     NAN, 5, -inf, NAN,  //
                                     3, 7, -inf, -inf});
  const Shifted y = output(4), index = output(4);
  test::run(mixmas_reduce{x, nullptr, y, index, 1, 3, 4, 1, MIXMAS_MAX}, numerics);
  const std::vector<float> largest = y.after();
  if (!std::isnan(largest[0]) || !std::isnan(largest[1]) || largest[2] != -inf || !std::isnan(largest[3]))
    test::fail("largest %g %g %g %g", largest[0], largest[1], largest[2], largest[3]);
  index.close("index", {1, 0, 0, 1}, 0);
}

void max_grad(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (int shift : {0, 1}) {
      const Shifted dy = input(s.outer * s.inner, shift), dx = output(s.outer * s.axis * s.inner);
      std::vector<float> places;
      for (int64_t i = 0; i < s.outer * s.inner; ++i) places.push_back(float(test::below(int(s.axis)) - 1));
      const Shifted index(places);
      std::vector<double> want(s.outer * s.axis * s.inner);
      for (int64_t i = 0; i < s.outer * s.inner; ++i)
        want[(i / s.inner * s.axis + int64_t(places[i])) * s.inner + i % s.inner] = dy.before()[i];
      test::run(mixmas_max_grad{dy, index, dx, s.outer, s.axis, s.inner}, numerics);
      dx.close("dx", want, 0);
    }
}

}  // namespace

int main() {
  return test::check_main({{"sums", sums},
                            {"cancelling", cancelling},
                            {"maxima", maxima},
                            {"odd maxima", odd_maxima},
                            {"max_grad", max_grad}});
}
