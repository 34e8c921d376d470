// layer_norm_test.cpp: layer norm and its gradient against layer_norm_simple.h.
#include "layer_norm_simple.h"
#include "shifted.h"

namespace {

using test::input;
using test::output;
using test::Shifted;

struct Shape {
  int64_t rows, width;
};

// Around packs and warps; rows of a warp, and of a block; one slice, and several.
const Shape shapes[] = {{1, 1},   {3, 5},    {9, 4},    {17, 33},  {11, 128},
                        {5, 260}, {2, 1024}, {3, 1028}, {2, 2051}, {700, 3}};
const float eps = 1e-5f;

void forward(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (bool with_statistics : {false, true})
      for (int shift : {0, 1}) {
        const Shifted x = input(s.rows * s.width, shift), weight = input(s.width), bias = input(s.width, shift);
        const Shifted y = output(s.rows * s.width), statistics = output(2 * s.rows);
        const auto want = simple::layer_norm(x.before(), weight.before(), bias.before(), s.rows, s.width, eps);
        float *wanted = statistics.when(with_statistics);
        test::run(mixmas_layer_norm{x, weight, bias, y, wanted, s.rows, s.width, eps}, numerics);
        y.close("y", want.y, 2e-6);
        if (with_statistics) statistics.close("statistics", want.statistics, 2e-6);
      }
}

// Rows far from 0, and rows that do not vary.
void far(mixmas_numerics numerics) {
  for (int64_t width : {6, 64, 1500}) {
    const int64_t rows = 4;
    std::vector<float> values = test::narrow(input(rows * width).before());
    for (int64_t i = 0; i < rows * width; ++i) values[i] = i < width ? 1e6f : values[i] + 10000 * float(i / width);
    const Shifted x(values), weight = input(width), bias = input(width), y = output(rows * width);
    const Shifted statistics = output(2 * rows);
    const auto want = simple::layer_norm(x.before(), weight.before(), bias.before(), rows, width, eps);
    test::run(mixmas_layer_norm{x, weight, bias, y, statistics, rows, width, eps}, numerics);
    y.close("y", want.y, 1e-5);
    statistics.close("statistics", want.statistics, 1e-6);
  }
}

// The options of a gradient: what is wanted, and what it is added to.
enum { DX = 1, WEIGHT = 2, BIAS = 4, PLUS = 8, PLUS_PARAMETERS = 16, COMBINATIONS = 32 };

void gradient_of(const Shape &s, int options, int shift, mixmas_numerics numerics) {
  const int64_t n = s.rows * s.width;
  const Shifted x = input(n, shift), weight = input(s.width), bias = input(s.width), dy = input(n);
  const auto forward = simple::layer_norm(x.before(), weight.before(), bias.before(), s.rows, s.width, eps);
  const Shifted statistics(test::narrow(forward.statistics));
  const Shifted dx = output(n, shift), plus = input(n), dweight = input(s.width, 1), dbias = output(s.width);
  const Shifted plus_bias = input(s.width);
  auto want = simple::layer_norm_grad(x.before(), weight.before(), statistics.before(), dy.before(), s.rows, s.width);
  auto add = [](std::vector<double> &to, const Shifted &plus) {
    for (size_t i = 0; i < to.size(); ++i) to[i] += plus.before()[i];
  };
  if (options & PLUS) add(want.dx, plus);
  if (options & PLUS_PARAMETERS) add(want.dweight, dweight), add(want.dbias, plus_bias);
  test::run(mixmas_layer_norm_grad{x, weight, statistics, dy, dx.when(options & DX), dweight.when(options & WEIGHT),
                                    dbias.when(options & BIAS), plus.when(options & PLUS),
                                    dweight.when(options & PLUS_PARAMETERS), plus_bias.when(options & PLUS_PARAMETERS),
                                    s.rows, s.width},
             numerics);
  if (options & DX) dx.close("dx", want.dx, 3e-6, want.terms);
  if (options & WEIGHT) dweight.close("dweight", want.dweight, 3e-6);
  if (options & BIAS) dbias.close("dbias", want.dbias, 3e-6);
}

void gradient(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (int shift : {0, 1}) {
      gradient_of(s, DX | WEIGHT | BIAS, shift, numerics);
      gradient_of(s, DX | WEIGHT | BIAS | PLUS | PLUS_PARAMETERS, shift, numerics);
    }
  for (int options = 0; options < COMBINATIONS; ++options) gradient_of({13, 12}, options, 0, numerics);
}

void in_place(mixmas_numerics numerics) {
  const int64_t rows = 9;
  for (int64_t width : {40, 1024}) {  // the most: rows of one chunk
    const Shifted x = input(rows * width), weight = input(width), dy = input(rows * width);
    const auto forward = simple::layer_norm(x.before(), weight.before(), weight.before(), rows, width, eps);
    const Shifted statistics(test::narrow(forward.statistics));
    const auto want =
        simple::layer_norm_grad(x.before(), weight.before(), statistics.before(), dy.before(), rows, width);
    mixmas_layer_norm_grad op = {};
    op.x = x, op.weight = weight, op.statistics = statistics, op.dy = dy, op.dx = dy, op.rows = rows, op.width = width;
    test::run(op, numerics);
    dy.close("dx in place of dy", want.dx, 3e-6, want.terms);
  }
}

}  // namespace

int main() {
  return test::check_main({{"forward", forward}, {"far from 0", far}, {"gradient", gradient}, {"in place", in_place}});
}
