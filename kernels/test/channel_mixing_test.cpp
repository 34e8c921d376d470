// Tests of channel_mixing.cu against channel_mixing_simple.h.
#include "channel_mixing_simple.h"
#include "check.h"
#include "operands.h"

namespace {

using operands::aligned;
using operands::offset;
using operands::Parameter;

enum Kept { nothing, everything };

void channel_mixing(mixmas_numerics numerics, int64_t rows, int64_t width, int64_t hidden, Kept kept,
                    operands::Place place = aligned) {
  using test::Array;
  const Array x = test::random(rows * width, 2);
  const Array norm_weight = test::random(width), norm_bias = test::random(width, 0.5f);
  const Parameter w1(hidden * width, 1 / std::sqrt(float(width)), place), b1(hidden, 0.5f, place);
  const Parameter w2(width * hidden, 1 / std::sqrt(float(hidden)), place), b2(width, 0.5f, place);
  const Array y(rows * width), normed(rows * width), statistics(2 * rows), pre(rows * hidden), values(rows * hidden);

  mixmas_channel_mixing op = {};
  op.x = x, op.norm_weight = norm_weight, op.norm_bias = norm_bias, op.w1 = w1, op.b1 = b1, op.w2 = w2, op.b2 = b2;
  op.y = y, op.rows = rows, op.width = width, op.hidden = hidden, op.eps = 1e-5f;
  if (kept == everything) op.normed = normed, op.statistics = statistics, op.pre = pre, op.hidden_values = values;
  test::run(op, numerics);

  const simple::ChannelMixing want(x.before(), norm_weight.before(), norm_bias.before(), w1.before(), b1.before(),
                                   w2.before(), b2.before(), rows, width, hidden, op.eps);
  // Roundings are random and add up like random steps, to about one roundoff of the largest element.
  const double tolerance = 2 * test::roundoff(numerics) + 2e-6;
  test::close("y", y, want.y, tolerance);
  if (kept == nothing) return;
  test::close("normed", normed, want.normed.y, 2e-6);
  test::close("statistics", statistics, want.normed.statistics, 2e-6);
  test::close("pre", pre, want.pre, tolerance);
  test::close("hidden values", values, want.hidden, tolerance);
}

}  // namespace

int main() {
  return test::check_main({
      {"width 64, as in MIMIC-III", [](auto n) { channel_mixing(n, 70, 64, 64, everything); }},
      {"width 128, slices of hidden units", [](auto n) { channel_mixing(n, 33, 128, 320, everything); }},
      {"nothing kept", [](auto n) { channel_mixing(n, 16, 128, 64, nothing); }},
      {"two warps, hidden units off a multiple of 4", [](auto n) { channel_mixing(n, 270, 64, 262, nothing); }},
      {"width 256", [](auto n) { channel_mixing(n, 20, 256, 40, everything); }},
      {"odd width and hidden units", [](auto n) { channel_mixing(n, 9, 37, 261, everything); }},
      {"parameters off alignment", [](auto n) { channel_mixing(n, 5, 64, 48, everything, offset); }},
      {"one row", [](auto n) { channel_mixing(n, 1, 100, 3, everything); }},
      {"width 300, composed", [](auto n) { channel_mixing(n, 7, 300, 65, everything); }},
      {"width 300, nothing kept", [](auto n) { channel_mixing(n, 7, 300, 65, nothing, offset); }},
  });
}
