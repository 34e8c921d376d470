// Tests of channel_mlp_grad.cu against channel_mixing_simple.h.
#include "channel_mixing_simple.h"
#include "check.h"
#include "operands.h"

namespace {

using namespace operands;
using test::Array;

void channel_mlp_grad(mixmas_numerics numerics, int64_t rows, int64_t width, int64_t hidden, Kept kept, Added added,
                      unsigned wanted = 31, Place place = aligned) {
  const Array normed = test::random(rows * width), dy = test::random(rows * width);
  const Parameter w1(hidden * width, 1 / std::sqrt(float(width)), place), b1(hidden, 0.5f, place);
  const Parameter w2(width * hidden, 1 / std::sqrt(float(hidden)), place);
  const std::vector<double> pre_values = [&] {
    auto values = simple::product(normed.before(), false, w1.before(), true, rows, hidden, width);
    for (int64_t i = 0; i < rows * hidden; ++i) values[i] += b1.before()[i % hidden];
    return values;
  }();
  std::vector<float> kept_pre(pre_values.begin(), pre_values.end()), kept_hidden;
  for (double p : pre_values) kept_hidden.push_back(float(simple::gelu(p)));
  const Array pre(kept_pre), values(kept_hidden);

  const MlpGradients gradients(rows * width, hidden, width, place, added, wanted);
  mixmas_channel_mlp_grad op = {};
  op.normed = normed, op.w1 = w1, op.b1 = b1, op.w2 = w2, op.dy = dy;
  op.rows = rows, op.width = width, op.hidden = hidden;
  if (kept == pre_only || kept == both) op.pre = pre;
  if (kept == hidden_only || kept == both) op.hidden_values = values;
  gradients.target(&op);
  test::run(op, numerics);

  const simple::ChannelMlpGrad want(normed.before(), w1.before(), b1.before(), w2.before(), dy.before(), rows, width,
                                    hidden);
  gradients.close(want, 3 * test::roundoff(numerics) + 3e-6);
}

int64_t widest(mixmas_numerics numerics) { return mixmas_kernel_limits(numerics).channel_mlp_width; }

}  // namespace

int main() {
  return test::check_main({
      {"width 64, two splits of the rows", [](auto n) { channel_mlp_grad(n, 130, 64, 64, nothing, itself); }},
      {"pre kept", [](auto n) { channel_mlp_grad(n, 70, 64, 96, both, other); }},
      {"the widest kernel", [](auto n) { channel_mlp_grad(n, 40, widest(n), 130, nothing, none); }},
      {"one wider, composed", [](auto n) { channel_mlp_grad(n, 20, widest(n) + 1, 33, both, none); }},
      {"odd sizes", [](auto n) { channel_mlp_grad(n, 161, 37, 67, pre_only, itself); }},
      {"parameters off alignment", [](auto n) { channel_mlp_grad(n, 33, 64, 40, hidden_only, other, 31, offset); }},
      {"one row", [](auto n) { channel_mlp_grad(n, 1, 100, 3, nothing, none); }},
      {"only dW1", [](auto n) { channel_mlp_grad(n, 130, 64, 9, nothing, other, 2); }},
      {"only dnormed", [](auto n) { channel_mlp_grad(n, 20, 64, 9, pre_only, none, 1); }},
      {"only db2", [](auto n) { channel_mlp_grad(n, 20, 64, 9, nothing, none, 16); }},
      {"width 150, composed", [](auto n) { channel_mlp_grad(n, 21, 150, 33, nothing, itself); }},
      {"width 150, pre kept", [](auto n) { channel_mlp_grad(n, 21, 150, 33, pre_only, other, 31, offset); }},
      {"width 150, hidden values kept", [](auto n) { channel_mlp_grad(n, 21, 150, 33, hidden_only, none); }},
      {"width 150, both kept", [](auto n) { channel_mlp_grad(n, 21, 150, 33, both, none); }},
      {"width 150, only dW2", [](auto n) { channel_mlp_grad(n, 21, 150, 33, nothing, none, 8); }},
      {"width 150, only db1 and db2", [](auto n) { channel_mlp_grad(n, 21, 150, 33, nothing, none, 20); }},
  });
}
