// batch_norm_test.cpp: batch norm and its gradient against batch_norm_simple.h.
#include "batch_norm_simple.h"
#include "shifted.h"

namespace {

using test::input;
using test::output;
using test::Shifted;
using simple::Shape;

// Channels last and not, around a tile of 32; one slice, and several.
const Shape shapes[] = {{2, 1, 1},   {5, 3, 1}, {40, 32, 1},  {300, 33, 1},
                        {150, 70, 1}, {2, 3, 4}, {3, 2, 700}, {1, 5, 9}};
const float eps = 1e-5f, momentum = 0.1f;

std::vector<float> variances(int64_t n) {
  std::vector<float> values = test::narrow(input(n).before());
  for (float &v : values) v = v * v + 0.1f;
  return values;
}

void forward_of(const Shape &s, const Shifted &x, bool train, bool with_statistics, mixmas_numerics numerics) {
  const Shifted weight = input(s.channels), bias = input(s.channels), y = output(s.size());
  const Shifted mean = input(s.channels, 1), variance(variances(s.channels)), statistics = output(2 * s.channels);
  const auto want = simple::batch_norm(x.before(), weight.before(), bias.before(), mean.before(), variance.before(), s,
                                       eps, momentum, train);
  test::run(mixmas_batch_norm{x, weight, bias, y, statistics.when(with_statistics), mean, variance, s.outer,
                               s.channels, s.inner, eps, momentum, train},
             numerics);
  y.close("y", want.y, 2e-6);
  if (with_statistics) statistics.close("statistics", want.statistics, 1e-6);
  mean.close("running mean", want.running_mean, 1e-6);
  variance.close("running variance", want.running_variance, 1e-6);
}

void forward(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (bool train : {false, true})
      for (bool with_statistics : {false, true}) forward_of(s, input(s.size()), train, with_statistics, numerics);
}

// Channels far from 0; the first does not vary, and the first element of the second is far from the others.
void far(mixmas_numerics numerics) {
  for (const Shape &s : {Shape{100, 4, 1}, Shape{3, 4, 30}}) {
    std::vector<float> values = test::narrow(input(s.size()).before());
    for (int64_t c = 0; c < s.channels; ++c)
      for (int64_t i : s.elements(c)) values[i] = c == 0 ? 1e6f : values[i] + 4096 * float(c - 1);
    values[s.inner] = 1000;
    const Shifted x(values);
    const Shifted weight = input(s.channels), bias = input(s.channels), y = output(s.size());
    const Shifted mean = input(s.channels), variance(variances(s.channels)), statistics = output(2 * s.channels);
    const auto want = simple::batch_norm(x.before(), weight.before(), bias.before(), mean.before(), variance.before(),
                                         s, eps, momentum, true);
    test::run(mixmas_batch_norm{x, weight, bias, y, statistics, mean, variance, s.outer, s.channels, s.inner, eps,
                                 momentum, true},
               numerics);
    // The mean is rounded to float32, which is what an error of half a unit in 8192 is to deviations of about 1.
    y.close("y", want.y, 4096 * std::ldexp(1, -23));
    for (int64_t c = 0; c < s.channels; ++c) {
      const double rstd = want.statistics[s.channels + c], off = statistics.after()[s.channels + c] / rstd - 1;
      if (!(std::fabs(off) < 1e-6)) test::fail("1/deviation of channel %d is off by %g of it", int(c), off);
    }
    variance.close("running variance", want.running_variance, 1e-6);
  }
}

// The options of a gradient: what is wanted, and what it is added to.
enum { DX = 1, WEIGHT = 2, BIAS = 4, PLUS = 8, PLUS_PARAMETERS = 16, TRAIN = 32, COMBINATIONS = 64 };

void gradient_of(const Shape &s, int options, mixmas_numerics numerics) {
  const int64_t n = s.size();
  const Shifted x = input(n), weight = input(s.channels), dy = input(n);
  const auto w = weight.before();
  const auto forward = simple::batch_norm(x.before(), w, w, w, w, s, eps, momentum, true);
  const Shifted statistics(test::narrow(forward.statistics));
  const Shifted dx = output(n), plus = input(n), dweight = input(s.channels), dbias = output(s.channels);
  const Shifted plus_bias = input(s.channels);
  auto want = simple::batch_norm_grad(x.before(), w, statistics.before(), dy.before(), s, options & TRAIN);
  auto add = [](std::vector<double> &to, const Shifted &plus) {
    for (size_t i = 0; i < to.size(); ++i) to[i] += plus.before()[i];
  };
  if (options & PLUS) add(want.dx, plus);
  if (options & PLUS_PARAMETERS) add(want.dweight, dweight), add(want.dbias, plus_bias);
  test::run(mixmas_batch_norm_grad{x, weight, statistics, dy, dx.when(options & DX), dweight.when(options & WEIGHT),
                                    dbias.when(options & BIAS), plus.when(options & PLUS),
                                    dweight.when(options & PLUS_PARAMETERS), plus_bias.when(options & PLUS_PARAMETERS),
                                    s.outer, s.channels, s.inner, (options & TRAIN) != 0},
             numerics);
  if (options & DX) dx.close("dx", want.dx, 1e-5);
  if (options & WEIGHT) dweight.close("dweight", want.dweight, 3e-6);
  if (options & BIAS) dbias.close("dbias", want.dbias, 3e-6);
}

void gradient(mixmas_numerics numerics) {
  for (const Shape &s : shapes)
    for (int options : {0, PLUS | PLUS_PARAMETERS}) gradient_of(s, DX | WEIGHT | BIAS | TRAIN | options, numerics);
  for (int options = 0; options < COMBINATIONS; ++options) gradient_of({9, 5, 1}, options, numerics);
}

}  // namespace

int main() { return test::check_main({{"forward", forward}, {"far from 0", far}, {"gradient", gradient}}); }
