// recurrent_test.cpp: recurrent cells and their gradient against recurrent_simple.h.
#include "recurrent_simple.h"
#include "shifted.h"

namespace {

using test::input;
using test::output;
using test::Shifted;

struct Shape {
  int64_t batch, steps, width;
};

// Around warps; wide enough that the gradient's sums do not all have room; one sample, one step.
const Shape shapes[] = {{1, 1, 1}, {3, 4, 5}, {2, 3, 32}, {1, 5, 33}, {2, 2, 70}};
const Shape wide = {1, 2, 1900};

void check(const Shape &s, bool lstm, bool reverse, bool with_mask) {
  const int64_t gates = (lstm ? 4 : 3) * s.width, n = s.batch * s.steps * s.width;
  const int64_t all = s.batch * s.steps * gates;
  const float scale = 1 / std::sqrt(float(s.width));
  const Shifted x = input(all), weight = input(gates * s.width, 1, scale), bias = input(gates), dy = input(n);
  std::vector<float> steps(s.batch * s.steps);
  for (float &v : steps) v = float(test::below(3) - 1) * 0.5f;
  const Shifted mask(steps);
  simple::Recurrent want{s.batch, s.steps, s.width, lstm, reverse, weight.before(), bias.before(), {}, {}, {}, {}};
  if (with_mask) want.mask = mask.before();
  const auto y = want.forward(x.before());
  simple::Values dx, dhidden;
  want.gradient(dy.before(), dx, dhidden);

  const Shifted got_y = output(n), kept = output(4 * n), before = output(n), cell = output(n), alone = output(n);
  test::run(mixmas_recurrent{x, weight, bias, mask.when(with_mask), got_y, kept, before, cell.when(lstm), s.batch, s.steps,
                             s.width, lstm, reverse},
            MIXMAS_FP32);
  got_y.close("y", y, 1e-5);
  kept.close("kept", want.kept, 1e-5);
  before.close("before", want.before, 1e-5);
  if (lstm) cell.close("cell_before", want.cell_before, 1e-5);
  test::run(mixmas_recurrent{x, weight, bias, mask.when(with_mask), alone, nullptr, nullptr, nullptr, s.batch, s.steps, s.width,
                             lstm, reverse},
            MIXMAS_FP32);
  alone.close("y alone", y, 1e-5);

  const Shifted gate(test::narrow(want.kept)), state(test::narrow(want.before)), cells(test::narrow(want.cell_before));
  const Shifted got_dx = output(all), got_dhidden = output(all);
  test::run(mixmas_recurrent_grad{weight, mask.when(with_mask), dy, gate, state.when(!lstm), cells.when(lstm), got_dx,
                                  got_dhidden.when(!lstm), s.batch, s.steps, s.width, lstm, reverse},
            MIXMAS_FP32);
  got_dx.close("dx", dx, 1e-5, 1);
  if (!lstm) got_dhidden.close("dhidden", dhidden, 1e-5, 1);
}

void cells(mixmas_numerics numerics) {
  if (numerics != MIXMAS_FP32) return;  // all numerics have the same kernels
  for (const Shape &s : shapes)
    for (bool lstm : {false, true})
      for (bool reverse : {false, true})
        for (bool mask : {false, true}) check(s, lstm, reverse, mask);
  check(wide, true, false, false);
}

// A state that no block holds is refused.
void too_wide(mixmas_numerics numerics) {
  mixmas_recurrent op = {};
  op.batch = op.steps = 1, op.width = 10000;
  const mixmas::Context context = {nullptr, numerics, nullptr, nullptr};
  if (mixmas::run(context, op) != cudaErrorInvalidValue) test::fail("a width of 10000 is not refused");
}

}  // namespace

int main() { return test::check_main({{"cells", cells}, {"too wide", too_wide}}); }
